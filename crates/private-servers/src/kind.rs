//! Which server software. A new kind is a variant here and a file beside `postgres.rs`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The server software that a private server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Postgres,
    Mariadb,
    /// Only where a `mysqld` of Oracle's is found; MariaDB's own `mysqld` does not count.
    Mysql,
}

impl Kind {
    /// The name as its makers write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mariadb => "MariaDB",
            Self::Mysql => "MySQL",
        }
    }

    /// The operating-system user that the package makes for it.
    pub fn user(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb | Self::Mysql => "mysql",
        }
    }

    /// The Debian package that holds the server.
    pub fn debian_package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Mariadb => "mariadb-server",
            Self::Mysql => "mysql-server-core",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}
