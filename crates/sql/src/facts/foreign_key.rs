//! The foreign keys that CREATE TABLE and ALTER TABLE make.
//!
//! Owns their two forms: a constraint of the table, and REFERENCES behind a column (which MySQL
//! before version 9 reads and forgets; it is reported all the same).

use super::reader::Reader;
use super::table::{altered_table, create_table};
use super::{Action, ForeignKey};
use crate::TableName;

pub(super) fn read(mut reader: Reader) -> Vec<ForeignKey> {
    let mut keys = Vec::new();
    if let Some((table, mut rest)) = create_table(reader) {
        if let Some(body) = first_group(&mut rest) {
            for element in body.elements() {
                element_keys(&table, element, &mut keys);
            }
        }
        return keys;
    }
    if !(reader.eat(&["ALTER", "TABLE"]) || reader.eat(&["ALTER", "FOREIGN", "TABLE"])) {
        return keys;
    }
    let Some(table) = altered_table(&mut reader) else {
        return keys;
    };
    for mut action in reader.elements() {
        // T-SQL puts these before ADD.
        let _ = action.eat(&["WITH", "CHECK"]) || action.eat(&["WITH", "NOCHECK"]);
        if action.eat_any(&["ADD", "MODIFY"]) {
            action.eat(&["COLUMN"]);
        } else if action.eat(&["CHANGE"]) {
            action.eat(&["COLUMN"]);
            action.eat_if_exists();
            action.ident();
        }
        action.eat_if_exists();
        let mut group = action;
        match group.group() {
            Some(columns) => {
                for element in columns.elements() {
                    element_keys(&table, element, &mut keys);
                }
            }
            None => element_keys(&table, action, &mut keys),
        }
    }
    keys
}

/// The first parentheses from here on.
fn first_group<'a>(reader: &mut Reader<'a>) -> Option<Reader<'a>> {
    while reader.first().is_some() {
        if let Some(group) = reader.group() {
            return Some(group);
        }
        reader.next();
    }
    None
}

/// The foreign keys of one column or constraint.
fn element_keys(table: &TableName, element: Reader, keys: &mut Vec<ForeignKey>) {
    let constraint = element.find(&["FOREIGN", "KEY"]);
    let columns = if let Some(mut key) = constraint {
        first_group(&mut key).map(column_names).unwrap_or_default()
    } else {
        let mut column = element;
        column.ident().into_iter().collect()
    };
    let mut rest = element;
    while let Some(mut key) = rest.find(&["REFERENCES"]) {
        key.next();
        let Some(references) = key.name() else { return };
        let _ = key.group();
        let (on_delete, on_update) = actions(&mut key);
        keys.push(ForeignKey {
            table: table.clone(),
            columns: columns.clone(),
            references,
            on_delete,
            on_update,
        });
        rest = key;
    }
}

fn column_names(group: Reader) -> Vec<String> {
    group
        .elements()
        .into_iter()
        .filter_map(|mut element| element.ident())
        .collect()
}

/// `ON DELETE … ON UPDATE …` in either order, with MATCH and the like between; goes past them.
fn actions(reader: &mut Reader) -> (Action, Action) {
    let (mut on_delete, mut on_update) = (Action::default(), Action::default());
    loop {
        if reader.eat(&["ON", "DELETE"]) {
            on_delete = action(reader);
        } else if reader.eat(&["ON", "UPDATE"]) {
            on_update = action(reader);
        } else if reader.eat(&["MATCH"]) {
            reader.next();
        } else {
            return (on_delete, on_update);
        }
    }
}

fn action(reader: &mut Reader) -> Action {
    let action = if reader.eat(&["CASCADE"]) {
        Action::Cascade
    } else if reader.eat(&["SET", "NULL"]) {
        Action::SetNull
    } else if reader.eat(&["SET", "DEFAULT"]) {
        Action::SetDefault
    } else if reader.eat(&["RESTRICT"]) {
        Action::Restrict
    } else {
        reader.eat(&["NO", "ACTION"]);
        Action::NoAction
    };
    // PostgreSQL: SET NULL (columns).
    let _ = reader.group();
    action
}
