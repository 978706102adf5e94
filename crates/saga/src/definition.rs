//! A saga as it is defined: what the files say once everything in them was checked.
//!
//! Made by [`crate::read`]. The shape that the executor runs by is [`crate::Plan`], derived here.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::contract::Type;
use crate::graph::Steps;
use crate::request::Request;
use crate::template::Template;

/// A definition without fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub name: String,
    /// Of the input: an instance names the version that it was started with.
    pub version: u32,
    /// Names the definition for ever: running instances keep theirs.
    pub hash: String,
    /// The file as canonical JSON: what the store keeps under the hash, and what
    /// [`crate::read`] makes the same definition of.
    pub canonical: String,
    pub input: Type,
    /// From the start to the last possible moment of turning back.
    pub timeout_ms: Option<u64>,
    /// For starts by event or API; a start row brings its own keys.
    pub lock_keys: Vec<Template>,
    pub on_conflict: OnConflict,
    pub start: Option<StartBy>,
    pub steps: Vec<Step>,
}

/// What a start does when another saga holds one of its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// The start fails, and the business transaction with it.
    Refuse,
    /// It waits, holding nothing.
    Wait,
}

/// An event that starts the saga.
#[derive(Debug, Clone, PartialEq)]
pub struct StartBy {
    pub event: String,
    /// The business key, so that an event that comes twice starts one saga.
    pub key: Template,
    pub input: Template,
}

/// What may become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// Has an undo; stands before the pivot.
    Compensatable,
    /// The point of no return: after it the saga only goes forward.
    Pivot,
    /// After the pivot; tried until it is done.
    Retriable,
    /// Waits for a human or an event; before the pivot.
    Approval,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: String,
    pub kind: StepKind,
    /// The steps that it waits for.
    pub after: Steps,
    /// All that come before it, directly or not.
    pub ancestors: Steps,
    /// None for an approval.
    pub call: Option<Request>,
    pub undo: Option<Request>,
    /// Asks a participant what became of an action, and cancels it where asked to.
    pub resolve: Option<Request>,
    /// What a reply carries; approvals carry it too.
    pub output: Type,
    pub retry: Retry,
    /// Of one attempt; of an approval: until it counts as rejected.
    pub timeout_ms: Option<u64>,
    pub on_refused: OnRefused,
    /// How long the participant recognises a request that comes again; `None`: for ever, as the
    /// barrier does.
    pub keys_kept_ms: Option<u64>,
    /// The event that approves; `None`: a human does.
    pub approved_by: Option<String>,
}

/// How often an attempt is made, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    pub first_ms: u64,
    pub factor: f64,
    pub max_ms: u64,
    /// The part of a pause that is left to chance, from 0 to 1.
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_ms: 200,
            factor: 2.0,
            max_ms: 30_000,
            jitter: 0.2,
        }
    }
}

/// What a refusal leads to, once the time of parking is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OnRefused {
    /// Time for an operator to retry or edit before it goes on by itself.
    pub park_ms: Option<u64>,
    pub then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    Compensate,
    /// A new generation of the same request.
    Retry,
    /// Stays parked until an operator acts.
    Wait,
}

impl Definition {
    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }

    pub fn pivot(&self) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| step.kind == StepKind::Pivot)
    }

    /// Names of the sagas that its steps start, undo ones included.
    pub fn nested(&self) -> impl Iterator<Item = (usize, &str)> {
        self.steps.iter().enumerate().flat_map(|(index, step)| {
            [&step.call, &step.undo, &step.resolve]
                .into_iter()
                .flatten()
                .filter_map(move |request| Some((index, request.saga()?)))
        })
    }
}

/// `value` with the keys of every map in order and without white space: equal definitions are
/// equal bytes, however they were laid out.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<(&String, &Value)> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// SHA-256 of the canonical form, in hexadecimal digits.
pub(crate) fn hash(canonical: &str) -> String {
    let digest = Sha256::digest(canonical.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
