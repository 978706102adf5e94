//! From an event to a row of a copy, as JSON that the engine turns into the columns' types. Pure.

use std::collections::BTreeMap;

use freehold_broker::{Message, Position};
use freehold_model::CopyOf;
use serde_json::{Map, Value};

/// What an event does to a copy.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The row is this, unless something newer is there.
    Put(Map<String, Value>),
    /// The row is gone.
    Delete(Map<String, Value>),
}

/// What was done to each row of a copy in one batch: of several changes of a key the last counts.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<String, Change>);

impl Changes {
    /// Adds the change of a key, over an earlier one.
    pub fn add(&mut self, key: &str, change: Change) {
        self.0.insert(key.to_owned(), change);
    }

    /// Only these columns of each row, as a JSON array.
    pub(crate) fn keys_json(&self, key: &[String]) -> String {
        let rows = self.0.values().map(|change| {
            let (Change::Put(row) | Change::Delete(row)) = change;
            let named = key.iter().map(|column| {
                let value = row.get(column).cloned().unwrap_or_default();
                (column.clone(), value)
            });
            Value::Object(named.collect())
        });
        Value::Array(rows.collect()).to_string()
    }

    /// (rows to write, rows to remove), each as a JSON array; empty where there is none.
    pub(crate) fn json(self) -> (String, String) {
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        for change in self.0.into_values() {
            match change {
                Change::Put(row) => puts.push(Value::Object(row)),
                Change::Delete(row) => deletes.push(Value::Object(row)),
            }
        }
        let text = |rows: Vec<Value>| {
            if rows.is_empty() {
                String::new()
            } else {
                Value::Array(rows).to_string()
            }
        };
        (text(puts), text(deletes))
    }
}

/// What this event makes of its row.
///
/// # Errors
/// A sentence that says what is wrong with the payload; the key is then parked.
pub(crate) fn change(copy: &CopyOf, message: &Message, payload: &[u8]) -> Result<Change, String> {
    let payload: Value = serde_json::from_slice(payload)
        .map_err(|error| format!("the payload is no JSON: {error}"))?;
    let mut row = origin(copy, message);
    if payload.is_null() {
        let [column] = copy.key.keys().collect::<Vec<_>>()[..] else {
            return Err(
                "an entity that is gone names its key only, and this copy's has several columns"
                    .to_owned(),
            );
        };
        row.insert(column.clone(), Value::String(message.key.clone()));
        return Ok(Change::Delete(row));
    }
    for (column, field) in &copy.key {
        let value = found(&payload, field).filter(|value| !value.is_null());
        let value = value
            .ok_or_else(|| format!("the payload has no `{field}`, which is part of the key"))?;
        row.insert(column.clone(), value.clone());
    }
    for (column, field) in &copy.columns {
        row.insert(
            column.clone(),
            found(&payload, field).cloned().unwrap_or(Value::Null),
        );
    }
    if let Some((column, field)) = &copy.provenance.version {
        let version = found(&payload, field).and_then(Value::as_i64);
        let version = version.ok_or_else(|| format!("`{field}` is no version: a whole number"))?;
        row.insert(column.clone(), Value::from(version));
    }
    Ok(Change::Put(row))
}

/// What a row says of where it comes from, and by what freehold itself compares.
fn origin(copy: &CopyOf, message: &Message) -> Map<String, Value> {
    let mut row = Map::new();
    let stamp = stamp(message.position);
    let origin = &copy.provenance;
    if let Some(column) = &origin.position {
        row.insert(column.clone(), Value::from(stamp.clone()));
    }
    if let Some(column) = &origin.source {
        row.insert(column.clone(), Value::from(&*message.source));
    }
    if let Some(column) = &origin.occurred_at {
        row.insert(column.clone(), Value::from(message.occurred_at.to_string()));
    }
    row.insert("freehold_key".to_owned(), Value::from(message.key.as_str()));
    row.insert("freehold_stamp".to_owned(), Value::from(stamp));
    row
}

