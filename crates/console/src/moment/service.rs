//! A service: its program, its sidecar, its stores.

use freehold_look::Shape;
use serde::{Deserialize, Serialize};

use super::api::Api;
use super::ground::Store;
use super::plot::Plot;

/// Does the program answer?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Up,
    Starting,
    /// It ended, or answers no more.
    Down,
    /// Nobody asked it.
    #[default]
    NotKnown,
}

impl Health {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Down => "down",
            Self::NotKnown => "not known",
        }
    }
}

/// A service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    pub name: String,
    pub team: String,
    pub health: Health,
    /// Why it is down.
    pub why: String,
    /// Since when it is as it is.
    pub since: Option<u64>,
    pub program: Option<Program>,
    pub sidecar: Option<Part>,
    pub backup: Option<Part>,
    pub tried: Option<Tried>,
    pub stores: Vec<Store>,
    pub outbox_rows: Option<u64>,
    pub outbox_oldest_ms: Option<u64>,
    pub freshness: Option<Plot>,
    /// Address of its `OpenAPI` document, as the program serves it.
    pub openapi: String,
    /// What that document says; nothing: it was not read.
    pub api: Option<Api>,
}

/// The service's own program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Program {
    /// `Node 22, 1 process`
    pub what: String,
    pub address: String,
    pub requests_per_second: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Requests per second, oldest first.
    pub trend: Vec<f64>,
}

/// Something beside the program: what it does now, and a detail.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Part {
    pub says: String,
    pub detail: String,
    /// It does not work, and this is why.
    pub trouble: String,
    pub code: String,
    pub since: Option<u64>,
}

/// Ways into the stores that were tried, as each other identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    pub at: u64,
    pub ways: u64,
    pub refused: u64,
}

impl Service {
    /// Everything live that is not described.
    #[must_use]
    pub fn drifts(&self) -> usize {
        self.stores.iter().map(|store| store.drift.len()).sum()
    }

    fn is_seen_in_step(&self) -> bool {
        let seen = self.stores.iter().all(|own| own.seen_at.is_some());
        self.program.is_none() && !self.stores.is_empty() && seen
    }

    /// Its state in one shape; `parked` keys of its copies are counted elsewhere.
    #[must_use]
    pub fn shape(&self, parked: u64) -> Shape {
        let troubled = self
            .sidecar
            .as_ref()
            .is_some_and(|part| !part.trouble.is_empty());
        if self.health == Health::Down || troubled {
            Shape::Failed
        } else if self.drifts() > 0 || self.stores.iter().any(|own| !own.exists || own.pending > 0)
        {
            Shape::Differs
        } else if parked > 0 {
            Shape::Parked
        } else {
            match self.health {
                Health::Up => Shape::Well,
                Health::Starting => Shape::Running,
                // No program is run here: its stores say how it is.
                Health::NotKnown if self.is_seen_in_step() => Shape::Well,
                _ => Shape::NotKnown,
            }
        }
    }
}
