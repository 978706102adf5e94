//! What was audited, over which time, and how.

use serde::{Deserialize, Serialize};

/// The audited database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub database: String,
    /// `host:port`, never with a login or password.
    pub address: String,
    /// `PostgreSQL`, `MySQL`, `MariaDB`.
    pub product: String,
    /// As the product writes it: `15.8`.
    pub product_version: String,
    /// All tables, owned by a context or not.
    pub tables: usize,
}

/// The time that the server's statistics cover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// RFC 3339 in UTC.
    pub since: String,
    pub days: f64,
}

/// All statements of the database.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub calls_a_day: f64,
    /// Time spent in statements, in seconds for each day.
    pub seconds_a_day: f64,
}

/// How the audit itself was done: its own log, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub login: String,
    /// Roles that gave the login what it saw.
    pub member_of: Vec<String>,
    pub statements: usize,
    pub elapsed_ms: u64,
    pub longest_ms: u64,
    /// Statements that write: always 0, and counted all the same.
    pub writes: usize,
    /// In the words of the server: `ACCESS SHARE`.
    pub strongest_lock: String,
}

/// An audit that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastAudit {
    /// RFC 3339 in UTC.
    pub at: String,
    /// Crossing statements.
    pub statements: usize,
    /// Of them, not in the audit before.
    pub new: usize,
    /// In the audit before, and no more.
    pub mended: usize,
}
