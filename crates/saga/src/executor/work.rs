//! From what is pending to what is committed together. Knows the memory, and neither the store nor
//! what became of a batch: the next one may be taken while the one before is being committed, of
//! other sagas.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::Sound;
use crate::encoding::encode;
use crate::instance::{Dispatch, Instance, Prepared};
use crate::saga_id::SagaId;
use crate::signal::{DONE, Signal, refused};
use crate::store::{Noted, Written};
use crate::summary::summary;
use crate::transition::{Command, Event, Illegal, outstanding};

use super::Executor;
use super::memory::{Held, Memory, Pending, What};
use super::poll::noted;

/// So many events are taken while the store works before it is looked after again: some hundred
/// microseconds.
const AT_ONCE: usize = 16;

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
    /// As it is written. None: there is nothing to write, or it has not been made yet.
    row: Option<Written>,
}

/// Changes of as many sagas as are committed together, one each.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) changes: Vec<Change>,
    at: HashMap<SagaId, usize>,
    /// What cannot be taken into this one, in its order.
    aside: VecDeque<Pending>,
}

/// Did a batch take something?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    Something,
    Nothing,
}

impl Change {
    /// The next state of a saga, or its first one.
    pub(super) fn of(
        saga: SagaId,
        previous: Option<u64>,
        prepared: &Arc<Prepared>,
        (instance, dispatches): (Instance, Vec<Dispatch>),
    ) -> Self {
        Self {
            saga,
            previous,
            instance,
            prepared: Arc::clone(prepared),
            dispatches,
            noted: Vec::new(),
            takes: Vec::new(),
            row: None,
        }
    }

    /// What an event makes of a saga that is held. None: it is not for it.
    pub(super) fn after(saga: SagaId, held: &Held, now: u64, event: &Event) -> Option<Self> {
        let (instance, prepared) = (&held.instance, &held.prepared);
        let advanced = instance.advance::<Sound>(prepared, now, event, None);
        let previous = Some(instance.state.version);
        Some(Self::of(saga, previous, prepared, advanced.ok()?))
    }

    /// Is there something to write of the instance itself?
    pub(super) fn writes(&self) -> bool {
        self.previous != Some(self.instance.state.version)
    }

    pub(super) fn frees(&self) -> bool {
        let frees = |it: &Dispatch| it.command == Command::FreeLocks;
        self.dispatches.iter().any(frees)
    }

    /// Makes its row, if it has not been made.
    pub(super) fn write(&mut self) {
        if !self.writes() || self.row.is_some() {
            return;
        }
        let instance = &self.instance;
        self.row = Some(Written {
            i: self.saga.to_string(),
            s: self.saga.share(),
            d: self.prepared.definition.hash.clone(),
            p: self.previous,
            v: instance.state.version,
            x: encode(instance),
            m: summary(&self.prepared.definition, instance).replace("\\u0000", ""),
            f: instance.state.phase.is_end() && self.nothing_outstanding(),
        });
    }

    /// As it was made last.
    pub(super) fn row(&self) -> Option<&Written> {
        self.row.as_ref()
    }

    /// A participant that was restored can be asked again after the end.
    fn nothing_outstanding(&self) -> bool {
        outstanding(&self.prepared.plan, &self.instance.state, 0).is_empty()
    }
}

impl Executor {
    /// Takes what is pending through the core, for as many sagas as go into a batch.
    pub(super) fn work(&mut self) -> Batch {
        let mut batch = Batch::default();
        let nobody = HashSet::new();
        while self.memory.take(&mut batch, &nobody, self.settings.batch) == Took::Something {}
        // Not claimed yet, or pruned: a signal stays where it is.
        for pending in batch.aside.drain(..) {
            if let What::Signal(signal) = pending.event {
                self.memory.in_hand.remove(&signal.id);
            }
        }
        batch
    }
}

impl Memory {
    /// Goes on with the next batch while the store commits `busy`; returns now and then, for that
    /// to be looked after. Cancel-safe.
    pub(super) async fn go_on(&mut self, next: &mut Batch, busy: &HashSet<SagaId>, most: usize) {
        self.hear_all();
        let takes = |_: &usize| self.take(next, busy, most) == Took::Something;
        if (0..AT_ONCE).take_while(takes).count() == 0 {
            self.listen().await;
        } else {
            next.changes.iter_mut().for_each(Change::write);
            tokio::task::yield_now().await;
        }
    }

    /// What could not be taken is pending again, ahead of what came later.
    pub(super) fn take_back(&mut self, next: &mut Batch) {
        while let Some(pending) = next.aside.pop_back() {
            self.pending.push_front(pending);
        }
    }

    /// Takes the next event through the core.
    fn take(&mut self, batch: &mut Batch, busy: &HashSet<SagaId>, most: usize) -> Took {
        let Some(next) = self.pending.front() else {
            return Took::Nothing;
        };
        let known = batch.at.get(&next.saga).copied();
        if known.is_none() && batch.changes.len() >= most {
            return Took::Nothing;
        }
        let Some(pending) = self.pending.pop_front() else {
            return Took::Nothing;
        };
        let now = self.clock.now();
        let held = self.held.get_mut(&pending.saga);
        let Some(held) = held.filter(|_| !busy.contains(&pending.saga)) else {
            batch.aside.push_back(pending);
            return Took::Something;
        };
        let slot = known.unwrap_or_else(|| {
            let previous = Some(held.instance.state.version);
            let as_it_is = (held.instance.clone(), Vec::new());
            let change = Change::of(pending.saga, previous, &held.prepared, as_it_is);
            batch.changes.push(change);
            batch.at.insert(pending.saga, batch.changes.len() - 1);
            batch.changes.len() - 1
        });
        let change = &mut batch.changes[slot];
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
        Took::Something
    }
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
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
                self.row = None;
                self.instance = next;
                self.dispatches.extend(dispatches);
                None
            }
            Err(why) => {
                if let (Illegal::Late, Event::Reply { step, outcome, .. }) = (why, event) {
                    self.row = None;
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
