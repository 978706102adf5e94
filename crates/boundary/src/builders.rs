//! Query builders: calls that name a table in a text of their own, without SQL around it.
//!
//! Owns which calls these are. A call counts when its chain or its receiver says that it builds a
//! query: mails and arrays have a `from` as well.

pub(crate) mod typed;

use freehold_sql::Access;

use crate::language::Language;
use crate::source::Code;

/// A table named by a call.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// As written, without its alias: `crm.customers`.
    pub(crate) table: String,
    pub(crate) access: Access,
    pub(crate) joined: bool,
    /// The byte where the chain of calls begins: one query.
    pub(crate) chain: usize,
    /// Of a foreign key: the table that has it.
    pub(crate) holder: Option<String>,
    /// Of a foreign key: its column.
    pub(crate) column: Option<String>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

pub(crate) fn read(code: &Code) -> Vec<Named> {
    let mut found = Vec::new();
    for at in 0..code.tokens.len() {
        if code.language == Language::Php {
            found.extend(rule(code, at));
        }
        let Some(word) = code.word(at) else { continue };
        let call = code.is_mark(at + 1, b'(');
        let bare = code.language == Language::Ruby && !call;
        if !call && !bare {
            continue;
        }
        let first = if call { at + 2 } else { at + 1 };
        if call && code.language == Language::Script {
            found.extend(prisma(code, word, at));
        }
        match word {
            "create_foreign_key" | "add_foreign_key" => foreign_key(code, word, first, &mut found),
            "references" | "on" | "inTable" | "constrained" => {
                reference(code, word, at, first, &mut found);
            }
            _ => query(code, word, at, first, &mut found),
        }
    }
    typed::read(code, &mut found);
    found
}

/// Laravel's rules of validation, which ask the database: `'required|unique:customers,email'`.
fn rule(code: &Code, at: usize) -> Option<Named> {
    let text = code.plain(at)?;
    let part = text
        .split('|')
        .find(|part| part.starts_with("unique:") || part.starts_with("exists:"))?;
    let (_, rest) = part.split_once(':')?;
    let table = table_of(rest.split(',').next()?)?;
    let offset = text.find(part)? + part.find(':')? + 1;
    let start = code.literal_start(at) + offset;
    Some(Named {
        access: Access::Read,
        joined: false,
        chain: start,
        holder: None,
        column: None,
        start,
        end: start + table.len(),
        table,
    })
}

fn query(code: &Code, word: &str, at: usize, first: usize, found: &mut Vec<Named>) {
    let laravel = code.is_mark(at.wrapping_sub(1), b':') && code.is(at.wrapping_sub(3), "Schema");
    let role = match word {
        "create" if laravel => Some((Access::Create, false)),
        "table" if laravel => Some((Access::Alter, false)),
        "drop" | "dropIfExists" if laravel => Some((Access::Drop, false)),
        _ => role(word),
    };
    let Some((access, joined)) = role else {
        return;
    };
    let Some(text) = code.plain(first) else {
        return;
    };
    let Some(table) = table_of(&text) else { return };
    let root = chain_start(code, at);
    let receiver = code.word(root).unwrap_or_default();
    if !builds(code, word, at, receiver) {
        return;
    }
    let start = code.literal_start(first);
    found.push(Named {
        access: if access == Access::Read {
            verb_of(code, at)
        } else {
            access
        },
        joined,
        chain: code.tokens[root].start,
        holder: None,
        column: None,
        start,
        end: start + table.len(),
        table,
    });
}

/// `prisma.orderItem.findMany(…)`: the model is called `OrderItem`.
fn prisma(code: &Code, operation: &str, at: usize) -> Option<Named> {
    let access = match operation {
        "findMany" | "findUnique" | "findFirst" | "findUniqueOrThrow" | "findFirstOrThrow"
        | "count" | "aggregate" | "groupBy" => Access::Read,
        "create" | "createMany" | "createManyAndReturn" => Access::Insert,
        "update" | "updateMany" | "upsert" | "updateManyAndReturn" => Access::Update,
        "delete" | "deleteMany" => Access::Delete,
        _ => return None,
    };
    let (model_at, client_at) = (at.checked_sub(2)?, at.checked_sub(4)?);
    if !code.is_mark(at - 1, b'.') || !code.is_mark(at - 3, b'.') {
        return None;
    }
    let (model, client) = (code.word(model_at)?, code.word(client_at)?);
    let named = client.to_ascii_lowercase().contains("prisma");
    let within = matches!(client, "tx" | "trx" | "db" | "client") && code.text.contains("prisma");
    if !named && !within {
        return None;
    }
    let mut letters = model.chars();
    let class: String = letters.next()?.to_uppercase().chain(letters).collect();
    let token = code.tokens[model_at];
    Some(Named {
        table: class,
        access,
        joined: false,
        chain: token.start,
        holder: None,
        column: None,
        start: token.start,
        end: token.end,
    })
}

