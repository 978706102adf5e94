//! Read models on `MariaDB` and `MySQL`: their tables and the view that the program reads. What
//! stands in them and the statements that keep it are [`freehold_readmodel`]'s; how they are said
//! here is in `wording.rs`.
//!
//! Each statement about a table commits for itself. So a table that says "being built" stands there
//! from the first one to the last: what is found beside it is made again from the beginning. The
//! view is replaced in one step once everything behind it is filled, and what it showed before goes
//! only then.

mod wording;

use std::collections::BTreeMap;

use freehold_engine::{
    At, Change, Grant, Live, Object, Probe, ReadModelSql, Spot, Step, Subject, Want, WorkSql,
};
use freehold_readmodel::{Kept, Wording as _};

use crate::names::{account, accounts_host, ident, literal, object};
use crate::plane::FORM;
use wording::Here;

/// The list of what is still to be done. Its constraint's name is what a definition is told that
/// sums floating-point numbers: what was added in one order and taken away in another is not the
/// same number.
pub(crate) const WORK: (&str, &str) = (
    "read_work",
    "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, model VARCHAR(120) NOT NULL, source INT NOT NULL, `rows` LONGTEXT NOT NULL, \
     `cursor` LONGTEXT NOT NULL DEFAULT (''), CONSTRAINT cast_sums_to_decimal CHECK (source >= -1)",
);

/// All models of this store.
fn models<'a>(want: &'a Want, here: &'a Here<'a>) -> impl Iterator<Item = Kept<'a>> {
    let plans = want.plane.read_models.values();
    plans.map(move |plan| Kept { plan, words: here })
}

/// Names of a model's tables that the sidecar writes, its rows first.
fn written(model: &Kept<'_>) -> Vec<String> {
    let groups = model.plan.grouped.then(|| "g".to_owned());
    let laid = (0..model.plan.sources.len()).map(|source| source.to_string());
    let all = ["m".to_owned(), "k".to_owned(), "c".to_owned()];
    let all = all.into_iter().chain(groups).chain(laid);
    all.map(|what| model.table_name(&what)).collect()
}

/// The name of the table that stands there while the others are built.
fn building(model: &Kept<'_>) -> String {
    model.table_name("b")
}

/// `freehold_rm_1a2b3c4d_order_search` is of `order_search`: what it is for, of which form, of whom.
fn parts<'a>(spot: &Spot, table: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
    let (what, rest) = table.strip_prefix(&spot.own("r"))?.split_once('_')?;
    let (hash, name) = (rest.get(..8)?, rest.get(9..)?);
    let hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (what.len() == 1 && hex && rest.as_bytes()[8] == b'_').then_some((what, hash, name))
}

/// Can it be made now, or is it there?
fn copies_are_there(model: &Kept<'_>, live: &Live) -> bool {
    let mut sources = model.plan.sources.iter();
    sources.all(|source| live.has_table(&source.table))
}

/// Tables of other forms of this model.
fn before<'a>(spot: &Spot, model: &Kept<'_>, live: &'a Live) -> Vec<&'a String> {
    let tables = live.tables.keys();
    let other = |table: &&String| {
        let of = parts(spot, table);
        of.is_some_and(|(_, hash, name)| name == model.plan.name && hash != model.plan.hash)
    };
    tables.filter(other).collect()
}

/// Makes what is missing of models whose copies are there, and removes what is of another
/// definition or of none.
pub(crate) fn steps(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    let here = Here(&want.spot);
    let mut steps = Vec::new();
    for model in models(want, &here).filter(|it| copies_are_there(it, live)) {
        let old = before(&want.spot, &model, live);
        let built = live.has_table(&model.table_name("m")) && !live.has_table(&building(&model));
        if built && old.is_empty() && live.has_table(&model.plan.name) {
            continue;
        }
        let (change, note) = if old.is_empty() {
            (
                Change::Add,
                "rows of a join over copies, kept by the sidecar",
            )
        } else {
            (Change::Change, "built anew beside what is read until then")
        };
        let name = &model.plan.name;
        let mut step = Step::new(change, Subject::Plane, At::Server, name, note).not_atomic();
        if !built {
            step = build(&want.spot, &here, &model)
                .into_iter()
                .fold(step, Step::run);
        }
        step = step.run(view(probe, want, &model));
        steps.push(drop_tables(step, &want.spot, &old));
    }
    steps.extend(removals(want, live));
    steps
}

