//! How a statement stands to the transaction around it.
//!
//! Owns two lists: what cannot run inside one, and what commits it. PostgreSQL: the callers of
//! `PreventInTransactionBlock`. MySQL and MariaDB: "Statements That Cause an Implicit Commit".

use super::reader::Reader;
use crate::Dialect;

/// Refused or without effect inside a transaction.
pub(super) fn outside_transaction(reader: Reader) -> bool {
    match reader.dialect {
        Dialect::Postgres => postgres_outside(reader),
        // VACUUM and DETACH are refused, and most pragmas do nothing inside.
        Dialect::Sqlite => reader.at_any(&["VACUUM", "PRAGMA", "ATTACH", "DETACH"]),
        Dialect::Sqlserver => sqlserver_outside(reader),
        Dialect::Mysql | Dialect::Mariadb | Dialect::Oracle => false,
    }
}

fn postgres_outside(mut reader: Reader) -> bool {
    if reader.at(&["VACUUM"]) || reader.at(&["DISCARD", "ALL"]) || reader.at(&["ALTER", "SYSTEM"]) {
        return true;
    }
    if reader.at(&["COMMIT", "PREPARED"]) || reader.at(&["ROLLBACK", "PREPARED"]) {
        return true;
    }
    if reader.eat(&["REINDEX"]) {
        let concurrently = reader
            .group()
            .is_some_and(|options| options.holds(&["CONCURRENTLY"]));
        return concurrently
            || reader.at_any(&["DATABASE", "SYSTEM", "SCHEMA"])
            || reader.holds(&["CONCURRENTLY"]);
    }
    if reader.eat(&["CLUSTER"]) {
        // Without a table it goes through all of them.
        let _ = reader.group();
        reader.eat(&["VERBOSE"]);
        return reader.first().is_none();
    }
    if reader.eat(&["ALTER", "DATABASE"]) {
        return reader.holds(&["SET", "TABLESPACE"]);
    }
    if reader.eat(&["ALTER", "SUBSCRIPTION"]) {
        return reader.holds(&["REFRESH"]) || reader.holds(&["PUBLICATION"]);
    }
    if reader.at(&["ALTER", "TABLE"]) {
        // DETACH PARTITION p CONCURRENTLY.
        return reader.holds(&["DETACH", "PARTITION"]) && reader.holds(&["CONCURRENTLY"]);
    }
    if !reader.eat_any(&["CREATE", "DROP"]) {
        return false;
    }
    reader.eat(&["UNIQUE"]);
    if reader.eat(&["INDEX"]) {
        return reader.at(&["CONCURRENTLY"]);
    }
    reader.at_any(&["DATABASE", "TABLESPACE", "SUBSCRIPTION"])
}

fn sqlserver_outside(mut reader: Reader) -> bool {
    if reader.at_any(&["BACKUP", "RESTORE", "RECONFIGURE", "KILL"]) {
        return true;
    }
    reader.eat_any(&["CREATE", "ALTER", "DROP"])
        && (reader.at(&["FULLTEXT"]) || reader.at(&["DATABASE"]))
        && !reader.at(&["DATABASE", "SCOPED"])
}

/// Commits the transaction that it is run in.
pub(super) fn implicit_commit(reader: Reader) -> bool {
    match reader.dialect {
        Dialect::Mysql | Dialect::Mariadb => mysql_commits(reader),
        Dialect::Oracle => {
            reader.at_any(&[
                "CREATE",
                "ALTER",
                "DROP",
                "TRUNCATE",
                "RENAME",
                "GRANT",
                "REVOKE",
                "COMMENT",
                "ANALYZE",
                "AUDIT",
                "NOAUDIT",
                "PURGE",
                "FLASHBACK",
                "COMMIT",
            ]) && !reader.at(&["ALTER", "SESSION"])
                && !reader.at(&["ALTER", "SYSTEM"])
        }
        Dialect::Postgres | Dialect::Sqlite | Dialect::Sqlserver => false,
    }
}

const MYSQL_ALWAYS: &[&str] = &[
    "ALTER",
    "RENAME",
    "TRUNCATE",
    "GRANT",
    "REVOKE",
    "OPTIMIZE",
    "CHECK",
    "REPAIR",
    "FLUSH",
    "CACHE",
    "INSTALL",
    "UNINSTALL",
    "START",
    "STOP",
    "CHANGE",
    "COMMIT",
    "LOCK",
    "UNLOCK",
    "IMPORT",
    "BACKUP",
];

/// What a compound statement may hold that commits.
const MYSQL_INSIDE: &[&str] = &[
    "CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "GRANT", "REVOKE", "COMMIT", "START",
];

fn mysql_commits(mut reader: Reader) -> bool {
    if reader.at(&["BEGIN", "NOT"])
        || reader.at_any(&["IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"])
    {
        return reader.rest().iter().any(|seen| seen.is_any(MYSQL_INSIDE));
    }
    if reader.at_any(MYSQL_ALWAYS) || reader.at(&["BEGIN"]) {
        return true;
    }
    if reader.at(&["XA", "COMMIT"]) || reader.at(&["LOAD", "INDEX"]) {
        return true;
    }
    if reader.eat_any(&["CREATE", "DROP"]) {
        reader.skip_any(&["OR", "REPLACE"]);
        return !reader.at(&["TEMPORARY"]);
    }
    if reader.eat(&["ANALYZE"]) {
        reader.skip_any(&["NO_WRITE_TO_BINLOG", "LOCAL"]);
        return reader.at_any(&["TABLE", "TABLES"]);
    }
    if reader.eat(&["RESET"]) {
        return !reader.at(&["PERSIST"]);
    }
    if reader.eat(&["SET"]) {
        let account = reader.at_any(&["PASSWORD"]) || reader.at(&["DEFAULT", "ROLE"]);
        let words = ["AUTOCOMMIT", "@@AUTOCOMMIT"];
        return account || reader.rest().iter().any(|seen| seen.is_any(&words));
    }
    false
}
