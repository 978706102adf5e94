//! Runs the sagas of one store: leads shares of the instances, reads starts and signals, takes each
//! event through the transition core, commits the transitions of many sagas together, and sends
//! what they enabled. One connection, one task; requests go out in tasks of their own.
//!
//! What is kept here and must stay so:
//! - Nothing is sent for a transition before its commit is known ([`commit`]); after an unknown
//!   commit everything is read again over a new connection ([`Executor::reopen`]).
//! - While the store commits a batch the core takes the next one, of other sagas ([`work`]).
//! - The first statement of every transaction is the fence of the shares that it writes for.
//! - What is under way for a lost leadership never reaches the next one: requests and their answers
//!   carry the leadership that they belong to ([`memory::Led`]).
//! - Requests live from the last renewal of the leadership, not from their sending.
//! - In memory is only what has something under way or soon due; the rest is read when something
//!   happens to it.

mod commit;
mod lanes;
mod lead;
mod memory;
mod poll;
mod send;
mod settings;
mod work;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_engine::{Connection, SagaSql};
use tokio::sync::{mpsc, watch};

use crate::definition::{Definition, OnConflict};
use crate::error::Result;
use crate::instance::Prepared;
use crate::participants::Participants;
use crate::saga_id::SagaId;
use crate::store::{Share, Store};

pub use settings::{Alarm, Settings};

use lanes::{Heard, Lanes};
use lead::Unread;
use memory::{Clock, Memory};

/// Runs the sagas of one store.
pub struct Executor {
    store: Store,
    settings: Settings,
    people: Arc<dyn Participants>,
    alarm: Arc<dyn Fn(Alarm) + Send + Sync>,
    by_hash: HashMap<String, Arc<Prepared>>,
    /// What new sagas of a name get.
    current: HashMap<String, Arc<Prepared>>,
    life: String,
    memory: Memory,
    /// Sagas that wait for locks, with their keys, oldest first.
    waiting: VecDeque<(SagaId, Vec<String>)>,
    /// What of taken shares has still to be read. Until then nothing else is looked for, so that a
    /// saga hears of its new leader before it hears of anything else.
    unread: VecDeque<Unread>,
    /// Starts that cannot be claimed: of sagas that are not described.
    odd_starts: HashSet<SagaId>,
    /// Shares that are led for the first time: which life of the store that is, is not noted yet.
    unmarked: Vec<Share>,
    lanes: Lanes,
    renew_at: Instant,
    poll_at: Instant,
    poll_pause: Duration,
    prune_at: Instant,
    commits: u64,
}

