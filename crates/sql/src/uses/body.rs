//! Texts within texts: the whole, bodies of routines in dollar quotes, dynamic SQL in literals.

use super::state::{Level, Walk};
use super::{Uses, tokens, walk};
use crate::Dialect;
use crate::lexer::{Lexer, TokenKind};

/// Deeper than any code nests its quotes.
const DEPTH_LIMIT: usize = 8;

/// Where a text stands in the whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its first byte there.
    pub(super) base: usize,
    pub(super) depth: usize,
    /// The definition that it is the body of.
    pub(super) container: Option<usize>,
}

/// Reads one text on its own.
pub(super) fn read(dialect: Dialect, text: &str, place: Place, out: &mut Uses) {
    if place.depth > DEPTH_LIMIT {
        return;
    }
    let tokens = tokens(dialect, text);
    let closes = closes(&tokens, out);
    let statement = out.tables.last().map_or(0, |table| table.statement);
    let mut walk = Walk {
        dialect,
        text,
        tokens: &tokens,
        closes,
        place,
        out,
        temporary: Vec::new(),
        within: None,
        statement,
        container: None,
    };
    let mut level = Level::new(0, tokens.len(), None);
    walk::level(&mut walk, &mut level, 0);
}

/// The body or the dynamic SQL that the literal at `at` holds, if it looks like any.
pub(super) fn literal(walk: &mut Walk, at: usize) {
    let Some(seen) = walk.token(at) else { return };
    if seen.token.kind != TokenKind::Text {
        return;
    }
    let written = seen.written;
    let Some((start, end)) = inside(written) else {
        return;
    };
    let inner = &written[start..end];
    // Doubled quotes only ever stand in literals: read as they are, they are empty literals.
    if !holds_statement(walk.dialect, inner) {
        return;
    }
    let place = Place {
        base: walk.place.base + seen.token.start + start,
        depth: walk.place.depth + 1,
        container: walk.container.or(walk.place.container),
    };
    let first = walk.out.tables.len();
    read(walk.dialect, inner, place, walk.out);
    for table in &mut walk.out.tables[first..] {
        table.statement = walk.statement;
    }
}

/// The bytes within the quotes: `'…'`, `N'…'`, `$tag$…$tag$`.
fn inside(written: &str) -> Option<(usize, usize)> {
    if let Some(tag) = written.strip_prefix('$') {
        let open = tag.find('$')? + 2;
        // The closing tag is as long as the opening one.
        return Some((open, written.len().checked_sub(open)?.max(open)));
    }
    let open = written.find(['\'', '"'])? + 1;
    Some((open, written.len().checked_sub(1)?.max(open)))
}

fn holds_statement(dialect: Dialect, text: &str) -> bool {
    Lexer::new(dialect, text)
        .filter(|token| !token.is_trivia())
        .take(400)
        .any(|token| {
            token.kind == TokenKind::Word
                && [
                    "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "ALTER",
                    "DROP", "PERFORM", "COPY", "LOCK",
                ]
                .iter()
                .any(|word| token.text(text).eq_ignore_ascii_case(word))
        })
}

/// For each `(` its `)`, or the end of the text.
fn closes(tokens: &[crate::seen::Seen], out: &mut Uses) -> Vec<usize> {
    let mut closes = vec![tokens.len(); tokens.len()];
    let mut open = Vec::new();
    for (i, seen) in tokens.iter().enumerate() {
        if seen.is_symbol("(") {
            open.push(i);
        } else if seen.is_symbol(")") {
            match open.pop() {
                Some(at) => closes[at] = i,
                None => out.recovered = true,
            }
        } else if matches!(seen.token.kind, TokenKind::Open(_)) {
            out.recovered = true;
        }
    }
    out.recovered |= !open.is_empty();
    closes
}
