//! What a connected server is and may be asked to do.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Who runs the server, as far as its behaviour differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// As its makers ship it.
    Vanilla,
    /// Amazon RDS.
    Rds,
    /// Amazon Aurora.
    Aurora,
    /// Google Cloud SQL.
    Cloudsql,
    /// Azure Database.
    Azure,
    /// MariaDB among the servers that speak MySQL's protocol.
    Mariadb,
}

/// Found by asking once, when the connection is made. All of it was readable by the login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The product's name as people write it: `PostgreSQL`, `MariaDB`, `MySQL`, `SQLite`.
    pub product: &'static str,
    /// As people say it: `17.2`, `10.11.19`.
    pub version: String,
    /// Comparable: major × 10,000 + minor × 100 + patch; PostgreSQL's own `server_version_num`.
    pub version_num: u32,
    /// Who runs it.
    pub flavour: Flavour,
    /// The login of this connection, without host.
    pub user: String,
    /// What the login may do to the server: `superuser`, `createdb`, `createrole`, or the engine's own names.
    pub rights: BTreeSet<String>,
    /// Settings that decide what is possible, by the engine's own names.
    pub settings: BTreeMap<String, String>,
    /// Is this connection encrypted?
    pub tls: bool,
}

impl Probe {
    /// Is this right held?
    pub fn may(&self, right: &str) -> bool {
        self.rights.contains(right)
    }
}
