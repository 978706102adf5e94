//! The statements with which an engine keeps the ledger table. The algorithm is in `bookkeeping`.

/// The format that this freehold writes. 1: without `upto`. A freehold works with the format before
/// its own (`apply` brings it up to date first) and with the one after it, so a format only ever
/// adds columns that may be NULL.
pub const LEDGER_FORMAT: u32 = 2;

/// One engine's SQL for the table `freehold_ledger` of one store, with that engine's placeholders.
///
/// Columns in every SELECT, in this order: `kind` text, `id` text, `checksum` text,
/// `down_checksum` text or NULL, `state` text, `progress` integer, `total` integer, `detail` text,
/// `at` text (RFC 3339, UTC), `upto` integer or NULL. Primary key (kind, id), binary collation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSql {
    /// All rows ordered by kind, id. No arguments.
    pub read: String,
    /// The same from a table of format 1, which has no `upto`.
    pub read_first: String,
    /// Insert, or replace the row with this (kind, id), `upto` left alone: works with every format.
    /// Arguments: kind, id, checksum, `down_checksum`, state, progress, total, detail. `at` is the
    /// server's clock.
    pub put: String,
    /// The same with `upto` as ninth argument.
    pub put_upto: String,
    /// Delete one row. Arguments: kind, id.
    pub delete: String,
}