/// `order.customer.id`: down the objects of the payload.
fn found<'a>(payload: &'a Value, field: &str) -> Option<&'a Value> {
    field
        .split('.')
        .try_fold(payload, |value, name| value.get(name))
}

/// A position as text of 53 characters whose order by bytes is the positions' order.
pub(crate) fn stamp(position: Position) -> String {
    // Ids may be negative: shifted, so that the smallest is 0.
    let id = position.id.cast_unsigned() ^ (1 << 63);
    format!(
        "{:010}-{:08x}-{:016x}-{id:016x}",
        position.incarnation.number, position.incarnation.random, position.batch
    )
}

/// The reverse.
pub(crate) fn unstamp(text: &str) -> Option<Position> {
    let mut parts = text.split('-');
    let number = parts.next()?.parse().ok()?;
    let mut hex = || u64::from_str_radix(parts.next()?, 16).ok();
    let (random, batch, id) = (u32::try_from(hex()?).ok()?, hex()?, hex()?);
    Some(Position {
        incarnation: freehold_broker::Incarnation { number, random },
        batch,
        id: (id ^ (1 << 63)).cast_signed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_broker::{Body, EventId, Incarnation, Lane, Timestamp, To, Topic};
    use freehold_model::Provenance;

    fn position(number: u32, batch: u64, id: i64) -> Position {
        Position {
            incarnation: Incarnation { number, random: 9 },
            batch,
            id,
        }
    }

    fn copy() -> CopyOf {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        CopyOf {
            service: "catalog".to_owned(),
            event: "book.changed.v1".to_owned(),
            key: map(&[("book_id", "bookId")]),
            columns: map(&[("title", "title"), ("price", "price.cents")]),
            provenance: Provenance {
                version: Some(("version_number".to_owned(), "version".to_owned())),
                source: Some("source_service".to_owned()),
                ..Provenance::default()
            },
            fallback: None,
            freshness: None,
        }
    }

    fn message() -> Message {
        Message {
            event: EventId([0; 16]),
            topic: Topic::new("book.changed.v1").expect("a topic"),
            to: To::Lane(Lane::of("5")),
            key: "5".to_owned(),
            source: "catalog".into(),
            position: position(1, 2, 3),
            prev: None,
            occurred_at: Timestamp::from_micros(0),
            headers: Vec::new(),
            body: Body::Event {
                content_type: "application/json".into(),
                payload: Vec::new().into(),
            },
        }
    }

    #[test]
    fn stamps_sort_like_positions() {
        let rising = [
            position(1, 1, i64::MIN),
            position(1, 1, -1),
            position(1, 1, 0),
            position(1, 1, 10),
            position(1, 9, 2),
            position(1, 10, 1),
            position(2, 0, 0),
            position(10, 0, 0),
        ];
        for position in rising {
            assert_eq!(unstamp(&stamp(position)), Some(position));
        }
        assert!(
            rising
                .windows(2)
                .all(|pair| stamp(pair[0]) < stamp(pair[1]))
        );
    }

    #[test]
    fn fields_become_columns() {
        let payload = br#"{"bookId": 5, "title": "Emma", "price": {"cents": 900}, "version": 3}"#;
        let Ok(Change::Put(row)) = change(&copy(), &message(), payload) else {
            panic!("a row");
        };
        let text = |column: &str| row[column].to_string();
        assert_eq!(
            [
                text("book_id"),
                text("title"),
                text("price"),
                text("version_number"),
                text("source_service")
            ],
            ["5", "\"Emma\"", "900", "3", "\"catalog\""]
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |payload: &[u8]| change(&copy(), &message(), payload).expect_err("wrong");
        assert!(said(b"{").starts_with("the payload is no JSON"));
        assert_eq!(
            said(b"{}"),
            "the payload has no `bookId`, which is part of the key"
        );
        assert_eq!(
            said(br#"{"bookId": 5, "version": "three"}"#),
            "`version` is no version: a whole number"
        );
    }

    #[test]
    fn null_says_gone() {
        let Ok(Change::Delete(row)) = change(&copy(), &message(), b"null") else {
            panic!("gone");
        };
        assert_eq!(row["book_id"], "5");
    }
}
