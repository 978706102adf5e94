//! SQL text as tokens with their places, for every dialect.
//!
//! Owns the lexical rules and nothing above them: no statements, no grammar. The lexer is total:
//! the spans of its tokens cover any text without gap or overlap, what is never closed becomes
//! [`TokenKind::Open`], and no text makes it fail. It takes time linear in the text.
//! Strings and comments are in `quoted`, operators in `operator`.
//!
//! Where a server setting decides, the default is taken: PostgreSQL with
//! `standard_conforming_strings`, MySQL without `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES`.

mod operator;
mod quoted;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::Dialect;

/// What a token is. Keywords are words: which word is one depends on where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    Space,
    Comment,
    /// `/*+ … */`, and `--+ …` on Oracle: a comment that the planner reads.
    Hint,
    /// `/*!50001` of MySQL, `/*M!` of MariaDB: what follows is SQL, up to `ExecutableEnd`.
    ExecutableStart,
    ExecutableEnd,
    /// A bare name or keyword; variables (`@x`, `@@x`) as well.
    Word,
    /// A name in quotes of its dialect.
    QuotedName,
    /// A literal in quotes, its prefix (`E`, `N`, `X`, `q`) included; dollar quotes as well.
    Text,
    Number,
    /// `$1` on PostgreSQL.
    Parameter,
    /// An operator or a single other character.
    Symbol,
    /// What ends a statement while the lexer has a delimiter set.
    Delimiter,
    /// From an opening that is never closed to the end of the text.
    Open(Opening),
}

/// What was opened and never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    Quote,
    Comment,
    DollarQuote,
}

/// A token: its kind and the bytes `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    /// The token as written in `text`, the text that was lexed.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.span()]
    }

    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// White space or a comment that nobody reads.
    #[must_use]
    pub fn is_trivia(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }
}

/// An iterator over the tokens of a text. A clone goes on from the same place, to look ahead.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    dialect: Dialect,
    text: &'a str,
    at: usize,
    delimiter: Option<&'a str>,
    /// Where the executable comment began that we are inside of.
    executable: Option<usize>,
}

impl<'a> Lexer<'a> {
    #[must_use]
    pub fn new(dialect: Dialect, text: &'a str) -> Self {
        Self {
            dialect,
            text,
            at: 0,
            delimiter: None,
            executable: None,
        }
    }

    /// The byte where the next token begins.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Goes on at byte `offset` (a character boundary, not before [`Self::offset`]).
    pub fn skip_to(&mut self, offset: usize) {
        self.at = offset;
    }

    /// From here on `delimiter`, wherever it stands outside quotes and comments, is a token of
    /// its own, as after `DELIMITER` in MySQL's client.
    pub fn set_delimiter(&mut self, delimiter: Option<&'a str>) {
        self.delimiter = delimiter;
    }

    /// Where the executable comment began that is open at [`Self::offset`].
    #[must_use]
    pub fn open_executable(&self) -> Option<usize> {
        self.executable
    }

    /// The next token that is neither white space nor comment, without moving.
    #[must_use]
    pub fn peek_significant(&self) -> Option<Token> {
        self.clone().find(|token| !token.is_trivia())
    }

    fn byte(&self, at: usize) -> Option<u8> {
        #[cfg(test)]
        tests::count_step();
        self.text.as_bytes().get(at).copied()
    }

    fn starts_with(&self, at: usize, with: &str) -> bool {
        with.bytes()
            .enumerate()
            .all(|(offset, byte)| self.byte(at + offset) == Some(byte))
    }

    /// The character at `at`, a character boundary before the end.
    fn char(&self, at: usize) -> char {
        self.text[at..].chars().next().unwrap_or('\0')
    }

    fn at_delimiter(&self, at: usize) -> Option<usize> {
        let delimiter = self.delimiter?;
        if !self.starts_with(at, delimiter) {
            return None;
        }
        // A delimiter that is a word must not be found inside of words: `go` in `category`.
        let word = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let (first, last) = (delimiter.bytes().next(), delimiter.bytes().last());
        let inside = word(first) && at > 0 && word(self.byte(at - 1))
            || word(last) && word(self.byte(at + delimiter.len()));
        (!inside).then_some(at + delimiter.len())
    }

