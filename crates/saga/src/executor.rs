//! Runs the sagas of one store: leads shares of the instances, reads starts and signals, takes each
//! event through the transition core, commits the transitions of many sagas together, and sends
//! what they enabled. One connection, one task; requests go out in tasks of their own.
//!
//! What is kept here and must stay so:
//! - Nothing is sent for a transition before its commit is known ([`commit`]); after an unknown
//!   commit everything is read again over a new connection ([`Executor::reopen`]).
//! - The first statement of every transaction is the fence of the shares that it writes for.
//! - What is under way for a lost leadership never reaches the next one: requests and their answers
//!   carry the leadership that they belong to ([`Led`]).
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

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_engine::{Connection, SagaSql};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::definition::{Definition, OnConflict};
use crate::error::Result;
use crate::instance::{Instance, Prepared};
use crate::participants::Participants;
use crate::saga_id::SagaId;
use crate::signal::Signal;
use crate::store::{Share, Store};
use crate::transition::{Event, Millis};

pub use settings::{Alarm, Settings};

use lanes::{Heard, Lanes};
use lead::Unread;

/// A leadership of one share, as long as it lasts. What is sent and heard names it.
#[derive(Debug)]
struct Led {
    share: Share,
    /// The store's time of the last renewal.
    renewed: std::sync::atomic::AtomicU64,
}

/// An instance in memory: as stored, but for short pauses.
#[derive(Debug)]
struct Held {
    instance: Instance,
    prepared: Arc<Prepared>,
    /// Requests queued and sent.
    under_way: u32,
    /// When it stands in the timers.
    timer: Option<Millis>,
}

/// Something that happened to a saga and has not been taken yet.
#[derive(Debug)]
struct Pending {
    saga: SagaId,
    event: What,
    payload: Option<Value>,
}

#[derive(Debug)]
enum What {
    Event(Event),
    Signal(Signal),
    /// A time has come that the instance names.
    Time,
}

/// The store's time, kept going between two looks at it.
#[derive(Debug, Clone, Copy)]
struct Clock {
    then: Millis,
    at: Instant,
}

impl Clock {
    fn now(&self) -> Millis {
        let since = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.then.saturating_add(since)
    }
}

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
    clock: Clock,
    led: BTreeMap<u8, Arc<Led>>,
    held: HashMap<SagaId, Held>,
    pending: VecDeque<Pending>,
    /// Once for each saga that something is due for, in memory or not.
    timers: BTreeSet<(Millis, SagaId)>,
    /// Sagas that wait for locks, with their keys, oldest first.
    waiting: VecDeque<(SagaId, Vec<String>)>,
    /// What of taken shares has still to be read. Until then nothing else is looked for, so that a
    /// saga hears of its new leader before it hears of anything else.
    unread: VecDeque<Unread>,
    /// Signals that are pending or in a batch.
    in_hand: HashSet<i64>,
    /// Starts that cannot be claimed: of sagas that are not described.
    odd_starts: HashSet<SagaId>,
    /// Shares that are led for the first time: which life of the store that is, is not noted yet.
    unmarked: Vec<Share>,
    lanes: Lanes,
    hearing: mpsc::UnboundedReceiver<Heard>,
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
            clock: Clock { then, at: now },
            led: BTreeMap::new(),
            held: HashMap::new(),
            pending: VecDeque::new(),
            timers: BTreeSet::new(),
            waiting: VecDeque::new(),
            unread: VecDeque::new(),
            in_hand: HashSet::new(),
            odd_starts: HashSet::new(),
            unmarked: Vec::new(),
            lanes: lanes(&people, &settings, telling),
            people,
            hearing,
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
        let before: Vec<Share> = self.led.values().map(|led| led.share).collect();
        self.forget_everything();
        let (then, life) = self.store.identity().await?;
        let same_life = life == self.life;
        self.life = life;
        self.clock = Clock {
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
        self.hearing = hearing;
        self.led.clear();
        self.held.clear();
        self.pending.clear();
        self.timers.clear();
        self.waiting.clear();
        self.unread.clear();
        self.in_hand.clear();
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
            if !self.pending.is_empty() || !self.unread.is_empty() {
                continue;
            }
            let until = self.next_look();
            tokio::select! {
                heard = self.hearing.recv() => {
                    if let Some(heard) = heard {
                        self.hear(heard);
                    }
                }
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
        while let Ok(heard) = self.hearing.try_recv() {
            self.hear(heard);
        }
        self.ring();
        if self.unread.is_empty() {
            // What has been heard goes first, but not for long.
            let late = if self.pending.is_empty() {
                Duration::ZERO
            } else {
                LATE
            };
            if self.poll_at + late <= Instant::now() {
                self.poll().await?;
            }
        } else if self.pending.len() < self.settings.batch {
            self.read_on().await?;
        }
        self.load_missing().await?;
        let changes = self.work();
        self.commit(changes).await?;
        self.send_ready();
        Ok(())
    }

    fn next_look(&self) -> Instant {
        let mut until = self.renew_at.min(self.poll_at);
        if let Some((due, _)) = self.timers.first() {
            let wait = Duration::from_millis(due.saturating_sub(self.clock.now()).max(1));
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
        let changes = self.work();
        self.commit(changes).await
    }

    /// Durable commits of transitions so far.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// How many shares are led and sagas in memory.
    pub fn standing(&self) -> (usize, usize) {
        (self.led.len(), self.held.len())
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
