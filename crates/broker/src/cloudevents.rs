//! A message on other brokers' wires: CloudEvents 1.0 in binary mode, attributes as headers.
//!
//! Pure. `ce-id` is the event's id, `ce-source` the service, `ce-type` the topic (voids, heartbeats
//! and incarnations have types of their own, so that nobody takes them for the event),
//! `ce-partitionkey` the key. Extensions: `ce-fhposition`, `ce-fhprev`, `ce-fhlane`. The program's
//! own headers, `traceparent` among them, travel under their own names. Attributes are
//! percent-encoded as the HTTP binding (section 3.1.3.2) says.

use bytes::Bytes;

use crate::check;
use crate::contract::Malformed;
use crate::message::{Body, Message};
use crate::topic::{Lane, Partition, To, Topic};

const VOID: &str = "freehold.void.v1";
const HEARTBEAT: &str = "freehold.heartbeat.v1";
const INCARNATION: &str = "freehold.incarnation.v1";
const JSON: &str = "application/json";

/// Headers, in order, and what follows them.
pub fn encode(message: &Message) -> (Vec<(String, String)>, Bytes) {
    let (kind, content_type, payload) = match &message.body {
        Body::Event {
            content_type,
            payload,
        } => (message.topic.as_str(), &**content_type, payload.clone()),
        Body::Void { code, why } => (VOID, JSON, check::json(&(code, why)).into()),
        Body::Heartbeat(heads) => (HEARTBEAT, JSON, check::json(heads).into()),
        Body::Incarnation(history) => (INCARNATION, JSON, check::json(history).into()),
    };
    let mut headers = vec![
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", message.event.to_string()),
        ("ce-source", escape(&message.source)),
        ("ce-type", kind.to_owned()),
        ("ce-time", message.occurred_at.to_string()),
        ("content-type", content_type.to_owned()),
        ("ce-fhposition", message.position.to_string()),
    ];
    if let To::Lane(lane) = message.to {
        headers.push(("ce-partitionkey", escape(&message.key)));
        headers.push(("ce-fhlane", lane.number().to_string()));
    }
    if let Some(prev) = message.prev {
        headers.push(("ce-fhprev", prev.to_string()));
    }
    let ours = headers.into_iter();
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    let all = ours.chain(message.headers.iter().cloned()).collect();
    (all, payload)
}

/// The reverse. `partition` is where it was read from; names are compared without their case.
pub fn decode(
    topic: &Topic,
    partition: Partition,
    headers: impl IntoIterator<Item = (String, String)>,
    payload: Bytes,
) -> Result<Message, Malformed> {
    let mut attributes = std::collections::BTreeMap::new();
    let mut others = Vec::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if name.starts_with("ce-") || name == "content-type" {
            attributes.insert(name, value);
        } else if !name.starts_with("nats-") {
            others.push((name, value));
        }
    }
    let find = |name: &str| {
        let missing = || Malformed(format!("the header {name} is missing"));
        attributes.get(name).ok_or_else(missing)
    };
    if find("ce-specversion")? != "1.0" {
        return Err(Malformed("another version of CloudEvents".to_owned()));
    }
    let odd = |error: &dyn std::fmt::Display| Malformed(error.to_string());
    let lane = attributes.get("ce-fhlane");
    let to = match lane.map(|text| text.parse().ok().and_then(Lane::new)) {
        Some(Some(lane)) => To::Lane(lane),
        Some(None) => return Err(Malformed("a lane above 63".to_owned())),
        None => To::Partition(partition),
    };
    let body = match find("ce-type")?.as_str() {
        VOID => {
            let (code, why) = from_json(&payload)?;
            Body::Void { code, why }
        }
        HEARTBEAT => Body::Heartbeat(from_json(&payload)?),
        INCARNATION => Body::Incarnation(from_json(&payload)?),
        kind if kind == topic.as_str() => Body::Event {
            content_type: find("content-type")?.as_str().into(),
            payload,
        },
        other => return Err(Malformed(format!("an event of the type {other}"))),
    };
    let prev = attributes.get("ce-fhprev").map(|text| text.parse());
    let key = attributes.get("ce-partitionkey").map(|text| unescape(text));
    Ok(Message {
        event: find("ce-id")?.parse().map_err(|error| odd(&error))?,
        topic: topic.clone(),
        to,
        key: key.transpose()?.unwrap_or_default(),
        source: unescape(find("ce-source")?)?.into(),
        position: find("ce-fhposition")?
            .parse()
            .map_err(|error| odd(&error))?,
        prev: prev.transpose().map_err(|error| odd(&error))?,
        occurred_at: find("ce-time")?.parse().map_err(|error| odd(&error))?,
        headers: others,
        body,
    })
}

