//! The name of a table as a statement writes it: unquoted, and folded as the dialect folds.
//!
//! Owns comparison of names. Reading names out of tokens is done in [`crate::facts()`].

use std::fmt;

use crate::Dialect;

/// A table's name without quotes. `schema` is what stood before the last dot, if anything did:
/// a schema, or on MySQL, MariaDB and SQLite a database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
}

impl TableName {
    #[must_use]
    pub fn new(schema: Option<&str>, name: &str) -> Self {
        Self {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// Do both names name one table, if a name without a schema means `default_schema`?
    /// SQLite and SQL Server (in its default collation) do not tell upper case from lower;
    /// MySQL and MariaDB may or may not, by server setting, and are taken at their strictest.
    #[must_use]
    pub fn same(&self, other: &Self, dialect: Dialect, default_schema: &str) -> bool {
        let equal = |a: &str, b: &str| match dialect {
            Dialect::Sqlite => a.eq_ignore_ascii_case(b),
            Dialect::Sqlserver => a.to_lowercase() == b.to_lowercase(),
            _ => a == b,
        };
        let schema_of = |name: &'_ Self| {
            name.schema
                .clone()
                .unwrap_or_else(|| default_schema.to_owned())
        };
        equal(&self.name, &other.name) && equal(&schema_of(self), &schema_of(other))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
