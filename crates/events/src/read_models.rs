//! Keeping read models: in the transaction that changes copies, the rows that stand on what changed
//! are made anew. By keys of the driving source: those that the model's own rows name beside what
//! changed (as it was) and those that the copies join it with now.
//!
//! What touches more than a transaction should do, and a first build, is written down and done in
//! chunks; until then the model is catching up. Everything is done under the applier's lock: two who
//! write at once would each miss the other's row, and the joined one would be lost for ever.

use std::collections::{BTreeMap, BTreeSet};

use freehold_bookkeeping::Epoch;
use freehold_engine::{READ_MODEL_PAGE, ReadModelSql, Value};

use crate::applier::APPLIER;
use crate::copy::Changes;
use crate::error::{Error, Result};
use crate::ground::Ground;

/// Something that is still to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    id: i64,
    /// `order_search@1a2b3c4d`.
    pub version: String,
    /// `None`: everything is to be made.
    source: Option<usize>,
    rows: String,
    cursor: String,
}

impl Work {
    /// The read model's name.
    pub fn model(&self) -> &str {
        self.version.split_once('@').map_or("", |it| it.0)
    }
}

/// The first statement of a transaction that changes copies, or does some of the work.
///
/// # Errors
/// Somebody else leads; the store's.
pub async fn lock(ground: &mut Ground, epoch: Epoch) -> Result<()> {
    if ground.sql.read_models.is_empty() {
        return ground.fence(APPLIER, epoch).await;
    }
    let sql = ground.sql.lead_lock.clone();
    let args = [APPLIER.into(), Value::I64(epoch.0)];
    let rows = ground.connection.query(&sql, &args).await?;
    if rows.is_empty() {
        return Err(Error::Lost);
    }
    Ok(())
}

/// What of a copy changed: entities as a JSON array, each with the whole key of its row, or with the
/// part of it that several rows share.
struct Touched {
    rows: String,
    whole: bool,
}

/// Changes copies and makes anew what stands on them, in the open transaction. True: some of it was
/// left for [`work_some`].
///
/// # Errors
/// The store's.
pub async fn change(ground: &mut Ground, changes: BTreeMap<String, Changes>) -> Result<bool> {
    let mut touched = BTreeMap::new();
    for (table, changes) in changes {
        let models = ground.sql.read_models.values();
        if models
            .flat_map(|it| it.sources.values())
            .any(|it| *it == table)
        {
            let copy = ground.want.plane.copies.get(&table);
            let entity = copy.map(|copy| copy.entity().to_vec()).unwrap_or_default();
            let rows = changes.keys_json(&entity);
            let whole = copy.is_some_and(|copy| copy.several.is_none());
            touched.insert(table.clone(), Touched { rows, whole });
        }
        let (puts, deletes) = changes.json();
        let of = |by_table: &BTreeMap<String, Vec<String>>| {
            by_table.get(&table).cloned().unwrap_or_default()
        };
        let (put, delete) = (of(&ground.sql.copy_put), of(&ground.sql.copy_delete));
        ground.change_copy(&put, &puts).await?;
        ground.change_copy(&delete, &deletes).await?;
    }
    let models: Vec<String> = ground.sql.read_models.keys().cloned().collect();
    let mut left = false;
    for name in models.iter().filter(|_| !touched.is_empty()) {
        let model = ground.sql.read_models[name].clone();
        left |= keep(ground, &model, &touched).await?;
    }
    Ok(left)
}

/// Makes anew the rows of one model that stand on these rows of copies.
async fn keep(
    ground: &mut Ground,
    model: &ReadModelSql,
    touched: &BTreeMap<String, Touched>,
) -> Result<bool> {
    let mut keys = BTreeSet::new();
    let mut left = false;
    for (source, table) in &model.sources {
        let Some(Touched { rows, whole }) = touched.get(table) else {
            continue;
        };
        if *source == 0 && *whole && model.typed {
            let own: Vec<serde_json::Value> = serde_json::from_str(rows).unwrap_or_default();
            keys.extend(own.iter().map(ToString::to_string));
            continue;
        }
        let args = lay(ground, model, *source, rows).await?;
        let found = read_keys(ground, &model.touched[*source], &args).await?;
        if found.len() < READ_MODEL_PAGE {
            keys.extend(found);
            continue;
        }
        let source = i64::try_from(*source).unwrap_or_default();
        put_work(ground, &model.version, source, rows).await?;
        left = true;
    }
    remake(ground, model, &keys).await?;
    Ok(left)
}

async fn read_keys(ground: &mut Ground, sql: &str, args: &[Value]) -> Result<Vec<String>> {
    let rows = ground.connection.query(sql, args).await?;
    let keys = rows.iter().map(|row| Some(row.first()?.text()?.to_owned()));
    keys.collect::<Option<_>>()
        .ok_or(Error::Unreadable("a read model's keys"))
}