fn from_json<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(payload).map_err(|error| Malformed(error.to_string()))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x21..0x7f).contains(&byte) && byte != b'"' && byte != b'%' {
            out.push(char::from(byte));
        } else {
            let digit = |number: u8| char::from_digit(u32::from(number), 16).unwrap_or('0');
            out.push('%');
            out.push(digit(byte >> 4).to_ascii_uppercase());
            out.push(digit(byte & 15).to_ascii_uppercase());
        }
    }
    out
}

fn unescape(text: &str) -> Result<String, Malformed> {
    let odd = || Malformed("percent-encoding that cannot be".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit(), digit());
        let value = high.zip(low).map(|(high, low)| high * 16 + low);
        let value = value.and_then(|value| u8::try_from(value).ok());
        bytes.push(value.ok_or_else(odd)?);
    }
    String::from_utf8(bytes).map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::embedded::record_round_trip;
    use crate::message::{EventId, Heads, History};
    use crate::position::{Incarnation, Position};
    use crate::timestamp::Timestamp;

    fn position(number: u32, batch: u64, id: i64) -> Position {
        let incarnation = Incarnation { number, random: 9 };
        Position {
            incarnation,
            batch,
            id,
        }
    }

    fn message(key: String, value: String, id: [u8; 16], payload: Vec<u8>) -> Message {
        Message {
            event: EventId(id),
            topic: Topic::new("order.placed.v1").expect("a topic"),
            to: To::Lane(Lane::of(&key)),
            key,
            source: "orders".into(),
            position: position(2, 3, 4),
            prev: Some(position(1, 99, -1)),
            occurred_at: Timestamp::from_micros(1),
            headers: vec![("traceparent".to_owned(), value)],
            body: Body::Event {
                content_type: "text/plain; charset=utf-8".into(),
                payload: payload.into(),
            },
        }
    }

    fn comes_back(message: &Message, partition: Partition) {
        let (headers, payload) = encode(message);
        let back = decode(&message.topic, partition, headers, payload);
        assert_eq!(back.as_ref(), Ok(message));
        assert_eq!(record_round_trip(message).as_ref(), Some(message));
    }

    #[test]
    fn attributes_are_those_of_the_specification() {
        let message = message("a b".into(), "00-1-2-01".into(), [0x11; 16], b"{}".to_vec());
        let (headers, _) = encode(&message);
        let lines: Vec<String> = headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let expected = "ce-specversion: 1.0\n\
            ce-id: 11111111-1111-1111-1111-111111111111\n\
            ce-source: orders\n\
            ce-type: order.placed.v1\n\
            ce-time: 1970-01-01T00:00:00.000001Z\n\
            content-type: text/plain; charset=utf-8\n\
            ce-fhposition: 2-00000009.3.4\n\
            ce-partitionkey: a%20b\n\
            ce-fhlane: 48\n\
            ce-fhprev: 1-00000009.99.-1\n\
            traceparent: 00-1-2-01";
        assert_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn what_is_no_event_has_another_type() {
        let mut one = message("k".into(), "v".into(), [1; 16], Vec::new());
        one.body = Body::Void {
            code: "FH1".into(),
            why: "ü\n".into(),
        };
        let partition = Partition::new(5).expect("five");
        comes_back(&one, partition);
        one.to = To::Partition(partition);
        one.key = String::new();
        for body in [
            Body::Heartbeat(Heads::default()),
            Body::Incarnation(History::default()),
        ] {
            one.body = body;
            comes_back(&one, partition);
            let (headers, _) = encode(&one);
            assert!(headers.iter().all(|(_, value)| value != "order.placed.v1"));
        }
    }

    #[test]
    fn nonsense_is_told() {
        let (headers, payload) = encode(&message("k".into(), "v".into(), [1; 16], Vec::new()));
        let (topic, zero) = (
            Topic::new("order.placed.v1").expect("a topic"),
            Partition::new(0).expect("0"),
        );
        for left_out in 0..7 {
            let mut fewer = headers.clone();
            fewer.remove(left_out);
            assert!(
                decode(&topic, zero, fewer, payload.clone()).is_err(),
                "{left_out}"
            );
        }
        let other = Topic::new("order.paid.v1").expect("a topic");
        assert!(decode(&other, zero, headers, payload).is_err());
    }

    proptest! {
        #[test]
        fn messages_come_back(key in ".{0,40}", value in "[ -~]{0,40}", id: [u8; 16], payload: Vec<u8>) {
            comes_back(&message(key, value, id, payload), Partition::new(0).expect("0"));
        }

        #[test]
        fn no_record_makes_it_panic(bytes: Vec<u8>) {
            let _ = crate::embedded::read_record(bytes);
        }
    }
}
