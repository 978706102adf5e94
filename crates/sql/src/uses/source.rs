//! What stands in FROM, JOIN, USING and behind their commas.
//!
//! Owns one element of such a list: a table, a subquery, a function, or a list in parentheses.

use super::name::{self, Named};
use super::state::{Level, Source, Verb, Walk};
use super::{Access, Why, walk, words};
use crate::facts::reader::ident;
use crate::lexer::TokenKind;

/// Reads one element at `at`; gives the token behind it and its alias.
pub(super) fn read(
    walk: &mut Walk,
    level: &mut Level,
    at: usize,
    access: Access,
    joined: bool,
) -> usize {
    let at = walk.skip(at, &["LATERAL", "ONLY", "RECURSIVE"]);
    if walk.are(at, &["ROWS", "FROM"]) && walk.is_symbol(at + 2, "(") {
        let end = walk.behind_call(level, at + 2);
        return alias(walk, level, end, String::new(), None);
    }
    if walk.is_symbol(at, "(") {
        return group(walk, level, at, access, joined);
    }
    let (named, mut end) = name::read(walk.dialect, walk.tokens, at);
    let (name, table) = match named {
        Named::Nothing => {
            if at >= walk.tokens.len() && level.parent.is_none() {
                let end = walk.text.len();
                walk.unresolved(end..end, Why::Cut);
            }
            return at;
        }
        Named::Local => (String::new(), None),
        Named::Hole(span) => {
            // A call's arguments: `FROM ${fn}(…)` is no table either way.
            walk.unresolved(span, Why::Hole);
            (String::new(), None)
        }
        Named::Table(name, span) => {
            if walk.is_symbol(end, "(") && !is_old_hint(walk, end) {
                // A function: its arguments are read by the walk.
                let end = walk.behind_call(level, end);
                return alias(walk, level, end, String::new(), None);
            }
            let label = name.table().to_owned();
            let attribute = name.parts.len() == 2 && level.is_alias(&name.parts[0]);
            let shadowed = attribute || !name.is_qualified() && level.is_cte(&label);
            let table = if shadowed {
                None
            } else {
                walk.found(name, span, access, joined)
            };
            (label, table)
        }
    };
    if walk.is_symbol(end, "*") {
        end += 1;
    }
    if is_old_hint(walk, end) {
        end = walk.behind_group(end);
    }
    alias(walk, level, end, name, table)
}

/// A subquery, or a list of tables in parentheses.
fn group(walk: &mut Walk, level: &mut Level, at: usize, access: Access, joined: bool) -> usize {
    let close = walk.closes[at].min(level.to);
    let mut first = at + 1;
    while walk.is_symbol(first, "(") {
        first += 1;
    }
    let query = walk.is_any(
        first,
        &[
            "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE", "SEL",
        ],
    );
    let mut inner = Level::new(at + 1, close, Some(level));
    if inner.depth > walk::DEPTH_LIMIT {
        walk.out.recovered = true;
        return close + 1;
    }
    // `((SELECT …) AS a JOIN b …)` is a list that begins with a query.
    let list = first > at + 1 && {
        let behind = walk.behind_group(first - 1);
        behind < close
            && !walk.is_any(
                behind,
                &["UNION", "EXCEPT", "INTERSECT", "MINUS", "ORDER", "LIMIT"],
            )
            && !walk.is_symbol(behind, ")")
    };
    if query && !list {
        walk::level(walk, &mut inner, at + 1);
        return alias(walk, level, close + 1, String::new(), None);
    }
    inner.verb = Verb::Select;
    inner.listing = true;
    let next = read(walk, &mut inner, at + 1, access, joined);
    walk::level(walk, &mut inner, next);
    let sources = std::mem::take(&mut inner.sources);
    level.sources.extend(sources);
    alias(walk, level, close + 1, String::new(), None)
}

/// `[PARTITION (…)] [AS] alias [(columns)]`, and writes the element down.
fn alias(
    walk: &mut Walk,
    level: &mut Level,
    mut at: usize,
    name: String,
    table: Option<usize>,
) -> usize {
    if walk.is(at, "PARTITION") && walk.is_symbol(at + 1, "(") {
        at = walk.behind_group(at + 1);
    }
    let explicit = walk.is(at, "AS");
    let place = at + usize::from(explicit);
    let alias = walk.token(place).and_then(|seen| {
        let word = seen.token.kind == TokenKind::Word;
        if word && (words::ends_source(seen.written) || seen.written.starts_with('@')) {
            return None;
        }
        ident(walk.dialect, seen)
    });
    if alias.is_some() && place < level.to {
        at = place + 1;
        // Columns of the alias; but `x (NOLOCK)` is a hint, and a fresh statement is none.
        if walk.is_symbol(at, "(") && at < level.to {
            at = walk.behind_group(at);
        }
    }
    if !name.is_empty() || alias.is_some() {
        level.sources.push(Source { name, alias, table });
    }
    at
}

pub(super) fn is_old_hint(walk: &Walk, at: usize) -> bool {
    walk.is_symbol(at, "(")
        && walk
            .token(at + 1)
            .is_some_and(|seen| words::is_hint(seen.written))
}
