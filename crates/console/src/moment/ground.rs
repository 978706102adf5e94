//! What services stand on: servers, stores, tables, and who may touch them.

use freehold_model::{EngineKind, Isolation};
use serde::{Deserialize, Serialize};

/// A database server, or the folder of SQLite's files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub key: String,
    pub engine: EngineKind,
    /// `PostgreSQL 17.2`
    pub version: String,
    #[serde(default)]
    pub address: String,
}

/// A service's own database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `main`, or its key in the description.
    pub key: String,
    pub server: String,
    pub engine: EngineKind,
    /// The database, schema or prefix.
    pub name: String,
    pub isolation: Isolation,
    /// The engine does not keep others out at this level; freehold's checks do what they can.
    #[serde(default)]
    pub advisory: bool,
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Is the store there?
    pub exists: bool,
    /// Migrations that are not applied.
    #[serde(default)]
    pub pending: usize,
    /// When it was last looked at.
    #[serde(default)]
    pub seen_at: Option<u64>,
    #[serde(default)]
    pub tables: Vec<Table>,
    /// The columns of the privileges.
    #[serde(default)]
    pub identities: Vec<Identity>,
    #[serde(default)]
    pub drift: Vec<Drift>,
    #[serde(default)]
    pub migrations: Vec<Migration>,
    /// What cannot be enforced, or is wrong: code and sentence.
    #[serde(default)]
    pub notes: Vec<(String, String)>,
}

impl Store {
    /// `main/orders`
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// The two letters of its engine.
    #[must_use]
    pub fn tile(&self) -> &'static str {
        crate::parts::letters(self.engine)
    }
}

/// A login or role, as a column.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub name: String,
    /// `12 sessions`, `does not exist now`.
    #[serde(default)]
    pub detail: String,
}

/// A table, with what each identity may do to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: String,
    /// `append-only`, `copy of catalog`.
    #[serde(default)]
    pub kind: String,
    /// One of freehold's own.
    #[serde(default)]
    pub ours: bool,
    #[serde(default)]
    pub rows: Option<u64>,
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Letters of `SIUD` for each identity, in the order of [`Store::identities`]. A letter behind
    /// `+` is granted and not described; behind `-` described and missing.
    #[serde(default)]
    pub rights: Vec<String>,
}

/// Live is not what is described.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// A sentence; names stand between backticks.
    pub what: String,
    /// The short form for the map: "UPDATE on `order_items`".
    #[serde(default)]
    pub brief: String,
    #[serde(default)]
    pub since: Option<u64>,
}

/// A migration or a seed of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    pub version: String,
    pub name: String,
    #[serde(default)]
    pub checksum: String,
    /// Is the file what the ledger says was applied?
    pub same: bool,
    #[serde(default)]
    pub statements: usize,
    #[serde(default)]
    pub reversible: bool,
    #[serde(default)]
    pub applied_at: Option<u64>,
    #[serde(default)]
    pub took_ms: Option<f64>,
}
