//! Read models on PostgreSQL: their tables and the view that the program reads, made in one
//! transaction. What stands in them and the statements that keep it are [`freehold_readmodel`]'s;
//! how they are said here is in `wording.rs`.

mod wording;

use std::collections::BTreeMap;

use freehold_engine::{At, Change, ReadModelSql, Spot, Step, Subject, Want, WorkSql};
use freehold_readmodel::Kept;

use crate::case::Case;
use crate::names::{ident, literal, qualified};
use wording::Here;

/// The table of what is still to be done.
pub(crate) const WORK: &str =
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, model text COLLATE \"C\" NOT NULL,
  source integer NOT NULL, rows text NOT NULL, cursor text NOT NULL DEFAULT ''";

/// All models of this store.
fn models<'a>(want: &'a Want, here: &'a Here<'a>) -> impl Iterator<Item = Kept<'a>> {
    let plans = want.plane.read_models.values();
    plans.map(move |plan| Kept { plan, words: here })
}

/// Names of the models' own tables.
pub(crate) fn tables(want: &Want) -> Vec<String> {
    let here = Here(&want.spot);
    let of = |model: Kept<'_>| {
        let groups = model.plan.grouped.then(|| model.table_name("g"));
        [Some(model.table_name("m")), groups].into_iter().flatten()
    };
    models(want, &here).flat_map(of).collect()
}

/// Makes what is missing of models whose copies are there, and removes what is of another
/// definition or of none: in one transaction, so that no reader sees a gap.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    let want = case.want;
    let here = Here(&want.spot);
    let wanted = tables(want);
    let prefix = want.spot.own("rm_");
    let rows = case.live.tables.keys().filter(|it| it.starts_with(&prefix));
    let mut old: Vec<&String> = rows.filter(|it| !wanted.contains(it)).collect();
    let mut steps = Vec::new();
    for model in models(want, &here) {
        let mut copies = model.plan.sources.iter();
        let made = case.live.has_table(&model.table_name("m"));
        if made || !copies.all(|source| case.live.has_table(&source.table)) {
            continue;
        }
        let (before, rest) = old
            .into_iter()
            .partition(|it| name_of(&want.spot, it) == Some(&model.plan.name));
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

fn make(case: &Case<'_>, model: &Kept<'_>, before: &[&String]) -> Step {
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
    for sql in definition(model, spot) {
        step = step.run(sql);
    }
    step = step.run(format!(
        "DROP VIEW IF EXISTS {}",
        qualified(spot, &model.plan.name)
    ));
    let view = qualified(spot, &model.plan.name);
    step = step.run(format!("CREATE VIEW {view} AS {}", model.view_select()));
    for rows in before {
        step = drop_tables(step, spot, rows);
    }
    let names = &case.want.identities;
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
    let name = name_of(spot, rows).unwrap_or(rows);
    let mut step = step(case, Change::Remove, name, "not described any more");
    let view = case.live.tables.get(name).is_some_and(|table| table.view);
    if view && !case.want.plane.read_models.contains_key(name) {
        step = step.run(format!("DROP VIEW IF EXISTS {}", qualified(spot, name)));
    }
    drop_tables(step, spot, rows)
}

/// `freehold_rm_1a2b3c4d_order_search` is of `order_search`.
fn name_of<'a>(spot: &Spot, rows: &'a str) -> Option<&'a str> {
    rows.strip_prefix(&spot.own("rm_"))
        .and_then(|rest| rest.get(9..))
}

fn drop_tables(step: Step, spot: &Spot, rows: &str) -> Step {
    let groups = rows.replacen(&spot.own("rm_"), &spot.own("rg_"), 1);
    step.run(format!("DROP TABLE IF EXISTS {}", qualified(spot, &groups)))
        .run(format!("DROP TABLE IF EXISTS {}", qualified(spot, rows)))
}

/// The statements that make its tables, with what should stand in them.
fn definition(model: &Kept<'_>, spot: &Spot) -> Vec<String> {
    let rows = model.rows();
    let mut sql = vec![format!("CREATE TABLE {rows} AS {}", model.select())];
    let indexes = model.indexes().into_iter();
    sql.extend(indexes.map(|(_, columns, which)| {
        let which = which.map_or(String::new(), |which| format!(" WHERE {which}"));
        format!("CREATE INDEX ON {rows} ({columns}){which}")
    }));
    let joined = model.join_indexes().into_iter();
    sql.extend(joined.map(|(name, source, column)| {
        let name = ident(&freehold_model::fit(&name, 63));
        let (copy, column) = (model.copy(source), ident(column));
        format!("CREATE INDEX IF NOT EXISTS {name} ON {copy} ({column})")
    }));
    if model.plan.grouped {
        sql.extend(group_definition(model));
    }
    sql.push(format!(
        "INSERT INTO {} (model, source, rows) VALUES ({}, -1, '')",
        qualified(spot, &spot.own("read_work")),
        literal(&model.version())
    ));
    sql
}

fn group_definition(model: &Kept<'_>) -> Vec<String> {
    let groups = model.groups();
    vec![
        format!(
            "CREATE TABLE {groups} WITH (fillfactor = 70) AS {}",
            model.group_select()
        ),
        format!("ALTER TABLE {groups} ADD PRIMARY KEY (freehold_group)"),
        format!("CREATE INDEX ON {groups} (freehold_touched) WHERE freehold_touched"),
        // What was added in one order and taken away in another is not the same number.
        format!(
            "DO $freehold$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {}::regclass AND attname ~ '^freehold_s[0-9]' AND atttypid IN (700, 701)) THEN
 RAISE EXCEPTION 'read model {}: a sum or avg of floating-point numbers cannot be kept: cast to numeric'; END IF; END $freehold$",
            literal(&groups),
            model.plan.name
        ),
    ]
}

/// The statements of all models.
pub(crate) fn statements(want: &Want) -> BTreeMap<String, ReadModelSql> {
    let here = Here(&want.spot);
    let of = |model: Kept<'_>| (model.plan.name.clone(), model.statements());
    models(want, &here).map(of).collect()
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
