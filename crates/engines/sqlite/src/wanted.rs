//! What append-only means on SQLite: two triggers per table, and how they are named and written.

use freehold_engine::{Live, Want};
use freehold_sql::{Dialect, QuoteError, quote_ident, quote_literal};

/// What the names of our triggers begin with.
pub(crate) const GUARD: &str = "freehold_append_only_";

/// A trigger that keeps rows of a table from being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) name: String,
    /// The table as the catalog writes it.
    pub(crate) table: String,
    pub(crate) sql: String,
}

/// The triggers that should be there, for the append-only tables that are there.
pub(crate) fn guards(want: &Want, live: &Live) -> Result<Vec<Guard>, QuoteError> {
    let mut guards = Vec::new();
    for table in append_only(want, live) {
        for event in ["UPDATE", "DELETE"] {
            let name = format!("{GUARD}{table}_{}", event.to_lowercase());
            let sql = format!(
                "CREATE TRIGGER {} BEFORE {event} ON {} \
                 WHEN NOT coalesce((SELECT max(owner_at_work) FROM {}), 0) \
                 BEGIN SELECT RAISE(ABORT, {}); END",
                quote_ident(Dialect::Sqlite, &name)?,
                quote_ident(Dialect::Sqlite, table)?,
                want.spot.own("mark"),
                quote_literal(
                    Dialect::Sqlite,
                    &format!("FH3130: {table} is append-only: {event} is not for programs")
                )?,
            );
            guards.push(Guard {
                name,
                table: table.to_owned(),
                sql,
            });
        }
    }
    Ok(guards)
}

/// Append-only tables that are there, by their names in the catalog: SQLite does not tell upper
/// case from lower.
pub(crate) fn append_only<'a>(want: &Want, live: &'a Live) -> Vec<&'a str> {
    let declared = |name: &str| {
        want.append_only
            .iter()
            .any(|table| table.eq_ignore_ascii_case(name))
    };
    live.tables
        .iter()
        .filter(|(name, table)| !table.view && declared(name))
        .map(|(name, _)| name.as_str())
        .collect()
}
