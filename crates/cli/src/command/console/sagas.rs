//! Sagas as the console shows them: the kinds that the stores keep, and their newest instances.
//!
//! Inputs, answers and errors are left out: what is personal in them is not known here.

use std::collections::{BTreeMap, BTreeSet};

use freehold_console::moment::{
    Held, Instance, Note, Promise, SagaKind, SagaState, Step, StepKind, StepState,
};
use freehold_lifecycle::Target;
use freehold_look::clock;
use freehold_look::number::real;
use freehold_model::Fault;
use freehold_saga::operate::{self, Filter, Seen};
use freehold_saga::{At, Definition, Parked, Status, current_step};

use crate::command::saga::{Store, fault};

/// How many that are under way are shown, and how many of all, newest first.
const OPEN: u32 = 500;
const NEWEST: u32 = 200;
/// Rates are over a minute, in milliseconds.
const MINUTE: u64 = 60_000;
/// Of each service so many stay known.
const KEPT: usize = 1500;
/// Of how many that are under way locks and notes are asked for.
const DETAILED: usize = 20;

#[derive(Clone, Default)]
pub(in crate::command) struct Sagas {
    pub(super) kinds: Vec<SagaKind>,
    pub(super) instances: Vec<Instance>,
}

/// Asks every store that starts some.
pub(super) async fn seen(
    targets: &[Target],
    before: &Sagas,
    now: u64,
) -> Result<Sagas, Vec<Fault>> {
    let mut all = Sagas::default();
    for target in targets.iter().filter(|it| it.want.plane.sagas.starts) {
        let mut store = Store::of(target).await?;
        let (connection, sql) = store.both();
        let definitions = operate::definitions(connection, sql).await.map_err(fault)?;
        let mut found = BTreeMap::new();
        for (ended, most) in [(false, OPEN), (true, NEWEST)] {
            let filter = Filter {
                ended,
                most,
                ..Filter::default()
            };
            let seen = operate::list(connection, sql, &filter).await;
            found.extend(
                seen.map_err(fault)?
                    .into_iter()
                    .map(|it| (it.id.clone(), it)),
            );
        }
        let mut own = Sagas::default();
        own.add(&target.want.service, &definitions, found.into_values(), now);
        own.keep(before, &target.want.service);
        own.measure(now);
        // What was asked of a saga, and what it holds, matters while it is not done.
        let open = own.instances.iter_mut();
        let open = open.filter(|it| matches!(it.state, SagaState::Parked | SagaState::Running));
        for instance in open.take(DETAILED) {
            let held = operate::locks(connection, sql, &instance.id).await;
            let held = held.map_err(fault)?.into_iter().map(|what| Held {
                kind: "lock".to_owned(),
                what: format!("`{what}`"),
            });
            instance.holds = held.collect();
            let notes = operate::notes(connection, sql, &instance.id).await;
            instance.trail = notes.map_err(fault)?.into_iter().map(note).collect();
        }
        all.kinds.extend(own.kinds);
        all.instances.extend(own.instances);
    }
    // The map shows the first: the one that runs most, then the one with most to tell.
    all.kinds.sort_by_key(|own| {
        let runs: u64 = own.counts.values().sum();
        std::cmp::Reverse((runs, own.steps.len()))
    });
    Ok(all)
}

/// What somebody asked for, and what became of it. What they sent with it is left out.
fn note(own: operate::Noted) -> Note {
    let step = own
        .step
        .map(|step| format!(" `{step}`"))
        .unwrap_or_default();
    Note {
        at: own.at,
        text: format!("{} asked for {}{step}: {}", own.who, own.asked, own.outcome),
        link: String::new(),
    }
}

