//! What there is in the audited database, and how its parts hang together.

use super::principals::{Grantee, Rights};

/// A database of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: Option<u32>,
    /// Nobody is let in, whatever the rights say.
    pub closed: bool,
    /// What was written about it: freehold's mark among others.
    pub comment: Option<String>,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// Whose it is; `None` where schemas have no owners.
    pub owner: Option<u32>,
    /// What was written about it: freehold's mark among others.
    pub comment: Option<String>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationKind {
    /// A table; of a partitioned one, its parts are relations of their own.
    Table,
    /// A view.
    View,
    /// A view with rows of its own.
    Materialized,
    /// A table that stands on another server.
    Foreign,
    /// A sequence.
    Sequence,
}

/// Row security of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowSecurity {
    /// It is switched on.
    pub on: bool,
    /// Also for the owner.
    pub forced: bool,
}

/// A table, view or sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Where.
    pub schema: u32,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Whose it is; of a view on MySQL, its definer.
    pub owner: Option<u32>,
    /// Of what it is a part.
    pub part_of: Option<u32>,
    /// Row security.
    pub row_security: RowSecurity,
    /// A view that reads with the rights of whoever asks, not its owner's.
    pub invoker: bool,
    /// What may be written through it, if it is a view.
    pub writable: Rights,
    /// Rows as the server estimates them.
    pub rows: Option<u64>,
    /// Bytes with indexes as of the last vacuum or analysis.
    pub bytes: Option<u64>,
    /// Names of its columns in their order.
    pub columns: Vec<String>,
    /// It came with an extension.
    pub of_extension: bool,
}

/// A view reads a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewUse {
    /// The view.
    pub view: u32,
    /// What it reads.
    pub relation: u32,
    /// Which columns; empty: none by name.
    pub columns: Vec<u16>,
}

/// A function, procedure or scheduled event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routine {
    /// Where.
    pub schema: u32,
    /// Its name.
    pub name: String,
    /// Its arguments' types as the server writes them: `bigint, text`.
    pub arguments: String,
    /// Whose it is, or who defined it.
    pub owner: Option<u32>,
    /// It runs with the owner's rights.
    pub definer: bool,
    /// `sql`, `plpgsql`, `c`.
    pub language: String,
    /// It is called by triggers only.
    pub for_triggers: bool,
    /// Its body, where it is text and may be read; cut at [`super::Limits::text`].
    pub body: Option<String>,
    /// It came with an extension.
    pub of_extension: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// On what.
    pub relation: u32,
    /// Its name.
    pub name: String,
    /// What it calls, where that is an object of its own.
    pub routine: Option<u32>,
    /// Who defined it, where that decides about rights.
    pub definer: Option<u32>,
    /// Its own body, where it has one.
    pub body: Option<String>,
    /// `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`.
    pub fires_on: Rights,
}

/// A policy of row security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// On what.
    pub relation: u32,
    /// Its name.
    pub name: String,
    /// One of those that let rows through (else it narrows the others).
    pub permissive: bool,
    /// For which actions.
    pub actions: Rights,
    /// For whom.
    pub to: Vec<Grantee>,
    /// Other relations that it reads.
    pub reads: Vec<u32>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// The table with the key.
    pub from: u32,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that is pointed at.
    pub to: u32,
    /// What a delete on the far side does: `NO ACTION`, `RESTRICT`, `CASCADE`, `SET NULL`, `SET DEFAULT`.
    pub on_delete: &'static str,
    /// What an update of the far key does.
    pub on_update: &'static str,
}

/// A table draws numbers from a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceUse {
    /// The table.
    pub relation: u32,
    /// Its column.
    pub column: String,
    /// The sequence.
    pub sequence: u32,
}

/// Something installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// How another server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// `CREATE SERVER`: foreign tables.
    ForeignServer,
    /// Functions that connect to anywhere (dblink).
    Functions,
    /// A table whose rows are elsewhere (FEDERATED, CONNECT, SPIDER).
    RemoteTable,
    /// Rows come from another server all the time.
    Subscription,
    /// Rows go to whoever subscribes.
    Publication,
}

/// A way to another server. Never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// How.
    pub kind: LinkKind,
    /// Its name.
    pub name: String,
    /// What carries it: `postgres_fdw`.
    pub wrapper: String,
    /// Where to, without login: `host=x dbname=y`; `None`: not seen.
    pub target: Option<String>,
    /// Whose it is.
    pub owner: Option<u32>,
    /// Who has a login there.
    pub mappings: Vec<UserMapping>,
    /// Tables that stand behind it.
    pub relations: Vec<u32>,
    /// Tables that it carries, where it carries all: empty.
    pub all_tables: bool,
}

/// Somebody has a login on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMapping {
    /// Who.
    pub who: Grantee,
    /// As whom; `None`: not seen.
    pub remote: Option<String>,
}
