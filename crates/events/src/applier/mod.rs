//! The applier of one consumer: from the broker into its copies, each event once and in order.
//!
//! Effect and watermark are one transaction of the consumer's store. The offset that the broker
//! keeps is a hint; what is missing is noticed by `prev` and read again. An event that cannot be
//! applied parks its key; everything else flows.

mod intake;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_bookkeeping::Epoch;
use freehold_broker::{Lane, Message, Partitions, Position, Session, Topic};
use freehold_engine::{ErrorKind, TxMode};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::ground::Ground;
use intake::{Incoming, Intake};
pub use step::Subscribed;
use step::{Effect, Known, effect};

/// The name of the applier's leadership.
pub const APPLIER: &str = "applier";

/// What a consumer takes, and how.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// The service; also its group at the broker.
    pub service: String,
    /// Its copies.
    pub copies: Vec<Subscribed>,
    /// How many partitions each topic has.
    pub partitions: Partitions,
    /// This sidecar among those of the service; chosen anew by each process.
    pub sidecar: String,
    /// The most messages of one transaction.
    pub batch: usize,
    /// How long a leadership lasts without being renewed.
    pub term: Duration,
}

/// What an applier has seen and done. For metrics and tests.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Events that took effect.
    pub applied: u64,
    /// Events that were parked.
    pub parked: u64,
    /// Lanes that wait for something missing.
    pub behind: BTreeSet<(Topic, u8)>,
    /// Lanes in which the source contradicts itself.
    pub forks: BTreeSet<(Topic, u8)>,
    /// Messages that nobody of freehold wrote.
    pub malformed: u64,
}

/// An applier that leads.
pub struct Applier {
    ground: Ground,
    session: Arc<dyn Session>,
    consumer: Consumer,
    epoch: Epoch,
    known: BTreeMap<String, Known>,
    told: BTreeMap<String, Position>,
    seen: Seen,
}

impl Applier {
    /// Takes the leadership and reads where everything stands. `None`: somebody else leads.
    ///
    /// # Errors
    /// The store's.
    pub async fn take_over(
        mut ground: Ground,
        session: Arc<dyn Session>,
        consumer: Consumer,
    ) -> Result<Option<Self>> {
        let Ground {
            connection, sql, ..
        } = &mut ground;
        let led = freehold_bookkeeping::lead(
            &mut **connection,
            sql,
            APPLIER,
            &consumer.sidecar,
            None,
            consumer.term,
        );
        let Some(epoch) = led.await? else {
            return Ok(None);
        };
        ground.begin(TxMode::Write).await?;
        ground.fence(APPLIER, epoch).await?;
        let mut known = BTreeMap::new();
        for subscribed in &consumer.copies {
            let source = &subscribed.copy.service;
            if known.contains_key(source) {
                continue;
            }
            let one = Known {
                marks: ground.watermarks(source).await?,
                parked: ground.parked_keys(source).await?,
                ..Known::default()
            };
            known.insert(source.clone(), one);
        }
        ground.rollback().await?;
        Ok(Some(Self {
            ground,
            session,
            consumer,
            epoch,
            known,
            told: BTreeMap::new(),
            seen: Seen::default(),
        }))
    }

    /// What it has seen and done so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Reads and applies until something goes wrong or `stop` says so.
    ///
    /// # Errors
    /// What ended it: take over again.
    pub async fn run(&mut self, stop: &mut tokio::sync::watch::Receiver<bool>) -> Result<()> {
        let mut intake = Intake::open(&self.session, &self.consumer, &self.starts()).await?;
        let mut renewed = Instant::now();
        loop {
            if renewed.elapsed() >= self.consumer.term / 3 {
                self.renew().await?;
                renewed = Instant::now();
            }
            let waiting = intake.next(self.consumer.batch, self.consumer.term / 3);
            let batch = tokio::select! {
                batch = waiting => batch?,
                _ = stop.changed() => return Ok(()),
            };
            let behind = self.apply(&batch).await?;
            intake.acknowledge(&batch);
            for topic_and_lane in behind {
                intake
                    .again(
                        &self.session,
                        &self.consumer,
                        &topic_and_lane,
                        &self.starts(),
                    )
                    .await?;
            }
        }
    }

    /// Where each lane stands, over all sources.
    fn starts(&self) -> BTreeMap<(Topic, Lane), Position> {
        let topics = self.known.values().flat_map(|known| &known.marks.0);
        topics
            .flat_map(|(topic, lanes)| {
                lanes
                    .by_lane()
                    .into_iter()
                    .map(|(lane, at)| ((topic.clone(), lane), at))
            })
            .collect()
    }

