//! Publishing within a `tokio-postgres` transaction.

use ::tokio_postgres::Transaction;

use super::{POSTGRES, failed};
use crate::{Event, Result};

/// Writes the event.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn publish(transaction: &Transaction<'_>, event: &Event) -> Result<()> {
    let headers = event.headers();
    let written = transaction
        .execute(
            POSTGRES,
            &[&event.topic(), &event.key(), &event.payload(), &headers],
        )
        .await;
    written.map(drop).map_err(|error| failed(event, error))
}

/// Takes a key's lock first, for a program that builds its payload from what it then reads: the
/// state that it publishes cannot be older than the one published before.
pub async fn lock(
    transaction: &Transaction<'_>,
    key: &str,
) -> std::result::Result<(), ::tokio_postgres::Error> {
    let locked = transaction
        .execute("SELECT freehold_lock($1)", &[&key])
        .await;
    locked.map(drop)
}
