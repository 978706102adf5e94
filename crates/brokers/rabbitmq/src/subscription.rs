//! A partition, being read. Chunks come whole: what is before the place that was asked for is left
//! out. How far the group is stands in its service's own stream, as a place with the group's name.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::tailed::{self, WINDOW};
use freehold_broker::{
    BoxFuture, Delivered, Error, Partition, Position, Result, Start, Subscription, Topic,
};

use crate::chunk::Chunk;
use crate::link::Link;
use crate::seek::{Amount, Log, Reader, delivered};
use crate::wire::{From, Out, code, key};
use crate::{errors, names};

/// The server forgets places that are before a stream's oldest message. So that it never does, they
/// are written down as if they were far behind it.
const FAR: u64 = 1 << 62;

/// Where a group says how far it is in a partition.
pub(crate) struct Place {
    pub(crate) link: Arc<Link>,
    stream: String,
    name: String,
}

impl Place {
    pub(crate) fn of(
        link: &Arc<Link>,
        service: &str,
        group: &str,
        topic: &Topic,
        partition: Partition,
    ) -> Self {
        Self {
            link: link.clone(),
            stream: names::groups(service),
            name: names::place(group, topic, partition),
        }
    }

    /// The last offset that is done.
    async fn read(&self) -> Result<Option<u64>> {
        let ask = |number| {
            let out = Out::request(key::QUERY_OFFSET, number);
            out.text(&self.name).text(&self.stream).frame()
        };
        match self.link.ask_led(ask).await? {
            (code::OK, mut answer) => Ok(answer.u64()?.checked_sub(FAR)),
            (code::NO_OFFSET, _) => Ok(None),
            (code, _) => Err(errors::answer(code, &self.stream)),
        }
    }

    /// Is not answered.
    fn write(&self, offset: u64) {
        let out = Out::new(key::STORE_OFFSET);
        let out = out.text(&self.name).text(&self.stream);
        self.link.tell(out.u64(offset + FAR).frame());
    }
}

pub(crate) struct RabbitSubscription {
    topic: Topic,
    partition: Partition,
    reader: Reader,
    place: Place,
    /// Nothing before this offset is handed out.
    from: u64,
    /// Nothing up to this position is, until the first message behind it.
    after: Option<(Position, u64)>,
    waiting: VecDeque<(u64, Option<Bytes>)>,
    /// What was met while there was something to hand out yet.
    failed: Option<Error>,
    acknowledged: u64,
}

impl RabbitSubscription {
    pub(crate) async fn open(
        log: &Log,
        partition: Partition,
        place: Place,
        start: Start,
    ) -> Result<Self> {
        let mut after = None;
        let from = match start {
            Start::Beginning => From::First,
            Start::Tail => From::Next,
            Start::Offset(offset) => From::Offset(offset),
            Start::After(position) => {
                let at = tailed::behind(log, partition, position).await?;
                after = Some((position, at));
                From::Offset(at.saturating_sub(WINDOW))
            }
            Start::Acknowledged => place
                .read()
                .await?
                .map_or(From::First, |at| From::Offset(at + 1)),
        };
        let reader = Reader::open(&log.link, &log.stream(partition), from, Amount::All).await?;
        Ok(Self {
            topic: log.topic.clone(),
            partition,
            reader,
            place,
            from: if let From::Offset(offset) = from {
                offset
            } else {
                0
            },
            after,
            waiting: VecDeque::new(),
            failed: None,
            acknowledged: 0,
        })
    }

    fn take(&mut self, chunk: Chunk) {
        let next = chunk.next();
        let from = self.from;
        self.waiting
            .extend(chunk.each().filter(|(offset, _)| *offset >= from));
        self.from = from.max(next);
    }

    /// The next message that is to be handed out of those that are here.
    fn pop(&mut self) -> Option<Delivered> {
        loop {
            let (offset, record) = self.waiting.pop_front()?;
            let Some(found) = delivered(&self.topic, self.partition, offset, record) else {
                continue;
            };
            if let Some((position, at)) = self.after {
                match &found.message {
                    Ok(message) if message.position <= position => continue,
                    Err(_) if offset < at => continue,
                    _ => self.after = None,
                }
            }
            return Some(found);
        }
    }
}

impl Subscription for RabbitSubscription {
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>> {
        Box::pin(async move {
            let first = loop {
                if let Some(found) = self.pop() {
                    break found;
                }
                if let Some(error) = self.failed.take() {
                    return Err(error);
                }
                let chunk = self.reader.next().await?;
                self.take(chunk);
            };
            let mut found = vec![first];
            // What is there already comes along; nothing is waited for.
            while found.len() < most && self.failed.is_none() {
                if let Some(next) = self.pop() {
                    found.push(next);
                    continue;
                }
                match self.reader.waiting() {
                    Some(Ok(chunk)) => self.take(chunk),
                    Some(Err(error)) => {
                        self.failed.get_or_insert(error);
                        break;
                    }
                    _ => break,
                }
            }
            Ok(found)
        })
    }

    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if offset > self.acknowledged {
                if self.place.link.lost.is() {
                    return Err(errors::unavailable("the connection to the broker is lost"));
                }
                self.place.write(offset);
                self.acknowledged = offset;
            }
            Ok(())
        })
    }
}
