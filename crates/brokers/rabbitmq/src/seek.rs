//! Reading a stream from a place on, and looking at what stands around a place.
//!
//! A stream is never empty: it begins with a message that `apply` writes ([`beginning`]). Without it
//! nobody could tell a stream that holds nothing from one whose answer is late.

use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::tailed::{self, Place};
use freehold_broker::{
    BoxFuture, Delivered, Malformed, Partition, Partitions, Result, Topic, cloudevents,
};
use tokio::sync::mpsc;

use crate::chunk::{self, Chunk};
use crate::link::{Link, PATIENCE};
use crate::wire::From;
use crate::{amqp, errors, names};

const BEGINNING: (&str, &str) = ("freehold", "begin");

/// What every stream begins with.
pub(crate) fn beginning() -> Bytes {
    let (name, value) = BEGINNING;
    amqp::encode(&[(name.to_owned(), value.to_owned())], b"")
}

/// How many bytes of a stream the server may send before they are read, as far as chunks can be
/// told beforehand: credit is counted in chunks, which hold one message or thousands.
const AHEAD_BYTES: usize = 1 << 20;
const AHEAD_CHUNKS: std::ops::RangeInclusive<usize> = 2..=256;

/// How much credit a reader should have for chunks of this size.
fn credit(chunk_bytes: usize) -> u16 {
    let chunks = AHEAD_BYTES / chunk_bytes.max(1);
    let chunks = chunks.clamp(*AHEAD_CHUNKS.start(), *AHEAD_CHUNKS.end());
    u16::try_from(chunks).unwrap_or(u16::MAX)
}

/// How much of a stream is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    /// One chunk.
    One,
    /// All that comes.
    All,
}

/// Reads a stream, chunk by chunk.
pub(crate) struct Reader {
    link: Arc<Link>,
    id: u8,
    chunks: mpsc::UnboundedReceiver<Result<Bytes>>,
    amount: Amount,
    /// What the server may still send.
    credit: u16,
    /// Of the latest chunks, about.
    chunk_bytes: usize,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.link.unsubscribe(self.id);
    }
}

impl Reader {
    pub(crate) async fn open(
        link: &Arc<Link>,
        stream: &str,
        from: From,
        amount: Amount,
    ) -> Result<Self> {
        let credit = match amount {
            Amount::One => 1,
            Amount::All => 4,
        };
        let (seat, chunks) = link.subscribe(stream, from, credit).await?;
        Ok(Self {
            id: seat.keep(),
            link: link.clone(),
            chunks,
            amount,
            credit,
            chunk_bytes: 0,
        })
    }

    /// The next chunk. Cancellation safe.
    pub(crate) async fn next(&mut self) -> Result<Chunk> {
        let bytes = self.link.delivered(&mut self.chunks).await?;
        self.arrived(bytes)
    }

    fn arrived(&mut self, bytes: Bytes) -> Result<Chunk> {
        self.credit = self.credit.saturating_sub(1);
        self.chunk_bytes = match self.chunk_bytes {
            0 => bytes.len(),
            before => (before * 7 + bytes.len()) / 8,
        };
        let wanted = credit(self.chunk_bytes);
        if self.amount == Amount::All && self.credit <= wanted / 2 {
            self.link.credit(self.id, wanted - self.credit);
            self.credit = wanted;
        }
        chunk::read(bytes)
    }

    /// The next chunk, where there is one. Without it the server is slow, or nobody began the stream.
    pub(crate) async fn patient(&mut self) -> Result<Chunk> {
        let late = |_| errors::unavailable("the stream does not answer: is it `freehold apply`'s?");
        tokio::time::timeout(PATIENCE, self.next())
            .await
            .map_err(late)?
    }

    /// A chunk that has come already, if there is one.
    pub(crate) fn waiting(&mut self) -> Option<Result<Chunk>> {
        let bytes = self.chunks.try_recv().ok()?;
        Some(bytes.and_then(|bytes| self.arrived(bytes)))
    }
}

/// A topic's partitions.
pub(crate) struct Log {
    pub(crate) link: Arc<Link>,
    pub(crate) topic: Topic,
    pub(crate) partitions: Partitions,
}

/// A stored message as it is delivered; `None`: the beginning.
pub(crate) fn delivered(
    topic: &Topic,
    partition: Partition,
    offset: u64,
    record: Option<Bytes>,
) -> Option<Delivered> {
    let compressed = || Malformed("its sender compressed it".to_owned());
    let message = record.ok_or_else(compressed).and_then(amqp::decode);
    if let Ok((headers, _)) = &message
        && let [(name, value)] = &headers[..]
        && (name.as_str(), value.as_str()) == BEGINNING
    {
        return None;
    }
    let decode = |(headers, payload)| cloudevents::decode(topic, partition, headers, payload);
    let message = message.and_then(decode);
    Some(Delivered { offset, message })
}

impl Log {
    pub(crate) fn stream(&self, partition: Partition) -> String {
        names::stream(&self.topic, partition, self.partitions)
    }
}

impl tailed::Log for Log {
    fn chunk(&self, partition: Partition, place: Place) -> BoxFuture<'_, Result<tailed::Chunk>> {
        Box::pin(async move {
            let from = match place {
                Place::First => From::First,
                Place::Last => From::Last,
                Place::Offset(offset) => From::Offset(offset),
            };
            let stream = self.stream(partition);
            let mut reader = Reader::open(&self.link, &stream, from, Amount::One).await?;
            let chunk = reader.patient().await?;
            let (first, next) = (chunk.first, chunk.next());
            let each = chunk.each();
            let messages = each
                .filter_map(|(offset, record)| delivered(&self.topic, partition, offset, record));
            Ok(tailed::Chunk {
                first,
                next,
                messages: messages.collect(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chunks_come_many_at_a_time() {
        assert_eq!([0, 300, 3_000].map(credit), [256, 256, 256]);
        assert_eq!([100_000, 4 << 20, usize::MAX].map(credit), [10, 2, 2]);
    }
}
