//! The walk over one level of parentheses, from keyword to keyword.
//!
//! Owns which words mean that tables follow. A level knows its statement; parentheses open a new
//! level that sees the names of this one.

use super::state::{Level, Verb, Walk};
use super::{Access, body, cte, ddl, finish, source, upkeep, verb};
use crate::facts::reader::ident;
use crate::lexer::TokenKind;

/// Deeper than any statement nests; keeps the walk off the end of the stack.
pub(super) const DEPTH_LIMIT: usize = 150;

/// Walks `level` from token `at` to its end.
pub(super) fn level(walk: &mut Walk, level: &mut Level, mut at: usize) {
    if level.depth > DEPTH_LIMIT {
        walk.out.recovered = true;
        return;
    }
    level.to = level.to.min(walk.tokens.len());
    while at < level.to {
        let next = step(walk, level, at);
        at = next.max(at + 1);
    }
    finish::statement(walk, level);
}

fn step(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let Some(seen) = walk.token(at) else {
        return at + 1;
    };
    match seen.token.kind {
        TokenKind::Symbol => symbol(walk, level, at),
        TokenKind::Word => {
            // A column may be called like a keyword: `o.from`.
            let member = at > level.from && walk.is_symbol(at - 1, ".");
            if member {
                at + 1
            } else {
                word(walk, level, at)
            }
        }
        TokenKind::Text => {
            if verb::is_code(walk, level, at) {
                body::literal(walk, at);
            }
            at + 1
        }
        _ => at + 1,
    }
}

fn symbol(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if walk.is_symbol(at, "(") {
        return inner(walk, level, at);
    }
    if walk.is_symbol(at, ";") {
        finish::statement(walk, level);
        level.ctes.clear();
        if !ddl::goes_on(walk, at) {
            walk.container = None;
            if level.parent.is_none() && walk.place.depth == 0 {
                walk.statement += 1;
            }
        }
        return at + 1;
    }
    if walk.is_symbol(at, "*") && !level.listing && level.sources.is_empty() {
        star(walk, level, at);
        return at + 1;
    }
    if walk.is_symbol(at, ",") && level.listing {
        let mark = walk.out.tables.len();
        let next = source::read(walk, level, at + 1, Access::Read, true);
        finish::joins_first(walk, level, mark);
        return next;
    }
    at + 1
}

/// `SELECT *`, `, *`, `t.*` in a select list; a product is none.
fn star(walk: &mut Walk, level: &mut Level, at: usize) {
    if level.verb != Verb::Select || at <= level.from {
        return;
    }
    if walk.is_symbol(at - 1, ".") {
        let owner = walk
            .token(at.wrapping_sub(2))
            .and_then(|seen| ident(walk.dialect, seen));
        level.stars.extend(owner.map(Some));
    } else if walk.is_symbol(at - 1, ",")
        || walk.is_any(at - 1, &["SELECT", "DISTINCT", "ALL"])
        || walk
            .token(at - 1)
            .is_some_and(|seen| seen.token.kind == TokenKind::Number)
            && walk.is(at.wrapping_sub(2), "TOP")
    {
        level.stars.push(None);
    }
}

fn inner(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let close = walk.closes[at].min(level.to);
    let mut inner = Level::new(at + 1, close, Some(level));
    self::level(walk, &mut inner, at + 1);
    close + 1
}

impl Walk<'_, '_> {
    /// Walks the arguments of a call in a FROM list; gives the token behind them.
    pub(super) fn behind_call(&mut self, level: &mut Level, at: usize) -> usize {
        inner(self, level, at)
    }
}

