//! Values over time.

use serde::{Deserialize, Serialize};

/// A drawing of a few lines over time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plot {
    pub title: String,
    pub detail: String,
    /// `ms`, `/s`
    pub unit: String,
    /// A logarithmic scale.
    pub log: bool,
    /// What was promised.
    pub slo: Option<f64>,
    /// When the first and the last value were measured.
    pub from: u64,
    pub to: u64,
    pub series: Vec<Series>,
    /// When something happened, and what.
    pub marks: Vec<(u64, String)>,
}

/// A line of a plot: values at even distances; one may be missing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Series {
    pub label: String,
    pub values: Vec<Option<f64>>,
}
