//! Messages → record batches, and back. Pure.
//!
//! CloudEvents' attributes are headers named `ce_…`, as its Kafka binding says; the key is the
//! record's key as well. Values stay percent-encoded as on the other brokers.

use bytes::{Buf as _, Bytes, BytesMut};
use freehold_broker::tailed::Chunk;
use freehold_broker::{
    Delivered, Error, ErrorKind, Malformed, Message, Partition, Result, Topic, cloudevents,
};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use crate::errors::nonsense;
use crate::wire::text;

/// What a batch takes beside its records, and a record beside its parts, at most.
const BATCH_BYTES: usize = 61;
const RECORD_BYTES: usize = 32;
const HEADER_BYTES: usize = 10;
/// The head of a batch as far as it is read here.
const HEAD_BYTES: usize = 27;
const MAGIC: u8 = 2;

/// A message as a record, and at most how many bytes it takes on the wire, in a batch of its own.
pub(crate) fn encode(message: &Message) -> (Record, usize) {
    let (headers, payload) = cloudevents::encode(message);
    let key = Bytes::from(message.key.clone().into_bytes());
    let mut bytes = BATCH_BYTES + RECORD_BYTES + key.len() + payload.len();
    let headers = headers.into_iter().map(|(name, value)| {
        bytes += HEADER_BYTES + name.len() + value.len();
        (text(to_kafka(name)), Some(Bytes::from(value)))
    });
    let headers = headers.collect();
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: message.occurred_at.micros() / 1_000,
        key: Some(key),
        value: Some(payload),
        headers,
    };
    (record, bytes)
}

fn to_kafka(name: String) -> String {
    match name.strip_prefix("ce-") {
        Some(attribute) => format!("ce_{attribute}"),
        None => name,
    }
}

fn from_kafka(name: &str) -> String {
    match name.strip_prefix("ce_") {
        Some(attribute) => format!("ce-{attribute}"),
        None => name.to_owned(),
    }
}

/// One batch of these records.
pub(crate) fn batch(records: &[(Record, usize)]) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let numbered = records.iter().enumerate().map(|(at, (record, _))| Record {
        // Where a record stands in its batch. The encoder wants numbers that rise beside it; the
        // first one is none.
        offset: i64::try_from(at).unwrap_or(i64::MAX),
        sequence: i32::try_from(at)
            .unwrap_or(i32::MAX)
            .wrapping_add(NO_SEQUENCE),
        ..record.clone()
    });
    let numbered: Vec<Record> = numbered.collect();
    RecordBatchEncoder::encode(&mut bytes, &numbered, &options).map_err(nonsense)?;
    Ok(bytes.freeze())
}

/// What a server delivered of a partition. Batches come whole: the first may begin before the place
/// that was asked for, and the last may be cut off. `asked`: what comes next if there is nothing.
pub(crate) fn decode(
    topic: &Topic,
    partition: Partition,
    mut bytes: Bytes,
    asked: u64,
) -> Result<Chunk> {
    let mut chunk = Chunk {
        first: asked,
        next: asked,
        messages: Vec::new(),
    };
    let mut any = false;
    while let Some(batch) = Batch::cut(&mut bytes)? {
        if !any {
            chunk.first = batch.first;
            any = true;
        }
        chunk.next = batch.next;
        batch.read(topic, partition, &mut chunk.messages)?;
    }
    Ok(chunk)
}

/// A batch as its head says it is.
struct Batch {
    first: u64,
    next: u64,
    /// The server's own records: ends of transactions.
    control: bool,
    readable: bool,
    bytes: Bytes,
}

impl Batch {
    /// `None`: nothing is left, or it is cut off.
    fn cut(rest: &mut Bytes) -> Result<Option<Self>> {
        if rest.len() < HEAD_BYTES {
            return Ok(None);
        }
        let mut head = &rest[..HEAD_BYTES];
        let first = head.get_i64();
        let length = usize::try_from(head.get_i32()).map_err(nonsense)?;
        let (_epoch, magic, _checksum) = (head.get_i32(), head.get_u8(), head.get_u32());
        let attributes = head.get_i16();
        let last = head.get_i32();
        if magic != MAGIC {
            return Err(nonsense(format!("a batch in format {magic}")));
        }
        if rest.len() - 12 < length {
            return Ok(None);
        }
        let first = u64::try_from(first).map_err(nonsense)?;
        let count = u64::try_from(last).map_err(nonsense)? + 1;
        Ok(Some(Self {
            first,
            next: first + count,
            control: attributes & 0x20 != 0,
            // None, gzip, Snappy.
            readable: attributes & 7 < 3,
            bytes: rest.split_to(12 + length),
        }))
    }

    fn read(
        mut self,
        topic: &Topic,
        partition: Partition,
        into: &mut Vec<Delivered>,
    ) -> Result<()> {
        if self.control {
            return Ok(());
        }
        if !self.readable {
            let why = || Malformed("its sender compressed it in a way that is not read".to_owned());
            into.extend((self.first..self.next).map(|offset| Delivered {
                offset,
                message: Err(why()),
            }));
            return Ok(());
        }
        let first = self.first;
        let damaged = |error| {
            let what = format!("the batch at offset {first}: {error}");
            Error::new(ErrorKind::Corrupt, what)
        };
        let records = RecordBatchDecoder::decode(&mut self.bytes)
            .map_err(damaged)?
            .records;
        for record in records {
            let offset = u64::try_from(record.offset).map_err(nonsense)?;
            into.push(Delivered {
                offset,
                message: message(topic, partition, record),
            });
        }
        Ok(())
    }
}

