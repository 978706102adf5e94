//! A service's session: publishing and tails.
//!
//! A topic that is written and one that is read have a connection of their own each, so that none
//! waits for another. What is sent twice and what comes too late is kept apart in
//! `freehold_broker::tailed`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use freehold_broker::tailed::{self, Known, Queues};
use freehold_broker::{
    BoxFuture, Error, ErrorKind, Limits, Login, Lost, Message, Partition, Rejection, Result,
    Session, Settled, Start, Subscription, Tail, Topic, call, cloudevents, valid,
};
use freehold_model::Fault;

use crate::connect::Place;
use crate::link::Link;
use crate::seek::Log;
use crate::subscription::{self, RabbitSubscription};
use crate::{admin, amqp, wire};

/// The most messages of one call.
pub(crate) const BATCH: usize = 4_096;
const _: () = assert!(BATCH as u64 <= tailed::WINDOW);

/// A topic that is written: what is known of it, and its connection. Known is what the call before
/// this one left behind; where it failed or was dropped, it is looked up again.
struct Writing(tokio::sync::Mutex<Option<(Log, Known)>>, Arc<Link>);

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
        let new = Arc::new(Writing(tokio::sync::Mutex::default(), self.link().await?));
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

    /// Sends what is not there yet; how many messages are stored, and what stopped it.
    async fn send(
        &self,
        topic: &Topic,
        messages: &[Message],
        wires: Vec<Bytes>,
    ) -> (usize, Result<()>) {
        let mut stored = 0;
        let sent = async {
            let writing = self.writing(topic).await?;
            let mut place = writing.0.lock().await;
            let (log, mut known) = match place.take() {
                Some(known) => known,
                None => look(&writing.1, topic).await?,
            };
            let mut queues = known.queues(&log, messages, wires).await?;
            let sent = send(&log.link, &mut queues).await;
            stored = queues.settled(messages.len());
            sent?;
            known.stored(messages);
            *place = Some((log, known));
            Ok(())
        };
        let sent = sent.await;
        (stored, sent)
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
async fn look(link: &Arc<Link>, topic: &Topic) -> Result<(Log, Known)> {
    let log = log(link, topic).await?;
    for partition in log.partitions.each() {
        let stream = log.stream(partition);
        link.declare(partition.number(), &stream).await?;
    }
    let known = Known::look(&log, log.partitions).await?;
    Ok((log, known))
}

async fn log(link: &Arc<Link>, topic: &Topic) -> Result<Log> {
    Ok(Log {
        link: link.clone(),
        topic: topic.clone(),
        partitions: admin::partitions(link, topic).await?,
    })
}

/// A frame at a time in each partition: it is stored whole or not at all, and what is behind a frame
/// that is not is never sent.
async fn send(link: &Link, queues: &mut Queues<Bytes>) -> Result<()> {
    loop {
        let mut under_way = Vec::new();
        for (partition, rest) in queues.rest() {
            under_way.push((partition, link.publish(partition.number(), rest)?));
        }
        if under_way.is_empty() {
            return Ok(());
        }
        let publishers: Vec<u8> = under_way.iter().map(|(one, _)| one.number()).collect();
        link.settle(publishers).await?;
        let mut failed = None;
        for (partition, count) in under_way {
            match link.refused(partition.number()) {
                Some(error) => failed = failed.or(Some(error)),
                None => queues.stored(partition, count),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
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
        Box::pin(call::settle(
            messages,
            |message| self.wire(message),
            |topic, good, wires| self.send(topic, good, wires),
        ))
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let tails = async {
                let link = self.reading(topic).await?;
                let log = log(&link, topic).await?;
                let mut tails = Vec::new();
                for partition in log.partitions.each() {
                    tails.push(tailed::tail(&log, partition).await?);
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
                let log = log(&link, topic).await?;
                let place =
                    subscription::Place::of(&self.front, &self.source, group, topic, partition);
                RabbitSubscription::open(&log, partition, place, start).await
            };
            let what = || format!("subscribe to {topic}, partition {}", partition.number());
            let opened = opened.await.map_err(|error| error.during(what()))?;
            Ok(Box::new(opened) as Box<dyn Subscription>)
        })
    }
}
