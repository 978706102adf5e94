//! From what is pending to what is committed together. Pure but for the memory that it reads.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::Sound;
use crate::instance::{Dispatch, Instance, Prepared};
use crate::saga_id::SagaId;
use crate::signal::{DONE, Signal, refused};
use crate::store::Noted;
use crate::transition::{Command, Event, Illegal};

use super::poll::noted;
use super::{Executor, Held, What};

/// What becomes of one saga in a commit: its transitions in one.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) saga: SagaId,
    /// The version that the store has; none of a new one.
    pub(super) previous: Option<u64>,
    pub(super) instance: Instance,
    pub(super) prepared: Arc<Prepared>,
    /// What is sent once it is committed.
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) noted: Vec<Noted>,
    /// Locks that it takes: all, or it is not committed.
    pub(super) takes: Vec<String>,
}

impl Change {
    /// Is there something to write of the instance itself?
    pub(super) fn writes(&self) -> bool {
        self.previous != Some(self.instance.state.version)
    }

    pub(super) fn frees(&self) -> bool {
        let frees = |it: &Dispatch| it.command == Command::FreeLocks;
        self.dispatches.iter().any(frees)
    }
}

impl Executor {
    /// Takes what is pending through the core, for as many sagas as go into a batch.
    pub(super) fn work(&mut self) -> Vec<Change> {
        let now = self.clock.now();
        let mut changes: Vec<Change> = Vec::new();
        let mut at: HashMap<SagaId, usize> = HashMap::new();
        while let Some(next) = self.pending.front() {
            if changes.len() >= self.settings.batch && !at.contains_key(&next.saga) {
                break;
            }
            let Some(pending) = self.pending.pop_front() else {
                break;
            };
            let Some(held) = self.held.get_mut(&pending.saga) else {
                // Not claimed yet, or pruned: a signal stays where it is.
                if let What::Signal(signal) = pending.event {
                    self.in_hand.remove(&signal.id);
                }
                continue;
            };
            let slot = *at.entry(pending.saga).or_insert_with(|| {
                changes.push(Change {
                    saga: pending.saga,
                    previous: Some(held.instance.state.version),
                    instance: held.instance.clone(),
                    prepared: Arc::clone(&held.prepared),
                    dispatches: Vec::new(),
                    noted: Vec::new(),
                    takes: Vec::new(),
                });
                changes.len() - 1
            });
            let change = &mut changes[slot];
            match pending.event {
                What::Event(event) => {
                    change.take(held, now, &event, pending.payload);
                }
                What::Time => {
                    for event in due(&change.instance, now) {
                        change.take(held, now, &event, None);
                    }
                }
                What::Signal(signal) => {
                    if !change.heed(held, now, &signal, pending.payload) {
                        self.in_hand.remove(&signal.id);
                    }
                }
            }
        }
        changes
    }
}

/// The times of this instance that have come.
fn due(instance: &Instance, now: u64) -> Vec<Event> {
    let state = &instance.state;
    if state.next_due().is_none_or(|due| due > now) {
        return Vec::new();
    }
    let mut events = Vec::new();
    if state.deadline.is_some_and(|due| due <= now) {
        events.push(Event::Deadline);
    }
    for (step, it) in state.steps.iter().enumerate() {
        if it.due.is_some_and(|due| due <= now) {
            events.push(Event::Due { step });
        }
    }
    events
}

impl Change {
    fn take(
        &mut self,
        held: &mut Held,
        now: u64,
        event: &Event,
        payload: Option<Value>,
    ) -> Option<Illegal> {
        match self
            .instance
            .advance::<Sound>(&self.prepared, now, event, payload)
        {
            Ok((next, dispatches)) => {
                self.instance = next;
                self.dispatches.extend(dispatches);
                None
            }
            Err(why) => {
                if let (Illegal::Late, Event::Reply { step, outcome, .. }) = (why, event) {
                    self.instance.count_late(*step, *outcome);
                    held.instance.count_late(*step, *outcome);
                }
                Some(why)
            }
        }
    }

    /// False: too early, it stays where it is.
    fn heed(&mut self, held: &mut Held, now: u64, signal: &Signal, payload: Option<Value>) -> bool {
        let outcome = match signal.event(&self.prepared.definition) {
            Err(why) => why,
            Ok(event) => match self.take(held, now, &event, payload) {
                None => DONE.to_owned(),
                Some(Illegal::Early) => return false,
                Some(why) => refused(why).to_owned(),
            },
        };
        self.noted.push(noted(signal, &outcome));
        true
    }
}
