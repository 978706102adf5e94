//! A service's session with the embedded broker.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use freehold_model::Fault;

use super::block::BODY;
use super::client::{Link, unexpected};
use super::protocol::{self, Answer, Ask, WireStart};
use super::record;
use super::store::locked;
use super::subscription::EmbeddedSubscription;
use crate::contract::{Limits, Session, Settled, Start, Stop, Subscription, Tail};
use crate::error::{Error, ErrorKind, Rejection, Result};
use crate::message::Message;
use crate::topic::{Partition, Topic};
use crate::{BoxFuture, check};

/// A frame of a publish call is sent at about so many bytes.
const FRAME: usize = 256 << 10;

pub(crate) struct EmbeddedSession {
    link: Arc<Link>,
    limits: Limits,
    source: Arc<str>,
    calls: AtomicU32,
    /// Topics with a call under way: two at once would mix.
    busy: Mutex<HashSet<Topic>>,
}

impl EmbeddedSession {
    pub(crate) fn new(link: Arc<Link>, limits: Limits, source: Arc<str>) -> Self {
        Self {
            link,
            limits,
            source,
            calls: AtomicU32::new(1),
            busy: Mutex::default(),
        }
    }

    async fn send(&self, messages: &[Message]) -> Settled {
        let Some(topic) = messages.first().map(|first| &first.topic) else {
            return Settled {
                acknowledged: 0,
                stop: None,
            };
        };
        // Found before anything is sent: nothing behind what is refused may be stored.
        let other = |message: &Message| message.topic != *topic;
        let refused = messages.iter().enumerate().find_map(|(index, message)| {
            let checked = if other(message) {
                Err(Rejection::Invalid("one call, one topic".to_owned()))
            } else {
                self.check(message)
            };
            checked.err().map(|rejection| (index, rejection))
        });
        let good = refused.as_ref().map_or(messages.len(), |(index, _)| *index);
        let mut settled = self.send_checked(topic, &messages[..good]).await;
        if let (None, Some((_, rejection))) = (&settled.stop, refused) {
            settled.stop = Some(Stop::Rejected(rejection));
        }
        settled
    }

    async fn send_checked(&self, topic: &Topic, messages: &[Message]) -> Settled {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut sent = Vec::new();
        let mut rest = messages;
        let mut failed = None;
        while !rest.is_empty() {
            let number = self.link.number();
            let mut frame = protocol::begin_publish(number, call, sent.is_empty(), topic);
            let mut count = 0;
            while count < rest.len() && (count == 0 || frame.len() < FRAME) {
                protocol::put_record(&mut frame, |out| record::encode(&rest[count], out));
                count += 1;
            }
            match self
                .link
                .send(number, protocol::finish_publish(frame))
                .await
            {
                Ok(answer) => sent.push((count, answer)),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            rest = &rest[count..];
        }
        // Everything that is outstanding is waited for, whatever went wrong.
        let mut settled = Settled {
            acknowledged: 0,
            stop: None,
        };
        for (count, answer) in sent {
            let (acknowledged, stop) = match self.link.answer(answer).await {
                Ok(Answer::Published { acknowledged, stop }) => {
                    (usize::try_from(acknowledged).unwrap_or(0).min(count), stop)
                }
                Ok(other) => (0, Some(unexpected(&other))),
                Err(error) => (0, Some(error)),
            };
            if settled.stop.is_none() {
                settled.acknowledged += acknowledged;
                settled.stop = stop.map(|error| failed_in(topic, error));
            }
        }
        if let (None, Some(error)) = (&settled.stop, failed) {
            settled.stop = Some(failed_in(topic, error));
        }
        settled
    }
}

fn failed_in(topic: &Topic, error: Error) -> Stop {
    Stop::Failed(error.during(format!("publish to {topic}")))
}

/// Says when a call is over, also when its future was dropped.
struct Busy<'a>(&'a EmbeddedSession, &'a Topic);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        locked(&self.0.busy).remove(self.1);
    }
}

impl Session for EmbeddedSession {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn warnings(&self) -> Vec<Fault> {
        Vec::new()
    }

    fn broken(&self) -> bool {
        self.link.broken()
    }

    fn check(&self, message: &Message) -> Result<(), Rejection> {
        check::valid(message)?;
        if message.source != self.source {
            let what = format!("the source is not {}, who is logged in", self.source);
            return Err(Rejection::Invalid(what));
        }
        let (bytes, limit) = (
            record::size(message),
            self.limits.message_bytes.min(BODY - 4),
        );
        if bytes > limit {
            return Err(Rejection::TooLarge { bytes, limit });
        }
        Ok(())
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            let Some(first) = messages.first() else {
                return self.send(messages).await;
            };
            if !locked(&self.busy).insert(first.topic.clone()) {
                let what = "a call for this topic is under way";
                let error = Error::new(ErrorKind::Invalid, what);
                return Settled {
                    acknowledged: 0,
                    stop: Some(failed_in(&first.topic, error)),
                };
            }
            let _busy = Busy(self, &first.topic);
            self.send(messages).await
        })
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let ask = Ask::Tails {
                topic: topic.clone(),
            };
            let what = || format!("ask where {topic} ends");
            match self.link.ask(&ask).await {
                Ok(Answer::Tails(tails)) => Ok(tails),
                Ok(other) => Err(unexpected(&other).during(what())),
                Err(error) => Err(error.during(what())),
            }
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
            let (wire, after) = match start {
                Start::Beginning => (WireStart::Offset(0), None),
                Start::Tail => (WireStart::Tail, None),
                Start::Offset(offset) => (WireStart::Offset(offset), None),
                Start::After(position) => (WireStart::After(position), Some(position)),
                Start::Acknowledged => (WireStart::Acknowledged, None),
            };
            let ask = Ask::Subscribe {
                group: group.to_owned(),
                topic: topic.clone(),
                partition,
                start: wire,
            };
            let what = || format!("subscribe to {topic}, partition {}", partition.number());
            let (lease, offset) = match self.link.ask(&ask).await {
                Ok(Answer::Subscribed { lease, offset }) => (lease, offset),
                Ok(other) => return Err(unexpected(&other).during(what())),
                Err(error) => return Err(error.during(what())),
            };
            let link = self.link.clone();
            let place = (group.to_owned(), topic.clone(), partition);
            let subscription = EmbeddedSubscription::new(link, place, lease, offset, after);
            Ok(Box::new(subscription) as Box<dyn Subscription>)
        })
    }
}
