//! Migrations of data that go through a table in ranges of a key: `-- freehold: batch by id 10000`.
//!
//! Pure: which form such a file must have, which table is walked, and the statement for one range.
//! `:from` and `:to` stand in it for the first and the last key of a range. Running them, and what
//! the ledger keeps of them, is `migrate`'s.

use freehold_model::{Batch, Fault, Migration};
use freehold_sql::lexer::{Lexer, TokenKind};
use freehold_sql::{Access, Dialect, Kind, uses};

use crate::script::{Line, Script};

const FROM: &str = "from";
const TO: &str = "to";

/// A batched statement and what it walks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walk<'a> {
    /// The table, as the statement writes it.
    pub(crate) table: String,
    /// The column.
    pub(crate) key: &'a str,
    /// Rows in a range.
    pub(crate) size: u32,
    /// The statement with its placeholders.
    pub(crate) sql: &'a str,
}

impl<'a> Walk<'a> {
    /// `None`: these statements are run as they are.
    pub(crate) fn of(
        dialect: Dialect,
        script: &'a Script<Migration>,
        lines: &'a [Line],
    ) -> Option<Self> {
        let batch = script.file.batch.as_ref()?;
        let [line] = lines else {
            return None;
        };
        if places(dialect, &line.sql).is_empty() {
            return None;
        }
        Some(Self {
            table: table(dialect, batch, &line.sql)?,
            key: &batch.key,
            size: batch.size,
            sql: &line.sql,
        })
    }

    /// The statement for the keys from `from` to `to`, both of them included.
    pub(crate) fn fill(&self, dialect: Dialect, from: i64, to: i64) -> String {
        let mut filled = String::new();
        let mut rest = 0;
        for place in places(dialect, self.sql) {
            let key = if place.name == FROM { from } else { to };
            filled += &self.sql[rest..place.start];
            // `-:from` with a negative key would begin a comment.
            let (open, close) = if key < 0 { ("(", ")") } else { ("", "") };
            filled.extend([open, &key.to_string(), close]);
            rest = place.end;
        }
        filled + &self.sql[rest..]
    }
}

/// What is wrong with the form of a migration that has the header. Nothing is asked of a server.
pub(crate) fn faults(
    dialect: Dialect,
    file: &Migration,
    up: &[Line],
    down: Option<&[Line]>,
) -> Vec<Fault> {
    let Some(batch) = &file.batch else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut fault = |what: &str, line: Option<&Line>, help: &str| {
        let fault = Fault::new(
            "FH1249",
            format!("migration {} cannot be batched: {what}", file.id()),
        );
        let fault = match line {
            Some(line) => fault.at(line.place.clone()),
            None => fault.at(freehold_model::Place {
                file: file.up_file.clone(),
                line: 1,
                column: 1,
            }),
        };
        faults.push(fault.help(help.to_owned()));
    };
    if file.no_transaction {
        fault(
            "it says `no_transaction`, and each batch is a transaction",
            None,
            "take `no_transaction` out",
        );
    }
    match up {
        [line] => check(dialect, batch, line, &mut fault),
        other => fault(
            &format!("it has {} statements", other.len()),
            other.get(1),
            "write exactly one UPDATE, DELETE or INSERT … SELECT; give the others a migration of their own",
        ),
    }
    // A down may undo it in one go, or in batches of its own.
    match down.unwrap_or_default() {
        [line] if !places(dialect, &line.sql).is_empty() => check(dialect, batch, line, &mut fault),
        lines => {
            let placed = lines
                .iter()
                .find(|line| !places(dialect, &line.sql).is_empty());
            if placed.is_some() {
                fault(
                    "its down has `:from` or `:to` beside other statements",
                    placed,
                    "a down goes in batches as one statement, or runs as it is without `:from` and `:to`",
                );
            }
        }
    }
    faults
}

fn check(
    dialect: Dialect,
    batch: &Batch,
    line: &Line,
    fault: &mut impl FnMut(&str, Option<&Line>, &str),
) {
    let found = places(dialect, &line.sql);
    if line.facts.kind != Kind::Dml {
        let help = "write exactly one UPDATE, DELETE or INSERT … SELECT";
        fault("its statement changes no rows", Some(line), help);
        return;
    }
    for name in [FROM, TO] {
        if !found.iter().any(|place| place.name == name) {
            fault(
                &format!("its statement has no `:{name}`"),
                Some(line),
                &format!(
                    "say which rows a batch is: WHERE {} BETWEEN :from AND :to",
                    batch.key
                ),
            );
        }
    }
    if table(dialect, batch, &line.sql).is_none() {
        fault(
            "the table to go through is not clear",
            Some(line),
            &format!(
                "name it: `-- freehold: batch by TABLE.{} {}`",
                batch.key, batch.size
            ),
        );
    }
}

/// The one that the header names, else the only one that is updated or deleted from.
fn table(dialect: Dialect, batch: &Batch, sql: &str) -> Option<String> {
    if let Some(table) = &batch.table {
        return Some(table.clone());
    }
    let uses = uses(dialect, sql);
    let mut changed = uses
        .tables
        .iter()
        .filter(|it| matches!(it.access, Access::Update | Access::Delete));
    let first = changed.next()?;
    let name = first.name.table();
    changed
        .all(|other| other.name == first.name)
        .then(|| name.to_owned())
}

