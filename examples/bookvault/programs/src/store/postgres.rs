//! PostgreSQL: a small pool, and values by the types that the server names.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use freehold::Event;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{NoTls, Transaction};

use super::{Error, Result, Row, Value};

const LINKS: usize = 8;

pub(super) struct Pool {
    config: Box<tokio_postgres::Config>,
    idle: Arc<Mutex<Vec<tokio_postgres::Client>>>,
    permits: Arc<Semaphore>,
}

/// Goes back into the pool when it is dropped, unless it is broken.
pub(super) struct Client {
    link: Option<tokio_postgres::Client>,
    idle: Arc<Mutex<Vec<tokio_postgres::Client>>>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(url: &str) -> Result<Self> {
        Ok(Self {
            config: Box::new(url.parse().map_err(of)?),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(LINKS)),
        })
    }

    pub(super) async fn take(&self) -> Result<Client> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| Error::new(error, false))?;
        let kept = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|client| !client.is_closed());
            idle.pop()
        };
        let client = match kept {
            Some(client) => client,
            None => self.connect().await?,
        };
        Ok(Client {
            link: Some(client),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }

    async fn connect(&self) -> Result<tokio_postgres::Client> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(of)?;
        // Its error reaches whoever uses the client next.
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(client) = self.link.take().filter(|client| !client.is_closed()) {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(client);
        }
    }
}

pub(super) async fn begin(client: &mut Client) -> Result<Transaction<'_>> {
    match &mut client.link {
        Some(client) => client.transaction().await.map_err(of),
        None => Err(Error::new("the link is gone", true)),
    }
}

pub(super) async fn query(tx: &Transaction<'_>, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
    let values: Vec<_> = values.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
    let rows = tx.query(&numbered(sql), &values).await.map_err(of)?;
    rows.iter().map(row).collect()
}

pub(super) async fn execute(tx: &Transaction<'_>, sql: &str, values: &[Value]) -> Result<u64> {
    let values: Vec<_> = values.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
    tx.execute(&numbered(sql), &values).await.map_err(of)
}

pub(super) async fn publish(tx: &Transaction<'_>, event: &Event) -> Result<()> {
    let written = freehold::outbox::tokio_postgres::publish(tx, event).await;
    written.map_err(|error| Error::new(error, true))
}

pub(super) async fn commit(tx: Transaction<'_>) -> Result<()> {
    tx.commit().await.map_err(of)
}

/// `?` as `$1`, `$2` … No text in the queries holds one.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        text.push('$');
        text += &(at + 1).to_string();
        text += part;
    }
    text
}

fn row(row: &tokio_postgres::Row) -> Result<Row> {
    let cell = |(at, column): (usize, &tokio_postgres::Column)| {
        let value = match *column.type_() {
            Type::INT8 => row
                .try_get::<_, Option<i64>>(at)
                .map(|it| it.map(Value::Int)),
            Type::INT4 => row
                .try_get::<_, Option<i32>>(at)
                .map(|it| it.map(|it| Value::Int(it.into()))),
            Type::INT2 => row
                .try_get::<_, Option<i16>>(at)
                .map(|it| it.map(|it| Value::Int(it.into()))),
            Type::BOOL => row
                .try_get::<_, Option<bool>>(at)
                .map(|it| it.map(|it| Value::Int(it.into()))),
            _ => row
                .try_get::<_, Option<String>>(at)
                .map(|it| it.map(Value::Text)),
        };
        value.map(|it| it.unwrap_or(Value::Null)).map_err(of)
    };
    let cells = row.columns().iter().enumerate().map(cell);
    Ok(Row(cells.collect::<Result<_>>()?))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, wanted) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(wanted, out),
            (Self::Int(number), &Type::INT2) => i16::try_from(*number)?.to_sql(wanted, out),
            (Self::Int(number), &Type::BOOL) => (*number != 0).to_sql(wanted, out),
            (Self::Int(number), _) => number.to_sql(wanted, out),
            (Self::Text(text), &Type::JSON) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Self::Text(text), _) => text.to_sql(wanted, out),
        }
    }

    fn accepts(wanted: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::INT2, Type::BOOL, Type::JSON].contains(wanted)
            || <String as ToSql>::accepts(wanted)
    }

    to_sql_checked!();
}

fn of(error: tokio_postgres::Error) -> Error {
    // Classes 08 (connection), 40 (rolled back), 57 (shut down, starting); no code: no server.
    let passing = error
        .code()
        .is_none_or(|code| ["08", "40", "57"].contains(&&code.code()[..2]));
    let is_there = error.code() == Some(&SqlState::UNIQUE_VIOLATION);
    let error = match error.as_db_error() {
        Some(told) => Error::new(told, passing),
        None => Error::new(error, passing),
    };
    Error { is_there, ..error }
}
