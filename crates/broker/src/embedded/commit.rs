//! What the one writer does with a group of publish requests: append all, sync each touched file
//! once, then say what is durable. Blocking; owns no thread.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::fault::{StoreError, StoreResult};
use super::partition::{Incoming, read_blocks};
use super::record::{self, Head};
use super::rules::Rules;
use super::store::{Log, Store, TopicLog};
use super::{block, disk::Disk};
use crate::error::{Error, ErrorKind};
use crate::message::EventId;
use crate::position::Position;

/// One call of a client may come as several frames. After one of them failed the later ones must
/// not be stored.
#[derive(Debug, Default)]
pub(crate) struct Call(AtomicBool);

/// Part of a call: records of one topic, in order.
pub(crate) struct Publish {
    pub(crate) topic: Arc<TopicLog>,
    pub(crate) call: Arc<Call>,
    pub(crate) records: Vec<(Head, Bytes)>,
}

/// How many records, from the first on, are durable, and why not all.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) acknowledged: usize,
    pub(crate) stop: Option<Error>,
}

impl Outcome {
    /// Keeps the earlier of two ends.
    fn stop(&mut self, at: usize, error: Error) {
        if self.stop.is_none() || at < self.acknowledged {
            self.acknowledged = self.acknowledged.min(at);
            self.stop = Some(error);
        }
    }
}

/// A partition that was written to: who wrote, and from which of its records on.
type Touched = BTreeMap<(*const TopicLog, u8), Vec<(usize, usize)>>;

/// Stores a group. The outcomes stand in the order of the requests.
pub(crate) fn commit<R: Rules>(store: &Store, group: &[Publish], now_ms: i64) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(group.len());
    let mut touched = Touched::new();
    for (index, publish) in group.iter().enumerate() {
        let mut outcome = Outcome {
            acknowledged: publish.records.len(),
            stop: None,
        };
        if publish.call.0.load(Ordering::Acquire) {
            let what = "an earlier part of this call was not stored";
            outcome.stop(0, Error::new(ErrorKind::Invalid, what));
        } else {
            append::<R>(store, publish, index, now_ms, &mut outcome, &mut touched);
        }
        if outcome.stop.is_some() {
            publish.call.0.store(true, Ordering::Release);
        }
        outcomes.push(outcome);
    }
    for ((topic, partition), writers) in touched {
        let log = group
            .iter()
            .find(|publish| std::ptr::eq(Arc::as_ptr(&publish.topic), topic))
            .and_then(|publish| publish.topic.logs.get(usize::from(partition)));
        let Some(Err(error)) = log.map(sync::<R>) else {
            continue;
        };
        for (index, first) in writers {
            outcomes[index].stop(first, error.tell());
            group[index].call.0.store(true, Ordering::Release);
        }
    }
    outcomes
}

/// Makes durable what was appended, and lets readers have it.
fn sync<R: Rules>(log: &Log) -> StoreResult<()> {
    let Some(file) = log.lock().to_sync()? else {
        return Ok(());
    };
    let synced = if R::SYNC_BEFORE_ACKNOWLEDGING {
        file.sync()
    } else {
        Ok(())
    };
    let mut partition = log.lock();
    partition.synced::<R>(synced.is_ok());
    let next = partition.tail().1;
    drop(partition);
    log.readable.send_if_modified(|readable| {
        let more = *readable < next;
        *readable = next;
        more
    });
    Ok(synced?)
}

