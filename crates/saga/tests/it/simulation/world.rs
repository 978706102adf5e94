//! The world: its clock, its chance, its faults, its people; and what happens in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::marker::PhantomData;

use freehold_saga::{Action, At, Parked, Phase, Plan};

use super::chance::Chance;
use super::executor::{Executor, Read};
use super::keeps::Keeps;
use super::oracle::Oracle;
use super::participants::{Answer, Participants, Request};
use super::store::{Asked, Store, Transaction};

/// Of a request, from the renewal that it was stamped under.
pub(super) const LIFE: u64 = 12_000;
/// Of a leadership.
pub(super) const TERM: u64 = 1_500;
const TICK: u64 = 350;
/// After the faults have stopped, everything has ended by then.
const PATIENCE: u64 = 240_000;

/// What happens at a time.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Tick(usize),
    Read(usize, u32, Read),
    Commit(usize, u32, Transaction),
    Committed(usize, u32, Transaction, Answered),
    Reload(usize, u32, Vec<u64>),
    Send(usize, u32, Request),
    Deliver(Request),
    Finish(Request),
    Reply(Request, Answer),
    TimeOut(Request),
    Start(u64),
    Ask(u64, Asked),
    Meddle,
    Crash(usize),
    Freeze(usize, u64),
    Fall(usize, u64),
    Forget(u64),
    Backup,
    Restore,
    FaultsStop,
    Care,
}

/// What an executor learns of its commit.
#[derive(Debug, Clone)]
pub(super) enum Answered {
    /// All but these.
    Done(Vec<u64>),
    Unknown,
    Broken,
}

/// How bad this seed's world is; permille.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    pub(super) lose: u64,
    pub(super) double: u64,
    pub(super) late: u64,
    pub(super) slow: u64,
    pub(super) refuses: u64,
    pub(super) slow_commit: u64,
    pub(super) unknown_commit: u64,
    pub(super) restore_at: Option<u64>,
}

/// What a run gave.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) seen: BTreeMap<&'static str, u64>,
    pub(super) events: u64,
    pub(super) digest: u64,
    pub(super) broken: Option<String>,
}

pub(super) struct World<M> {
    pub(super) time: u64,
    pub(super) chance: Chance,
    pub(super) habits: Habits,
    pub(super) faults: bool,
    pub(super) plan: Plan,
    pub(super) keys: BTreeMap<u64, u8>,
    pub(super) store: Store,
    pub(super) participants: Participants,
    pub(super) executors: Vec<Executor>,
    pub(super) oracle: Oracle,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    waiting: BTreeMap<u64, Happening>,
    next: u64,
    seen: BTreeMap<&'static str, u64>,
    digest: u64,
    trace: bool,
    end: u64,
    keeps: PhantomData<M>,
}

impl<M: Keeps> World<M> {
    pub(super) fn run(seed: u64) -> Ran {
        Self::new(seed, false).live()
    }

    /// The same, printing everything that happens.
    pub(super) fn traced(seed: u64) -> Ran {
        Self::new(seed, true).live()
    }

    /// Every action outlasts its attempts, so that its success comes when it was given up.
    pub(super) fn late(seed: u64) -> Ran {
        let mut world = Self::new(seed, false);
        world.habits.slow = 1000;
        world.habits.late = 300;
        world.habits.double = 300;
        world.live()
    }

    fn new(seed: u64, trace: bool) -> Self {
        let mut chance = Chance::new(seed);
        let plan = super::shapes::plan(&mut chance);
        let active = chance.between(15, 45) * 1000;
        let restores = chance.hits(150);
        let habits = Habits {
            lose: chance.pick(&[0, 20, 100, 300]),
            double: chance.pick(&[0, 50, 300]),
            late: chance.pick(&[0, 30, 150]),
            slow: chance.pick(&[0, 50, 250]),
            refuses: chance.pick(&[0, 60, 250]),
            slow_commit: chance.pick(&[0, 20, 150, 500]),
            unknown_commit: chance.pick(&[0, 30, 150]),
            restore_at: restores.then(|| chance.between(active / 2, active)),
        };
        let mut world = Self {
            time: 1_000,
            chance,
            habits,
            faults: true,
            plan,
            keys: BTreeMap::new(),
            store: Store::default(),
            participants: Participants::default(),
            executors: Vec::new(),
            oracle: Oracle::default(),
            queue: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            next: 0,
            seen: BTreeMap::new(),
            digest: seed,
            trace,
            end: 1_000 + active + PATIENCE,
            keeps: PhantomData,
        };
        world.populate(active);
        world
    }

