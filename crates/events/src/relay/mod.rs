//! The relay of one store: from its outbox to the broker, everything once and in order.
//!
//! A round is one transaction: fence, look at the outbox, write the batch record. Only when that is
//! durable is anything sent, and while it is sent the next round reads. Nothing is kept in memory
//! over a reconnect: [`recover`] reads it all from the store again. Where this comes from and what
//! dies without it: `docs/design/events.md` names the traces; the mutants are in the tests.

mod cut;
mod outgoing;
mod recover;
pub(crate) use recover::first_of;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_bookkeeping::Epoch;
use freehold_broker::{ErrorKind, Incarnation, Position, Session, Topic};
use freehold_engine::{Alarm, Polled, TxMode};
use freehold_model::Fault;

use crate::assign::{Assigned, HEARTBEAT, Sending, Source, assign};
use crate::error::{Error, Result};
use crate::ground::Ground;
use crate::heads::HeadMap;
use crate::record::{Ranges, Record, digest};
use outgoing::Outgoing;

/// The name of the relay's leadership.
pub const RELAY: &str = "relay";

/// How much larger a batch is while there is a backlog: what each costs the store beside its rows
/// is then next to nothing.
const BACKLOG: usize = 4;

/// How a relay works. The defaults are what `freehold run` uses.
#[derive(Debug, Clone)]
pub struct Options {
    /// The most rows of one batch; four times as many while more wait than that.
    pub page: usize,
    /// The most messages that wait in memory; beyond it the outbox is not read.
    pub held: usize,
    /// How long a leadership lasts without being renewed.
    pub term: Duration,
    /// How often the source says that it is alive.
    pub tick: Duration,
    /// How long acknowledged rows are kept, for consumers that missed some.
    pub keep: Duration,
    /// How long a topic rests that the broker did not take.
    pub rest: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page: 2_000,
            held: 20_000,
            term: Duration::from_secs(5),
            tick: Duration::from_secs(1),
            keep: Duration::from_hours(24),
            rest: Duration::from_millis(500),
        }
    }
}

/// Safety rules of the relay that are broken against real stores: [`Sound`] ships. The others are
/// broken in the model of its protocol, `tests/it/models.rs`.
pub trait Rules {
    /// A batch is sent only when its record is durable.
    const RECORD_FIRST: bool = true;
}

/// The rules as they should be.
#[derive(Debug, Clone, Copy)]
pub struct Sound;

impl Rules for Sound {}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// So many rows were recorded; `more`: there are others at once.
    Recorded {
        /// Rows.
        rows: usize,
        /// Look again at once.
        more: bool,
    },
    /// There was nothing new.
    Idle,
}

/// A relay that leads.
pub struct Relay<R: Rules = Sound> {
    ground: Ground,
    session: Arc<dyn Session>,
    source: Source,
    options: Options,
    epoch: Epoch,
    incarnation: Incarnation,
    cursor: String,
    /// The last look did not see everything that there was.
    behind: bool,
    batch: u64,
    heads: HeadMap,
    outgoing: Outgoing,
    resting: BTreeMap<Topic, Instant>,
    troubles: BTreeMap<Topic, freehold_broker::Error>,
    beaten: Option<Instant>,
    pruned: Option<Instant>,
    rules: std::marker::PhantomData<R>,
}

impl<R: Rules> Relay<R> {
    /// One round: sends what waits and, beside it, records what is new.
    ///
    /// # Errors
    /// After one the relay is of no use: lead and recover over a new connection.
    pub async fn round(&mut self) -> Result<Round> {
        self.beat().await?;
        self.prune().await?;
        let resting = self.resting();
        if !R::RECORD_FIRST {
            return self.unsound_round(&resting).await;
        }
        let fronts = self.outgoing.fronts(&resting);
        let session = Arc::clone(&self.session);
        let sending =
            futures_util::future::join_all(fronts.into_iter().map(|front| front.send(&*session)));
        let (sent, read) = tokio::join!(sending, self.record());
        self.settle(sent);
        read
    }

    /// A mutant: sends in the transaction that has yet to commit its record.
    async fn unsound_round(&mut self, resting: &BTreeSet<Topic>) -> Result<Round> {
        self.ground.begin(TxMode::Relay).await?;
        self.ground.fence(RELAY, self.epoch).await?;
        let round = self.look().await?;
        let fronts = self.outgoing.fronts(resting);
        let session = Arc::clone(&self.session);
        let sent =
            futures_util::future::join_all(fronts.into_iter().map(|front| front.send(&*session)))
                .await;
        self.settle(sent);
        self.ground.commit().await?;
        Ok(round)
    }

