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
    /// Header `-- freehold: batch by id 10000`: its one statement runs for a range of keys at a time.
    pub batch: Option<Batch>,
}

/// How a migration of data is cut into ranges of an integer key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The table whose keys are walked. `None`: the one that the statement updates or deletes from.
    pub table: Option<String>,
    /// The column.
    pub key: String,
    /// How many rows of the table a range holds.
    pub size: u32,
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