    /// Everything that does not follow from something else.
    fn populate(&mut self, active: u64) {
        let executors = self.chance.between(1, 3);
        for executor in 0..usize::try_from(executors).expect("few") {
            self.executors.push(Executor::default());
            let at = self.chance.below(TICK);
            self.at(at, Happening::Tick(executor));
            for _ in 0..self.chance.below(3) {
                let at = self.chance.below(active);
                self.at(at, Happening::Crash(executor));
            }
            for _ in 0..self.chance.below(3) {
                let at = self.chance.below(active);
                let long = self.chance.hits(300);
                let most = if long { 40_000 } else { 4_000 };
                let until = 1_000 + (at + self.chance.between(100, most)).min(active);
                self.at(at, Happening::Freeze(executor, until));
            }
        }
        for _ in 0..self.chance.between(1, 3) {
            let saga = self.chance.next() >> 16;
            if self.chance.hits(400) {
                let key = self.chance.below(2);
                self.keys.insert(saga, u8::try_from(key).expect("small"));
            }
            let start = self.chance.below(active * 2 / 3);
            self.at(start, Happening::Start(saga));
            if self.chance.hits(250) {
                let close = self.chance.hits(500);
                let most = if close { 60 } else { 6_000 };
                let cancel = Asked::Operate(None, Action::Cancel);
                let at = start + self.chance.below(most);
                self.at(at, Happening::Ask(saga, cancel));
            }
            for step in 0..self.plan.steps.len() {
                if self.plan.steps[step].kind == freehold_saga::StepKind::Approval {
                    let asked = if self.chance.hits(200) {
                        Asked::Reject(step)
                    } else {
                        Asked::Approve(step)
                    };
                    let at = start + self.chance.below(12_000);
                    self.at(at, Happening::Ask(saga, asked));
                }
            }
        }
        for _ in 0..self.chance.below(8) {
            let at = self.chance.below(active);
            self.at(at, Happening::Meddle);
        }
        for _ in 0..self.chance.below(4) {
            let step = self.chance.below(self.plan.steps.len() as u64);
            let at = self.chance.below(active);
            let until = 1_000 + at + self.chance.between(50, 5_000);
            let step = usize::try_from(step).expect("few");
            self.at(at, Happening::Fall(step, until));
        }
        if let Some(at) = self.habits.restore_at {
            let backup = self.chance.below(at);
            self.at(backup, Happening::Backup);
            self.at(at, Happening::Restore);
        }
        self.at(active, Happening::FaultsStop);
    }

    /// Happens `delay` from now.
    pub(super) fn at(&mut self, delay: u64, happening: Happening) {
        self.next += 1;
        self.queue.push(Reverse((self.time + delay, self.next)));
        self.waiting.insert(self.next, happening);
    }

    pub(super) fn saw(&mut self, path: &'static str) {
        *self.seen.entry(path).or_default() += 1;
        if self.trace {
            println!("{:>9}        {path}", self.time);
        }
    }

    fn live(mut self) -> Ran {
        let mut events = 0;
        while let Some(Reverse((time, id))) = self.queue.pop() {
            if time > self.end || self.oracle.broken.is_some() {
                break;
            }
            self.time = time;
            let Some(happening) = self.waiting.remove(&id) else {
                continue;
            };
            if let Some(until) = self.frozen(&happening) {
                self.at(until - time, happening);
                continue;
            }
            events += 1;
            self.digest = self.digest.rotate_left(7).wrapping_mul(31) ^ time;
            if self.trace {
                println!("{time:>9} {happening:?}");
            }
            if matches!(happening, Happening::Care) && self.is_quiet() {
                break;
            }
            self.happen(happening);
        }
        self.oracle.finally(&self.plan, &self.store.now);
        Ran {
            seen: self.seen,
            events,
            digest: self.digest,
            broken: self.oracle.broken,
        }
    }