    /// Applies messages in one transaction a source, or in smaller ones where the store refuses
    /// one. Lanes that have to be read again.
    async fn apply(&mut self, batch: &[Incoming]) -> Result<BTreeSet<(Topic, Lane)>> {
        let mut sources: BTreeMap<String, Vec<Arc<Message>>> = BTreeMap::new();
        for incoming in batch {
            match &incoming.message {
                Ok(message) => sources
                    .entry(message.source.to_string())
                    .or_default()
                    .push(Arc::clone(message)),
                Err(_) => self.seen.malformed += 1,
            }
        }
        let mut behind = BTreeSet::new();
        for (source, messages) in sources {
            if self.known.contains_key(&source) {
                behind.extend(self.apply_from(&source, &messages).await?);
            }
        }
        Ok(behind)
    }

    /// Halves the batch as long as the store refuses it, until the one event is found that it
    /// cannot take; that one is parked.
    async fn apply_from(
        &mut self,
        source: &str,
        messages: &[Arc<Message>],
    ) -> Result<BTreeSet<(Topic, Lane)>> {
        let mut behind = BTreeSet::new();
        let mut stack: Vec<(&[Arc<Message>], Option<String>)> = vec![(messages, None)];
        while let Some((part, refused)) = stack.pop() {
            let park = match (&refused, part) {
                (Some(why), [one]) => BTreeMap::from([(one.position, why.clone())]),
                _ => BTreeMap::new(),
            };
            match self.transact(source, part, &park).await {
                Ok(lanes) => behind.extend(lanes),
                Err(Error::Store(error)) if is_poison(error.kind) && refused.is_none() => {
                    self.ground.rollback().await?;
                    let why = error.to_string();
                    match part.split_at(part.len() / 2) {
                        ([], one) => stack.push((one, Some(why))),
                        (first, second) => stack.extend([(second, None), (first, None)]),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(behind)
    }

    async fn transact(
        &mut self,
        source: &str,
        messages: &[Arc<Message>],
        park: &BTreeMap<Position, String>,
    ) -> Result<BTreeSet<(Topic, Lane)>> {
        let mut known = self.known[source].clone();
        let partitions = self.consumer.partitions;
        let effect = effect(
            &self.consumer.copies,
            partitions,
            &mut known,
            messages,
            park,
        );
        let fresh = known.fresh(&self.topics_of(source), partitions);
        let news = fresh.filter(|(position, _)| self.told.get(source) != Some(position));
        let behind = effect.behind.clone();
        if !effect.is_empty() || news.is_some() {
            self.ground.begin(TxMode::Write).await?;
            self.ground.fence(APPLIER, self.epoch).await?;
            let counts = (effect.applied, effect.parked.len());
            self.write(source, effect).await?;
            if let Some((position, ticked_at)) = news {
                self.ground.heard(source, position, ticked_at).await?;
            }
            self.ground.commit().await?;
            self.seen.applied += counts.0 as u64;
            self.seen.parked += counts.1 as u64;
            if let Some((position, _)) = news {
                self.told.insert(source.to_owned(), position);
            }
        }
        self.known.insert(source.to_owned(), known);
        Ok(behind)
    }

    async fn write(&mut self, source: &str, effect: Effect) -> Result<()> {
        let marks = (!effect.moved.is_empty()).then(|| effect.marks_json());
        for (topic, lane) in &effect.forks {
            self.seen.forks.insert((topic.clone(), lane.number()));
        }
        for (table, changes) in effect.changes {
            let (puts, deletes) = changes.json();
            let of = |by_table: &BTreeMap<String, Vec<String>>| {
                by_table.get(&table).cloned().unwrap_or_default()
            };
            let (put, delete) = (
                of(&self.ground.sql.copy_put),
                of(&self.ground.sql.copy_delete),
            );
            self.ground.change_copy(&put, &puts).await?;
            self.ground.change_copy(&delete, &deletes).await?;
        }
        if !effect.parked.is_empty() {
            let rows = Value::Array(effect.parked).to_string();
            self.ground.park(source, &rows).await?;
        }
        if let Some(rows) = marks {
            self.ground.put_watermarks(source, &rows).await?;
        }
        Ok(())
    }

    fn topics_of(&self, source: &str) -> BTreeSet<Topic> {
        let copies = self
            .consumer
            .copies
            .iter()
            .filter(|it| it.copy.service == source);
        copies.map(|it| it.topic.clone()).collect()
    }

    async fn renew(&mut self) -> Result<()> {
        let Ground {
            connection, sql, ..
        } = &mut self.ground;
        let me = &self.consumer.sidecar;
        let mine = Some(self.epoch);
        let epoch = freehold_bookkeeping::lead(
            &mut **connection,
            sql,
            APPLIER,
            me,
            mine,
            self.consumer.term,
        )
        .await?;
        if epoch == mine {
            Ok(())
        } else {
            Err(Error::Lost)
        }
    }
}

/// Is it the event's own fault? Everything else is tried again by whoever takes over.
fn is_poison(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Invalid | ErrorKind::Unique | ErrorKind::TooLarge | ErrorKind::Unknown
    )
}
