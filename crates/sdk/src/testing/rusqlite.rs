//! Over `rusqlite`, usually in memory.

use ::rusqlite::{Connection, Result, params_from_iter};

use super::{CopyTable, names, quoted};
use crate::Event;

/// Makes an outbox to publish into.
///
/// # Errors
/// The driver's.
pub fn make_outbox(store: &Connection) -> Result<()> {
    store.execute_batch(
        "CREATE TABLE freehold_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT NOT NULL,
 payload TEXT CHECK (payload IS NULL OR json_valid(payload)), headers TEXT CHECK (headers IS NULL OR json_valid(headers)))",
    )
}

/// What was published, in order.
///
/// # Errors
/// The driver's.
///
/// # Panics
/// When the outbox has a row that [`Event`] would not have written.
pub fn published(store: &Connection) -> Result<Vec<Event>> {
    let mut rows =
        store.prepare("SELECT topic, key, payload, headers FROM freehold_outbox ORDER BY id")?;
    let rows = rows.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
        ))
    })?;
    rows.map(|row| {
        let (topic, key, payload, headers) = row?;
        Ok(Event::read(&topic, key, payload, headers))
    })
    .collect()
}

/// Fills a copy's row as the sidecar would: the newer version wins, and [`Event::gone`] takes a row
/// whose key is one column.
///
/// # Errors
/// The driver's.
pub fn feed(store: &Connection, copy: &CopyTable<'_>, event: &Event) -> Result<()> {
    let table = quoted(copy.table);
    let Some(payload) = event.payload() else {
        let key = names(&copy.key[..1]);
        let sql = format!("DELETE FROM {table} WHERE CAST({key} AS TEXT) = ?1");
        return store.execute(&sql, [event.key()]).map(drop);
    };
    let all = [copy.key, copy.columns].concat();
    let values: Vec<String> = (0..all.len())
        .map(|at| format!("?1 ->> ?{}", at + 2))
        .collect();
    let sql = format!(
        "INSERT INTO {table} AS t ({}) VALUES ({}) {}",
        names(&all),
        values.join(", "),
        copy.conflict()
    );
    let paths = all.iter().map(|(_, field)| format!("$.{field}"));
    let arguments = std::iter::once(payload.to_owned()).chain(paths);
    store.execute(&sql, params_from_iter(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOOKS: CopyTable<'_> = CopyTable {
        table: "book_cache",
        key: &[("book_id", "bookId")],
        columns: &[
            ("title", "title"),
            ("cents", "price.cents"),
            ("version_number", "version"),
        ],
        version: "version_number",
    };

    fn book(title: &str, version: i64) -> Event {
        let payload =
            json!({"bookId": 5, "title": title, "price": {"cents": 900}, "version": version});
        Event::new("book.changed.v1", "5", &payload).expect("an event")
    }

    #[test]
    fn a_copy_takes_the_newer() {
        let store = Connection::open_in_memory().expect("a store");
        store
            .execute_batch("CREATE TABLE book_cache (book_id INTEGER PRIMARY KEY, title TEXT, cents INTEGER, version_number INTEGER)")
            .expect("a copy");
        for event in [book("Emma", 2), book("older", 1)] {
            feed(&store, &BOOKS, &event).expect("fed");
        }
        let found = || {
            store.query_row(
                "SELECT title, cents FROM book_cache WHERE book_id = 5",
                [],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)),
            )
        };
        assert_eq!(found(), Ok(("Emma".to_owned(), 900)));
        let gone = Event::gone("book.changed.v1", "5").expect("gone");
        feed(&store, &BOOKS, &gone).expect("fed");
        assert_eq!(found(), Err(::rusqlite::Error::QueryReturnedNoRows));
    }

    #[test]
    fn what_was_published_is_read_back() {
        let mut store = Connection::open_in_memory().expect("a store");
        make_outbox(&store).expect("an outbox");
        let events = [
            book("Emma", 1).header("traceparent", "00-ab"),
            Event::gone("book.changed.v1", "5").expect("gone"),
        ];
        let transaction = store.transaction().expect("begun");
        for event in &events {
            crate::outbox::rusqlite::publish(&transaction, event).expect("written");
        }
        transaction.commit().expect("committed");
        assert_eq!(published(&store).expect("rows"), events);
    }
}
