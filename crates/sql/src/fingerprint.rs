//! What a text says, as a hash that comments and white space do not change.
//!
//! Owns the form of the hash, which is written into ledgers: changing it would make every applied
//! migration look edited. A golden test holds it still.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::Dialect;
use crate::lexer::Lexer;

/// SHA-256 over the tokens of a text, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fingerprint of `text`: its tokens as written, case included, without the comments and
/// white space between them. Executable comments (`/*! … */`) and hints (`/*+ … */`) are tokens.
#[must_use]
pub fn fingerprint(dialect: Dialect, text: &str) -> Fingerprint {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut hash = Sha256::new();
    for token in Lexer::new(dialect, text).filter(|token| !token.is_trivia()) {
        let written = token.text(text).as_bytes();
        // The length first, so that `a b` and `ab` differ.
        hash.update((written.len() as u64).to_le_bytes());
        hash.update(written);
    }
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Fingerprint(hex)
}
