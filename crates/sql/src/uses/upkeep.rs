//! What keeps tables in order: VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH, OPTIMIZE, CHECK.
//!
//! Owns where these name their tables. They lock them, and change no row.

use super::state::{Level, Verb, Walk};
use super::{Access, finish, verb};

pub(super) fn read(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // `EXPLAIN ANALYZE`, `CHECK (…)` of a column, and words of the inside of other statements.
    let begins = level.parent.is_none()
        && (at == level.from || walk.is_symbol(at - 1, ";"))
        && at + 1 < level.to;
    if !begins {
        return at + 1;
    }
    let postgres = walk.dialect == crate::Dialect::Postgres;
    let word = |word: &str| walk.is(at, word);
    let mut next = at + 1;
    if word("REFRESH") {
        if !walk.are(next, &["MATERIALIZED", "VIEW"]) {
            return next;
        }
        next = walk.skip(next + 2, &["CONCURRENTLY"]);
    } else if word("REINDEX") {
        if walk.is_symbol(next, "(") {
            next = walk.behind_group(next);
        }
        if !walk.is(next, "TABLE") {
            return next;
        }
        next = walk.skip(next + 1, &["CONCURRENTLY"]);
    } else if postgres && (word("VACUUM") || word("ANALYZE") || word("ANALYSE") || word("CLUSTER"))
    {
        if walk.is_symbol(next, "(") {
            next = walk.behind_group(next);
        }
        next = walk.skip(next, &["FULL", "FREEZE", "VERBOSE", "ANALYZE", "ANALYSE"]);
        if word("CLUSTER") && walk.is(next + 1, "ON") {
            next += 2;
        }
    } else {
        next = walk.skip(next, &["NO_WRITE_TO_BINLOG", "LOCAL"]);
        if !walk.is_any(next, &["TABLE", "TABLES"]) {
            return next;
        }
        next += 1;
    }
    finish::begin(walk, level);
    level.verb = Verb::Other;
    while next < level.to && !walk.is_symbol(next, ";") {
        let Some(mut end) = verb::table(walk, level, next, Access::Lock) else {
            break;
        };
        if walk.is_symbol(end, "(") {
            end = walk.behind_group(end);
        }
        if !walk.is_symbol(end, ",") {
            return end;
        }
        next = end + 1;
    }
    next
}
