//! Publishing within a `mysql_async` transaction, on MySQL and MariaDB.

use ::mysql_async::Transaction;
use ::mysql_async::prelude::Queryable as _;

use super::{MYSQL, MYSQL_CLOCK, MYSQL_NAMED, failed};
use crate::{Event, Result, Written};

/// Writes the event.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn publish(transaction: &mut Transaction<'_>, event: &Event) -> Result<()> {
    let values = (event.topic(), event.key(), event.payload(), event.headers());
    let written = transaction.exec_drop(MYSQL, values).await;
    written.map_err(|error| failed(event, error))
}

/// Writes the event with an id of its own: what comes back makes its token after the commit.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn publish_named(transaction: &mut Transaction<'_>, event: &Event) -> Result<Written> {
    let (event, written) = event.named()?;
    let values = (
        event.topic(),
        event.key(),
        event.payload(),
        event.headers(),
        &written.event,
    );
    let done = transaction.exec_drop(MYSQL_NAMED, values).await;
    done.map_err(|error| failed(&event, error))?;
    Ok(written)
}

/// The store's clock, for a token. Asked after the commit.
pub async fn clock(connection: &mut ::mysql_async::Conn) -> ::mysql_async::Result<i64> {
    let clock = connection.query_first(MYSQL_CLOCK).await?;
    // Without a row there is no server.
    Ok(clock.unwrap_or(i64::MAX))
}
