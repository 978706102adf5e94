//! The applier of one consumer: from the broker into its copies, each event once and in order.
//!
//! Effect and watermark are one transaction of the consumer's store. The offset that the broker
//! keeps is a hint; what is missing is noticed by `prev` and asked of the owner (`missing.rs`). New
//! copies, and those of a source that tells another story, are filled from its rows of today
//! (`filling.rs`). An event that cannot be applied parks its key; everything else flows.

mod arrival;
mod doubts;
mod filling;
mod intake;
#[cfg(test)]
mod lives;
mod missing;
#[cfg(test)]
mod shuffle;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_bookkeeping::Epoch;
use freehold_broker::{Incarnation, Lane, Partitions, Position, Session, Topic};
use freehold_engine::{ErrorKind, KEPT, TxMode};
use freehold_model::Fault;
use serde_json::Value;

use crate::copy::stamp;
use crate::error::{Error, Result};
use crate::fill::Fill;
use crate::ground::Ground;
use crate::peer::Peers;
use crate::read_models;
use arrival::Arrival;
use intake::{Incoming, Intake};
pub use step::Subscribed;
pub(crate) use step::marks_json;
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
    /// Lanes that wait for something missing, with why it could not be had.
    pub behind: BTreeMap<(Topic, u8), String>,
    /// Events that the broker did not have, and the owner did.
    pub fetched: u64,
    /// Rows that were put into copies from the owner's rows of today.
    pub filled: u64,
    /// Why a copy is not being filled.
    pub unfilled: Option<String>,
    /// Of them those whose events nobody has any more: up to where.
    pub lost: BTreeMap<(Topic, u8), Position>,
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
    /// By the source's clock, when notes of its events were last forgotten.
    forgotten: BTreeMap<String, i64>,
    peers: Option<Arc<dyn Peers>>,
    fills: BTreeMap<String, Fill>,
    fill_after: Option<Instant>,
    /// May there be something to do for read models?
    read_work: bool,
    /// Lanes in which the source contradicted itself in this batch.
    forks: BTreeSet<(Topic, Lane)>,
    /// Lives that the owner is to be asked about, by the lanes that met them.
    doubts: BTreeMap<(Topic, Lane), BTreeSet<Incarnation>>,
    doubt_after: Option<Instant>,
    /// When lanes that miss something are read again.
    waits: BTreeMap<(Topic, Lane), Instant>,
    seen: Seen,
}

