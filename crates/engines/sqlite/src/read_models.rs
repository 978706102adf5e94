//! Read models on SQLite: their tables, the view that the program reads, and the statements by which
//! the sidecar keeps them. What these are for stands on [`freehold_engine::ReadModelSql`].
//!
//! The rows of a model are those of its join *before* WHERE, with a column that tells whether they
//! count: so that what a row was made of can always be found in it, also when it did not count.

use std::collections::BTreeMap;

use freehold_engine::{
    At, Change, Live, READ_MODEL_PAGE, ReadModelPlan, ReadModelSql, Step, Subject, Want, WorkSql,
};
use freehold_readmodel::{Aggregate, Function, JoinKind, Output};
use freehold_sql::{Dialect, quote_ident, quote_literal};

const WORK: &str = "freehold_read_work";

/// A model.
struct Model<'a>(&'a ReadModelPlan);

fn models(want: &Want) -> impl Iterator<Item = Model<'_>> {
    want.plane.read_models.values().map(Model)
}

/// Makes what is missing of models whose copies are there.
pub(crate) fn steps(want: &Want, live: &Live) -> Vec<Step> {
    let mut steps = Vec::new();
    if !want.plane.read_models.is_empty() && !live.has_table(WORK) {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {WORK} (id INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, source INTEGER NOT NULL, rows TEXT NOT NULL, cursor TEXT NOT NULL DEFAULT '') STRICT"
        );
        let own = "freehold's own, for read models";
        steps.push(Step::new(Change::Add, Subject::Plane, At::Store, WORK, own).run(sql));
    }
    let wanted: Vec<String> = models(want).map(|it| it.rows_name()).collect();
    let rows = live
        .tables
        .keys()
        .filter(|it| it.starts_with("freehold_rm_"));
    let mut old: Vec<&String> = rows.filter(|it| !wanted.contains(it)).collect();
    for model in models(want) {
        let mut sources = model.0.sources.iter();
        let made = live.has_table(&model.rows_name());
        if made || !sources.all(|source| live.has_table(&source.table)) {
            continue;
        }
        let (before, rest): (Vec<&String>, Vec<&String>) =
            old.into_iter().partition(|it| name_of(it) == model.0.name);
        old = rest;
        let (change, note) = if before.is_empty() {
            (
                Change::Add,
                "rows of a join over copies, kept by the sidecar",
            )
        } else {
            (Change::Change, "built anew beside what is read until then")
        };
        let mut step = Step::new(change, Subject::Plane, At::Store, &model.0.name, note);
        for sql in model.definition() {
            step = step.run(sql);
        }
        step = step
            .run(format!("DROP VIEW IF EXISTS {}", ident(&model.0.name)))
            .run(model.view());
        for rows in before {
            step = drop_tables(step, rows);
        }
        steps.push(step);
    }
    for rows in old {
        let (name, note) = (name_of(rows), "not described any more");
        let mut step = Step::new(Change::Remove, Subject::Plane, At::Store, name, note);
        let view = live.tables.get(name).is_some_and(|table| table.view);
        if view && !want.plane.read_models.contains_key(name) {
            step = step.run(format!("DROP VIEW IF EXISTS {}", ident(name)));
        }
        steps.push(drop_tables(step, rows));
    }
    steps
}

/// `freehold_rm_1a2b3c4d_order_search` is of `order_search`.
fn name_of(rows: &str) -> &str {
    let rest = rows.strip_prefix("freehold_rm_");
    rest.and_then(|rest| rest.get(9..)).unwrap_or(rows)
}

fn drop_tables(step: Step, rows: &str) -> Step {
    let groups = rows.replacen("freehold_rm_", "freehold_rg_", 1);
    step.run(format!("DROP TABLE IF EXISTS {}", ident(&groups)))
        .run(format!("DROP TABLE IF EXISTS {}", ident(rows)))
}

/// The statements of all models.
pub(crate) fn statements(want: &Want) -> BTreeMap<String, ReadModelSql> {
    let of = |model: Model<'_>| (model.0.name.clone(), model.statements());
    models(want).map(of).collect()
}

