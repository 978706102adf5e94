//! A topic's partitions, being looked at: where they begin and end, and what stands at a place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::tailed::{self, Chunk, Place};
use freehold_broker::{BoxFuture, Partition, Result, Topic};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest};

use crate::cluster::{Cluster, Leaders};
use crate::errors::{answer, checked, code, nonsense};
use crate::link::{Answer, Link, PATIENCE};
use crate::records;
use crate::wire::{self, version};

/// A reader that is no replica.
const NOBODY: BrokerId = BrokerId(-1);
const OLDEST: i64 = -2;
const NEWEST: i64 = -1;
/// How much is asked for at once where it is only looked at. One batch comes at least.
const LOOK_BYTES: i32 = 64 << 10;

pub(crate) struct Log {
    pub(crate) topic: Topic,
    pub(crate) leaders: Leaders,
    /// To the leader of each partition.
    pub(crate) links: HashMap<Partition, Arc<Link>>,
}

impl Log {
    pub(crate) async fn open(cluster: &Cluster, topic: &Topic) -> Result<Self> {
        let leaders = cluster.leaders(topic).await?;
        let links = cluster.led(&leaders).await?;
        Ok(Self {
            topic: topic.clone(),
            leaders,
            links,
        })
    }

    fn link(&self, partition: Partition) -> Result<&Arc<Link>> {
        let link = self.links.get(&partition);
        link.ok_or_else(|| answer(code::NO_TOPIC, self.topic.as_str()))
    }

    async fn look(&self, partition: Partition, place: Place) -> Result<Chunk> {
        let link = self.link(partition)?;
        let (first, next) = bounds(link, &self.topic, partition).await?;
        let mut at = match place {
            Place::First => first,
            Place::Last => next.saturating_sub(1),
            Place::Offset(offset) => offset,
        }
        .max(first);
        loop {
            if at >= next {
                let messages = Vec::new();
                return Ok(Chunk {
                    first: at,
                    next,
                    messages,
                });
            }
            let mut answer = fetch(link, &self.topic, partition, at, LOOK_BYTES, Duration::ZERO)?;
            match fetched(&mut answer, &self.topic, partition, at, PATIENCE).await? {
                Fetched::Chunk(mut chunk) if place == Place::First => {
                    chunk.messages.retain(|one| one.offset >= first);
                    return Ok(chunk);
                }
                Fetched::Chunk(chunk) => return Ok(chunk),
                // Retention was quicker.
                Fetched::OutOfRange => at = bounds(link, &self.topic, partition).await?.0,
            }
        }
    }
}

impl tailed::Log for Log {
    fn chunk(&self, partition: Partition, place: Place) -> BoxFuture<'_, Result<Chunk>> {
        Box::pin(self.look(partition, place))
    }
}

/// The oldest offset that can be read, and what comes behind the newest.
pub(crate) async fn bounds(link: &Link, topic: &Topic, partition: Partition) -> Result<(u64, u64)> {
    let (oldest, newest) = (
        offset(link, topic, partition, OLDEST).await?,
        offset(link, topic, partition, NEWEST).await?,
    );
    Ok((oldest, newest.max(oldest)))
}

async fn offset(link: &Link, topic: &Topic, partition: Partition, which: i64) -> Result<u64> {
    let about = topic.as_str();
    let place = ListOffsetsPartition::default()
        .with_partition_index(partition.number().into())
        .with_current_leader_epoch(-1)
        .with_timestamp(which);
    let topic = ListOffsetsTopic::default()
        .with_name(wire::name(topic))
        .with_partitions(vec![place]);
    let question = ListOffsetsRequest::default()
        .with_replica_id(NOBODY)
        .with_topics(vec![topic]);
    let answered = link.ask(version::LIST_OFFSETS, &question).await?;
    let mut partitions = answered.topics.iter().flat_map(|topic| &topic.partitions);
    let found = partitions
        .next()
        .ok_or_else(|| nonsense("no partition in the answer"))?;
    checked(found.error_code, about)?;
    u64::try_from(found.offset).map_err(nonsense)
}

/// What a fetch brought.
pub(crate) enum Fetched {
    Chunk(Chunk),
    /// The place is before the oldest message, or behind the end.
    OutOfRange,
}

/// Asks for what stands from a place on. The server waits this long where there is nothing.
pub(crate) fn fetch(
    link: &Link,
    topic: &Topic,
    partition: Partition,
    at: u64,
    bytes: i32,
    wait: Duration,
) -> Result<Answer<FetchRequest>> {
    let place = FetchPartition::default()
        .with_partition(partition.number().into())
        .with_current_leader_epoch(-1)
        .with_fetch_offset(i64::try_from(at).map_err(nonsense)?)
        .with_last_fetched_epoch(-1)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(bytes);
    let topic = FetchTopic::default()
        .with_topic(wire::name(topic))
        .with_partitions(vec![place]);
    let question = FetchRequest::default()
        .with_replica_id(NOBODY)
        .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(1)
        .with_max_bytes(bytes)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    link.send(version::FETCH, &question)
}

/// Waits for it. Cancellation safe.
pub(crate) async fn fetched(
    answer: &mut Answer<FetchRequest>,
    topic: &Topic,
    partition: Partition,
    at: u64,
    patience: Duration,
) -> Result<Fetched> {
    let fetched: FetchResponse = answer.within(patience).await?;
    let about = topic.as_str();
    checked(fetched.error_code, about)?;
    let mut partitions = fetched
        .responses
        .into_iter()
        .flat_map(|topic| topic.partitions);
    let found = partitions
        .next()
        .ok_or_else(|| nonsense("no partition in the answer"))?;
    if found.error_code == code::OUT_OF_RANGE {
        return Ok(Fetched::OutOfRange);
    }
    checked(found.error_code, about)?;
    let bytes = found.records.unwrap_or_default();
    records::decode(topic, partition, bytes, at).map(Fetched::Chunk)
}