fn word(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let Some(seen) = walk.token(at) else {
        return at + 1;
    };
    // The longest keyword of interest; longer words are names.
    let mut upper = [0_u8; 16];
    let Some(upper) = upper.get_mut(..seen.written.len()) else {
        return at + 1;
    };
    upper.copy_from_slice(seen.written.as_bytes());
    upper.make_ascii_uppercase();
    match &*upper {
        b"WITH" => cte::read(walk, level, at).unwrap_or(at + 1),
        b"SELECT" | b"SEL" => {
            begin_query(walk, level, at);
            at + 1
        }
        b"FROM" => from(walk, level, at),
        b"JOIN" | b"STRAIGHT_JOIN" => join(walk, level, at),
        b"APPLY" if walk.is_any(at.wrapping_sub(1), &["CROSS", "OUTER"]) => join(walk, level, at),
        b"USING" => using(walk, level, at),
        b"WHERE" | b"GROUP" | b"ORDER" | b"HAVING" | b"LIMIT" | b"WINDOW" | b"RETURNING"
        | b"VALUES" | b"CONNECT" | b"QUALIFY" | b"OPTION" => {
            level.listing = false;
            at + 1
        }
        b"UNION" | b"EXCEPT" | b"INTERSECT" | b"MINUS" => {
            // What stands behind is beside these tables, not joined with them.
            finish::stars(walk, level);
            level.sources.clear();
            level.listing = false;
            if level.verb == Verb::None {
                level.verb = Verb::Select;
            }
            at + 1
        }
        // `ON DUPLICATE KEY UPDATE a = 1, b = 2`
        b"ON" if walk.is_any(at + 1, &["DUPLICATE", "CONFLICT"]) => {
            level.listing = false;
            at + 2
        }
        b"FOR" => locking(walk, level, at),
        b"HISTORY_TABLE" if walk.is_symbol(at + 1, "=") => {
            verb::table(walk, level, at + 2, Access::Reference).unwrap_or(at + 2)
        }
        b"SET" => verb::set(walk, level, at),
        b"INTO" => verb::into(walk, level, at),
        b"INSERT" | b"REPLACE" => verb::insert(walk, level, at),
        b"UPDATE" => verb::update(walk, level, at),
        b"DELETE" => verb::delete(walk, level, at),
        b"MERGE" => verb::merge(walk, level, at),
        b"TRUNCATE" => verb::truncate(walk, level, at),
        b"LOCK" => verb::lock(walk, level, at),
        b"COPY" => verb::copy(walk, level, at),
        b"VACUUM" | b"ANALYZE" | b"ANALYSE" | b"CLUSTER" | b"REFRESH" | b"REINDEX"
        | b"OPTIMIZE" | b"REPAIR" | b"CHECK" | b"CHECKSUM" => upkeep::read(walk, level, at),
        b"USE" => verb::use_database(walk, level, at),
        b"PERFORM" => {
            level.verb = Verb::Select;
            at + 1
        }
        b"SHOW" | b"FETCH" | b"MOVE" | b"BACKUP" | b"RESTORE" => {
            if verb::starts(walk, level, at) {
                finish::statement(walk, level);
                level.verb = Verb::Other;
            }
            level.listing = false;
            at + 1
        }
        b"GRANT" | b"REVOKE" => ddl::grant(walk, level, at),
        b"CREATE" => ddl::create(walk, level, at),
        b"ALTER" => ddl::alter(walk, level, at),
        b"DROP" => ddl::drop(walk, level, at),
        b"IMPORT" => ddl::import(walk, level, at),
        b"TABLE" => verb::bare_table(walk, level, at),
        b"COMMENT" => ddl::comment(walk, level, at),
        b"RENAME" => ddl::rename(walk, level, at),
        b"DESC" | b"DESCRIBE" => verb::describe(walk, level, at),
        b"REFERENCES" => ddl::references(walk, level, at),
        b"GO" => {
            // Ends a batch of T-SQL; elsewhere nobody writes it.
            finish::statement(walk, level);
            walk.container = None;
            at + 1
        }
        _ => at + 1,
    }
}

