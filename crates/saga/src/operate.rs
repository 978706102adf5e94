//! What operators see of a store's sagas, and how they ask for something: as signals, like everybody
//! else. Nothing here writes an instance.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use freehold_engine::{Connection, Result, SagaSql, TxMode, Value};

use crate::definition::Definition;
use crate::encoding::{Unreadable, decode};
use crate::instance::Instance;
use crate::saga_id::SagaId;
use crate::signal;

/// A saga as its rows show it. Times in milliseconds since 1970 by the store's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub id: String,
    pub definition: String,
    pub key: String,
    /// Of the definition that it runs by; empty: nobody has claimed it yet.
    pub hash: String,
    /// None: not claimed yet.
    pub instance: Option<std::result::Result<Instance, Unreadable>>,
    pub created: u64,
    pub updated: u64,
    pub ended: bool,
}

/// What became of something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub signal: i64,
    pub at: u64,
    pub who: String,
    pub asked: String,
    pub step: Option<String>,
    pub payload: Option<String>,
    pub outcome: String,
}

/// Which sagas are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this name; all without one.
    pub definition: Option<String>,
    pub key: Option<String>,
    /// Also those that have ended.
    pub ended: bool,
    pub most: u32,
}

/// Newest first.
///
/// # Errors
/// The store's.
pub async fn list(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    filter: &Filter,
) -> Result<Vec<Seen>> {
    let args = [
        filter.definition.as_deref().unwrap_or_default().into(),
        filter.key.as_deref().unwrap_or_default().into(),
        Value::I64(filter.most.into()),
        Value::Bool(filter.ended),
    ];
    let rows = connection.query(&sql.list, &args).await?;
    Ok(rows.iter().filter_map(|row| seen(row)).collect())
}

/// One saga.
///
/// # Errors
/// The store's.
pub async fn show(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    id: &str,
) -> Result<Option<Seen>> {
    let rows = connection.query(&sql.show, &[id.into()]).await?;
    Ok(rows.first().and_then(|row| seen(row)))
}

fn seen(row: &[Value]) -> Option<Seen> {
    let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
    let millis = |at: usize| {
        u64::try_from(row.get(at)?.whole()?)
            .ok()
            .map(|it| it / 1000)
    };
    Some(Seen {
        id: text(0)?,
        definition: text(1)?,
        key: text(2)?,
        hash: text(3)?,
        instance: match row.get(4)? {
            Value::Bytes(bytes) => Some(decode(bytes)),
            _ => None,
        },
        created: millis(5)?,
        updated: millis(6)?,
        ended: row.get(7)?.truth()?,
    })
}

