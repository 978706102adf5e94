//! What one statement says about itself.
use crate::{Dialect, TableName};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// Creates, alters or drops something, or empties a table with TRUNCATE.
    Ddl,
    /// Changes rows.
    Dml,
    /// Reads rows, or shows or explains something.
    Query,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, XA …
    Transaction,
    /// SET, USE, PRAGMA, ATTACH …: changes the session alone.
    Session,
    /// Rights and the identities that hold them: GRANT, REVOKE, CREATE ROLE …
    Grant,
    #[default]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Action {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub table: TableName,
    pub columns: Vec<String>,
    pub references: TableName,
    pub on_delete: Action,
    pub on_update: Action,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent answers to four questions"
)]
pub struct Facts {
    pub kind: Kind,
    pub creates: Vec<TableName>,
    pub drops: Vec<TableName>,
    pub renames: Vec<(TableName, TableName)>,
    pub foreign_keys: Vec<ForeignKey>,
    pub outside_transaction: bool,
    pub implicit_commit: bool,
    pub repeatable: bool,
    pub definer_function: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hole {
    ForeignKey(ForeignKey),
    DefinerFunction,
}

#[must_use]
pub fn facts(dialect: Dialect, statement: &str) -> Facts {
    let _ = (dialect, statement);
    Facts::default()
}
