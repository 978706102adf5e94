//! Who may log in, how far each gets, and by which path.

use serde::{Deserialize, Serialize};

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub name: String,
    /// Tables it may read, as the server itself would decide, those of nobody included.
    pub reads: usize,
    /// Tables it may write.
    pub writes: usize,
    /// How it reaches every table, the widest way first; empty if it does not.
    pub paths: Vec<Path>,
    /// Programs that use it.
    pub programs: Vec<String>,
    /// Open sessions.
    pub sessions: usize,
    /// Of them, streams to a replica.
    pub streams: usize,
    /// Whether all its sessions use TLS; `None` without a session, or not known.
    pub tls: Option<bool>,
    /// Whether it has a session, or a statement in the window; `None` if that cannot be known.
    pub used: Option<bool>,
    /// Wanted like this: `access:` names it with a reason. It no longer counts as a way in.
    #[serde(default)]
    pub declared: bool,
    /// What would close the way in.
    pub closes: Option<String>,
}

/// A way to every table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    pub by: By,
    /// From the login to the tables; names between backticks: `` `dba_1` ``, `` `dba` ``.
    pub steps: Vec<String>,
}

/// What opens a way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Owner,
    RoleChain,
    DefinerFunction,
    Superuser,
    Replication,
    /// Rights of its own on each table, or on the whole database.
    Grant,
    /// Everybody's rights.
    Public,
    View,
    ForeignServer,
    /// May change roles, and so give itself anything.
    RoleAdmin,
}

/// What every login may do, and any made tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Public {
    pub connect: bool,
    /// In the order of the contexts, nobody's last; without zeros.
    pub reads: Vec<PublicReads>,
    /// Tables that everybody may write.
    pub writes: usize,
}

/// Tables of one context that everybody may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicReads {
    /// `None`: tables that nobody owns.
    pub context: Option<String>,
    pub tables: usize,
}
