//! What of the sagas is in memory: instances that have something under way or soon due, the times
//! of all, and what happened to whom and has not been taken yet. The rest is read when something
//! happens to it. Nothing here asks the store, so that it can go on while the store works.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc;

use crate::encoding;
use crate::error::{Error, Result};
use crate::instance::{Instance, Prepared};
use crate::participants::Answer;
use crate::saga_id::SagaId;
use crate::signal::Signal;
use crate::store::{Row, Share};
use crate::transition::{Event, Millis};
use crate::wire::Said;

use super::lanes::{Heard, Queued};
use super::{Alarm, Executor};

/// What is due within this stays in memory: pauses as short are not in the store.
const SOON_MS: Millis = 2_000;

/// A leadership of one share, as long as it lasts. What is sent and heard names it.
#[derive(Debug)]
pub(super) struct Led {
    pub(super) share: Share,
    /// The store's time of the last renewal.
    pub(super) renewed: std::sync::atomic::AtomicU64,
}

/// An instance in memory: as stored, but for short pauses.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) instance: Instance,
    pub(super) prepared: Arc<Prepared>,
    /// Requests queued and sent.
    pub(super) under_way: u32,
    /// When it stands in the timers.
    pub(super) timer: Option<Millis>,
}

/// Something that happened to a saga and has not been taken yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) saga: SagaId,
    pub(super) event: What,
    pub(super) payload: Option<Value>,
}

#[derive(Debug)]
pub(super) enum What {
    Event(Event),
    Signal(Signal),
    /// A time has come that the instance names.
    Time,
}

/// The store's time, kept going between two looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) then: Millis,
    pub(super) at: Instant,
}

impl Clock {
    pub(super) fn now(&self) -> Millis {
        let since = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.then.saturating_add(since)
    }
}

/// What is known without asking the store.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) clock: Clock,
    pub(super) led: BTreeMap<u8, Arc<Led>>,
    pub(super) held: HashMap<SagaId, Held>,
    pub(super) pending: VecDeque<Pending>,
    /// Once for each saga that something is due for, in memory or not.
    pub(super) timers: BTreeSet<(Millis, SagaId)>,
    /// Signals that are pending or in a batch.
    pub(super) in_hand: HashSet<i64>,
    hearing: mpsc::UnboundedReceiver<Heard>,
}

impl Memory {
    /// Nothing but the time.
    pub(super) fn new(clock: Clock, hearing: mpsc::UnboundedReceiver<Heard>) -> Self {
        Self {
            clock,
            led: BTreeMap::new(),
            held: HashMap::new(),
            pending: VecDeque::new(),
            timers: BTreeSet::new(),
            in_hand: HashSet::new(),
            hearing,
        }
    }

