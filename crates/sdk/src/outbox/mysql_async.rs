//! Publishing within a `mysql_async` transaction, on MySQL and MariaDB.

use ::mysql_async::Transaction;
use ::mysql_async::prelude::Queryable as _;

use super::failed;
use crate::{Event, Result};

const INSERT: &str =
    "INSERT INTO freehold_outbox (topic, `key`, payload, headers) VALUES (?, ?, ?, ?)";

/// Writes the event.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn publish(transaction: &mut Transaction<'_>, event: &Event) -> Result<()> {
    let values = (event.topic(), event.key(), event.payload(), event.headers());
    let written = transaction.exec_drop(INSERT, values).await;
    written.map_err(|error| failed(event, error))
}
