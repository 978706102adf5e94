//! Events into the outbox, within the transaction of the business change: one module per driver,
//! each behind a feature of the driver's name. An event exists if and only if that transaction
//! commits.
//!
//! Events of one key wait for each other until their transactions end, so a transaction that writes
//! several keys takes them in one order, and is tried again after a deadlock.

/// The statement on PostgreSQL, for drivers that have no module here: its arguments are the event's
/// topic, key, payload and headers.
pub const POSTGRES: &str = "INSERT INTO freehold_outbox (topic, key, payload, headers) VALUES ($1, $2, $3::text::json, $4::text::json)";
/// Likewise on MySQL and MariaDB.
pub const MYSQL: &str =
    "INSERT INTO freehold_outbox (topic, `key`, payload, headers) VALUES (?, ?, ?, ?)";
/// Likewise on SQLite.
pub const SQLITE: &str =
    "INSERT INTO freehold_outbox (topic, key, payload, headers) VALUES (?1, ?2, ?3, ?4)";

/// [`POSTGRES`] with the event's id as the fifth argument, for an event whose token is wanted.
pub const POSTGRES_NAMED: &str = "INSERT INTO freehold_outbox (topic, key, payload, headers, event_id) VALUES ($1, $2, $3::text::json, $4::text::json, $5::text::uuid)";
/// Likewise on MySQL and MariaDB.
pub const MYSQL_NAMED: &str =
    "INSERT INTO freehold_outbox (topic, `key`, payload, headers, event_id) VALUES (?, ?, ?, ?, ?)";
/// Likewise on SQLite.
pub const SQLITE_NAMED: &str = "INSERT INTO freehold_outbox (topic, key, payload, headers, event_id) VALUES (?1, ?2, ?3, ?4, ?5)";

/// The store's clock on PostgreSQL, in microseconds since 1970. Asked after the commit.
pub const POSTGRES_CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
/// Likewise on MySQL and MariaDB.
pub const MYSQL_CLOCK: &str = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";
/// Likewise on SQLite.
pub const SQLITE_CLOCK: &str =
    "SELECT CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000";

#[cfg(feature = "mysql_async")]
pub mod mysql_async;
#[cfg(feature = "rusqlite")]
pub mod rusqlite;
#[cfg(feature = "tokio-postgres")]
pub mod tokio_postgres;

#[cfg(any(
    feature = "mysql_async",
    feature = "rusqlite",
    feature = "tokio-postgres"
))]
fn failed(
    event: &crate::Event,
    source: impl std::error::Error + Send + Sync + 'static,
) -> crate::Error {
    crate::Error::Store {
        topic: event.topic().to_owned(),
        source: Box::new(source),
    }
}