    /// Until when the executor that this concerns does nothing at all.
    fn frozen(&self, happening: &Happening) -> Option<u64> {
        let executor = match happening {
            Happening::Tick(executor)
            | Happening::Read(executor, ..)
            | Happening::Committed(executor, ..)
            | Happening::Reload(executor, ..)
            | Happening::Send(executor, ..) => *executor,
            Happening::Reply(request, _) | Happening::TimeOut(request) => request.from.0,
            _ => return None,
        };
        Some(self.executors[executor].frozen_until).filter(|until| *until > self.time)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick(executor) => {
                self.at(TICK, Happening::Tick(executor));
                self.tick(executor);
            }
            Happening::Read(executor, process, read) => self.read(executor, process, read),
            Happening::Commit(executor, process, transaction) => {
                self.commit(executor, process, transaction);
            }
            Happening::Committed(executor, process, transaction, answered) => {
                self.committed(executor, process, &transaction, answered);
            }
            Happening::Reload(executor, process, sagas) => self.reload(executor, process, &sagas),
            Happening::Send(executor, process, request) => self.send(executor, process, request),
            Happening::Deliver(request) => self.deliver(request),
            Happening::Finish(request) => self.finish(request),
            Happening::Reply(request, answer) => self.replied(request, answer),
            Happening::TimeOut(request) => self.timed_out(request),
            Happening::Start(saga) => {
                let key = self.keys.get(&saga).copied();
                self.store.now.starts.insert(saga, key);
                self.oracle.acknowledged.insert(saga);
            }
            Happening::Ask(saga, asked) => {
                if self.oracle.acknowledged.contains(&saga) {
                    self.store.signal(saga, asked);
                }
            }
            Happening::Meddle => self.meddle(),
            Happening::Crash(executor) => self.crash(executor),
            Happening::Freeze(executor, until) => {
                self.saw("executor frozen");
                self.executors[executor].frozen_until = until;
            }
            Happening::Fall(step, until) => self.participants.fall(step, until),
            Happening::Forget(saga) => self.participants.forget(saga),
            Happening::Backup => self.store.take_backup(),
            Happening::Restore => self.restore(),
            Happening::FaultsStop => {
                self.faults = false;
                self.at(1, Happening::Care);
            }
            Happening::Care => {
                self.care();
                self.at(2_000, Happening::Care);
            }
        }
    }

    /// Over the network: lost, doubled, late, in any order.
    pub(super) fn travel(&mut self, message: Happening) {
        if self.faults && self.chance.hits(self.habits.lose) {
            return;
        }
        if self.faults && self.chance.hits(self.habits.double) {
            let at = self.journey();
            self.at(at, message.clone());
        }
        let at = self.journey();
        self.at(at, message);
    }

    fn journey(&mut self) -> u64 {
        if self.faults && self.chance.hits(self.habits.late) {
            self.chance.between(200, LIFE * 2)
        } else {
            self.chance.between(1, 40)
        }
    }

    fn restore(&mut self) {
        let kept = &self.store.backup.starts;
        let lost = self
            .store
            .now
            .starts
            .keys()
            .filter(|it| !kept.contains_key(it));
        self.oracle.orphaned.extend(lost.copied());
        self.store.restore();
    }

    /// An operator does something to some saga, sensible or not.
    fn meddle(&mut self) {
        let rows: Vec<(u64, u64)> = (self.store.now.rows.iter())
            .map(|(saga, row)| (*saga, row.state.version))
            .collect();
        if rows.is_empty() {
            return;
        }
        let (saga, version) = self.chance.pick(&rows);
        let step = self.chance.below(self.plan.steps.len() as u64);
        let step = usize::try_from(step).expect("few");
        let action = self.chance.pick(&[
            Action::Retry { step },
            Action::Skip { step },
            Action::Skip { step },
            Action::Edit { step },
            Action::Edit { step },
            Action::Pause,
            Action::Resume,
            Action::Compensate,
            Action::Cancel,
        ]);
        let seen = version.saturating_sub(u64::from(self.chance.hits(100)));
        let seen = (action != Action::Cancel).then_some(seen);
        self.store.signal(saga, Asked::Operate(seen, action));
    }

    /// After the faults, operators look after what is parked.
    fn care(&mut self) {
        let mut asks = Vec::new();
        for (saga, row) in &self.store.now.rows {
            let state = &row.state;
            if state.phase.is_end() {
                continue;
            }
            let mut ask = |action| asks.push((*saga, Asked::Operate(Some(state.version), action)));
            let parked = state.steps.iter().position(|step| step.parked.is_some());
            let awaiting = state.steps.iter().position(|step| step.at == At::Awaiting);
            match (parked, awaiting) {
                _ if state.paused => ask(Action::Resume),
                _ if state.halted => ask(Action::Retry { step: 0 }),
                (Some(step), _) if state.steps[step].parked == Some(Parked::Contradiction) => {
                    ask(Action::Edit { step });
                }
                (Some(step), _) => ask(Action::Retry { step }),
                (None, Some(step)) => asks.push((*saga, Asked::Approve(step))),
                (None, None) => {}
            }
        }
        for (saga, asked) in asks {
            self.store.signal(saga, asked);
        }
    }

    /// Everything has ended, and what was still on its way has arrived.
    fn is_quiet(&self) -> bool {
        let now = &self.store.now;
        let claimed = now.starts.keys().all(|saga| now.rows.contains_key(saga));
        let settled = |row: &super::store::Row| {
            let age = row.ended.map_or(0, |ended| self.time.saturating_sub(ended));
            row.state.phase.is_end() && age > 1_000
        };
        let suspect = |row: &super::store::Row| row.state.phase == Phase::Suspect;
        let messages = self.waiting.values().any(|happening| {
            matches!(
                happening,
                Happening::Deliver(_) | Happening::Finish(_) | Happening::Send(..)
            )
        });
        claimed && !messages && now.rows.values().all(|row| settled(row) && !suspect(row))
    }
}
