//! Looks for what was inserted: signals first, then starts, else an acknowledged cancel could be
//! taken for one of a saga that nobody knows. And for what has been kept long enough.

use std::collections::HashSet;
use std::sync::Arc;
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

use super::work::Change;
use super::{Alarm, Executor, FAST, Pending, What};

/// Signals that are read at once.
const SIGNALS: usize = 2_000;
const PRUNE_EVERY: Duration = Duration::from_secs(20);

impl Executor {
    pub(super) async fn poll(&mut self) -> Result<()> {
        let shares: Vec<u8> = self.led.keys().copied().collect();
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
            if self.in_hand.insert(signal.id) {
                found = true;
                self.pending.push_back(Pending {
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
        let room = self.settings.under_way.saturating_sub(self.held.len());
        let most = room.min(self.settings.batch) + self.odd_starts.len();
        if room == 0 {
            return Ok(false);
        }
        let starts = self.store.new_starts(shares, most).await?;
        let mut changes = Vec::new();
        for start in starts {
            changes.extend(self.begin(start, false, &mut HashSet::new()).await?);
        }
        let found = !changes.is_empty();
        let (alone, together): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change: &Change| !change.takes.is_empty());
        self.commit(together).await?;
        for change in alone {
            self.commit(vec![change]).await?;
        }
        Ok(found)
    }

    /// A start becomes an instance: begun, or waiting for its locks. `promised` are locks that others
    /// take in the same commit.
    async fn begin(
        &mut self,
        start: Start,
        doubted: bool,
        promised: &mut HashSet<String>,
    ) -> Result<Option<Change>> {
        let Some(prepared) = self.current.get(&start.definition).cloned() else {
            if self.odd_starts.insert(start.saga) {
                (self.alarm)(Alarm::NoSuchSaga {
                    saga: start.saga,
                    definition: start.definition,
                });
            }
            return Ok(None);
        };
        let input = serde_json::from_str(&start.input).unwrap_or(Value::Null);
        let now = self.clock.now();
        let mut instance = Instance::new(&prepared, start.saga.to_string(), start.key, input);
        if doubted {
            let restored = Event::Restored {
                life: self.life_ms(),
            };
            if let Ok((next, _)) = instance.advance::<Sound>(&prepared, now, &restored, None) {
                instance = next;
            }
        }
        // Where a start may not wait, its locks were taken in the business transaction already, on
        // engines that have a trigger for it.
        let takes = start.locks;
        let held = if takes.is_empty() {
            Vec::new()
        } else {
            self.store.held_locks(&takes).await?
        };
        let free = held.iter().all(|(_, by)| *by == start.saga)
            && !takes.iter().any(|key| promised.contains(key));
        if free {
            promised.extend(takes.iter().cloned());
        }
        let event = if free { Event::Begin } else { Event::Wait };
        let Ok((next, dispatches)) = instance.advance::<Sound>(&prepared, now, &event, None) else {
            return Ok(None);
        };
        if !free {
            self.waiting.push_back((start.saga, takes.clone()));
        }
        Ok(Some(Change {
            saga: start.saga,
            previous: None,
            instance: next,
            prepared: Arc::clone(&prepared),
            dispatches,
            noted: Vec::new(),
            takes: if free && held.is_empty() {
                takes
            } else {
                Vec::new()
            },
        }))
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
            .filter(|saga| !self.held.contains_key(saga))
            .collect();
        if !missing.is_empty() {
            for row in self.store.instances(&missing).await? {
                self.hold(&row).await?;
            }
        }
        for (saga, keys) in ahead {
            let blocked = keys.iter().any(|key| taken.contains(key));
            // First come, first served: nobody overtakes who waits for the same.
            taken.extend(keys.iter().cloned());
            let Some(held) = self.held.get(&saga) else {
                self.waiting.retain(|(it, _)| *it != saga);
                continue;
            };
            if held.instance.state.phase != Phase::Waiting {
                self.waiting.retain(|(it, _)| *it != saga);
                continue;
            }
            if blocked {
                self.let_go(saga);
                continue;
            }
            let now = self.clock.now();
            let begun = held
                .instance
                .advance::<Sound>(&held.prepared, now, &Event::Begin, None);
            let Ok((next, dispatches)) = begun else {
                continue;
            };
            let change = Change {
                saga,
                previous: Some(held.instance.state.version),
                instance: next,
                prepared: Arc::clone(&held.prepared),
                dispatches,
                noted: Vec::new(),
                takes: keys,
            };
            self.waiting.retain(|(it, _)| *it != saga);
            self.commit(vec![change]).await?;
        }
        Ok(())
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
                let held = &self.held[&row.saga];
                let restored = Event::Restored {
                    life: self.life_ms(),
                };
                let now = self.clock.now();
                let doubted = held
                    .instance
                    .advance::<Sound>(&held.prepared, now, &restored, None);
                if let Ok((next, dispatches)) = doubted {
                    changes.push(Change {
                        saga: row.saga,
                        previous: Some(held.instance.state.version),
                        instance: next,
                        prepared: Arc::clone(&held.prepared),
                        dispatches,
                        noted: Vec::new(),
                        takes: Vec::new(),
                    });
                }
            }
        }
        let mut promised = HashSet::new();
        for start in self.store.new_starts(&numbers, usize::MAX >> 1).await? {
            changes.extend(self.begin(start, true, &mut promised).await?);
        }
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

    pub(super) fn life_ms(&self) -> u64 {
        u64::try_from(self.settings.life.as_millis()).unwrap_or(u64::MAX)
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
        let mine: Vec<Share> = self.led.values().map(|led| led.share).collect();
        self.store.begin().await?;
        if self.store.fence(&mine).await?.len() == mine.len() {
            self.store.prune(&sagas).await?;
            self.store.commit().await.done()?;
            for row in &rows {
                self.held.remove(&row.saga);
                self.forget_at_participants(row);
            }
        } else {
            self.store.rollback().await?;
        }
        Ok(())
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
