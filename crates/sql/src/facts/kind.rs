//! What a statement is about, by its first words.
//!
//! Owns the lists of those words.

use super::Kind;
use super::reader::Reader;
use crate::Dialect;

const DDL: &[&str] = &[
    "CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "COMMENT", "REFRESH", "SECURITY", "IMPORT",
];
const DML: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "COPY", "LOAD", "BULK", "UPSERT",
];
const QUERY: &[&str] = &[
    "SELECT", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "FETCH", "HELP",
];
const TRANSACTION: &[&str] = &[
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "ABORT",
    "XA",
    "SAVE",
];
const SESSION: &[&str] = &[
    "SET", "RESET", "USE", "DISCARD", "PRAGMA", "ATTACH", "DETACH",
];
const GRANT: &[&str] = &["GRANT", "REVOKE", "DENY", "REASSIGN"];
const IDENTITY: &[&str] = &["USER", "ROLE", "GROUP", "LOGIN", "OWNED"];

pub(super) fn kind(mut reader: Reader) -> Kind {
    while reader.eat_symbol("(") {}
    if reader.at_any(&["EXPLAIN", "ANALYZE"]) {
        return explained(reader);
    }
    if reader.at(&["WITH"]) {
        return with(reader);
    }
    if reader.at(&["SELECT"]) && selects_into(reader).is_some() {
        return Kind::Ddl;
    }
    if is_grant(reader) {
        return Kind::Grant;
    }
    if is_transaction(reader) {
        return Kind::Transaction;
    }
    if reader.at(&["ALTER", "SESSION"]) {
        return Kind::Session;
    }
    let kinds = [
        (DDL, Kind::Ddl),
        (DML, Kind::Dml),
        (QUERY, Kind::Query),
        (SESSION, Kind::Session),
    ];
    let found = kinds.iter().find(|(words, _)| reader.at_any(words));
    match found {
        // PostgreSQL renames with ALTER; SQL Server knows neither of these words alone.
        Some((_, kind)) => *kind,
        None => Kind::Other,
    }
}

/// `SELECT … INTO t`: from INTO on, where that makes a table.
pub(super) fn selects_into(reader: Reader) -> Option<Reader> {
    if !matches!(reader.dialect, Dialect::Postgres | Dialect::Sqlserver) {
        return None;
    }
    reader.find(&["INTO"])
}

fn is_grant(mut reader: Reader) -> bool {
    if reader.at_any(GRANT)
        || reader.at(&["ALTER", "DEFAULT", "PRIVILEGES"])
        || reader.at(&["SET", "PASSWORD"])
        || reader.at(&["SET", "DEFAULT", "ROLE"])
    {
        return true;
    }
    if !reader.eat_any(&["CREATE", "ALTER", "DROP", "RENAME"]) {
        return false;
    }
    reader.skip_any(&["OR", "REPLACE", "SERVER"]);
    reader.eat_any(IDENTITY) && !reader.at(&["MAPPING"])
}

fn is_transaction(mut reader: Reader) -> bool {
    if reader.at_any(TRANSACTION) || reader.at(&["PREPARE", "TRANSACTION"]) {
        return true;
    }
    if reader.at(&["START", "TRANSACTION"]) {
        return true;
    }
    match reader.dialect {
        Dialect::Postgres | Dialect::Sqlite => reader.at_any(&["BEGIN", "END"]),
        Dialect::Mysql => reader.at(&["BEGIN"]),
        Dialect::Mariadb => reader.at(&["BEGIN"]) && !reader.at(&["BEGIN", "NOT"]),
        Dialect::Sqlserver => {
            reader.eat(&["BEGIN"]) && reader.at_any(&["TRAN", "TRANSACTION", "DISTRIBUTED"])
        }
        Dialect::Oracle => false,
    }
}

/// EXPLAIN reads, unless it says ANALYZE: then the statement is run. MariaDB's `ANALYZE UPDATE …`
/// is the same, while `ANALYZE TABLE` and PostgreSQL's `ANALYZE t` gather statistics.
fn explained(mut reader: Reader) -> Kind {
    let explain = reader.eat(&["EXPLAIN"]);
    let mut analyze = false;
    while reader.first().is_some() {
        if let Some(options) = reader.group() {
            analyze |= options.holds(&["ANALYZE"]);
        } else if reader.at(&["ANALYZE"]) {
            analyze = true;
            reader.next();
        } else if reader.at_any(DML) || reader.at_any(QUERY) || reader.at(&["WITH"]) {
            break;
        } else {
            reader.next();
        }
    }
    let inner = if reader.first().is_none() {
        Kind::Other
    } else {
        kind(reader)
    };
    match (explain, analyze, inner) {
        (true, true, Kind::Dml) | (false, _, Kind::Dml) => Kind::Dml,
        (true, _, _) => Kind::Query,
        (false, _, Kind::Query) if reader.dialect.is_mysql_like() && !reader.at(&["TABLE"]) => {
            Kind::Query
        }
        (false, _, _) => Kind::Other,
    }
}

/// WITH is what its main verb is, unless a part of it changes rows (PostgreSQL).
fn with(reader: Reader) -> Kind {
    let tokens = reader.rest();
    let changes = tokens.windows(2).any(|pair| {
        pair[0].is_symbol("(") && pair[1].is_any(&["INSERT", "UPDATE", "DELETE", "MERGE"])
    });
    let mut main = reader;
    main.next();
    while main.first().is_some() {
        if main.group().is_some() {
            continue;
        }
        if main.at_any(DML) {
            return Kind::Dml;
        }
        if main.at_any(&["SELECT", "VALUES", "TABLE"]) {
            let into = main.at(&["SELECT"]) && selects_into(main).is_some();
            return match (into, changes) {
                (true, _) => Kind::Ddl,
                (false, true) => Kind::Dml,
                (false, false) => Kind::Query,
            };
        }
        main.next();
    }
    Kind::Other
}
