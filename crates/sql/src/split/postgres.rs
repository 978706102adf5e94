//! What nests in PostgreSQL: parentheses (the commands of a rule), and the bodies of functions
//! written `BEGIN ATOMIC … END`. `BEGIN;` alone is a statement.
//!
//! Follows psql's reading (psqlscan.l), but takes only `BEGIN ATOMIC` for a body, and knows that
//! after a dot and after AS any keyword is a name.

use super::head::Head;
use crate::SplitTrouble;
use crate::seen::Seen;

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate thing to remember"
)]
pub(super) struct PostgresNesting {
    head: Head,
    copy: bool,
    /// The word before was FROM.
    from: bool,
    /// The token before was a dot or AS.
    names_next: bool,
    parens: usize,
    paren_start: usize,
    semicolon_inside: bool,
    atomic: usize,
    atomic_start: usize,
}

impl PostgresNesting {
    pub(super) fn token<'a>(
        &mut self,
        seen: Seen<'a>,
        next: impl FnOnce() -> Option<Seen<'a>>,
    ) -> Result<(), SplitTrouble> {
        let named = self.names_next;
        self.names_next = seen.is_symbol(".") || seen.is("AS");
        if self.head == Head::Start {
            self.copy = seen.is("COPY");
        }
        self.head = self.head.after(seen, false, &["FUNCTION", "PROCEDURE"]);
        if seen.is_symbol("(") {
            if self.parens == 0 {
                self.paren_start = seen.token.start;
            }
            self.parens += 1;
        } else if seen.is_symbol(")") {
            self.parens = self.parens.saturating_sub(1);
        } else if seen.is_symbol(";") {
            self.semicolon_inside = true;
        }
        if self.copy && self.parens == 0 {
            if self.from && seen.is("STDIN") {
                return Err(SplitTrouble::CopyFromStdin);
            }
            self.from = seen.is("FROM");
        }
        if named || !matches!(self.head, Head::Routine(_)) {
            return Ok(());
        }
        if self.atomic == 0 {
            if seen.is("BEGIN") && next().is_some_and(|next| next.is("ATOMIC")) {
                self.atomic = 1;
                self.atomic_start = seen.token.start;
            }
        } else if seen.is("CASE") {
            self.atomic += 1;
        } else if seen.is("END") {
            self.atomic -= 1;
        }
        Ok(())
    }

    pub(super) fn ends_at_semicolon(&self) -> bool {
        self.parens == 0 && self.atomic == 0
    }

    pub(super) fn unclosed(&self) -> Option<(usize, &'static str)> {
        if self.atomic > 0 {
            return Some((self.atomic_start, "BEGIN ATOMIC"));
        }
        // Without a semicolon inside, nothing was swallowed: the server says it better.
        (self.parens > 0 && self.semicolon_inside).then_some((self.paren_start, "parenthesis"))
    }
}
