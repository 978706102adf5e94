//! Where an operator ends.
//!
//! Owns the rule that makes `a=-1` and `a = -1` the same tokens, and `> =` and `>=` different.

use super::Lexer;
use crate::Dialect;

/// Operators of more than one character outside PostgreSQL, the longer before their beginnings.
const COMPOUND: &[&str] = &[
    "<=>", "->>", "!<", "!>", "!=", "<>", "<=", ">=", "==", "^=", "~=", "||", "&&", ":=", "=>",
    "->", "<<", ">>", "**", "::", "..", "+=", "-=", "*=", "/=", "%=", "&=", "|=",
];

/// PostgreSQL's operators are any run of these.
const POSTGRES: &[u8] = b"+-*/<>=~!@#%^&|`?";

/// PostgreSQL keeps the name of an operator in 64 bytes. Without a limit `+-+-+-…`, of which each
/// sign is an operator, would be read to its end for each.
const OPERATOR_BYTES: usize = 64;

impl Lexer<'_> {
    /// The end of the symbol that begins at `at`: always after at least one character.
    pub(super) fn operator_end(&self, at: usize) -> usize {
        if self.dialect == Dialect::Postgres {
            return self.postgres_operator_end(at);
        }
        let compound = COMPOUND.iter().find(|operator| {
            self.starts_with(at, operator)
                && (1..operator.len()).all(|inside| self.at_delimiter(at + inside).is_none())
        });
        compound.map_or_else(|| self.after_char(at), |operator| at + operator.len())
    }

    fn postgres_operator_end(&self, at: usize) -> usize {
        if !self.is_operator_byte(at) {
            let compound = ["::", ":=", ".."]
                .iter()
                .any(|symbol| self.starts_with(at, symbol));
            return if compound {
                at + 2
            } else {
                self.after_char(at)
            };
        }
        let mut end = at + 1;
        while end - at < OPERATOR_BYTES
            && self.is_operator_byte(end)
            && !self.starts_with(end, "--")
            && !self.starts_with(end, "/*")
        {
            end += 1;
        }
        // An operator ends in + or - only if it holds a character that standard SQL has no
        // operator with; otherwise the sign belongs to what follows (PostgreSQL, scan.l).
        let special = (at..end).any(|i| self.byte(i).is_some_and(|b| b"~!@#%^&|`?".contains(&b)));
        while !special && end > at + 1 && matches!(self.byte(end - 1), Some(b'+' | b'-')) {
            end -= 1;
        }
        end
    }

    fn is_operator_byte(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|byte| POSTGRES.contains(&byte))
    }
}
