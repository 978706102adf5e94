//! From rows of the outbox to messages: positions, `prev`, heads. Pure.
//!
//! Done when a batch is recorded, and again for a resend from the record: both give the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::{Body, EventId, Lane, Message, Partitions, Position, Timestamp, To, Topic};
use freehold_engine::OutboxRow;

use crate::heads::HeadMap;

/// The rows of this topic are heartbeats: they go to every partition of every topic.
pub const HEARTBEAT: &str = "freehold.heartbeat.v1";

/// What does not change from batch to batch.
#[derive(Debug, Clone)]
pub struct Source {
    /// The service.
    pub name: Arc<str>,
    /// Every topic that it publishes.
    pub topics: BTreeSet<Topic>,
    /// How many partitions each has.
    pub partitions: Partitions,
    /// This sidecar among those of the service; chosen anew by each process.
    pub sidecar: String,
}

impl Source {
    pub(crate) fn holder(&self) -> String {
        self.sidecar.clone()
    }
}

/// Messages of one batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assigned {
    /// In order of positions.
    pub(crate) messages: Vec<Message>,
    /// Every topic in them.
    pub topics: BTreeSet<Topic>,
    /// Where the touched lanes stood before.
    pub(crate) prevs: HeadMap,
}

/// Is it the first time? A resend knows only the lanes that it touches, so it leaves heartbeats
/// out: the next one says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// From the outbox.
    First,
    /// From a record.
    Again,
}

/// Gives each row its position and the one before it in its topic and lane, and moves `heads` on.
/// `at` says where a row of this id stands.
pub(crate) fn assign(
    source: &Source,
    sending: Sending,
    rows: Vec<OutboxRow>,
    heads: &mut HeadMap,
    at: impl Fn(i64) -> Position,
) -> Assigned {
    let mut assigned = Assigned {
        messages: Vec::with_capacity(rows.len()),
        ..Assigned::default()
    };
    // Rows of one topic stand together more often than not.
    let mut last: Option<Topic> = None;
    for row in rows {
        let position = at(row.id);
        if row.topic == HEARTBEAT {
            if sending == Sending::First {
                beat(source, &row, position, heads, &mut assigned);
            }
            continue;
        }
        let same = last.take().filter(|last| last.as_str() == row.topic);
        let is_new = same.is_none();
        let topic = same.map_or_else(|| Topic::new(&row.topic), Ok);
        if let (Ok(topic), Some(lane)) = (topic, Lane::new(row.lane)) {
            let prev = heads.advance(&topic, lane, position);
            let of_another_batch = |prev: &Position| {
                prev.batch != position.batch || prev.incarnation != position.incarnation
            };
            // Of several in one lane the first says where it stood before.
            if let Some(prev) = prev.filter(of_another_batch) {
                assigned.prevs.advance(&topic, lane, prev);
            }
            if is_new {
                assigned.topics.insert(topic.clone());
            }
            let message = event(source, row, topic.clone(), lane, position, prev);
            assigned.messages.push(message);
            last = Some(topic);
        }
    }
    assigned
}

fn event(
    source: &Source,
    row: OutboxRow,
    topic: Topic,
    lane: Lane,
    position: Position,
    prev: Option<Position>,
) -> Message {
    // No payload at all says that the entity is gone.
    let payload = row.payload.unwrap_or_else(|| "null".to_owned());
    Message {
        event: EventId(row.event_id),
        topic,
        to: To::Lane(lane),
        key: row.key,
        source: Arc::clone(&source.name),
        position,
        prev,
        occurred_at: Timestamp::from_micros(row.occurred_at),
        headers: headers(row.headers.as_deref()),
        body: Body::Event {
            content_type: "application/json".into(),
            payload: Bytes::from(payload),
        },
    }
}

/// What a program wrote into `headers`; what is no object of texts is left out, names in lower case.
fn headers(json: Option<&str>) -> Vec<(String, String)> {
    let read: Option<serde_json::Map<String, serde_json::Value>> =
        json.and_then(|text| serde_json::from_str(text).ok());
    let headers = read.into_iter().flatten();
    headers
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .collect()
}

fn beat(
    source: &Source,
    row: &OutboxRow,
    position: Position,
    heads: &HeadMap,
    assigned: &mut Assigned,
) {
    let all = heads.heads();
    for topic in &source.topics {
        let mut own = freehold_broker::Heads::default();
        own.0
            .insert(topic.clone(), all.0.get(topic).cloned().unwrap_or_default());
        for partition in source.partitions.each() {
            assigned.messages.push(Message {
                event: EventId(row.event_id),
                topic: topic.clone(),
                to: To::Partition(partition),
                key: String::new(),
                source: Arc::clone(&source.name),
                position,
                prev: None,
                occurred_at: Timestamp::from_micros(row.occurred_at),
                headers: Vec::new(),
                body: Body::Heartbeat(own.clone()),
            });
        }
        assigned.topics.insert(topic.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_broker::Incarnation;

    fn source() -> Source {
        Source {
            name: "catalog".into(),
            topics: BTreeSet::from([Topic::new("book.changed.v1").expect("a topic")]),
            partitions: Partitions::new(2).expect("two"),
            sidecar: "a".to_owned(),
        }
    }

    fn row(id: i64, topic: &str, key: &str) -> OutboxRow {
        OutboxRow {
            id,
            event_id: [u8::try_from(id).unwrap_or(0); 16],
            topic: topic.to_owned(),
            key: key.to_owned(),
            lane: Lane::of(key).number(),
            payload: Some("{}".to_owned()),
            headers: None,
            occurred_at: 0,
        }
    }

    fn at(batch: u64) -> impl Fn(i64) -> Position {
        move |id| Position {
            incarnation: Incarnation {
                number: 1,
                random: 0,
            },
            batch,
            id,
        }
    }

    #[test]
    fn a_resend_from_the_record_is_the_same() {
        let rows = || {
            vec![
                row(4, "book.changed.v1", "5"),
                row(5, HEARTBEAT, ""),
                row(7, "book.changed.v1", "5"),
                row(8, "book.changed.v1", "6"),
            ]
        };
        let mut heads = HeadMap::default();
        assign(
            &source(),
            Sending::First,
            vec![
                row(1, "book.changed.v1", "5"),
                row(2, "book.changed.v1", "9"),
            ],
            &mut heads,
            at(1),
        );
        let before = heads.clone();
        let first = assign(&source(), Sending::First, rows(), &mut heads, at(2));
        assert_eq!(first.messages[0].prev, Some(at(1)(1)));
        // The heartbeat in both partitions, with the head as it stood then.
        assert!(
            matches!(&first.messages[1].body, Body::Heartbeat(heads) if heads.0.values().next().is_some_and(|lanes| lanes[&Lane::of("5")] == at(2)(4)))
        );
        assert_eq!(first.messages[3].prev, Some(at(2)(4)));
        assert_eq!(first.messages[4].prev, None);
        // Heartbeats apart, a resend needs the record's prevs only.
        let mut from_record = first.prevs.clone();
        let again = assign(&source(), Sending::Again, rows(), &mut from_record, at(2));
        let events = |assigned: &Assigned| -> Vec<Message> {
            assigned
                .messages
                .iter()
                .filter(|it| matches!(it.body, Body::Event { .. }))
                .cloned()
                .collect()
        };
        assert_eq!(events(&again), events(&first));
        assert_ne!(before, heads);
    }
}
