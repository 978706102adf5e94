//! Looks for what was inserted: signals first, then starts, else an acknowledged cancel could be
//! taken for one of a saga that nobody knows. And for what has been kept long enough.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use freehold_engine::Result as StoreResult;
use serde_json::Value;

use crate::Sound;
use crate::error::Result;
use crate::instance::Instance;
use crate::saga_id::SagaId;
use crate::signal::Signal;
use crate::store::{Noted, Share, Start};
use crate::transition::{Event, Phase};

use super::memory::{Held, Pending, What};
use super::work::Change;
use super::{Alarm, Executor, FAST};

/// Signals that are read at once.
const SIGNALS: usize = 2_000;
/// Lock keys that are looked for at once.
const KEYS: usize = 2_000;
const PRUNE_EVERY: Duration = Duration::from_secs(20);

impl Executor {
    pub(super) async fn poll(&mut self) -> Result<()> {
        let shares: Vec<u8> = self.memory.led.keys().copied().collect();
        let mut found = false;
        if !shares.is_empty() {
            found |= self.look_for_signals(&shares).await?;
            found |= self.look_for_starts(&shares).await?;
            self.let_in().await?;
            if self.prune_at <= Instant::now() {
                self.prune_at = Instant::now() + PRUNE_EVERY;
                self.prune(&shares).await?;
            }
        }
        self.poll_pause = if found {
            FAST
        } else {
            (self.poll_pause * 2).min(self.settings.poll)
        };
        self.poll_at = Instant::now() + self.poll_pause;
        Ok(())
    }

    async fn look_for_signals(&mut self, shares: &[u8]) -> StoreResult<bool> {
        let signals = self.store.signals(shares, SIGNALS).await?;
        let mut nobodys = Vec::new();
        let mut found = false;
        for signal in signals {
            let Some(saga) = signal.saga else {
                nobodys.push(noted(&signal, "there is no such saga"));
                continue;
            };
            if self.memory.in_hand.insert(signal.id) {
                found = true;
                self.memory.pending.push_back(Pending {
                    saga,
                    payload: signal.payload.clone(),
                    event: What::Signal(signal),
                });
            }
        }
        if !nobodys.is_empty() {
            self.store.begin().await?;
            self.store.consume(&nobodys).await?;
            self.store.commit().await.done()?;
        }
        Ok(found)
    }

    async fn look_for_starts(&mut self, shares: &[u8]) -> Result<bool> {
        let room = self
            .settings
            .under_way
            .saturating_sub(self.memory.held.len());
        let most = room.min(self.settings.batch) + self.odd_starts.len();
        if room == 0 {
            return Ok(false);
        }
        let starts = self.store.new_starts(shares, most).await?;
        let changes = self.begin_all(starts, false).await?;
        let found = !changes.is_empty();
        self.commit(changes).await?;
        Ok(found)
    }

    /// Starts become instances, oldest first.
    async fn begin_all(&mut self, starts: Vec<Start>, doubted: bool) -> StoreResult<Vec<Change>> {
        let keys: Vec<String> = starts.iter().flat_map(|it| it.locks.clone()).collect();
        let mut locks = Locks::default();
        for keys in keys.chunks(KEYS) {
            locks.held.extend(self.store.held_locks(keys).await?);
        }
        let begun = starts
            .into_iter()
            .filter_map(|start| self.begin(start, doubted, &mut locks));
        Ok(begun.collect())
    }

    /// A start becomes an instance: begun, or waiting for its locks.
    fn begin(&mut self, start: Start, doubted: bool, locks: &mut Locks) -> Option<Change> {
        let Some(prepared) = self.current.get(&start.definition).cloned() else {
            if self.odd_starts.insert(start.saga) {
                (self.alarm)(Alarm::NoSuchSaga {
                    saga: start.saga,
                    definition: start.definition,
                });
            }
            return None;
        };
        let input = serde_json::from_str(&start.input).unwrap_or(Value::Null);
        let now = self.memory.clock.now();
        let mut instance = Instance::new(&prepared, start.saga.to_string(), start.key, input);
        if doubted {
            let restored = Event::Restored {
                life: self.settings.life_ms(),
            };
            if let Ok((next, _)) = instance.advance::<Sound>(&prepared, now, &restored, None) {
                instance = next;
            }
        }
        let takes = start.locks;
        let has = takes.iter().any(|key| locks.held.contains_key(key));
        let free = locks.promise(start.saga, &takes);
        let event = if free { Event::Begin } else { Event::Wait };
        let begun = instance.advance::<Sound>(&prepared, now, &event, None);
        let mut change = Change::of(start.saga, None, &prepared, begun.ok()?);
        if !free {
            self.waiting.push_back((start.saga, takes));
        } else if !has {
            change.takes = takes;
        }
        Some(change)
    }

