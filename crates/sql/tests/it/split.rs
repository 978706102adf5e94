//! Splitting any text: it never panics, and what it gives can be split again to the same.

use freehold_sql::{Dialect, facts, fingerprint, split};
use proptest::prelude::*;

use crate::text;

/// The statements as one file again.
fn joined(dialect: Dialect, statements: &[String]) -> String {
    let between = match dialect {
        Dialect::Postgres | Dialect::Sqlite => "\n;\n",
        // A body that was ended by a delimiter of its own needs one again.
        Dialect::Mysql | Dialect::Mariadb => "\n~~~~~~~\n",
        Dialect::Sqlserver => "\nGO\n",
        Dialect::Oracle => "\n/\n",
    };
    let head = if dialect.is_mysql_like() {
        "DELIMITER ~~~~~~~\n"
    } else {
        ""
    };
    // Nothing ends the last one: it may leave open what no semicolon closes.
    format!("{head}{}", statements.join(between))
}

fn texts(dialect: Dialect, file: &str) -> Option<Vec<String>> {
    let statements = split(dialect, file).ok()?;
    Some(
        statements
            .into_iter()
            .map(|statement| statement.text)
            .collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn statements_joined_and_split_again_are_the_same(file in text::sql()) {
        for dialect in Dialect::ALL {
            if let Some(statements) = texts(dialect, &file) {
                // Before another character, or with a comment behind, these last lines mean
                // something else than before a line break.
                let mut last_lines = statements.iter().filter_map(|text| text.lines().last());
                if last_lines.any(|line| {
                    let line = line.trim();
                    line == "/" || line.starts_with("GO") || line.ends_with("--")
                }) {
                    continue;
                }
                let again = texts(dialect, &joined(dialect, &statements));
                prop_assert_eq!(again, Some(statements), "{}", dialect);
            }
        }
    }

    #[test]
    fn a_statement_stands_where_it_says(file in text::sql()) {
        for dialect in Dialect::ALL {
            for statement in split(dialect, &file).unwrap_or_default() {
                let line = file.split('\n').nth(statement.line - 1).unwrap_or_default();
                let rest: String = line.chars().skip(statement.column - 1).collect();
                let first = statement.text.split('\n').next().unwrap_or_default();
                prop_assert!(rest.starts_with(first), "{dialect}: {rest:?} {first:?}");
                let trimmed = statement.text.trim_matches([' ', '\t', '\r', '\n']);
                prop_assert!(!trimmed.is_empty() && trimmed == statement.text);
            }
        }
    }

    #[test]
    fn nothing_panics(file in any::<String>(), sql in text::sql()) {
        for dialect in Dialect::ALL {
            for text in [&file, &sql] {
                let _ = (split(dialect, text), facts(dialect, text), fingerprint(dialect, text));
            }
        }
    }
}
