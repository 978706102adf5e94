//! A service's session: publishing and tails.
//!
//! A topic that is written and one that is read have a connection of their own each, so that none
//! waits for another. What a partition's end already covers is not sent again, and what is behind
//! it and not there is refused. That is seen before sending, not while: two sessions that publish at
//! once can both pass, and then what the late one sends stands there twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use freehold_broker::{
    BoxFuture, Error, ErrorKind, Limits, Login, Message, Partition, Partitions, Position,
    Rejection, Result, Session, Settled, Start, Stop, Subscription, Tail, Topic, cloudevents,
    valid,
};
use freehold_model::Fault;

use crate::connect::Place;
use crate::link::{Link, Lost};
use crate::seek::Log;
use crate::subscription::{self, RabbitSubscription};
use crate::{admin, amqp, names, wire};

/// The most messages of one call.
pub(crate) const BATCH: usize = 4_096;

/// A topic that is written: its connection, and what is known of it. Known is what the call before
/// this one left behind; where it failed or was dropped, it is looked up again.
struct Writing {
    link: Arc<Link>,
    known: tokio::sync::Mutex<Option<Known>>,
}

struct Known {
    partitions: Partitions,
    /// Of each partition's last message.
    last: BTreeMap<Partition, Position>,
}

pub(crate) struct RabbitSession {
    place: Place,
    login: Login,
    source: Arc<str>,
    lost: Lost,
    /// Where groups say how far they are.
    front: Arc<Link>,
    writing: Mutex<HashMap<Topic, Arc<Writing>>>,
    reading: Mutex<HashMap<Topic, Arc<Link>>>,
}

impl RabbitSession {
    pub(crate) async fn open(place: Place, login: &Login) -> Result<Self> {
        let lost = Lost::not_yet();
        let front = Link::open(&place, login, &lost).await?;
        Ok(Self {
            place,
            login: login.clone(),
            source: login.name.as_str().into(),
            lost,
            front,
            writing: Mutex::default(),
            reading: Mutex::default(),
        })
    }

    async fn link(&self) -> Result<Arc<Link>> {
        Link::open(&self.place, &self.login, &self.lost).await
    }

    async fn writing(&self, topic: &Topic) -> Result<Arc<Writing>> {
        if let Some(known) = look_up(&self.writing, topic) {
            return Ok(known);
        }
        let new = Arc::new(Writing {
            link: self.link().await?,
            known: tokio::sync::Mutex::default(),
        });
        Ok(remember(&self.writing, topic, new))
    }

    async fn reading(&self, topic: &Topic) -> Result<Arc<Link>> {
        if let Some(known) = look_up(&self.reading, topic) {
            return Ok(known);
        }
        Ok(remember(&self.reading, topic, self.link().await?))
    }

    fn wire(&self, message: &Message) -> Result<Bytes, Rejection> {
        valid(message)?;
        if message.source != self.source {
            let what = format!("the source is not {}, who is logged in", self.source);
            return Err(Rejection::Invalid(what));
        }
        let (headers, payload) = cloudevents::encode(message);
        let (bytes, limit) = (payload.len(), self.limits().message_bytes);
        if bytes > limit {
            return Err(Rejection::TooLarge { bytes, limit });
        }
        let wire = amqp::encode(&headers, &payload);
        let bytes = wire.len();
        if bytes > limit {
            return Err(Rejection::TooLarge { bytes, limit });
        }
        Ok(wire)
    }

    /// Sends what is not there yet.
    async fn send(&self, topic: &Topic, messages: &[Message], wires: Vec<Bytes>) -> Settled {
        let mut settled = Settled {
            acknowledged: 0,
            stop: None,
        };
        if messages.is_empty() {
            return settled;
        }
        let sent = async {
            let writing = self.writing(topic).await?;
            let mut place = writing.known.lock().await;
            let mut known = match place.take() {
                Some(known) => known,
                None => look(&writing.link, topic).await?,
            };
            let new = missing(&writing.link, topic, &known, messages).await?;
            let mut queues = Queues::of(&known, messages, wires, &new);
            let stop = queues.send(&writing.link).await;
            settled.acknowledged = queues.settled(messages.len());
            stop?;
            for message in messages {
                let last = known.last.entry(message.to.partition(known.partitions));
                let last = last.or_insert(message.position);
                *last = message.position.max(*last);
            }
            *place = Some(known);
            Ok(())
        };
        if let Err(error) = sent.await {
            settled.stop = Some(Stop::Failed(error));
        }
        settled
    }
}

fn look_up<T: Clone>(map: &Mutex<HashMap<Topic, T>>, topic: &Topic) -> Option<T> {
    let map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.get(topic).cloned()
}

/// The first one stays, where two were made at once.
fn remember<T: Clone>(map: &Mutex<HashMap<Topic, T>>, topic: &Topic, new: T) -> T {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.entry(topic.clone()).or_insert(new).clone()
}

/// Where a topic ends, once all that was sent before is settled, and the right to go on there.
async fn look(link: &Arc<Link>, topic: &Topic) -> Result<Known> {
    let partitions = admin::partitions(link, topic).await?;
    let mut last = BTreeMap::new();
    for partition in partitions.each() {
        let log = log(link, topic, partition, partitions);
        link.declare(partition.number(), &log.stream).await?;
        if let Some((position, _)) = log.last().await?.1 {
            last.insert(partition, position);
        }
    }
    Ok(Known { partitions, last })
}

fn log<'a>(
    link: &'a Arc<Link>,
    topic: &'a Topic,
    partition: Partition,
    partitions: Partitions,
) -> Log<'a> {
    let stream = names::stream(topic, partition, partitions);
    Log {
        link,
        stream,
        topic,
        partition,
    }
}

