//! SQLite: one thread owns the connection, transactions come to it one after another, as SQLite
//! would have it anyway.

use std::sync::mpsc;
use std::time::Duration;

use freehold::Event;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{Error, Result, Row, Value};

/// How long a statement waits for the sidecar, which writes the same file.
const PATIENCE: Duration = Duration::from_secs(10);

enum Order {
    Query(String, Vec<Value>, oneshot::Sender<Result<Vec<Row>>>),
    Execute(String, Vec<Value>, oneshot::Sender<Result<u64>>),
    Publish(Event, oneshot::Sender<Result<()>>),
    Commit(oneshot::Sender<Result<()>>),
}

/// A transaction that asks to begin, and where its orders come from.
struct Beginning {
    orders: mpsc::Receiver<Order>,
    begun: oneshot::Sender<Result<()>>,
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Store(mpsc::Sender<Beginning>);

/// A transaction there. Dropped, it is rolled back.
pub(super) struct Begun(mpsc::Sender<Order>);

impl Store {
    pub(super) fn open(path: &str) -> Result<Self> {
        let connection = Connection::open(path).map_err(of)?;
        connection.busy_timeout(PATIENCE).map_err(of)?;
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL")
            .map_err(of)?;
        let (sender, beginnings) = mpsc::channel();
        std::thread::spawn(move || serve(connection, &beginnings));
        Ok(Self(sender))
    }

    pub(super) async fn begin(&self) -> Result<Begun> {
        let (sender, orders) = mpsc::channel();
        let (begun, answer) = oneshot::channel();
        self.0
            .send(Beginning { orders, begun })
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())??;
        Ok(Begun(sender))
    }
}

impl Begun {
    pub(super) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        let (sender, answer) = oneshot::channel();
        self.tell(Order::Query(sql.to_owned(), values.to_vec(), sender))?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        let (sender, answer) = oneshot::channel();
        self.tell(Order::Execute(sql.to_owned(), values.to_vec(), sender))?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn publish(&self, event: Event) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.tell(Order::Publish(event, sender))?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn commit(self) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.tell(Order::Commit(sender))?;
        answer.await.map_err(|_| gone())?
    }

    fn tell(&self, order: Order) -> Result<()> {
        self.0.send(order).map_err(|_| gone())
    }
}

fn serve(mut connection: Connection, beginnings: &mpsc::Receiver<Beginning>) {
    while let Ok(Beginning { orders, begun }) = beginnings.recv() {
        match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => {
                if begun.send(Ok(())).is_ok() {
                    obey(transaction, &orders);
                }
            }
            Err(error) => {
                // Whoever asked has given up: nobody is left to tell.
                let _ = begun.send(Err(of(error)));
            }
        }
    }
}

fn obey(transaction: Transaction<'_>, orders: &mpsc::Receiver<Order>) {
    // An answer that nobody waits for any more is dropped: the orders end with its asker.
    while let Ok(order) = orders.recv() {
        match order {
            Order::Query(sql, values, answer) => {
                let _ = answer.send(query(&transaction, &sql, &values).map_err(of));
            }
            Order::Execute(sql, values, answer) => {
                let changed = transaction.execute(&sql, rusqlite::params_from_iter(&values));
                let _ = answer.send(changed.map(|rows| rows as u64).map_err(of));
            }
            Order::Publish(event, answer) => {
                let written = freehold::outbox::rusqlite::publish(&transaction, &event);
                let _ = answer.send(written.map_err(|error| Error::new(error, true)));
            }
            Order::Commit(answer) => {
                let _ = answer.send(transaction.commit().map_err(of));
                return;
            }
        }
    }
}

fn query(transaction: &Transaction<'_>, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = transaction.prepare(sql)?;
    let width = statement.column_count();
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
        let cells = (0..width).map(|at| {
            Ok(match row.get_ref(at)? {
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                _ => Value::Null,
            })
        });
        Ok(Row(cells.collect::<rusqlite::Result<_>>()?))
    })?;
    rows.collect()
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Null => rusqlite::types::Null.to_sql(),
            Self::Int(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

fn of(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    let passing = matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked)
    );
    let is_there = error.sqlite_error().is_some_and(|told| {
        // A primary key, another unique key.
        [1555, 2067].contains(&told.extended_code)
    });
    Error {
        is_there,
        ..Error::new(error, passing)
    }
}

fn gone() -> Error {
    Error::new("the store's thread has ended", false)
}
