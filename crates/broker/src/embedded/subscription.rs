//! A partition of the embedded broker, being read.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::block;
use super::client::{Link, unexpected};
use super::protocol::{Answer, Ask};
use super::record;
use crate::BoxFuture;
use crate::contract::{Delivered, Malformed, Subscription};
use crate::error::{Error, ErrorKind, Result};
use crate::position::Position;
use crate::topic::{Partition, Topic};

/// Asked for at once; what of it is not wanted yet stays here.
const FETCH: u32 = 256 << 10;

pub(crate) struct EmbeddedSubscription {
    link: Arc<Link>,
    group: String,
    topic: Topic,
    partition: Partition,
    lease: u64,
    /// The next record's offset.
    next: u64,
    /// Records up to here are left out.
    after: Option<Position>,
    /// Received and not yet handed out.
    ready: VecDeque<(u64, Bytes)>,
    /// A fetch under way: stays if whoever waited for it was dropped.
    asked: Option<oneshot::Receiver<Answer>>,
}

impl EmbeddedSubscription {
    pub(crate) fn new(
        link: Arc<Link>,
        (group, topic, partition): (String, Topic, Partition),
        lease: u64,
        next: u64,
        after: Option<Position>,
    ) -> Self {
        Self {
            link,
            group,
            topic,
            partition,
            lease,
            next,
            after,
            ready: VecDeque::new(),
            asked: None,
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.asked.is_none() {
            let number = self.link.number();
            let ask = Ask::Fetch {
                lease: self.lease,
                group: self.group.clone(),
                topic: self.topic.clone(),
                partition: self.partition,
                offset: self.next,
                bytes: FETCH,
            };
            self.asked = Some(self.link.send(number, ask.frame(number)).await?);
        }
        let Some(asked) = &mut self.asked else {
            return Ok(());
        };
        let answer = asked.await;
        self.asked = None;
        let lost = |_| {
            Error::new(
                ErrorKind::Unavailable,
                "the connection to the broker is lost",
            )
        };
        match answer.map_err(lost)? {
            Answer::Blocks(blocks) => self.take(blocks),
            other => Err(unexpected(&other)),
        }
    }

    fn take(&mut self, blocks: Vec<Bytes>) -> Result<()> {
        let mut expected = None;
        for bytes in blocks {
            let damaged = |nonsense: super::codec::Nonsense| {
                Error::new(ErrorKind::Corrupt, nonsense.0.to_owned())
            };
            let (header, body) = block::whole(&bytes, true).map_err(damaged)?;
            if expected.is_some_and(|expected| expected != header.first_offset) {
                let what = format!("offsets jump to {}", header.first_offset);
                return Err(Error::new(ErrorKind::Corrupt, what));
            }
            expected = Some(header.next_offset());
            let records = block::records(&header, body).map_err(damaged)?;
            for (offset, record) in (header.first_offset..).zip(records) {
                let early = offset < self.next || self.skips(&record);
                if !early {
                    self.ready.push_back((offset, record));
                }
            }
            self.next = self.next.max(header.next_offset());
        }
        Ok(())
    }

    fn skips(&self, record: &Bytes) -> bool {
        let Some(after) = self.after else {
            return false;
        };
        record::head(record).is_ok_and(|head| head.position <= after)
    }
}

impl Subscription for EmbeddedSubscription {
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>> {
        Box::pin(async move {
            while self.ready.is_empty() {
                let what = format!("read {}, partition {}", self.topic, self.partition.number());
                self.fill().await.map_err(|error| error.during(what))?;
            }
            let count = most.max(1).min(self.ready.len());
            let delivered = |(offset, record)| Delivered {
                offset,
                message: record::decode(&self.topic, record)
                    .map_err(|nonsense| Malformed(nonsense.0.to_owned())),
            };
            Ok(self.ready.drain(..count).map(delivered).collect())
        })
    }

    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let ask = Ask::Acknowledge {
                group: self.group.clone(),
                topic: self.topic.clone(),
                partition: self.partition,
                offset,
            };
            self.link.ask(&ask).await.map(|_| ())
        })
    }
}
