//! Definitions and rights: CREATE, ALTER, DROP, COMMENT, RENAME, GRANT, REFERENCES.
//!
//! Owns which object a definition is of, so that what stands inside can be held against it.

use super::name::{self, Named};
use super::state::{Level, Verb, Walk};
use super::{Access, Container, ContainerKind, finish, key, verb};

/// Words between CREATE and the kind of object.
const MODIFIERS: &[&str] = &[
    "OR",
    "REPLACE",
    "ALTER",
    "GLOBAL",
    "LOCAL",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "UNIQUE",
    "CLUSTERED",
    "NONCLUSTERED",
    "FULLTEXT",
    "SPATIAL",
    "BITMAP",
    "MATERIALIZED",
    "RECURSIVE",
    "FORCE",
    "NOFORCE",
    "NO",
    "EDITIONABLE",
    "NONEDITIONABLE",
    "FOREIGN",
    "EXTERNAL",
    "PRIVATE",
    "CONSTRAINT",
    "PUBLIC",
    "VIRTUAL",
    "COLUMNSTORE",
    "DEFINER",
    "ALGORITHM",
    "UNDEFINED",
    "MERGE",
    "TEMPTABLE",
    "SQL",
    "SECURITY",
    "INVOKER",
    "AGGREGATE",
    "SHARDED",
    "DUPLICATED",
    "IMMUTABLE",
    "BLOCKCHAIN",
    "OFFLINE",
    "ONLINE",
    "HYBRID",
];

pub(super) fn create(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !verb::starts(walk, level, at) {
        return at + 1;
    }
    let (mut next, mut temporary) = (at + 1, false);
    // MySQL: DEFINER = `root`@`localhost`
    loop {
        // Oracle's global ones are there for everybody; their rows are not.
        temporary |= walk.is_any(next, &["TEMP", "TEMPORARY"])
            && !(walk.dialect == crate::Dialect::Oracle && walk.is(next - 1, "GLOBAL"));
        if walk.is_any(next, MODIFIERS) {
            next += 1;
        } else if walk.is_symbol(next, "=") {
            next += 1;
            let account = walk
                .token(next + 1)
                .is_some_and(|seen| seen.written.starts_with('@'));
            if walk.is_any(next, MODIFIERS) && !account {
                continue;
            }
            next += 1;
            if walk.is_symbol(next, "(") {
                next = walk.behind_group(next);
            }
            while walk
                .token(next)
                .is_some_and(|seen| seen.written.starts_with('@'))
            {
                let lone = walk.is_symbol(next, "@");
                next += if lone { 2 } else { 1 };
            }
        } else {
            break;
        }
    }
    let Some(kind) = walk
        .token(next)
        .map(|seen| seen.written.to_ascii_uppercase())
    else {
        return at + 1;
    };
    let named = walk.skip_if_exists(next + 1);
    finish::begin(walk, level);
    level.verb = Verb::Define;
    match kind.as_str() {
        "TABLE" => create_table(walk, level, named, temporary),
        "VIEW" | "SNAPSHOT" => {
            if temporary {
                verb::make_temporary(walk, named);
            }
            let end = verb::table(walk, level, named, Access::Create).unwrap_or(named);
            contain(walk, named, ContainerKind::View);
            end
        }
        "INDEX" => index(walk, level, named),
        "TRIGGER" => on_table(walk, level, named, ContainerKind::Trigger),
        "POLICY" => on_table(walk, level, named, ContainerKind::Policy),
        "FUNCTION" | "PROCEDURE" | "PROC" | "PACKAGE" | "EVENT" => {
            let named = walk.skip(named, &["BODY"]);
            contain(walk, named, ContainerKind::Routine);
            name::read(walk.dialect, walk.tokens, named).1.max(named)
        }
        "SYNONYM" => behind(walk, level, named, "FOR", Access::Reference),
        "RULE" => {
            let end = behind(walk, level, named, "TO", Access::Alter);
            contain(walk, named, ContainerKind::Other);
            end
        }
        "STATISTICS" => statistics(walk, level, named),
        "PUBLICATION" => publication(walk, level, named),
        _ => {
            level.verb = Verb::Other;
            next + 1
        }
    }
}

/// `LIKE t` among the columns of the table.
fn like(walk: &mut Walk, level: &Level, open: usize) {
    let close = walk.closes[open].min(level.to);
    let mut at = open;
    while at < close {
        if at > open && walk.is_symbol(at, "(") {
            at = walk.behind_group(at);
            continue;
        }
        if (at == open || walk.is_symbol(at, ",")) && walk.is(at + 1, "LIKE") {
            verb::table(walk, level, at + 2, Access::Reference);
        }
        at += 1;
    }
}

