//! MySQL and MariaDB.

use freehold::Event;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Pool, Transaction, TxOpts};

use super::{Error, Result, Row, Value};

/// A unique key has this value already.
const ALREADY_THERE: u16 = 1062;

pub(super) fn pool(url: &str) -> Result<Pool> {
    Pool::from_url(url).map_err(|error| Error::new(error, false))
}

pub(super) async fn begin(pool: &Pool) -> Result<Transaction<'static>> {
    pool.start_transaction(TxOpts::default()).await.map_err(of)
}

pub(super) async fn query(
    tx: &mut Transaction<'static>,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>> {
    let rows: Vec<mysql_async::Row> = tx.exec(sql, given(values)).await.map_err(of)?;
    Ok(rows.into_iter().map(row).collect())
}

pub(super) async fn execute(
    tx: &mut Transaction<'static>,
    sql: &str,
    values: &[Value],
) -> Result<u64> {
    tx.exec_drop(sql, given(values)).await.map_err(of)?;
    Ok(tx.affected_rows())
}

pub(super) async fn insert(
    tx: &mut Transaction<'static>,
    sql: &str,
    values: &[Value],
) -> Result<i64> {
    tx.exec_drop(sql, given(values)).await.map_err(of)?;
    let id = tx.last_insert_id().and_then(|id| i64::try_from(id).ok());
    id.ok_or_else(|| Error::new("nothing was inserted", false))
}

pub(super) async fn publish(tx: &mut Transaction<'static>, event: &Event) -> Result<()> {
    let written = freehold::outbox::mysql_async::publish(tx, event).await;
    written.map_err(|error| Error::new(error, true))
}

pub(super) async fn commit(tx: Transaction<'static>) -> Result<()> {
    tx.commit().await.map_err(of)
}

fn given(values: &[Value]) -> mysql_async::Params {
    if values.is_empty() {
        return mysql_async::Params::Empty;
    }
    let values = values.iter().map(|value| match value {
        Value::Null => mysql_async::Value::NULL,
        Value::Int(number) => mysql_async::Value::Int(*number),
        Value::Text(text) => mysql_async::Value::Bytes(text.clone().into_bytes()),
    });
    mysql_async::Params::Positional(values.collect())
}

fn row(row: mysql_async::Row) -> Row {
    let cells = row.unwrap().into_iter().map(|value| match value {
        mysql_async::Value::Int(number) => Value::Int(number),
        mysql_async::Value::UInt(number) => i64::try_from(number).map_or(Value::Null, Value::Int),
        mysql_async::Value::Bytes(text) => Value::Text(String::from_utf8_lossy(&text).into_owned()),
        _ => Value::Null,
    });
    Row(cells.collect())
}

fn of(error: mysql_async::Error) -> Error {
    let passing = match &error {
        // Deadlock, lock wait, shutdown.
        mysql_async::Error::Server(told) => [1213, 1205, 1053].contains(&told.code),
        _ => true,
    };
    let is_there = matches!(&error, mysql_async::Error::Server(told) if told.code == ALREADY_THERE);
    Error {
        is_there,
        ..Error::new(error, passing)
    }
}
