//! A walk over the tokens of one statement.
//!
//! Owns the reading of words, names and parentheses. Knows no statement: the modules beside it do.

use crate::lexer::TokenKind;
use crate::seen::Seen;
use crate::{Dialect, TableName};

/// The rest of a statement's tokens. A copy goes on from the same place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) dialect: Dialect,
    rest: &'a [Seen<'a>],
}

impl<'a> Reader<'a> {
    pub(super) fn new(dialect: Dialect, tokens: &'a [Seen<'a>]) -> Self {
        Self {
            dialect,
            rest: tokens,
        }
    }

    pub(super) fn rest(&self) -> &'a [Seen<'a>] {
        self.rest
    }

    pub(super) fn first(&self) -> Option<&'a Seen<'a>> {
        self.rest.first()
    }

    pub(super) fn next(&mut self) -> Option<&'a Seen<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Do these words stand here?
    pub(super) fn at(&self, words: &[&str]) -> bool {
        self.rest.len() >= words.len()
            && words
                .iter()
                .zip(self.rest)
                .all(|(word, seen)| seen.is(word))
    }

    pub(super) fn at_any(&self, words: &[&str]) -> bool {
        self.first().is_some_and(|seen| seen.is_any(words))
    }

    pub(super) fn at_symbol(&self, symbol: &str) -> bool {
        self.first().is_some_and(|seen| seen.is_symbol(symbol))
    }

    /// Goes past these words if they stand here.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let at = self.at(words);
        if at {
            self.rest = &self.rest[words.len()..];
        }
        at
    }

    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        let at = self.at_any(words);
        if at {
            self.rest = &self.rest[1..];
        }
        at
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let at = self.at_symbol(symbol);
        if at {
            self.rest = &self.rest[1..];
        }
        at
    }

    /// Goes past any number of these words.
    pub(super) fn skip_any(&mut self, words: &[&str]) {
        while self.eat_any(words) {}
    }

    pub(super) fn eat_if_exists(&mut self) -> bool {
        self.eat(&["IF", "NOT", "EXISTS"]) || self.eat(&["IF", "EXISTS"])
    }

    /// One identifier, unquoted and folded.
    pub(super) fn ident(&mut self) -> Option<String> {
        let name = ident(self.dialect, self.first()?)?;
        self.rest = &self.rest[1..];
        Some(name)
    }

    /// A name with what stands before its dots; of those only the last counts.
    pub(super) fn name(&mut self) -> Option<TableName> {
        let mut name = TableName {
            schema: None,
            name: self.ident()?,
        };
        // `db..t` of T-SQL leaves the schema out.
        while self.at_symbol(".") || self.at_symbol("..") {
            self.next();
            let Some(last) = self.ident() else { break };
            name = TableName {
                schema: Some(name.name),
                name: last,
            };
        }
        Some(name)
    }

    /// What stands in the parentheses that open here; goes past them.
    pub(super) fn group(&mut self) -> Option<Self> {
        if !self.at_symbol("(") {
            return None;
        }
        let mut depth = 0_usize;
        for (i, seen) in self.rest.iter().enumerate() {
            if seen.is_symbol("(") {
                depth += 1;
            } else if seen.is_symbol(")") {
                depth -= 1;
                if depth == 0 {
                    let inside = Self {
                        dialect: self.dialect,
                        rest: &self.rest[1..i],
                    };
                    self.rest = &self.rest[i + 1..];
                    return Some(inside);
                }
            }
        }
        let inside = Self {
            dialect: self.dialect,
            rest: &self.rest[1..],
        };
        self.rest = &[];
        Some(inside)
    }

    /// The parts between the commas outside of parentheses.
    pub(super) fn elements(&self) -> Vec<Self> {
        let mut elements = Vec::new();
        let (mut depth, mut start) = (0_usize, 0);
        for (i, seen) in self.rest.iter().enumerate() {
            if seen.is_symbol("(") {
                depth += 1;
            } else if seen.is_symbol(")") {
                depth = depth.saturating_sub(1);
            } else if seen.is_symbol(",") && depth == 0 {
                elements.push(Self {
                    dialect: self.dialect,
                    rest: &self.rest[start..i],
                });
                start = i + 1;
            }
        }
        elements.push(Self {
            dialect: self.dialect,
            rest: &self.rest[start..],
        });
        elements
    }

    /// Goes to the first place outside of parentheses where these words stand.
    pub(super) fn find(&self, words: &[&str]) -> Option<Self> {
        let mut reader = *self;
        while reader.first().is_some() {
            if reader.at(words) {
                return Some(reader);
            }
            if reader.group().is_none() {
                reader.next();
            }
        }
        None
    }

    /// The words stand somewhere outside of parentheses.
    pub(super) fn holds(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }
}

/// The name that a token stands for, if it can be one.
pub(crate) fn ident(dialect: Dialect, seen: &Seen) -> Option<String> {
    let written = seen.written;
    match seen.token.kind {
        TokenKind::Word => Some(dialect.fold(written)),
        TokenKind::QuotedName if written.len() > 3 && written.as_bytes()[1] == b'&' => {
            Some(unicode_escapes(&undoubled(&written[2..])))
        }
        TokenKind::QuotedName => Some(undoubled(written)),
        // MySQL under ANSI_QUOTES, and SQLite out of kindness.
        TokenKind::Text
            if (dialect.is_mysql_like() && written.starts_with('"'))
                || (dialect == Dialect::Sqlite && written.starts_with('\'')) =>
        {
            Some(undoubled(written))
        }
        _ => None,
    }
}

/// The inside of a quoted name: `"a""b"` is `a"b`.
fn undoubled(written: &str) -> String {
    let mut chars = written.chars();
    let close = match chars.next() {
        Some('[') => ']',
        Some(quote) => quote,
        None => return String::new(),
    };
    let inside = chars.as_str();
    let inside = inside.strip_suffix(close).unwrap_or(inside);
    let doubled: String = [close, close].iter().collect();
    inside.replace(&doubled, close.encode_utf8(&mut [0; 4]))
}

/// PostgreSQL's `U&"\0061\+000062"`, with the backslash for its escape character.
fn unicode_escapes(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (digits_at, digits) = if escape.starts_with('+') {
            (1, 6)
        } else {
            (0, 4)
        };
        let code = escape
            .get(digits_at..digits_at + digits)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        if let Some(c) = code {
            out.push(c);
            rest = &escape[digits_at + digits..];
        } else {
            out.push('\\');
            rest = escape.strip_prefix('\\').unwrap_or(escape);
        }
    }
    out.push_str(rest);
    out
}
