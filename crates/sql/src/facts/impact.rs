//! What a statement does to others while it runs: tables that it writes anew or reads whole under
//! a lock. Read off the text alone; how large the tables are only a server knows.
//!
//! Owns the list, per dialect. What takes a lock for a moment only (a new column without default,
//! a rename, a dropped column) is not on it. Sources: PostgreSQL's `ALTER TABLE` and `CREATE INDEX`
//! pages (15), MariaDB's and MySQL's pages on online DDL, SQLite's `ALTER TABLE` page.

use super::reader::Reader;
use super::table::altered_table;
use crate::lexer::Lexer;
use crate::seen::Seen;
use crate::{Dialect, TableName};

/// What others notice, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nobody writes to the table while all its rows are read.
    BlocksWrites,
    /// Nobody reads or writes it while all its rows are read.
    BlocksAll,
    /// The whole table is written anew, and nobody reads or writes it meanwhile.
    Rewrites,
}

/// One such effect on one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    pub table: TableName,
    pub effect: Effect,
    /// Which part of the statement: `SET NOT NULL`.
    pub because: &'static str,
    /// The usual way around it.
    pub instead: &'static str,
}

type Found = (Effect, &'static str, &'static str);

/// Reads `statement`, one statement as [`crate::split()`] gives them.
#[must_use]
pub fn impacts(dialect: Dialect, statement: &str) -> Vec<Impact> {
    let tokens: Vec<Seen> = Lexer::new(dialect, statement)
        .filter(|token| !token.is_trivia())
        .map(|token| Seen::new(token, statement))
        .filter(|seen| !seen.is_marker())
        .collect();
    let mut reader = Reader::new(dialect, &tokens);
    if reader.eat(&["ALTER", "TABLE"]) {
        return altered(reader);
    }
    whole(reader).into_iter().collect()
}

/// Statements that are about one table as a whole.
fn whole(mut reader: Reader) -> Option<Impact> {
    let dialect = reader.dialect;
    let impact = |table, (effect, because, instead)| Impact {
        table,
        effect,
        because,
        instead,
    };
    if reader.eat(&["CREATE"]) {
        let full = reader.at_any(&["FULLTEXT", "SPATIAL"]);
        reader.skip_any(&["UNIQUE", "FULLTEXT", "SPATIAL"]);
        if !reader.eat(&["INDEX"]) || reader.eat(&["CONCURRENTLY"]) {
            return None;
        }
        let mut on = reader.find(&["ON"])?;
        on.next();
        on.eat(&["ONLY"]);
        let table = on.name()?;
        let found = match dialect {
            Dialect::Postgres => (
                Effect::BlocksWrites,
                "CREATE INDEX",
                "CREATE INDEX CONCURRENTLY, in a migration of its own",
            ),
            Dialect::Sqlite => (Effect::BlocksWrites, "CREATE INDEX", ""),
            Dialect::Mysql | Dialect::Mariadb if full => {
                (Effect::BlocksWrites, "a full-text or spatial index", "")
            }
            _ => return None,
        };
        return Some(impact(table, found));
    }
    let found = match dialect {
        Dialect::Postgres if reader.eat(&["REINDEX"]) => {
            let table = reader.eat(&["TABLE"]) && !reader.eat(&["CONCURRENTLY"]);
            table.then_some((Effect::BlocksAll, "REINDEX", "REINDEX TABLE CONCURRENTLY"))?
        }
        Dialect::Postgres if reader.eat(&["VACUUM", "FULL"]) => {
            (Effect::Rewrites, "VACUUM FULL", "VACUUM")
        }
        Dialect::Postgres if reader.eat(&["CLUSTER"]) => (Effect::Rewrites, "CLUSTER", ""),
        Dialect::Postgres if reader.eat(&["REFRESH", "MATERIALIZED", "VIEW"]) => {
            (!reader.eat(&["CONCURRENTLY"])).then_some((
                Effect::BlocksAll,
                "REFRESH MATERIALIZED VIEW",
                "REFRESH MATERIALIZED VIEW CONCURRENTLY",
            ))?
        }
        Dialect::Mysql | Dialect::Mariadb if reader.eat(&["OPTIMIZE"]) => {
            reader.skip_any(&["NO_WRITE_TO_BINLOG", "LOCAL", "TABLE"]);
            (Effect::Rewrites, "OPTIMIZE TABLE", "")
        }
        _ => return None,
    };
    Some(impact(reader.name()?, found))
}

fn altered(mut reader: Reader) -> Vec<Impact> {
    let dialect = reader.dialect;
    let Some(table) = altered_table(&mut reader) else {
        return Vec::new();
    };
    let mut impacts = Vec::new();
    for action in reader.elements() {
        let found = match dialect {
            Dialect::Postgres => postgres(action),
            Dialect::Mysql | Dialect::Mariadb => mysql(action),
            Dialect::Sqlite => sqlite(action),
            _ => None,
        };
        let Some((effect, because, instead)) = found else {
            continue;
        };
        let mut of = |table: TableName| {
            impacts.push(Impact {
                table,
                effect,
                because,
                instead,
            });
        };
        of(table.clone());
        // The table that a foreign key points to is locked as well.
        if because == FOREIGN_KEY
            && let Some(mut references) = action.find(&["REFERENCES"])
        {
            references.next();
            references.name().into_iter().for_each(of);
        }
    }
    impacts
}

