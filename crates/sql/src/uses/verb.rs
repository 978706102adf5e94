//! The statements that change rows, and those that name tables without a FROM.

use super::name::{self, Named};
use super::source;
use super::state::{Level, Target, Verb, Walk};
use super::{Access, Why, finish};
use crate::Dialect;
use crate::facts::reader::ident;

/// Can a statement begin at `at`?
pub(super) fn starts(walk: &Walk, level: &Level, at: usize) -> bool {
    if at == level.from {
        return true;
    }
    let before = at - 1;
    // `CREATE RULE … AS ON DELETE TO v DO INSTEAD DELETE FROM t`
    if walk.is_any(before, &["INSTEAD", "ALSO", "DO"])
        && walk.container.is_some()
        && !walk.is_any(at + 1, &["OF", "ON"])
    {
        return true;
    }
    !walk.is_any(
        before,
        &[
            "ON", "FOR", "OR", "BEFORE", "AFTER", "OF", "KEY", "GRANT", "REVOKE", "NO", "INSTEAD",
        ],
    ) && !walk.is_symbol(before, ",")
        && !walk.is_symbol(before, ".")
}

/// Is the literal at `at` SQL that is run: a body, or dynamic SQL?
pub(super) fn is_code(walk: &Walk, level: &Level, at: usize) -> bool {
    let Some(seen) = walk.token(at) else {
        return false;
    };
    if seen.written.starts_with('$') {
        return true;
    }
    let Some(before) = at
        .checked_sub(1)
        .filter(|before| *before >= level.from.saturating_sub(3))
    else {
        return false;
    };
    walk.is_any(
        before,
        &["EXECUTE", "IMMEDIATE", "EXEC", "SP_EXECUTESQL", "DO", "AS"],
    ) && (!walk.is(before, "AS") || walk.container.is_some())
        || walk.is_symbol(before, "(") && walk.is_any(before.wrapping_sub(1), &["EXEC", "EXECUTE"])
        || walk.is(before, "FROM") && walk.is(before.wrapping_sub(2), "PREPARE")
}

/// Reads a name at `at` as a table touched in this way; gives the token behind it.
pub(super) fn table(walk: &mut Walk, level: &Level, at: usize, access: Access) -> Option<usize> {
    let (named, end) = name::read(walk.dialect, walk.tokens, at);
    match named {
        Named::Table(name, span) => {
            if name.is_qualified() || !level.is_cte(name.table()) {
                walk.found(name, span, access, false);
            }
            Some(end)
        }
        Named::Hole(span) => {
            walk.unresolved(span, Why::Hole);
            Some(end)
        }
        Named::Local => Some(end),
        Named::Nothing => {
            if at >= walk.tokens.len() && level.parent.is_none() {
                let end = walk.text.len();
                walk.unresolved(end..end, Why::Cut);
            }
            None
        }
    }
}

/// Behind `TOP (n)` and the like.
fn past_top(walk: &Walk, at: usize) -> usize {
    if !walk.is(at, "TOP") {
        return at;
    }
    let at = if walk.is_symbol(at + 1, "(") {
        walk.behind_group(at + 1)
    } else {
        at + 2
    };
    walk.skip(at, &["PERCENT"])
}

pub(super) fn insert(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !starts(walk, level, at) || walk.is_symbol(at + 1, "(") {
        return at + 1;
    }
    let mut next = at + 1;
    if walk.is(next, "OR") {
        next += 2;
    }
    next = walk.skip(
        next,
        &["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"],
    );
    next = past_top(walk, next);
    let replace = walk.is(at, "REPLACE");
    if walk.is_any(next, &["ALL", "FIRST"]) {
        finish::begin(walk, level);
        level.verb = Verb::Insert;
        return next + 1;
    }
    let into = walk.is_any(next, &["INTO", "OVERWRITE"]);
    // REPLACE is also a function, and INSERT without INTO is not read everywhere; MERGE's own
    // names no table.
    let no_name = ["ON", "OR", "VALUES", "AND", "AS", "TO", "DEFAULT"];
    if !into && (replace || walk.is_any(next, &no_name)) {
        return at + 1;
    }
    next = walk.skip(next, &["INTO", "OVERWRITE", "TABLE"]);
    finish::begin(walk, level);
    level.verb = Verb::Insert;
    table(walk, level, next, Access::Insert).unwrap_or(next)
}

