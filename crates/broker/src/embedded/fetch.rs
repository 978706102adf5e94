//! A fetch: waits until there is something to read, reads whole blocks, hands them out.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::fault::{StoreError, StoreResult};
use super::partition::read_blocks;
use super::protocol::Answer;
use super::server::Shared;
use super::store::{Log, TopicLog};
use crate::error::{Error, ErrorKind, Result};
use crate::topic::{Partition, Topic};
use bytes::Bytes;

/// What a client wants to read.
pub(crate) struct Wanted {
    pub(crate) lease: u64,
    pub(crate) group: String,
    pub(crate) topic: Topic,
    pub(crate) partition: Partition,
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
}

/// No answer is much larger, but for one larger block.
const MOST: u32 = 1 << 20;

/// Answers the request when it can.
pub(crate) async fn fetch(
    shared: Arc<Shared>,
    wanted: Wanted,
    request: u32,
    answers: mpsc::Sender<Vec<u8>>,
) {
    let readers = shared.readers.clone();
    let answer = match wait(&shared, &wanted).await {
        Ok(topic) => {
            let Ok(_permit) = readers.acquire().await else {
                return;
            };
            let work = move || read(&shared, &topic, &wanted);
            let stops = |_| Error::new(ErrorKind::Unavailable, "the broker stops");
            let blocks = tokio::task::spawn_blocking(work).await.map_err(stops);
            let answer = match blocks.and_then(|blocks| blocks) {
                Ok(blocks) => Answer::Blocks(blocks),
                Err(error) => Answer::Failed(error),
            };
            // The permit is held until the client takes it: so much is read at once, not more.
            let _ = answers.send(answer.frame(request)).await;
            return;
        }
        Err(error) => Answer::Failed(error),
    };
    let _ = answers.send(answer.frame(request)).await;
}

/// The log of a partition.
pub(crate) fn log(topic: &TopicLog, partition: Partition) -> Result<&Log> {
    let missing = || {
        let what = format!("{} has no partition {}", topic.topic, partition.number());
        Error::new(ErrorKind::Missing, what)
    };
    topic.log(partition).ok_or_else(missing)
}

/// Waits until the offset is readable, or somebody else reads for the group.
async fn wait(shared: &Shared, wanted: &Wanted) -> Result<Arc<TopicLog>> {
    let missing = || {
        let what = format!("there is no topic {}", wanted.topic);
        Error::new(ErrorKind::Missing, what)
    };
    let topic = shared.store.topic(&wanted.topic).ok_or_else(missing)?;
    let mut readable = log(&topic, wanted.partition)?.readable.subscribe();
    let place = (&wanted.group, &wanted.topic, wanted.partition);
    let taken = || {
        let what = format!("another subscription reads for the group {}", wanted.group);
        Error::new(ErrorKind::Conflict, what)
    };
    let mut lease = shared
        .groups
        .watch(place.0, place.1, place.2)
        .ok_or_else(taken)?;
    tokio::select! {
        biased;
        _ = lease.wait_for(|lease| *lease != wanted.lease) => Err(taken()),
        // It ends only with the topic, whose logs we hold.
        _ = readable.wait_for(|next| *next > wanted.offset) => Ok(topic.clone()),
    }
}

fn read(shared: &Shared, topic: &TopicLog, wanted: &Wanted) -> Result<Vec<Bytes>> {
    let log = log(topic, wanted.partition)?;
    let bytes = u64::from(wanted.bytes.clamp(1, MOST));
    let read = || -> StoreResult<Vec<Bytes>> {
        loop {
            let Some(place) = log.lock().find_offset(wanted.offset)? else {
                return Ok(Vec::new());
            };
            match read_blocks(shared.store.disk.as_ref(), &place, bytes) {
                // Retention took it just now: the next oldest.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(blocks) if blocks.is_empty() => {
                    let what = format!("{}: offset {} is not there", topic.topic, place.offset);
                    return Err(StoreError::Damaged(what));
                }
                blocks => return Ok(blocks?),
            }
        }
    };
    read().map_err(|error| error.tell())
}
