//! Publishing within a `tokio-postgres` transaction.

use ::tokio_postgres::Transaction;

use super::{POSTGRES, POSTGRES_CLOCK, POSTGRES_NAMED, failed};
use crate::{Event, Result, Written};

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

/// Writes the event with an id of its own: what comes back makes its token after the commit.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn publish_named(transaction: &Transaction<'_>, event: &Event) -> Result<Written> {
    let (event, written) = event.named()?;
    let headers = event.headers();
    let arguments: [&(dyn ::tokio_postgres::types::ToSql + Sync); 5] = [
        &event.topic(),
        &event.key(),
        &event.payload(),
        &headers,
        &written.event,
    ];
    let done = transaction.execute(POSTGRES_NAMED, &arguments).await;
    done.map_err(|error| failed(&event, error))?;
    Ok(written)
}

/// The store's clock, for a token. Asked after the commit.
pub async fn clock(
    client: &impl ::tokio_postgres::GenericClient,
) -> std::result::Result<i64, ::tokio_postgres::Error> {
    client.query_one(POSTGRES_CLOCK, &[]).await?.try_get(0)
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
