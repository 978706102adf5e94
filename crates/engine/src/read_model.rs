//! The list of what of read models is still to be done. How their rows are kept is said in
//! `readmodel`, the algorithm in `events`; the tables are the engine's own.

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
