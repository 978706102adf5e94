//! Read models on SQLite: their tables and the view that the program reads, made in one
//! transaction. What stands in them and the statements that keep it are [`freehold_readmodel`]'s;
//! how they are said here is in `wording.rs`.

mod wording;

use std::collections::BTreeMap;

use freehold_engine::{At, Change, Live, ReadModelSql, Step, Subject, Want, WorkSql};
use freehold_readmodel::Kept;

use wording::{Here, ident, literal};

const WORK: &str = "freehold_read_work";

fn models(want: &Want) -> impl Iterator<Item = Kept<'_>> {
    let plans = want.plane.read_models.values();
    plans.map(|plan| Kept { plan, words: &Here })
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
    let wanted: Vec<String> = models(want).map(|it| it.table_name("m")).collect();
    let rows = live
        .tables
        .keys()
        .filter(|it| it.starts_with("freehold_rm_"));
    let mut old: Vec<&String> = rows.filter(|it| !wanted.contains(it)).collect();
    for model in models(want) {
        let mut sources = model.plan.sources.iter();
        let made = live.has_table(&model.table_name("m"));
        if made || !sources.all(|source| live.has_table(&source.table)) {
            continue;
        }
        let (before, rest): (Vec<&String>, Vec<&String>) = old
            .into_iter()
            .partition(|it| name_of(it) == model.plan.name);
        old = rest;
        let (change, note) = if before.is_empty() {
            (
                Change::Add,
                "rows of a join over copies, kept by the sidecar",
            )
        } else {
            (Change::Change, "built anew beside what is read until then")
        };
        let mut step = Step::new(change, Subject::Plane, At::Store, &model.plan.name, note);
        for sql in definition(&model) {
            step = step.run(sql);
        }
        step = step
            .run(format!("DROP VIEW IF EXISTS {}", ident(&model.plan.name)))
            .run(format!(
                "CREATE VIEW {} AS {}",
                ident(&model.plan.name),
                model.view_select()
            ));
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

/// The statements that make its tables, with what should stand in them.
fn definition(model: &Kept<'_>) -> Vec<String> {
    let (rows, name) = (model.rows(), model.table_name("m"));
    let mut sql = vec![format!("CREATE TABLE {rows} AS {}", model.select())];
    let indexes = model.indexes().into_iter();
    sql.extend(indexes.map(|(end, columns, which)| {
        let which = which.map_or(String::new(), |which| format!(" WHERE {which}"));
        let name = ident(&format!("{name}_{end}"));
        format!("CREATE INDEX {name} ON {rows} ({columns}){which}")
    }));
    let joined = model.join_indexes().into_iter();
    sql.extend(joined.map(|(name, source, column)| {
        let (name, copy, column) = (ident(&name), model.copy(source), ident(column));
        format!("CREATE INDEX IF NOT EXISTS {name} ON {copy} ({column})")
    }));
    if model.plan.grouped {
        let groups = model.groups();
        let name = ident(&format!("{}_touched", model.table_name("g")));
        sql.extend([
            group_definition(model),
            model.fill_groups(),
            format!(
                "CREATE INDEX {name} ON {groups} (freehold_touched) WHERE freehold_touched = 1"
            ),
        ]);
    }
    sql.push(format!(
        "INSERT INTO {WORK} (model, source, rows) VALUES ({}, -1, '')",
        literal(&model.version())
    ));
    sql
}

fn group_definition(model: &Kept<'_>) -> String {
    let mut columns = model.group_by();
    columns[0].push_str(" TEXT NOT NULL PRIMARY KEY");
    columns.extend(model.group_columns().into_iter().map(|(name, _)| {
        match name.strip_prefix("freehold_") {
            Some(own) if own.starts_with('m') => name,
            // What was added in one order and taken away in another is not the same number.
            Some(own) if own.starts_with('s') => {
                format!("{name} NOT NULL CHECK (typeof({name}) = 'integer')")
            }
            _ => format!("{name} INTEGER NOT NULL"),
        }
    }));
    format!("CREATE TABLE {} ({})", model.groups(), columns.join(", "))
}

/// The statements of all models.
pub(crate) fn statements(want: &Want) -> BTreeMap<String, ReadModelSql> {
    let of = |model: Kept<'_>| (model.plan.name.clone(), model.statements());
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
