//! From an event to a row of a copy, as JSON that the engine turns into the columns' types. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_broker::{Message, Position};
use freehold_model::{CopyOf, is_of_item};
use serde_json::{Map, Value};

/// What an event does to a copy.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The row is this, unless something newer is there.
    Put(Map<String, Value>),
    /// The entity's rows are these, one at least, and no others, unless something newer is there.
    PutEach(Vec<Map<String, Value>>),
    /// The row is gone.
    Delete(Map<String, Value>),
}

/// A change, and its rows as the statements take them.
#[derive(Debug)]
pub(crate) struct Ready {
    change: Change,
    json: String,
}

impl From<Change> for Ready {
    fn from(change: Change) -> Self {
        let text = |row| serde_json::to_string(row).unwrap_or_default();
        let json = match &change {
            Change::Put(row) | Change::Delete(row) => text(row),
            Change::PutEach(rows) => rows.iter().map(text).collect::<Vec<_>>().join(","),
        };
        Self { change, json }
    }
}

/// What was done to each row of a copy in one batch: of several changes of a key the last counts.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<String, Arc<Ready>>);

impl Changes {
    /// Adds the change of a key, over an earlier one.
    pub fn add(&mut self, key: &str, change: Change) {
        self.add_ready(key, Arc::new(Ready::from(change)));
    }

    /// The same of one that was made before.
    pub(crate) fn add_ready(&mut self, key: &str, change: Arc<Ready>) {
        self.0.insert(key.to_owned(), change);
    }

    /// Only these columns of each entity, as a JSON array.
    pub(crate) fn keys_json(&self, key: &[String]) -> String {
        let rows = self.0.values().map(|ready| {
            let row = match &ready.change {
                Change::Put(row) | Change::Delete(row) => Some(row),
                // They are all of one entity.
                Change::PutEach(rows) => rows.first(),
            };
            let named = key.iter().map(|column| {
                let value = row.and_then(|row| row.get(column));
                (column.clone(), value.cloned().unwrap_or_default())
            });
            Value::Object(named.collect())
        });
        Value::Array(rows.collect()).to_string()
    }

    /// (rows to write, rows to remove), each as a JSON array; empty where there is none.
    pub(crate) fn json(self) -> (String, String) {
        let (mut puts, mut deletes) = (String::new(), String::new());
        for ready in self.0.values() {
            let rows = match ready.change {
                Change::Put(_) | Change::PutEach(_) => &mut puts,
                Change::Delete(_) => &mut deletes,
            };
            rows.push(if rows.is_empty() { '[' } else { ',' });
            rows.push_str(&ready.json);
        }
        for rows in [&mut puts, &mut deletes] {
            if !rows.is_empty() {
                rows.push(']');
            }
        }
        (puts, deletes)
    }
}

/// What this event makes of its row.
///
/// # Errors
/// A sentence that says what is wrong with the payload; the key is then parked.
pub(crate) fn change(copy: &CopyOf, message: &Message, payload: &[u8]) -> Result<Change, String> {
    let payload: Value = serde_json::from_slice(payload)
        .map_err(|error| format!("the payload is no JSON: {error}"))?;
    let row = origin(copy, message);
    if payload.is_null() {
        return gone(copy, message, row);
    }
    let Some(each) = &copy.each else {
        return filled(copy, row, &payload, None).map(Change::Put);
    };
    let items = found(&payload, each).and_then(Value::as_array);
    let items = items.ok_or_else(|| format!("`{each}` of the payload is no array"))?;
    if items.is_empty() {
        let row = named(copy, row, &payload, None)?;
        return Ok(Change::Delete(row));
    }
    let rows = items.iter().enumerate();
    let rows = rows.map(|item| filled(copy, row.clone(), &payload, Some(item)));
    rows.collect::<Result<_, _>>().map(Change::PutEach)
}

/// Of an entity that is gone only the message's key is known.
fn gone(copy: &CopyOf, message: &Message, mut row: Map<String, Value>) -> Result<Change, String> {
    let [column] = copy.entity_columns()[..] else {
        return Err(
            "an entity that is gone names its key only, and this copy's has several columns"
                .to_owned(),
        );
    };
    let key = Value::String(message.key.clone());
    row.insert(column.to_owned(), key);
    Ok(Change::Delete(row))
}

/// The item of an array that a row is made of, and its place.
type Item<'a> = Option<(usize, &'a Value)>;

/// The row with its key; without an item only with what names the entity.
fn named(
    copy: &CopyOf,
    mut row: Map<String, Value>,
    payload: &Value,
    item: Item<'_>,
) -> Result<Map<String, Value>, String> {
    let key = copy.key.iter();
    for (column, field) in key.filter(|(_, field)| item.is_some() || !is_of_item(field)) {
        let value = told(payload, item, field).filter(|value| !value.is_null());
        let value = value
            .ok_or_else(|| format!("the payload has no `{field}`, which is part of the key"))?;
        row.insert(column.clone(), value);
    }
    Ok(row)
}

fn filled(
    copy: &CopyOf,
    row: Map<String, Value>,
    payload: &Value,
    item: Item<'_>,
) -> Result<Map<String, Value>, String> {
    let mut row = named(copy, row, payload, item)?;
    for (column, field) in &copy.columns {
        let value = told(payload, item, field).unwrap_or(Value::Null);
        row.insert(column.clone(), value);
    }
    if let Some((column, field)) = &copy.provenance.version {
        let version = found(payload, field).and_then(Value::as_i64);
        let version = version.ok_or_else(|| format!("`{field}` is no version: a whole number"))?;
        row.insert(column.clone(), Value::from(version));
    }
    Ok(row)
}

/// A field of the event or, written with `@`, of the item.
fn told(payload: &Value, item: Item<'_>, field: &str) -> Option<Value> {
    let Some((at, item)) = item.filter(|_| is_of_item(field)) else {
        return found(payload, field).cloned();
    };
    match field {
        "@index" => Some(Value::from(at)),
        "@" => Some(item.clone()),
        _ => found(item, field.strip_prefix("@.")?).cloned(),
    }
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
            each: None,
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
    fn items_become_rows() {
        let mut copy = copy();
        copy.each = Some("items".to_owned());
        copy.key.insert("line".to_owned(), "@index".to_owned());
        copy.columns = [("sku".to_owned(), "@.sku".to_owned())].into();
        let said = |items: &str| {
            let payload = format!(r#"{{"bookId": 5, "version": 3, "items": {items}}}"#);
            change(&copy, &message(), payload.as_bytes())
        };
        let Ok(Change::PutEach(rows)) = said(r#"[{"sku": "mat"}, {"sku": "cup"}]"#) else {
            panic!("rows");
        };
        let text = |at: usize| ["book_id", "line", "sku"].map(|own| rows[at][own].to_string());
        assert_eq!(text(0), ["5", "0", "\"mat\""]);
        assert_eq!(text(1), ["5", "1", "\"cup\""]);
        let Ok(Change::Delete(row)) = said("[]") else {
            panic!("none");
        };
        assert_eq!(row["book_id"], 5);
        assert!(!row.contains_key("line"));
        assert_eq!(
            said("7").expect_err("wrong"),
            "`items` of the payload is no array"
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
