//! Counted statements as the report needs them: what each touches, and what it says about itself.

use std::collections::HashMap;

use freehold_engine::audit::{Facts, RelationKind, Rights};
use freehold_sql::{Access, Dialect, uses};

use super::bodies::{dialect, right};
use super::comment::{self, Said};
use super::names::{Means, Names, is_table};
use super::reach::ViewUses;
use super::report::Verb;

/// A statement that touches tables of this database.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its place among the facts.
    pub(crate) at: usize,
    pub(crate) verb: Verb,
    /// Tables and what is done with them, in the order in which they are named; views are taken
    /// for what they read.
    pub(crate) touches: Vec<(u32, Rights)>,
    pub(crate) grouped: bool,
    pub(crate) said: Said,
    /// Some name in it could not be made out.
    pub(crate) unclear: bool,
}

/// Reads all statements. Those that touch no table of this database are left out.
pub(crate) fn read(facts: &Facts, names: &Names<'_>, views: &ViewUses) -> Vec<Ran> {
    let dialect = dialect(facts);
    let mut found = Vec::new();
    for (own, at) in facts.statements.iter().zip(0..) {
        let seen = uses(dialect, &own.text);
        let mut touches: Vec<(u32, Rights)> = Vec::new();
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut unclear = !seen.unresolved.is_empty();
        let mut note = |table: u32, rights: Rights| {
            let place = *places.entry(table).or_insert(touches.len());
            match touches.get_mut(place) {
                Some((_, held)) => *held |= rights,
                None => touches.push((table, rights)),
            }
        };
        for table in &seen.tables {
            let rights = right(table.access);
            let within = table.within.as_deref().or(own.schema.as_deref());
            if rights.is_none() {
                continue;
            }
            match names.find(&table.name, within) {
                Means::One(relation) => {
                    let whole = names.whole(relation);
                    for table in behind(facts, views, whole) {
                        note(table, rights);
                    }
                }
                Means::Several => unclear = true,
                Means::Nothing => {}
            }
        }
        if touches.is_empty() && !unclear {
            continue;
        }
        found.push(Ran {
            at,
            verb: verb(dialect, &own.text, &seen.tables),
            touches,
            grouped: is_grouped(dialect, &own.text),
            said: comment::read(dialect, &own.text),
            unclear,
        });
    }
    found
}

/// The table itself, or the tables that a view shows.
fn behind(facts: &Facts, views: &ViewUses, relation: u32) -> Vec<u32> {
    match facts.relations[relation as usize].kind {
        RelationKind::View | RelationKind::Materialized => views
            .tables(relation)
            .into_iter()
            .filter(|at| is_table(facts, *at))
            .collect(),
        _ if is_table(facts, relation) => vec![relation],
        _ => Vec::new(),
    }
}

fn words(dialect: Dialect, text: &str) -> impl Iterator<Item = String> {
    freehold_sql::lexer::Lexer::new(dialect, text)
        .filter(|token| token.kind == freehold_sql::lexer::TokenKind::Word)
        .map(|token| token.text(text).to_ascii_uppercase())
}

fn verb(dialect: Dialect, text: &str, tables: &[freehold_sql::TableUse]) -> Verb {
    let first = words(dialect, text).next().unwrap_or_default();
    match first.as_str() {
        "SELECT" | "TABLE" | "VALUES" => Verb::Select,
        "INSERT" | "REPLACE" => Verb::Insert,
        "UPDATE" => Verb::Update,
        "DELETE" => Verb::Delete,
        "MERGE" => Verb::Merge,
        "CALL" | "DO" | "EXECUTE" => Verb::Call,
        "TRUNCATE" => Verb::Truncate,
        "COPY" | "LOAD" => Verb::Copy,
        "WITH" => {
            let write = tables.iter().map(|own| own.access).find(|own| own.writes());
            match write {
                Some(Access::Insert) => Verb::Insert,
                Some(Access::Update) => Verb::Update,
                Some(Access::Delete) => Verb::Delete,
                Some(Access::Merge) => Verb::Merge,
                _ => Verb::Select,
            }
        }
        _ => Verb::Other,
    }
}

fn is_grouped(dialect: Dialect, text: &str) -> bool {
    let mut previous = String::new();
    for word in words(dialect, text) {
        if previous == "GROUP" && word == "BY" {
            return true;
        }
        previous = word;
    }
    false
}