    /// The last error of each topic that the broker did not take.
    pub fn troubles(&self) -> &BTreeMap<Topic, freehold_broker::Error> {
        &self.troubles
    }

    /// How many messages are recorded and not acknowledged.
    pub fn waiting(&self) -> usize {
        self.outgoing.held()
    }

    fn settle(&mut self, sent: Vec<outgoing::Sent>) {
        if !self.troubles.is_empty() {
            for one in &sent {
                self.troubles.remove(one.topic());
            }
        }
        for (topic, error) in self.outgoing.settle(sent) {
            self.troubles.insert(topic.clone(), error);
            self.resting
                .insert(topic, Instant::now() + self.options.rest);
        }
    }

    fn resting(&mut self) -> BTreeSet<Topic> {
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        self.resting.keys().cloned().collect()
    }

    /// Looks at the outbox and writes what it found, with what was acknowledged meanwhile, in one
    /// transaction. Nothing of it is sent before it has committed.
    async fn record(&mut self) -> Result<Round> {
        self.ground.begin(TxMode::Relay).await?;
        self.ground.fence(RELAY, self.epoch).await?;
        let acknowledged = self.outgoing.changes();
        for (batch, pending) in &acknowledged {
            self.ground.set_pending(*batch, pending).await?;
        }
        let full = self.outgoing.held() >= self.options.held;
        let round = if full {
            Round::Idle
        } else {
            self.look().await?
        };
        if round == Round::Idle && acknowledged.is_empty() {
            self.ground.rollback().await?;
        } else {
            self.ground.commit().await?;
        }
        Ok(round)
    }

    async fn look(&mut self) -> Result<Round> {
        let page = self.options.page * if self.behind { BACKLOG } else { 1 };
        let polled = self.ground.poll(&self.cursor, page).await?;
        self.behind = !polled.last_page;
        if polled.rows.is_empty() {
            // The middle of a long look may end with nothing; then its snapshot is the new start.
            self.cursor = if polled.last_page && self.cursor.contains('|') {
                polled.cursor
            } else {
                std::mem::take(&mut self.cursor)
            };
            return Ok(Round::Idle);
        }
        let (rows, more) = (polled.rows.len(), !polled.last_page);
        let (record, messages) = self.next_batch(polled);
        self.ground.put_record(&record).await?;
        for topic in &record.pending {
            if let Some(lanes) = self.heads.0.get(topic) {
                self.ground.put_head(topic, lanes).await?;
            }
        }
        self.batch = record.batch;
        self.cursor.clone_from(&record.cursor);
        self.outgoing.add(record.batch, record.pending, messages);
        Ok(Round::Recorded { rows, more })
    }

    fn next_batch(&mut self, polled: Polled) -> (Record, Vec<freehold_broker::Message>) {
        let (batch, incarnation) = (self.batch + 1, self.incarnation);
        let at = |id| Position {
            incarnation,
            batch,
            id,
        };
        let ids = Ranges::of(polled.rows.iter().map(|row| row.id));
        let digest = digest(&polled.rows);
        let Assigned {
            messages,
            topics,
            prevs,
        } = assign(
            &self.source,
            Sending::First,
            polled.rows,
            &mut self.heads,
            at,
        );
        let record = Record {
            batch,
            incarnation,
            epoch: self.epoch.0,
            cursor: polled.cursor,
            ids,
            digest,
            prevs,
            pending: topics,
            last_page: polled.last_page,
        };
        (record, messages)
    }

    /// Writes the heartbeat's row when it is time.
    async fn beat(&mut self) -> Result<()> {
        let due = self
            .beaten
            .is_none_or(|last| last.elapsed() >= self.options.tick);
        if due {
            self.ground.publish(HEARTBEAT, "", "null").await?;
            self.beaten = Some(Instant::now());
        }
        Ok(())
    }