fn message(topic: &Topic, partition: Partition, record: Record) -> Result<Message, Malformed> {
    let text = |value: Option<Bytes>| {
        let value = value.unwrap_or_default();
        let odd = |_| Malformed("a header that is no text".to_owned());
        String::from_utf8(value.to_vec()).map_err(odd)
    };
    let headers = record.headers.into_iter();
    let headers = headers.map(|(name, value)| Ok((from_kafka(&name), text(value)?)));
    let headers = headers.collect::<Result<Vec<_>, Malformed>>()?;
    cloudevents::decode(topic, partition, headers, record.value.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use freehold_broker::{Body, EventId, Incarnation, Lane, Position, Timestamp, To};
    use proptest::prelude::*;

    use super::*;

    fn message(id: i64, key: &str, payload: Vec<u8>) -> Message {
        Message {
            event: EventId([7; 16]),
            topic: topic(),
            to: To::Lane(Lane::of(key)),
            key: key.to_owned(),
            source: "orders".into(),
            position: Position {
                incarnation: Incarnation {
                    number: 3,
                    random: 9,
                },
                batch: 1,
                id,
            },
            prev: None,
            occurred_at: Timestamp::from_micros(1_790_000_000_123_456),
            headers: vec![("traceparent".to_owned(), "00-1-2-01".to_owned())],
            body: Body::Event {
                content_type: "application/json".into(),
                payload: payload.into(),
            },
        }
    }

    fn topic() -> Topic {
        Topic::new("order.placed.v1").expect("a topic")
    }

    fn zero() -> Partition {
        Partition::new(0).expect("the first")
    }

    /// As a server stores it: it numbers batches.
    fn stored(first: u64, messages: &[Message]) -> Vec<u8> {
        let wires: Vec<_> = messages.iter().map(encode).collect();
        let mut bytes = batch(&wires).expect("a batch").to_vec();
        bytes[..8].copy_from_slice(&first.to_be_bytes());
        bytes
    }

    fn read(bytes: Vec<u8>) -> Result<Chunk> {
        decode(&topic(), zero(), bytes.into(), 5)
    }

    proptest! {
        #[test]
        fn messages_come_back_and_take_no_more_than_was_said(
            parts in proptest::collection::vec((".{0,30}", any::<Vec<u8>>()), 1..20),
        ) {
            let messages = parts.into_iter().zip(1..).map(|((key, payload), id)| message(id, &key, payload));
            let messages: Vec<Message> = messages.collect();
            let said: usize = messages.iter().map(|one| encode(one).1).sum();
            let bytes = stored(40, &messages);
            prop_assert!(bytes.len() <= said, "{} of {}", bytes.len(), said);
            let chunk = read(bytes).expect("a chunk");
            prop_assert_eq!((chunk.first, chunk.next), (40, 40 + messages.len() as u64));
            let found = chunk.messages.into_iter().map(|one| one.message.expect("ours"));
            prop_assert_eq!(found.collect::<Vec<_>>(), messages);
        }

        #[test]
        fn no_answer_makes_it_panic(bytes: Vec<u8>) {
            let _ = read(bytes);
        }
    }

    #[test]
    fn a_batch_that_is_cut_off_comes_with_the_next_answer() {
        let whole = stored(5, &[message(1, "a", vec![1])]);
        let next = stored(6, &[message(2, "b", vec![2; 500])]);
        for cut in 0..next.len() {
            let chunk = read([&whole[..], &next[..cut]].concat()).expect("a chunk");
            assert_eq!((chunk.next, chunk.messages.len()), (6, 1), "cut at {cut}");
        }
    }

    #[test]
    fn each_damaged_byte_behind_the_checksum_is_told() {
        let whole = stored(5, &[message(1, "a", vec![1; 40])]);
        for at in 17..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            let told = match read(damaged) {
                Err(error) => error.kind == ErrorKind::Corrupt || error.kind == ErrorKind::Protocol,
                // A batch that says it is of another kind is not taken for ours.
                Ok(chunk) => chunk.messages.iter().all(|one| one.message.is_err()),
            };
            assert!(told, "byte {at}");
        }
    }

    #[test]
    fn what_is_not_ours_is_passed_over_or_told() {
        let mut control = stored(5, &[message(1, "a", vec![1])]);
        control[22] |= 0x20;
        let chunk = read(control).expect("a chunk");
        assert_eq!((chunk.next, chunk.messages.len()), (6, 0));
        let mut compressed = stored(5, &[message(1, "a", vec![1]), message(2, "a", vec![1])]);
        compressed[22] |= 4;
        let chunk = read(compressed).expect("a chunk");
        assert_eq!((chunk.next, chunk.messages.len()), (7, 2));
        assert!(chunk.messages.iter().all(|one| one.message.is_err()));
        assert_eq!(read(Vec::new()).expect("nothing").next, 5);
    }
}