impl Sagas {
    fn add(
        &mut self,
        service: &str,
        definitions: &BTreeMap<String, Definition>,
        found: impl Iterator<Item = Seen>,
        now: u64,
    ) {
        let shown =
            found.filter_map(|seen| instance(service, definitions.get(&seen.hash), &seen, now));
        let instances: Vec<_> = shown.collect();
        let mut kinds: BTreeMap<&str, SagaKind> = BTreeMap::new();
        for definition in definitions.values() {
            // Of several versions the steps of one are shown.
            kinds
                .entry(&definition.name)
                .or_insert_with(|| kind(service, definition));
        }
        self.kinds.extend(kinds.into_values());
        self.instances.extend(instances);
    }

    /// What has ended and was seen before stays a while, so that a link to it does.
    fn keep(&mut self, before: &Self, service: &str) {
        let known: BTreeSet<String> = self.instances.iter().map(|own| own.id.clone()).collect();
        let mut more: Vec<&Instance> = before
            .instances
            .iter()
            .filter(|own| own.service == service && own.ended_at.is_some())
            .filter(|own| !known.contains(&own.id))
            .collect();
        more.sort_by_key(|own| std::cmp::Reverse(own.started_at));
        let room = KEPT.saturating_sub(self.instances.len());
        self.instances.extend(more.into_iter().take(room).cloned());
    }

    fn measure(&mut self, now: u64) {
        let since = self.instances.iter().map(|own| own.started_at).min();
        for kind in &mut self.kinds {
            let own = self.instances.iter().filter(|own| own.saga == kind.name);
            let own: Vec<_> = own.collect();
            for one in &own {
                *kind.counts.entry(one.state).or_default() += 1;
            }
            measure(kind, &own, since, now);
        }
    }
}

/// How many begin and how long they take, over the last minute or as far back as is seen.
fn measure(kind: &mut SagaKind, all: &[&Instance], since: Option<u64>, now: u64) {
    kind.since = since;
    let from = now.saturating_sub(MINUTE).max(since.unwrap_or(now));
    let seconds = real(now.saturating_sub(from)) / 1000.0;
    if seconds >= 1.0 {
        let begun = all.iter().filter(|own| own.started_at >= from).count();
        kind.per_second = Some(real(begun as u64) / seconds);
    }
    let took = all
        .iter()
        .filter_map(|own| own.ended_at.map(|at| (at, own)));
    let mut took: Vec<u64> = took
        .map(|(at, own)| at.saturating_sub(own.started_at))
        .collect();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).map(|own| real(*own));
    (kind.p50_ms, kind.p99_ms) = (at(50), at(99));
}

fn kind(service: &str, definition: &Definition) -> SagaKind {
    let step = |own: &freehold_saga::Step| StepKind {
        name: own.name.clone(),
        service: asked(own, service),
        promise: promise(own),
        undo: undo(own),
        p50_ms: None,
    };
    SagaKind {
        name: definition.name.clone(),
        service: service.to_owned(),
        steps: definition.steps.iter().map(step).collect(),
        ..SagaKind::default()
    }
}

/// The service that does it; an approval is waited for by the one that started the saga.
fn asked(step: &freehold_saga::Step, service: &str) -> String {
    let called = step.call.as_ref().and_then(|own| own.service());
    called.unwrap_or(service).to_owned()
}

fn promise(step: &freehold_saga::Step) -> Promise {
    match step.kind {
        freehold_saga::StepKind::Pivot => Promise::Pivot,
        freehold_saga::StepKind::Retriable => Promise::Retriable,
        _ => Promise::Compensatable,
    }
}

fn undo(step: &freehold_saga::Step) -> String {
    let undo = step.undo.as_ref().map(|_| format!("undo {}", step.name));
    undo.unwrap_or_default()
}

