//! A real SQLite as the oracle: what we quote it reads back, what we split it takes for complete.

use freehold_sql::{Dialect, quote_ident, quote_literal, split};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::text;

proptest! {
    #[test]
    fn sqlite_reads_quoted_values_back(value in text::value()) {
        let database = Connection::open_in_memory().unwrap();
        if let Ok(literal) = quote_literal(Dialect::Sqlite, &value) {
            let read: String = database.query_row(&format!("SELECT {literal}"), [], |row| row.get(0)).unwrap();
            prop_assert_eq!(&read, &value);
        }
        if let Ok(name) = quote_ident(Dialect::Sqlite, &value) {
            // SQLite keeps names that begin so for itself, quoted or not.
            prop_assume!(!value.to_lowercase().starts_with("sqlite_"));
            database.execute_batch(&format!("CREATE TABLE {name} (a)")).unwrap();
            let read: String = database
                .query_row("SELECT name FROM sqlite_schema", [], |row| row.get(0))
                .unwrap();
            prop_assert_eq!(&read, &value);
        }
    }
}

#[test]
fn sqlite_runs_each_statement_alone() {
    let file = "\
        CREATE TABLE [a;b] (id INTEGER PRIMARY KEY, t TEXT DEFAULT ';'); -- a comment;\n\
        CREATE TABLE log (t);\n\
        CREATE TRIGGER tr AFTER INSERT ON [a;b] WHEN new.t <> '' BEGIN\n\
          INSERT INTO log VALUES (CASE WHEN new.t = 'x;' THEN 'END;' ELSE new.t END);\n\
          UPDATE log SET t = t || ';';\n\
        END;\n\
        INSERT INTO [a;b] (t) VALUES ('x;');;\n";
    let statements = split(Dialect::Sqlite, file).unwrap();
    assert_eq!(statements.len(), 4);
    let database = Connection::open_in_memory().unwrap();
    for statement in &statements {
        // `execute` takes one statement and refuses more.
        database.execute(&statement.text, []).unwrap();
    }
    let logged: String = database
        .query_row("SELECT t FROM log", [], |row| row.get(0))
        .unwrap();
    assert_eq!(logged, "END;;");
}
