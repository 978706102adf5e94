//! A line of a log.

use serde::{Deserialize, Serialize};

/// How much it matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    Info,
    Warn,
    Error,
}

/// A line that a program or a sidecar wrote.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogLine {
    pub at: u64,
    /// The service, or what else wrote it.
    pub from: String,
    pub level: Level,
    pub text: String,
    /// The trace it belongs to.
    pub trace: String,
}
