//! How PostgreSQL says what keeps a read model. The server itself makes values of the columns' types
//! out of an argument.

use freehold_engine::Spot;
use freehold_readmodel::{Input, Kept, Sums, Wording};

use crate::names::{ident, literal, qualified};

/// In this place.
pub(super) struct Here<'a>(pub(super) &'a Spot);

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

fn input(distinct: &str, columns: &[String], copy: &str) -> Input {
    let columns = list(columns.iter().map(|column| ident(column)));
    let with = format!(
        "WITH input AS MATERIALIZED (SELECT {distinct}{columns} FROM pg_catalog.jsonb_populate_recordset(NULL::{copy}, $1::jsonb)) "
    );
    let name = "input".to_owned();
    Input { with, name }
}

impl Wording for Here<'_> {
    fn ident(&self, name: &str) -> String {
        ident(name)
    }

    fn literal(&self, text: &str) -> String {
        literal(text)
    }

    fn table(&self, name: &str) -> String {
        qualified(self.0, name)
    }

    fn own(&self, name: &str) -> String {
        freehold_model::fit(&self.0.own(name), 63)
    }

    fn truth(&self, truth: bool) -> &'static str {
        if truth { "true" } else { "false" }
    }

    fn is(&self, column: &str) -> String {
        column.to_owned()
    }

    fn certain(&self, condition: &str) -> String {
        format!("coalesce(({condition}), false)")
    }

    fn group(&self, expressions: &[&str]) -> String {
        let parts = expressions.iter().map(|sql| {
            format!("coalesce(pg_catalog.length(({sql})::text) || ':' || ({sql})::text, '-')")
        });
        let parts: Vec<String> = parts.collect();
        let text = if parts.is_empty() {
            "''".to_owned()
        } else {
            parts.join(" || ")
        };
        format!(
            "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({text}, 'UTF8')), 'hex')"
        )
    }

    fn json_object(&self, pairs: &[(&str, &str)]) -> String {
        let pairs = pairs
            .iter()
            .map(|(name, column)| format!("{}, {column}", literal(name)));
        format!("pg_catalog.jsonb_build_object({})::text", list(pairs))
    }

    fn mean(&self, sum: &str, count: &str) -> String {
        format!("{sum}::numeric / {count}")
    }

    fn changed(&self, kept: &Kept<'_>, source: usize) -> Input {
        input("", &kept.plan.sources[source].entity, &kept.copy(source))
    }

    fn keys(&self, kept: &Kept<'_>) -> Input {
        input("DISTINCT ", &kept.plan.sources[0].key, &kept.copy(0))
    }

    fn behind(&self, kept: &Kept<'_>, columns: &[String], argument: usize) -> String {
        let values = kept.plan.sources[0].key.iter().map(|column| {
            format!(
                "(SELECT c.{} FROM pg_catalog.jsonb_populate_record(NULL::{}, ${argument}::jsonb) AS c)",
                ident(column),
                kept.copy(0)
            )
        });
        format!("({}) > ({})", columns.join(", "), list(values))
    }

    fn heeds(&self) -> &'static str {
        " AND $1::text <> ''"
    }

    fn delete(&self, table: &str, input: &Input, on: &str) -> String {
        let Input { with, name } = input;
        format!("{with}DELETE FROM {table} AS r USING {name} i WHERE {on}")
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
                .map(|it| format!("{it} = g.{it} + EXCLUDED.{it}")),
        );
        let (with, names, sql) = (&sums.input.with, names.join(", "), sums.sql);
        format!(
            "{with}INSERT INTO {table} AS g ({names}, freehold_touched) SELECT {names}, true FROM ({sql}) AS d
 ON CONFLICT (freehold_group) DO UPDATE SET {set}, freehold_touched = true"
        )
    }
}