    /// Deletes rows that everybody acknowledged and that are older than what is kept.
    async fn prune(&mut self) -> Result<()> {
        let every =
            (self.options.keep / 10).clamp(Duration::from_millis(100), Duration::from_secs(10));
        if self.pruned.is_some_and(|last| last.elapsed() < every) {
            return Ok(());
        }
        self.pruned = Some(Instant::now());
        let age = i64::try_from(self.options.keep.as_micros()).unwrap_or(i64::MAX);
        loop {
            self.ground.begin(TxMode::Relay).await?;
            self.ground.fence(RELAY, self.epoch).await?;
            let mut old = self.ground.old_batches(age, 20).await?;
            // The newest record holds the cursor.
            old.retain(|(batch, _)| *batch < self.batch);
            let Some(last) = old.last().map(|(batch, _)| *batch) else {
                return self.ground.rollback().await;
            };
            for (_, ids) in &old {
                self.ground.delete_rows(ids).await?;
            }
            self.ground.forget_below(last + 1).await?;
            self.ground.commit().await?;
        }
    }

    /// Rounds until something goes wrong or `stop` says so. Then everything recorded is sent or
    /// will be by whoever leads next.
    ///
    /// # Errors
    /// What ended it.
    pub async fn run(&mut self, stop: &tokio::sync::watch::Receiver<bool>) -> Result<()> {
        self.run_telling(stop, &mut |_| {}).await
    }

    /// The same, and tells when the broker does not take a topic, and when it does again.
    ///
    /// # Errors
    /// What ended it.
    pub async fn run_telling(
        &mut self,
        stop: &tokio::sync::watch::Receiver<bool>,
        tell: &mut (dyn FnMut(Option<Fault>) + Send),
    ) -> Result<()> {
        let mut renewed = Instant::now();
        let mut quiet = 0_u32;
        while !*stop.borrow() {
            if renewed.elapsed() >= self.options.term / 3 {
                self.renew().await?;
                renewed = Instant::now();
            }
            let was_well = self.troubles.is_empty();
            let round = self.round().await?;
            // Nothing is sent over a session that is lost, however long one waits.
            // What is behind a partition's tail is settled by whoever takes over: it was sent, or the
            // store went back.
            let refused = |error: &freehold_broker::Error| error.kind == ErrorKind::Backwards;
            if self.session.broken() || self.troubles.values().any(refused) {
                return Err(Error::Broker(self.lost()));
            }
            match self.troubles.values().next() {
                Some(error) => tell(Some(error.fault())),
                None if !was_well => tell(None),
                None => {}
            }
            let resting = self.resting();
            if round != Round::Idle || self.outgoing.has_work(&resting) {
                quiet = 0;
                continue;
            }
            quiet += 1;
            self.pause(quiet).await?;
        }
        Ok(())
    }

    fn lost(&mut self) -> freehold_broker::Error {
        let trouble = std::mem::take(&mut self.troubles).into_values().next();
        trouble.unwrap_or_else(|| {
            let what = "the connection to the broker is lost";
            freehold_broker::Error::new(ErrorKind::Unavailable, what)
        })
    }

    /// Sleeps until a commit wakes it. Just after work it looks again every millisecond: that is
    /// when the next commit comes, and an armed alarm costs the writers more than a look.
    async fn pause(&mut self, quiet: u32) -> Result<()> {
        const EAGER: u32 = 5;
        if quiet <= EAGER {
            tokio::time::sleep(Duration::from_millis(1)).await;
            return Ok(());
        }
        let want = self.ground.want.clone();
        let most = self
            .options
            .tick
            .min(self.options.term / 3)
            .min(self.options.rest);
        match self.ground.connection.arm_outbox(&want).await? {
            Alarm::Deaf(pause) => {
                let doubled = pause.saturating_mul(1 << (quiet - EAGER).min(4));
                tokio::time::sleep(doubled.min(Duration::from_millis(20)).max(pause)).await;
            }
            Alarm::Armed if quiet == EAGER + 1 => {}
            Alarm::Armed => self.ground.connection.wait_outbox(&want, most).await?,
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<()> {
        let Ground {
            connection, sql, ..
        } = &mut self.ground;
        let me = self.source.holder();
        let epoch = freehold_bookkeeping::lead(
            &mut **connection,
            sql,
            RELAY,
            &me,
            Some(self.epoch),
            self.options.term,
        )
        .await?;
        match epoch {
            Some(epoch) if epoch == self.epoch => Ok(()),
            _ => Err(Error::Lost),
        }
    }
}