pub(super) fn into(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    match level.verb {
        // Oracle's INSERT ALL INTO a … INTO b …
        Verb::Insert => {
            let next = walk.skip(at + 1, &["TABLE"]);
            table(walk, level, next, Access::Insert).unwrap_or(next)
        }
        Verb::Select if walk.place.container.is_none() && walk.container.is_none() => {
            let makes = matches!(walk.dialect, Dialect::Postgres | Dialect::Sqlserver);
            let temporary = walk.is_any(at + 1, &["TEMP", "TEMPORARY"]);
            let next = walk.skip(at + 1, &["TEMP", "TEMPORARY", "UNLOGGED", "TABLE"]);
            if !makes || walk.is(next, "STRICT") {
                return at + 1;
            }
            if temporary {
                make_temporary(walk, next);
                return next + 1;
            }
            table(walk, level, next, Access::Create).unwrap_or(next)
        }
        // LOAD DATA … INTO TABLE t; OUTPUT … INTO t
        Verb::None if walk.is(at + 1, "TABLE") => {
            table(walk, level, at + 2, Access::Insert).unwrap_or(at + 2)
        }
        Verb::Update | Verb::Delete | Verb::Merge if walk.dialect == Dialect::Sqlserver => {
            table(walk, level, at + 1, Access::Insert).unwrap_or(at + 1)
        }
        _ => at + 1,
    }
}

/// The name at `at` is a temporary table's from here on.
pub(super) fn make_temporary(walk: &mut Walk, at: usize) {
    if let (Named::Table(name, _), _) = name::read(walk.dialect, walk.tokens, at) {
        walk.temporary.push(name.table().to_owned());
    }
}

pub(super) fn update(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !starts(walk, level, at) || walk.is_any(at + 1, &["SET", "ON", "OF", "STATISTICS", "SKIP"]) {
        return at + 1;
    }
    let mut next = at + 1;
    if walk.is(next, "OR") {
        next += 2;
    }
    next = walk.skip(next, &["LOW_PRIORITY", "IGNORE", "ONLY"]);
    next = past_top(walk, next);
    if !has_set(walk, level, next) {
        return at + 1;
    }
    finish::begin(walk, level);
    level.verb = Verb::Update;
    let plain = matches!(walk.dialect, Dialect::Sqlserver) && !walk.is_symbol(next, "(");
    if plain {
        let (named, end) = name::read(walk.dialect, walk.tokens, next);
        if walk.is_symbol(end, "(") && !source::is_old_hint(walk, end) {
            // `UPDATE OPENQUERY (…)`: another server's table.
            return end;
        }
        if let Named::Table(name, span) = named {
            level.targets.push(Target {
                name,
                span,
                access: Access::Update,
            });
        } else if let Named::Hole(span) = named {
            walk.unresolved(span, Why::Hole);
        }
        return end;
    }
    // MySQL: UPDATE a JOIN b … SET; more tables follow by JOIN and comma.
    level.listing = true;
    source::read(walk, level, next, Access::Update, false)
}

/// Does SET follow on this level before the statement ends? Also for a text cut off before it.
fn has_set(walk: &Walk, level: &Level, from: usize) -> bool {
    let mut at = from;
    while at < level.to {
        if walk.is_symbol(at, "(") {
            at = walk.behind_group(at);
            continue;
        }
        if walk.is(at, "SET") {
            return true;
        }
        if walk.is_symbol(at, ";") || walk.is_any(at, &["WHERE", "FROM", "SELECT", "INSERT"]) {
            return false;
        }
        at += 1;
    }
    at == from
}

pub(super) fn set(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    level.listing = false;
    if level.verb == Verb::None && walk.is_any(at + 1, &["SEARCH_PATH", "LOCAL", "SESSION"]) {
        let place = walk.skip(at + 1, &["LOCAL", "SESSION"]);
        if walk.is(place, "SEARCH_PATH") {
            walk.within = walk
                .token(place + 2)
                .and_then(|seen| ident(walk.dialect, seen));
        }
        return place + 1;
    }
    if level.verb == Verb::Update && level.sources.len() > 1 {
        assigned(walk, level, at);
    }
    at + 1
}

