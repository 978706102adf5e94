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

#[cfg(test)]
mod tests {
    use super::*;
    use Dialect::{Mysql, Oracle, Postgres, Sqlite};

    fn same(dialect: Dialect, a: &str, b: &str) -> bool {
        fingerprint(dialect, a) == fingerprint(dialect, b)
    }

    #[test]
    fn comments_and_white_space_do_not_count() {
        for dialect in Dialect::ALL {
            let plain = "CREATE TABLE t(a int,b text DEFAULT 'x');";
            let airy = "\u{FEFF}-- new\r\nCREATE  TABLE\tt ( a int, /* b */\n b text DEFAULT 'x' ) ; -- end";
            assert!(same(dialect, plain, airy), "{dialect}");
            assert!(same(dialect, "a=-1", "a = - 1"), "{dialect}");
        }
    }

    #[test]
    fn everything_else_counts() {
        for dialect in Dialect::ALL {
            for (a, b) in [
                ("SELECT 'a b'", "SELECT 'a  b'"),
                ("SELECT a", "select a"),
                ("SELECT a b", "SELECT ab"),
                ("SELECT '--x'", "SELECT '--y'"),
                ("SELECT a >= b", "SELECT a > = b"),
                ("SELECT 1", "SELECT 1;"),
                ("", ";"),
                ("SELECT /*+ x */ 1", "SELECT /*+ y */ 1"),
            ] {
                assert!(!same(dialect, a, b), "{dialect}: {a} and {b}");
            }
        }
        assert!(!same(Mysql, "/*!50001 a */", "/*!50002 a */"));
        assert!(!same(Mysql, "/*!50001 a */ b", "b"));
        assert!(!same(Oracle, "SELECT --+ x\n1", "SELECT 1"));
        assert!(!same(Postgres, "SELECT $$ -- a\n$$", "SELECT $$$$"));
        assert!(same(Sqlite, "/*! a */ b", "b"));
    }

    /// Written into ledgers: it must never become another.
    #[test]
    fn the_form_stays() {
        assert_eq!(
            fingerprint(Postgres, "CREATE TABLE t (a int); -- x").as_str(),
            "1256df52e5f50109cbe61d58a0f32841679ef23363c2369a6c1565145db18699"
        );
    }
}
