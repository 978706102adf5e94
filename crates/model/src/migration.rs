//! Versioned changes of a schema, and baseline data, as files.

use std::path::PathBuf;
use std::time::Duration;

/// Where a migration stands in an expand–contract change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Expand,
    Contract,
}

/// `NNNN_name.up.sql` and its `.down.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    pub number: u32,
    /// Without number and ending: `split_name`.
    pub name: String,
    pub up: String,
    pub up_file: PathBuf,
    /// `None`: irreversible.
    pub down: Option<String>,
    pub down_file: Option<PathBuf>,
    /// Header `-- freehold: phase: expand`.
    pub phase: Option<Phase>,
    /// Header `-- freehold: no_transaction`.
    pub no_transaction: bool,
    /// Header `-- freehold: lock_timeout: 5s`: how long a statement may wait for a lock.
    pub lock_timeout: Option<Duration>,
}

impl Migration {
    /// `0003_status`
    pub fn id(&self) -> String {
        format!("{:04}_{}", self.number, self.name)
    }
}

/// `NN_name.up.sql` and its `.down.sql`: idempotent baseline data with its reverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    pub number: u32,
    pub name: String,
    pub up: String,
    pub up_file: PathBuf,
    pub down: Option<String>,
    pub down_file: Option<PathBuf>,
    /// Header `-- freehold: environments: prod, staging`: where it may run although that
    /// environment is protected.
    pub environments: Vec<String>,
}
