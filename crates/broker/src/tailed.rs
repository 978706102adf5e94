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
        let mut side = Side::default();
        while side.end < high && side.before.or(side.behind).is_none() {
            side = Side::of(log, partition, middle.max(side.end), position).await?;
        }
        match (side.before, side.behind) {
            (Some(before), Some(behind)) if before < behind => return Ok(behind),
            (Some(_), _) => low = side.end.max(middle + 1),
            (None, _) => high = middle,
        }
    }
    Ok(low)
}

/// On which side of a position stands what is at a place. What cannot be read has no position: then
/// neither is known, and what comes behind it decides.
#[derive(Default)]
struct Side {
    /// The last that is not behind the position.
    before: Option<u64>,
    /// The first that is.
    behind: Option<u64>,
    end: u64,
}

impl Side {
    async fn of(log: &dyn Log, partition: Partition, at: u64, position: Position) -> Result<Self> {
        let chunk = log.chunk(partition, Place::Offset(at)).await?;
        let mut side = Self {
            end: chunk.next.max(at + 1),
            ..Self::default()
        };
        for one in chunk.messages.iter().filter(|one| one.offset >= at) {
            match &one.message {
                Ok(message) if message.position <= position => side.before = Some(one.offset),
                Ok(_) if side.behind.is_none() => side.behind = Some(one.offset),
                _ => {}
            }
        }
        Ok(side)
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::contract::Malformed;
    use crate::message::Body;
    use crate::position::Incarnation;
    use crate::timestamp::Timestamp;
    use crate::topic::{Lane, To, Topic};

    /// One partition: numbers of messages by offset, `None` for what is nobody's, from an offset on
    /// that retention left; so many come at once.
    #[derive(Debug, Clone)]
    struct Memory {
        oldest: u64,
        all: Vec<Option<i64>>,
        at_once: u64,
    }

    fn position(id: i64) -> Position {
        let incarnation = Incarnation {
            number: 1,
            random: 1,
        };
        Position {
            incarnation,
            batch: 0,
            id,
        }
    }

    fn message(id: i64) -> Message {
        Message {
            event: EventId([u8::try_from(id).expect("small"); 16]),
            topic: Topic::new("order.placed.v1").expect("a topic"),
            to: To::Lane(Lane::of("")),
            key: String::new(),
            source: Arc::from("orders"),
            position: position(id),
            prev: None,
            occurred_at: Timestamp::from_micros(0),
            headers: Vec::new(),
            body: Body::Void {
                code: String::new(),
                why: String::new(),
            },
        }
    }

    const ONLY: Partitions = Partitions::ONE;

    fn only() -> Partition {
        Partition::new(0).expect("the first")
    }

    impl Log for Memory {
        fn chunk(&self, _: Partition, place: Place) -> BoxFuture<'_, Result<Chunk>> {
            let next = self.oldest + self.all.len() as u64;
            let at = match place {
                Place::First => self.oldest,
                Place::Last => next.saturating_sub(1),
                Place::Offset(offset) => offset,
            };
            // As drivers do, it begins where something was stored together: perhaps before.
            let at = at.max(self.oldest);
            let first = if place == Place::First {
                at
            } else {
                at - at.min(at - self.oldest) % self.at_once
            };
            let until = next.min(first.max(at) + self.at_once).max(first);
            let here = (first..until).map(|offset| Delivered {
                offset,
                message: match self.all[usize::try_from(offset - self.oldest).expect("small")] {
                    Some(id) => Ok(message(id)),
                    None => Err(Malformed("nobody's".to_owned())),
                },
            });
            let messages = here.collect();
            Box::pin(async move {
                Ok(Chunk {
                    first,
                    next: until,
                    messages,
                })
            })
        }
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(future)
    }

    prop_compose! {
        /// What one session stored, with what is nobody's in between, and old ones gone.
        fn alone()(
            steps in proptest::collection::vec((1..3_i64, any::<bool>(), 0..5_u8), 0..60),
            gone in 0..20_usize,
            oldest in 0..3_u64,
            at_once in 1..9_u64,
        ) -> Memory {
            let mut all = Vec::new();
            let mut id = 0;
            for (step, _, kind) in steps {
                id += step;
                all.push((kind > 0).then_some(id));
            }
            let gone = gone.min(all.len());
            all.drain(..gone);
            Memory { oldest: oldest + gone as u64, all, at_once }
        }
    }

    proptest! {
        #[test]
        fn the_end_is_the_last_that_is_ours(log in alone()) {
            let (next, last) = now(end(&log, only())).expect("no error");
            prop_assert_eq!(next, log.oldest + log.all.len() as u64);
            let newest = log.all.iter().rev().find_map(|one| *one);
            prop_assert_eq!(last.map(|last| last.0.id), newest);
            let first = now(tail(&log, only())).expect("no error").first;
            prop_assert_eq!(first, log.oldest);
        }

        #[test]
        fn everything_from_there_on_is_behind(log in alone(), asked in 0..140_i64) {
            let at = now(behind(&log, only(), position(asked))).expect("no error");
            for (offset, id) in (log.oldest..).zip(&log.all) {
                if let Some(id) = id {
                    prop_assert_eq!(offset >= at, *id > asked, "offset {} of {}", offset, at);
                }
            }
        }

        #[test]
        fn what_is_there_is_left_out_and_what_never_was_is_refused(
            log in alone(),
            asked in proptest::collection::btree_set(1..140_i64, 1..30),
        ) {
            let messages: Vec<Message> = asked.iter().map(|id| message(*id)).collect();
            let known = now(Known::look(&log, ONLY)).expect("no error");
            let newest = log.all.iter().rev().find_map(|one| *one).unwrap_or(0);
            let there: HashSet<i64> = log.all.iter().filter_map(|one| *one).collect();
            let late = asked.iter().any(|id| *id <= newest && !there.contains(id));
            match now(known.queues(&log, &messages, asked.iter().copied().collect())) {
                Err(error) => prop_assert!(late && error.kind == ErrorKind::Backwards),
                Ok(mut queues) => {
                    prop_assert!(!late);
                    let new: Vec<i64> = asked.iter().copied().filter(|id| *id > newest).collect();
                    let old = messages.len() - new.len();
                    let sent: Vec<i64> = queues.rest().flat_map(|(_, rest)| rest.to_vec()).collect();
                    prop_assert_eq!(&sent, &new);
                    for stored in 0..=new.len() {
                        let all = if new.is_empty() { messages.len() } else { old + stored };
                        prop_assert_eq!(queues.settled(messages.len()), all);
                        queues.stored(only(), 1);
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_late_session_stored_twice_hides_nothing() {
        // One stored 1 to 6; another, which looked before, stored 3 and 4 behind it.
        let all = [1, 2, 3, 4, 5, 6, 3, 4].map(Some).to_vec();
        let log = Memory {
            oldest: 0,
            all,
            at_once: 1,
        };
        for asked in 0..8 {
            let at = now(behind(&log, only(), position(asked))).expect("no error");
            let from = at.saturating_sub(WINDOW);
            let missed = (0..)
                .zip(&log.all)
                .filter(|(offset, id)| *offset < from && id.is_some_and(|id| id > asked));
            assert_eq!(missed.count(), 0, "behind {asked}");
        }
    }
}
