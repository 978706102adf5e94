//! One request through every service.

use serde::{Deserialize, Serialize};

/// What a span is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    #[default]
    Work,
    /// Waits for something outside of the system.
    Outside,
    /// From the commit of an event to where it can be read.
    Event,
    /// A bracket around others.
    Saga,
}

/// A trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    pub id: String,
    /// `POST /orders`
    pub name: String,
    pub about: String,
    pub at: u64,
    /// When the caller had its answer, and what it was.
    pub answered_ms: f64,
    pub answer: String,
    /// When everything that it set off was done.
    pub done_ms: f64,
    /// When it could be read elsewhere, and where.
    pub readable_ms: Option<f64>,
    pub readable_in: String,
    pub failed: bool,
    pub saga: String,
    pub event: String,
    pub spans: Vec<Span>,
    /// Where the time of the longest path went.
    pub shares: Vec<Share>,
}

/// A piece of a trace, relative to its begin.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub detail: String,
    pub depth: usize,
    pub from_ms: f64,
    pub to_ms: f64,
    /// The last part of it waits for a disk.
    pub disk_ms: f64,
    pub kind: SpanKind,
    /// Without it the whole would have been faster.
    pub longest: bool,
    pub failed: bool,
}

/// A part of the longest path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Share {
    pub what: String,
    pub ms: f64,
}