fn create_table(walk: &mut Walk, level: &mut Level, at: usize, temporary: bool) -> usize {
    if temporary {
        verb::make_temporary(walk, at);
    }
    let end = verb::table(walk, level, at, Access::Create).unwrap_or(at);
    contain(walk, at, ContainerKind::Table);
    if walk.are(end, &["PARTITION", "OF"]) {
        return verb::table(walk, level, end + 2, Access::Reference).unwrap_or(end + 2);
    }
    if walk.is(end, "LIKE") {
        verb::table(walk, level, end + 1, Access::Reference);
    }
    if walk.is_symbol(end, "(") {
        like(walk, level, end);
        let close = walk.behind_group(end);
        if walk.is(close, "INHERITS") && walk.is_symbol(close + 1, "(") {
            list(walk, level, close + 2, Access::Reference);
        }
    }
    end
}

/// PostgreSQL: `CREATE STATISTICS s ON a, b FROM t`; SQL Server: `… s ON t (a, b)`.
fn statistics(walk: &mut Walk, level: &Level, at: usize) -> usize {
    let word = if walk.dialect == crate::Dialect::Postgres {
        "FROM"
    } else {
        "ON"
    };
    behind(walk, level, at, word, Access::Alter)
}

/// `CREATE PUBLICATION p FOR TABLE ONLY a (x), b WHERE (…), TABLES IN SCHEMA s`, and with ALTER
/// `ADD`, `SET` and `DROP TABLE`.
fn publication(walk: &mut Walk, level: &Level, at: usize) -> usize {
    let end = to_end(walk, level, at);
    let mut next = at;
    while next < end {
        if walk.is_symbol(next, "(") {
            next = walk.behind_group(next);
            continue;
        }
        let first = walk.is(next, "TABLE");
        let more = walk.is_symbol(next, ",") && !walk.is_any(next + 1, &["TABLE", "TABLES"]);
        let member = walk.is_any(next.wrapping_sub(2), &["SCHEMA"]);
        if first || more && !member {
            let name = walk.skip(next + 1, &["ONLY"]);
            next = verb::table(walk, level, name, Access::Read).unwrap_or(name);
        } else {
            next += 1;
        }
    }
    end
}

/// `CREATE [UNIQUE] INDEX [name] ON t`
fn index(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let at = walk.skip(at, &["CONCURRENTLY"]);
    let at = walk.skip_if_exists(at);
    behind(walk, level, at, "ON", Access::Alter)
}

/// `TRIGGER name … ON t`, `POLICY name ON t`
fn on_table(walk: &mut Walk, level: &mut Level, at: usize, kind: ContainerKind) -> usize {
    contain(walk, at, kind);
    let mark = walk.out.tables.len();
    let mut end = behind(walk, level, at, "ON", Access::Alter);
    if walk.is(end, "FROM") && kind == ContainerKind::Trigger {
        end = verb::table(walk, level, end + 1, Access::Reference).unwrap_or(end + 1);
    }
    // PostgreSQL's triggers call a routine, which then works for the table.
    let limit = level.to.min(end + 60);
    let call = (end..limit)
        .take_while(|&i| !walk.is_symbol(i, ";"))
        .find(|&i| walk.is(i, "EXECUTE") && walk.is_any(i + 1, &["FUNCTION", "PROCEDURE"]));
    if kind == ContainerKind::Trigger
        && let Some(call) = call
        && let (Named::Table(routine, _), _) = name::read(walk.dialect, walk.tokens, call + 2)
        && let Some(table) = walk.out.tables.get(mark)
    {
        let table = table.name.clone();
        walk.out.triggered.push((routine, table));
    }
    end
}

/// The table behind the first `word` of a few tokens.
fn behind(walk: &mut Walk, level: &Level, at: usize, word: &str, access: Access) -> usize {
    let limit = level.to.min(at + 40);
    let Some(place) = (at..limit).find(|&i| walk.is(i, word) || walk.is_symbol(i, ";")) else {
        return at;
    };
    if walk.is_symbol(place, ";") {
        return at;
    }
    let next = walk.skip(place + 1, &["ONLY", "TABLE"]);
    // Triggers of SQL Server may be on the database itself.
    if walk.is(next, "DATABASE") || walk.are(next, &["ALL", "SERVER"]) {
        return next + 1;
    }
    verb::table(walk, level, next, access).unwrap_or(next)
}

fn contain(walk: &mut Walk, at: usize, kind: ContainerKind) {
    if let (Named::Table(name, _), _) = name::read(walk.dialect, walk.tokens, at) {
        walk.out.containers.push(Container { kind, name });
        walk.container = Some(walk.out.containers.len() - 1);
        // What was written down for the definition itself stands in it, too.
        let own = walk.container;
        if let Some(last) = walk.out.tables.last_mut()
            && last.access == Access::Create
        {
            last.container = own;
        }
    }
}

