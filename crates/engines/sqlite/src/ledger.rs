//! The tables that freehold keeps in a store: the mark that says whose it is, and the ledger.

use freehold_engine::{LEDGER_FORMAT, LedgerSql, Spot};

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
         upto INTEGER, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID",
        spot.own("ledger")
    )
}

/// Brings a table of format 1 up to date.
pub(crate) fn upgrade(spot: &Spot) -> String {
    format!("ALTER TABLE {} ADD COLUMN upto INTEGER", spot.own("ledger"))
}

/// Writes the table's format into it: a row that no kind of entry has.
pub(crate) fn note_format(spot: &Spot) -> String {
    format!(
        "INSERT INTO {} (kind, id, checksum, state, progress, total, detail, at) \
         VALUES ('format', 'ledger', '{LEDGER_FORMAT}', 'done', 0, 0, '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) \
         ON CONFLICT (kind, id) DO UPDATE SET checksum = excluded.checksum, at = excluded.at",
        spot.own("ledger")
    )
}

/// Reads what [`note_format`] wrote. No row: format 1.
pub(crate) fn read_format(spot: &Spot) -> String {
    format!(
        "SELECT checksum FROM {} WHERE kind = 'format' AND id = 'ledger'",
        spot.own("ledger")
    )
}

/// The ledger's statements.
pub(crate) fn statements(spot: &Spot) -> LedgerSql {
    let table = spot.own("ledger");
    let columns = "kind, id, checksum, down_checksum, state, progress, total, detail, at";
    let values = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    let read = |upto: &str| {
        format!("SELECT {columns}, {upto} FROM {table} WHERE kind <> 'format' ORDER BY kind, id")
    };
    let set = "checksum = excluded.checksum, down_checksum = excluded.down_checksum, \
             state = excluded.state, progress = excluded.progress, total = excluded.total, detail = excluded.detail, at = excluded.at";
    LedgerSql {
        read: read("upto"),
        read_first: read("NULL"),
        put: format!(
            "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT (kind, id) DO UPDATE SET {set}"
        ),
        put_upto: format!(
            "INSERT INTO {table} ({columns}, upto) VALUES ({values}, ?9) \
             ON CONFLICT (kind, id) DO UPDATE SET {set}, upto = excluded.upto"
        ),
        delete: format!("DELETE FROM {table} WHERE kind = ?1 AND id = ?2"),
    }
}