impl Executor {
    /// Opens an executor. `definitions` are those that new sagas get; older ones are in the store.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(
        connection: Box<dyn Connection>,
        sql: SagaSql,
        definitions: &[Definition],
        people: Arc<dyn Participants>,
        settings: Settings,
        alarm: Arc<dyn Fn(Alarm) + Send + Sync>,
    ) -> Result<Self> {
        let mut store = Store::open(connection, sql).await?;
        let (then, life) = store.identity().await?;
        let (telling, hearing) = mpsc::unbounded_channel();
        let now = Instant::now();
        let mut executor = Self {
            store,
            alarm,
            by_hash: HashMap::new(),
            current: HashMap::new(),
            life,
            memory: Memory::new(Clock { then, at: now }, hearing),
            waiting: VecDeque::new(),
            unread: VecDeque::new(),
            odd_starts: HashSet::new(),
            unmarked: Vec::new(),
            lanes: lanes(&people, &settings, telling),
            people,
            renew_at: now,
            poll_at: now,
            poll_pause: FAST,
            prune_at: now,
            commits: 0,
            settings,
        };
        executor.define(definitions).await?;
        Ok(executor)
    }

    /// Goes on over a new connection after trouble with the old one. Whatever was under way is
    /// forgotten; what is outstanding in the rows is sent again. Nobody has written the shares
    /// whose epoch is still this one's.
    ///
    /// # Errors
    /// The store's.
    pub async fn reopen(&mut self, connection: Box<dyn Connection>, sql: SagaSql) -> Result<()> {
        self.store = Store::open(connection, sql).await?;
        let before: Vec<Share> = self.memory.led.values().map(|led| led.share).collect();
        self.forget_everything();
        let (then, life) = self.store.identity().await?;
        let same_life = life == self.life;
        self.life = life;
        self.memory.clock = Clock {
            then,
            at: Instant::now(),
        };
        self.renew_at = Instant::now();
        self.poll_at = Instant::now();
        if same_life {
            self.resume(&before).await?;
        }
        Ok(())
    }

    fn forget_everything(&mut self) {
        let (telling, hearing) = mpsc::unbounded_channel();
        self.lanes = lanes(&self.people, &self.settings, telling);
        self.memory = Memory::new(self.memory.clock, hearing);
        self.waiting.clear();
        self.unread.clear();
        self.odd_starts.clear();
    }

    /// Keeps what is described in the store, and reads what was described before.
    async fn define(&mut self, definitions: &[Definition]) -> Result<()> {
        self.store.begin().await?;
        for it in definitions {
            let conflict = match it.on_conflict {
                OnConflict::Refuse => "refuse",
                OnConflict::Wait => "wait",
            };
            self.store
                .keep_definition(&it.hash, &it.name, it.version, conflict, &it.canonical)
                .await?;
        }
        self.store.commit().await.done()?;
        for it in definitions {
            let prepared = Arc::new(Prepared::new(it.clone()));
            self.by_hash.insert(it.hash.clone(), Arc::clone(&prepared));
            self.current.insert(it.name.clone(), prepared);
        }
        self.read_definitions().await
    }

    async fn read_definitions(&mut self) -> Result<()> {
        for (hash, body) in self.store.definitions().await? {
            if self.by_hash.contains_key(&hash) {
                continue;
            }
            // What this version cannot read is run by nobody here; its instances are told of.
            if let Ok(loaded) = crate::read(&body, Path::new("the store's definition")) {
                let prepared = Arc::new(Prepared::new(loaded.definition));
                self.by_hash.insert(hash, prepared);
            }
        }
        Ok(())
    }

    /// Works until `stop` says so, and gives its shares back.
    ///
    /// # Errors
    /// The store's; then [`Executor::reopen`] goes on.
    pub async fn run(&mut self, stop: &mut watch::Receiver<bool>) -> Result<()> {
        loop {
            if *stop.borrow() {
                return self.leave().await;
            }
            self.turn().await?;
            if !self.memory.pending.is_empty() || !self.unread.is_empty() {
                continue;
            }
            let until = self.next_look();
            tokio::select! {
                () = self.memory.listen() => {}
                () = tokio::time::sleep_until(until.into()) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One round: everything that can be done now.
    async fn turn(&mut self) -> Result<()> {
        if self.renew_at <= Instant::now() {
            self.renew().await?;
        }
        self.memory.hear_all();
        self.memory.ring();
        if self.unread.is_empty() {
            // What has been heard goes first, but not for long.
            let late = if self.memory.pending.is_empty() {
                Duration::ZERO
            } else {
                LATE
            };
            if self.poll_at + late <= Instant::now() {
                self.poll().await?;
            }
        } else {
            self.read_on().await?;
        }
        self.load_missing().await?;
        let mut batch = self.work();
        while !batch.is_empty() {
            // Signals and starts are looked for in between.
            let now = Instant::now();
            let goes_on = now < self.renew_at && now < self.poll_at + LATE;
            batch = self.commit_meanwhile(batch, goes_on).await?;
            self.send_ready();
        }
        self.send_ready();
        Ok(())
    }

    fn next_look(&self) -> Instant {
        let mut until = self.renew_at.min(self.poll_at);
        if let Some((due, _)) = self.memory.timers.first() {
            let wait = Duration::from_millis(due.saturating_sub(self.memory.clock.now()).max(1));
            until = until.min(Instant::now() + wait);
        }
        if let Some(at) = self.lanes.next_delayed() {
            until = until.min(at);
        }
        until
    }

    /// Takes and renews what it can, whatever the time is.
    ///
    /// # Errors
    /// The store's.
    pub async fn lead_now(&mut self) -> Result<()> {
        self.renew().await
    }

    /// Looks for starts and signals and commits what follows, without renewing anything first.
    ///
    /// # Errors
    /// The store's.
    pub async fn claim_now(&mut self) -> Result<()> {
        self.poll().await?;
        self.load_missing().await?;
        let batch = self.work();
        self.commit(batch.changes).await
    }

    /// Durable commits of transitions so far.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// How many shares are led and sagas in memory.
    pub fn standing(&self) -> (usize, usize) {
        (self.memory.led.len(), self.memory.held.len())
    }
}

fn lanes(
    people: &Arc<dyn Participants>,
    settings: &Settings,
    telling: mpsc::UnboundedSender<Heard>,
) -> Lanes {
    Lanes::new(
        Arc::clone(people),
        telling,
        settings.at_once,
        settings.life_ms(),
    )
}

/// Between two looks while there is something to be found.
const FAST: Duration = Duration::from_millis(1);
/// So much later it looks while there is something to be committed.
const LATE: Duration = Duration::from_millis(5);
