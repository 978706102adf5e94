//! Functions and procedures: whose rights they run with.
//!
//! Owns what each dialect takes when the statement does not say. Does not look into bodies.

use super::reader::Reader;
use crate::Dialect;
use crate::seen::Seen;

/// A T-SQL batch that is one CREATE of something that holds statements itself.
pub(super) fn holds_statements(tokens: &[Seen]) -> bool {
    let mut reader = Reader::new(Dialect::Sqlserver, tokens);
    if !reader.eat_any(&["CREATE", "ALTER"]) {
        return false;
    }
    reader.skip_any(&["OR", "ALTER"]);
    reader.at_any(&["PROC", "PROCEDURE", "FUNCTION", "TRIGGER"])
}

/// Makes a routine that runs with the rights of its definer, or turns one into such.
pub(super) fn runs_as_definer(mut reader: Reader) -> bool {
    let create = reader.at(&["CREATE"]);
    if !reader.eat_any(&["CREATE", "ALTER"]) {
        return false;
    }
    let Some(header) = header(reader) else {
        return false;
    };
    match reader.dialect {
        Dialect::Postgres => header.holds(&["SECURITY", "DEFINER"]),
        Dialect::Mysql | Dialect::Mariadb if create => {
            !header_holds(header, &["SQL", "SECURITY", "INVOKER"], MYSQL_BODY)
        }
        Dialect::Mysql | Dialect::Mariadb => header.holds(&["SQL", "SECURITY", "DEFINER"]),
        Dialect::Oracle => !header_holds(header, &["AUTHID", "CURRENT_USER"], ORACLE_BODY),
        Dialect::Sqlserver => {
            header.holds(&["EXECUTE", "AS"]) && !header.holds(&["EXECUTE", "AS", "CALLER"])
                || header.holds(&["EXEC", "AS"]) && !header.holds(&["EXEC", "AS", "CALLER"])
        }
        Dialect::Sqlite => false,
    }
}

/// From behind FUNCTION or PROCEDURE, if it is one of these that is made.
fn header(mut reader: Reader) -> Option<Reader> {
    const KINDS: &[&str] = &["FUNCTION", "PROCEDURE", "PROC", "PACKAGE", "ROUTINE"];
    const OTHERS: &[&str] = &[
        "TABLE",
        "VIEW",
        "INDEX",
        "TRIGGER",
        "EVENT",
        "DATABASE",
        "SCHEMA",
        "USER",
        "ROLE",
        "TYPE",
        "SEQUENCE",
        "RULE",
        "POLICY",
        "OPERATOR",
        "EXTENSION",
        "SERVER",
    ];
    while let Some(seen) = reader.next() {
        if seen.is_any(KINDS) {
            return Some(reader);
        }
        if seen.is_any(OTHERS) || seen.is_symbol("(") {
            return None;
        }
    }
    None
}

/// Where a body begins.
const MYSQL_BODY: &[&str] = &["BEGIN", "RETURN", "CREATE", "ALTER", "AS", "IS"];
const ORACLE_BODY: &[&str] = &["IS", "AS"];

/// The words stand before the body, so that a body cannot claim them.
fn header_holds(mut reader: Reader, words: &[&str], body: &[&str]) -> bool {
    while reader.first().is_some() {
        if reader.at(words) {
            return true;
        }
        if reader.at_any(body) {
            return false;
        }
        if reader.group().is_none() {
            reader.next();
        }
    }
    false
}
