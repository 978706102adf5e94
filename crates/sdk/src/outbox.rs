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
