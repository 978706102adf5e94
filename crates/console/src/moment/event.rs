//! Events: the kinds, one event's way, and letters that could not be applied.

use serde::{Deserialize, Serialize};

use super::payload::Payload;

/// A kind of event, and who keeps something of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventKind {
    /// `order.confirmed.v2`
    pub name: String,
    /// The service that publishes it.
    pub from: String,
    pub per_second: Option<f64>,
    pub readers: Vec<Reader>,
}

/// A copy or read model that an event feeds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reader {
    pub service: String,
    /// The table.
    pub copy: String,
    /// From the commit at the source to being readable here, 99 of 100 events, over a minute.
    pub fresh_ms: Option<f64>,
    pub slo_ms: Option<f64>,
    /// Keys that wait for a person.
    pub parked_keys: u64,
}

impl Reader {
    /// How much of what was promised is used; 1 is all of it.
    #[must_use]
    pub fn share_of_slo(&self) -> f64 {
        self.fresh_ms.unwrap_or(0.0) / self.slo_ms.unwrap_or(1000.0).max(1.0)
    }

    /// Is it older than promised?
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.slo_ms.is_some() && self.share_of_slo() > 1.0
    }
}

/// One event, from the commit to every place where it can be read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Way {
    pub id: String,
    pub event: String,
    pub from: String,
    /// What it is about: `order 62481, customer 12345`.
    pub about: String,
    /// `order.id = 62481`
    pub key: String,
    /// When its transaction was committed.
    pub committed_at: u64,
    /// The fraction of a millisecond that `committed_at` lacks, in tenths.
    pub tenths: u64,
    pub transaction: String,
    /// From the commit to the last reader; nothing: it is still on its way.
    pub fresh_ms: Option<f64>,
    pub slo_ms: Option<f64>,
    pub readers: u64,
    pub applied: u64,
    /// Nobody tells of its way: what readers did with it is not known.
    pub untold: bool,
    pub broker: String,
    pub broker_detail: String,
    pub contract: String,
    pub contract_detail: String,
    pub trace: String,
    pub saga: String,
    pub lanes: Vec<Lane>,
    pub steps: Vec<WayStep>,
    pub headers: Vec<(String, String)>,
    pub payload: Payload,
}

/// Who does something along the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    Source,
    #[default]
    Between,
    Reader,
}

/// One line of the picture.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lane {
    pub kind: LaneKind,
    pub name: String,
    pub detail: String,
    /// `Pg`; nothing for what is no store.
    pub tile: String,
    pub stretches: Vec<Stretch>,
    /// A text beside the last stretch.
    pub note: String,
    /// Readers: when it could be read; nothing: it waits, and why.
    pub visible_ms: Option<f64>,
    pub parked: String,
}

/// A piece of time, relative to the commit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stretch {
    pub from_ms: f64,
    pub to_ms: f64,
    /// Waits for a disk; otherwise it is work.
    pub waits: bool,
    pub label: String,
}

/// A line of the table of steps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WayStep {
    /// Relative to the commit.
    pub at_ms: f64,
    pub place: String,
    pub what: String,
    pub evidence: String,
    pub took_ms: f64,
    /// From here on it can be read.
    pub visible: bool,
}

/// An event that a reader could not apply: its key waits, all others flow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetter {
    pub id: String,
    pub event: String,
    pub service: String,
    pub copy: String,
    pub key: String,
    /// What is wrong, in a sentence.
    pub why: String,
    pub code: String,
    pub since: u64,
    pub attempts: u64,
    /// Later events of the same key that wait behind it.
    pub behind: u64,
}
