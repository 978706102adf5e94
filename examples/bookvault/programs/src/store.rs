//! The service's own database, whichever of the three drivers it needs: a link, a transaction, rows.
//!
//! Only what these services need: whole numbers, texts and NULL; `?` as placeholder. No query
//! here knows another service.

mod mysql;
mod postgres;
mod sqlite;
mod value;

use freehold::Event;
use freehold::participant::Dialect;

use crate::trace;

pub(crate) use value::{Row, Value};

/// What the store said, or that it is not reachable.
pub(crate) type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub(crate) struct Error {
    message: String,
    /// Worth trying again: a deadlock, a lost connection, a server that starts.
    pub(crate) passing: bool,
    /// The row that was to be inserted is there already.
    pub(crate) is_there: bool,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error {
    fn new(error: impl std::fmt::Display, passing: bool) -> Self {
        Self {
            message: error.to_string(),
            passing,
            is_there: false,
        }
    }
}

enum Driver {
    Mysql(mysql_async::Pool),
    Postgres(postgres::Pool),
    Sqlite(sqlite::Store),
}

/// All links to one store.
pub(crate) struct Store {
    driver: Driver,
    publishes: bool,
}

impl Store {
    /// From what freehold hands over: `DATABASE_URL`.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let driver = match url.split_once(':') {
            Some(("sqlite", path)) => Driver::Sqlite(sqlite::Store::open(path)?),
            Some(("mysql", _)) => Driver::Mysql(mysql::pool(url)?),
            _ => Driver::Postgres(postgres::Pool::new(url)?),
        };
        let mut store = Self {
            driver,
            publishes: false,
        };
        store.publishes = store.has("freehold_outbox").await?;
        Ok(store)
    }

    /// A link of one's own, to begin a transaction on.
    pub(crate) async fn link(&self) -> Result<Link> {
        let inner = match &self.driver {
            Driver::Mysql(pool) => Inner::Mysql(pool.clone()),
            Driver::Postgres(pool) => Inner::Postgres(pool.take().await?),
            Driver::Sqlite(store) => Inner::Sqlite(store.clone()),
        };
        Ok(Link {
            inner,
            publishes: self.publishes,
        })
    }

    /// The rows of one query, in a transaction of its own.
    pub(crate) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        let mut link = self.link().await?;
        let mut tx = link.begin().await?;
        let rows = tx.query(sql, values).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Whether there is such a table. A service whose description publishes nothing has no outbox: it
    /// works without telling.
    pub(crate) async fn has(&self, table: &str) -> Result<bool> {
        let sql = match self.driver {
            Driver::Mysql(_) => {
                "SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = ?"
            }
            Driver::Postgres(_) => "SELECT 1 WHERE to_regclass(?) IS NOT NULL",
            Driver::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE name = ?",
        };
        Ok(!self.query(sql, &[table.into()]).await?.is_empty())
    }
}

enum Inner {
    Mysql(mysql_async::Pool),
    Postgres(postgres::Client),
    Sqlite(sqlite::Store),
}

/// One connection, or the way to it.
pub(crate) struct Link {
    inner: Inner,
    publishes: bool,
}

impl Link {
    /// Begins a transaction that will write.
    pub(crate) async fn begin(&mut self) -> Result<Tx<'_>> {
        let driver = match &mut self.inner {
            Inner::Mysql(pool) => Begun::Mysql(mysql::begin(pool).await?),
            Inner::Postgres(client) => Begun::Postgres(postgres::begin(client).await?),
            Inner::Sqlite(store) => Begun::Sqlite(store.begin().await?),
        };
        Ok(Tx {
            driver,
            publishes: self.publishes,
        })
    }
}

enum Begun<'l> {
    Mysql(mysql_async::Transaction<'static>),
    Postgres(tokio_postgres::Transaction<'l>),
    Sqlite(sqlite::Begun),
}

/// A transaction. Dropped, it is rolled back.
pub(crate) struct Tx<'l> {
    driver: Begun<'l>,
    publishes: bool,
}

impl Tx<'_> {
    /// Rows.
    pub(crate) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        match &mut self.driver {
            Begun::Mysql(tx) => mysql::query(tx, sql, values).await,
            Begun::Postgres(tx) => postgres::query(tx, sql, values).await,
            Begun::Sqlite(tx) => tx.query(sql, values).await,
        }
    }

    /// The first row, if there is one.
    pub(crate) async fn one(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// How many rows changed.
    pub(crate) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        match &mut self.driver {
            Begun::Mysql(tx) => mysql::execute(tx, sql, values).await,
            Begun::Postgres(tx) => postgres::execute(tx, sql, values).await,
            Begun::Sqlite(tx) => tx.execute(sql, values).await,
        }
    }

    /// Inserts one row and gives the number that the store gave it in this column.
    pub(crate) async fn insert(&mut self, sql: &str, id: &str, values: &[Value]) -> Result<i64> {
        if let Begun::Mysql(tx) = &mut self.driver {
            return mysql::insert(tx, sql, values).await;
        }
        let rows = self.query(&format!("{sql} RETURNING {id}"), values).await?;
        rows.first()
            .map(|row| row.int(0))
            .ok_or_else(|| Error::new("nothing was inserted", false))
    }

    /// The event goes out if and only if this transaction commits.
    pub(crate) async fn publish(&mut self, event: freehold::Result<Event>) -> Result<()> {
        let mut event = event.map_err(|error| Error::new(error, false))?;
        if !self.publishes {
            return Ok(());
        }
        if let Some(context) = trace::carried() {
            event = event.header("traceparent", context);
        }
        match &mut self.driver {
            Begun::Mysql(tx) => mysql::publish(tx, &event).await,
            Begun::Postgres(tx) => postgres::publish(tx, &event).await,
            Begun::Sqlite(tx) => tx.publish(event).await,
        }
    }

    /// Now, as this engine writes it.
    pub(crate) fn now(&self) -> &'static str {
        match self.speaks() {
            Dialect::Mysql => "UTC_TIMESTAMP(6)",
            Dialect::Postgres => "now()",
            Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        }
    }

    /// What follows a SELECT whose rows must stay as they were read.
    pub(crate) fn for_update(&self) -> &'static str {
        match self.speaks() {
            // One writer at a time: nothing can change in between.
            Dialect::Sqlite => "",
            _ => " FOR UPDATE",
        }
    }

    /// MySQL or MariaDB.
    pub(crate) fn is_mysql(&self) -> bool {
        self.speaks() == Dialect::Mysql
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.driver {
            Begun::Mysql(tx) => mysql::commit(tx).await,
            Begun::Postgres(tx) => postgres::commit(tx).await,
            Begun::Sqlite(tx) => tx.commit().await,
        }
    }

    /// Which of the three.
    pub(crate) fn speaks(&self) -> Dialect {
        match self.driver {
            Begun::Mysql(_) => Dialect::Mysql,
            Begun::Postgres(_) => Dialect::Postgres,
            Begun::Sqlite(_) => Dialect::Sqlite,
        }
    }
}
