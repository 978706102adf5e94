//! The first words of a statement, up to the kind of object that it creates.
//!
//! Owns `CREATE [OR REPLACE] … FUNCTION`: which words may stand between. Bodies are the business
//! of the dialects' own modules.

use crate::seen::Seen;

/// What the words so far say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Head {
    #[default]
    Start,
    /// `CREATE` and nothing decisive since.
    Create,
    /// A routine of one of the dialect's kinds.
    Routine(&'static str),
    Other,
}

/// Words that may stand between `CREATE` and the kind of a routine, in any dialect.
const BETWEEN: &[&str] = &[
    "OR",
    "REPLACE",
    "TEMP",
    "TEMPORARY",
    "DEFINER",
    "AGGREGATE",
    "CURRENT_USER",
    "CURRENT_ROLE",
    "EDITIONABLE",
    "NONEDITIONABLE",
    "AND",
    "RESOLVE",
    "COMPILE",
    "NOFORCE",
    "FORCE",
];

impl Head {
    /// The head after one more token, where `kinds` are the routines that the dialect creates.
    pub(super) fn after(
        self,
        seen: Seen,
        previous_is_equals: bool,
        kinds: &[&'static str],
    ) -> Self {
        match self {
            Self::Start if seen.is("CREATE") => Self::Create,
            Self::Start => Self::Other,
            Self::Create => {
                if let Some(kind) = kinds.iter().find(|kind| seen.is(kind)) {
                    return Self::Routine(kind);
                }
                // `DEFINER = name@host`: names and signs decide nothing.
                let name = !is_word(seen) || previous_is_equals || seen.written.starts_with('@');
                if name || seen.is_any(BETWEEN) {
                    Self::Create
                } else {
                    Self::Other
                }
            }
            Self::Routine(_) | Self::Other => self,
        }
    }
}

fn is_word(seen: Seen) -> bool {
    seen.token.kind == crate::lexer::TokenKind::Word
}
