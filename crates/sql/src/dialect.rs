//! The SQL dialects, and how their words and quotes differ.
//!
//! Owns the lexical differences that are a plain yes or no; what takes a scan is in
//! [`crate::lexer`]. Must not know engines, versions or connections.

use std::fmt;

/// Whose SQL a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    Postgres,
    Mysql,
    Mariadb,
    Sqlite,
    Sqlserver,
    Oracle,
}

impl Dialect {
    pub const ALL: [Self; 6] = [
        Self::Postgres,
        Self::Mysql,
        Self::Mariadb,
        Self::Sqlite,
        Self::Sqlserver,
        Self::Oracle,
    ];

    /// MySQL or MariaDB: the two share quoting, comments, `DELIMITER` and commits by DDL.
    #[must_use]
    pub fn is_mysql_like(self) -> bool {
        matches!(self, Self::Mysql | Self::Mariadb)
    }

    /// The name that people use for it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Sqlite => "SQLite",
            Self::Sqlserver => "SQL Server",
            Self::Oracle => "Oracle",
        }
    }

    /// `/* /* */ */` is one comment. T-SQL nests as PostgreSQL does; the rest end at the first `*/`.
    pub(crate) fn nests_comments(self) -> bool {
        matches!(self, Self::Postgres | Self::Sqlserver)
    }

    /// A bare word is folded to this case before it names anything.
    pub(crate) fn fold(self, word: &str) -> String {
        match self {
            Self::Postgres => word.to_ascii_lowercase(),
            Self::Oracle => word.to_uppercase(),
            Self::Mysql | Self::Mariadb | Self::Sqlite | Self::Sqlserver => word.to_owned(),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