/// Nothing: an operator has closed it as it stands.
fn instance(
    service: &str,
    definition: Option<&Definition>,
    seen: &Seen,
    now: u64,
) -> Option<Instance> {
    let mut shown = Instance {
        id: seen.id.clone(),
        saga: seen.definition.clone(),
        service: service.to_owned(),
        about: seen.key.clone(),
        started_at: seen.created,
        ended_at: seen.ended.then_some(seen.updated),
        ..Instance::default()
    };
    let own = match &seen.instance {
        None => {
            "waits to be taken".clone_into(&mut shown.says);
            return Some(shown);
        }
        Some(Err(_)) => {
            shown.state = SagaState::Failed;
            "cannot be read by this version".clone_into(&mut shown.says);
            return Some(shown);
        }
        Some(Ok(own)) => own,
    };
    let status = own.state.status();
    (shown.state, shown.says) = match status {
        Status::Running => (SagaState::Running, String::new()),
        Status::Waiting => (SagaState::Running, "waits for approval".to_owned()),
        Status::Compensating => (SagaState::Running, "is being taken back".to_owned()),
        Status::Parked => (SagaState::Parked, "waits for an operator".to_owned()),
        Status::Suspect => (SagaState::Parked, "in doubt after a restore".to_owned()),
        Status::Completed => (SagaState::Completed, String::new()),
        Status::CompletedWithSkips => (SagaState::Completed, "with steps skipped".to_owned()),
        Status::Compensated => (SagaState::Compensated, String::new()),
        Status::Closed => return None,
    };
    let Some(definition) = definition else {
        return Some(shown);
    };
    let at_step = current_step(definition, own).unwrap_or_default();
    at_step.clone_into(&mut shown.at_step);
    let steps = definition.steps.iter().zip(&own.state.steps);
    for (described, stands) in steps.clone() {
        shown.steps.push(step(described, stands, service));
    }
    if let Some(at) = definition.steps.iter().position(|own| own.name == at_step) {
        let stands = &own.state.steps[at];
        // How often it is tried before it is parked, the definition says or the default does.
        shown.attempt = match stands.attempt {
            0 => String::new(),
            n => n.to_string(),
        };
        if let Some(due) = stands.due.filter(|_| stands.parked.is_none()) {
            shown.next = format!("next try in {}", clock::span(due.saturating_sub(now)));
        }
        if stands.parked.is_some() {
            shown.deadline = stands.due;
        }
    }
    if shown.state == SagaState::Parked {
        shown.parked_at = Some(seen.updated);
        let mut whys = steps.filter_map(|(_, stands)| stands.parked);
        if let Some(why) = whys.next() {
            shown.why = format!("`{}`: {}.", shown.at_step, parked(why));
            parked(why).clone_into(&mut shown.says);
        }
    }
    Some(shown)
}

fn step(own: &freehold_saga::Step, stands: &freehold_saga::StepState, service: &str) -> Step {
    let (state, says) = match stands.at {
        At::Idle => (StepState::NotBegun, ""),
        At::Unwritable => (StepState::Failed, "its request cannot be made"),
        At::Open => (StepState::Running, "asked"),
        At::Asking(_) => (StepState::Running, "asked what became of it"),
        At::Awaiting => (StepState::Running, "waits for approval"),
        At::Done => (StepState::Done, "done"),
        At::Refused => (StepState::Failed, "refused"),
        At::Undoing(_) => (StepState::Running, "being taken back"),
        At::Undone => (StepState::Undone, "taken back"),
        At::Skipped => (StepState::Done, "skipped"),
    };
    Step {
        name: own.name.clone(),
        service: asked(own, service),
        promise: promise(own),
        undo: undo(own),
        state: stands.parked.map_or(state, |_| StepState::Parked),
        says: stands.parked.map_or(says, parked).to_owned(),
        ..Step::default()
    }
}

fn parked(why: Parked) -> &'static str {
    match why {
        Parked::Exhausted => "all attempts went unanswered",
        Parked::Refused => "the participant refused",
        Parked::Unwritable => "its request cannot be made of the values at hand",
        Parked::KeysGone => "the participant may have forgotten the request's key",
        Parked::Contradiction => "the participant contradicts itself",
        Parked::Lost => "what was decided was lost with a restore",
        Parked::NoProgress => "five takeovers without progress",
        Parked::Overdue => "its time is over, past the pivot",
    }
}
