//! How `MariaDB` and `MySQL` say what keeps a read model. An argument's texts have no column's type
//! and collation here, and a comparison with them finds no index: keys are laid down in tables that
//! are made of the copies' own columns.

use freehold_engine::Spot;
use freehold_readmodel::{Input, Kept, Sums, Wording};

use crate::names::{ident, literal, object};
use crate::statements::{input, value};

/// In this place.
pub(super) struct Here<'a>(pub(super) &'a Spot);

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

impl Here<'_> {
    /// Where entities of a source are laid down.
    pub(super) fn laid(&self, kept: &Kept<'_>, source: usize) -> String {
        self.table(&kept.table_name(&source.to_string()))
    }

    /// Where the key is laid down behind which to begin.
    pub(super) fn cursor(&self, kept: &Kept<'_>) -> String {
        self.table(&kept.table_name("c"))
    }
}

/// Empties the table and fills it. What does not fit a key's column was in no copy, either.
fn lay(table: &str, key: &[String]) -> Vec<String> {
    let names: Vec<&str> = key.iter().map(String::as_str).collect();
    vec![
        format!("DELETE FROM {table} WHERE ? <> ''"),
        format!(
            "INSERT IGNORE INTO {table} ({}) SELECT {} FROM {}",
            list(key.iter().map(|name| ident(name))),
            list((0..key.len()).map(value)),
            input(&names)
        ),
    ]
}

impl Wording for Here<'_> {
    fn ident(&self, name: &str) -> String {
        ident(name)
    }

    fn literal(&self, text: &str) -> String {
        literal(text)
    }

    fn table(&self, name: &str) -> String {
        object(&self.0.database, name)
    }

    fn own(&self, name: &str) -> String {
        freehold_model::fit(&self.0.own(name), 64)
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
            let text = format!("CAST(({sql}) AS CHAR)");
            format!("COALESCE(CONCAT(CHAR_LENGTH({text}), ':', {text}), '-')")
        });
        let parts: Vec<String> = parts.chain(["''".to_owned()]).collect();
        format!("SHA2(CONCAT({}), 256)", parts.join(", "))
    }

    fn json_object(&self, pairs: &[(&str, &str)]) -> String {
        let pairs = pairs
            .iter()
            .map(|(name, column)| format!("{}, {column}", literal(name)));
        format!("CAST(JSON_OBJECT({}) AS CHAR)", list(pairs))
    }

    fn mean(&self, sum: &str, count: &str) -> String {
        format!("{sum} / {count}")
    }

    fn changed(&self, kept: &Kept<'_>, source: usize) -> Input {
        let (with, name) = (String::new(), self.laid(kept, source));
        Input { with, name }
    }

    fn keys(&self, kept: &Kept<'_>) -> Input {
        let (with, name) = (String::new(), self.table(&kept.table_name("k")));
        Input { with, name }
    }

    fn behind(&self, kept: &Kept<'_>, columns: &[String], _argument: usize) -> String {
        let key = kept.plan.sources[0].key.iter();
        let (columns, key) = (columns.join(", "), list(key.map(|name| ident(name))));
        format!("({columns}) > (SELECT {key} FROM {})", self.cursor(kept))
    }

    fn lay(&self, kept: &Kept<'_>, source: usize) -> Vec<String> {
        lay(&self.laid(kept, source), &kept.plan.sources[source].entity)
    }

    fn lay_keys(&self, kept: &Kept<'_>) -> Vec<String> {
        lay(&self.keys(kept).name, &kept.plan.sources[0].key)
    }

    fn lay_cursor(&self, kept: &Kept<'_>) -> Vec<String> {
        lay(&self.cursor(kept), &kept.plan.sources[0].key)
    }

    fn heeds(&self) -> &'static str {
        ""
    }

    fn delete(&self, table: &str, input: &Input, on: &str) -> String {
        format!(
            "DELETE r FROM {} i STRAIGHT_JOIN {table} r ON {on}",
            input.name
        )
    }

    fn update(&self, table: &str, set: &[(String, String)], sums: &Sums<'_>) -> String {
        let set = list(
            set.iter()
                .map(|(column, sql)| format!("g.{column} = {sql}")),
        );
        let Sums { sql, on, .. } = sums;
        format!("UPDATE ({sql}) AS d JOIN {table} AS g ON {on} SET {set}")
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
                .map(|it| format!("{it} = {table}.{it} + VALUES({it})")),
        );
        let (names, sql) = (names.join(", "), sums.sql);
        format!(
            "INSERT INTO {table} ({names}, freehold_touched) SELECT {names}, 1 FROM ({sql}) AS d
 ON DUPLICATE KEY UPDATE {set}, freehold_touched = 1"
        )
    }
}
