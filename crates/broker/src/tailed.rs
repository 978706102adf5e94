//! Publishing to a log without conditional appends, and finding places in it.
//!
//! What a partition's end already covers is not sent again, and what is behind it and not there is
//! refused. That is seen before sending, not while: two sessions that send at once can both pass,
//! and then what the late one sends stands there twice, behind what is newer. Consumers drop it.
//!
//! Offsets rise with positions, so places are found by halving. How a log is read and written is the
//! driver's.

use std::collections::{BTreeMap, HashSet};

use freehold_engine::BoxFuture;

use crate::contract::{Delivered, Tail};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{EventId, Message};
use crate::position::Position;
use crate::topic::{Partition, Partitions};

/// So many messages before the place of a position are looked at again: what a late session sent
/// stands a second time behind what is newer. It is no more than one call of it.
pub const WINDOW: u64 = 4_096;

/// Where to read in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the oldest message.
    First,
    /// At the newest message.
    Last,
    /// At this offset; at the oldest message where that is newer.
    Offset(u64),
}

/// Some messages that stand together.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The offset at which it begins.
    pub first: u64,
    /// Greater than every offset in it.
    pub next: u64,
    /// In order. Offsets may be missing.
    pub messages: Vec<Delivered>,
}

/// A topic's partitions, being read.
pub trait Log: Send + Sync {
    /// What stands around a place: the message there and some of those behind it, perhaps some
    /// before it. Nothing where the partition is empty; never waits for a message to come.
    fn chunk(&self, partition: Partition, place: Place) -> BoxFuture<'_, Result<Chunk>>;
}

/// Where a partition ends, as [`crate::Session::tails`] tells it.
pub async fn tail(log: &dyn Log, partition: Partition) -> Result<Tail> {
    let (next, last) = end(log, partition).await?;
    let oldest = log.chunk(partition, Place::First).await?;
    let first = oldest.messages.first();
    Ok(Tail {
        partition,
        first: first.map_or(oldest.next, |first| first.offset),
        next,
        last,
    })
}

/// What comes behind a partition's end, and its last message. What others put there is passed over.
pub async fn end(
    log: &dyn Log,
    partition: Partition,
) -> Result<(u64, Option<(Position, EventId)>)> {
    let mut chunk = log.chunk(partition, Place::Last).await?;
    let next = chunk.next;
    loop {
        let mut ours = chunk.messages.into_iter().rev();
        if let Some(message) = ours.find_map(|one| one.message.ok()) {
            return Ok((next, Some((message.position, message.event))));
        }
        let first = chunk.first;
        if first == 0 {
            return Ok((next, None));
        }
        chunk = log.chunk(partition, Place::Offset(first - 1)).await?;
        if chunk.first >= first {
            // Retention has taken what was before it.
            return Ok((next, None));
        }
    }
}

/// An offset from which on all messages of the partition are behind the position, but for such as
/// were sent twice: those begin at most [`WINDOW`] before it.
pub async fn behind(log: &dyn Log, partition: Partition, position: Position) -> Result<u64> {
    let (mut low, mut high) = (0, end(log, partition).await?.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let chunk = log.chunk(partition, Place::Offset(middle)).await?;
        let end = chunk.next;
        let mut before = None;
        let mut behind = None;
        for one in chunk.messages.iter().filter(|one| one.offset >= middle) {
            match &one.message {
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
async fn stored(
    log: &dyn Log,
    partition: Partition,
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
    let mut from = behind(log, partition, before).await?.saturating_sub(WINDOW);
    let (next, _) = end(log, partition).await?;
    let ids = messages.iter().map(|one| (one.position, one.event));
    let mut wanted: HashSet<_> = ids.collect();
    let mut found = HashSet::new();
    while !wanted.is_empty() && from < next {
        let chunk = log.chunk(partition, Place::Offset(from)).await?;
        for message in chunk
            .messages
            .into_iter()
            .filter_map(|one| one.message.ok())
        {
            let id = (message.position, message.event);
            if wanted.remove(&id) {
                found.insert(id);
            }
        }
        from = chunk.next.max(from + 1);
    }
    Ok(found)
}

/// What is known of a topic that is being written.
#[derive(Debug)]
pub struct Known {
    partitions: Partitions,
    last: BTreeMap<Partition, Position>,
}

impl Known {
    /// Looks where each partition ends.
    pub async fn look(log: &dyn Log, partitions: Partitions) -> Result<Self> {
        let mut last = BTreeMap::new();
        for partition in partitions.each() {
            if let Some((position, _)) = end(log, partition).await?.1 {
                last.insert(partition, position);
            }
        }
        Ok(Self { partitions, last })
    }

    /// Sorts what is not there yet by partition. [`ErrorKind::Backwards`] where a message is behind
    /// the end and not there.
    pub async fn queues<W>(
        &self,
        log: &dyn Log,
        messages: &[Message],
        wires: Vec<W>,
    ) -> Result<Queues<W>> {
        let mut queues = BTreeMap::<Partition, Queue<W>>::new();
        let mut before = BTreeMap::<Partition, Vec<&Message>>::new();
        for (place, (message, wire)) in messages.iter().zip(wires).enumerate() {
            let partition = message.to.partition(self.partitions);
            let last = self.last.get(&partition);
            if last.is_none_or(|last| message.position > *last) {
                let queue = queues.entry(partition).or_default();
                queue.wires.push(wire);
                queue.places.push(place);
            } else {
                before.entry(partition).or_default().push(message);
            }
        }
        for (partition, old) in before {
            let stored = stored(log, partition, &old).await?;
            let mut old = old.iter();
            if let Some(unknown) = old.find(|old| !stored.contains(&(old.position, old.event))) {
                let (position, number) = (unknown.position, partition.number());
                let what = format!("{position} is not behind the end of partition {number}");
                return Err(Error::new(ErrorKind::Backwards, what));
            }
        }
        Ok(Queues(queues))
    }

    /// All of these are there now.
    pub fn stored(&mut self, messages: &[Message]) {
        for message in messages {
            let last = self.last.entry(message.to.partition(self.partitions));
            let last = last.or_insert(message.position);
            *last = message.position.max(*last);
        }
    }
}

/// What is to be sent, by partition, with the places in the call.
#[derive(Debug)]
pub struct Queues<W>(BTreeMap<Partition, Queue<W>>);

#[derive(Debug)]
struct Queue<W> {
    wires: Vec<W>,
    places: Vec<usize>,
    stored: usize,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self {
            wires: Vec::new(),
            places: Vec::new(),
            stored: 0,
        }
    }
}

impl<W> Queues<W> {
    /// What is not stored yet, in order; partitions without anything are left out.
    pub fn rest(&self) -> impl Iterator<Item = (Partition, &[W])> {
        let rest = self.0.iter();
        let rest = rest.map(|(partition, queue)| (*partition, &queue.wires[queue.stored..]));
        rest.filter(|(_, wires)| !wires.is_empty())
    }

    /// So many more of a partition's messages are stored.
    pub fn stored(&mut self, partition: Partition, count: usize) {
        if let Some(queue) = self.0.get_mut(&partition) {
            queue.stored += count;
        }
    }

    /// So many messages of the call (it has `all`), from the first on, are stored.
    pub fn settled(&self, all: usize) -> usize {
        let open = self.0.values();
        let open = open.filter_map(|queue| queue.places.get(queue.stored));
        open.min().copied().unwrap_or(all)
    }
}