/// The model's tables, empty, then all that is in them in one transaction; whoever keeps read
/// models waits for its end.
fn build(spot: &Spot, here: &Here<'_>, model: &Kept<'_>) -> Vec<String> {
    let own = |name: &str| object(&spot.database, &spot.own(name));
    let marker = object(&spot.database, &building(model));
    let mut sql = vec![format!(
        "CREATE TABLE IF NOT EXISTS {marker} (one INT NOT NULL PRIMARY KEY) {FORM}"
    )];
    let tables = written(model).into_iter();
    sql.extend(tables.map(|table| {
        let table = object(&spot.database, &table);
        format!("DROP TABLE IF EXISTS {table}")
    }));
    sql.push(rows_table(model));
    if model.plan.grouped {
        sql.push(format!(
            "CREATE TABLE {} (freehold_group CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, \
             freehold_touched TINYINT NOT NULL, KEY (freehold_touched)) {FORM} AS {} LIMIT 0",
            model.groups(),
            model.group_select()
        ));
        sql.push(no_floats(spot, model));
    }
    for (source, it) in model.plan.sources.iter().enumerate() {
        let table = here.laid(model, source);
        sql.push(key_table(&table, &model.copy(source), &it.entity));
    }
    for table in [here.keys(model).name, here.cursor(model)] {
        let key = &model.plan.sources[0].key;
        sql.push(key_table(&table, &model.copy(0), key));
    }
    let joined = model.join_indexes().into_iter();
    sql.extend(joined.map(|(name, source, column)| {
        let name = ident(&freehold_model::fit(&name, 64));
        let (copy, column) = (model.copy(source), ident(column));
        format!("CREATE INDEX {name} ON {copy} ({column})")
    }));
    let (work, version) = (own("read_work"), literal(&model.version()));
    let groups = model.plan.grouped.then(|| model.fill_groups());
    sql.push("START TRANSACTION".to_owned());
    sql.push(format!(
        "UPDATE {} SET epoch = epoch WHERE name = 'applier'",
        own("leadership")
    ));
    sql.push(model.fill_rows());
    sql.extend(groups);
    sql.push(format!("DELETE FROM {work} WHERE model = {version}"));
    sql.push(format!(
        "INSERT INTO {work} (model, source, `rows`) VALUES ({version}, -1, '')"
    ));
    sql.push("COMMIT".to_owned());
    sql.push(format!("DROP TABLE {marker}"));
    sql
}

fn rows_table(model: &Kept<'_>) -> String {
    let group = if model.plan.grouped {
        "freehold_group CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
    } else {
        ""
    };
    let indexes = model.indexes().into_iter();
    let indexes: Vec<String> = indexes
        .map(|(_, columns, _)| format!("KEY ({columns})"))
        .collect();
    format!(
        "CREATE TABLE {} (freehold_row BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, {group}{}) {FORM} AS {} LIMIT 0",
        model.rows(),
        indexes.join(", "),
        model.select()
    )
}

/// The copy's own types: what is laid down compares as the copy does.
fn key_table(table: &str, copy: &str, key: &[String]) -> String {
    let key: Vec<String> = key.iter().map(|name| ident(name)).collect();
    let key = key.join(", ");
    format!("CREATE TABLE {table} (PRIMARY KEY ({key})) {FORM} AS SELECT {key} FROM {copy} LIMIT 0")
}

