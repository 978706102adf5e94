//! The statements by which an engine keeps a read model: the contract between who makes them and
//! who runs them. The algorithm is in `events`.

use std::collections::BTreeMap;

/// The most driving rows that are made anew in one transaction: statements that find keys give no
/// more of them at once.
pub const READ_MODEL_PAGE: usize = 5_000;

/// One engine's statements for one read model, with that engine's placeholders.
///
/// An argument `keys` is a JSON array of objects that name the driving source's key; `rows` one of
/// objects that name at least the columns of the entities of the source that changed. None of them begins or
/// ends a transaction.
///
/// Where [`ReadModelSql::lay`] is not empty, the engine cannot read typed keys out of an argument:
/// they are laid down in tables first, and no other statement here takes an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadModelSql {
    /// What names this form of the model in the list of work: the name and the definition's hash.
    pub version: String,
    /// By source: lay rows down, by statements one after the other. Arguments of each: rows.
    pub lay: Vec<Vec<String>>,
    /// Lay keys down. Arguments of each: keys.
    pub lay_keys: Vec<String>,
    /// Lay the key down behind which to begin. Arguments of each: a JSON array of that key alone.
    pub lay_cursor: Vec<String>,
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
    /// Keys are read by the copy's types: however one is written, it is one. Then a change of a
    /// driving row names its key itself.
    pub typed: bool,
    /// Source index → copy.
    pub sources: BTreeMap<usize, String>,
}
