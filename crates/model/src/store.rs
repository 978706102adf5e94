//! A service's own database: engine, server, isolation, and the identities that may open it.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::service::Migrations;

/// A kind of database. Kinds whose engine crate is not there yet parse, and say so.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    Postgres,
    Mysql,
    Mariadb,
    Sqlite,
    Sqlserver,
    Oracle,
    Redis,
    Mongodb,
}

impl EngineKind {
    /// Each kind, in the order of the support matrix.
    pub const ALL: [Self; 8] = [
        Self::Postgres,
        Self::Mysql,
        Self::Mariadb,
        Self::Sqlite,
        Self::Sqlserver,
        Self::Oracle,
        Self::Redis,
        Self::Mongodb,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Sqlite => "sqlite",
            Self::Sqlserver => "sqlserver",
            Self::Oracle => "oracle",
            Self::Redis => "redis",
            Self::Mongodb => "mongodb",
        }
    }

    /// The name of the folder below `migrations/` that serves this kind: MariaDB reads `mysql/`
    /// where it has no folder of its own.
    pub fn migration_folders(self) -> &'static [&'static str] {
        match self {
            Self::Mariadb => &["mariadb", "mysql"],
            Self::Postgres => &["postgres"],
            Self::Mysql => &["mysql"],
            Self::Sqlite => &["sqlite"],
            Self::Sqlserver => &["sqlserver"],
            Self::Oracle => &["oracle"],
            Self::Redis => &["redis"],
            Self::Mongodb => &["mongodb"],
        }
    }

    /// How many bytes the name of a login or database may have. MySQL's is the limit of user
    /// names; MariaDB's and SQLite's are cut to PostgreSQL's, so that names move unchanged.
    pub fn name_limit(self) -> usize {
        match self {
            Self::Mysql => 32,
            _ => 63,
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The four levels of the pattern, weakest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    Tables,
    Schema,
    Database,
    Instance,
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tables => "tables",
            Self::Schema => "schema",
            Self::Database => "database",
            Self::Instance => "instance",
        })
    }
}

/// How a service's program gets its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deliver {
    /// One JSON line on the descriptor named by `FREEHOLD_CREDENTIALS_FD`.
    Fd,
    /// A folder, relative to the system's root or absolute; one file per credential, mode 0600.
    File(PathBuf),
    /// `DATABASE_URL` in the environment of that one child.
    Env,
    /// `k8s:…`, `vault:…`: parsed, refused with "not there yet" when used.
    Later { scheme: String, rest: String },
}

/// A service's own database as described; placed on a server that [`crate::System`] names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// `main`, or the key below `stores:`.
    pub key: String,
    /// Key in [`crate::System::servers`].
    pub server: String,
    /// The database, schema or prefix that it has on the server; `<service>` by default,
    /// `<service>_<key>` for a store that is not `main`.
    pub name: String,
    pub isolation: Isolation,
    /// The engines that migrations exist for; empty: whatever the server is.
    pub engines: Vec<EngineKind>,
    /// Rebuilt from other stores, never the truth.
    pub derived: bool,
    /// Take away rights on our objects that the description does not name. `None`: true for
    /// stores that freehold created, false for adopted ones.
    pub prune: Option<bool>,
    /// Refuse connections of the service's identities without TLS where the engine can.
    pub require_tls: bool,
    /// Of this store alone; `None`: the service's for `main`, none for any other. Ask
    /// [`crate::Service::migrations_of`].
    pub migrations: Option<Migrations>,
    /// Of this store alone; `None`: the service's for `main`, none for any other. Ask
    /// [`crate::Service::seeds_of`].
    pub seeds: Option<PathBuf>,
    pub identities: Identities,
}

/// Names of the logins and roles of one store, defaults filled in and fitted to 63 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identities {
    /// Owns the objects, cannot log in.
    pub owner: String,
    pub app: AppIdentity,
    pub sidecar: String,
    pub backup: String,
    pub migrator: String,
    /// Owns the functions that change the password of exactly this store's logins.
    pub issuer: String,
}

/// The program's identity: a group that holds the rights, two logins that alternate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppIdentity {
    pub role: String,
    pub logins: [String; 2],
}