/// What keeps the list of what is to be done.
pub(crate) fn work() -> WorkSql {
    WorkSql {
        open: format!("SELECT id, model, source, rows, cursor FROM {WORK} ORDER BY id"),
        put: format!("INSERT INTO {WORK} (model, source, rows) VALUES (?1, ?2, ?3)"),
        moved: format!("UPDATE {WORK} SET cursor = ?2 WHERE id = ?1"),
        done: format!("DELETE FROM {WORK} WHERE id = ?1"),
        forget_builds: format!("DELETE FROM {WORK} WHERE model = ?1 AND source < 0"),
    }
}

fn ident(name: &str) -> String {
    quote_ident(Dialect::Sqlite, name).unwrap_or_default()
}

fn literal(text: &str) -> String {
    quote_literal(Dialect::Sqlite, text).unwrap_or_default()
}

/// `"o"."total"`.
fn of(alias: &str, column: &str) -> String {
    format!("{}.{}", ident(alias), ident(column))
}

/// A column of the model's rows that repeats a source's key.
fn key_column(source: usize, at: usize) -> String {
    format!("freehold_k{source}_{at}")
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

fn all(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" AND ")
}

fn field(argument: &str, column: &str) -> String {
    format!("{argument} ->> {}", literal(&format!("$.\"{column}\"")))
}