const FOREIGN_KEY: &str = "a new foreign key";
const TYPE: Found = (
    Effect::Rewrites,
    "another type of a column",
    "a new column, filled in batches, then the change of names",
);

fn postgres(mut action: Reader) -> Option<Found> {
    if action.eat(&["ADD"]) {
        let mut named = action;
        if named.eat(&["CONSTRAINT"]) {
            named.ident();
        }
        if named.at_any(&["FOREIGN", "CHECK", "PRIMARY", "UNIQUE", "EXCLUDE"]) {
            return postgres_constraint(named);
        }
        return postgres_column(action);
    }
    if action.eat(&["ALTER"]) {
        action.eat(&["COLUMN"]);
        action.ident();
        if action.at(&["TYPE"]) || action.at(&["SET", "DATA", "TYPE"]) {
            return Some(TYPE);
        }
        return action.at(&["SET", "NOT", "NULL"]).then_some((
            Effect::BlocksAll,
            "SET NOT NULL",
            "first a CHECK (… IS NOT NULL) NOT VALID, then VALIDATE CONSTRAINT: then no row is read",
        ));
    }
    let rewrites = action.at(&["SET", "LOGGED"])
        || action.at(&["SET", "UNLOGGED"])
        || action.at(&["SET", "TABLESPACE"])
        || action.at(&["SET", "ACCESS", "METHOD"]);
    rewrites.then_some((Effect::Rewrites, "another way of storing it", ""))
}

fn postgres_constraint(constraint: Reader) -> Option<Found> {
    let quick = constraint.holds(&["NOT", "VALID"]) || constraint.holds(&["USING", "INDEX"]);
    let found = if constraint.at(&["FOREIGN", "KEY"]) {
        (
            Effect::BlocksWrites,
            FOREIGN_KEY,
            "NOT VALID, then VALIDATE CONSTRAINT in the next migration",
        )
    } else if constraint.at(&["CHECK"]) {
        (
            Effect::BlocksAll,
            "a new check",
            "NOT VALID, then VALIDATE CONSTRAINT in the next migration",
        )
    } else {
        (
            Effect::BlocksAll,
            "a new key",
            "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX",
        )
    };
    (!quick).then_some(found)
}

fn postgres_column(mut column: Reader) -> Option<Found> {
    column.eat(&["COLUMN"]);
    column.eat_if_exists();
    column.ident()?;
    let serial = column.at_any(&["SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8"]);
    if serial || column.holds(&["GENERATED"]) {
        return Some((
            Effect::Rewrites,
            "a column that the server fills",
            "a plain column, filled in batches",
        ));
    }
    if column.find(&["DEFAULT"]).is_some_and(volatile) {
        return Some((
            Effect::Rewrites,
            "a default that is another one for each row",
            "the column without default, then SET DEFAULT, then the old rows in batches",
        ));
    }
    let key = column.holds(&["PRIMARY", "KEY"]) || column.holds(&["UNIQUE"]);
    key.then_some((Effect::BlocksAll, "a new key", ""))
}

/// Functions that give the same all through a statement: their default is stored once.
const STABLE: &[&str] = &[
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "to_timestamp",
    "to_date",
    "date_trunc",
    "lower",
    "upper",
    "cast",
    "coalesce",
    "numeric",
    "varchar",
    "char",
    "decimal",
    "timestamp",
    "timestamptz",
    "time",
    "interval",
    "bit",
];

/// From DEFAULT on: is a function called that is not known to be stable?
fn volatile(default: Reader) -> bool {
    default.rest().windows(2).any(|pair| {
        let called = pair[1].is_symbol("(") && !pair[0].is_any(STABLE);
        let name = pair[0].token.kind == crate::lexer::TokenKind::Word
            || pair[0].token.kind == crate::lexer::TokenKind::QuotedName;
        called
            && name
            && !pair[0].is_any(&["DEFAULT", "CHECK", "IN", "AND", "OR", "NOT", "REFERENCES"])
    })
}

fn mysql(mut action: Reader) -> Option<Found> {
    if action.at_any(&["MODIFY", "CHANGE"]) {
        return Some(TYPE);
    }
    let rebuilt = action.at_any(&["ENGINE", "FORCE", "ROW_FORMAT", "ORDER"])
        || action.at(&["CONVERT", "TO"])
        || action.at(&["DROP", "PRIMARY", "KEY"]);
    if rebuilt {
        return Some((Effect::Rewrites, "another way of storing it", ""));
    }
    if !action.eat(&["ADD"]) {
        return None;
    }
    if action.eat(&["CONSTRAINT"]) && !action.at_any(&["FOREIGN", "CHECK", "PRIMARY", "UNIQUE"]) {
        action.ident();
    }
    if action.at(&["FOREIGN", "KEY"]) {
        return Some((Effect::BlocksWrites, FOREIGN_KEY, ""));
    }
    if action.at(&["CHECK"]) {
        return Some((Effect::BlocksWrites, "a new check", ""));
    }
    if action.at(&["PRIMARY", "KEY"]) {
        return Some((Effect::Rewrites, "a new primary key", ""));
    }
    if action.at_any(&["FULLTEXT", "SPATIAL"]) {
        return Some((Effect::BlocksWrites, "a full-text or spatial index", ""));
    }
    let filled = action.holds(&["AUTO_INCREMENT"])
        || action.holds(&["STORED"])
        || action.holds(&["PERSISTENT"]);
    filled.then_some((Effect::Rewrites, "a column that the server fills", ""))
}

