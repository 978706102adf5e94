//! Tables that the compiler knows by name: jOOQ's constants, Diesel's modules, `SeaORM`'s entities,
//! Entity Framework's sets.

use std::collections::HashSet;

use freehold_sql::Access;

use super::Named;
use crate::language::Language;
use crate::source::Code;

pub(super) fn read(code: &Code, found: &mut Vec<Named>) {
    match code.language {
        Language::Java | Language::Kotlin if code.text.contains("jooq") => jooq(code, found),
        Language::Rust if code.text.contains("diesel") => diesel(code, found),
        Language::Rust if code.text.contains("sea_orm") => sea_orm(code, found),
        Language::CSharp => sets(code, found),
        _ => {}
    }
}

fn named(code: &Code, at: usize, access: Access, joined: bool, chain: usize) -> Option<Named> {
    let token = code.tokens[at];
    Some(Named {
        table: code.word(at)?.to_owned(),
        access,
        joined,
        chain: code.tokens[chain].start,
        holder: None,
        column: None,
        start: token.start,
        end: token.end,
    })
}

/// `.from(ORDERS).join(CUSTOMERS)`, `update(Tables.BOOKS)`
fn jooq(code: &Code, found: &mut Vec<Named>) {
    // A text of the same file that is called like a table is none.
    let texts: HashSet<&str> = (0..code.tokens.len())
        .filter(|&i| code.is_mark(i + 1, b'=') && code.literal(i + 2).is_some())
        .filter_map(|i| code.word(i))
        .collect();
    for at in 0..code.tokens.len() {
        let Some((access, joined)) = code.word(at).and_then(step) else {
            continue;
        };
        if !code.is_mark(at + 1, b'(') || !code.is_mark(at.wrapping_sub(1), b'.') {
            continue;
        }
        let mut place = at + 2;
        while code.is_mark(place + 1, b'.')
            && code
                .word(place)
                .is_some_and(|word| word.chars().any(|c| c.is_ascii_lowercase()))
            && code.word(place + 2).is_some()
        {
            place += 2;
        }
        let constant = code.word(place).is_some_and(|word| {
            word.len() > 1
                && word.starts_with(|c: char| c.is_ascii_uppercase())
                && !word.chars().any(|c| c.is_ascii_lowercase())
        });
        if constant
            && !code.word(place).is_some_and(|word| texts.contains(word))
            && let Some(mut own) = named(code, place, access, joined, super::chain_start(code, at))
        {
            own.table = own.table.to_ascii_lowercase();
            found.push(own);
        }
    }
}

fn step(word: &str) -> Option<(Access, bool)> {
    Some(match word {
        "from" | "selectFrom" | "fetchCount" | "fetchExists" => (Access::Read, false),
        "join" | "innerJoin" | "leftJoin" | "leftOuterJoin" | "rightJoin" | "rightOuterJoin"
        | "fullJoin" | "fullOuterJoin" | "crossJoin" | "naturalJoin" => (Access::Read, true),
        "insertInto" | "mergeInto" => (Access::Insert, false),
        "update" => (Access::Update, false),
        "deleteFrom" | "delete" => (Access::Delete, false),
        "truncate" => (Access::Truncate, false),
        _ => return None,
    })
}

/// `orders::table.inner_join(customers::table)`, `diesel::insert_into(customers::table)`
fn diesel(code: &Code, found: &mut Vec<Named>) {
    for at in 3..code.tokens.len() {
        let table = code.is(at, "table")
            && code.is_mark(at - 1, b':')
            && code.is_mark(at - 2, b':')
            && code.word(at - 3).is_some();
        if !table {
            continue;
        }
        let mut first = at - 3;
        while code.is_mark(first.wrapping_sub(1), b':')
            && code.word(first.wrapping_sub(3)).is_some()
        {
            first -= 3;
        }
        let call = first
            .checked_sub(2)
            .filter(|_| code.is_mark(first - 1, b'('))
            .and_then(|i| code.word(i).map(|word| (i, word)));
        let (access, joined) = match call.map(|(_, word)| word) {
            Some("insert_into" | "replace_into" | "insert_or_ignore_into") => {
                (Access::Insert, false)
            }
            Some("update") => (Access::Update, false),
            Some("delete") => (Access::Delete, false),
            Some("inner_join" | "left_join" | "left_outer_join") => (Access::Read, true),
            _ => (Access::Read, false),
        };
        let chain = match call {
            Some((call, _)) if joined => super::chain_start(code, call),
            _ => first,
        };
        found.extend(named(code, at - 3, access, joined, chain));
    }
}

/// `customer::Entity::find()`, `Entity::insert(…)` behind its module
fn sea_orm(code: &Code, found: &mut Vec<Named>) {
    for at in 3..code.tokens.len() {
        let entity = code.is(at, "Entity")
            && code.is_mark(at - 1, b':')
            && code.is_mark(at - 2, b':')
            && code
                .word(at - 3)
                .is_some_and(|module| module != "super" && module != "self");
        if !entity {
            continue;
        }
        let method = code
            .word(at + 3)
            .filter(|_| code.is_mark(at + 1, b':') && code.is_mark(at + 2, b':'));
        let call = at
            .checked_sub(5)
            .filter(|_| code.is_mark(at - 4, b'('))
            .and_then(|i| code.word(i));
        let (access, joined) = match (method, call) {
            (Some("find" | "find_by_id" | "find_related" | "find_with_related"), _) => {
                (Access::Read, false)
            }
            (Some("insert" | "insert_many"), _) => (Access::Insert, false),
            (Some("update" | "update_many"), _) => (Access::Update, false),
            (Some("delete" | "delete_many" | "delete_by_id"), _) => (Access::Delete, false),
            (None, Some("find_also_related" | "find_with_related" | "find_related")) => {
                (Access::Read, true)
            }
            _ => continue,
        };
        found.extend(named(code, at - 3, access, joined, at - 3));
    }
}

/// `db.Customers.Where(…)`, `join c in _context.Customers on …`
fn sets(code: &Code, found: &mut Vec<Named>) {
    for at in 2..code.tokens.len() {
        let context = code.is_mark(at - 1, b'.')
            && code.word(at - 2).is_some_and(is_context)
            && !code.is_mark(at.wrapping_sub(3), b'.');
        let set = code
            .word(at)
            .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        if !context || !set || matches!(code.mark(at + 1), Some(b'(' | b'<' | b'=')) {
            continue;
        }
        let access = match code.word(at + 2).filter(|_| code.is_mark(at + 1, b'.')) {
            Some("Add" | "AddAsync" | "AddRange" | "AddRangeAsync") => Access::Insert,
            Some("Update" | "UpdateRange" | "Attach") => Access::Update,
            Some("Remove" | "RemoveRange") => Access::Delete,
            _ => Access::Read,
        };
        found.extend(named(code, at, access, false, at));
    }
}

/// What people call the session of Entity Framework.
pub(crate) fn is_context(word: &str) -> bool {
    let bare = word.trim_start_matches('_').to_ascii_lowercase();
    matches!(bare.as_str(), "db" | "ctx" | "context") || bare.ends_with("dbcontext")
}