impl Model<'_> {
    fn rows_name(&self) -> String {
        format!("freehold_rm_{}_{}", self.0.hash, self.0.name)
    }

    fn groups_name(&self) -> String {
        format!("freehold_rg_{}_{}", self.0.hash, self.0.name)
    }

    fn rows(&self) -> String {
        ident(&self.rows_name())
    }

    fn groups(&self) -> String {
        ident(&self.groups_name())
    }

    fn copy(&self, source: usize) -> String {
        ident(&self.0.sources[source].table)
    }

    /// Key columns of the driving source in the model's rows.
    fn driving(&self) -> Vec<String> {
        let key = self.0.sources[0].key.iter().enumerate();
        key.map(|(at, _)| key_column(0, at)).collect()
    }

    /// Aggregates of values, with their place among all.
    fn valued(&self) -> Vec<(usize, &Aggregate, &str)> {
        let aggregates = self.0.aggregates().enumerate();
        aggregates
            .filter_map(|(at, it)| Some((at, it, it.of.as_deref()?)))
            .collect()
    }

    /// The group's key and the columns by which groups are.
    fn by(&self) -> Vec<String> {
        let names = self.0.values().map(|(name, _)| ident(name));
        ["freehold_group".to_owned()]
            .into_iter()
            .chain(names)
            .collect()
    }

    /// Columns of the model's rows and what fills them.
    fn columns(&self) -> Vec<(String, String)> {
        let mut columns = Vec::new();
        for (source, it) in self.0.sources.iter().enumerate() {
            let key = it.key.iter().enumerate();
            columns.extend(key.map(|(at, column)| (key_column(source, at), of(&it.alias, column))));
        }
        let values = self.0.values();
        columns.extend(values.map(|(name, sql)| (name.to_owned(), format!("({sql})"))));
        for (at, _, sql) in self.valued() {
            columns.push((format!("freehold_a{at}"), format!("({sql})")));
        }
        let counts = match &self.0.filter {
            Some(sql) => format!("CASE WHEN ({sql}) THEN 1 ELSE 0 END"),
            None => "1".to_owned(),
        };
        columns.push(("freehold_in".to_owned(), counts));
        if self.0.grouped {
            // A key of one column, whatever the groups are by, in which NULL equals NULL.
            let parts = self.0.values().map(|(_, sql)| {
                let text = format!("CAST(({sql}) AS TEXT)");
                format!("coalesce(length({text}) || ':' || {text}, '-')")
            });
            let parts: Vec<String> = parts.collect();
            let text = if parts.is_empty() {
                "''".to_owned()
            } else {
                parts.join(" || ")
            };
            columns.push(("freehold_group".to_owned(), text));
        }
        columns
    }

    /// The join of these sources; `whole` keeps LEFT joins as they are. A comma's nearness binds
    /// tables in the order in which they stand.
    fn from(&self, sources: &[usize], whole: bool) -> String {
        let mut sql = String::new();
        for source in sources {
            let it = &self.0.sources[*source];
            let table = format!("{} AS {}", self.copy(*source), ident(&it.alias));
            let Some(join) = &it.join else {
                sql.push_str(&table);
                continue;
            };
            let kind = if whole && join.kind == JoinKind::Left {
                " LEFT JOIN "
            } else {
                " JOIN "
            };
            let on = join.on.iter().map(|(own, other, column)| {
                let other = of(&self.0.sources[*other].alias, column);
                format!("{} = {other}", of(&it.alias, own))
            });
            sql.extend([kind, &table, " ON ", &all(on)]);
        }
        sql
    }

    fn everything(&self) -> Vec<usize> {
        (0..self.0.sources.len()).collect()
    }

    fn definition(&self) -> Vec<String> {
        let (rows, name) = (self.rows(), self.rows_name());
        let select = self.columns().into_iter();
        let select = list(select.map(|(name, sql)| format!("{sql} AS {}", ident(&name))));
        let from = self.from(&self.everything(), true);
        let mut sql = vec![format!(
            "CREATE TABLE {rows} AS SELECT {select} FROM {from}"
        )];
        let driving = list(self.driving());
        let index = |end: &str, columns: &str| {
            format!(
                "CREATE INDEX {} ON {rows} ({columns})",
                ident(&format!("{name}_{end}"))
            )
        };
        sql.push(index("k0", &driving));
        for (source, it) in self.0.sources.iter().enumerate().skip(1) {
            let key = list(
                it.key
                    .iter()
                    .enumerate()
                    .map(|(at, _)| key_column(source, at)),
            );
            sql.push(index(&format!("k{source}"), &format!("{key}, {driving}")));
        }
        sql.extend(self.join_indexes());
        if self.0.grouped {
            sql.push(self.group_definition());
            sql.push(self.first_groups());
            let name = ident(&format!("{}_touched", self.groups_name()));
            sql.push(format!(
                "CREATE INDEX {name} ON {} (freehold_touched) WHERE freehold_touched = 1",
                self.groups()
            ));
            for (at, aggregate, _) in self.valued() {
                if matches!(aggregate.function, Function::Min | Function::Max) {
                    let columns = format!("freehold_group, freehold_a{at}");
                    let index = index(&format!("a{at}"), &columns);
                    sql.push(format!("{index} WHERE freehold_in = 1"));
                }
            }
        }
        sql.push(format!(
            "INSERT INTO {WORK} (model, source, rows) VALUES ({}, -1, '')",
            literal(&self.version())
        ));
        sql
    }

    /// Both sides of each join are looked up by its columns.
    fn join_indexes(&self) -> Vec<String> {
        let mut sides: Vec<(usize, &str)> = Vec::new();
        for (source, it) in self.0.sources.iter().enumerate() {
            for (own, other, column) in it.join.iter().flat_map(|join| &join.on) {
                sides.extend([(source, own.as_str()), (*other, column.as_str())]);
            }
        }
        sides.sort_unstable();
        sides.dedup();
        let first = |source: usize| self.0.sources[source].key.first().map(String::as_str);
        let needed = sides
            .into_iter()
            .filter(|(source, column)| first(*source) != Some(*column));
        let index = |(source, column): (usize, &str)| {
            let name = format!("freehold_{}_{column}", self.0.sources[source].table);
            format!(
                "CREATE INDEX IF NOT EXISTS {} ON {} ({})",
                ident(&name),
                self.copy(source),
                ident(column)
            )
        };
        needed.map(index).collect()
    }

    fn group_definition(&self) -> String {
        let mut columns = vec!["freehold_group TEXT NOT NULL PRIMARY KEY".to_owned()];
        columns.extend(self.0.values().map(|(name, _)| ident(name)));
        columns.push("freehold_n INTEGER NOT NULL".to_owned());
        for (at, aggregate, _) in self.valued() {
            columns.push(format!("freehold_c{at} INTEGER NOT NULL"));
            match aggregate.function {
                Function::Count => {}
                // What was added in one order and taken away in another is not the same number.
                Function::Sum | Function::Avg => columns.push(format!(
                    "freehold_s{at} NOT NULL CHECK (typeof(freehold_s{at}) = 'integer')"
                )),
                Function::Min | Function::Max => columns.push(format!("freehold_m{at}")),
            }
        }
        columns.push("freehold_touched INTEGER NOT NULL".to_owned());
        format!("CREATE TABLE {} ({})", self.groups(), list(columns))
    }

    fn first_groups(&self) -> String {
        let mut columns = self.by();
        let mut select: Vec<String> = columns.iter().map(|name| format!("max({name})")).collect();
        let mut add = |column: String, sql: String| {
            columns.push(column);
            select.push(sql);
        };
        add("freehold_n".to_owned(), "count(*)".to_owned());
        for (at, aggregate, _) in self.valued() {
            let of = format!("freehold_a{at}");
            add(format!("freehold_c{at}"), format!("count({of})"));
            match aggregate.function {
                Function::Count => {}
                Function::Sum | Function::Avg => {
                    add(format!("freehold_s{at}"), format!("coalesce(sum({of}), 0)"));
                }
                Function::Min => add(format!("freehold_m{at}"), format!("min({of})")),
                Function::Max => add(format!("freehold_m{at}"), format!("max({of})")),
            }
        }
        format!(
            "INSERT INTO {} ({}, freehold_touched) SELECT {}, 0 FROM {} WHERE freehold_in = 1 GROUP BY freehold_group",
            self.groups(),
            list(columns),
            list(select),
            self.rows()
        )
    }

    fn view(&self) -> String {
        let view = ident(&self.0.name);
        if !self.0.grouped {
            let names = list(self.0.outputs.iter().map(|it| ident(it.name())));
            return format!(
                "CREATE VIEW {view} AS SELECT {names} FROM {} WHERE freehold_in = 1",
                self.rows()
            );
        }
        let mut aggregates = 0..;
        let columns = self.0.outputs.iter().map(|output| {
            let Output::Aggregate(aggregate) = output else {
                return ident(output.name());
            };
            let at = aggregates.next().unwrap_or_default();
            let sql = match (aggregate.function, &aggregate.of) {
                (Function::Count, None) => "freehold_n".to_owned(),
                (Function::Count, Some(_)) => format!("freehold_c{at}"),
                (Function::Sum, _) => {
                    format!("CASE WHEN freehold_c{at} > 0 THEN freehold_s{at} END")
                }
                (Function::Avg, _) => format!(
                    "CASE WHEN freehold_c{at} > 0 THEN CAST(freehold_s{at} AS REAL) / freehold_c{at} END"
                ),
                (Function::Min | Function::Max, _) => format!("freehold_m{at}"),
            };
            format!("{sql} AS {}", ident(&aggregate.name))
        });
        format!(
            "CREATE VIEW {view} AS SELECT {} FROM {}",
            list(columns),
            self.groups()
        )
    }

    fn version(&self) -> String {
        format!("{}@{}", self.0.name, self.0.hash)
    }

    fn statements(&self) -> ReadModelSql {
        let sources = 0..self.0.sources.len();
        let mut remake = Vec::new();
        if self.0.grouped {
            remake.push(self.take_away());
        }
        remake.extend([self.remove(), self.insert()]);
        if self.0.grouped {
            remake.extend([self.add(), self.forget_empty(), self.probe()]);
        }
        ReadModelSql {
            version: self.version(),
            touched: sources.clone().map(|it| self.touched(it, false)).collect(),
            touched_after: sources.clone().map(|it| self.touched(it, true)).collect(),
            all: self.all(false),
            all_after: self.all(true),
            remake,
            sources: sources
                .map(|at| (at, self.0.sources[at].table.clone()))
                .collect(),
        }
    }

    /// `(a, b) > (…)` of the key in an argument.
    fn behind(&self, columns: &[String], argument: usize) -> String {
        let argument = format!("?{argument}");
        let key = self.0.sources[0].key.iter();
        let values = list(key.map(|column| field(&argument, column)));
        format!("({}) > ({values})", list(columns.iter().cloned()))
    }

    fn as_json(&self, columns: &[String]) -> String {
        let pairs = self.0.sources[0].key.iter().zip(columns);
        let pairs = pairs.map(|(name, column)| format!("{}, {column}", literal(name)));
        format!("json_object({})", list(pairs))
    }

    fn touched(&self, source: usize, after: bool) -> String {
        let it = &self.0.sources[source];
        let driving = self.driving();
        let fields = it
            .key
            .iter()
            .map(|column| format!("{} AS {}", field("value", column), ident(column)));
        let input = format!("input AS (SELECT {} FROM json_each(?1))", list(fields));
        let key = it.key.iter().enumerate();
        let was =
            all(key
                .map(|(at, column)| format!("r.{} = i.{}", key_column(source, at), ident(column))));
        let key = it.key.iter();
        let is = all(key.map(|column| format!("{} = i.{}", of(&it.alias, column), ident(column))));
        let alias = &self.0.sources[0].alias;
        let paired = self.0.sources[0].key.iter().zip(&driving);
        let now = list(paired.map(|(column, name)| format!("{} AS {name}", of(alias, column))));
        let behind = if after {
            format!(" WHERE {}", self.behind(&driving, 2))
        } else {
            String::new()
        };
        let names = list(driving.iter().cloned());
        format!(
            "WITH {input}, keys AS (SELECT {} FROM {} AS r JOIN input i ON {was}
 UNION SELECT {now} FROM {} JOIN input i ON {is})
 SELECT {} FROM keys{behind} ORDER BY {names} LIMIT {READ_MODEL_PAGE}",
            list(driving.iter().map(|it| format!("r.{it}"))),
            self.rows(),
            self.from(&self.0.path(source), false),
            self.as_json(&driving),
        )
    }

    fn all(&self, after: bool) -> String {
        let driving = self.driving();
        let names = list(driving.iter().cloned());
        let key: Vec<String> = self.0.sources[0].key.iter().map(|it| ident(it)).collect();
        let behind = |columns: &[String]| {
            if after {
                format!(" WHERE {}", self.behind(columns, 1))
            } else {
                String::new()
            }
        };
        let pairs = key.iter().zip(&driving);
        let paired = list(pairs.map(|(column, name)| format!("{column} AS {name}")));
        format!(
            "SELECT {} FROM (SELECT * FROM (SELECT {paired} FROM {}{} ORDER BY {} LIMIT {READ_MODEL_PAGE})
 UNION SELECT * FROM (SELECT DISTINCT {names} FROM {}{} ORDER BY {names} LIMIT {READ_MODEL_PAGE})) ORDER BY {names} LIMIT {READ_MODEL_PAGE}",
            self.as_json(&driving),
            self.copy(0),
            behind(&key),
            list(key.iter().cloned()),
            self.rows(),
            behind(&driving),
        )
    }

    /// The keys that are made anew, each once.
    fn keys(&self) -> String {
        let key = self.0.sources[0].key.iter();
        let fields = key.map(|column| format!("{} AS {}", field("value", column), ident(column)));
        format!(
            "keys AS (SELECT DISTINCT {} FROM json_each(?1))",
            list(fields)
        )
    }

    fn of_keys(&self) -> String {
        let pairs = self.0.sources[0].key.iter().zip(self.driving());
        all(pairs.map(|(column, own)| format!("r.{own} = k.{}", ident(column))))
    }

    fn remove(&self) -> String {
        format!(
            "WITH {} DELETE FROM {} WHERE rowid IN (SELECT r.rowid FROM keys k JOIN {} AS r ON {})",
            self.keys(),
            self.rows(),
            self.rows(),
            self.of_keys()
        )
    }

    fn insert(&self) -> String {
        let columns = self.columns();
        let it = &self.0.sources[0];
        let same = it.key.iter().map(|column| {
            format!(
                "{} = freehold_keys.{}",
                of(&it.alias, column),
                ident(column)
            )
        });
        let from = self.from(&self.everything(), true);
        // The driving source is the first one of the join.
        let head = format!("{} AS {}", self.copy(0), ident(&it.alias));
        let rest = from.strip_prefix(&head).unwrap_or_default();
        format!(
            "WITH {} INSERT INTO {} ({}) SELECT {} FROM keys AS freehold_keys JOIN {head} ON {}{rest}",
            self.keys(),
            self.rows(),
            list(columns.iter().map(|(name, _)| ident(name))),
            list(columns.iter().map(|(_, sql)| sql.clone())),
            all(same),
        )
    }

    /// What rows of these keys add up to, by group.
    fn sums(&self) -> (Vec<String>, String) {
        let mut columns = vec!["freehold_n".to_owned()];
        let mut select = vec!["count(*) AS freehold_n".to_owned()];
        for (at, aggregate, _) in self.valued() {
            columns.push(format!("freehold_c{at}"));
            select.push(format!("count(r.freehold_a{at}) AS freehold_c{at}"));
            if matches!(aggregate.function, Function::Sum | Function::Avg) {
                columns.push(format!("freehold_s{at}"));
                select.push(format!(
                    "coalesce(sum(r.freehold_a{at}), 0) AS freehold_s{at}"
                ));
            }
        }
        let by = self.by().into_iter();
        let shown = list(by.map(|name| format!("max(r.{name}) AS {name}")));
        let sql = format!(
            "SELECT {shown}, {} FROM keys k JOIN {} AS r ON {} WHERE r.freehold_in = 1 GROUP BY r.freehold_group",
            list(select),
            self.rows(),
            self.of_keys()
        );
        (columns, sql)
    }

    fn take_away(&self) -> String {
        let (columns, sums) = self.sums();
        let set = list(columns.iter().map(|it| format!("{it} = g.{it} - d.{it}")));
        format!(
            "WITH {}, d AS ({sums}) UPDATE {} AS g SET {set}, freehold_touched = 1 FROM d WHERE g.freehold_group = d.freehold_group",
            self.keys(),
            self.groups()
        )
    }

    fn add(&self) -> String {
        let (columns, sums) = self.sums();
        let set = list(
            columns
                .iter()
                .map(|it| format!("{it} = g.{it} + excluded.{it}")),
        );
        let names = list(self.by().into_iter().chain(columns));
        format!(
            "WITH {}, d AS ({sums}) INSERT INTO {} AS g ({names}, freehold_touched) SELECT {names}, 1 FROM d WHERE true
 ON CONFLICT (freehold_group) DO UPDATE SET {set}, freehold_touched = 1",
            self.keys(),
            self.groups()
        )
    }

    fn forget_empty(&self) -> String {
        format!(
            "DELETE FROM {} WHERE freehold_touched = 1 AND freehold_n = 0 AND ?1 <> ''",
            self.groups()
        )
    }

    /// The smallest and largest of each group that was touched, by one look into an index.
    fn probe(&self) -> String {
        let mut set = vec!["freehold_touched = 0".to_owned()];
        for (at, aggregate, _) in self.valued() {
            let order = match aggregate.function {
                Function::Min => "",
                Function::Max => " DESC",
                _ => continue,
            };
            set.push(format!(
                "freehold_m{at} = (SELECT r.freehold_a{at} FROM {} AS r WHERE r.freehold_group = g.freehold_group
 AND r.freehold_in = 1 AND r.freehold_a{at} IS NOT NULL ORDER BY r.freehold_a{at}{order} LIMIT 1)",
                self.rows()
            ));
        }
        format!(
            "UPDATE {} AS g SET {} WHERE freehold_touched = 1 AND ?1 <> ''",
            self.groups(),
            list(set)
        )
    }
}