/// Does the definition go on behind the semicolon at `at`? Routines of MySQL, T-SQL and Oracle
/// hold semicolons; their ends are not looked for: what follows in the text is read all the same.
pub(super) fn goes_on(walk: &Walk, at: usize) -> bool {
    let routine = walk.container.is_some_and(|own| {
        matches!(
            walk.out.containers[own].kind,
            ContainerKind::Routine | ContainerKind::Trigger
        )
    });
    routine
        && walk.dialect != crate::Dialect::Postgres
        && !walk.is_any(at + 1, &["CREATE", "ALTER", "DROP", "GRANT"])
        && !walk.is_any(at.wrapping_sub(1), &["END"])
}

pub(super) fn alter(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !verb::starts(walk, level, at) {
        return at + 1;
    }
    let mut kind = walk.skip(
        at + 1,
        &[
            "FOREIGN",
            "MATERIALIZED",
            "IGNORE",
            "ONLINE",
            "OFFLINE",
            "EDITIONABLE",
        ],
    );
    if walk.is_any(kind, &["PROCEDURE", "PROC", "FUNCTION", "TRIGGER"]) {
        finish::begin(walk, level);
        level.verb = Verb::Define;
        if walk.is(kind, "TRIGGER") && walk.dialect != crate::Dialect::Oracle {
            return on_table(walk, level, kind + 1, ContainerKind::Trigger);
        }
        contain(walk, kind + 1, ContainerKind::Routine);
        return kind + 2;
    }
    if !walk.is_any(kind, &["TABLE", "VIEW"]) {
        finish::begin(walk, level);
        level.verb = Verb::Other;
        // The rights on what is made later, and what an extension consists of.
        if walk.are(kind, &["DEFAULT", "PRIVILEGES"]) || walk.is(kind, "EXTENSION") {
            return to_end(walk, level, kind);
        }
        if walk.is(kind, "PUBLICATION") {
            return publication(walk, level, kind);
        }
        return if walk.is_any(kind, &["POLICY", "RULE"]) {
            behind(walk, level, kind, "ON", Access::Alter)
        } else {
            kind + 1
        };
    }
    let view = walk.is(kind, "VIEW");
    finish::begin(walk, level);
    level.verb = Verb::Define;
    kind = walk.skip_if_exists(kind + 1);
    kind = walk.skip(kind, &["ONLY"]);
    let end = verb::table(walk, level, kind, Access::Alter).unwrap_or(kind);
    contain(
        walk,
        kind,
        if view {
            ContainerKind::View
        } else {
            ContainerKind::Table
        },
    );
    key::dropped(walk, kind, end, to_end(walk, level, end));
    let mut next = end;
    while next < level.to && !walk.is_symbol(next, ";") {
        if walk.are(next, &["ATTACH", "PARTITION"])
            || walk.dialect == crate::Dialect::Postgres && walk.are(next, &["DETACH", "PARTITION"])
        {
            verb::table(walk, level, next + 2, Access::Alter);
        } else if walk.are(next, &["RENAME", "TO"]) || walk.are(next, &["RENAME", "AS"]) {
            verb::table(walk, level, next + 2, Access::Create);
        } else if walk.is(next, "RENAME")
            && walk.dialect.is_mysql_like()
            && !walk.is_any(next + 1, &["COLUMN", "INDEX", "KEY", "CONSTRAINT"])
        {
            verb::table(walk, level, next + 1, Access::Create);
        } else if walk.is(next, "INHERIT") {
            verb::table(walk, level, next + 1, Access::Reference);
        } else if walk.is(next, "REFERENCES") || walk.is_any(next, &["AS", "SELECT"]) {
            break;
        }
        next += 1;
    }
    end
}

/// Behind the statement that `at` stands in.
fn to_end(walk: &Walk, level: &Level, at: usize) -> usize {
    (at..level.to)
        .find(|&i| walk.is_symbol(i, ";"))
        .unwrap_or(level.to)
}

/// `IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y`: what is imported is another server's.
pub(super) fn import(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !verb::starts(walk, level, at) || !walk.are(at + 1, &["FOREIGN", "SCHEMA"]) {
        return at + 1;
    }
    finish::begin(walk, level);
    level.verb = Verb::Other;
    to_end(walk, level, at)
}