fn sqlite(mut action: Reader) -> Option<Found> {
    let index = action.eat(&["DROP"]) && !action.at(&["CONSTRAINT"]);
    index.then_some((Effect::Rewrites, "a dropped column", ""))
}

#[cfg(test)]
mod tests {
    use super::Effect::{BlocksAll, BlocksWrites, Rewrites};
    use super::*;

    fn check(dialect: Dialect, statement: &str, expected: &[(&str, Effect)]) {
        let found = impacts(dialect, statement);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.table.name.as_str(), it.effect))
            .collect();
        assert_eq!(found, expected, "{statement}");
    }

    #[test]
    fn what_postgres_rewrites_or_reads_whole() {
        let check = |statement, expected: &[_]| check(Dialect::Postgres, statement, expected);
        check("CREATE INDEX i ON orders (a)", &[("orders", BlocksWrites)]);
        check(
            "create unique index if not exists i on only s.orders using btree (a)",
            &[("orders", BlocksWrites)],
        );
        check("CREATE INDEX CONCURRENTLY i ON orders (a)", &[]);
        check("ALTER TABLE orders ADD COLUMN a int", &[]);
        check(
            "ALTER TABLE orders ADD a numeric(10, 2) NOT NULL DEFAULT 0",
            &[],
        );
        check(
            "ALTER TABLE orders ADD a timestamptz NOT NULL DEFAULT now()",
            &[],
        );
        check(
            "ALTER TABLE orders ADD a uuid DEFAULT gen_random_uuid()",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders ADD a timestamptz DEFAULT clock_timestamp()",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders ADD a bigserial",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders ADD a int GENERATED ALWAYS AS (b * 2) STORED",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders ALTER a TYPE bigint",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders ALTER COLUMN a SET DATA TYPE text, ALTER b SET NOT NULL",
            &[("orders", Rewrites), ("orders", BlocksAll)],
        );
        check(
            "ALTER TABLE items ADD CONSTRAINT f FOREIGN KEY (o) REFERENCES orders (id)",
            &[("items", BlocksWrites), ("orders", BlocksWrites)],
        );
        check(
            "ALTER TABLE items ADD CONSTRAINT f FOREIGN KEY (o) REFERENCES orders (id) NOT VALID",
            &[],
        );
        check("ALTER TABLE items VALIDATE CONSTRAINT f", &[]);
        check(
            "ALTER TABLE items ADD CHECK (a > 0)",
            &[("items", BlocksAll)],
        );
        check("ALTER TABLE items ADD CHECK (a > 0) NOT VALID", &[]);
        check("ALTER TABLE items ADD UNIQUE (a)", &[("items", BlocksAll)]);
        check(
            "ALTER TABLE items ADD CONSTRAINT u UNIQUE USING INDEX i",
            &[],
        );
        check("VACUUM FULL items", &[("items", Rewrites)]);
        check("ALTER TABLE items RENAME TO things", &[]);
    }

    #[test]
    fn what_mysql_and_mariadb_rewrite() {
        let check = |statement, expected: &[_]| check(Dialect::Mariadb, statement, expected);
        check("CREATE INDEX i ON orders (a)", &[]);
        check(
            "CREATE FULLTEXT INDEX i ON orders (a)",
            &[("orders", BlocksWrites)],
        );
        check(
            "ALTER TABLE `orders` MODIFY a BIGINT",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders ADD COLUMN a INT DEFAULT 1, ADD INDEX (a)",
            &[],
        );
        check(
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (id)",
            &[("orders", BlocksWrites), ("b", BlocksWrites)],
        );
        check(
            "ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4",
            &[("orders", Rewrites)],
        );
        check(
            "ALTER TABLE orders DROP PRIMARY KEY, ADD PRIMARY KEY (b)",
            &[("orders", Rewrites), ("orders", Rewrites)],
        );
        check("OPTIMIZE TABLE orders", &[("orders", Rewrites)]);
    }

    #[test]
    fn what_sqlite_rewrites() {
        check(
            Dialect::Sqlite,
            "ALTER TABLE orders DROP COLUMN a",
            &[("orders", Rewrites)],
        );
        check(Dialect::Sqlite, "ALTER TABLE orders ADD COLUMN a TEXT", &[]);
        check(
            Dialect::Sqlite,
            "CREATE INDEX i ON orders (a)",
            &[("orders", BlocksWrites)],
        );
    }
}