/// Fails by the constraint of the list of work if a sum is kept as a floating-point number.
fn no_floats(spot: &Spot, model: &Kept<'_>) -> String {
    format!(
        "INSERT INTO {} (model, source, `rows`) SELECT {}, -2, '' FROM information_schema.columns \
         WHERE table_schema = {} AND table_name = {} AND column_name LIKE 'freehold\\_s%' AND data_type IN ('float', 'double') LIMIT 1",
        object(&spot.database, &spot.own("read_work")),
        literal(&model.version()),
        literal(&spot.database),
        literal(&model.table_name("g")),
    )
}

fn view(probe: &Probe, want: &Want, model: &Kept<'_>) -> String {
    let definer = account(&want.identities.owner, accounts_host(probe));
    let view = object(&want.spot.database, &model.plan.name);
    format!(
        "CREATE OR REPLACE DEFINER = {definer} SQL SECURITY DEFINER VIEW {view} AS {}",
        model.view_select()
    )
}

fn drop_tables(step: Step, spot: &Spot, tables: &[&String]) -> Step {
    tables.iter().fold(step, |step, table| {
        let table = object(&spot.database, table);
        step.run(format!("DROP TABLE IF EXISTS {table}"))
    })
}

/// What is of no model that is described.
fn removals(want: &Want, live: &Live) -> Vec<Step> {
    let mut gone: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for table in live.tables.keys() {
        if let Some((_, _, name)) = parts(&want.spot, table)
            && !want.plane.read_models.contains_key(name)
        {
            gone.entry(name).or_default().push(table);
        }
    }
    let remove = |(name, tables): (&str, Vec<&String>)| {
        let note = "not described any more";
        let step = Step::new(Change::Remove, Subject::Plane, At::Server, name, note).not_atomic();
        let view = live.tables.get(name).is_some_and(|table| table.view);
        let step = if view {
            let view = object(&want.spot.database, name);
            step.run(format!("DROP VIEW IF EXISTS {view}"))
        } else {
            step
        };
        drop_tables(step, &want.spot, &tables)
    };
    gone.into_iter().map(remove).collect()
}

/// Rights on what is there or is made now.
pub(crate) fn rights(want: &Want, live: &Live) -> Vec<Grant> {
    let (here, names) = (Here(&want.spot), &want.identities);
    let mut grants = Vec::new();
    for model in models(want, &here) {
        let there = live.has_table(&model.table_name("m"));
        if !there && !copies_are_there(&model, live) {
            continue;
        }
        let mut add = |who: &str, table: &str, rights: &[&str]| {
            let on = Object::Table(table.to_owned());
            grants.extend(
                rights
                    .iter()
                    .map(|right| Grant::new(who, on.clone(), right)),
            );
        };
        for table in written(&model) {
            add(
                &names.sidecar,
                &table,
                &["SELECT", "INSERT", "UPDATE", "DELETE"],
            );
            add(&names.backup, &table, &["SELECT"]);
        }
        for login in &names.app.logins {
            add(login, &model.plan.name, &["SELECT"]);
        }
        add(&names.backup, &model.plan.name, &["SELECT", "SHOW VIEW"]);
    }
    grants
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
    let table = object(&want.spot.database, &want.spot.own(WORK.0));
    WorkSql {
        open: format!("SELECT id, model, source, `rows`, `cursor` FROM {table} ORDER BY id"),
        put: format!("INSERT INTO {table} (model, source, `rows`) VALUES (?, ?, ?)"),
        moved: format!(
            "UPDATE (SELECT CAST(? AS SIGNED) AS id, ? AS upto) a STRAIGHT_JOIN {table} w ON w.id = a.id SET w.`cursor` = a.upto"
        ),
        done: format!("DELETE FROM {table} WHERE id = ?"),
        forget_builds: format!("DELETE FROM {table} WHERE model = ? AND source < 0"),
    }
}
