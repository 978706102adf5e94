//! What nests in SQLite: the body of a trigger, `BEGIN … END`.
//!
//! Follows `sqlite3_complete`: the body ends at an END that begins a statement of its own, so the
//! END of a CASE expression is no end.

use super::head::Head;
use crate::seen::Seen;

#[derive(Default)]
pub(super) struct TriggerBody {
    head: Head,
    state: State,
    /// The token before announces a name, which may be written `begin`.
    names_next: bool,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside {
        start: usize,
        at_statement: bool,
    },
    After,
}

impl TriggerBody {
    pub(super) fn token(&mut self, seen: Seen) {
        if !matches!(self.head, Head::Routine(_)) {
            self.head = self.head.after(seen, false, &["TRIGGER"]);
            self.names_next = true;
            return;
        }
        let named = std::mem::replace(
            &mut self.names_next,
            seen.is_any(&["EXISTS", "ON", "OF"]) || seen.is_symbol(".") || seen.is_symbol(","),
        );
        match &mut self.state {
            State::Before if seen.is("BEGIN") && !named => {
                self.state = State::Inside {
                    start: seen.token.start,
                    at_statement: true,
                };
            }
            State::Inside {
                at_statement: true, ..
            } if seen.is("END") => self.state = State::After,
            State::Inside { at_statement, .. } => *at_statement = seen.is_symbol(";"),
            State::Before | State::After => {}
        }
    }

    pub(super) fn ends_at_semicolon(&self) -> bool {
        !matches!(self.state, State::Inside { .. })
    }

    pub(super) fn unclosed(&self) -> Option<(usize, &'static str)> {
        match self.state {
            State::Inside { start, .. } => Some((start, "BEGIN")),
            State::Before | State::After => None,
        }
    }
}