/// A placeholder: which, and its bytes.
struct Placed {
    name: &'static str,
    start: usize,
    end: usize,
}

/// A colon with one of the two words right behind it, outside quotes and comments.
fn places(dialect: Dialect, sql: &str) -> Vec<Placed> {
    let tokens: Vec<_> = Lexer::new(dialect, sql).collect();
    let pairs = tokens.windows(2);
    let placed = pairs.filter_map(|pair| {
        let [colon, word] = pair else {
            return None;
        };
        let here = colon.kind == TokenKind::Symbol && colon.text(sql) == ":";
        let name = [FROM, TO]
            .into_iter()
            .find(|name| *name == word.text(sql))?;
        (here && word.kind == TokenKind::Word && word.start == colon.end).then_some(Placed {
            name,
            start: colon.start,
            end: word.end,
        })
    });
    placed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script;
    use freehold_model::Batch;

    fn file(up: &str, down: Option<&str>, table: Option<&str>) -> Migration {
        let batch = Batch {
            table: table.map(str::to_owned),
            key: "id".to_owned(),
            size: 10,
        };
        Migration {
            number: 1,
            name: "fill".to_owned(),
            up: up.to_owned(),
            up_file: "0001_fill.up.sql".into(),
            down: down.map(str::to_owned),
            down_file: down.map(|_| "0001_fill.down.sql".into()),
            phase: None,
            no_transaction: false,
            lock_timeout: None,
            batch: Some(batch),
        }
    }

    fn said(up: &str, down: Option<&str>, table: Option<&str>) -> Vec<String> {
        let mut found = Vec::new();
        for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
            let file = file(up, down, table);
            let mut other = Vec::new();
            let lines = |text: &str, other: &mut Vec<Fault>| {
                script::lines(dialect, text, &file.up_file, other)
            };
            let up = lines(up, &mut other);
            let down = down.map(|text| lines(text, &mut other));
            let faults = faults(dialect, &file, &up, down.as_deref());
            let faults: Vec<_> = faults.iter().map(|fault| fault.message.clone()).collect();
            assert!(
                found.is_empty() || found == faults,
                "{dialect:?}: {found:?} {faults:?}"
            );
            found = faults;
        }
        found
            .iter()
            .map(|text| text.replace("migration 0001_fill cannot be batched: ", ""))
            .collect()
    }

    const FILL: &str = "UPDATE orders SET total = 1 WHERE id BETWEEN :from AND :to";

    #[test]
    fn a_good_form_has_one_statement_and_both_places() {
        let none = Vec::<String>::new();
        assert_eq!(said(FILL, None, None), none);
        assert_eq!(
            said(FILL, Some("UPDATE orders SET total = NULL"), None),
            none
        );
        assert_eq!(said(FILL, Some(FILL), None), none);
        let copy = "INSERT INTO totals SELECT id FROM orders WHERE id >= :from AND id <= :to";
        assert_eq!(said(copy, None, Some("orders")), none);
        assert_eq!(
            said(
                "DELETE FROM orders WHERE id >= :from AND id <= :to",
                None,
                None
            ),
            none
        );
    }

    #[test]
    fn bad_forms_say_what_is_missing() {
        let copy = "INSERT INTO totals SELECT id FROM orders WHERE id >= :from AND id <= :to";
        for (up, down, expected) in [
            (copy, None, "the table to go through is not clear"),
            ("", None, "it has 0 statements"),
            (
                "UPDATE a SET b = 1; UPDATE a SET b = 2",
                None,
                "it has 2 statements",
            ),
            (
                "CREATE TABLE a (id INT)",
                None,
                "its statement changes no rows",
            ),
            (
                "UPDATE orders SET total = 1 WHERE id > :from",
                None,
                "its statement has no `:to`",
            ),
            (
                FILL,
                Some("UPDATE orders SET total = 1 WHERE id > :from"),
                "its statement has no `:to`",
            ),
            (
                FILL,
                Some("UPDATE a SET b = :from; UPDATE a SET b = :to"),
                "its down has `:from` or `:to` beside other statements",
            ),
        ] {
            assert_eq!(said(up, down, None), [expected], "{up}");
        }
        let quoted = "UPDATE orders SET total = ':from :to' WHERE id > 1 -- :from :to";
        assert_eq!(
            said(quoted, None, None),
            ["its statement has no `:from`", "its statement has no `:to`"]
        );
    }

    #[test]
    fn a_range_takes_the_places() {
        let walk = |sql| Walk {
            table: "orders".to_owned(),
            key: "id",
            size: 10,
            sql,
        };
        let fill = |sql, from| walk(sql).fill(Dialect::Postgres, from, 20);
        assert_eq!(
            fill(
                "UPDATE o SET n = ':to', m = id::int WHERE id BETWEEN :from AND :to",
                11
            ),
            "UPDATE o SET n = ':to', m = id::int WHERE id BETWEEN 11 AND 20"
        );
        assert_eq!(
            fill("DELETE FROM o WHERE id>=-:from", -3),
            "DELETE FROM o WHERE id>=-(-3)"
        );
    }
}