/// What the call of this name does with the table.
fn role(word: &str) -> Option<(Access, bool)> {
    Some(match word {
        "from" | "From" | "table" | "Table" | "selectFrom" | "knex" | "db" | "trx" | "tx"
        | "select_from" | "queryBuilder" | "newQuery" | "fromSub" | "withTableName"
        | "tableName" | "unique" | "exists" => (Access::Read, false),
        "join" | "innerJoin" | "leftJoin" | "rightJoin" | "fullJoin" | "crossJoin"
        | "leftOuterJoin" | "rightOuterJoin" | "fullOuterJoin" | "Join" | "LeftJoin"
        | "InnerJoin" | "RightJoin" | "joins" | "Joins" | "leftJoinAndSelect"
        | "innerJoinAndSelect" | "leftJoinAndMapOne" => (Access::Read, true),
        "into" | "Into" | "insertInto" | "insert_into" | "InsertInto" | "batchInsert" => {
            (Access::Insert, false)
        }
        "updateTable" | "Update" => (Access::Update, false),
        "deleteFrom" | "DeleteFrom" => (Access::Delete, false),
        "createTable" | "create_table" => (Access::Create, false),
        "alterTable" | "add_column" | "alter_table" | "add_index" | "create_index" => {
            (Access::Alter, false)
        }
        "dropTable" | "drop_table" | "dropTableIfExists" => (Access::Drop, false),
        _ => return None,
    })
}

/// `crm.customers as c`, `customers c`: the name, if the text is one.
fn table_of(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    let rest: Vec<&str> = words.collect();
    let alias = match rest.as_slice() {
        [] | [_] => true,
        [word, _] => word.eq_ignore_ascii_case("as"),
        _ => false,
    };
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$'))
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.starts_with(name);
    (alias && plain && name.len() < 130).then(|| name.to_owned())
}

/// Does the call build a query?
fn builds(code: &Code, word: &str, at: usize, receiver: &str) -> bool {
    if matches!(word, "unique" | "exists") {
        return code.language == Language::Php && code.is(at.wrapping_sub(3), "Rule");
    }
    let lower = receiver.trim_start_matches('$').to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "buffer"
            | "array"
            | "object"
            | "date"
            | "mail"
            | "message"
            | "email"
            | "path"
            | "string"
            | "set"
            | "map"
            | "list"
            | "stream"
            | "observable"
            | "moment"
            | "temporal"
            | "uint8array"
            | "os"
            | "strings"
            | "path2d"
            | "emitter"
            | "socket"
            | "io"
            | "console"
            | "i18n"
            | "rooms"
            | "room"
            | "channel"
    ) {
        return false;
    }
    let known = matches!(
        lower.as_str(),
        "knex"
            | "db"
            | "trx"
            | "tx"
            | "qb"
            | "kysely"
            | "supabase"
            | "database"
            | "dsl"
            | "op"
            | "schema"
            | "query"
            | "builder"
            | "connection"
            | "conn"
            | "transaction"
            | "sq"
            | "squirrel"
            | "goqu"
            | "orm"
            | "client"
            | "table"
            | "manager"
            | "entitymanager"
            | "datasource"
            | "repo"
            | "sqlx"
            | "capsule"
            | "squel"
    ) || lower.ends_with("repository")
        || lower.ends_with("knex")
        || lower.ends_with("querybuilder")
        || lower.ends_with("db");
    if known
        || matches!(
            word,
            "knex"
                | "insertInto"
                | "selectFrom"
                | "updateTable"
                | "deleteFrom"
                | "create_table"
                | "createTable"
        )
    {
        return word != "db" || known;
    }
    chained(code, at)
}

