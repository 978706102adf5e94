//! A partition, being read over a connection of its own: the server holds a question back until
//! something comes. How far the group is stands with the cluster, as of any of its groups.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::tailed::{self, WINDOW};
use freehold_broker::{
    BoxFuture, Delivered, Partition, Position, Result, Start, Subscription, Topic,
};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{FetchRequest, OffsetCommitRequest, OffsetFetchRequest};

use crate::cluster::Cluster;
use crate::errors::{answer, checked, code, nonsense};
use crate::link::{Answer, Link, PATIENCE};
use crate::log::{self, Fetched, Log};
use crate::patience::Patience;
use crate::wire::{self, version};

/// How long the server holds a question back. A login that was removed is seen that late.
const WAIT: Duration = Duration::from_secs(5);
/// How much comes at once.
const BYTES: i32 = 1 << 20;
/// Between two looks at a place that is not there yet.
const MOMENT: Duration = Duration::from_millis(100);

/// Where a group says how far it is in a partition.
struct Place {
    link: Arc<Link>,
    group: String,
    topic: Topic,
    partition: Partition,
}

impl Place {
    /// What comes behind what is done.
    async fn read(&self) -> Result<Option<u64>> {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(wire::name(&self.topic))
            .with_partition_indexes(vec![self.partition.number().into()]);
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(wire::group(&self.group))
            .with_topics(Some(vec![topic]));
        let question = OffsetFetchRequest::default().with_groups(vec![group]);
        let patience = Patience::new();
        loop {
            let answered = self.link.ask(version::OFFSET_FETCH, &question).await?;
            let group = answered.groups.into_iter().next();
            let group = group.ok_or_else(|| nonsense("no group in the answer"))?;
            match group.error_code {
                code::LOADING if patience.any() => patience.moment("the group").await?,
                code::OK => {
                    let mut places = group.topics.iter().flat_map(|topic| &topic.partitions);
                    let place = places
                        .next()
                        .ok_or_else(|| nonsense("no partition in the answer"))?;
                    checked(place.error_code, &self.group)?;
                    return Ok(u64::try_from(place.committed_offset).ok());
                }
                other => return Err(answer(other, &self.group)),
            }
        }
    }

    async fn write(&self, next: u64) -> Result<()> {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(self.partition.number().into())
            .with_committed_offset(i64::try_from(next).map_err(nonsense)?)
            .with_committed_leader_epoch(-1);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(wire::name(&self.topic))
            .with_partitions(vec![partition]);
        let question = OffsetCommitRequest::default()
            .with_group_id(wire::group(&self.group))
            // Of a group whose members are nobody's but ours.
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        let answered = self.link.ask(version::OFFSET_COMMIT, &question).await?;
        let mut places = answered.topics.iter().flat_map(|topic| &topic.partitions);
        let place = places
            .next()
            .ok_or_else(|| nonsense("no partition in the answer"))?;
        checked(place.error_code, &self.group)
    }
}

pub(crate) struct KafkaSubscription {
    topic: Topic,
    partition: Partition,
    link: Arc<Link>,
    place: Place,
    /// Nothing before this offset is handed out; what is asked for next.
    from: u64,
    /// Nothing up to this position is, until the first message behind it.
    after: Option<(Position, u64)>,
    under_way: Option<Answer<FetchRequest>>,
    waiting: VecDeque<Delivered>,
    acknowledged: Option<u64>,
}

impl KafkaSubscription {
    pub(crate) async fn open(
        cluster: &Cluster,
        group: &str,
        topic: &Topic,
        partition: Partition,
        start: Start,
    ) -> Result<Self> {
        let leaders = cluster.leaders(topic).await?;
        let link = cluster.leader(&leaders, partition).await?;
        let place = Place {
            link: cluster.coordinator(group).await?,
            group: group.to_owned(),
            topic: topic.clone(),
            partition,
        };
        let (oldest, end) = log::bounds(&link, topic, partition).await?;
        let mut after = None;
        let from = match start {
            Start::Beginning => oldest,
            Start::Tail => end,
            Start::Offset(offset) => offset,
            Start::After(position) => {
                let links = [(partition, link.clone())].into();
                let topic = topic.clone();
                let log = Log {
                    topic,
                    leaders,
                    links,
                };
                let at = tailed::behind(&log, partition, position).await?;
                after = Some((position, at));
                at.saturating_sub(WINDOW)
            }
            Start::Acknowledged => place.read().await?.unwrap_or(oldest),
        };
        Ok(Self {
            topic: topic.clone(),
            partition,
            link,
            place,
            from: from.max(oldest),
            after,
            under_way: None,
            waiting: VecDeque::new(),
            acknowledged: None,
        })
    }

    /// Asks for more, once what was asked for has come. Cancellation safe: what is under way stays.
    async fn more(&mut self) -> Result<()> {
        let (topic, partition, from) = (&self.topic, self.partition, self.from);
        let under_way = match &mut self.under_way {
            Some(under_way) => under_way,
            none => none.insert(log::fetch(&self.link, topic, partition, from, BYTES, WAIT)?),
        };
        let fetched = log::fetched(under_way, topic, partition, from, PATIENCE).await;
        self.under_way = None;
        match fetched? {
            Fetched::Chunk(chunk) => {
                self.from = from.max(chunk.next);
                let new = chunk.messages.into_iter().filter(|one| one.offset >= from);
                self.waiting.extend(new);
            }
            Fetched::OutOfRange => {
                let (oldest, _) = log::bounds(&self.link, topic, partition).await?;
                if from < oldest {
                    self.from = oldest;
                } else {
                    // A place that is still to come.
                    tokio::time::sleep(MOMENT).await;
                }
            }
        }
        Ok(())
    }

    /// The next message that is to be handed out of those that are here.
    fn pop(&mut self) -> Option<Delivered> {
        loop {
            let found = self.waiting.pop_front()?;
            if let Some((position, at)) = self.after {
                match &found.message {
                    Ok(message) if message.position <= position => continue,
                    Err(_) if found.offset < at => continue,
                    _ => self.after = None,
                }
            }
            return Some(found);
        }
    }
}

impl Subscription for KafkaSubscription {
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>> {
        Box::pin(async move {
            let first = loop {
                if let Some(found) = self.pop() {
                    break found;
                }
                self.more().await?;
            };
            let mut found = vec![first];
            while found.len() < most {
                let Some(next) = self.pop() else { break };
                found.push(next);
            }
            Ok(found)
        })
    }

    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.acknowledged.is_none_or(|before| offset > before) {
                self.place.write(offset + 1).await?;
                self.acknowledged = Some(offset);
            }
            Ok(())
        })
    }
}
