//! The ledger table: its definition, the statements of the contract, and the marks of accounts.
//!
//! On `MariaDB` an account has no comment that could carry a mark, so the ledger has a row of kind
//! `identity` for each account, written before the account is made, and one that says its format.
//! They are no part of [`LedgerSql::read`]. On `MySQL` the account's own comment is the mark.

use freehold_engine::{LEDGER_FORMAT, LedgerSql, Want};

use crate::names::object;

const COLUMNS: &str = "kind, id, checksum, down_checksum, state, progress, total, detail";

/// The statements for one store; names are qualified, so that any connection to the server can run them.
pub(crate) fn ledger(want: &Want) -> LedgerSql {
    let table = table(want);
    let read = |upto: &str| {
        format!(
            "SELECT {COLUMNS}, DATE_FORMAT(at, '%Y-%m-%dT%H:%i:%s.%fZ'), {upto} FROM {table} \
             WHERE kind NOT IN ('identity', 'format') ORDER BY kind, id"
        )
    };
    let set = "checksum = VALUES(checksum), down_checksum = VALUES(down_checksum), \
             state = VALUES(state), progress = VALUES(progress), total = VALUES(total), detail = VALUES(detail), \
             at = VALUES(at)";
    LedgerSql {
        read: read("upto"),
        read_first: read("NULL"),
        put: format!(
            "INSERT INTO {table} ({COLUMNS}, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6)) \
             ON DUPLICATE KEY UPDATE {set}"
        ),
        put_upto: format!(
            "INSERT INTO {table} ({COLUMNS}, at, upto) VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), ?) \
             ON DUPLICATE KEY UPDATE {set}, upto = VALUES(upto)"
        ),
        delete: format!("DELETE FROM {table} WHERE kind = ? AND id = ?"),
    }
}

/// `database`.`freehold_ledger`.
pub(crate) fn table(want: &Want) -> String {
    object(&want.spot.database, &want.spot.own("ledger"))
}

/// The table. Keys compare byte by byte, whatever the database's collation is; the comment is the
/// store's mark (plain characters, as the names in it are).
pub(crate) fn definition(want: &Want) -> String {
    let table = table(want);
    let ascii = "CHARACTER SET ascii COLLATE ascii_bin";
    let unicode = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\
         kind VARCHAR(32) {ascii} NOT NULL, id VARCHAR(255) {unicode} NOT NULL, \
         checksum VARCHAR(128) {ascii} NOT NULL, down_checksum VARCHAR(128) {ascii} NULL, \
         state VARCHAR(32) {ascii} NOT NULL, progress BIGINT NOT NULL, total BIGINT NOT NULL, \
         detail MEDIUMTEXT {unicode} NOT NULL, at DATETIME(6) NOT NULL, upto BIGINT NULL, PRIMARY KEY (kind, id)\
         ) ENGINE = InnoDB COMMENT = '{}'",
        want.mark().replace('\'', "''")
    )
}

/// Brings a table of format 1 up to date. It commits by itself, so that a run which is cut off
/// before [`note_format`] leaves the column without the row.
pub(crate) fn upgrade(want: &Want) -> String {
    format!("ALTER TABLE {} ADD COLUMN upto BIGINT NULL", table(want))
}

/// Writes the table's format into it: a row that no kind of entry has.
pub(crate) fn note_format(want: &Want) -> String {
    format!(
        "INSERT INTO {} ({COLUMNS}, at) VALUES ('format', 'ledger', '{LEDGER_FORMAT}', NULL, 'done', 0, 0, '', UTC_TIMESTAMP(6)) \
         ON DUPLICATE KEY UPDATE checksum = VALUES(checksum), at = VALUES(at)",
        table(want)
    )
}

/// The accounts that carry the store's mark, as `user@host`, and the table's format: kind, id,
/// checksum.
pub(crate) fn read_identities(want: &Want) -> String {
    format!(
        "SELECT kind, id, checksum FROM {} WHERE kind IN ('identity', 'format')",
        table(want)
    )
}

/// Marks an account as ours, before it is made. Repeatable.
pub(crate) fn mark_identity(want: &Want, user: &str, host: &str) -> String {
    format!(
        "INSERT INTO {} ({COLUMNS}, at) VALUES ('identity', '{}', '', NULL, 'made', 0, 0, '', UTC_TIMESTAMP(6)) \
         ON DUPLICATE KEY UPDATE at = at",
        table(want),
        identity(user, host)
    )
}

/// Takes the mark away, after the account is gone.
pub(crate) fn unmark_identity(want: &Want, user: &str, host: &str) -> String {
    format!(
        "DELETE FROM {} WHERE kind = 'identity' AND id = '{}'",
        table(want),
        identity(user, host)
    )
}

/// Both parts come from names that passed `names::faults`; quotes are doubled all the same.
fn identity(user: &str, host: &str) -> String {
    format!("{user}@{host}")
        .replace('\\', "\\\\")
        .replace('\'', "''")
}