pub(super) fn drop(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    // `ALTER TABLE t DROP INDEX i`
    let within = level.verb == Verb::Define
        && at > level.from
        && !walk.is_symbol(at - 1, ";")
        && walk
            .container
            .is_some_and(|own| walk.out.containers[own].kind == ContainerKind::Table);
    if within || !verb::starts(walk, level, at) {
        return at + 1;
    }
    let kind = walk.skip(at + 1, &["TEMPORARY", "FOREIGN", "MATERIALIZED"]);
    if walk.is_any(kind, &["TABLE", "VIEW"]) {
        finish::begin(walk, level);
        level.verb = Verb::Other;
        let next = walk.skip_if_exists(kind + 1);
        return list(walk, level, next, Access::Drop);
    }
    if walk.is_any(kind, &["TRIGGER", "POLICY", "RULE"])
        || walk.is(kind, "INDEX") && walk.dialect != crate::Dialect::Postgres
    {
        finish::begin(walk, level);
        level.verb = Verb::Other;
        return behind(walk, level, kind, "ON", Access::Alter);
    }
    at + 1
}

/// `a, b, c`
fn list(walk: &mut Walk, level: &Level, mut at: usize, access: Access) -> usize {
    while let Some(end) = verb::table(walk, level, at, access) {
        if !walk.is_symbol(end, ",") {
            return end;
        }
        at = walk.skip(end + 1, &["ONLY", "TABLE"]);
    }
    at
}

pub(super) fn comment(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !verb::starts(walk, level, at) || !walk.is(at + 1, "ON") {
        return at + 1;
    }
    level.verb = Verb::Other;
    let kind = walk.skip(at + 2, &["MATERIALIZED", "FOREIGN"]);
    if walk.is_any(kind, &["TABLE", "VIEW"]) {
        return verb::table(walk, level, kind + 1, Access::Alter).unwrap_or(kind + 1);
    }
    if walk.is_any(kind, &["CONSTRAINT", "TRIGGER", "RULE", "POLICY"]) {
        return if walk.are(kind + 2, &["ON", "DOMAIN"]) {
            kind + 4
        } else {
            behind(walk, level, kind, "ON", Access::Alter)
        };
    }
    if walk.is(at + 2, "COLUMN")
        && let (Named::Table(mut name, mut span), end) =
            name::read(walk.dialect, walk.tokens, at + 3)
        && name.is_qualified()
    {
        // The last part is the column.
        name.parts.pop();
        span.end = walk.tokens[end.saturating_sub(3).max(at + 3)].token.end;
        walk.found(name, span, Access::Alter, false);
        return end;
    }
    at + 3
}

/// MySQL: `RENAME TABLE a TO b, c TO d`.
pub(super) fn rename(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !verb::starts(walk, level, at) || !walk.is_any(at + 1, &["TABLE", "TABLES"]) {
        return at + 1;
    }
    let mut next = at + 2;
    while let Some(end) = verb::table(walk, level, next, Access::Alter) {
        if !walk.is(end, "TO") {
            return end;
        }
        let (_, end) = name::read(walk.dialect, walk.tokens, end + 1);
        if !walk.is_symbol(end, ",") {
            return end;
        }
        next = end + 1;
    }
    next
}

pub(super) fn grant(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    if !verb::starts(walk, level, at) {
        return at + 1;
    }
    finish::begin(walk, level);
    level.verb = Verb::Other;
    // Privileges may hold lists of columns, and words that elsewhere begin statements.
    let mut next = at + 1;
    while next < level.to && !walk.is_symbol(next, ";") && !walk.is_any(next, &["ON", "TO", "FROM"])
    {
        next = if walk.is_symbol(next, "(") {
            walk.behind_group(next)
        } else {
            next + 1
        };
    }
    if !walk.is(next, "ON") {
        return next;
    }
    next += 1;
    if walk.is_any(
        next,
        &[
            "ALL",
            "SCHEMA",
            "DATABASE",
            "SEQUENCE",
            "FUNCTION",
            "PROCEDURE",
            "ROUTINE",
            "TYPE",
            "LANGUAGE",
            "FOREIGN",
            "TABLESPACE",
            "LARGE",
            "PARAMETER",
            "DOMAIN",
        ],
    ) || walk.is_symbol(next, "*")
        || walk.is_symbol(next + 1, "::") && !walk.is(next, "OBJECT")
    {
        return next + 1;
    }
    if walk.is(next, "OBJECT") && walk.is_symbol(next + 1, "::") {
        next += 2;
    }
    next = walk.skip(next, &["TABLE"]);
    // `db.*` is no table.
    if walk.is_symbol(next + 1, ".") && walk.is_symbol(next + 2, "*") {
        return next + 3;
    }
    list(walk, level, next, Access::Grant)
}

pub(super) fn references(walk: &mut Walk, level: &mut Level, at: usize) -> usize {
    let mark = walk.out.tables.len();
    let end = verb::table(walk, level, at + 1, Access::Reference).unwrap_or(at + 1);
    if walk.out.tables.len() > mark {
        let key = key::before(walk, level.from, at);
        walk.out.tables[mark].key = Some(key);
    }
    end
}
