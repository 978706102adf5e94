//! Which pending statements keep others from a table that is in use, and how large that table is.
//!
//! What a statement does is asked of `freehold_sql`, the size of the live catalog. A table that is
//! not there yet is nobody's.

use freehold_engine::Value;
use freehold_model::Place;
use freehold_sql::{Effect, impacts, quote_literal};
use serde::Serialize;

use crate::Result;
use crate::plan::View;
use crate::reach::Reach;
use crate::rows::quote;

/// Rows of a file are counted up to here.
const COUNTED: i64 = 1_000_000;

/// A statement that others will notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caution {
    /// `0003_status`
    pub migration: String,
    /// The statement, counted from 1.
    pub statement: usize,
    /// Where it stands.
    pub place: Place,
    /// The table.
    pub table: String,
    /// `blocks_writes`, `blocks_all`, `rewrites`.
    pub effect: String,
    /// Which part of the statement.
    pub because: String,
    /// The usual way around it; may be empty.
    pub instead: String,
    /// Rows, by the server's own estimate where it has one. `None`: not known.
    pub rows: Option<i64>,
    /// With its indexes. `None`: not known.
    pub bytes: Option<i64>,
}

/// Of what is pending in one store.
pub(crate) async fn cautions(reach: &mut Reach<'_>, view: &View<'_>) -> Result<Vec<Caution>> {
    let target = reach.target;
    let mut cautions: Vec<Caution> = Vec::new();
    for (script, entry) in &view.pending.up {
        let done = entry.as_ref().map_or(0, |entry| entry.progress);
        for (at, line) in script.up.iter().enumerate().skip(done) {
            for impact in impacts(target.engine.dialect(), &line.sql) {
                let table = impact.table.name;
                let there = view.live.tables.get(&table);
                let seen = cautions.iter().any(|it| {
                    (it.migration == script.id && it.statement == at + 1 && it.table == table)
                        && it.because == impact.because
                });
                if there.is_none() || seen {
                    continue;
                }
                let (rows, bytes) = size(reach, &table).await?;
                cautions.push(Caution {
                    migration: script.id.clone(),
                    statement: at + 1,
                    place: line.place.clone(),
                    table,
                    effect: word(impact.effect).to_owned(),
                    because: impact.because.to_owned(),
                    instead: impact.instead.to_owned(),
                    rows,
                    bytes,
                });
            }
        }
    }
    Ok(cautions)
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::BlocksWrites => "blocks_writes",
        Effect::BlocksAll => "blocks_all",
        Effect::Rewrites => "rewrites",
    }
}

/// Rows, by the server's own estimate where it has one, and bytes with indexes.
pub(crate) async fn size(reach: &mut Reach<'_>, table: &str) -> Result<(Option<i64>, Option<i64>)> {
    let target = reach.target;
    let spot = &target.want.spot;
    let literal = |text: &str| quote_literal(target.engine.dialect(), text).unwrap_or_default();
    let sql = match target.engine.info().table_size {
        Some(sql) => sql
            .replace("{database}", &literal(&spot.database))
            .replace("{schema}", &literal(&spot.schema))
            .replace("{table}", &literal(table)),
        None => format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {COUNTED}) AS counted",
            quote(target, table)?
        ),
    };
    let rows = reach.read(&sql).await?;
    let rows =
        rows.map_err(|error| reach.fault(&error.during(format!("read the size of {table}"))))?;
    let number = |at: usize| {
        rows.first()
            .and_then(|row| row.get(at))
            .and_then(Value::whole)
    };
    Ok((number(0), number(1)))
}
