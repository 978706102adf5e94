//! Ways around an append-only table: foreign keys that erase or rewrite its rows, functions that
//! run with the owner's rights, rules, inheritance. A description with one is refused (FH3104).
//!
//! Bodies are read as tokens; what cannot be read (dynamic SQL, other languages) counts as a way.

use std::collections::BTreeSet;

use freehold_engine::Routine;
use freehold_model::Fault;
use freehold_sql::Dialect;
use freehold_sql::lexer::Lexer;

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::names::split;
use crate::wanted::{Use, is_append_only, use_of};

/// All holes.
pub(crate) fn holes(case: &Case<'_>) -> Vec<Fault> {
    if case.want.append_only.is_empty() {
        return Vec::new();
    }
    let mut faults = foreign_keys(case);
    faults.extend(inheritance(case));
    faults.extend(rules(case));
    faults.extend(triggers(case));
    faults
}

fn fault(case: &Case<'_>, table: &str, how: &str) -> Fault {
    Fault::new(
        "FH3104",
        format!(
            "{}: table {table} is described as append-only, and {how}",
            case.want.label()
        ),
    )
}

fn foreign_keys(case: &Case<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for key in &case.live.foreign_keys {
        if !is_append_only(case, &key.table) || use_of(case, &key.references) != Use::ReadWrite {
            continue;
        }
        let changes = |action: &str| matches!(action, "CASCADE" | "SET NULL" | "SET DEFAULT");
        let ways = [("DELETE", &key.on_delete), ("UPDATE", &key.on_update)];
        for (event, action) in ways.into_iter().filter(|(_, action)| changes(action)) {
            let how = format!(
                "its foreign key {} says ON {event} {action}: whoever may change {} changes its rows",
                key.name, key.references
            );
            faults.push(fault(case, &key.table, &how).help(format!(
                "make it ON {event} NO ACTION in a migration, or take `append_only` from the table"
            )));
        }
    }
    faults
}

/// UPDATE and DELETE on a parent reach its children's rows under the parent's rights.
fn inheritance(case: &Case<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in &case.want.append_only {
        let parents =
            [Fact::Inherits, Fact::PartitionOf].map(|fact| facts::lines(case.live, fact, name));
        for parent in parents
            .iter()
            .flatten()
            .filter(|parent| use_of(case, parent) == Use::ReadWrite)
        {
            let how = format!("it is a part of {parent}, through which its rows can be changed");
            faults.push(fault(case, name, &how).help(format!(
                "describe {parent} as append-only too, or separate the two"
            )));
        }
    }
    faults
}

fn rules(case: &Case<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (of, definition) in facts::all(case.live, Fact::Rule) {
        let action = definition
            .split_once(" DO ")
            .map_or(definition.as_str(), |(_, action)| action);
        for table in append_only(case) {
            if changes_table(case, action, &table) {
                faults.push(
                    fault(
                        case,
                        &table,
                        &format!("the rule {of} changes it with its owner's rights"),
                    )
                    .help("write a trigger instead of the rule"),
                );
            }
        }
    }
    faults
}

/// The append-only tables that are there.
fn append_only<'a>(case: &'a Case<'_>) -> impl Iterator<Item = String> + 'a {
    case.live
        .tables
        .keys()
        .filter(|name| is_append_only(case, name))
        .cloned()
}

/// Triggers call their function whether or not the caller may run it.
fn triggers(case: &Case<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (of, function) in facts::all(case.live, Fact::Trigger) {
        if !case
            .live
            .routines
            .get(&function)
            .is_some_and(|routine| routine.definer && powerful(case, routine))
        {
            continue;
        }
        let reached = reach(case, &function);
        for table in append_only(case) {
            let unreadable = reached.iter().find(|name| is_unreadable(case, name));
            if let Some(name) = reached.iter().find(|name| changes(case, name, &table)) {
                let how = format!(
                    "the trigger {of} runs {name} with its owner's rights, which changes it"
                );
                faults.push(fault(case, &table, &how).help(format!(
                    "make {function} SECURITY INVOKER, or let it only insert"
                )));
            } else if let Some(name) = unreadable {
                let how = format!(
                    "the trigger {of} runs {name} with its owner's rights, and what that does cannot be read from its text"
                );
                faults.push(
                    fault(case, &table, &how)
                        .help(format!("make {function} SECURITY INVOKER, or write it in SQL or PL/pgSQL without EXECUTE")),
                );
            }
        }
    }
    faults
}

/// Could its owner change our tables?
fn powerful(case: &Case<'_>, routine: &Routine) -> bool {
    let superuser = case
        .live
        .roles
        .get(&routine.owner)
        .is_some_and(|role| role.attributes.contains("superuser"));
    case.owned(&routine.owner) || superuser
}

/// The function and every routine of the store that it, or one that it calls, names.
fn reach(case: &Case<'_>, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::from([start.to_owned()]);
    let mut open = vec![start.to_owned()];
    while let Some(name) = open.pop() {
        let Some(routine) = case.live.routines.get(&name) else {
            continue;
        };
        let words = words(&routine.body);
        for (other, _) in case
            .live
            .routines
            .iter()
            .filter(|(_, routine)| routine.kind != "trigger")
        {
            let (_, bare) = split(&case.want.spot, other.split('(').next().unwrap_or(other));
            if words.contains(&bare.to_lowercase()) && reached.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    reached
}

fn changes(case: &Case<'_>, routine: &str, table: &str) -> bool {
    case.live
        .routines
        .get(routine)
        .is_some_and(|routine| changes_table(case, &routine.body, table))
}

/// Does the text name the table and a word that changes rows?
fn changes_table(case: &Case<'_>, text: &str, table: &str) -> bool {
    let (_, bare) = split(&case.want.spot, table);
    let words = words(text);
    let changing = ["update", "delete", "truncate", "merge", "alter", "drop"];
    words.contains(&bare.to_lowercase()) && changing.iter().any(|word| words.contains(*word))
}

fn is_unreadable(case: &Case<'_>, routine: &str) -> bool {
    let language = facts::get(case.live, Fact::Language, routine);
    let dynamic = case
        .live
        .routines
        .get(routine)
        .is_some_and(|routine| words(&routine.body).contains("execute"));
    dynamic || !matches!(language, "sql" | "plpgsql")
}

/// The words of a text in lower case, comments left out, names out of their quotes.
fn words(text: &str) -> BTreeSet<String> {
    Lexer::new(Dialect::Postgres, text)
        .filter(|token| !token.is_trivia())
        .map(|token| token.text(text).trim_matches('"').to_lowercase())
        .collect()
}
