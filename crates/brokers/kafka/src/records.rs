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