    /// Sagas whose locks have become free, the oldest first.
    async fn let_in(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let ahead: Vec<(SagaId, Vec<String>)> = self
            .waiting
            .iter()
            .take(self.settings.batch)
            .cloned()
            .collect();
        let keys: Vec<String> = ahead.iter().flat_map(|(_, keys)| keys.clone()).collect();
        let mut taken: Vec<String> = self
            .store
            .held_locks(&keys)
            .await?
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let missing: Vec<SagaId> = ahead
            .iter()
            .map(|(saga, _)| *saga)
            .filter(|saga| !self.memory.held.contains_key(saga))
            .collect();
        if !missing.is_empty() {
            for row in self.store.instances(&missing).await? {
                self.hold(&row).await?;
            }
        }
        let mut changes = Vec::new();
        let mut gone = HashSet::new();
        for (saga, keys) in ahead {
            let blocked = keys.iter().any(|key| taken.contains(key));
            // First come, first served: nobody overtakes who waits for the same.
            taken.extend(keys.iter().cloned());
            let held = self.memory.held.get(&saga);
            let waits = |held: &&Held| held.instance.state.phase == Phase::Waiting;
            let Some(held) = held.filter(waits) else {
                gone.insert(saga);
                continue;
            };
            if blocked {
                self.memory.let_go(saga);
                continue;
            }
            let now = self.memory.clock.now();
            if let Some(mut change) = Change::after(saga, held, now, &Event::Begin) {
                gone.insert(saga);
                change.takes = keys;
                changes.push(change);
            }
        }
        self.waiting.retain(|(saga, _)| !gone.contains(saga));
        self.commit(changes).await
    }

    /// The first commit in a store that was restored: every open instance and every start that
    /// stands there is doubted, and the store notes it, all together.
    pub(super) async fn doubt(&mut self, shares: &[Share]) -> Result<()> {
        let numbers: Vec<u8> = shares.iter().map(|share| share.number).collect();
        let mut changes = Vec::new();
        let mut after = String::new();
        loop {
            let rows = self.store.open_instances(&numbers, &after, 1_000).await?;
            let Some(last) = rows.last() else { break };
            after = last.saga.to_string();
            for row in &rows {
                if !self.hold(row).await? {
                    continue;
                }
                let held = &self.memory.held[&row.saga];
                let restored = Event::Restored {
                    life: self.settings.life_ms(),
                };
                let now = self.memory.clock.now();
                changes.extend(Change::after(row.saga, held, now, &restored));
            }
        }
        let starts = self.store.new_starts(&numbers, usize::MAX >> 1).await?;
        changes.extend(self.begin_all(starts, true).await?);
        let waits = |change: &&Change| {
            change.previous.is_some() && change.instance.state.phase == Phase::Waiting
        };
        let waiting: Vec<SagaId> = changes
            .iter()
            .filter(waits)
            .map(|change| change.saga)
            .collect();
        self.commit_doubted(changes, shares).await?;
        if !waiting.is_empty() {
            let known = self.store.known_starts(&waiting).await?;
            self.waiting.extend(known);
        }
        Ok(())
    }

    /// Forgets what ended long ago: at least a request's life, so that no request outlives it.
    async fn prune(&mut self, shares: &[u8]) -> Result<()> {
        let age = self.settings.keep_for.max(self.settings.life * 2);
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let rows = self.store.old(shares, age, 1_000).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let sagas: Vec<SagaId> = rows.iter().map(|row| row.saga).collect();
        let mine: Vec<Share> = self.memory.led.values().map(|led| led.share).collect();
        self.store.begin().await?;
        if self.store.fence(&mine).await?.len() == mine.len() {
            self.store.prune(&sagas).await?;
            self.store.commit().await.done()?;
            for row in &rows {
                self.memory.held.remove(&row.saga);
                self.forget_at_participants(row);
            }
        } else {
            self.store.rollback().await?;
        }
        Ok(())
    }
}

/// Who has what when starts are begun together.
#[derive(Default)]
struct Locks {
    /// As the store has them.
    held: HashMap<String, SagaId>,
    /// Taken in the same commit, by those that are older.
    promised: HashSet<String>,
}

impl Locks {
    /// All or none. A saga may hold them already: on engines with a trigger for it, a start that may
    /// not wait took them in the business transaction.
    fn promise(&mut self, saga: SagaId, keys: &[String]) -> bool {
        let others = |key: &String| self.held.get(key).is_some_and(|by| *by != saga);
        let free = !keys
            .iter()
            .any(|key| others(key) || self.promised.contains(key));
        if free {
            self.promised.extend(keys.iter().cloned());
        }
        free
    }
}

pub(super) fn noted(signal: &Signal, outcome: &str) -> Noted {
    Noted {
        i: signal
            .saga
            .map_or_else(String::new, |saga| saga.to_string()),
        g: signal.id,
        w: signal.who.clone(),
        a: signal.asked.clone(),
        t: signal.step.clone(),
        p: signal.payload.as_ref().map(ToString::to_string),
        o: outcome.to_owned(),
    }
}
