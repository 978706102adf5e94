//! The tables that freehold keeps in a store: the mark that says whose it is, and the ledger.

use freehold_engine::{LedgerSql, Spot};

/// Says whose store it is, and (inside a transaction of the owner only) that the owner is at work.
pub(crate) fn mark_table(spot: &Spot) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (mark TEXT NOT NULL PRIMARY KEY, owner_at_work INTEGER NOT NULL DEFAULT 0) STRICT",
        spot.own("mark")
    )
}

/// The ledger's table. BINARY is SQLite's own default collation.
pub(crate) fn ledger_table(spot: &Spot) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\
         kind TEXT NOT NULL, id TEXT NOT NULL, checksum TEXT NOT NULL, down_checksum TEXT, state TEXT NOT NULL, \
         progress INTEGER NOT NULL, total INTEGER NOT NULL, detail TEXT NOT NULL, at TEXT NOT NULL, \
         PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID",
        spot.own("ledger")
    )
}

/// The ledger's statements.
pub(crate) fn statements(spot: &Spot) -> LedgerSql {
    let table = spot.own("ledger");
    let columns = "kind, id, checksum, down_checksum, state, progress, total, detail, at";
    LedgerSql {
        read: format!("SELECT {columns} FROM {table} ORDER BY kind, id"),
        put: format!(
            "INSERT INTO {table} ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) \
             ON CONFLICT (kind, id) DO UPDATE SET checksum = excluded.checksum, down_checksum = excluded.down_checksum, \
             state = excluded.state, progress = excluded.progress, total = excluded.total, detail = excluded.detail, at = excluded.at"
        ),
        delete: format!("DELETE FROM {table} WHERE kind = ?1 AND id = ?2"),
    }
}
