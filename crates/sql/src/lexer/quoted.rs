//! Comments, and everything in quotes.
//!
//! Owns how each of them begins and ends. Each function takes the place where it may begin and
//! gives its kind and end, or nothing if it does not begin there.

use super::{Lexer, Opening, TokenKind};
use crate::Dialect;

type Found = Option<(TokenKind, usize)>;

impl Lexer<'_> {
    pub(super) fn comment(&mut self, at: usize) -> Found {
        match (self.byte(at)?, self.byte(at + 1)) {
            (b'-', Some(b'-')) => self.dash_comment(at),
            (b'#', _) if self.dialect.is_mysql_like() => {
                Some((TokenKind::Comment, self.line_end(at)))
            }
            (b'/', Some(b'*')) => Some(self.block_comment(at)),
            (b'*', Some(b'/')) if self.executable.is_some() => {
                self.executable = None;
                Some((TokenKind::ExecutableEnd, at + 2))
            }
            _ => None,
        }
    }

    fn dash_comment(&self, at: usize) -> Found {
        let third = self.byte(at + 2);
        // To MySQL `5--1` is arithmetic: a comment needs a space after its dashes.
        let spaced = third.is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control());
        if self.dialect.is_mysql_like() && !spaced {
            return None;
        }
        let hint = self.dialect == Dialect::Oracle && third == Some(b'+');
        Some((
            if hint {
                TokenKind::Hint
            } else {
                TokenKind::Comment
            },
            self.line_end(at),
        ))
    }

    /// The line break itself is left to white space.
    fn line_end(&self, at: usize) -> usize {
        let mut end = at;
        while let Some(byte) = self.byte(end) {
            // PostgreSQL alone ends a line comment at a bare carriage return as well.
            if byte == b'\n' || byte == b'\r' && self.dialect == Dialect::Postgres {
                break;
            }
            end += 1;
        }
        end
    }

    fn block_comment(&mut self, at: usize) -> (TokenKind, usize) {
        if let Some(end) = self.executable_start(at) {
            self.executable = Some(at);
            return (TokenKind::ExecutableStart, end);
        }
        let kind = if self.byte(at + 2) == Some(b'+') {
            TokenKind::Hint
        } else {
            TokenKind::Comment
        };
        let mut depth = 1_usize;
        let mut end = at + 2;
        loop {
            match (self.byte(end), self.byte(end + 1)) {
                (None, _) => return (TokenKind::Open(Opening::Comment), end),
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    end += 2;
                    if depth == 0 {
                        return (kind, end);
                    }
                }
                (Some(b'/'), Some(b'*')) if self.dialect.nests_comments() => {
                    depth += 1;
                    end += 2;
                }
                _ => end += 1,
            }
        }
    }

    /// The end of `/*!`, `/*!50001`, `/*M!100100`.
    fn executable_start(&self, at: usize) -> Option<usize> {
        let mut end = if !self.dialect.is_mysql_like() {
            return None;
        } else if self.starts_with(at, "/*!") {
            at + 3
        } else if self.dialect == Dialect::Mariadb && self.starts_with(at, "/*M!") {
            at + 4
        } else {
            return None;
        };
        let digits = (0..6)
            .take_while(|&i| self.byte(end + i).is_some_and(|b| b.is_ascii_digit()))
            .count();
        // No version is so high: mariadb-dump hides a command for its own client so.
        if self.starts_with(end, "999999") {
            return None;
        }
        if digits >= 5 {
            end += digits;
        }
        Some(end)
    }

    pub(super) fn quoted(&self, at: usize) -> Found {
        let mysql = self.dialect.is_mysql_like();
        let text = |end: Result<usize, usize>| Some(closed(TokenKind::Text, end));
        let name = |end: Result<usize, usize>| Some(closed(TokenKind::QuotedName, end));
        match self.byte(at)? {
            b'\'' => text(self.to_quote(at + 1, b'\'', mysql)),
            b'"' if mysql => text(self.to_quote(at + 1, b'"', true)),
            b'"' => name(self.to_quote(at + 1, b'"', false)),
            b'`' if mysql || self.dialect == Dialect::Sqlite => {
                name(self.to_quote(at + 1, b'`', false))
            }
            b'[' if self.dialect == Dialect::Sqlserver => name(self.to_quote(at + 1, b']', false)),
            b'[' if self.dialect == Dialect::Sqlite => name(self.to_bracket(at + 1)),
            b'$' if self.dialect == Dialect::Postgres => self.dollar_quote(at),
            _ => self.prefixed(at),
        }
    }

    /// The end after the closing `quote`; doubled quotes go on. `Err` holds the end of the text.
    fn to_quote(&self, from: usize, quote: u8, backslashes: bool) -> Result<usize, usize> {
        let mut end = from;
        loop {
            match self.byte(end) {
                None => return Err(self.text.len()),
                Some(b'\\') if backslashes => end = self.after_char((end + 1).min(self.text.len())),
                Some(byte) if byte == quote => {
                    if self.byte(end + 1) != Some(quote) {
                        return Ok(end + 1);
                    }
                    end += 2;
                }
                Some(_) => end += 1,
            }
        }
    }

    fn to_bracket(&self, from: usize) -> Result<usize, usize> {
        let mut end = from;
        while let Some(byte) = self.byte(end) {
            end += 1;
            if byte == b']' {
                return Ok(end);
            }
        }
        Err(end)
    }

    /// `E'…'`, `N'…'`, `X'…'`, `U&"…"`, `q'[…]'`: a letter or two before the quote.
    fn prefixed(&self, at: usize) -> Found {
        let first = self.byte(at)?.to_ascii_lowercase();
        let second = self.byte(at + 1)?;
        if second == b'\'' {
            let prefixes: &[u8] = match self.dialect {
                Dialect::Postgres => b"ebxn",
                Dialect::Mysql | Dialect::Mariadb => b"nxb",
                Dialect::Sqlite => b"x",
                Dialect::Sqlserver => b"n",
                Dialect::Oracle => b"nqu",
            };
            if !prefixes.contains(&first) {
                return None;
            }
            return match (self.dialect, first) {
                (Dialect::Postgres, b'e') => Some(self.escape_text(at + 2)),
                (Dialect::Oracle, b'q') => self.alternative_quote(at + 2),
                _ => {
                    let backslashes = self.dialect.is_mysql_like();
                    Some(closed(
                        TokenKind::Text,
                        self.to_quote(at + 2, b'\'', backslashes),
                    ))
                }
            };
        }
        let third = self.byte(at + 2)?;
        match (self.dialect, first, second.to_ascii_lowercase(), third) {
            (Dialect::Postgres, b'u', b'&', b'\'') => {
                Some(closed(TokenKind::Text, self.to_quote(at + 3, b'\'', false)))
            }
            (Dialect::Postgres, b'u', b'&', b'"') => Some(closed(
                TokenKind::QuotedName,
                self.to_quote(at + 3, b'"', false),
            )),
            (Dialect::Oracle, b'n', b'q', b'\'') => self.alternative_quote(at + 3),
            _ => None,
        }
    }

    /// `E'…'` goes on over a line break, and its backslashes with it: `E'a'⏎'b\'c'`.
    fn escape_text(&self, from: usize) -> (TokenKind, usize) {
        let mut end = match self.to_quote(from, b'\'', true) {
            Ok(end) => end,
            Err(end) => return (TokenKind::Open(Opening::Quote), end),
        };
        while let Some(next) = self.continuation(end) {
            end = match self.to_quote(next + 1, b'\'', true) {
                Ok(end) => end,
                Err(end) => return (TokenKind::Open(Opening::Quote), end),
            };
        }
        (TokenKind::Text, end)
    }

    /// Where a literal that ended at `end` goes on: at a quote, with nothing between but white
    /// space that holds a line break, and line comments.
    fn continuation(&self, end: usize) -> Option<usize> {
        let (mut at, mut line_break) = (end, false);
        loop {
            match self.byte(at)? {
                b'\n' | b'\r' => line_break = true,
                b' ' | b'\t' | 0x0b | 0x0c => {}
                b'-' if self.byte(at + 1) == Some(b'-') => {
                    at = self.line_end(at);
                    continue;
                }
                b'\'' if line_break => return Some(at),
                _ => return None,
            }
            at += 1;
        }
    }

    /// Oracle's `q'[…]'`, from the character after the quote.
    fn alternative_quote(&self, from: usize) -> Found {
        let open = self.byte(from)?;
        if self.is_space(from) {
            return Some((TokenKind::Open(Opening::Quote), self.text.len()));
        }
        let inner = self.after_char(from);
        let close = match open {
            b'[' => "]",
            b'{' => "}",
            b'(' => ")",
            b'<' => ">",
            _ => &self.text[from..inner],
        };
        let mut end = inner;
        while self.byte(end).is_some() {
            if self.starts_with(end, close) && self.byte(end + close.len()) == Some(b'\'') {
                return Some((TokenKind::Text, end + close.len() + 1));
            }
            end += 1;
        }
        Some((TokenKind::Open(Opening::Quote), end))
    }

    /// `$tag$ … $tag$`. The tag is a name without `$`, or nothing.
    fn dollar_quote(&self, at: usize) -> Found {
        let mut inner = at + 1;
        if self.starts_word(inner) {
            inner = self.after_char(inner);
            while self.byte(inner) != Some(b'$') && self.continues_word(inner) {
                inner = self.after_char(inner);
            }
        }
        if self.byte(inner) != Some(b'$') {
            return None;
        }
        inner += 1;
        let tag = &self.text[at..inner];
        let mut end = inner;
        while let Some(byte) = self.byte(end) {
            // `$` stands only at the tag's ends, so no byte is compared twice.
            if byte == b'$' && self.starts_with(end, tag) {
                return Some((TokenKind::Text, end + tag.len()));
            }
            end += 1;
        }
        Some((TokenKind::Open(Opening::DollarQuote), end))
    }
}

fn closed(kind: TokenKind, end: Result<usize, usize>) -> (TokenKind, usize) {
    match end {
        Ok(end) => (kind, end),
        Err(end) => (TokenKind::Open(Opening::Quote), end),
    }
}
