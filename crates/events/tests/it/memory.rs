//! A broker in memory: order within a partition, duplicates dropped, nothing behind a tail taken,
//! and failures on demand.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use freehold_broker::{
    BoxFuture, Delivered, Error, ErrorKind, Limits, Message, MessageId, Partition, Partitions,
    Position, Rejection, Result, Session, Settled, Start, Stop, Subscription, Tail, Topic,
};
use tokio::sync::Notify;

/// All partitions.
#[derive(Default)]
pub(crate) struct Memory {
    logs: std::sync::Mutex<BTreeMap<(Topic, Partition), Log>>,
    offsets: std::sync::Mutex<BTreeMap<(String, Topic, Partition), u64>>,
    came: Notify,
    /// Refuses everything while set.
    pub(crate) down: AtomicBool,
    /// Fails every so manieth message, after it was stored; 0: none.
    pub(crate) forgets: AtomicU64,
    sent: AtomicU64,
    /// The largest payload.
    pub(crate) limit: AtomicU64,
    /// Milliseconds between storing and saying so.
    pub(crate) lag: AtomicU64,
}

#[derive(Default)]
struct Log {
    messages: Vec<Message>,
    /// Places in `messages` of which nothing can be read any more.
    lost: HashSet<usize>,
    known: HashSet<MessageId>,
}

pub(crate) const PARTITIONS: u8 = 4;

pub(crate) fn partitions() -> Partitions {
    Partitions::new(PARTITIONS).expect("four")
}

impl Memory {
    /// Everything of a topic, partition by partition.
    pub(crate) fn all(&self, topic: &Topic) -> Vec<Vec<Message>> {
        let logs = self.logs.lock().expect("no panic elsewhere");
        let of = |partition| {
            let log = logs.get(&(topic.clone(), partition));
            log.map_or_else(Vec::new, |log| log.messages.clone())
        };
        partitions().each().map(of).collect()
    }

    /// Loses every event for which `which` says so, as retention or a disk would.
    pub(crate) fn lose(&self, which: impl Fn(&Message) -> bool) -> usize {
        let mut logs = self.logs.lock().expect("no panic elsewhere");
        let mut count = 0;
        for log in logs.values_mut() {
            for (at, message) in log.messages.iter().enumerate() {
                let event = matches!(message.body, freehold_broker::Body::Event { .. });
                if event && which(message) && log.lost.insert(at) {
                    count += 1;
                }
            }
        }
        count
    }

    fn store(&self, message: &Message) -> std::result::Result<(), Stop> {
        let limit = self.limit.load(Ordering::Relaxed);
        let size = match &message.body {
            freehold_broker::Body::Event { payload, .. } => payload.len(),
            _ => 0,
        };
        if limit > 0 && size as u64 > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(Stop::Rejected(Rejection::TooLarge { bytes: size, limit }));
        }
        let at = (message.topic.clone(), message.to.partition(partitions()));
        let mut logs = self.logs.lock().expect("no panic elsewhere");
        let log = logs.entry(at).or_default();
        if log.known.insert(message.id()) {
            if log
                .messages
                .last()
                .is_some_and(|last| last.position >= message.position)
            {
                log.known.remove(&message.id());
                return Err(Stop::Failed(Error::new(
                    ErrorKind::Backwards,
                    "behind the tail",
                )));
            }
            log.messages.push(message.clone());
        }
        Ok(())
    }
}

/// A session with it.
pub(crate) struct Open(pub(crate) Arc<Memory>);

impl Session for Open {
    fn limits(&self) -> Limits {
        Limits {
            message_bytes: 1 << 20,
            batch: 1_000,
        }
    }

    fn warnings(&self) -> Vec<freehold_model::Fault> {
        Vec::new()
    }

    fn broken(&self) -> bool {
        false
    }

    fn check(&self, _: &Message) -> Result<(), Rejection> {
        Ok(())
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let down = || Some(Stop::Failed(Error::new(ErrorKind::Unavailable, "down")));
            for (acknowledged, message) in messages.iter().enumerate() {
                if self.0.down.load(Ordering::Relaxed) {
                    return Settled {
                        acknowledged,
                        stop: down(),
                    };
                }
                if let Err(stop) = self.0.store(message) {
                    return Settled {
                        acknowledged,
                        stop: Some(stop),
                    };
                }
                let every = self.0.forgets.load(Ordering::Relaxed);
                let sent = self.0.sent.fetch_add(1, Ordering::Relaxed) + 1;
                if every > 0 && sent.is_multiple_of(every) {
                    return Settled {
                        acknowledged,
                        stop: down(),
                    };
                }
            }
            self.0.came.notify_waiters();
            let lag = self.0.lag.load(Ordering::Relaxed);
            tokio::time::sleep(std::time::Duration::from_millis(lag)).await;
            Settled {
                acknowledged: messages.len(),
                stop: None,
            }
        })
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let all = self.0.all(topic);
            let tails = partitions()
                .each()
                .zip(all)
                .map(|(partition, messages)| Tail {
                    partition,
                    first: 0,
                    next: messages.len() as u64,
                    last: messages
                        .last()
                        .map(|message| (message.position, message.event)),
                });
            Ok(tails.collect())
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
            let at = (topic.clone(), partition);
            let logs = self.0.logs.lock().expect("no panic elsewhere");
            let messages = logs.get(&at).map_or(&[][..], |log| &log.messages);
            let behind = |position: Position| {
                messages
                    .iter()
                    .take_while(|it| it.position <= position)
                    .count()
            };
            let next = match start {
                Start::Beginning => 0,
                Start::Tail => messages.len(),
                Start::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
                Start::After(position) => behind(position),
                Start::Acknowledged => {
                    let offsets = self.0.offsets.lock().expect("no panic elsewhere");
                    let done = offsets.get(&(group.to_owned(), topic.clone(), partition));
                    done.map_or(0, |offset| {
                        usize::try_from(offset + 1).unwrap_or(usize::MAX)
                    })
                }
            };
            Ok(Box::new(Reading {
                memory: Arc::clone(&self.0),
                group: group.to_owned(),
                at,
                next,
            }) as Box<dyn Subscription>)
        })
    }
}

struct Reading {
    memory: Arc<Memory>,
    group: String,
    at: (Topic, Partition),
    next: usize,
}

impl Subscription for Reading {
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>> {
        Box::pin(async move {
            loop {
                let memory = Arc::clone(&self.memory);
                let came = memory.came.notified();
                let read: Vec<(usize, Message)> = {
                    let logs = self.memory.logs.lock().expect("no panic elsewhere");
                    let log = logs.get(&self.at);
                    let there = log.into_iter().flat_map(|log| {
                        let all = log.messages.iter().enumerate().skip(self.next);
                        all.filter(|(at, _)| !log.lost.contains(at))
                    });
                    there.take(most).map(|(at, it)| (at, it.clone())).collect()
                };
                let last = read.last().map(|(at, _)| *at);
                if let Some(last) = last.filter(|_| !self.memory.down.load(Ordering::Relaxed)) {
                    self.next = last + 1;
                    let delivered = read.into_iter().map(|(at, message)| Delivered {
                        offset: at as u64,
                        message: Ok(message),
                    });
                    return Ok(delivered.collect());
                }
                let _ = tokio::time::timeout(std::time::Duration::from_millis(5), came).await;
            }
        })
    }

    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let key = (self.group.clone(), self.at.0.clone(), self.at.1);
            let mut offsets = self.memory.offsets.lock().expect("no panic elsewhere");
            let known = offsets.entry(key).or_insert(offset);
            *known = (*known).max(offset);
            Ok(())
        })
    }
}
