//! WITH: names that stand for queries and shadow tables of the same name.
//!
//! Owns their scopes: a name holds for the queries behind it and the statement that WITH belongs
//! to, with RECURSIVE (and on SQL Server and Oracle always) also for its own query.

use super::state::{Level, Walk};
use super::walk;
use crate::Dialect;
use crate::facts::reader::ident;

/// Reads the list behind `WITH` at `at`, if one stands there; gives the token behind it.
pub(super) fn read(walk: &mut Walk, level: &mut Level, at: usize) -> Option<usize> {
    let recursive = walk.is(at + 1, "RECURSIVE");
    let mut next = at + 1 + usize::from(recursive);
    let own_name = recursive || matches!(walk.dialect, Dialect::Sqlserver | Dialect::Oracle);
    let mut any = false;
    while let Some((name, group)) = one(walk, next) {
        if !any {
            level.ctes.clear();
            level.cte_taken = false;
            any = true;
            if recursive {
                level.ctes.extend(all(walk, level, next));
            }
        }
        if own_name {
            level.ctes.push(name.clone());
        }
        let end = walk.closes[group].min(level.to);
        let mut inner = Level::new(group + 1, end, Some(level));
        walk::level(walk, &mut inner, group + 1);
        if !own_name {
            level.ctes.push(name);
        }
        next = end + 1;
        // SEARCH and CYCLE of recursive queries, up to the comma or the statement.
        if walk.is_any(next, &["SEARCH", "CYCLE"]) {
            while next < level.to
                && !walk.is_symbol(next, ",")
                && !walk.is_any(next, &["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"])
            {
                next += 1;
            }
        }
        if !walk.is_symbol(next, ",") {
            break;
        }
        next += 1;
    }
    any.then_some(next)
}

/// The names of the whole list: with RECURSIVE each holds in all of its queries.
fn all(walk: &Walk, level: &Level, mut at: usize) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((name, group)) = one(walk, at) {
        names.push(name);
        at = walk.closes[group].min(level.to) + 1;
        if !walk.is_symbol(at, ",") {
            break;
        }
        at += 1;
    }
    names
}

/// `name [(columns)] AS [[NOT] MATERIALIZED] (`: the name and where its query opens.
fn one(walk: &Walk, at: usize) -> Option<(String, usize)> {
    let name = ident(walk.dialect, walk.token(at)?)?;
    let mut next = at + 1;
    if walk.is_symbol(next, "(") {
        next = walk.behind_group(next);
    }
    if !walk.is(next, "AS") {
        return None;
    }
    next = walk.skip(next + 1, &["NOT", "MATERIALIZED"]);
    walk.is_symbol(next, "(").then_some((name, next))
}
