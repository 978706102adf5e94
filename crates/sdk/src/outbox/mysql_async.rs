//! Publishing within a `mysql_async` transaction, on MySQL and MariaDB.

use ::mysql_async::Transaction;
use ::mysql_async::prelude::Queryable as _;

use super::{MYSQL, failed};
use crate::{Event, Result};

/// Writes the event.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn publish(transaction: &mut Transaction<'_>, event: &Event) -> Result<()> {
    let values = (event.topic(), event.key(), event.payload(), event.headers());
    let written = transaction.exec_drop(MYSQL, values).await;
    written.map_err(|error| failed(event, error))
}
