//! Sagas: the kinds, and their instances.

use std::collections::BTreeMap;

use freehold_look::Shape;
use serde::{Deserialize, Serialize};

use super::payload::Payload;

/// What a step promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    #[default]
    Compensatable,
    Pivot,
    Retriable,
}

/// A kind of saga.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SagaKind {
    pub name: String,
    /// The service that starts it.
    pub service: String,
    pub steps: Vec<StepKind>,
    pub per_second: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub counts: BTreeMap<SagaState, u64>,
    /// Since when those began that are counted.
    pub since: Option<u64>,
}

impl SagaKind {
    /// How many instances are in a state.
    #[must_use]
    pub fn count(&self, state: SagaState) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }
}

/// A step as described.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepKind {
    pub name: String,
    pub service: String,
    pub promise: Promise,
    /// How it is undone.
    pub undo: String,
    pub p50_ms: Option<f64>,
}

/// How an instance stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaState {
    Parked,
    #[default]
    Running,
    Compensated,
    Completed,
    Failed,
}

impl SagaState {
    /// In the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Parked,
        Self::Running,
        Self::Compensated,
        Self::Completed,
        Self::Failed,
    ];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Running => "running",
            Self::Compensated => "compensated",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::Parked => Shape::Parked,
            Self::Running => Shape::Running,
            Self::Compensated => Shape::Compensated,
            Self::Completed => Shape::Well,
            Self::Failed => Shape::Failed,
        }
    }
}

/// One run of a saga.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    pub id: String,
    pub saga: String,
    pub service: String,
    /// What it is about: `order 48213`.
    pub about: String,
    pub detail: String,
    pub state: SagaState,
    /// The step it stands at.
    pub at_step: String,
    pub attempt: String,
    pub says: String,
    pub next: String,
    pub started_at: u64,
    pub ended_at: Option<u64>,
    pub parked_at: Option<u64>,
    /// When it compensates by itself.
    pub deadline: Option<u64>,
    /// Why it is parked, in a sentence.
    pub why: String,
    pub steps: Vec<Step>,
    pub attempts: Vec<Attempt>,
    pub holds: Vec<Held>,
    pub trail: Vec<Note>,
    pub input: Payload,
    pub trace: String,
}

/// How a step of an instance stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    #[default]
    NotBegun,
    Running,
    Done,
    Parked,
    Failed,
    Undone,
}

impl StepState {
    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::NotBegun => Shape::NotKnown,
            Self::Running => Shape::Running,
            Self::Done => Shape::Well,
            Self::Parked => Shape::Parked,
            Self::Failed => Shape::Failed,
            Self::Undone => Shape::Compensated,
        }
    }
}

/// A step of an instance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    pub name: String,
    pub service: String,
    pub promise: Promise,
    pub undo: String,
    pub undo_detail: String,
    pub state: StepState,
    /// `done in 2.8 ms`
    pub says: String,
}

/// One try of a step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attempt {
    pub at: u64,
    pub step: String,
    pub attempt: u64,
    pub good: bool,
    pub answer: String,
    pub took_ms: f64,
}

/// What an instance keeps from others while it is not done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Held {
    pub kind: String,
    pub what: String,
}

/// Something that happened, in a sentence; names stand between backticks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Note {
    pub at: u64,
    pub text: String,
    /// Where it can be seen.
    pub link: String,
}
