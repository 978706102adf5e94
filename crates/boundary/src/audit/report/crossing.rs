//! One statement that crosses a boundary, and its way out.

use serde::{Deserialize, Serialize};

/// A statement of one context's program on tables that another context owns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// The same in every audit for the same statement from and to the same contexts.
    pub fingerprint: String,
    pub from: String,
    pub to: String,
    /// The program that asks.
    pub program: String,
    /// The login it asks as.
    pub login: String,
    pub told_by: ToldBy,
    pub verb: Verb,
    /// Every table of the statement, in the order in which it names them.
    pub tables: Vec<String>,
    /// Those of them that `to` owns.
    pub foreign: Vec<String>,
    /// Whether it groups or aggregates.
    pub grouped: bool,
    /// Whether it writes a table of `to`.
    pub writes: bool,
    /// What it is for, from a comment in the statement or in the code.
    pub about: Option<String>,
    pub calls_a_day: f64,
    /// The statistics keep no percentile: this is the mean.
    pub mean_ms: f64,
    /// Where it is in code.
    pub spot: Option<Spot>,
    pub way_out: WayOut,
    /// Not in the oldest audit that was kept.
    pub new: bool,
}

impl Crossing {
    /// Database time, in seconds for each day.
    #[must_use]
    pub fn seconds_a_day(&self) -> f64 {
        self.calls_a_day * self.mean_ms / 1000.0
    }
}

/// How the program of a statement was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// Nobody else has this login.
    Login,
    /// A comment in the statement.
    Comment,
    /// It was the last statement of an open session.
    Session,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Call,
    Truncate,
    Copy,
    Other,
}

/// A place in code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// With forward slashes.
    pub file: String,
    /// From 1.
    pub line: Option<usize>,
}

/// What would replace a crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayOut {
    pub way: Way,
    /// What it would be: `book_cache`, `reserve inventory`.
    pub what: Option<String>,
    /// The context that would have it, where that needs saying.
    pub within: Option<String>,
}

/// The fixed words for ways out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    Copy,
    ReadModel,
    Event,
    SagaStep,
    Snapshot,
    AskTheOwner,
}

impl Way {
    /// As it is written inside a sentence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::ReadModel => "read model",
            Self::Event => "event",
            Self::SagaStep => "saga step",
            Self::Snapshot => "snapshot",
            Self::AskTheOwner => "ask the owner",
        }
    }
}
