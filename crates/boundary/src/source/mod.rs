//! Source code as far as boundaries need it: words, literals with their holes, parentheses.
//!
//! Owns the tokens of one file. A lexer, not a parser: it reads every language that the crate
//! knows, takes any bytes, and is linear. Literals are in `literal` and `pieces`; what several of them make
//! together in `assemble`; who stands around a place in `symbols`.

pub(crate) mod assemble;
mod lex;
mod literal;
pub(crate) mod mapped;
mod pieces;
pub(crate) mod symbols;
#[cfg(test)]
mod tests;

use crate::language::Language;

/// What a token of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword; with its `$` in PHP, with its `@` in annotations of none.
    Word,
    /// An index into [`Code::literals`].
    Literal(usize),
    Number,
    /// One byte of punctuation.
    Mark(u8),
}

/// A token and its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// A line ended between the token before and this one.
    pub(crate) fresh_line: bool,
}

/// A text literal.
#[derive(Debug, Clone)]
pub(crate) struct Literal {
    pub(crate) pieces: Vec<Piece>,
    /// It spans lines, or has holes: a template, a text block, a heredoc.
    pub(crate) template: bool,
}

/// A part of a literal.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// The same text in the source, from this byte.
    Raw { start: usize, end: usize },
    /// An escape: what it stands for, and where it is written.
    Escaped { text: String, start: usize },
    /// An expression within.
    Hole { start: usize, end: usize },
}

/// One file, read.
#[derive(Debug)]
pub(crate) struct Code<'a> {
    pub(crate) language: Language,
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<Token>,
    pub(crate) literals: Vec<Literal>,
    /// By token: of an opening mark its closing one, of a closing one its opening.
    pub(crate) partners: Vec<usize>,
}

impl<'a> Code<'a> {
    pub(crate) fn new(language: Language, text: &'a str) -> Self {
        lex::read(language, text, 0, text.len())
    }

    /// The same file, but only these bytes of it.
    pub(crate) fn part(&self, start: usize, end: usize) -> Code<'a> {
        lex::read(self.language, self.text, start, end)
    }

    pub(crate) fn word(&self, at: usize) -> Option<&'a str> {
        let token = self.tokens.get(at)?;
        (token.kind == Kind::Word).then(|| &self.text[token.start..token.end])
    }

    pub(crate) fn is(&self, at: usize, word: &str) -> bool {
        self.word(at) == Some(word)
    }

    pub(crate) fn mark(&self, at: usize) -> Option<u8> {
        match self.tokens.get(at)?.kind {
            Kind::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    pub(crate) fn is_mark(&self, at: usize, mark: u8) -> bool {
        self.mark(at) == Some(mark)
    }

    pub(crate) fn literal(&self, at: usize) -> Option<&Literal> {
        match self.tokens.get(at)?.kind {
            Kind::Literal(index) => self.literals.get(index),
            _ => None,
        }
    }

    /// The text of a literal without holes.
    pub(crate) fn plain(&self, at: usize) -> Option<String> {
        let mut plain = String::new();
        for piece in &self.literal(at)?.pieces {
            match piece {
                Piece::Raw { start, end } => plain.push_str(&self.text[*start..*end]),
                Piece::Escaped { text, .. } => plain.push_str(text),
                Piece::Hole { .. } => return None,
            }
        }
        Some(plain)
    }

    /// Where the text of a literal begins in the source.
    pub(crate) fn literal_start(&self, at: usize) -> usize {
        match self.literal(at).and_then(|literal| literal.pieces.first()) {
            Some(
                Piece::Raw { start, .. } | Piece::Escaped { start, .. } | Piece::Hole { start, .. },
            ) => *start,
            None => self.tokens[at].start,
        }
    }

    /// The other end of the parenthesis at `at`.
    pub(crate) fn partner(&self, at: usize) -> usize {
        self.partners.get(at).copied().unwrap_or(self.tokens.len())
    }
}
