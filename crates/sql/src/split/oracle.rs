//! Which statements of Oracle are PL/SQL: they hold semicolons and end at a `/` alone on a line.
//!
//! Follows SQL*Plus, which decides by the first words and does not look for END.

use super::head::Head;
use crate::seen::Seen;

#[derive(Default)]
pub(super) struct PlsqlBlock {
    head: Head,
    with: bool,
    block: bool,
}

const KINDS: &[&str] = &[
    "FUNCTION",
    "PROCEDURE",
    "PACKAGE",
    "TRIGGER",
    "TYPE",
    "LIBRARY",
    "JAVA",
];

impl PlsqlBlock {
    pub(super) fn token(&mut self, seen: Seen) {
        if self.head == Head::Start {
            self.block = seen.is_any(&["BEGIN", "DECLARE"]) || seen.is_symbol("<<");
            self.with = seen.is("WITH");
        } else if std::mem::take(&mut self.with) {
            self.block = seen.is_any(&["FUNCTION", "PROCEDURE"]);
        }
        self.head = self.head.after(seen, false, KINDS);
    }

    pub(super) fn ends_at_semicolon(&self) -> bool {
        !self.block && !matches!(self.head, Head::Routine(_))
    }
}
