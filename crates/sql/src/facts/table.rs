//! The tables that a statement creates, drops and renames.
//!
//! Owns the forms of CREATE TABLE, DROP TABLE and the many ways to rename. Temporary tables are
//! left out: they are gone with the session.

use super::kind::selects_into;
use super::reader::Reader;
use super::{Facts, Kind};
use crate::lexer::TokenKind;
use crate::{Dialect, TableName};

/// Words between CREATE and TABLE.
const SORTS: &[&str] = &[
    "OR",
    "REPLACE",
    "GLOBAL",
    "LOCAL",
    "PRIVATE",
    "UNLOGGED",
    "FOREIGN",
    "VIRTUAL",
    "EXTERNAL",
    "IMMUTABLE",
    "BLOCKCHAIN",
    "SHARDED",
    "DUPLICATED",
    "COLUMN",
];

pub(super) fn read(mut reader: Reader, facts: &mut Facts) {
    let whole = reader;
    if let Some(name) = created(reader) {
        facts.creates.push(name);
    } else if reader.eat(&["CREATE", "SCHEMA"]) {
        in_schema(reader, facts);
    } else if reader.eat(&["DROP"]) {
        facts.drops = dropped(reader);
    } else if reader.eat(&["ALTER", "TABLE"]) || reader.eat(&["ALTER", "FOREIGN", "TABLE"]) {
        facts.renames = altered(reader);
    } else if reader.eat(&["ALTER", "SCHEMA"]) {
        facts.renames.extend(transferred(reader));
    } else if reader.eat(&["RENAME"]) {
        facts.renames = renamed(reader);
    } else if reader.eat_any(&["EXEC", "EXECUTE"]) || reader.at(&["sp_rename"]) {
        facts.renames.extend(sp_rename(reader));
    } else if facts.kind == Kind::Ddl
        && whole.at_any(&["SELECT", "WITH"])
        && let Some(into) = selects_into(whole)
    {
        facts.creates.extend(selected_into(into));
    }
}

/// The table that CREATE TABLE makes for good, and what stands behind its name.
pub(super) fn create_table(mut reader: Reader) -> Option<(TableName, Reader)> {
    if !reader.eat(&["CREATE"]) {
        return None;
    }
    let private = reader.at(&["PRIVATE"]);
    reader.skip_any(SORTS);
    let temporary = reader.eat_any(&["TEMP", "TEMPORARY"]);
    reader.skip_any(SORTS);
    if !reader.eat(&["TABLE"]) {
        return None;
    }
    reader.eat_if_exists();
    let name = reader.name()?;
    // Oracle's temporary tables are there for good; only their rows are not.
    let gone = temporary && (reader.dialect != Dialect::Oracle || private)
        || reader.dialect == Dialect::Sqlserver && name.name.starts_with('#')
        || reader.dialect == Dialect::Sqlite && name.schema.as_deref() == Some("temp");
    (!gone).then_some((name, reader))
}

fn created(reader: Reader) -> Option<TableName> {
    create_table(reader).map(|(name, _)| name)
}

/// PostgreSQL: `CREATE SCHEMA s CREATE TABLE t (…) …`.
fn in_schema(mut reader: Reader, facts: &mut Facts) {
    reader.eat_if_exists();
    let authorized = reader.eat(&["AUTHORIZATION"]);
    let Some(schema) = reader.ident() else { return };
    let mut elements = reader;
    if !authorized && elements.eat(&["AUTHORIZATION"]) {
        elements.next();
    }
    while let Some(element) = elements.find(&["CREATE"]) {
        if let Some(mut name) = created(element) {
            name.schema.get_or_insert_with(|| schema.clone());
            facts.creates.push(name);
        }
        elements = element;
        elements.next();
    }
}

fn dropped(mut reader: Reader) -> Vec<TableName> {
    reader.eat(&["FOREIGN"]);
    if !reader.eat_any(&["TABLE", "TABLES"]) {
        return Vec::new();
    }
    reader.eat_if_exists();
    reader
        .elements()
        .into_iter()
        .filter_map(|mut element| element.name())
        .collect()
}

/// The table that ALTER TABLE is about, from behind these two words; goes past its name.
pub(super) fn altered_table(reader: &mut Reader) -> Option<TableName> {
    reader.eat_if_exists();
    reader.eat(&["ONLY"]);
    let name = reader.name()?;
    reader.eat_symbol("*");
    Some(name)
}