/// How long something that could not be had is left alone.
const LATER: Duration = Duration::from_millis(300);

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
        let mut fills = ground.fills().await?;
        let mut known = BTreeMap::new();
        for subscribed in &consumer.copies {
            let source = &subscribed.copy.service;
            let fill = fills.entry(subscribed.table.clone());
            fill.or_insert_with(|| Fill::wanted(source));
            if known.contains_key(source) {
                continue;
            }
            let one = Known {
                marks: ground.watermarks(source).await?,
                parked: ground.parked_keys(source).await?,
                left_out: left_out_keys(&mut ground, source).await?,
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
            forgotten: BTreeMap::new(),
            peers: None,
            fills,
            fill_after: None,
            read_work: true,
            forks: BTreeSet::new(),
            doubts: BTreeMap::new(),
            doubt_after: None,
            waits: BTreeMap::new(),
            seen: Seen::default(),
        }))
    }

    /// Whom to ask for what is missing and for first fills. Without them both wait.
    #[must_use]
    pub fn with_peers(mut self, peers: Option<Arc<dyn Peers>>) -> Self {
        self.peers = peers;
        self
    }

    /// How far each copy was filled, by table.
    pub fn fills(&self) -> &BTreeMap<String, Fill> {
        &self.fills
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
        self.run_telling(stop, &mut |_| {}).await
    }

    /// The same; `tell` hears of what only an operator can go on from, and when it is over.
    ///
    /// # Errors
    /// What ended it: take over again.
    pub async fn run_telling(
        &mut self,
        stop: &mut tokio::sync::watch::Receiver<bool>,
        tell: &mut (dyn FnMut(Option<Fault>) + Send),
    ) -> Result<()> {
        let mut told = None;
        // A copy that is new takes the source's heads before anything of it is read.
        self.begin_fills().await?;
        let mut intake = Intake::open(&self.session, &self.consumer, &self.starts()).await?;
        let mut renewed = Instant::now();
        loop {
            if renewed.elapsed() >= self.consumer.term / 3 {
                self.renew().await?;
                renewed = Instant::now();
            }
            let busy = self.fill_some().await? | self.work_some().await?;
            let patience = self.patience(busy);
            let waiting = intake.next(self.consumer.batch, patience);
            let batch = tokio::select! {
                batch = waiting => batch?,
                _ = stop.changed() => return Ok(()),
            };
            self.take(&batch).await?;
            // Lanes that wait are behind these offsets: whoever comes next has to see them again.
            if self.seen.behind.is_empty() && self.seen.forks.is_empty() {
                intake.acknowledge(&batch);
            }
            self.read_again(&mut intake).await?;
            let lost = self.lost_range();
            if lost != told {
                tell(lost.as_ref().map(|range| self.lost_fault(range)));
                told = lost;
            }
        }
    }

    /// Does a chunk of what read models still need. True: there may be more.
    async fn work_some(&mut self) -> Result<bool> {
        if !self.read_work {
            return Ok(false);
        }
        let open = read_models::work(&mut self.ground).await?;
        self.read_work = !open.is_empty();
        let next = open.into_iter().find(|work| {
            // What is built over a copy that is being filled would be built again.
            let plan = self.ground.want.plane.read_models.get(work.model());
            let mut copies = plan.iter().flat_map(|plan| &plan.sources);
            let filling = |table: &str| self.fills.get(table).is_some_and(Fill::is_open);
            self.peers.is_none() || !copies.any(|source| filling(&source.table))
        });
        let Some(work) = next else {
            return Ok(false);
        };
        self.ground.begin(TxMode::Write).await?;
        read_models::lock(&mut self.ground, self.epoch).await?;
        read_models::work_some(&mut self.ground, &work).await?;
        self.ground.commit().await?;
        Ok(true)
    }

    fn patience(&self, busy: bool) -> Duration {
        if busy {
            return Duration::from_millis(1);
        }
        let most = self.consumer.term / 3;
        let waits = !self.waits.is_empty() || !self.doubts.is_empty() || self.fill_after.is_some();
        if waits { most.min(LATER) } else { most }
    }

    /// Applies a batch, and what was missing before parts of it.
    async fn take(&mut self, batch: &[Incoming]) -> Result<()> {
        let mut behind = self.apply(batch).await?;
        while self.settle_forks().await?
            | self.settle_doubts().await?
            | (!behind.is_empty() && self.mend(&behind).await?)
        {
            behind = self.apply(batch).await?;
        }
        let again = Instant::now() + LATER;
        // What is in doubt was left out of this batch.
        for lane in behind.into_keys().chain(self.doubts.keys().cloned()) {
            self.waits.entry(lane).or_insert(again);
        }
        Ok(())
    }

    async fn read_again(&mut self, intake: &mut Intake) -> Result<()> {
        let now = Instant::now();
        let due = self.waits.iter().filter(|(_, until)| **until <= now);
        let due: Vec<(Topic, Lane)> = due.map(|(lane, _)| lane.clone()).collect();
        for lane in due {
            self.waits.remove(&lane);
            let starts = self.starts();
            intake
                .again(&self.session, &self.consumer, &lane, &starts)
                .await?;
        }
        Ok(())
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
    /// one. Lanes that miss something, and the last of it.
    async fn apply(&mut self, batch: &[Incoming]) -> Result<BTreeMap<(Topic, Lane), Position>> {
        let mut sources: BTreeMap<Arc<str>, Vec<Arc<Arrival>>> = BTreeMap::new();
        for incoming in batch {
            match &incoming.arrival {
                Ok(arrival) => sources
                    .entry(Arc::clone(&arrival.message.source))
                    .or_default()
                    .push(Arc::clone(arrival)),
                Err(_) => self.seen.malformed += 1,
            }
        }
        let mut behind = BTreeMap::new();
        for (source, arrivals) in sources {
            if self.known.contains_key(&*source) {
                behind.extend(self.apply_from(&source, &arrivals).await?);
            }
        }
        Ok(behind)
    }

    /// Halves the batch as long as the store refuses it, until the one event is found that it
    /// cannot take; that one is parked.
    async fn apply_from(
        &mut self,
        source: &str,
        arrivals: &[Arc<Arrival>],
    ) -> Result<BTreeMap<(Topic, Lane), Position>> {
        let mut behind = BTreeMap::new();
        let mut stack: Vec<(&[Arc<Arrival>], Option<String>)> = vec![(arrivals, None)];
        while let Some((part, refused)) = stack.pop() {
            let park = match (&refused, part) {
                (Some(why), [one]) => BTreeMap::from([(one.message.position, why.clone())]),
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
        arrivals: &[Arc<Arrival>],
        park: &BTreeMap<Position, String>,
    ) -> Result<BTreeMap<(Topic, Lane), Position>> {
        let mut known = self.known[source].clone();
        known.asks = self.peers.is_some();
        let partitions = self.consumer.partitions;
        let effect = effect(partitions, &mut known, arrivals, park);
        let fresh = known.fresh(&self.topics_of(source), partitions);
        let filling = self.is_filling(source);
        let news =
            fresh.filter(|(position, _)| !filling && self.told.get(source) != Some(position));
        let behind = effect.behind.clone();
        self.forks.extend(effect.forks.iter().cloned());
        for (at, lives) in &effect.doubts {
            self.doubts.entry(at.clone()).or_default().extend(lives);
        }
        let reborn: BTreeSet<Topic> = effect.ghosts.iter().map(|it| it.0.clone()).collect();
        if !effect.is_empty() || news.is_some() {
            self.ground.begin(TxMode::Write).await?;
            read_models::lock(&mut self.ground, self.epoch).await?;
            let counts = (effect.applied, effect.parked.len());
            self.write(source, effect).await?;
            let wanted = self.want_fills(&reborn).await?;
            if let Some(news) = news {
                self.hear(source, news).await?;
                self.forget_tombstones(source, news.0).await?;
            }
            self.ground.commit().await?;
            self.fills.extend(wanted);
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
        self.read_work |= read_models::change(&mut self.ground, effect.changes).await?;
        if !effect.parked.is_empty() {
            let rows = Value::Array(effect.parked).to_string();
            self.ground.park(source, &rows).await?;
        }
        for key in &effect.settled {
            self.ground.settle_key(source, key).await?;
        }
        if !effect.passed.is_empty() {
            let rows = Value::Array(effect.passed).to_string();
            self.ground.note_passed(source, &rows).await?;
        }
        if let Some(rows) = marks {
            self.ground.put_watermarks(source, &rows).await?;
        }
        Ok(())
    }

    /// Every lane has passed this position, so nothing older comes that a tombstone would have to
    /// stop. Of parked keys something older may come, whenever an operator tries it again.
    async fn forget_tombstones(&mut self, source: &str, passed: Position) -> Result<()> {
        let upto = stamp(passed);
        let copies = self.consumer.copies.iter();
        for it in copies.filter(|it| it.copy.service == source) {
            let bounds = ("", upto.as_str());
            self.ground
                .forget_tombstones(&it.table, bounds, source)
                .await?;
        }
        Ok(())
    }

    /// Notes a source's heartbeat and, now and then, forgets what no token needs any more.
    async fn hear(&mut self, source: &str, (position, ticked_at): (Position, i64)) -> Result<()> {
        self.ground.heard(source, position, ticked_at).await?;
        let due = self.forgotten.get(source);
        if due.is_none_or(|last| ticked_at - last > KEPT / 15) {
            self.ground.forget_passed(source, ticked_at - KEPT).await?;
            self.forgotten.insert(source.to_owned(), ticked_at);
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

/// Keys of which something was left out; ranges have none.
async fn left_out_keys(ground: &mut Ground, source: &str) -> Result<BTreeSet<String>> {
    let left = ground.left_out(source).await?.into_iter();
    Ok(left
        .map(|it| it.key)
        .filter(|key| !key.is_empty())
        .collect())
}

/// Is it the event's own fault? Everything else is tried again by whoever takes over.
pub(crate) fn is_poison(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Invalid | ErrorKind::Unique | ErrorKind::TooLarge | ErrorKind::Unknown
    )
}