/// Another step of a query stands in the same chain, before or behind.
fn chained(code: &Code, at: usize) -> bool {
    let step = |word: &str| {
        matches!(
            word,
            "select"
                | "where"
                | "andWhere"
                | "orderBy"
                | "groupBy"
                | "leftJoin"
                | "innerJoin"
                | "join"
                | "first"
                | "insert"
                | "returning"
                | "Where"
                | "Select"
                | "Joins"
                | "Find"
                | "Scan"
                | "Count"
                | "createQueryBuilder"
                | "whereIn"
                | "limit"
                | "selectRaw"
                | "from"
                | "From"
                | "Order"
                | "onConflict"
                | "getRawMany"
                | "executeTakeFirst"
                | "selectAll"
                | "fetch"
                | "addSelect"
                | "rightJoin"
                | "eq"
        )
    };
    let mut next = if code.is_mark(at + 1, b'(') {
        code.partner(at + 1) + 1
    } else {
        return false;
    };
    for _ in 0..12 {
        let arrow = code.is_mark(next, b'-') && code.is_mark(next + 1, b'>');
        if !code.is_mark(next, b'.') && !arrow {
            break;
        }
        next += 1 + usize::from(arrow);
        if code.word(next).is_some_and(step) {
            return true;
        }
        next = if code.is_mark(next + 1, b'(') {
            code.partner(next + 1) + 1
        } else {
            next + 1
        };
    }
    let mut before = at;
    for _ in 0..12 {
        let Some(called) = called_before(code, before) else {
            return false;
        };
        if code.word(called).is_some_and(step) {
            return true;
        }
        before = called;
    }
    false
}

/// The name of the call that the chain at `at` goes on from.
fn called_before(code: &Code, at: usize) -> Option<usize> {
    let mut end = at.checked_sub(2)?;
    if code.is_mark(at - 1, b'>') {
        end = at.checked_sub(3)?;
    } else if !code.is_mark(at - 1, b'.') {
        return None;
    }
    if code.is_mark(end, b')') {
        end = code.partner(end).checked_sub(1)?;
    }
    code.word(end).map(|_| end)
}

/// The first token of the chain that the call at `at` is part of.
fn chain_start(code: &Code, mut at: usize) -> usize {
    for _ in 0..100 {
        let Some(before) = called_before(code, at) else {
            break;
        };
        at = before;
    }
    // `DB::table`
    if at >= 3 && code.is_mark(at - 1, b':') && code.is_mark(at - 2, b':') {
        at -= 3;
    }
    at
}

/// `knex('orders').insert(…)`: what the chain does with its table.
fn verb_of(code: &Code, at: usize) -> Access {
    let mut next = if code.is_mark(at + 1, b'(') {
        code.partner(at + 1) + 1
    } else {
        return Access::Read;
    };
    for _ in 0..24 {
        let arrow = code.is_mark(next, b'-') && code.is_mark(next + 1, b'>');
        if !code.is_mark(next, b'.') && !arrow {
            break;
        }
        next += 1 + usize::from(arrow);
        match code.word(next) {
            Some("insert" | "insertGetId" | "Create" | "upsert" | "insertOrIgnore") => {
                return Access::Insert;
            }
            Some(
                "update" | "increment" | "decrement" | "Updates" | "Update" | "updateOrInsert",
            ) => return Access::Update,
            Some("del" | "delete" | "Delete") => return Access::Delete,
            Some("truncate") => return Access::Truncate,
            _ => {}
        }
        next = if code.is_mark(next + 1, b'(') {
            code.partner(next + 1) + 1
        } else {
            next + 1
        };
    }
    Access::Read
}

/// Alembic's `create_foreign_key(name, source, referent, …)`, Rails' `add_foreign_key a, b`.
fn foreign_key(code: &Code, word: &str, first: usize, found: &mut Vec<Named>) {
    let skip = usize::from(word == "create_foreign_key") * 2;
    let text = |mut at: usize| {
        // `:orders`
        if code.is_mark(at, b':') {
            at += 1;
            return code
                .word(at)
                .map(|word| (word.to_owned(), code.tokens[at].start));
        }
        code.plain(at).map(|text| (text, code.literal_start(at)))
    };
    let Some((holder, _)) = text(first + skip) else {
        return;
    };
    let behind = first
        + skip
        + if code.is_mark(first + skip, b':') {
            3
        } else {
            2
        };
    let Some((target, start)) = text(behind) else {
        return;
    };
    found.push(Named {
        access: Access::Reference,
        joined: false,
        chain: start,
        column: argument_text(code, behind + 1 + usize::from(code.is_mark(behind, b':'))),
        holder: Some(holder),
        start,
        end: start + target.len(),
        table: target,
    });
}