fn append<R: Rules>(
    store: &Store,
    publish: &Publish,
    index: usize,
    now_ms: i64,
    outcome: &mut Outcome,
    touched: &mut Touched,
) {
    let topic = &publish.topic;
    let mut by_partition: BTreeMap<u8, Vec<(usize, Incoming)>> = BTreeMap::new();
    for (at, (head, record)) in publish.records.iter().enumerate() {
        let partition = head.to.partition(topic.partitions).number();
        let incoming = (head.position, head.event, record.clone());
        by_partition
            .entry(partition)
            .or_default()
            .push((at, incoming));
    }
    // What must not be stored is found before anything is.
    for (partition, records) in &mut by_partition {
        let Some(log) = topic.logs.get(usize::from(*partition)) else {
            let what = format!("{} has no partition {partition}", topic.topic);
            outcome.stop(records[0].0, Error::new(ErrorKind::Missing, what));
            continue;
        };
        if let Err((at, error)) = drop_known::<R>(store.disk.as_ref(), log, records) {
            outcome.stop(at, error);
        }
    }
    let end = outcome.acknowledged;
    for (partition, mut records) in by_partition {
        records.retain(|(at, _)| *at < end);
        let (Some(log), Some((first, _))) =
            (topic.logs.get(usize::from(partition)), records.first())
        else {
            continue;
        };
        let first = *first;
        let records: Vec<Incoming> = records.into_iter().map(|(_, record)| record).collect();
        if let Err(error) = log.lock().append::<R>(&records, now_ms) {
            outcome.stop(first, error.tell());
        }
        touched
            .entry((Arc::as_ptr(topic), partition))
            .or_default()
            .push((index, first));
    }
}

/// Leaves only records behind the partition's tail. Those before it must be stored already, the
/// same event at the same position: they are dropped, and are durable when this returns.
fn drop_known<R: Rules>(
    disk: &dyn Disk,
    log: &Log,
    records: &mut Vec<(usize, Incoming)>,
) -> Result<(), (usize, Error)> {
    rising(records)?;
    let Some((last, _)) = log.lock().last() else {
        return Ok(());
    };
    let behind = records.partition_point(|(_, (position, ..))| *position <= last);
    if behind == 0 {
        return Ok(());
    }
    let (at, oldest, newest) = (records[0].0, records[0].1.0, records[behind - 1].1.0);
    let fail = |error: StoreError| (at, error.tell());
    sync::<R>(log).map_err(fail)?;
    let known = between(disk, log, oldest, newest).map_err(fail)?;
    let unknown = records[..behind]
        .iter()
        .find(|(_, (position, event, _))| !known.contains(&(*position, *event)));
    if let Some((at, (position, ..))) = unknown {
        let what = format!("{position} is not behind {last}, with which the partition ends");
        return Err((*at, Error::new(ErrorKind::Backwards, what)));
    }
    records.drain(..behind);
    Ok(())
}

fn rising(records: &[(usize, Incoming)]) -> Result<(), (usize, Error)> {
    let falls = records
        .windows(2)
        .find(|pair| pair[0].1.0 >= pair[1].1.0)
        .map(|pair| pair[1].0);
    falls.map_or(Ok(()), |at| {
        let what = "positions do not rise within the call";
        Err((at, Error::new(ErrorKind::Backwards, what)))
    })
}

/// What is stored from one position to another, both included.
fn between(
    disk: &dyn Disk,
    log: &Log,
    from: Position,
    to: Position,
) -> StoreResult<HashSet<(Position, EventId)>> {
    let mut found = HashSet::new();
    let before = Position {
        id: from.id.saturating_sub(1),
        ..from
    };
    let mut place = log.lock().find_position(before)?;
    while let Some(here) = place {
        let blocks = read_blocks(disk, &here, 1 << 20)?;
        let mut next = None;
        for bytes in blocks {
            let damaged = || StoreError::Damaged("a block cannot be read".to_owned());
            let (header, body) = block::whole(&bytes, true).map_err(|_| damaged())?;
            for bytes in block::records(&header, body).map_err(|_| damaged())? {
                let head = record::head(&bytes).map_err(|_| damaged())?;
                found.insert((head.position, head.event));
            }
            next = (header.last < to).then(|| header.next_offset());
        }
        place = match next {
            Some(offset) => log.lock().find_offset(offset)?,
            None => None,
        };
    }
    Ok(found)
}
