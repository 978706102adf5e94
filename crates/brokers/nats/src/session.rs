//! A service's session: publishing and tails.
//!
//! Each message names the stream's sequence that it must follow (`Nats-Expected-Last-Sequence`), so
//! of a pipelined call nothing behind a failed message is stored, and an old leader's message is
//! refused once a new one has published. What a partition's tail already covers is not sent again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Subject;
use async_nats::header::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use bytes::Bytes;
use freehold_broker::{
    BoxFuture, Error, ErrorKind, Limits, Message, Partition, Partitions, Position, Rejection,
    Result, Session, Settled, Start, Subscription, Tail, Topic, call, cloudevents, valid,
};
use freehold_model::Fault;

use crate::connect::Link;
use crate::seek::Log;
use crate::subscription::NatsSubscription;
use crate::{admin, errors, names};

/// What is known of a topic that we write.
#[derive(Clone)]
struct Writing {
    stream: Stream,
    partitions: Partitions,
    /// Of the stream's last message.
    sequence: u64,
    /// Of each partition's last message, at the session's first call or after a failure, and since.
    last: BTreeMap<Partition, Position>,
}

pub(crate) struct NatsSession {
    link: Arc<Link>,
    source: Arc<str>,
    writing: Mutex<HashMap<Topic, Writing>>,
}

impl NatsSession {
    pub(crate) fn new(link: Arc<Link>, source: Arc<str>) -> Self {
        Self {
            link,
            source,
            writing: Mutex::default(),
        }
    }

    fn wire(&self, message: &Message, limit: usize) -> Result<Wire, Rejection> {
        valid(message)?;
        if message.source != self.source {
            let what = format!("the source is not {}, who is logged in", self.source);
            return Err(Rejection::Invalid(what));
        }
        let wire = Wire::of(message);
        let bytes = wire.bytes();
        if bytes > limit {
            return Err(Rejection::TooLarge { bytes, limit });
        }
        Ok(wire)
    }

    fn writing(&self) -> MutexGuard<'_, HashMap<Topic, Writing>> {
        // A panic elsewhere leaves a map that is asked for again.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, topic: &Topic) -> Result<Writing> {
        let (stream, partitions) = admin::stream(&self.link, topic).await?;
        let mut last = BTreeMap::new();
        for partition in partitions.each() {
            let log = self.log(&stream, topic, partition);
            if let Some(Ok(message)) = log.last().await?.map(|last| last.message) {
                last.insert(partition, message.position);
            }
        }
        Ok(Writing {
            sequence: stream.cached_info().state.last_sequence,
            stream,
            partitions,
            last,
        })
    }

    fn log<'a>(&'a self, stream: &'a Stream, topic: &'a Topic, partition: Partition) -> Log<'a> {
        Log {
            link: &self.link,
            stream,
            topic,
            partition,
        }
    }

    /// How many were stored, from the first on, and what stopped it.
    async fn send(
        &self,
        topic: &Topic,
        messages: &[Message],
        wires: Vec<Wire>,
    ) -> (usize, Result<()>) {
        // Taken out while a call is under way: what it leaves behind is looked up again.
        let known = self.writing().remove(topic);
        let found = match known {
            Some(known) => Ok(known),
            None => self.look(topic).await,
        };
        let mut writing = match found {
            Ok(writing) => writing,
            Err(error) => return (0, Err(error)),
        };
        let behind = match self.split(&writing, topic, messages).await {
            Ok(behind) => behind,
            Err((at, error)) => return (at, Err(error)),
        };
        let wires = wires.into_iter().zip(behind);
        let (stored, done) = self.pipeline(&mut writing, messages, wires).await;
        if done.is_ok() {
            self.writing().insert(topic.clone(), writing);
        }
        (stored, done)
    }

    /// Which messages are behind their partitions' tails. The others must be stored already.
    async fn split(
        &self,
        writing: &Writing,
        topic: &Topic,
        messages: &[Message],
    ) -> Result<Vec<bool>, (usize, Error)> {
        let mut behind = Vec::with_capacity(messages.len());
        let mut before: BTreeMap<Partition, Vec<&Message>> = BTreeMap::new();
        for message in messages {
            let partition = message.to.partition(writing.partitions);
            let last = writing.last.get(&partition);
            let is_behind = last.is_none_or(|last| message.position > *last);
            if !is_behind {
                before.entry(partition).or_default().push(message);
            }
            behind.push(is_behind);
        }
        for (partition, old) in before {
            let log = self.log(&writing.stream, topic, partition);
            let known = stored(&log, &old, writing.sequence + 1)
                .await
                .map_err(|error| (0, error))?;
            let unknown = messages.iter().position(|message| {
                let here = message.to.partition(writing.partitions) == partition;
                let old = writing.last.get(&partition) >= Some(&message.position);
                here && old && !known.contains(&(message.position, message.event))
            });
            if let Some(at) = unknown {
                let what = format!(
                    "{} is not behind the end of partition {}",
                    messages[at].position,
                    partition.number()
                );
                return Err((0, Error::new(ErrorKind::Backwards, what)));
            }
        }
        Ok(behind)
    }

    async fn pipeline(
        &self,
        writing: &mut Writing,
        messages: &[Message],
        wires: impl Iterator<Item = (Wire, bool)>,
    ) -> (usize, Result<()>) {
        let (mut acknowledged, mut done) = (0, Ok(()));
        let since = self.link.so_far();
        let (mut sent, mut failed) = (Vec::with_capacity(messages.len()), None);
        let mut sequence = writing.sequence;
        let mut subjects: BTreeMap<Partition, Subject> = BTreeMap::new();
        for (message, (wire, behind)) in messages.iter().zip(wires) {
            if !behind {
                sent.push((message, None));
                continue;
            }
            let partition = message.to.partition(writing.partitions);
            let subject = subjects
                .entry(partition)
                .or_insert_with(|| names::subject(&message.topic, partition).into());
            let publish = wire.publish(message).expected_last_sequence(sequence);
            let jetstream = &self.link.jetstream;
            match jetstream.send_publish(subject.clone(), publish).await {
                Ok(acknowledgement) => sent.push((message, Some(acknowledgement))),
                Err(error) => {
                    failed = Some(errors::publish(&error));
                    break;
                }
            }
            sequence += 1;
        }
        // All that is outstanding is waited for, whatever went wrong.
        let about = messages
            .first()
            .map_or(String::new(), |first| format!("freehold.{}.", first.topic));
        for (message, acknowledgement) in sent {
            let Some(acknowledgement) = acknowledgement else {
                acknowledged += usize::from(done.is_ok());
                continue;
            };
            let answer = async {
                acknowledgement
                    .await
                    .map_err(|error| errors::publish(&error))
            };
            match self.link.guard(since, &[&about], answer).await {
                Ok(stored) if done.is_ok() => {
                    acknowledged += 1;
                    let partition = message.to.partition(writing.partitions);
                    writing.sequence = writing.sequence.max(stored.sequence);
                    writing.last.insert(partition, message.position);
                }
                Ok(_) => {}
                // The first of them is told.
                Err(error) => done = done.and(Err(error)),
            }
        }
        (acknowledged, done.and(failed.map_or(Ok(()), Err)))
    }
}

