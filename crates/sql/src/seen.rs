//! A significant token with what is written there, as the readers of statements ask about it.
//!
//! Owns comparison of words: keywords do not tell upper case from lower, quoted names are none.

use crate::lexer::{Token, TokenKind};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) token: Token,
    pub(crate) written: &'a str,
}

impl<'a> Seen<'a> {
    pub(crate) fn new(token: Token, text: &'a str) -> Self {
        Self {
            token,
            written: token.text(text),
        }
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        self.token.kind == TokenKind::Word && self.written.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_any(&self, words: &[&str]) -> bool {
        self.token.kind == TokenKind::Word
            && words
                .iter()
                .any(|word| self.written.eq_ignore_ascii_case(word))
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.token.kind == TokenKind::Symbol && self.written == symbol
    }

    /// A hint, or the edge of an executable comment: stands between words without being one.
    pub(crate) fn is_marker(&self) -> bool {
        matches!(
            self.token.kind,
            TokenKind::Hint | TokenKind::ExecutableStart | TokenKind::ExecutableEnd
        )
    }
}