/// `UPDATE a JOIN b SET b.x = …` writes b, and a only if it is named as well.
fn assigned(walk: &mut Walk, level: &Level, at: usize) {
    let mut written: Vec<String> = Vec::new();
    let mut next = at;
    while next < level.to && !walk.is_any(next, &["WHERE", "ORDER", "LIMIT"]) {
        if walk.is_symbol(next, ";") {
            break;
        }
        if walk.is_symbol(next, "(") {
            next = walk.behind_group(next);
            continue;
        }
        if (next == at || walk.is_symbol(next, ",")) && walk.is_symbol(next + 2, ".") {
            // `t.column =` or `db.t.column =`.
            let owner = if walk.is_symbol(next + 4, ".") {
                next + 3
            } else {
                next + 1
            };
            let name = walk.token(owner).and_then(|seen| ident(walk.dialect, seen));
            written.extend(name);
        }
        next += 1;
    }
    if written.is_empty() {
        return;
    }
    for source in &level.sources {
        let Some(table) = source.table else { continue };
        let label = source.alias.as_deref().unwrap_or(&source.name);
        let is_written = written.iter().any(|name| name.eq_ignore_ascii_case(label));
        walk.out.tables[table].access = if is_written {
            Access::Update
        } else {
            Access::Read
        };
        walk.out.tables[table].joined |= !is_written;
    }
}

pub(super) fn delete(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let follows = [
        "ON",
        "WHERE",
        "WHEN",
        "AND",
        "OUTPUT",
        "STATISTICS",
        "SYSTEM",
    ];
    let commits = walk.are(at.wrapping_sub(2), &["ON", "COMMIT"]);
    if !starts(walk, level, at) || walk.is_any(at + 1, &follows) || commits {
        return at + 1;
    }
    let mut next = walk.skip(at + 1, &["LOW_PRIORITY", "QUICK", "IGNORE"]);
    next = past_top(walk, next);
    if next >= level.to || walk.is_symbol(next, ";") || walk.is_symbol(next, ")") {
        return at + 1;
    }
    finish::begin(walk, level);
    level.verb = Verb::Delete;
    if !walk.is(next, "FROM") {
        next = targets(walk, level, next);
        return next;
    }
    // MySQL: DELETE FROM a, b USING a JOIN b …
    if walk.dialect.is_mysql_like() {
        let mark = next + 1;
        let mut end = mark;
        while end < level.to
            && !walk.is_any(end, &["WHERE", "USING", "SELECT"])
            && !walk.is_symbol(end, ";")
        {
            end += 1;
        }
        if walk.is(end, "USING") {
            return targets(walk, level, mark).max(end);
        }
    }
    next
}

/// The names that DELETE lists before its FROM; they may be aliases, or `t.*`.
fn targets(walk: &mut Walk, level: &mut Level, mut at: usize) -> usize {
    loop {
        let (named, end) = name::read(walk.dialect, walk.tokens, at);
        match named {
            Named::Table(name, span) => level.targets.push(Target {
                name,
                span,
                access: Access::Delete,
            }),
            Named::Hole(span) => walk.unresolved(span, Why::Hole),
            Named::Local | Named::Nothing => {}
        }
        at = end;
        if walk.is_symbol(at, ".") && walk.is_symbol(at + 1, "*") {
            at += 2;
        }
        if !walk.is_symbol(at, ",") {
            return at;
        }
        at += 1;
    }
}

pub(super) fn merge(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // `ENGINE=MERGE CHARSET=utf8`
    let value = walk.is_symbol(at.wrapping_sub(1), "=");
    if value || !starts(walk, level, at) || walk.is_any(at + 1, &["JOIN"]) {
        return at + 1;
    }
    let next = past_top(walk, at + 1);
    let next = walk.skip(next, &["INTO", "ONLY"]);
    if walk.is_symbol(next, "(") && !walk.is(at + 1, "INTO") {
        return at + 1;
    }
    finish::begin(walk, level);
    level.verb = Verb::Merge;
    source::read(walk, level, next, Access::Merge, false)
}