/// Which of these messages, which are at or before the tail, the partition holds.
async fn stored(
    log: &Log<'_>,
    messages: &[&Message],
    next: u64,
) -> Result<HashSet<(Position, freehold_broker::EventId)>> {
    let positions = messages.iter().map(|message| message.position);
    let (Some(oldest), Some(newest)) = (positions.clone().min(), positions.max()) else {
        return Ok(HashSet::new());
    };
    let before = Position {
        id: oldest.id.saturating_sub(1),
        ..oldest
    };
    let first = log.stream.cached_info().state.first_sequence;
    let mut at = log.behind(before, first, next).await?;
    let mut found = HashSet::new();
    while let Some(one) = log.from(at).await? {
        at = one.offset + 1;
        let Ok(message) = one.message else { continue };
        if message.position > newest {
            break;
        }
        found.insert((message.position, message.event));
    }
    Ok(found)
}

/// A message as it goes out, made once: to see whether it fits, and to be sent.
struct Wire {
    headers: Vec<(String, String)>,
    payload: Bytes,
}

impl Wire {
    fn of(message: &Message) -> Self {
        let (headers, payload) = cloudevents::encode(message);
        Self { headers, payload }
    }

    /// As the server counts: headers with their names and line ends, and the payload.
    fn bytes(&self) -> usize {
        let lines: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        // `NATS/1.0`, the empty line, message id and expected sequence.
        lines + self.payload.len() + 256
    }

    fn publish(self, message: &Message) -> PublishMessage {
        let mut map = HeaderMap::new();
        for (name, value) in self.headers {
            map.append(name, value);
        }
        PublishMessage::build()
            .headers(map)
            .payload(self.payload)
            .message_id(message.id().to_string())
    }
}

impl Session for NatsSession {
    fn limits(&self) -> Limits {
        Limits {
            message_bytes: self.link.client.server_info().max_payload,
            batch: 4_096,
        }
    }

    fn warnings(&self) -> Vec<Fault> {
        let version = self.link.client.server_info().version;
        let message = if self.link.client.is_server_compatible(2, 10, 0) {
            format!("nats-server {version} does not tell whether it syncs before it acknowledges")
        } else {
            format!("nats-server {version} acknowledges before it syncs")
        };
        vec![
            Fault::new("FH3812", message)
                .help("set `sync_interval: always` in its `jetstream` block (2.10 or later)"),
        ]
    }

    fn broken(&self) -> bool {
        self.link.broken()
    }

    fn check(&self, message: &Message) -> Result<(), Rejection> {
        self.wire(message, self.limits().message_bytes).map(drop)
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        let limit = self.limits().message_bytes;
        Box::pin(call::settle(
            messages,
            move |message| self.wire(message, limit),
            |topic, good, wires| self.send(topic, good, wires),
        ))
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let what = |error: Error| error.during(format!("ask where {topic} ends"));
            let (stream, partitions) = admin::stream(&self.link, topic).await.map_err(what)?;
            let mut tails = Vec::new();
            for partition in partitions.each() {
                let last = self
                    .log(&stream, topic, partition)
                    .last()
                    .await
                    .map_err(what)?;
                let state = &stream.cached_info().state;
                tails.push(Tail {
                    partition,
                    first: state.first_sequence,
                    next: state.last_sequence + 1,
                    last: last
                        .and_then(|last| last.message.ok())
                        .map(|message| (message.position, message.event)),
                });
            }
            Ok(tails)
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
            let what = |error: Error| {
                error.during(format!(
                    "subscribe to {topic}, partition {}",
                    partition.number()
                ))
            };
            let (stream, _) = admin::stream(&self.link, topic).await.map_err(what)?;
            let log = self.log(&stream, topic, partition);
            let opened = NatsSubscription::open(self.link.clone(), &log, group, start).await;
            Ok(Box::new(opened.map_err(what)?) as Box<dyn Subscription>)
        })
    }
}
