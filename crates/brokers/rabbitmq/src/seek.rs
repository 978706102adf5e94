//! Reading a stream from a place on, and finding places: where it ends, and where a position is.
//! Offsets count messages, and positions rise with them: so it is searched by halving.
//!
//! A stream is never empty: it begins with a message that `apply` writes ([`beginning`]). Without it
//! nobody could tell a stream that holds nothing from one whose answer is late.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::{
    Delivered, EventId, Malformed, Message, Partition, Position, Result, Tail, Topic, cloudevents,
};
use tokio::sync::mpsc;

use crate::chunk::{self, Chunk};
use crate::link::{Link, PATIENCE};
use crate::wire::From;
use crate::{amqp, errors};

/// So many messages before the place of a position are looked at again: where two sessions published
/// at once, what the late one sent stands a second time behind what is newer. It is no more than
/// one call.
pub(crate) const WINDOW: u64 = crate::session::BATCH as u64;

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

/// A partition of a topic.
pub(crate) struct Log<'a> {
    pub(crate) link: &'a Arc<Link>,
    pub(crate) stream: String,
    pub(crate) topic: &'a Topic,
    pub(crate) partition: Partition,
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

impl Log<'_> {
    /// One chunk. Only where there is one: otherwise this waits.
    async fn chunk(&self, from: From) -> Result<Chunk> {
        let mut reader = Reader::open(self.link, &self.stream, from, Amount::One).await?;
        reader.patient().await
    }

    fn ours(&self, chunk: Chunk) -> impl DoubleEndedIterator<Item = Delivered> {
        chunk
            .each()
            .filter_map(|(offset, record)| delivered(self.topic, self.partition, offset, record))
    }

    /// Where it ends.
    pub(crate) async fn tail(&self) -> Result<Tail> {
        let (next, last) = self.last().await?;
        let oldest = self.chunk(From::First).await?;
        let behind = oldest.next();
        let first = self
            .ours(oldest)
            .next()
            .map_or(behind, |first| first.offset);
        Ok(Tail {
            partition: self.partition,
            first,
            next,
            last,
        })
    }

    /// What comes behind its end, and its last message. What others put there is passed over.
    pub(crate) async fn last(&self) -> Result<(u64, Option<(Position, EventId)>)> {
        let mut chunk = self.chunk(From::Last).await?;
        let next = chunk.next();
        loop {
            let first = chunk.first;
            let found = self.ours(chunk).rev().find_map(|one| one.message.ok());
            if let Some(message) = found {
                return Ok((next, Some((message.position, message.event))));
            }
            if first == 0 {
                return Ok((next, None));
            }
            chunk = self.chunk(From::Offset(first - 1)).await?;
            if chunk.first >= first {
                // Retention has taken what was before it.
                return Ok((next, None));
            }
        }
    }

    /// An offset from which on all messages of the partition are behind the position, but for such
    /// as were sent twice: those begin at most [`WINDOW`] before it.
    pub(crate) async fn behind(&self, position: Position) -> Result<u64> {
        let (mut low, mut high) = (0, self.last().await?.0);
        while low < high {
            let middle = low + (high - low) / 2;
            let chunk = self.chunk(From::Offset(middle)).await?;
            let end = chunk.next();
            let mut before = None;
            let mut behind = None;
            for one in self.ours(chunk).filter(|one| one.offset >= middle) {
                match one.message {
                    Ok(message) if message.position <= position => before = Some(one.offset),
                    Ok(_) if behind.is_none() => behind = Some(one.offset),
                    // What cannot be read has no position: look at what is before it.
                    _ => {}
                }
            }
            match (before, behind) {
                (Some(before), Some(behind)) if before < behind => return Ok(behind),
                (Some(_), _) => low = end.max(middle + 1),
                (None, _) => high = middle,
            }
        }
        Ok(low)
    }

    /// Which of these messages, which are at or before the end, the partition holds.
    pub(crate) async fn stored(
        &self,
        messages: &[&Message],
    ) -> Result<HashSet<(Position, EventId)>> {
        let positions = messages.iter().map(|message| message.position);
        let Some(oldest) = positions.min() else {
            return Ok(HashSet::new());
        };
        let before = Position {
            id: oldest.id.saturating_sub(1),
            ..oldest
        };
        let from = self.behind(before).await?.saturating_sub(WINDOW);
        let (next, _) = self.last().await?;
        let mut wanted: HashSet<_> = messages
            .iter()
            .map(|one| (one.position, one.event))
            .collect();
        let mut found = HashSet::new();
        let mut reader =
            Reader::open(self.link, &self.stream, From::Offset(from), Amount::All).await?;
        while !wanted.is_empty() {
            let chunk = reader.next().await?;
            let end = chunk.next();
            for message in self.ours(chunk).filter_map(|one| one.message.ok()) {
                let id = (message.position, message.event);
                if wanted.remove(&id) {
                    found.insert(id);
                }
            }
            if end >= next {
                break;
            }
        }
        Ok(found)
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
