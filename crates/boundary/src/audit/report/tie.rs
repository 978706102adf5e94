//! What holds contexts together in the catalog, and tables that nobody owns.

use serde::{Deserialize, Serialize};

/// A foreign key from one context into another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub from: String,
    pub to: String,
    pub table: String,
    pub columns: Vec<String>,
    /// The table that it points at.
    pub references: String,
    pub on_delete: OnDelete,
}

/// What a delete on the other side does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// Something else that holds contexts together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    pub kind: TieKind,
    /// As one would write it: `place_order()`.
    pub name: String,
    /// The contexts it holds together; for a trigger the one it fires in first, then where it acts.
    pub contexts: Vec<String>,
    /// Whether it can touch any table, because it runs what it is given.
    pub any: bool,
    /// Tables it touches or feeds.
    pub tables: usize,
}

/// What kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieKind {
    View,
    Function,
    Trigger,
    Sequence,
    Policy,
    ForeignServer,
}

/// A table that no context owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    pub table: String,
    /// As the server estimates it; `None` if it was never looked at.
    pub rows: Option<u64>,
    pub bytes: u64,
    /// `None`: not known.
    pub written_by: Option<Users>,
    /// `None`: not known.
    pub read_by: Option<Users>,
    pub fits: Fit,
}

/// Who used a table in the window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    pub programs: Vec<String>,
    /// Tables whose triggers write it.
    pub trigger_tables: usize,
    /// How many contexts those tables belong to.
    pub trigger_contexts: usize,
}

/// What fits a table of nobody best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fit", rename_all = "snake_case")]
pub enum Fit {
    /// Each context keeps one of its own.
    EachItsOwn,
    /// It becomes settings of each service.
    Settings,
    /// Hardly ever changes: a seed in each store.
    Seed,
    /// Nobody used it: archive, then drop.
    Archive,
    /// It belongs to one context after all.
    Belongs {
        context: String,
    },
    /// Several write it: one of them has to own it.
    NeedsOwner,
    NotKnown,
}
