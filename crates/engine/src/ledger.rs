//! The statements with which an engine keeps the ledger table. The algorithm is in `bookkeeping`.

/// One engine's SQL for the table `freehold_ledger` of one store, with that engine's placeholders.
///
/// Columns in every SELECT, in this order: `kind` text, `id` text, `checksum` text,
/// `down_checksum` text or NULL, `state` text, `progress` integer, `total` integer, `detail` text,
/// `at` text (RFC 3339, UTC). Primary key (kind, id), binary collation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSql {
    /// All rows ordered by kind, id. No arguments.
    pub read: String,
    /// Insert, or replace the row with this (kind, id). Arguments: kind, id, checksum,
    /// `down_checksum`, state, progress, total, detail. `at` is the server's clock.
    pub put: String,
    /// Delete one row. Arguments: kind, id.
    pub delete: String,
}