fn begin_query(walk: &mut Walk, level: &mut Level, at: usize) {
    // The queries of a set, of INSERT … SELECT and of CREATE … AS belong to their statement.
    let goes_on = matches!(level.verb, Verb::Insert | Verb::Define | Verb::Merge)
        || walk.is_any(
            at.wrapping_sub(1),
            &["UNION", "ALL", "EXCEPT", "INTERSECT", "MINUS", "DISTINCT"],
        ) && at > level.from;
    if goes_on {
        level.listing = false;
    } else {
        finish::begin(walk, level);
    }
    level.verb = if level.verb == Verb::Insert {
        Verb::Insert
    } else {
        Verb::Select
    };
}

fn from(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // IS [NOT] DISTINCT FROM
    if at > level.from
        && walk.is(at - 1, "DISTINCT")
        && walk.is_any(at.wrapping_sub(2), &["IS", "NOT"])
    {
        return at + 1;
    }
    // `NTH_VALUE(x, 2) FROM FIRST OVER (…)`
    if walk.is_any(at + 1, &["FIRST", "LAST"])
        && walk.is_any(at + 2, &["OVER", "RESPECT", "IGNORE"])
    {
        return at + 2;
    }
    let fragment = level.verb == Verb::None && level.parent.is_none();
    let reads = matches!(
        level.verb,
        Verb::Select | Verb::Insert | Verb::Update | Verb::Delete
    );
    if !reads && !fragment {
        return at + 1;
    }
    if fragment {
        level.verb = Verb::Select;
    }
    level.listing = true;
    let access =
        if level.verb == Verb::Delete && level.targets.is_empty() && level.sources.is_empty() {
            Access::Delete
        } else {
            Access::Read
        };
    let mark = walk.out.tables.len();
    let joined = !level.sources.is_empty() && matches!(level.verb, Verb::Update | Verb::Delete);
    let next = source::read(walk, level, at + 1, access, joined);
    if joined {
        finish::joins_first(walk, level, mark);
    }
    next
}

/// `FOR UPDATE OF a, b`, `FOR XML PATH, TYPE`, `FOR SYSTEM_TIME FROM a TO b`, `USE INDEX FOR JOIN`.
fn locking(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let ends = ["XML", "JSON", "UPDATE", "SHARE", "BROWSE", "KEY", "NO"];
    if walk.is_any(at + 1, &ends) {
        level.listing = false;
    } else if walk.is(at + 1, "SYSTEM_TIME") {
        return at + 2 + usize::from(walk.is(at + 2, "FROM"));
    } else if walk.is_any(at + 1, &["JOIN", "ORDER", "GROUP"]) {
        return at + 2;
    }
    at + 1
}

fn join(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // MySQL: SELECT STRAIGHT_JOIN columns …
    if walk.is(at, "STRAIGHT_JOIN") && level.sources.is_empty() && level.verb == Verb::Select {
        return at + 1;
    }
    let fragment = level.verb == Verb::None && level.parent.is_none();
    // `MERGE JOIN` and the like are read from their JOIN; a column of that name is no join.
    if level.verb == Verb::None && !fragment {
        return at + 1;
    }
    if fragment {
        level.verb = Verb::Select;
    }
    level.listing = true;
    let mark = walk.out.tables.len();
    // JPQL: JOIN FETCH.
    let next = at + 1 + usize::from(walk.is(at + 1, "FETCH"));
    let next = source::read(walk, level, next, Access::Read, true);
    finish::joins_first(walk, level, mark);
    next
}

fn using(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    match level.verb {
        // `JOIN t USING (column)`
        Verb::Delete if walk.is_symbol(at + 1, "(") && level.listing => at + 1,
        Verb::Delete | Verb::Merge => {
            level.listing = level.verb == Verb::Delete;
            let mark = walk.out.tables.len();
            let next = source::read(walk, level, at + 1, Access::Read, true);
            finish::joins_first(walk, level, mark);
            next
        }
        _ => at + 1,
    }
}