/// `table.foreign('x').references('customers.id')`, `.references('id').inTable('customers')`,
/// Laravel's `->references('id')->on('customers')` and `->constrained('customers')`.
fn reference(code: &Code, word: &str, at: usize, first: usize, found: &mut Vec<Named>) {
    let Some(text) = code.plain(first) else {
        return;
    };
    let table = match word {
        "references" => match text.rsplit_once('.') {
            Some((table, _)) => table.to_owned(),
            None => return,
        },
        "on" | "inTable" => {
            let before = called_before(code, at).and_then(|called| code.word(called));
            if before != Some("references") {
                return;
            }
            text
        }
        _ => text,
    };
    let Some(table) = table_of(&table) else {
        return;
    };
    let Some(holder) = holder(code, at) else {
        return;
    };
    let start = code.literal_start(first);
    found.push(Named {
        access: Access::Reference,
        joined: false,
        chain: code.tokens[at].start,
        column: key_column(code, at),
        holder: Some(holder),
        start,
        end: start + table.len(),
        table,
    });
}

/// The first text within a few tokens behind `at`, up to the end of the call.
fn argument_text(code: &Code, at: usize) -> Option<String> {
    (at..at + 8)
        .take_while(|&i| !code.is_mark(i, b')') && !code.tokens.get(i).is_none_or(|t| t.fresh_line))
        .find_map(|i| code.plain(i))
}

/// The column of `$table->foreign('c')->references(…)`, `t.integer('c').references(…)`.
fn key_column(code: &Code, at: usize) -> Option<String> {
    let mut place = at;
    for _ in 0..8 {
        let called = called_before(code, place)?;
        let maker = code.word(called)?;
        if maker != "references"
            && code.is_mark(called + 1, b'(')
            && let Some(column) = (called + 2..called + 4).find_map(|i| code.plain(i))
        {
            return Some(column);
        }
        place = called;
    }
    None
}

/// The table whose definition the call at `at` stands in: `createTable('orders', t => { … })`.
fn holder(code: &Code, at: usize) -> Option<String> {
    (at.saturating_sub(2_000)..at).rev().find_map(|i| {
        let opens = matches!(
            code.word(i)?,
            "createTable" | "create" | "table" | "alterTable" | "create_table"
        );
        (opens && code.is_mark(i + 1, b'(') && code.partner(i + 1) > at)
            .then(|| code.plain(i + 2))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(language: Language, text: &str) -> String {
        let code = Code::new(language, text);
        let said: Vec<String> = read(&code)
            .iter()
            .map(|named| {
                assert_eq!(&text[named.start..named.end], named.table);
                format!(
                    "{:?}{} {}",
                    named.access,
                    if named.joined { "+" } else { "" },
                    named.table
                )
                .to_lowercase()
            })
            .collect();
        said.join(", ")
    }

    #[test]
    fn calls_that_build_queries() {
        use Language::{Go, Php, Python, Ruby, Script};
        for (language, text, expected) in [
            (
                Script,
                "knex('orders as o').leftJoin('crm.customers as c', 'c.id', 'o.c').select()",
                "read orders, read+ crm.customers",
            ),
            (
                Script,
                "await trx('orders').where({ id }).update({ a: 1 })",
                "update orders",
            ),
            (
                Script,
                "db.selectFrom('orders').innerJoin('books', 'a', 'b')",
                "read orders, read+ books",
            ),
            (
                Script,
                "ds.createQueryBuilder().select('x').from('orders', 'o')",
                "read orders",
            ),
            (
                Script,
                "t.createTable('orders', (t) => { t.integer('c').references('id').inTable('customers'); t.foreign('x').references('books.id') })",
                "create orders, reference customers, reference books",
            ),
            (
                Script,
                "Buffer.from('cart'); mail.from('orders'); x.from('cart'); socket.join('orders')",
                "",
            ),
            (
                Go,
                "db.Table(\"orders\").Joins(\"books\").Where(\"x\")",
                "read orders, read+ books",
            ),
            (
                Php,
                "<?php $r = ['a' => 'required|unique:books,isbn', 'b' => Rule::exists('orders', 'id'), 'c' => 'not unique: x'];",
                "read books, read orders",
            ),
            (
                Php,
                "<?php DB::table('orders')->join('books', 'a', '=', 'b')->get();",
                "read orders, read+ books",
            ),
            (
                Php,
                "<?php Schema::create('orders', function ($t) { $t->foreign('c')->references('id')->on('customers'); });",
                "create orders, reference customers",
            ),
            (
                Python,
                "op.create_foreign_key('fk', 'orders', 'customers', ['a'], ['b'])",
                "reference customers",
            ),
            (
                Ruby,
                "add_foreign_key \"orders\", \"customers\"\nadd_foreign_key :a, :b",
                "reference customers, reference b",
            ),
        ] {
            assert_eq!(said(language, text), expected, "{text}");
        }
    }
}
