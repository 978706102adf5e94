//! A read model as it stands in a store: its tables' names, their columns, and the join that fills
//! them, in an engine's words.
//!
//! The rows of a model are those of its join *before* WHERE, with a column that tells whether they
//! count: so that what a row was made of can always be found in it, also when it did not count.
//! Beside: the tables' definition in `tables.rs`, what keeps their rows in `upkeep.rs`.

mod tables;
mod upkeep;

use crate::plan::{Aggregate, JoinKind, Plan};
use crate::wording::Wording;

/// A read model on an engine.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    /// What is kept.
    pub plan: &'a Plan,
    /// How this engine says it.
    pub words: &'a dyn Wording,
}

/// Joined by commas.
pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

fn all(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" AND ")
}

/// A column of the model's rows that repeats a source's key.
fn key_column(source: usize, at: usize) -> String {
    format!("freehold_k{source}_{at}")
}

impl<'a> Kept<'a> {
    /// What names this form of the model in the list of work.
    pub fn version(&self) -> String {
        format!("{}@{}", self.plan.name, self.plan.hash)
    }

    /// A table of this form of the model, by what it is for: `m`, its rows; `g`, its groups; …
    pub fn table_name(&self, what: &str) -> String {
        let (hash, name) = (&self.plan.hash, &self.plan.name);
        self.words.own(&format!("r{what}_{hash}_{name}"))
    }

    /// The table of its rows.
    pub fn rows(&self) -> String {
        self.words.table(&self.table_name("m"))
    }

    /// The table of its groups.
    pub fn groups(&self) -> String {
        self.words.table(&self.table_name("g"))
    }

    /// The copy that is this source.
    pub fn copy(&self, source: usize) -> String {
        self.words.table(&self.plan.sources[source].table)
    }

    /// `"o"."total"`.
    fn of(&self, alias: &str, column: &str) -> String {
        format!("{}.{}", self.words.ident(alias), self.words.ident(column))
    }

    /// Key columns of a source in the model's rows.
    pub fn key_columns(&self, source: usize) -> Vec<String> {
        let key = self.plan.sources[source].key.iter().enumerate();
        key.map(|(at, _)| key_column(source, at)).collect()
    }

    /// Aggregates of values, with their place among all.
    fn valued(&self) -> Vec<(usize, &'a Aggregate, &'a str)> {
        let aggregates = self.plan.aggregates().enumerate();
        aggregates
            .filter_map(|(at, it)| Some((at, it, it.of.as_deref()?)))
            .collect()
    }

    /// The group's key and the columns by which groups are.
    fn by(&self) -> Vec<String> {
        let names = self.plan.values().map(|(name, _)| self.words.ident(name));
        std::iter::once("freehold_group".to_owned())
            .chain(names)
            .collect()
    }

    /// Columns of the model's rows and what fills them.
    fn columns(&self) -> Vec<(String, String)> {
        let mut columns = Vec::new();
        for (source, it) in self.plan.sources.iter().enumerate() {
            let key = it.key.iter().enumerate();
            columns.extend(
                key.map(|(at, column)| (key_column(source, at), self.of(&it.alias, column))),
            );
        }
        let values = self.plan.values();
        columns.extend(values.map(|(name, sql)| (name.to_owned(), format!("({sql})"))));
        for (at, _, sql) in self.valued() {
            columns.push((format!("freehold_a{at}"), format!("({sql})")));
        }
        let counts = match &self.plan.filter {
            Some(sql) => self.words.certain(sql),
            None => self.words.truth(true).to_owned(),
        };
        columns.push(("freehold_in".to_owned(), counts));
        if self.plan.grouped {
            let by: Vec<&str> = self.plan.values().map(|(_, sql)| sql).collect();
            columns.push(("freehold_group".to_owned(), self.words.group(&by)));
        }
        columns
    }

    /// The join of these sources; `whole` keeps LEFT joins as they are.
    fn from(&self, sources: &[usize], whole: bool) -> String {
        sources
            .iter()
            .map(|source| self.joined(*source, whole))
            .collect()
    }

    fn joined(&self, source: usize, whole: bool) -> String {
        let it = &self.plan.sources[source];
        let table = format!("{} AS {}", self.copy(source), self.words.ident(&it.alias));
        let Some(join) = &it.join else {
            return table;
        };
        let kind = if whole && join.kind == JoinKind::Left {
            "LEFT JOIN"
        } else {
            "JOIN"
        };
        let on = join.on.iter().map(|(own, other, column)| {
            let other = self.of(&self.plan.sources[*other].alias, column);
            format!("{} = {other}", self.of(&it.alias, own))
        });
        format!(" {kind} {table} ON {}", all(on))
    }

    fn everything(&self) -> Vec<usize> {
        (0..self.plan.sources.len()).collect()
    }
}
