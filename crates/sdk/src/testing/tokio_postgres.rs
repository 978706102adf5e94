//! Over `tokio-postgres`, in a database or a transaction of the test's own.

use ::tokio_postgres::{Error, GenericClient};

use super::{CopyTable, names, quoted};
use crate::Event;

/// Makes an outbox to publish into, where the search path begins.
///
/// # Errors
/// The driver's.
pub async fn make_outbox<C: GenericClient>(store: &C) -> Result<(), Error> {
    store
        .batch_execute(
            "CREATE TABLE freehold_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, key text NOT NULL, payload json, headers json)",
        )
        .await
}

/// What was published, in order.
///
/// # Errors
/// The driver's.
///
/// # Panics
/// When the outbox has a row that [`Event`] would not have written.
pub async fn published<C: GenericClient>(store: &C) -> Result<Vec<Event>, Error> {
    let sql = "SELECT topic, key, payload::text, headers::text FROM freehold_outbox ORDER BY id";
    let rows = store.query(sql, &[]).await?;
    let event = |row: &::tokio_postgres::Row| {
        let topic: String = row.try_get(0)?;
        Ok(Event::read(
            &topic,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        ))
    };
    rows.iter().map(event).collect()
}

/// Fills a copy's row as the sidecar would: the newer version wins, and [`Event::gone`] takes a row
/// whose key is one column.
///
/// # Errors
/// The driver's.
pub async fn feed<C: GenericClient>(
    store: &C,
    copy: &CopyTable<'_>,
    event: &Event,
) -> Result<(), Error> {
    let table = quoted(copy.table);
    let Some(payload) = event.payload() else {
        let key = names(&copy.key[..1]);
        let sql = format!("DELETE FROM {table} WHERE {key}::text = $1");
        return store.execute(&sql, &[&event.key()]).await.map(drop);
    };
    let all = [copy.key, copy.columns].concat();
    let fields = all.iter().map(|(column, field)| {
        let path = field
            .split('.')
            .map(|part| format!("'{}'", part.replace('\'', "''")));
        let path = path.collect::<Vec<_>>().join(" -> ");
        format!(
            "'{}', $1::text::jsonb -> {path}",
            column.replace('\'', "''")
        )
    });
    let sql = format!(
        "INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, jsonb_build_object({})) {}",
        fields.collect::<Vec<_>>().join(", "),
        copy.conflict(),
        columns = names(&all),
    );
    store.execute(&sql, &[&payload]).await.map(drop)
}