/// The definitions that the store keeps, by hash.
///
/// # Errors
/// The store's.
pub async fn definitions(
    connection: &mut dyn Connection,
    sql: &SagaSql,
) -> Result<BTreeMap<String, Definition>> {
    let rows = connection.query(&sql.definitions, &[]).await?;
    let read = |row: &Vec<Value>| {
        let loaded = crate::read(row.get(2)?.text()?, Path::new("the store's definition"));
        Some((row.first()?.text()?.to_owned(), loaded.ok()?.definition))
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// What somebody asks of a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub saga: String,
    /// `cancel`, `approve`, `retry` …
    pub what: String,
    pub step: Option<String>,
    /// The version that was seen.
    pub seen: Option<u64>,
    /// JSON text.
    pub payload: Option<String>,
    pub who: String,
}

/// Asks, and waits for nothing.
///
/// # Errors
/// The store's.
pub async fn put(connection: &mut dyn Connection, sql: &SagaSql, asked: &Asked) -> Result<()> {
    let args = [
        asked.saga.as_str().into(),
        asked.what.as_str().into(),
        asked.step.clone().into(),
        asked
            .seen
            .and_then(|seen| i64::try_from(seen).ok())
            .map_or(Value::Null, Value::I64),
        asked.payload.clone().into(),
        asked.who.as_str().into(),
    ];
    connection.begin(TxMode::Durable).await?;
    connection.run(&sql.signal_put, &args).await?;
    connection.commit().await.done()
}

/// Asks, and waits so long for what becomes of it. `None`: nobody has taken it yet; it stays.
///
/// # Errors
/// The store's.
pub async fn ask(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    asked: &Asked,
    patience: Duration,
) -> Result<Option<Noted>> {
    let before = notes(connection, sql, &asked.saga).await?;
    let last = before.iter().map(|note| note.signal).max().unwrap_or(0);
    put(connection, sql, asked).await?;
    let until = Instant::now() + patience;
    loop {
        let notes = notes(connection, sql, &asked.saga).await?;
        let mine =
            |note: &Noted| note.signal > last && note.who == asked.who && note.asked == asked.what;
        if let Some(note) = notes.into_iter().find(mine) {
            return Ok(Some(note));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks of the saga as it is now, and again where it moved before it could be taken: for whoever has no
/// version in mind. A saga whose step is sent again and again moves several times a second.
///
/// # Errors
/// The store's.
pub async fn ask_now(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    asked: &Asked,
    patience: Duration,
) -> Result<Option<Noted>> {
    let until = Instant::now() + patience;
    loop {
        let now = match show(connection, sql, &asked.saga).await? {
            Some(Seen {
                instance: Some(Ok(instance)),
                ..
            }) => Some(instance.state.version),
            _ => None,
        };
        let own = Asked {
            seen: now,
            ..asked.clone()
        };
        let left = until.saturating_duration_since(Instant::now());
        match ask(connection, sql, &own, left).await? {
            Some(noted) if noted.outcome == signal::MOVED && Instant::now() < until => {}
            noted => return Ok(noted),
        }
    }
}

/// The audit trail of a saga, oldest first.
///
/// # Errors
/// The store's.
pub async fn notes(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    saga: &str,
) -> Result<Vec<Noted>> {
    let rows = connection.query(&sql.actions, &[saga.into()]).await?;
    let read = |row: &Vec<Value>| {
        let text = |at: usize| row.get(at).and_then(Value::text).map(str::to_owned);
        Some(Noted {
            signal: row.first()?.whole()?,
            at: u64::try_from(row.get(1)?.whole()?).ok()? / 1000,
            who: text(2)?,
            asked: text(3)?,
            step: text(4),
            payload: text(5),
            outcome: text(6)?,
        })
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Lock keys that a saga holds.
///
/// # Errors
/// The store's.
pub async fn locks(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    saga: &str,
) -> Result<Vec<String>> {
    let rows = connection.query(&sql.locks_of, &[saga.into()]).await?;
    let key = |row: &Vec<Value>| Some(row.first()?.text()?.to_owned());
    Ok(rows.iter().filter_map(key).collect())
}

/// Starts a saga by its business key. False: the key has one already.
///
/// # Errors
/// The store's; `Unique` where another saga holds one of its locks.
pub async fn start(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    definition: &str,
    key: &str,
    input: &str,
    locks: &[String],
) -> Result<bool> {
    let locks = serde_json::to_string(locks).unwrap_or_else(|_| "[]".to_owned());
    let args = [definition.into(), key.into(), input.into(), locks.into()];
    connection.begin(TxMode::Durable).await?;
    let started = connection.run(&sql.start_put, &args).await?;
    connection.commit().await.done()?;
    Ok(started == 1)
}

/// Says that the store was restored: what is open in it is doubted by the next who leads.
///
/// # Errors
/// The store's.
pub async fn restored(connection: &mut dyn Connection, sql: &SagaSql) -> Result<()> {
    let token = SagaId::random().to_string();
    connection.begin(TxMode::Durable).await?;
    connection.run(&sql.new_life, &[token.into()]).await?;
    connection.commit().await.done()
}

/// A row of a participant's barrier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BarrierRow {
    pub saga: String,
    pub step: String,
    pub generation: i64,
    pub kind: String,
    pub ran: String,
}

/// What a participant has of a caller's sagas.
///
/// # Errors
/// The store's.
pub async fn barrier_rows(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    caller: &str,
    most: u32,
) -> Result<Vec<BarrierRow>> {
    let args = [caller.into(), Value::I64(most.into())];
    let rows = connection.query(&sql.barrier.all, &args).await?;
    let read = |row: &Vec<Value>| {
        let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
        Some(BarrierRow {
            saga: text(1)?,
            step: text(2)?,
            generation: row.get(3)?.whole()?,
            kind: text(4)?,
            ran: text(5)?,
        })
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Which of these sagas the store knows.
///
/// # Errors
/// The store's.
pub async fn known(
    connection: &mut dyn Connection,
    sql: &SagaSql,
    sagas: &[String],
) -> Result<Vec<String>> {
    let ids = serde_json::to_string(sagas).unwrap_or_else(|_| "[]".to_owned());
    let rows = connection.query(&sql.starts_known, &[ids.into()]).await?;
    let id = |row: &Vec<Value>| Some(row.first()?.text()?.to_owned());
    Ok(rows.iter().filter_map(id).collect())
}
