//! The columns that CREATE TABLE and ALTER TABLE name, with their types.

use freehold_sql::lexer::{Lexer, Token, TokenKind};

use super::SqlFile;
use crate::spot::Spot;

/// A column as it is written.
pub(super) struct Column {
    /// Without quotes, in small letters.
    pub(super) name: String,
    /// The first word of its type, in small letters.
    pub(super) kind: String,
    /// The numbers behind it: `(10, 2)`.
    pub(super) sizes: Vec<u32>,
    pub(super) spot: Spot,
}

const NO_COLUMN: &[&str] = &[
    "constraint",
    "primary",
    "foreign",
    "unique",
    "check",
    "key",
    "index",
    "exclude",
    "like",
    "fulltext",
    "spatial",
    "period",
    "drop",
    "alter",
    "rename",
    "modify",
    "partition",
];

pub(super) fn read(file: &SqlFile) -> Vec<Column> {
    let tokens: Vec<Token> = Lexer::new(file.dialect, file.text)
        .filter(|token| !token.is_trivia())
        .collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is(file, &tokens, at, "table") && at > 0 {
            if let Some(open) = created(file, &tokens, at) {
                elements(file, &tokens, open + 1, &mut found);
            } else if is(file, &tokens, at - 1, "alter") {
                added(file, &tokens, at, &mut found);
            }
        }
        at += 1;
    }
    found
}

fn word<'a>(file: &SqlFile<'a>, tokens: &[Token], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text(file.text))
}

fn is(file: &SqlFile, tokens: &[Token], at: usize, wanted: &str) -> bool {
    word(file, tokens, at).eq_ignore_ascii_case(wanted)
}

/// `CREATE … TABLE name (`: the parenthesis.
fn created(file: &SqlFile, tokens: &[Token], at: usize) -> Option<usize> {
    let begins = (1..=4).any(|back| at >= back && is(file, tokens, at - back, "create"));
    if !begins {
        return None;
    }
    (at + 1..at + 10)
        .take_while(|&i| word(file, tokens, i) != ";" && !is(file, tokens, i, "as"))
        .find(|&i| word(file, tokens, i) == "(")
}

/// The elements of a list, up to its closing parenthesis.
fn elements(file: &SqlFile, tokens: &[Token], from: usize, found: &mut Vec<Column>) {
    let (mut at, mut depth, mut first) = (from, 0_usize, true);
    while at < tokens.len() {
        match word(file, tokens, at) {
            "(" => depth += 1,
            ")" if depth == 0 => return,
            ")" => depth -= 1,
            "," if depth == 0 => {
                first = true;
                at += 1;
                continue;
            }
            _ if first => found.extend(column(file, tokens, at)),
            _ => {}
        }
        first = false;
        at += 1;
    }
}

/// `ALTER TABLE t ADD [COLUMN] [IF NOT EXISTS] name type`
fn added(file: &SqlFile, tokens: &[Token], at: usize, found: &mut Vec<Column>) {
    let mut i = at + 1;
    while i < tokens.len() && word(file, tokens, i) != ";" {
        if is(file, tokens, i, "add") {
            let mut next = i + 1;
            while ["column", "if", "not", "exists", "("]
                .iter()
                .any(|own| is(file, tokens, next, own))
            {
                next += 1;
            }
            found.extend(column(file, tokens, next));
        }
        i += 1;
    }
}

fn column(file: &SqlFile, tokens: &[Token], at: usize) -> Option<Column> {
    let token = tokens.get(at)?;
    let written = token.text(file.text);
    let name = match token.kind {
        TokenKind::Word => written.to_ascii_lowercase(),
        TokenKind::QuotedName => written
            .trim_matches(['"', '`', '[', ']'])
            .to_ascii_lowercase(),
        _ => return None,
    };
    if token.kind == TokenKind::Word && NO_COLUMN.contains(&name.as_str()) {
        return None;
    }
    let kind = tokens
        .get(at + 1)
        .filter(|kind| matches!(kind.kind, TokenKind::Word | TokenKind::QuotedName))?
        .text(file.text)
        .trim_matches(['"', '`', '[', ']'])
        .to_ascii_lowercase();
    let sizes = if word(file, tokens, at + 2) == "(" {
        (at + 3..at + 7)
            .take_while(|&i| word(file, tokens, i) != ")")
            .filter_map(|i| word(file, tokens, i).parse().ok())
            .collect()
    } else {
        Vec::new()
    };
    Some(Column {
        name,
        kind,
        sizes,
        spot: file.lines.spot(token.start, token.end, String::new()),
    })
}
