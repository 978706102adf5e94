//! Reading all partitions of all topics at once, into one stream of batches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::{
    Delivered, Lane, Malformed, Partition, Position, Session, Start, Subscription, Topic,
};
use tokio::sync::{mpsc, watch};

use super::arrival::Arrival;
use super::{Consumer, Subscribed};
use crate::error::Result;

/// The most messages that are read at once.
const READ: usize = 512;
/// How many such reads wait between the broker and the store.
const AHEAD: usize = 8;

/// A message and where it came from.
pub(crate) struct Incoming {
    at: (Topic, Partition),
    offset: u64,
    pub(crate) arrival: std::result::Result<Arc<Arrival>, Malformed>,
}

/// All subscriptions of a consumer.
pub(crate) struct Intake {
    sender: mpsc::Sender<Result<Vec<Incoming>>>,
    receiver: mpsc::Receiver<Result<Vec<Incoming>>>,
    /// Of the last read, what was more than wanted.
    spare: VecDeque<Incoming>,
    copies: Arc<[Subscribed]>,
    readers: BTreeMap<(Topic, Partition), Reader>,
}

struct Reader {
    acknowledged: watch::Sender<Option<u64>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Intake {
    /// Begins behind what the group acknowledged last.
    pub(crate) async fn open(
        session: &Arc<dyn Session>,
        consumer: &Consumer,
        marks: &BTreeMap<(Topic, Lane), Position>,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut intake = Self {
            sender,
            receiver,
            spare: VecDeque::new(),
            copies: consumer.copies.as_slice().into(),
            readers: BTreeMap::new(),
        };
        let topics: BTreeSet<&Topic> = consumer.copies.iter().map(|it| &it.topic).collect();
        for topic in topics {
            for partition in consumer.partitions.each() {
                // Without a watermark the offset is of another life of this store.
                let known = marks.keys().any(|(of, lane)| {
                    of == topic && lane.partition(consumer.partitions) == partition
                });
                let start = if known {
                    Start::Acknowledged
                } else {
                    Start::Beginning
                };
                intake
                    .read(session, consumer, (topic.clone(), partition), start)
                    .await?;
            }
        }
        Ok(intake)
    }

    async fn read(
        &mut self,
        session: &Arc<dyn Session>,
        consumer: &Consumer,
        at: (Topic, Partition),
        start: Start,
    ) -> Result<()> {
        self.readers.remove(&at);
        let subscription = session
            .subscribe(&consumer.service, &at.0, at.1, start)
            .await?;
        let (acknowledged, done) = watch::channel(None);
        let forwarding = Forwarding {
            at: at.clone(),
            copies: Arc::clone(&self.copies),
            sender: self.sender.clone(),
        };
        let task = tokio::spawn(forwarding.run(subscription, done));
        self.readers.insert(at, Reader { acknowledged, task });
        Ok(())
    }

    /// At least one message, at most `most`; none when nothing came for so long.
    pub(crate) async fn next(&mut self, most: usize, patience: Duration) -> Result<Vec<Incoming>> {
        if self.spare.is_empty() {
            match tokio::time::timeout(patience, self.receiver.recv()).await {
                Ok(Some(read)) => self.spare.extend(read?),
                _ => return Ok(Vec::new()),
            }
        }
        while self.spare.len() < most {
            match self.receiver.try_recv() {
                Ok(read) => self.spare.extend(read?),
                Err(_) => break,
            }
        }
        let count = most.min(self.spare.len());
        Ok(self.spare.drain(..count).collect())
    }

    /// Tells the broker that these took effect.
    pub(crate) fn acknowledge(&self, batch: &[Incoming]) {
        let mut last: BTreeMap<&(Topic, Partition), u64> = BTreeMap::new();
        for incoming in batch {
            last.insert(&incoming.at, incoming.offset);
        }
        for (at, offset) in last {
            if let Some(reader) = self.readers.get(at) {
                let _ = reader.acknowledged.send(Some(offset));
            }
        }
    }

    /// Reads a lane's partition again, from the oldest watermark in it.
    pub(crate) async fn again(
        &mut self,
        session: &Arc<dyn Session>,
        consumer: &Consumer,
        (topic, lane): &(Topic, Lane),
        marks: &BTreeMap<(Topic, Lane), Position>,
    ) -> Result<()> {
        let partition = lane.partition(consumer.partitions);
        let own = marks.get(&(topic.clone(), *lane));
        let start = own.map_or(Start::Beginning, |position| Start::After(*position));
        self.read(session, consumer, (topic.clone(), partition), start)
            .await
    }
}

/// Reads one partition.
struct Forwarding {
    at: (Topic, Partition),
    copies: Arc<[Subscribed]>,
    sender: mpsc::Sender<Result<Vec<Incoming>>>,
}

impl Forwarding {
    async fn run(
        self,
        mut subscription: Box<dyn Subscription>,
        mut done: watch::Receiver<Option<u64>>,
    ) {
        loop {
            let read = tokio::select! {
                read = subscription.next(READ) => read,
                changed = done.changed() => {
                    let offset = *done.borrow_and_update();
                    if changed.is_err() {
                        return;
                    }
                    if let Some(offset) = offset {
                        // A hint that was lost costs reading again.
                        let _ = subscription.acknowledge(offset).await;
                    }
                    continue;
                }
            };
            let (incoming, over) = match read {
                Ok(read) => (Ok(self.incoming(read)), false),
                Err(error) => (Err(error.into()), true),
            };
            if self.sender.send(incoming).await.is_err() || over {
                return;
            }
        }
    }

    fn incoming(&self, read: Vec<Delivered>) -> Vec<Incoming> {
        let incoming = read.into_iter().map(|Delivered { offset, message }| {
            let arrival = message.map(|message| Arc::new(Arrival::new(&self.copies, message)));
            let at = self.at.clone();
            Incoming {
                at,
                offset,
                arrival,
            }
        });
        incoming.collect()
    }
}
