//! Read models on PostgreSQL: their tables, the view that the program reads, and the statements by
//! which the sidecar keeps them. What these are for stands on [`freehold_engine::ReadModelSql`].
//!
//! The rows of a model are those of its join *before* WHERE, with a column that tells whether they
//! count: so that what a row was made of can always be found in it, also when it did not count.

use freehold_engine::{
    At, Change, READ_MODEL_PAGE, ReadModelPlan, ReadModelSql, Spot, Step, Subject, Want, WorkSql,
};
use freehold_readmodel::{Aggregate, Function, JoinKind, Output};

use crate::case::Case;
use crate::names::{ident, literal, qualified};

/// The table of what is still to be done.
pub(crate) const WORK: &str =
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, model text COLLATE \"C\" NOT NULL,
  source integer NOT NULL, rows text NOT NULL, cursor text NOT NULL DEFAULT ''";

/// A model in a place.
struct Model<'a> {
    spot: &'a Spot,
    plan: &'a ReadModelPlan,
}

fn models(want: &Want) -> impl Iterator<Item = Model<'_>> {
    let spot = &want.spot;
    let plans = want.plane.read_models.values();
    plans.map(move |plan| Model { spot, plan })
}

/// Names of the models' own tables.
pub(crate) fn tables(want: &Want) -> Vec<String> {
    let of = |model: Model<'_>| {
        let groups = model.plan.grouped.then(|| model.groups_name());
        [Some(model.rows_name()), groups].into_iter().flatten()
    };
    models(want).flat_map(of).collect()
}

/// Makes what is missing of models whose copies are there, and removes what is of another
/// definition or of none: in one transaction, so that no reader sees a gap.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    let want = case.want;
    let wanted = tables(want);
    let prefix = want.spot.own("rm_");
    let rows = case.live.tables.keys().filter(|it| it.starts_with(&prefix));
    let mut old: Vec<&String> = rows.filter(|it| !wanted.contains(it)).collect();
    let mut steps = Vec::new();
    for model in models(want) {
        let mut copies = model.plan.sources.iter();
        let made = case.live.has_table(&model.rows_name());
        if made || !copies.all(|source| case.live.has_table(&source.table)) {
            continue;
        }
        let (before, rest) = old.into_iter().partition(|it| model.is_of(it));
        old = rest;
        steps.push(make(case, &model, &before));
    }
    steps.extend(old.into_iter().map(|rows| remove(case, rows)));
    steps
}

fn step(case: &Case<'_>, change: Change, name: &str, note: &str) -> Step {
    let owner = ident(&case.want.identities.owner);
    Step::new(change, Subject::Plane, At::Store, name, note).run(format!("SET LOCAL ROLE {owner}"))
}

fn make(case: &Case<'_>, model: &Model<'_>, before: &[&String]) -> Step {
    let spot = &case.want.spot;
    let (change, note) = if before.is_empty() {
        (
            Change::Add,
            "rows of a join over copies, kept by the sidecar",
        )
    } else {
        (Change::Change, "built anew beside what is read until then")
    };
    let mut step = step(case, change, &model.plan.name, note);
    // Whoever keeps read models waits until this is done.
    step = step.run(format!(
        "UPDATE {} SET epoch = epoch WHERE name = 'applier'",
        qualified(spot, &spot.own("leadership"))
    ));
    for sql in model.definition() {
        step = step.run(sql);
    }
    step = step.run(format!(
        "DROP VIEW IF EXISTS {}",
        qualified(spot, &model.plan.name)
    ));
    step = step.run(model.view());
    for rows in before {
        step = drop_tables(step, spot, rows);
    }
    let names = &case.want.identities;
    let view = qualified(spot, &model.plan.name);
    step = step.run(format!(
        "GRANT SELECT ON {view} TO {}",
        ident(&names.app.role)
    ));
    let groups = model.plan.grouped.then(|| model.groups());
    for table in [Some(model.rows()), groups].into_iter().flatten() {
        let sidecar = ident(&names.sidecar);
        step = step.run(format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {sidecar}"
        ));
    }
    step
}

fn remove(case: &Case<'_>, rows: &str) -> Step {
    let spot = &case.want.spot;
    // `freehold_rm_1a2b3c4d_order_search`.
    let name = rows
        .strip_prefix(&spot.own("rm_"))
        .and_then(|rest| rest.get(9..));
    let name = name.unwrap_or(rows);
    let mut step = step(case, Change::Remove, name, "not described any more");
    let view = case.live.tables.get(name).is_some_and(|table| table.view);
    if view && !case.want.plane.read_models.contains_key(name) {
        step = step.run(format!("DROP VIEW IF EXISTS {}", qualified(spot, name)));
    }
    drop_tables(step, spot, rows)
}

