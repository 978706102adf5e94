//! The tables of a read model and what fills them first, in parts: engines differ in what a table's
//! definition may say and in what of it is one transaction.

use super::{Kept, list};
use crate::plan::{Function, Output};

impl Kept<'_> {
    /// Every row of the model, with the names of its columns; an empty table of it has their types.
    pub fn select(&self) -> String {
        let columns = self.columns().into_iter();
        let columns =
            list(columns.map(|(name, sql)| format!("{sql} AS {}", self.words.ident(&name))));
        format!(
            "SELECT {columns} FROM {}",
            self.from(&self.everything(), true)
        )
    }

    /// Fills the rows' table, which is empty.
    pub fn fill_rows(&self) -> String {
        let names = self.columns().into_iter();
        let names = list(names.map(|(name, _)| self.words.ident(&name)));
        format!("INSERT INTO {} ({names}) {}", self.rows(), self.select())
    }

    /// The indexes of the rows' table: (what its name may end with, columns, which rows).
    pub fn indexes(&self) -> Vec<(String, String, Option<String>)> {
        let driving = list(self.key_columns(0));
        let mut indexes = vec![("k0".to_owned(), driving.clone(), None)];
        for source in 1..self.plan.sources.len() {
            let key = list(self.key_columns(source));
            indexes.push((format!("k{source}"), format!("{key}, {driving}"), None));
        }
        for (at, aggregate, _) in self.valued().into_iter().filter(|_| self.plan.grouped) {
            if matches!(aggregate.function, Function::Min | Function::Max) {
                let columns = format!("freehold_group, freehold_a{at}");
                let counts = Some(self.words.is("freehold_in"));
                indexes.push((format!("a{at}"), columns, counts));
            }
        }
        indexes
    }

    /// (name, source, column) of the indexes on copies: both sides of each join are looked up by
    /// its columns.
    pub fn join_indexes(&self) -> Vec<(String, usize, &str)> {
        let mut sides: Vec<(usize, &str)> = Vec::new();
        for (source, it) in self.plan.sources.iter().enumerate() {
            for (own, other, column) in it.join.iter().flat_map(|join| &join.on) {
                sides.extend([(source, own.as_str()), (*other, column.as_str())]);
            }
        }
        sides.sort_unstable();
        sides.dedup();
        let first = |source: usize| self.plan.sources[source].key.first().map(String::as_str);
        let needed = sides
            .into_iter()
            .filter(|(source, column)| first(*source) != Some(*column));
        let named = |(source, column): (usize, &'_ str)| {
            format!("freehold_{}_{column}", self.plan.sources[source].table)
        };
        needed.map(|side| (named(side), side.0, side.1)).collect()
    }

    /// The groups' columns behind those by which groups are, and what fills each from rows.
    pub fn group_columns(&self) -> Vec<(String, String)> {
        let mut columns = vec![("freehold_n".to_owned(), "count(*)".to_owned())];
        for (at, aggregate, _) in self.valued() {
            let of = format!("freehold_a{at}");
            columns.push((format!("freehold_c{at}"), format!("count({of})")));
            match aggregate.function {
                Function::Count => {}
                Function::Sum | Function::Avg => {
                    columns.push((format!("freehold_s{at}"), format!("coalesce(sum({of}), 0)")));
                }
                Function::Min => columns.push((format!("freehold_m{at}"), format!("min({of})"))),
                Function::Max => columns.push((format!("freehold_m{at}"), format!("max({of})"))),
            }
        }
        let none_is_touched = self.words.truth(false).to_owned();
        columns.push(("freehold_touched".to_owned(), none_is_touched));
        columns
    }

    /// Columns by which groups are, as the groups' table calls them.
    pub fn group_by(&self) -> Vec<String> {
        self.by()
    }

    /// Every group of the rows' table.
    pub fn group_select(&self) -> String {
        let own = self.group_columns().into_iter();
        let own = list(own.map(|(name, sql)| format!("{sql} AS {name}")));
        let (shown, by) = self.grouping("r.");
        let (rows, counts) = (self.rows(), self.words.is("r.freehold_in"));
        format!("SELECT {shown}, {own} FROM {rows} AS r WHERE {counts} GROUP BY {by}")
    }

    /// Fills the groups' table, which is empty, from the rows' table.
    pub fn fill_groups(&self) -> String {
        let own = self.group_columns().into_iter().map(|(name, _)| name);
        let names = list(self.by().into_iter().chain(own));
        format!(
            "INSERT INTO {} ({names}) {}",
            self.groups(),
            self.group_select()
        )
    }

    /// What to select of a group's rows, and what to group them by. Without types the texts of two
    /// values may be one.
    pub(super) fn grouping(&self, of: &str) -> (String, String) {
        let by = self.by().into_iter();
        if self.words.typed() {
            let by = list(by.map(|name| format!("{of}{name}")));
            return (by.clone(), by);
        }
        let shown = list(by.map(|name| format!("max({of}{name}) AS {name}")));
        (shown, format!("{of}freehold_group"))
    }

    /// What the view of the model shows.
    pub fn view_select(&self) -> String {
        if !self.plan.grouped {
            let names = self.plan.outputs.iter();
            let names = list(names.map(|it| self.words.ident(it.name())));
            let (rows, counts) = (self.rows(), self.words.is("freehold_in"));
            return format!("SELECT {names} FROM {rows} WHERE {counts}");
        }
        let mut aggregates = 0..;
        let columns = self.plan.outputs.iter().map(|output| {
            let Output::Aggregate(aggregate) = output else {
                return self.words.ident(output.name());
            };
            let at = aggregates.next().unwrap_or_default();
            let any = |sql: &str| format!("CASE WHEN freehold_c{at} > 0 THEN {sql} END");
            let (sum, count) = (format!("freehold_s{at}"), format!("freehold_c{at}"));
            let sql = match (aggregate.function, &aggregate.of) {
                (Function::Count, None) => "freehold_n".to_owned(),
                (Function::Count, Some(_)) => count,
                (Function::Sum, _) => any(&sum),
                (Function::Avg, _) => any(&self.words.mean(&sum, &count)),
                (Function::Min | Function::Max, _) => format!("freehold_m{at}"),
            };
            format!("{sql} AS {}", self.words.ident(&aggregate.name))
        });
        format!("SELECT {} FROM {}", list(columns), self.groups())
    }
}
