//! What engines say differently of read models: few words and four forms of statements. What they
//! say alike stands in `kept`.

use crate::kept::Kept;

/// Rows that an argument names, for a statement to join with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What stands before the statement: `WITH input AS (…) `, or nothing.
    pub with: String,
    /// What is joined with: one column for each that names them.
    pub name: String,
}

/// One engine's way to say what keeps a read model. Names and texts come back quoted.
pub trait Wording {
    /// A name.
    fn ident(&self, name: &str) -> String;
    /// A text.
    fn literal(&self, text: &str) -> String;
    /// A table or view of this store, wherever it stands.
    fn table(&self, name: &str) -> String;
    /// The name, not quoted, of a table of freehold's own: no longer than the engine takes.
    fn own(&self, name: &str) -> String;
    /// True or false.
    fn truth(&self, truth: bool) -> &'static str;
    /// Is this column true?
    fn is(&self, column: &str) -> String;
    /// A condition that holds or does not, also where it is NULL.
    fn certain(&self, condition: &str) -> String;
    /// What tells groups apart: one text of all expressions, in which NULL equals NULL.
    fn group(&self, expressions: &[&str]) -> String;
    /// A JSON object as text of (name, column).
    fn json_object(&self, pairs: &[(&str, &str)]) -> String;
    /// What two columns make of a mean.
    fn mean(&self, sum: &str, count: &str) -> String;
    /// Has every column one type? Then a group's columns are the same in all its rows, by value.
    fn typed(&self) -> bool {
        true
    }

    /// Entities of this source out of argument 1, or where they were laid down.
    fn changed(&self, kept: &Kept<'_>, source: usize) -> Input;
    /// Driving keys, each once, likewise.
    fn keys(&self, kept: &Kept<'_>) -> Input;
    /// These columns of the driving key are behind the key in this argument.
    fn behind(&self, kept: &Kept<'_>, columns: &[String], argument: usize) -> String;
    /// Lays entities of a source down, where they cannot be read typed.
    fn lay(&self, _kept: &Kept<'_>, _source: usize) -> Vec<String> {
        Vec::new()
    }
    /// Lays keys down.
    fn lay_keys(&self, _kept: &Kept<'_>) -> Vec<String> {
        Vec::new()
    }
    /// Lays the key down behind which to begin.
    fn lay_cursor(&self, _kept: &Kept<'_>) -> Vec<String> {
        Vec::new()
    }
    /// A condition that is true, and takes argument 1 where there is one.
    fn heeds(&self) -> &'static str;

    /// Deletes rows `r` of the table that the input `i` names by `on`.
    fn delete(&self, table: &str, input: &Input, on: &str) -> String;
    /// Updates rows `g` of the table by rows `d` of the sums, found by `on`.
    fn update(&self, table: &str, set: &[(String, String)], sums: &Sums<'_>) -> String;
    /// Inserts rows of the sums; of a group that is there, adds these columns.
    fn insert_or_add(
        &self,
        table: &str,
        names: &[String],
        add: &[String],
        sums: &Sums<'_>,
    ) -> String;
}

/// A query over an input that gives one row for each group, as part of a statement.
#[derive(Debug, Clone, Copy)]
pub struct Sums<'a> {
    /// Its input.
    pub input: &'a Input,
    /// Itself.
    pub sql: &'a str,
    /// By what its rows `d` find rows `g`.
    pub on: &'a str,
}
