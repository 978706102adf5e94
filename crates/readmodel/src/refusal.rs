//! Why a definition cannot be kept, and where in its text.

use freehold_model::{Fault, Place};

/// What is wrong, at a byte of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) at: usize,
    pub(crate) what: String,
    pub(crate) help: String,
}

impl Refusal {
    /// It cannot be read.
    pub(crate) fn unread(at: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new("FH4201", at, what, help)
    }

    /// It can be read, and cannot be kept.
    pub(crate) fn outside(at: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new("FH4202", at, what, help)
    }

    /// A name that means nothing here.
    pub(crate) fn unknown(at: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new("FH4203", at, what, help)
    }

    fn new(
        code: &'static str,
        at: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            code,
            at,
            what: what.into(),
            help: help.into(),
        }
    }

    /// As a user meets it. `place`: where the query's text begins, if it came from a file.
    pub(crate) fn fault(&self, whose: &str, select: &str, place: Option<&Place>) -> Fault {
        let fault = Fault::new(self.code, format!("{whose}: {}", self.what)).help(&*self.help);
        let Some(place) = place else {
            return fault;
        };
        let before = select.get(..self.at).unwrap_or(select);
        let lines = before.matches('\n').count();
        let last = before.rsplit('\n').next().unwrap_or(before);
        let column = if lines == 0 { place.column } else { 1 } + last.chars().count();
        fault.at(Place {
            file: place.file.clone(),
            line: place.line + lines,
            column,
        })
    }
}