pub(super) fn truncate(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // TRUNCATE is also a function and a privilege.
    if !starts(walk, level, at) || walk.is_symbol(at + 1, "(") {
        return at + 1;
    }
    let mut next = walk.skip(at + 1, &["TABLE", "ONLY"]);
    let bare = next == at + 1;
    if bare && walk.dialect != Dialect::Postgres && !walk.dialect.is_mysql_like() {
        return at + 1;
    }
    while let Some(end) = table(walk, level, next, Access::Truncate) {
        if !walk.is_symbol(end, ",") {
            return end;
        }
        next = walk.skip(end + 1, &["ONLY"]);
    }
    next
}

/// PostgreSQL's and MySQL's `TABLE t`, which is `SELECT * FROM t`.
pub(super) fn bare_table(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let set = ["UNION", "ALL", "EXCEPT", "INTERSECT", "DISTINCT", "AS"];
    let begins = at == level.from
        || walk.is_symbol(at - 1, ";")
        || walk.is_any(at - 1, &set) && level.verb != Verb::None;
    // `TABLE (f(…))` makes rows of a function, and a routine returns TABLE (columns).
    if !begins || at + 1 >= level.to || walk.is_symbol(at + 1, "(") || level.listing {
        return at + 1;
    }
    table(walk, level, at + 1, Access::Read).unwrap_or(at + 1)
}

/// MySQL's `DESC t`.
pub(super) fn describe(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let begins = level.parent.is_none() && (at == level.from || walk.is_symbol(at - 1, ";"));
    let statement = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "FORMAT", "TABLE",
    ];
    if !begins || !walk.dialect.is_mysql_like() || walk.is_any(at + 1, &statement) {
        return at + 1;
    }
    table(walk, level, at + 1, Access::Read).unwrap_or(at + 1)
}

pub(super) fn lock(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // PostgreSQL lets TABLE out; elsewhere LOCK is much else.
    let bare = walk.dialect == Dialect::Postgres
        && level.parent.is_none()
        && (at == level.from || walk.is_symbol(at - 1, ";"));
    if !starts(walk, level, at) || !bare && !walk.is_any(at + 1, &["TABLE", "TABLES"]) {
        return at + 1;
    }
    let mut next = walk.skip(at + 1, &["TABLE", "TABLES"]);
    next = walk.skip(next, &["ONLY"]);
    while let Some(mut end) = table(walk, level, next, Access::Lock) {
        // MySQL: `a AS x READ, b WRITE`.
        while end < level.to
            && !walk.is_symbol(end, ",")
            && !walk.is_symbol(end, ";")
            && !walk.is(end, "IN")
        {
            end += 1;
        }
        if !walk.is_symbol(end, ",") {
            return end;
        }
        next = end + 1;
    }
    next
}

pub(super) fn copy(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if walk.dialect != Dialect::Postgres || !starts(walk, level, at) || walk.is_symbol(at + 1, "(")
    {
        return at + 1;
    }
    let (named, mut end) = name::read(walk.dialect, walk.tokens, at + 1);
    if walk.is_symbol(end, "(") {
        end = walk.behind_group(end);
    }
    let access = if walk.is(end, "FROM") {
        Access::Insert
    } else if walk.is(end, "TO") {
        Access::Read
    } else {
        return at + 1;
    };
    if let Named::Table(name, span) = named {
        walk.found(name, span, access, false);
    } else if let Named::Hole(span) = named {
        walk.unresolved(span, Why::Hole);
    }
    level.verb = Verb::Other;
    end + 1
}

pub(super) fn use_database(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // `USE INDEX (…)` stands behind a table.
    if level.verb != Verb::None || !starts(walk, level, at) || level.parent.is_some() {
        return at + 1;
    }
    let follows = walk.is_symbol(at + 2, ";")
        || at + 2 >= level.to
        || walk.is(at + 2, "GO")
        || walk.dialect == Dialect::Sqlserver;
    if follows {
        walk.within = walk
            .token(at + 1)
            .and_then(|seen| ident(walk.dialect, seen));
    }
    at + 2
}