fn altered(mut reader: Reader) -> Vec<(TableName, TableName)> {
    let Some(from) = altered_table(&mut reader) else {
        return Vec::new();
    };
    let mut renames = Vec::new();
    for mut action in reader.elements() {
        if action.eat(&["SET", "SCHEMA"]) {
            if let Some(schema) = action.ident() {
                let to = TableName {
                    schema: Some(schema),
                    name: from.name.clone(),
                };
                renames.push((from.clone(), to));
            }
        } else if action.eat(&["RENAME"])
            && let Some(to) = new_name(action, &from)
        {
            renames.push((from.clone(), to));
        }
    }
    renames
}

/// The new name of a table, from behind RENAME; none if a column or an index is renamed.
fn new_name(mut reader: Reader, from: &TableName) -> Option<TableName> {
    if reader.dialect.is_mysql_like() {
        if reader.at_any(&["COLUMN", "INDEX", "KEY", "CONSTRAINT"]) {
            return None;
        }
        let _ = reader.eat_any(&["TO", "AS"]) || reader.eat_symbol("=");
        // Without a database it is the session's, not that of the old name.
        return reader.name();
    }
    if !reader.eat(&["TO"]) {
        return None;
    }
    let mut to = reader.name()?;
    to.schema = to.schema.or_else(|| from.schema.clone());
    Some(to)
}

/// `RENAME TABLE a TO b, c TO d` (MySQL), `RENAME a TO b` (Oracle).
fn renamed(mut reader: Reader) -> Vec<(TableName, TableName)> {
    let table = reader.eat_any(&["TABLE", "TABLES"]);
    if !table && reader.dialect != Dialect::Oracle {
        return Vec::new();
    }
    reader.eat_if_exists();
    let pair = |mut element: Reader| {
        let from = element.name()?;
        let mut to = element.find(&["TO"])?;
        to.next();
        Some((from, to.name()?))
    };
    reader.elements().into_iter().filter_map(pair).collect()
}

/// SQL Server: `ALTER SCHEMA s TRANSFER [OBJECT ::] dbo.t`.
fn transferred(mut reader: Reader) -> Option<(TableName, TableName)> {
    let schema = reader.ident()?;
    if !reader.eat(&["TRANSFER"]) {
        return None;
    }
    let mut object = reader;
    if object.eat(&["OBJECT"]) && object.eat_symbol("::") {
        reader = object;
    }
    let from = reader.name()?;
    let to = TableName {
        schema: Some(schema),
        name: from.name.clone(),
    };
    Some((from, to))
}

/// SQL Server: `EXEC sp_rename 'dbo.a', 'b'`, unless a third argument says COLUMN or INDEX.
fn sp_rename(mut reader: Reader) -> Option<(TableName, TableName)> {
    let procedure = reader.name()?;
    if !procedure.name.eq_ignore_ascii_case("sp_rename") {
        return None;
    }
    let texts: Vec<&str> = reader
        .rest()
        .iter()
        .filter(|seen| seen.token.kind == TokenKind::Text)
        .map(|seen| {
            seen.written
                .trim_start_matches(['n', 'N'])
                .trim_matches('\'')
        })
        .collect();
    let [from, to, sort @ ..] = texts.as_slice() else {
        return None;
    };
    if sort
        .first()
        .is_some_and(|sort| !sort.eq_ignore_ascii_case("OBJECT"))
    {
        return None;
    }
    let plain = |part: &str| part.trim_matches(['[', ']', '"']).to_owned();
    let from = match from.rsplit_once('.') {
        Some((schema, name)) => {
            let schema = schema.rsplit('.').next().unwrap_or(schema);
            TableName {
                schema: Some(plain(schema)),
                name: plain(name),
            }
        }
        None => TableName {
            schema: None,
            name: plain(from),
        },
    };
    let to = TableName {
        schema: from.schema.clone(),
        name: (*to).to_owned(),
    };
    Some((from, to))
}

fn selected_into(mut reader: Reader) -> Option<TableName> {
    reader.next();
    if reader.eat_any(&["TEMP", "TEMPORARY", "LOCAL", "GLOBAL"]) {
        return None;
    }
    reader.skip_any(&["UNLOGGED", "TABLE"]);
    let name = reader.name()?;
    (!name.name.starts_with('#')).then_some(name)
}
