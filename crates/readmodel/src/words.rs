//! The significant tokens of a query, with what is needed to walk along them.

use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, Token, TokenKind};

use crate::refusal::Refusal;

/// Tokens without white space and comments.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<Token>,
}

impl<'a> Words<'a> {
    /// # Errors
    /// What is not plain SQL: hints, versioned comments, open quotes, parameters.
    pub(crate) fn read(dialect: Dialect, text: &'a str) -> Result<Self, Refusal> {
        let mut tokens = Vec::new();
        for token in Lexer::new(dialect, text) {
            match token.kind {
                TokenKind::Space | TokenKind::Comment => {}
                TokenKind::Word
                | TokenKind::QuotedName
                | TokenKind::Text
                | TokenKind::Number
                | TokenKind::Symbol => tokens.push(token),
                _ => {
                    let what = format!("`{}` has no place in a read model", token.text(text));
                    let help = "write a plain SELECT, without hints and parameters";
                    return Err(Refusal::unread(token.start, what, help));
                }
            }
        }
        // A `;` at the end is a habit.
        if tokens.last().is_some_and(|it| it.text(text) == ";") {
            tokens.pop();
        }
        Ok(Self { text, tokens })
    }

    pub(crate) fn get(&self, at: usize) -> &'a str {
        self.tokens
            .get(at)
            .map_or("", |token| token.text(self.text))
    }

    /// Is the token this word or symbol, in any case?
    pub(crate) fn is(&self, at: usize, word: &str) -> bool {
        let kind = self.tokens.get(at).map(|token| token.kind);
        kind.is_some_and(|kind| kind != TokenKind::QuotedName && kind != TokenKind::Text)
            && self.get(at).eq_ignore_ascii_case(word)
    }

    pub(crate) fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Where the token begins in the text.
    pub(crate) fn place(&self, at: usize) -> usize {
        self.tokens
            .get(at)
            .map_or(self.text.len(), |token| token.start)
    }

    /// A name, out of its quotes.
    pub(crate) fn name(&self, at: usize) -> Option<String> {
        match self.kind(at)? {
            TokenKind::Word => Some(self.get(at).to_owned()),
            TokenKind::QuotedName => {
                let text = self.get(at);
                let inner = text.get(1..text.len() - 1)?;
                let quote = &text[..1];
                Some(inner.replace(&quote.repeat(2), quote))
            }
            _ => None,
        }
    }

    /// The text of tokens `from..to`, with one space where there was any or a comment.
    pub(crate) fn slice(&self, from: usize, to: usize) -> String {
        let mut text = String::new();
        for at in from..to {
            if at > from && self.tokens[at - 1].end < self.tokens[at].start {
                text.push(' ');
            }
            text.push_str(self.get(at));
        }
        text
    }

    /// The first token at or behind `from` outside of parentheses for which `stop` holds, or the end.
    pub(crate) fn until(&self, from: usize, stop: impl Fn(&Self, usize) -> bool) -> usize {
        let mut depth = 0_usize;
        for at in from..self.tokens.len() {
            if depth == 0 && stop(self, at) {
                return at;
            }
            match self.get(at) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        self.tokens.len()
    }
}
