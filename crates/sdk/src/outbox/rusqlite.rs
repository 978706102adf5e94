//! Publishing within a `rusqlite` transaction.

use ::rusqlite::{Connection, Transaction, params};

use super::{SQLITE, SQLITE_CLOCK, SQLITE_NAMED, failed};
use crate::{Event, Result, Written};

/// Writes the event. `synchronous` should be FULL, or an acknowledged change may be lost with the
/// machine's power.
pub fn publish(transaction: &Transaction<'_>, event: &Event) -> Result<()> {
    let values = params![event.topic(), event.key(), event.payload(), event.headers()];
    let written = transaction.execute(SQLITE, values);
    written.map(drop).map_err(|error| failed(event, error))
}

/// Writes the event with an id of its own: what comes back makes its token after the commit.
pub fn publish_named(transaction: &Transaction<'_>, event: &Event) -> Result<Written> {
    let (event, written) = event.named()?;
    let values = params![
        event.topic(),
        event.key(),
        event.payload(),
        event.headers(),
        &written.event
    ];
    let done = transaction.execute(SQLITE_NAMED, values);
    done.map_err(|error| failed(&event, error))?;
    Ok(written)
}

/// The store's clock, for a token. Asked after the commit.
pub fn clock(store: &Connection) -> ::rusqlite::Result<i64> {
    store.query_row(SQLITE_CLOCK, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_there_if_its_transaction_commits() {
        let mut store = Connection::open_in_memory().expect("a store");
        let outbox = "CREATE TABLE freehold_outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL, payload TEXT, headers TEXT)";
        store.execute_batch(outbox).expect("an outbox");
        let event = Event::new("a.v1", "k", &json!({ "n": 1 })).expect("an event");
        let lost = store.transaction().expect("begun");
        publish(&lost, &event.clone().header("x", "y")).expect("written");
        lost.rollback().expect("rolled back");
        let kept = store.transaction().expect("begun");
        publish(&kept, &event).expect("written");
        publish(&kept, &Event::gone("a.v1", "k").expect("gone")).expect("written");
        kept.commit().expect("committed");
        let mut rows = store
            .prepare("SELECT payload, headers FROM freehold_outbox ORDER BY id")
            .expect("a query");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows: Vec<(Option<String>, Option<String>)> = rows
            .expect("rows")
            .collect::<std::result::Result<_, _>>()
            .expect("rows");
        assert_eq!(rows, [(Some(r#"{"n":1}"#.to_owned()), None), (None, None)]);
    }

    #[test]
    fn a_named_event_makes_a_token() {
        let mut store = Connection::open_in_memory().expect("a store");
        let outbox = "CREATE TABLE freehold_outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL, payload TEXT, headers TEXT, event_id TEXT)";
        store.execute_batch(outbox).expect("an outbox");
        let event = Event::new("a.v1", "k", &json!({})).expect("an event");
        let cause = crate::Token::of_all("catalog", 1);
        let both = store.transaction().expect("begun");
        let first = publish_named(&both, &event.clone().caused_by(&cause)).expect("written");
        let second = publish_named(&both, &event).expect("written");
        both.commit().expect("committed");
        assert_ne!(first.event, second.event);
        let clock = clock(&store).expect("a clock");
        let token = first.token("orders", clock).to_string();
        assert!(token.ends_with(",{\"s\":\"catalog\",\"t\":1}]"), "{token}");
        let mut rows = store
            .prepare("SELECT event_id, headers FROM freehold_outbox ORDER BY id")
            .expect("a query");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows: Vec<(String, String)> = rows
            .expect("rows")
            .collect::<std::result::Result<_, _>>()
            .expect("rows");
        let (of_first, of_second) = (rows[0].1.as_str(), rows[1].1.as_str());
        assert!(token.contains(&rows[0].0) && of_first.contains("catalog"));
        assert_eq!(of_second, r#"{"causes":"[]"}"#);
    }

    #[test]
    fn a_store_without_an_outbox_says_which_topic() {
        let mut store = Connection::open_in_memory().expect("a store");
        let transaction = store.transaction().expect("begun");
        let error = publish(&transaction, &Event::gone("a.v1", "k").expect("gone"));
        assert!(error.expect_err("no outbox").to_string().contains("a.v1"));
    }
}
