//! What one store is, read from the server itself. There is no state file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::grant::Grant;

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It carries this store's mark, or the ledger has it.
    Ours,
    /// Its name is the one that we would use, and it is somebody else's: the mark or owner found.
    Foreign(String),
}

/// A role, login or account with one of this store's names, or one that holds something of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Whose it is.
    pub mark: Mark,
    /// Can it log in (is it unlocked)?
    pub can_login: bool,
    /// Has it a password at all? `None`: this login may not know.
    pub has_password: Option<bool>,
    /// SHA-256 in hex of its stored verifier. `None`: this login may not know.
    pub verifier: Option<String>,
    /// Attributes beyond logging in, by the engine's own names in lower case: `superuser`, `createrole`, `require_ssl`.
    pub attributes: BTreeSet<String>,
    /// Settings bound to it: `search_path=orders`.
    pub settings: BTreeSet<String>,
}

/// A table of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its owner; the engine's nearest thing, or empty.
    pub owner: String,
    /// Columns in order.
    pub columns: Vec<String>,
    /// Columns that the server fills (identity, serial, generated): not to be forged by an insert.
    pub filled_by_server: BTreeSet<String>,
    /// A view, not a table.
    pub view: bool,
}

/// A foreign key of a table of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// The table that has it.
    pub table: String,
    /// The table that it points to, with schema or database where it is another one.
    pub references: String,
    /// `NO ACTION`, `RESTRICT`, `CASCADE`, `SET NULL`, `SET DEFAULT`.
    pub on_delete: String,
    /// Likewise.
    pub on_update: String,
}

/// A function, procedure or trigger of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Routine {
    /// `function`, `procedure`, `trigger`.
    pub kind: String,
    /// Its owner or definer.
    pub owner: String,
    /// Does it run with its owner's rights?
    pub definer: bool,
    /// The fingerprint of its text.
    pub fingerprint: String,
    /// Its text; triggers of engines whose triggers always run with the definer's rights are judged by it.
    pub body: String,
}

/// The state of one store. Everything that [`crate::Engine::diff`] decides on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Live {
    /// `None`: there is no such database (file). Else whose it is.
    pub database: Option<Mark>,
    /// `None`: there is no such schema, or the engine has none.
    pub schema: Option<Mark>,
    /// Was the store itself looked into (false: only the server, since the database is not there)?
    pub looked_inside: bool,
    /// Roles by name: those with this store's names, and whoever holds something of ours.
    pub roles: BTreeMap<String, Role>,
    /// Every direct right on the store's objects, memberships in its roles, and what its roles hold elsewhere on the server.
    pub grants: BTreeSet<Grant>,
    /// The store's tables and views, freehold's own included.
    pub tables: BTreeMap<String, Table>,
    /// Sequences of the store and the table that owns each, if any.
    pub sequences: BTreeMap<String, Option<String>>,
    /// Functions, procedures and triggers by signature.
    pub routines: BTreeMap<String, Routine>,
    /// Foreign keys.
    pub foreign_keys: BTreeSet<ForeignKey>,
    /// Installed extensions.
    pub extensions: BTreeSet<String>,
    /// The format of the ledger, as it says itself. `None`: there is no ledger.
    pub ledger_format: Option<u32>,
    /// Whatever else an engine's diff needs: settings of the database, owner of the schema.
    pub facts: BTreeMap<String, String>,
}

impl Live {
    /// Is there a table of this name?
    pub fn has_table(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}