/// Which messages are behind the ends of their partitions. The others must be stored already.
async fn missing(
    link: &Arc<Link>,
    topic: &Topic,
    known: &Known,
    messages: &[Message],
) -> Result<Vec<bool>> {
    let mut before: BTreeMap<Partition, Vec<&Message>> = BTreeMap::new();
    let new = messages.iter().map(|message| {
        let partition = message.to.partition(known.partitions);
        let last = known.last.get(&partition);
        let new = last.is_none_or(|last| message.position > *last);
        if !new {
            before.entry(partition).or_default().push(message);
        }
        new
    });
    let new = new.collect();
    for (partition, old) in before {
        let stored: HashSet<_> = log(link, topic, partition, known.partitions)
            .stored(&old)
            .await?;
        let unknown = old
            .iter()
            .find(|old| !stored.contains(&(old.position, old.event)));
        if let Some(unknown) = unknown {
            let (position, number) = (unknown.position, partition.number());
            let what = format!("{position} is not behind the end of partition {number}");
            return Err(Error::new(ErrorKind::Backwards, what));
        }
    }
    Ok(new)
}

/// What is to be sent, by partition, with the places in the call.
struct Queues(BTreeMap<Partition, Queue>);

#[derive(Default)]
struct Queue {
    wires: Vec<Bytes>,
    places: Vec<usize>,
    stored: usize,
}

impl Queues {
    fn of(known: &Known, messages: &[Message], wires: Vec<Bytes>, new: &[bool]) -> Self {
        let mut queues: BTreeMap<Partition, Queue> = BTreeMap::new();
        for (place, (message, wire)) in messages.iter().zip(wires).enumerate() {
            if new[place] {
                let queue = queues
                    .entry(message.to.partition(known.partitions))
                    .or_default();
                queue.wires.push(wire);
                queue.places.push(place);
            }
        }
        Self(queues)
    }

    /// A frame at a time in each partition: it is stored whole or not at all, and what is behind a
    /// frame that is not is never sent.
    async fn send(&mut self, link: &Link) -> Result<()> {
        loop {
            let mut under_way = Vec::new();
            for (partition, queue) in &self.0 {
                let rest = &queue.wires[queue.stored..];
                if !rest.is_empty() {
                    let publisher = partition.number();
                    under_way.push((*partition, link.publish(publisher, rest)?));
                }
            }
            if under_way.is_empty() {
                return Ok(());
            }
            let publishers: Vec<u8> = under_way.iter().map(|(one, _)| one.number()).collect();
            link.settle(publishers).await?;
            let mut failed = None;
            for (partition, count) in under_way {
                match (link.refused(partition.number()), self.0.get_mut(&partition)) {
                    (Some(error), _) => failed = failed.or(Some(error)),
                    (None, Some(queue)) => queue.stored += count,
                    (None, None) => {}
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }

    /// So many messages of the call, from the first on, are stored.
    fn settled(&self, all: usize) -> usize {
        let open = self
            .0
            .values()
            .filter_map(|queue| queue.places.get(queue.stored));
        open.min().copied().unwrap_or(all)
    }
}

impl Session for RabbitSession {
    fn limits(&self) -> Limits {
        Limits {
            message_bytes: self.front.frame_bytes.saturating_sub(wire::PUBLISH_BYTES),
            batch: BATCH,
        }
    }

    fn warnings(&self) -> Vec<Fault> {
        let message = format!(
            "RabbitMQ {} acknowledges what streams hold before it syncs",
            self.front.version
        );
        vec![Fault::new("FH3812", message).help(
            "it never syncs: let three nodes that do not fail together hold each stream, or bear it",
        )]
    }

    fn broken(&self) -> bool {
        self.lost.is()
    }

    fn check(&self, message: &Message) -> Result<(), Rejection> {
        self.wire(message).map(drop)
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            let Some(topic) = messages.first().map(|first| &first.topic) else {
                return Settled {
                    acknowledged: 0,
                    stop: None,
                };
            };
            // Found before anything is sent: nothing behind what is refused may be stored.
            let mut wires = Vec::with_capacity(messages.len());
            let mut refused = None;
            for message in messages {
                let checked = if message.topic == *topic {
                    self.wire(message)
                } else {
                    Err(Rejection::Invalid("one call, one topic".to_owned()))
                };
                match checked {
                    Ok(wire) => wires.push(wire),
                    Err(rejection) => {
                        refused = Some(rejection);
                        break;
                    }
                }
            }
            let good = &messages[..wires.len()];
            let mut settled = self.send(topic, good, wires).await;
            settled.stop = match (settled.stop, refused) {
                (Some(Stop::Failed(error)), _) => {
                    Some(Stop::Failed(error.during(format!("publish to {topic}"))))
                }
                (None, Some(rejection)) => Some(Stop::Rejected(rejection)),
                (stop, _) => stop,
            };
            settled
        })
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let tails = async {
                let link = self.reading(topic).await?;
                let partitions = admin::partitions(&link, topic).await?;
                let mut tails = Vec::new();
                for partition in partitions.each() {
                    tails.push(log(&link, topic, partition, partitions).tail().await?);
                }
                Ok(tails)
            };
            tails
                .await
                .map_err(|error: Error| error.during(format!("ask where {topic} ends")))
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
            let opened = async {
                let link = self.reading(topic).await?;
                let partitions = admin::partitions(&link, topic).await?;
                let log = log(&link, topic, partition, partitions);
                let place =
                    subscription::Place::of(&self.front, &self.source, group, topic, partition);
                RabbitSubscription::open(&log, place, start).await
            };
            let what = || format!("subscribe to {topic}, partition {}", partition.number());
            let opened = opened.await.map_err(|error| error.during(what()))?;
            Ok(Box::new(opened) as Box<dyn Subscription>)
        })
    }
}