    /// Times that have come.
    pub(super) fn ring(&mut self) {
        let now = self.clock.now();
        while let Some((due, saga)) = self.timers.first().copied() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            if let Some(held) = self.held.get_mut(&saga) {
                held.timer = None;
            }
            self.pending.push_back(Pending {
                saga,
                event: What::Time,
                payload: None,
            });
        }
    }

    /// Waits for an answer. Cancel-safe.
    pub(super) async fn listen(&mut self) {
        match self.hearing.recv().await {
            Some(heard) => self.hear(heard),
            // Its lanes are gone, and it with them.
            None => std::future::pending().await,
        }
    }

    /// All answers that are there.
    pub(super) fn hear_all(&mut self) {
        while let Ok(heard) = self.hearing.try_recv() {
            self.hear(heard);
        }
    }

    /// Makes an event of an answer, if it is still for this leadership.
    fn hear(&mut self, heard: Heard) {
        let Heard {
            led,
            queued,
            answer,
        } = heard;
        let current = self.led.get(&queued.saga.share());
        if !current.is_some_and(|current| Arc::ptr_eq(current, &led)) {
            return;
        }
        self.one_less(queued.saga);
        let Queued {
            saga,
            step,
            kind,
            generation,
            attempt,
        } = queued;
        let (event, payload) = match answer {
            Answer::Said(Said::Outcome(outcome), body) => (
                Event::Reply {
                    step,
                    generation,
                    kind,
                    outcome,
                },
                Some(body),
            ),
            Answer::Said(Said::Told(told), _) => (Event::Told { step, told }, None),
            Answer::Nothing(why) => (
                Event::Unanswered {
                    step,
                    generation,
                    kind,
                    attempt,
                    chance: chance(),
                },
                Some(why.into()),
            ),
        };
        self.pending.push_back(Pending {
            saga,
            event: What::Event(event),
            payload,
        });
    }

    pub(super) fn one_less(&mut self, saga: SagaId) {
        if let Some(held) = self.held.get_mut(&saga) {
            held.under_way = held.under_way.saturating_sub(1);
        }
    }

    /// Lets go of an instance that has nothing under way and nothing soon due.
    pub(super) fn let_go(&mut self, saga: SagaId) {
        let now = self.clock.now();
        let Some(held) = self.held.get(&saga) else {
            return;
        };
        let soon = held
            .instance
            .state
            .next_due()
            .is_some_and(|due| due < now + SOON_MS);
        if held.under_way == 0 && !soon {
            self.held.remove(&saga);
        }
    }

    /// Its time, for when it comes.
    pub(super) fn remember(&mut self, saga: SagaId) {
        let Some(held) = self.held.get_mut(&saga) else {
            return;
        };
        let due = held.instance.state.next_due();
        if let Some(before) = held.timer
            && due != Some(before)
        {
            self.timers.remove(&(before, saga));
        }
        self.timers.extend(due.map(|due| (due, saga)));
        held.timer = due;
    }
}

impl Executor {
    /// Reads instances of which something is pending and that are not in memory.
    pub(super) async fn load_missing(&mut self) -> Result<()> {
        let ahead = self.memory.pending.iter().take(self.settings.batch);
        let missing: HashSet<SagaId> = ahead
            .map(|pending| pending.saga)
            .filter(|saga| !self.memory.held.contains_key(saga))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<SagaId> = missing.into_iter().collect();
        for row in self.store.instances(&missing).await? {
            self.hold(&row).await?;
        }
        Ok(())
    }

    /// Puts a row into memory. One that cannot be read is told of, and left alone.
    pub(super) async fn hold(&mut self, row: &Row) -> Result<bool> {
        if !self.memory.led.contains_key(&row.saga.share()) {
            return Ok(false);
        }
        if !self.by_hash.contains_key(&row.definition) {
            self.read_definitions().await?;
        }
        let odd = |message: &str| Alarm::Odd {
            saga: row.saga,
            message: message.to_owned(),
        };
        let Some(prepared) = self.by_hash.get(&row.definition) else {
            (self.alarm)(odd("its definition cannot be read by this version"));
            return Ok(false);
        };
        let instance = match encoding::decode(&row.state) {
            Ok(instance) => instance,
            Err(encoding::Unreadable::Format(format)) => {
                return Err(Error::Unreadable(format!(
                    "saga {} is kept in format {format}, this version reads {}",
                    row.saga,
                    encoding::FORMAT
                )));
            }
            Err(encoding::Unreadable::Damaged) => {
                (self.alarm)(odd("its row is damaged"));
                return Ok(false);
            }
        };
        if instance.state.steps.len() != prepared.definition.steps.len() {
            (self.alarm)(odd("its row does not fit its definition"));
            return Ok(false);
        }
        let held = Held {
            timer: instance.state.next_due(),
            instance,
            prepared: Arc::clone(prepared),
            under_way: 0,
        };
        self.memory.held.insert(row.saga, held);
        Ok(true)
    }
}

/// For the length of a pause.
fn chance() -> u16 {
    let mut bytes = [0; 2];
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
