//! Whether a statement may be run again after it had completed.
//!
//! Owns the idempotent list: where DDL commits, a runner that died between the statement and its
//! ledger entry sees a database that may or may not have it. A statement is on the list only if
//! the second run leaves what the first one left and does not fail. Everything else is not known.

use super::reader::Reader;
use crate::Dialect;

const ALWAYS: &[&str] = &[
    "TRUNCATE", "OPTIMIZE", "CHECK", "REPAIR", "FLUSH", "VACUUM", "REINDEX", "CLUSTER", "REFRESH",
    "COMMENT", "USE", "GRANT", "RESET", "PRAGMA", "SHOW", "DESCRIBE", "DESC", "DISCARD",
];

/// Objects whose definition OR REPLACE only replaces. MariaDB's OR REPLACE TABLE, SEQUENCE and
/// DATABASE drop what was in them; an event may be due again.
const REPLACED: &[&str] = &[
    "VIEW",
    "FUNCTION",
    "PROCEDURE",
    "TRIGGER",
    "PACKAGE",
    "INDEX",
    "RULE",
    "AGGREGATE",
    "SYNONYM",
    "TYPE",
    "LANGUAGE",
    "TRANSFORM",
];
const NOT_REPLACED: &[&str] = &[
    "TABLE", "SEQUENCE", "DATABASE", "SCHEMA", "EVENT", "USER", "ROLE", "SERVER",
];

pub(super) fn repeatable(mut reader: Reader) -> bool {
    if reader.at_any(ALWAYS) {
        return true;
    }
    if reader.at(&["ALTER", "SYSTEM"]) || reader.at(&["ALTER", "DEFAULT", "PRIVILEGES"]) {
        return true;
    }
    if reader.eat(&["CREATE"]) {
        return created_again(reader);
    }
    if reader.eat(&["DROP"]) {
        return reader.holds(&["IF", "EXISTS"]);
    }
    if reader.eat(&["REVOKE"]) {
        // MySQL fails on a right that is no longer there.
        let harmless = matches!(reader.dialect, Dialect::Postgres | Dialect::Sqlserver);
        return harmless || reader.at(&["IF", "EXISTS"]);
    }
    if reader.at(&["ANALYZE"]) || reader.at(&["EXPLAIN"]) {
        return super::kind::kind(reader) != super::Kind::Dml;
    }
    if reader.eat(&["SET"]) {
        // `SET @n = @n + 1` counts.
        let counts = |written: &str| written.starts_with('@') && !written.starts_with("@@");
        return !reader.rest().iter().any(|seen| counts(seen.written));
    }
    if reader.eat(&["ALTER"]) {
        return altered_again(reader);
    }
    false
}

fn created_again(mut reader: Reader) -> bool {
    let replaces = reader.eat(&["OR", "REPLACE"]) || reader.eat(&["OR", "ALTER"]);
    while let Some(seen) = reader.next() {
        if seen.is_any(NOT_REPLACED) {
            return not_if_there(reader);
        }
        if seen.is_any(REPLACED) {
            return replaces || not_if_there(reader);
        }
        if not_if_there(reader) {
            return true;
        }
    }
    false
}

fn not_if_there(mut reader: Reader) -> bool {
    reader.skip_any(&["BODY", "CONCURRENTLY"]);
    reader.at(&["IF", "NOT", "EXISTS"])
}

fn altered_again(mut reader: Reader) -> bool {
    if reader.at(&["TYPE"]) {
        return reader.holds(&["ADD", "VALUE", "IF", "NOT", "EXISTS"]);
    }
    if reader.at(&["VIEW"]) {
        // MySQL, SQL Server: the view is defined anew.
        return reader.holds(&["AS", "SELECT"]) || reader.holds(&["AS", "WITH"]);
    }
    reader.eat_any(&["ONLINE", "IGNORE"]);
    if !reader.eat(&["TABLE"]) || super::table::altered_table(&mut reader).is_none() {
        return false;
    }
    reader.first().is_some() && reader.elements().into_iter().all(action_again)
}

/// One action of ALTER TABLE: does it only say how things shall be?
fn action_again(mut action: Reader) -> bool {
    if action.holds(&["IF", "EXISTS"]) || action.holds(&["IF", "NOT", "EXISTS"]) {
        return true;
    }
    action.eat(&["DEFAULT"]);
    let option = [
        "FORCE",
        "ENGINE",
        "AUTO_INCREMENT",
        "COMMENT",
        "ROW_FORMAT",
        "CHARSET",
        "CHARACTER",
        "COLLATE",
        "CONVERT",
        "ENABLE",
        "DISABLE",
        "OWNER",
        "ALGORITHM",
        "LOCK",
    ];
    if action.at_any(&option) {
        return true;
    }
    if action.eat(&["ALTER"]) {
        action.eat(&["COLUMN"]);
        action.ident();
        return action.at_any(&["SET", "DROP"])
            && (action.holds(&["DEFAULT"]) || action.holds(&["NOT", "NULL"]));
    }
    // MODIFY … UNIQUE makes one index more each time.
    let adds = ["PRIMARY", "UNIQUE", "KEY", "REFERENCES"];
    action.eat(&["MODIFY"]) && !action.rest().iter().any(|seen| seen.is_any(&adds))
}