async fn remake(ground: &mut Ground, model: &ReadModelSql, keys: &BTreeSet<String>) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let keys = format!("[{}]", keys.join(","));
    for sql in &model.lay_keys {
        ground.connection.run(sql, &[keys.as_str().into()]).await?;
    }
    let laid = !model.lay_keys.is_empty();
    let args: Vec<Value> = if laid { Vec::new() } else { vec![keys.into()] };
    for sql in &model.remake {
        ground.connection.run(sql, &args).await?;
    }
    Ok(())
}

/// What tells a statement of these rows of a source: an argument, or nothing after they were laid
/// down.
async fn lay(
    ground: &mut Ground,
    model: &ReadModelSql,
    source: usize,
    rows: &str,
) -> Result<Vec<Value>> {
    if model.lay.is_empty() {
        return Ok(vec![rows.into()]);
    }
    for sql in &model.lay[source] {
        ground.connection.run(sql, &[rows.into()]).await?;
    }
    Ok(Vec::new())
}

/// The same of the key behind which to begin.
async fn lay_cursor(ground: &mut Ground, model: &ReadModelSql, key: &str) -> Result<Vec<Value>> {
    if model.lay_cursor.is_empty() {
        return Ok(vec![key.into()]);
    }
    for sql in &model.lay_cursor {
        let only = format!("[{key}]");
        ground.connection.run(sql, &[only.as_str().into()]).await?;
    }
    Ok(Vec::new())
}

async fn put_work(ground: &mut Ground, version: &str, source: i64, rows: &str) -> Result<()> {
    let sql = ground.sql.read_work.put.clone();
    let args = [version.into(), Value::I64(source), rows.into()];
    ground.connection.run(&sql, &args).await?;
    Ok(())
}

/// Writes down, in the open transaction, that all models that read this copy are to be made anew.
pub(crate) async fn rebuild(ground: &mut Ground, table: &str) -> Result<()> {
    let models = ground.sql.read_models.values();
    let reading = models.filter(|it| it.sources.values().any(|copy| copy == table));
    let versions: Vec<String> = reading.map(|it| it.version.clone()).collect();
    for version in versions {
        let sql = ground.sql.read_work.forget_builds.clone();
        ground
            .connection
            .run(&sql, &[version.as_str().into()])
            .await?;
        put_work(ground, &version, -1, "").await?;
    }
    Ok(())
}

/// What is still to be done, oldest first. Models that have nothing here are as current as their
/// copies.
///
/// # Errors
/// The store's.
pub async fn work(ground: &mut Ground) -> Result<Vec<Work>> {
    if ground.sql.read_models.is_empty() {
        return Ok(Vec::new());
    }
    let sql = ground.sql.read_work.open.clone();
    let rows = ground.connection.query(&sql, &[]).await?;
    let read = rows.iter().map(|row| {
        let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
        Some(Work {
            id: row.first()?.int()?,
            version: text(1)?,
            source: usize::try_from(row.get(2)?.int()?).ok(),
            rows: text(3)?,
            cursor: text(4)?,
        })
    });
    read.collect::<Option<_>>()
        .ok_or(Error::Unreadable("freehold_read_work"))
}

/// Does one chunk of this, in the open transaction that was locked.
///
/// # Errors
/// The store's.
pub async fn work_some(ground: &mut Ground, work: &Work) -> Result<()> {
    let models = ground.sql.read_models.values();
    let model = models
        .clone()
        .find(|it| it.version == work.version)
        .cloned();
    let mut ended = true;
    if let Some(model) = model {
        let cursor = (!work.cursor.is_empty()).then_some(&work.cursor);
        let mut args = Vec::new();
        let sql = match (work.source, cursor) {
            (None, None) => &model.all,
            (None, Some(_)) => &model.all_after,
            (Some(source), None) => &model.touched[source],
            (Some(source), Some(_)) => &model.touched_after[source],
        };
        if let Some(source) = work.source {
            args.extend(lay(ground, &model, source, &work.rows).await?);
        }
        if let Some(cursor) = cursor {
            args.extend(lay_cursor(ground, &model, cursor).await?);
        }
        let keys = read_keys(ground, sql, &args).await?;
        ended = keys.len() < READ_MODEL_PAGE;
        if let (false, Some(last)) = (ended, keys.last()) {
            let sql = ground.sql.read_work.moved.clone();
            let args = [Value::I64(work.id), last.as_str().into()];
            ground.connection.run(&sql, &args).await?;
        }
        remake(ground, &model, &keys.into_iter().collect()).await?;
    }
    // What nobody describes any more is not kept up, either.
    if ended {
        let sql = ground.sql.read_work.done.clone();
        ground.connection.run(&sql, &[Value::I64(work.id)]).await?;
    }
    Ok(())
}
