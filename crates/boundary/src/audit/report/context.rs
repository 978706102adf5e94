//! The contexts, why they were cut like this, and the order in which they come off.

use serde::{Deserialize, Serialize};

/// A context and its tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub name: String,
    /// Sorted.
    pub tables: Vec<String>,
    pub bytes: u64,
    /// Foreign keys between its own tables.
    pub keys_inside: usize,
    /// Beginnings of names that its tables share: `order_`.
    pub stems: Vec<String>,
    /// Programs that write its tables, the most calls first.
    pub writers: Vec<String>,
    /// Of the calls that touch its tables or come from its programs, the share that stays within
    /// it, 0 to 1; `None` without statistics.
    pub stays_inside: Option<f64>,
    /// Tables that could stand in another context.
    pub elsewhere: Vec<Elsewhere>,
}

/// A table that could stand elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Elsewhere {
    pub table: String,
    /// How much speaks for the place that was chosen, 0 to 1.
    pub score: f64,
}

/// Where contexts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The services' descriptions.
    Services,
    /// `boundaries.yaml`.
    File,
    /// The server's schemas or databases.
    Schemas,
    /// Nobody said it: proposed from foreign keys, stems, use in one statement, writers.
    Proposal,
}

/// A context whose turn it is to come off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStep {
    pub context: String,
    /// Why now, where there is more to say than the numbers do.
    pub why: Option<String>,
}
