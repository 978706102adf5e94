//! A service's session: publishing and tails. What is sent is acknowledged by all replicas in step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_broker::tailed::{self, Known, Queues};
use freehold_broker::{
    BoxFuture, Error, ErrorKind, Limits, Login, Message, Partition, Rejection, Result, Session,
    Settled, Start, Subscription, Tail, Topic, call, valid,
};
use freehold_model::Fault;
use futures_util::future::join_all;
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::records::Record;

use crate::cluster::Cluster;
use crate::connect::Place;
use crate::errors::{checked, nonsense};
use crate::link::Link;
use crate::log::Log;
use crate::subscription::KafkaSubscription;
use crate::wire::{self, version};
use crate::{admin, records};

/// The most messages of one call; two sessions' doubles are looked for that far.
const BATCH: usize = 4_096;
const _: () = assert!(BATCH as u64 <= tailed::WINDOW);
/// How long the replicas may take.
const REPLICAS: Duration = Duration::from_secs(30);
const ALL_REPLICAS: i16 = -1;

type Wire = (Record, usize);

/// A topic that is written: its connections, and what is known of it. Known is what the call before
/// this one left behind; where it failed or was dropped, it is looked up again.
struct Writing {
    log: Log,
    known: tokio::sync::Mutex<Option<Known>>,
}

pub(crate) struct KafkaSession {
    cluster: Arc<Cluster>,
    source: Arc<str>,
    writing: Mutex<HashMap<Topic, Arc<Writing>>>,
}

impl KafkaSession {
    pub(crate) async fn open(place: Place, login: &Login) -> Result<Self> {
        Ok(Self {
            cluster: Arc::new(Cluster::enter(place, login).await?),
            source: login.name.as_str().into(),
            writing: Mutex::default(),
        })
    }

    async fn writing(&self, topic: &Topic) -> Result<Arc<Writing>> {
        let known = |map: &HashMap<Topic, Arc<Writing>>| map.get(topic).cloned();
        if let Some(known) = known(&self.writing.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(known);
        }
        let new = Arc::new(Writing {
            log: Log::open(&self.cluster, topic).await?,
            known: tokio::sync::Mutex::default(),
        });
        let mut map = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(map.entry(topic.clone()).or_insert(new).clone())
    }

    fn wire(&self, message: &Message) -> Result<Wire, Rejection> {
        valid(message)?;
        if message.source != self.source {
            let what = format!("the source is not {}, who is logged in", self.source);
            return Err(Rejection::Invalid(what));
        }
        let wire = records::encode(message);
        let (bytes, limit) = (wire.1, admin::MESSAGE_BYTES);
        if bytes > limit {
            return Err(Rejection::TooLarge { bytes, limit });
        }
        Ok(wire)
    }

    /// Sends what is not there yet; how many messages are stored, and what stopped it.
    async fn send(
        &self,
        topic: &Topic,
        messages: &[Message],
        wires: Vec<Wire>,
    ) -> (usize, Result<()>) {
        let mut stored = 0;
        let sent = async {
            let writing = self.writing(topic).await?;
            let mut place = writing.known.lock().await;
            let mut known = match place.take() {
                Some(known) => known,
                None => Known::look(&writing.log, writing.log.leaders.partitions).await?,
            };
            let mut queues = known.queues(&writing.log, messages, wires).await?;
            let sent = send(&writing.log, &mut queues).await;
            stored = queues.settled(messages.len());
            sent?;
            known.stored(messages);
            *place = Some(known);
            Ok(())
        };
        let sent = sent
            .await
            .inspect_err(|error: &Error| self.ends_with(error));
        (stored, sent)
    }

    /// What is away comes back elsewhere: a session does not look for it.
    fn ends_with(&self, error: &Error) {
        if error.kind == ErrorKind::Unavailable {
            self.cluster.lost.because(&error.message);
        }
    }
}

/// A batch at a time in each partition: it is stored whole or not at all, and what is behind a batch
/// that is not is never sent.
async fn send(log: &Log, queues: &mut Queues<Wire>) -> Result<()> {
    loop {
        let round = queues.rest().map(|(partition, wires)| {
            let wires = &wires[..fitting(wires)];
            let link = log.links.get(&partition);
            async move {
                let link = link.ok_or_else(|| nonsense("a partition without a leader"))?;
                append(link, &log.topic, partition, wires).await?;
                Ok((partition, wires.len()))
            }
        });
        let round: Vec<Result<_>> = join_all(round).await;
        if round.is_empty() {
            return Ok(());
        }
        let mut failed = None;
        for appended in round {
            match appended {
                Ok((partition, count)) => queues.stored(partition, count),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
}

/// How many of these, one at least, make up a batch.
fn fitting(wires: &[Wire]) -> usize {
    let mut bytes = 0;
    let fit = wires.iter().take_while(|(_, more)| {
        bytes += more;
        bytes <= admin::MESSAGE_BYTES
    });
    fit.count().max(1)
}

async fn append(link: &Link, topic: &Topic, partition: Partition, wires: &[Wire]) -> Result<()> {
    let data = PartitionProduceData::default()
        .with_index(partition.number().into())
        .with_records(Some(records::batch(wires)?));
    let data = TopicProduceData::default()
        .with_name(wire::name(topic))
        .with_partition_data(vec![data]);
    let question = ProduceRequest::default()
        .with_acks(ALL_REPLICAS)
        .with_timeout_ms(i32::try_from(REPLICAS.as_millis()).unwrap_or(i32::MAX))
        .with_topic_data(vec![data]);
    let answered = link.ask(version::PRODUCE, &question).await?;
    let mut partitions = answered
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    let found = partitions
        .next()
        .ok_or_else(|| nonsense("no partition in the answer"))?;
    checked(found.error_code, topic.as_str())
}

impl Session for KafkaSession {
    fn limits(&self) -> Limits {
        Limits {
            message_bytes: admin::MESSAGE_BYTES,
            batch: BATCH,
        }
    }

    fn warnings(&self) -> Vec<Fault> {
        Vec::new()
    }

    fn broken(&self) -> bool {
        self.cluster.lost.is()
    }

    fn check(&self, message: &Message) -> Result<(), Rejection> {
        self.wire(message).map(drop)
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        Box::pin(call::settle(
            messages,
            |message| self.wire(message),
            |topic, good, wires| self.send(topic, good, wires),
        ))
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let tails = async {
                let log = Log::open(&self.cluster, topic).await?;
                let mut tails = Vec::new();
                for partition in log.leaders.partitions.each() {
                    tails.push(tailed::tail(&log, partition).await?);
                }
                Ok(tails)
            };
            let tails: Result<_> = tails.await;
            tails.map_err(|error| {
                self.ends_with(&error);
                error.during(format!("ask where {topic} ends"))
            })
        })
    }

    fn subscribe<'a>(
        &'a self,
        group: &'a str,
        topic: &'a Topic,
        partition: Partition,
        start: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        Box::pin(async move {
            let own = group
                .strip_prefix(&*self.source)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if !own {
                let what = format!("the group {group} is not {}'s", self.source);
                return Err(Error::new(ErrorKind::Denied, what));
            }
            let opened = KafkaSubscription::open(&self.cluster, group, topic, partition, start);
            let opened = opened.await.map_err(|error| {
                self.ends_with(&error);
                error.during(format!(
                    "subscribe to {topic}, partition {}",
                    partition.number()
                ))
            })?;
            Ok(Box::new(opened) as Box<dyn Subscription>)
        })
    }
}
