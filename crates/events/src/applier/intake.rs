//! Reading all partitions of all topics at once, into one stream of batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::{
    Delivered, Lane, Malformed, Message, Partition, Position, Session, Start, Subscription, Topic,
};
use tokio::sync::{mpsc, watch};

use super::Consumer;
use crate::error::Result;

/// How many messages wait between the broker and the store.
const AHEAD: usize = 4_096;

/// A message and where it came from.
pub(crate) struct Incoming {
    at: (Topic, Partition),
    offset: u64,
    pub(crate) message: std::result::Result<Arc<Message>, Malformed>,
}

/// All subscriptions of a consumer.
pub(crate) struct Intake {
    sender: mpsc::Sender<Result<Incoming>>,
    receiver: mpsc::Receiver<Result<Incoming>>,
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
        let task = tokio::spawn(forward(at.clone(), subscription, self.sender.clone(), done));
        self.readers.insert(at, Reader { acknowledged, task });
        Ok(())
    }

    /// At least one message, at most `most`; none when nothing came for so long.
    pub(crate) async fn next(&mut self, most: usize, patience: Duration) -> Result<Vec<Incoming>> {
        let mut batch = Vec::new();
        match tokio::time::timeout(patience, self.receiver.recv()).await {
            Ok(Some(incoming)) => batch.push(incoming?),
            _ => return Ok(batch),
        }
        while batch.len() < most {
            match self.receiver.try_recv() {
                Ok(incoming) => batch.push(incoming?),
                Err(_) => break,
            }
        }
        Ok(batch)
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

async fn forward(
    at: (Topic, Partition),
    mut subscription: Box<dyn Subscription>,
    sender: mpsc::Sender<Result<Incoming>>,
    mut done: watch::Receiver<Option<u64>>,
) {
    loop {
        let read = tokio::select! {
            read = subscription.next(512) => read,
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
        let incoming = match read {
            Ok(read) => read,
            Err(error) => {
                let _ = sender.send(Err(error.into())).await;
                return;
            }
        };
        for Delivered { offset, message } in incoming {
            let incoming = Incoming {
                at: at.clone(),
                offset,
                message: message.map(Arc::new),
            };
            if sender.send(Ok(incoming)).await.is_err() {
                return;
            }
        }
    }
}