fn drop_tables(step: Step, spot: &Spot, rows: &str) -> Step {
    let groups = rows.replacen(&spot.own("rm_"), &spot.own("rg_"), 1);
    step.run(format!("DROP TABLE IF EXISTS {}", qualified(spot, &groups)))
        .run(format!("DROP TABLE IF EXISTS {}", qualified(spot, rows)))
}

/// The statements of all models.
pub(crate) fn statements(want: &Want) -> std::collections::BTreeMap<String, ReadModelSql> {
    let of = |model: Model<'_>| (model.plan.name.clone(), model.statements());
    models(want).map(of).collect()
}

/// What keeps the list of what is to be done.
pub(crate) fn work(want: &Want) -> WorkSql {
    if want.plane.read_models.is_empty() {
        return WorkSql::default();
    }
    let table = qualified(&want.spot, &want.spot.own("read_work"));
    WorkSql {
        open: format!("SELECT id, model, source::bigint, rows, cursor FROM {table} ORDER BY id"),
        put: format!(
            "INSERT INTO {table} (model, source, rows) VALUES ($1, $2::bigint::integer, $3)"
        ),
        moved: format!("UPDATE {table} SET cursor = $2 WHERE id = $1"),
        done: format!("DELETE FROM {table} WHERE id = $1"),
        forget_builds: format!("DELETE FROM {table} WHERE model = $1 AND source < 0"),
    }
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

impl Model<'_> {
    fn rows_name(&self) -> String {
        let name = format!("rm_{}_{}", self.plan.hash, self.plan.name);
        freehold_model::fit(&self.spot.own(&name), 63)
    }

    /// Are these rows of some definition of this model?
    fn is_of(&self, rows: &str) -> bool {
        let rest = rows
            .strip_prefix(&self.spot.own("rm_"))
            .and_then(|rest| rest.get(9..));
        rest.is_some_and(|name| name == self.plan.name)
    }

    fn groups_name(&self) -> String {
        let name = format!("rg_{}_{}", self.plan.hash, self.plan.name);
        freehold_model::fit(&self.spot.own(&name), 63)
    }

    fn rows(&self) -> String {
        qualified(self.spot, &self.rows_name())
    }

    fn groups(&self) -> String {
        qualified(self.spot, &self.groups_name())
    }

    fn copy(&self, source: usize) -> String {
        qualified(self.spot, &self.plan.sources[source].table)
    }

    /// Key columns of the driving source in the model's rows.
    fn driving(&self) -> Vec<String> {
        let key = self.plan.sources[0].key.iter().enumerate();
        key.map(|(at, _)| key_column(0, at)).collect()
    }

    /// Aggregates of values, with their place among all.
    fn valued(&self) -> Vec<(usize, &Aggregate, &str)> {
        let aggregates = self.plan.aggregates().enumerate();
        aggregates
            .filter_map(|(at, it)| Some((at, it, it.of.as_deref()?)))
            .collect()
    }

    /// Columns of the model's rows and what fills them.
    fn columns(&self) -> Vec<(String, String)> {
        let mut columns = Vec::new();
        for (source, it) in self.plan.sources.iter().enumerate() {
            let key = it.key.iter().enumerate();
            columns.extend(key.map(|(at, column)| (key_column(source, at), of(&it.alias, column))));
        }
        let values = self.plan.values();
        columns.extend(values.map(|(name, sql)| (name.to_owned(), format!("({sql})"))));
        for (at, _, sql) in self.valued() {
            columns.push((format!("freehold_a{at}"), format!("({sql})")));
        }
        let counts = match &self.plan.filter {
            Some(sql) => format!("coalesce(({sql}), false)"),
            None => "true".to_owned(),
        };
        columns.push(("freehold_in".to_owned(), counts));
        if self.plan.grouped {
            // A key of one column, whatever the groups are by, in which NULL equals NULL.
            let parts = self.plan.values().map(|(_, sql)| {
                format!("coalesce(pg_catalog.length(({sql})::text) || ':' || ({sql})::text, '-')")
            });
            let parts: Vec<String> = parts.collect();
            let text = if parts.is_empty() {
                "''".to_owned()
            } else {
                parts.join(" || ")
            };
            let digest = format!(
                "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({text}, 'UTF8')), 'hex')"
            );
            columns.push(("freehold_group".to_owned(), digest));
        }
        columns
    }

    /// The join of these sources; `whole` keeps LEFT joins as they are.
    fn from(&self, sources: &[usize], whole: bool) -> String {
        let mut sql = String::new();
        for source in sources {
            let it = &self.plan.sources[*source];
            let table = format!("{} AS {}", self.copy(*source), ident(&it.alias));
            let Some(join) = &it.join else {
                sql.push_str(&table);
                continue;
            };
            let kind = if whole && join.kind == JoinKind::Left {
                "LEFT JOIN"
            } else {
                "JOIN"
            };
            let on = join.on.iter().map(|(own, other, column)| {
                let other = of(&self.plan.sources[*other].alias, column);
                format!("{} = {other}", of(&it.alias, own))
            });
            sql.extend([" ", kind, " ", &table, " ON ", &all(on)]);
        }
        sql
    }

    fn everything(&self) -> Vec<usize> {
        (0..self.plan.sources.len()).collect()
    }

    fn definition(&self) -> Vec<String> {
        let rows = self.rows();
        let select = self.columns().into_iter();
        let select = list(select.map(|(name, sql)| format!("{sql} AS {}", ident(&name))));
        let from = self.from(&self.everything(), true);
        let mut sql = vec![format!(
            "CREATE TABLE {rows} AS SELECT {select} FROM {from}"
        )];
        let driving = list(self.driving().iter().map(|it| ident(it)));
        sql.push(format!("CREATE INDEX ON {rows} ({driving})"));
        for (source, it) in self.plan.sources.iter().enumerate().skip(1) {
            let key = it
                .key
                .iter()
                .enumerate()
                .map(|(at, _)| ident(&key_column(source, at)));
            sql.push(format!("CREATE INDEX ON {rows} ({}, {driving})", list(key)));
        }
        sql.extend(self.join_indexes());
        if self.plan.grouped {
            sql.extend(self.group_definition());
        }
        sql.push(format!(
            "INSERT INTO {} (model, source, rows) VALUES ({}, -1, '')",
            qualified(self.spot, &self.spot.own("read_work")),
            literal(&self.version())
        ));
        sql
    }

    /// Both sides of each join are looked up by its columns.
    fn join_indexes(&self) -> Vec<String> {
        let mut sides: Vec<(usize, Vec<&str>)> = Vec::new();
        for (source, it) in self.plan.sources.iter().enumerate() {
            for (own, other, column) in it.join.iter().flat_map(|join| &join.on) {
                sides.push((source, vec![own]));
                sides.push((*other, vec![column]));
            }
        }
        sides.sort();
        sides.dedup();
        let needed = sides.into_iter().filter(|(source, columns)| {
            self.plan.sources[*source].key.first().map(String::as_str) != columns.first().copied()
        });
        let index = |(source, columns): (usize, Vec<&str>)| {
            let table = &self.plan.sources[source].table;
            let name = freehold_model::fit(&format!("freehold_{table}_{}", columns.join("_")), 63);
            let columns = list(columns.into_iter().map(ident));
            format!(
                "CREATE INDEX IF NOT EXISTS {} ON {} ({columns})",
                ident(&name),
                self.copy(source)
            )
        };
        needed.map(index).collect()
    }

    fn group_definition(&self) -> Vec<String> {
        let (rows, groups) = (self.rows(), self.groups());
        let mut select = vec!["freehold_group".to_owned()];
        select.extend(self.plan.values().map(|(name, _)| ident(name)));
        select.push("count(*) AS freehold_n".to_owned());
        for (at, aggregate, _) in self.valued() {
            let of = format!("freehold_a{at}");
            select.push(format!("count({of}) AS freehold_c{at}"));
            match aggregate.function {
                Function::Count => {}
                Function::Sum | Function::Avg => {
                    select.push(format!("coalesce(sum({of}), 0) AS freehold_s{at}"));
                }
                Function::Min => select.push(format!("min({of}) AS freehold_m{at}")),
                Function::Max => select.push(format!("max({of}) AS freehold_m{at}")),
            }
        }
        select.push("false AS freehold_touched".to_owned());
        let by: Vec<String> = self.plan.values().map(|(name, _)| ident(name)).collect();
        let by = list(["freehold_group".to_owned()].into_iter().chain(by));
        let mut sql = vec![
            format!("CREATE TABLE {groups} WITH (fillfactor = 70) AS SELECT {} FROM {rows} WHERE freehold_in GROUP BY {by}", list(select)),
            format!("ALTER TABLE {groups} ADD PRIMARY KEY (freehold_group)"),
            format!("CREATE INDEX ON {groups} (freehold_touched) WHERE freehold_touched"),
            // What was added in one order and taken away in another is not the same number.
            format!(
                "DO $freehold$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {}::regclass AND attname ~ '^freehold_s[0-9]' AND atttypid IN (700, 701)) THEN
 RAISE EXCEPTION 'read model {}: a sum or avg of floating-point numbers cannot be kept: cast to numeric'; END IF; END $freehold$",
                literal(&groups),
                self.plan.name
            ),
        ];
        for (at, aggregate, _) in self.valued() {
            if matches!(aggregate.function, Function::Min | Function::Max) {
                sql.push(format!(
                    "CREATE INDEX ON {rows} (freehold_group, freehold_a{at}) WHERE freehold_in"
                ));
            }
        }
        sql
    }

    fn view(&self) -> String {
        let view = qualified(self.spot, &self.plan.name);
        if !self.plan.grouped {
            let names = list(self.plan.outputs.iter().map(|it| ident(it.name())));
            return format!(
                "CREATE VIEW {view} AS SELECT {names} FROM {} WHERE freehold_in",
                self.rows()
            );
        }
        let mut aggregates = 0..;
        let columns = self.plan.outputs.iter().map(|output| {
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
                    "CASE WHEN freehold_c{at} > 0 THEN freehold_s{at}::numeric / freehold_c{at} END"
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
        format!("{}@{}", self.plan.name, self.plan.hash)
    }

    fn statements(&self) -> ReadModelSql {
        let sources = 0..self.plan.sources.len();
        let mut remake = Vec::new();
        if self.plan.grouped {
            remake.push(self.take_away());
        }
        remake.extend([self.remove(), self.insert()]);
        if self.plan.grouped {
            remake.extend([self.add(), self.forget_empty(), self.probe()]);
        }
        ReadModelSql {
            version: self.version(),
            touched: sources
                .clone()
                .map(|source| self.touched(source, false))
                .collect(),
            touched_after: sources
                .clone()
                .map(|source| self.touched(source, true))
                .collect(),
            all: self.all(false),
            all_after: self.all(true),
            remake,
            sources: sources
                .map(|at| (at, self.plan.sources[at].table.clone()))
                .collect(),
        }
    }

    /// Rows of a copy out of a JSON array: the server itself makes values of its columns' types.
    fn input(&self, source: usize, argument: usize) -> String {
        format!(
            "pg_catalog.jsonb_populate_recordset(NULL::{}, ${argument}::jsonb)",
            self.copy(source)
        )
    }

    /// `(a, b) > (…)` of the key in an argument.
    fn behind(&self, columns: &[String], argument: usize) -> String {
        let key = &self.plan.sources[0].key;
        let values = key.iter().map(|column| {
            format!(
                "(SELECT c.{} FROM pg_catalog.jsonb_populate_record(NULL::{}, ${argument}::jsonb) AS c)",
                ident(column),
                self.copy(0)
            )
        });
        format!("({}) > ({})", list(columns.iter().cloned()), list(values))
    }

    fn as_json(&self, columns: &[String]) -> String {
        let pairs = self.plan.sources[0].key.iter().zip(columns);
        let pairs = pairs.map(|(name, column)| format!("{}, {column}", literal(name)));
        format!("pg_catalog.jsonb_build_object({})::text", list(pairs))
    }

    fn touched(&self, source: usize, after: bool) -> String {
        let it = &self.plan.sources[source];
        let driving = self.driving();
        let input = format!(
            "input AS MATERIALIZED (SELECT {} FROM {})",
            list(it.key.iter().map(|c| ident(c))),
            self.input(source, 1)
        );
        let key = it.key.iter().enumerate();
        let was =
            all(key
                .map(|(at, column)| format!("r.{} = i.{}", key_column(source, at), ident(column))));
        let is = all(it
            .key
            .iter()
            .map(|column| format!("{} = i.{}", of(&it.alias, column), ident(column))));
        let paired = self.plan.sources[0].key.iter().zip(&driving);
        let now = list(paired.map(|(column, name)| {
            format!("{} AS {name}", of(&self.plan.sources[0].alias, column))
        }));
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
            self.from(&self.plan.path(source), false),
            self.as_json(&driving),
        )
    }

    fn all(&self, after: bool) -> String {
        let driving = self.driving();
        let names = list(driving.iter().cloned());
        let key: Vec<String> = self.plan.sources[0]
            .key
            .iter()
            .map(|it| ident(it))
            .collect();
        let behind = |columns: &[String]| {
            if after {
                format!(" WHERE {}", self.behind(columns, 1))
            } else {
                String::new()
            }
        };
        let (of_copy, of_rows) = (behind(&key), behind(&driving));
        let paired = list(
            key.iter()
                .zip(&driving)
                .map(|(column, name)| format!("{column} AS {name}")),
        );
        let ordered = list(key.iter().cloned());
        format!(
            "SELECT {} FROM ((SELECT {paired} FROM {}{of_copy} ORDER BY {ordered} LIMIT {READ_MODEL_PAGE})
 UNION (SELECT DISTINCT {names} FROM {}{of_rows} ORDER BY {names} LIMIT {READ_MODEL_PAGE})) AS keys ORDER BY {names} LIMIT {READ_MODEL_PAGE}",
            self.as_json(&driving),
            self.copy(0),
            self.rows(),
        )
    }

    /// The keys that are made anew, each once.
    fn keys(&self) -> String {
        let key = list(self.plan.sources[0].key.iter().map(|it| ident(it)));
        format!(
            "keys AS MATERIALIZED (SELECT DISTINCT {key} FROM {})",
            self.input(0, 1)
        )
    }

    fn of_keys(&self) -> String {
        let pairs = self.plan.sources[0].key.iter().zip(self.driving());
        all(pairs.map(|(column, own)| format!("r.{own} = k.{}", ident(column))))
    }

    fn remove(&self) -> String {
        format!(
            "WITH {} DELETE FROM {} AS r USING keys k WHERE {}",
            self.keys(),
            self.rows(),
            self.of_keys()
        )
    }

    fn insert(&self) -> String {
        let columns = self.columns();
        let it = &self.plan.sources[0];
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
        let by = ["freehold_group".to_owned()]
            .into_iter()
            .chain(self.plan.values().map(|(name, _)| ident(name)));
        let by = list(by.map(|name| format!("r.{name}")));
        let sql = format!(
            "SELECT {by}, {} FROM {} AS r JOIN keys k ON {} WHERE r.freehold_in GROUP BY {by}",
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
            "WITH {}, d AS ({sums}) UPDATE {} AS g SET {set}, freehold_touched = true FROM d WHERE g.freehold_group = d.freehold_group",
            self.keys(),
            self.groups()
        )
    }

    fn add(&self) -> String {
        let (columns, sums) = self.sums();
        let set = list(
            columns
                .iter()
                .map(|it| format!("{it} = g.{it} + EXCLUDED.{it}")),
        );
        let by = ["freehold_group".to_owned()]
            .into_iter()
            .chain(self.plan.values().map(|(name, _)| ident(name)));
        let names = list(by.chain(columns));
        format!(
            "WITH {}, d AS ({sums}) INSERT INTO {} AS g ({names}, freehold_touched) SELECT {names}, true FROM d
 ON CONFLICT (freehold_group) DO UPDATE SET {set}, freehold_touched = true",
            self.keys(),
            self.groups()
        )
    }

    fn forget_empty(&self) -> String {
        format!(
            "DELETE FROM {} WHERE freehold_touched AND freehold_n = 0 AND $1::text <> ''",
            self.groups()
        )
    }

    /// The smallest and largest of each group that was touched, by one look into an index.
    fn probe(&self) -> String {
        let mut set = vec!["freehold_touched = false".to_owned()];
        for (at, aggregate, _) in self.valued() {
            let order = match aggregate.function {
                Function::Min => "",
                Function::Max => " DESC",
                _ => continue,
            };
            set.push(format!(
                "freehold_m{at} = (SELECT r.freehold_a{at} FROM {} AS r WHERE r.freehold_group = g.freehold_group
 AND r.freehold_in AND r.freehold_a{at} IS NOT NULL ORDER BY r.freehold_a{at}{order} LIMIT 1)",
                self.rows()
            ));
        }
        format!(
            "UPDATE {} AS g SET {} WHERE freehold_touched AND $1::text <> ''",
            self.groups(),
            list(set)
        )
    }
}
