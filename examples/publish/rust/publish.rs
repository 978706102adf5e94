//! Publishes within the transaction of the change, with the library `freehold` and its feature
//! `tokio-postgres`. `rusqlite` and `mysql_async` work the same way.

use freehold::{Event, Fact};
use serde::Serialize;
use tokio_postgres::Client;

/// The event's payload; its type says the topic, its value the key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BookChanged {
    pub book_id: i64,
    pub title: String,
    pub version: i64,
}

impl Fact for BookChanged {
    const TOPIC: &'static str = "book.changed.v1";

    fn key(&self) -> String {
        self.book_id.to_string()
    }
}

/// Gives a book another title, and says so.
///
/// # Errors
/// The store's; then neither happened.
pub async fn rename(
    client: &mut Client,
    book_id: i64,
    title: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let transaction = client.transaction().await?;
    let row = transaction
        .query_one(
            "UPDATE books SET title = $1, version = version + 1 WHERE book_id = $2 RETURNING version",
            &[&title, &book_id],
        )
        .await?;
    let changed = BookChanged {
        book_id,
        title: title.to_owned(),
        version: row.get(0),
    };
    freehold::outbox::tokio_postgres::publish(&transaction, &Event::of(&changed)?).await?;
    transaction.commit().await?;
    Ok(())
}
