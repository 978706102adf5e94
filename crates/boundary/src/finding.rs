//! What is found: kinds of crossings, findings, and the marks that they are remembered by.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::spot::Spot;

/// How a boundary is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One statement reads tables of two contexts together.
    Join,
    Read,
    Write,
    ForeignKey,
    /// Creates, alters, drops, locks or grants another context's table.
    Schema,
    /// A view, routine, trigger or policy over another context's table.
    View,
    /// Imports another context's model or repository.
    Import,
    /// A model is related to another context's model.
    Relation,
    /// One transaction writes to two contexts.
    Transaction,
    /// Imports another context's model as a type alone.
    TypeImport,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Join,
        Self::Read,
        Self::Write,
        Self::ForeignKey,
        Self::Schema,
        Self::View,
        Self::Import,
        Self::Relation,
        Self::Transaction,
        Self::TypeImport,
    ];

    /// The page that explains it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Join => "FH2101",
            Self::Read => "FH2102",
            Self::Write => "FH2103",
            Self::ForeignKey => "FH2104",
            Self::Schema => "FH2105",
            Self::View => "FH2106",
            Self::Import => "FH2107",
            Self::Relation => "FH2108",
            Self::Transaction => "FH2109",
            Self::TypeImport => "FH2110",
        }
    }

    /// As policies and machines call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Read => "read",
            Self::Write => "write",
            Self::ForeignKey => "foreign-key",
            Self::Schema => "schema",
            Self::View => "view",
            Self::Import => "import",
            Self::Relation => "relation",
            Self::Transaction => "transaction",
            Self::TypeImport => "type-import",
        }
    }

    /// One sentence about it: "orders *joins a table that belongs to* customers".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Join => "joins a table that belongs to",
            Self::Read => "reads a table that belongs to",
            Self::Write => "writes a table that belongs to",
            Self::ForeignKey => "has a foreign key to a table that belongs to",
            Self::Schema => "changes the schema of a table that belongs to",
            Self::View => "has a view or routine over a table that belongs to",
            Self::Import => "imports a model that belongs to",
            Self::Relation => "relates a model to one that belongs to",
            Self::Transaction => "writes in one transaction with its own tables those of",
            Self::TypeImport => "imports the type of a model that belongs to",
        }
    }

    /// The way out.
    #[must_use]
    pub fn way_out(self) -> &'static str {
        match self {
            Self::Join => {
                "keep a copy of the columns that are needed, fed by the owner's events, or declare a read model"
            }
            Self::Read => "ask the owner's API, or keep a copy fed by its events",
            Self::Write => "call the owner's API, or publish an event that the owner acts on",
            Self::ForeignKey => "keep the id as a plain value, and clean up on the owner's event",
            Self::Schema => "move the statement into the owner's migrations",
            Self::View => {
                "build a read model from the owner's events instead of a view over its tables"
            }
            Self::Import => "use the owner's API or its published contract instead of its model",
            Self::Relation => "keep the id as a plain column instead of a relation",
            Self::Transaction => {
                "write one's own rows and an event in the transaction, and let the other context act on it: a saga where both must happen or neither"
            }
            Self::TypeImport => "declare a type of your own with the fields that are used",
        }
    }
}

/// One place where a boundary is crossed.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub kind: Kind,
    pub code: &'static str,
    pub from: String,
    pub to: String,
    /// The table, or the model, as the owner calls it.
    pub object: String,
    pub file: PathBuf,
    #[serde(flatten)]
    pub spot: Spot,
    /// How it was seen: "a template string, parsed as PostgreSQL".
    pub seen: String,
    /// `parsed`, `recovered` or `inferred`.
    pub confidence: &'static str,
    /// The code belongs to no context: `from` is the owner of the statement's first table.
    pub assumed: bool,
    pub fingerprint: String,
    /// Of a transaction: its writes, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
    /// The baseline has it.
    pub known: bool,
}

impl Finding {
    /// From sure to likely.
    pub(crate) const CONFIDENCES: [&'static str; 3] = ["parsed", "recovered", "inferred"];

    #[must_use]
    pub fn message(&self) -> String {
        format!("{} {} {}", self.from, self.kind.phrase(), self.to)
    }

    /// All that is to be said in lines of text: the message, the statements of a transaction in
    /// their order, the way out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}", self.message(), self.object);
        for (i, statement) in self.statements.iter().enumerate() {
            let _ = write!(text, "\n{}. {statement}", i + 1);
        }
        let _ = write!(text, "\nWay out: {}", self.kind.way_out());
        text
    }
}

/// What stays the same when code is moved, reformatted or renamed: kind, contexts, object, and
/// the declaration around.
pub(crate) fn fingerprint(kind: Kind, from: &str, to: &str, object: &str, symbol: &str) -> String {
    mark(&[kind.name(), from, to, &object.to_ascii_lowercase(), symbol])
}

/// A short digest of these parts.
pub(crate) fn mark(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut mark = String::new();
    for byte in hash.finalize().iter().take(8) {
        let _ = write!(mark, "{byte:02x}");
    }
    mark
}
