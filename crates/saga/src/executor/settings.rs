//! What an executor is told, and what it tells: its settings, and alarms for operators.

use std::time::Duration;

use crate::saga_id::SagaId;
use crate::transition::Parked;

/// What an executor keeps to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The sidecar's name for itself, one per process.
    pub holder: String,
    /// How long a leadership lasts without being renewed.
    pub term: Duration,
    /// How long a request lives, from the renewal before it.
    pub life: Duration,
    /// How long instances that have ended are kept.
    pub keep_for: Duration,
    /// Sagas in one commit at most.
    pub batch: usize,
    /// Sagas under way at most: further starts wait in their table.
    pub under_way: usize,
    /// Requests to one participant at the same time.
    pub at_once: usize,
    /// The longest pause between two looks for starts and signals.
    pub poll: Duration,
}

impl Settings {
    /// Sensible for a sidecar of this name.
    pub fn new(holder: impl Into<String>) -> Self {
        Self {
            holder: holder.into(),
            term: Duration::from_secs(5),
            life: Duration::from_mins(10),
            keep_for: Duration::from_hours(7 * 24),
            batch: 512,
            under_way: 20_000,
            at_once: 128,
            poll: Duration::from_millis(20),
        }
    }

    pub(super) fn life_ms(&self) -> u64 {
        u64::try_from(self.life.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What an operator should hear of at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// A saga waits for an operator.
    Parked {
        saga: SagaId,
        definition: String,
        key: String,
        step: Option<String>,
        why: Parked,
    },
    /// A start names a saga that is not described.
    NoSuchSaga { saga: SagaId, definition: String },
    /// A row that cannot be read, or not be written as it should be.
    Odd { saga: SagaId, message: String },
}
