//! The statements by which an engine keeps a read model. The algorithm is in `events`, the plan in
//! `readmodel`; the tables are the engine's own.

use std::collections::BTreeMap;

/// The most driving rows that are made anew in one transaction: statements that find keys give no
/// more of them at once.
pub const READ_MODEL_PAGE: usize = 5_000;

/// One engine's statements for one read model, with that engine's placeholders.
///
/// An argument `keys` is a JSON array of objects that name the driving source's key; `rows` one of
/// objects that name at least the key columns of the source that changed. None of them begins or
/// ends a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadModelSql {
    /// What names this form of the model in [`WorkSql`]: the name and the definition's hash.
    pub version: String,
    /// Keys of driving rows that a change of rows of a source touches, as it was (from the model's
    /// own rows) and as it is (through the copies): one column, a JSON object each, in the order of
    /// the keys. At most [`READ_MODEL_PAGE`]. By the source's index. Arguments: rows.
    pub touched: Vec<String>,
    /// The same behind a key. Arguments: rows, the key.
    pub touched_after: Vec<String>,
    /// Keys of all driving rows, of the copy and of the model's own rows, likewise. No
    /// arguments.
    pub all: String,
    /// The same behind a key. Arguments: the key.
    pub all_after: String,
    /// Makes the rows of these keys anew, by statements one after the other. Arguments of each: keys.
    pub remake: Vec<String>,
    /// Source index → copy.
    pub sources: BTreeMap<usize, String>,
}

/// What of read models is still to be done: a first build, or the rest of a change that touches
/// more rows than one transaction should.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkSql {
    /// (id, model, source, rows, cursor), oldest first. No arguments.
    pub open: String,
    /// Adds one. Arguments: model, source (-1: everything), rows.
    pub put: String,
    /// Moves one on. Arguments: id, cursor.
    pub moved: String,
    /// Removes one. Arguments: id.
    pub done: String,
    /// Removes builds of a model that have not ended. Arguments: model.
    pub forget_builds: String,
}
