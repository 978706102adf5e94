//! How SQLite says what keeps a read model. Values have their own types here: out of an argument
//! they come as they went in.

use freehold_readmodel::{Input, Kept, Sums, Wording};
use freehold_sql::{Dialect, quote_ident, quote_literal};

/// In the store's file.
pub(super) struct Here;

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

pub(super) fn ident(name: &str) -> String {
    quote_ident(Dialect::Sqlite, name).unwrap_or_default()
}

pub(super) fn literal(text: &str) -> String {
    quote_literal(Dialect::Sqlite, text).unwrap_or_default()
}

fn field(argument: &str, column: &str) -> String {
    format!("{argument} ->> {}", literal(&format!("$.\"{column}\"")))
}

fn input(distinct: &str, columns: &[String]) -> Input {
    let columns = columns.iter();
    let fields = columns.map(|column| format!("{} AS {}", field("value", column), ident(column)));
    let fields = list(fields);
    let with = format!("WITH input AS (SELECT {distinct}{fields} FROM json_each(?1)) ");
    let name = "input".to_owned();
    Input { with, name }
}

impl Wording for Here {
    fn ident(&self, name: &str) -> String {
        ident(name)
    }

    fn literal(&self, text: &str) -> String {
        literal(text)
    }

    fn table(&self, name: &str) -> String {
        ident(name)
    }

    fn own(&self, name: &str) -> String {
        format!("freehold_{name}")
    }

    fn truth(&self, truth: bool) -> &'static str {
        if truth { "1" } else { "0" }
    }

    fn is(&self, column: &str) -> String {
        format!("{column} = 1")
    }

    fn certain(&self, condition: &str) -> String {
        format!("CASE WHEN ({condition}) THEN 1 ELSE 0 END")
    }

    fn group(&self, expressions: &[&str]) -> String {
        let parts = expressions.iter().map(|sql| {
            let text = format!("CAST(({sql}) AS TEXT)");
            format!("coalesce(length({text}) || ':' || {text}, '-')")
        });
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() {
            "''".to_owned()
        } else {
            parts.join(" || ")
        }
    }

    fn json_object(&self, pairs: &[(&str, &str)]) -> String {
        let pairs = pairs
            .iter()
            .map(|(name, column)| format!("{}, {column}", literal(name)));
        format!("json_object({})", list(pairs))
    }

    fn mean(&self, sum: &str, count: &str) -> String {
        format!("CAST({sum} AS REAL) / {count}")
    }

    fn typed(&self) -> bool {
        false
    }

    fn changed(&self, kept: &Kept<'_>, source: usize) -> Input {
        input("", &kept.plan.sources[source].entity)
    }

    fn keys(&self, kept: &Kept<'_>) -> Input {
        input("DISTINCT ", &kept.plan.sources[0].key)
    }

    fn behind(&self, kept: &Kept<'_>, columns: &[String], argument: usize) -> String {
        let argument = format!("?{argument}");
        let key = kept.plan.sources[0].key.iter();
        let values = list(key.map(|column| field(&argument, column)));
        format!("({}) > ({values})", columns.join(", "))
    }

    fn heeds(&self) -> &'static str {
        " AND ?1 <> ''"
    }

    fn delete(&self, table: &str, input: &Input, on: &str) -> String {
        let Input { with, name } = input;
        format!(
            "{with}DELETE FROM {table} WHERE rowid IN (SELECT r.rowid FROM {name} i JOIN {table} AS r ON {on})"
        )
    }

    fn update(&self, table: &str, set: &[(String, String)], sums: &Sums<'_>) -> String {
        let set = list(set.iter().map(|(column, sql)| format!("{column} = {sql}")));
        let (with, Sums { sql, on, .. }) = (&sums.input.with, sums);
        format!("{with}UPDATE {table} AS g SET {set} FROM ({sql}) AS d WHERE {on}")
    }

    fn insert_or_add(
        &self,
        table: &str,
        names: &[String],
        add: &[String],
        sums: &Sums<'_>,
    ) -> String {
        let set = list(
            add.iter()
                .map(|it| format!("{it} = g.{it} + excluded.{it}")),
        );
        let (with, names, sql) = (&sums.input.with, names.join(", "), sums.sql);
        // Without WHERE, the ON of a conflict would be that of a join.
        format!(
            "{with}INSERT INTO {table} AS g ({names}, freehold_touched) SELECT {names}, 1 FROM ({sql}) AS d WHERE true
 ON CONFLICT (freehold_group) DO UPDATE SET {set}, freehold_touched = 1"
        )
    }
}