    fn is_space(&self, at: usize) -> bool {
        match self.byte(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) => true,
            Some(byte) if byte < 0x80 => false,
            Some(_) => {
                matches!(self.dialect, Dialect::Sqlserver | Dialect::Oracle)
                    && self.char(at).is_whitespace()
            }
            None => false,
        }
    }

    fn starts_word(&self, at: usize) -> bool {
        match self.byte(at) {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => true,
            Some(b'$') => self.dialect != Dialect::Postgres,
            Some(b'#') => self.dialect == Dialect::Sqlserver,
            Some(b'@') => {
                !matches!(self.dialect, Dialect::Postgres | Dialect::Oracle)
                    && self.byte(at + 1).is_some_and(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'$') || b >= 0x80
                    })
            }
            Some(byte) => byte >= 0x80 && !self.is_space(at),
            None => false,
        }
    }

    fn continues_word(&self, at: usize) -> bool {
        match self.byte(at) {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$') => true,
            Some(b'#') => matches!(self.dialect, Dialect::Sqlserver | Dialect::Oracle),
            Some(b'@') => self.dialect == Dialect::Sqlserver,
            Some(byte) => byte >= 0x80 && !self.is_space(at),
            None => false,
        }
    }

    /// The byte after the character at `at`.
    fn after_char(&self, at: usize) -> usize {
        match self.byte(at) {
            Some(byte) if byte < 0x80 => at + 1,
            Some(_) => at + self.char(at).len_utf8(),
            None => at,
        }
    }

    fn read(&mut self) -> (TokenKind, usize) {
        let at = self.at;
        if let Some(end) = self.at_delimiter(at) {
            return (TokenKind::Delimiter, end);
        }
        if self.is_space(at) {
            let mut end = self.after_char(at);
            while self.is_space(end) && self.at_delimiter(end).is_none() {
                end = self.after_char(end);
            }
            return (TokenKind::Space, end);
        }
        if let Some(found) = self.comment(at).or_else(|| self.quoted(at)) {
            return found;
        }
        if self.byte(at).is_some_and(|b| b.is_ascii_digit()) {
            return self.number(at);
        }
        if self.starts_word(at) {
            return (TokenKind::Word, self.word_end(self.after_char(at)));
        }
        if self.dialect == Dialect::Postgres
            && self.byte(at) == Some(b'$')
            && self.byte(at + 1).is_some_and(|b| b.is_ascii_digit())
        {
            let mut end = at + 2;
            while self.byte(end).is_some_and(|b| b.is_ascii_digit()) {
                end += 1;
            }
            return (TokenKind::Parameter, end);
        }
        (TokenKind::Symbol, self.operator_end(at))
    }

    fn word_end(&self, from: usize) -> usize {
        let mut end = from;
        // `@` goes on only at the beginning: `@@x`.
        while end == from && self.byte(end) == Some(b'@') && self.byte(end - 1) == Some(b'@') {
            end += 1;
        }
        while self.continues_word(end) && self.at_delimiter(end).is_none() {
            end = self.after_char(end);
        }
        end
    }

    fn number(&self, at: usize) -> (TokenKind, usize) {
        let digits = |mut end: usize| {
            while self.byte(end).is_some_and(|b| b.is_ascii_digit())
                && self.at_delimiter(end).is_none()
            {
                end += 1;
            }
            end
        };
        let mut end = digits(at);
        let hexadecimal = matches!(self.byte(end), Some(b'x' | b'X' | b'b' | b'B'));
        let mut plain = !hexadecimal;
        // `1..10` is a range: two numbers.
        if self.byte(end) == Some(b'.') && self.byte(end + 1) != Some(b'.') {
            plain = false;
            end = digits(end + 1);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            if self
                .byte(end + 1 + sign)
                .is_some_and(|b| b.is_ascii_digit())
            {
                plain = false;
                end = digits(end + 1 + sign);
            }
        }
        let glued = self.word_end(end);
        // MySQL allows names that begin with a digit.
        if glued > end && plain && self.dialect.is_mysql_like() {
            return (TokenKind::Word, glued);
        }
        (TokenKind::Number, glued)
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let (kind, end) = self.read();
        self.at = end;
        Some(Token { kind, start, end })
    }
}
