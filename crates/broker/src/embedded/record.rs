//! A message as the embedded broker sends and stores it.
//!
//! Little-endian: event id 16 · position 24 · kind 1 (0 event, 1 void, 2 heartbeat,
//! 3 incarnation) · flags 1 (1: has `prev`; 2: goes to a partition, not a lane) · lane or
//! partition 1 · version 1 (0) · `prev` 24 if there · occurred at 8 · source, key, headers (u16
//! count, name and value each), then by kind: event: content type, payload up to the end; void:
//! code, why; heartbeat and incarnation: JSON up to the end. Text has its length before it as u16.
//! The topic is not in it: a log and a frame belong to one.

use std::sync::Arc;

use bytes::{BufMut, Bytes};

use super::codec::{Nonsense, Read, Reader, put_position, put_text};
use crate::check;
use crate::message::{Body, EventId, Heads, History, Message};
use crate::position::Position;
use crate::timestamp::Timestamp;
use crate::topic::{Lane, Partition, To, Topic};

/// Bytes of the fixed part, up to and with the version.
const HEAD: usize = 16 + 24 + 4;
const HAS_PREV: u8 = 1;
const TO_PARTITION: u8 = 2;

/// What a broker looks at in a record: not more than it needs to place it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) event: EventId,
    pub(crate) position: Position,
    pub(crate) to: To,
}

/// How many bytes [`encode`] appends.
pub(crate) fn size(message: &Message) -> usize {
    let text = |text: &str| 2 + text.len();
    let headers: usize = message
        .headers
        .iter()
        .map(|(name, value)| text(name) + text(value))
        .sum();
    let body = match &message.body {
        Body::Event {
            content_type,
            payload,
        } => text(content_type) + payload.len(),
        Body::Void { code, why } => text(code) + text(why),
        Body::Heartbeat(heads) => check::heads_bytes(heads),
        Body::Incarnation(history) => check::json(history).len(),
    };
    let prev = if message.prev.is_some() { 24 } else { 0 };
    HEAD + prev + 8 + text(&message.source) + text(&message.key) + 2 + headers + body
}

/// Appends the record. The message has passed [`check::valid`], so every text fits its length.
pub(crate) fn encode(message: &Message, out: &mut Vec<u8>) {
    out.put_slice(&message.event.0);
    put_position(out, message.position);
    let (to_partition, place) = match message.to {
        To::Lane(lane) => (0, lane.number()),
        To::Partition(partition) => (TO_PARTITION, partition.number()),
    };
    let has_prev = if message.prev.is_some() { HAS_PREV } else { 0 };
    let kind = match &message.body {
        Body::Event { .. } => 0,
        Body::Void { .. } => 1,
        Body::Heartbeat(_) => 2,
        Body::Incarnation(_) => 3,
    };
    out.put_slice(&[kind, has_prev | to_partition, place, 0]);
    if let Some(prev) = message.prev {
        put_position(out, prev);
    }
    out.put_i64_le(message.occurred_at.micros());
    put_text(out, &message.source);
    put_text(out, &message.key);
    out.put_u16_le(u16::try_from(message.headers.len()).unwrap_or(u16::MAX));
    for (name, value) in &message.headers {
        put_text(out, name);
        put_text(out, value);
    }
    match &message.body {
        Body::Event {
            content_type,
            payload,
        } => {
            put_text(out, content_type);
            out.put_slice(payload);
        }
        Body::Void { code, why } => {
            put_text(out, code);
            put_text(out, why);
        }
        Body::Heartbeat(heads) => out.put_slice(&check::json(heads)),
        Body::Incarnation(history) => out.put_slice(&check::json(history)),
    }
}

/// Reads the fixed part only.
pub(crate) fn head(record: &Bytes) -> Read<Head> {
    let mut reader = Reader::new(record.clone());
    read_head(&mut reader).map(|(head, _, _)| head)
}

/// Reads the fixed part and who says it.
pub(crate) fn head_and_source(record: &Bytes) -> Read<(Head, Bytes)> {
    let mut reader = Reader::new(record.clone());
    let (head, _, flags) = read_head(&mut reader)?;
    if flags & HAS_PREV != 0 {
        reader.position()?;
    }
    reader.i64()?;
    let bytes = reader.u16()?;
    Ok((head, reader.take(usize::from(bytes))?))
}

fn read_head(reader: &mut Reader) -> Read<(Head, u8, u8)> {
    let (event, position) = (reader.event()?, reader.position()?);
    let (kind, flags, place, version) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
    if version != 0 {
        return Err(Nonsense("a record of a later version"));
    }
    let to = if flags & TO_PARTITION == 0 {
        Lane::new(place).map(To::Lane)
    } else {
        Partition::new(place).map(To::Partition)
    };
    let to = to.ok_or(Nonsense("a lane or partition above 63"))?;
    let head = Head {
        event,
        position,
        to,
    };
    Ok((head, kind, flags))
}

/// Reads all of it.
pub(crate) fn decode(topic: &Topic, record: Bytes) -> Read<Message> {
    let mut reader = Reader::new(record);
    let (head, kind, flags) = read_head(&mut reader)?;
    let prev = if flags & HAS_PREV == 0 {
        None
    } else {
        Some(reader.position()?)
    };
    let occurred_at = Timestamp::from_micros(reader.i64()?);
    let source: Arc<str> = reader.text()?.into();
    let key = reader.text()?;
    let count = reader.u16()?;
    let mut headers = Vec::with_capacity(usize::from(count).min(reader.left() / 4));
    for _ in 0..count {
        headers.push((reader.text()?, reader.text()?));
    }
    let body = match kind {
        0 => Body::Event {
            content_type: content_type(reader.text()?),
            payload: reader.rest(),
        },
        1 => {
            let (code, why) = (reader.text()?, reader.text()?);
            reader.end()?;
            Body::Void { code, why }
        }
        2 => Body::Heartbeat(from_json::<Heads>(&reader.rest())?),
        3 => Body::Incarnation(from_json::<History>(&reader.rest())?),
        _ => return Err(Nonsense("a kind of message that is not known")),
    };
    Ok(Message {
        event: head.event,
        topic: topic.clone(),
        to: head.to,
        key,
        source,
        position: head.position,
        prev,
        occurred_at,
        headers,
        body,
    })
}

fn content_type(text: String) -> Arc<str> {
    text.into()
}

fn from_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Read<T> {
    serde_json::from_slice(bytes).map_err(|_| Nonsense("JSON that is not what it should be"))
}
