//! Executors: leadership, reading, batches, sending. The same steps in the same order as the real
//! one; the transitions are the real ones.

use std::collections::{BTreeMap, BTreeSet};

use freehold_saga::{At, Command, Event, Illegal, Parked, Phase, State, outstanding, step};

use super::keeps::Keeps;
use super::participants::{Answer, Request};
use super::store::{Asked, Transaction};
use super::world::{Answered, Happening, LIFE, TERM, World};

#[derive(Debug, Default)]
pub(super) struct Executor {
    /// Counts its restarts: what was meant for an earlier process is lost.
    process: u32,
    pub(super) frozen_until: u64,
    leads: Option<Leading>,
}

/// What a leader has in memory.
#[derive(Debug, Default)]
struct Leading {
    epoch: u64,
    incarnation: u32,
    renewed: u64,
    /// As stored, but for short pauses.
    memory: BTreeMap<u64, State>,
    pending: Vec<(u64, Event, Option<u64>)>,
    /// Signals in `pending` or in a batch.
    in_hand: BTreeSet<u64>,
    starts: Vec<(u64, Option<u8>)>,
    rebuild: bool,
    /// The sends of the batch that is being committed.
    busy: Option<Vec<(u64, Command)>>,
}

/// A start's row, and whether an instance was made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    saga: u64,
    key: Option<u8>,
    claimed: bool,
}

/// What was read first of signals and starts.
#[derive(Debug, Clone)]
pub(super) enum Read {
    Signals(Vec<(u64, u64, Asked)>),
    Starts(Vec<Start>),
}

impl<M: Keeps> World<M> {
    fn leading(&mut self, executor: usize, process: u32) -> Option<&mut Leading> {
        let it = &mut self.executors[executor];
        if it.process == process {
            it.leads.as_mut()
        } else {
            None
        }
    }

    pub(super) fn crash(&mut self, executor: usize) {
        self.saw("crash of an executor");
        let it = &mut self.executors[executor];
        it.process += 1;
        it.leads = None;
    }

    /// What was under way for the old leadership must not reach a new one: a queued send would be
    /// stamped by the new one's renewal, an old commit's result taken for that of a new batch.
    fn step_down(&mut self, executor: usize) {
        let it = &mut self.executors[executor];
        it.process += 1;
        it.leads = None;
    }

    pub(super) fn tick(&mut self, executor: usize) {
        self.renew_or_take(executor);
        let process = self.executors[executor].process;
        if self.leading(executor, process).is_none() {
            return;
        }
        self.timers(executor);
        let read = if M::SIGNALS_BEFORE_STARTS {
            Read::Signals(self.read_signals())
        } else {
            Read::Starts(self.read_starts())
        };
        let between = self.chance.below(40);
        self.at(between, Happening::Read(executor, process, read));
        self.work(executor);
    }

    fn renew_or_take(&mut self, executor: usize) {
        let time = self.time;
        let leadership = &mut self.store.now.leadership;
        if let Some(leading) = &mut self.executors[executor].leads {
            if leading.incarnation == self.store.incarnation && leading.epoch == leadership.epoch {
                leadership.until = time + TERM;
                leading.renewed = time;
            } else {
                self.step_down(executor);
            }
            return;
        }
        if leadership.until >= time || !self.store.sharing.is_empty() {
            return;
        }
        let away = if leadership.until == 0 {
            0
        } else {
            time - leadership.until
        };
        leadership.epoch += 1;
        leadership.until = time + TERM;
        let restored = leadership.rebuilt != self.store.incarnation;
        let memory: BTreeMap<u64, State> = (self.store.now.rows.iter())
            .map(|(saga, row)| (*saga, row.state.clone()))
            .collect();
        let event = if restored {
            Event::Restored { life: LIFE }
        } else {
            Event::TakenOver { away }
        };
        self.executors[executor].leads = Some(Leading {
            epoch: self.store.now.leadership.epoch,
            incarnation: self.store.incarnation,
            renewed: time,
            pending: memory.keys().map(|saga| (*saga, event, None)).collect(),
            memory,
            starts: self.read_new(),
            rebuild: restored,
            ..Leading::default()
        });
        self.saw("takeover");
    }

    fn read_signals(&self) -> Vec<(u64, u64, Asked)> {
        let signals = self.store.now.signals.iter();
        signals
            .map(|(id, (saga, asked))| (*id, *saga, *asked))
            .collect()
    }

    /// A start's row lives as long as its instance, so a signal without one is for nobody.
    fn read_starts(&self) -> Vec<Start> {
        let now = &self.store.now;
        let start = |(saga, key): (&u64, &Option<u8>)| Start {
            saga: *saga,
            key: *key,
            claimed: now.rows.contains_key(saga),
        };
        now.starts.iter().map(start).collect()
    }

    /// By the partial index of starts that nobody has claimed.
    fn read_new(&self) -> Vec<(u64, Option<u8>)> {
        let starts = self.read_starts().into_iter();
        let new = starts.filter(|start| !start.claimed);
        new.map(|start| (start.saga, start.key)).collect()
    }

    /// The second of the two reads.
    pub(super) fn read(&mut self, executor: usize, process: u32, first: Read) {
        let (signals, starts) = match first {
            Read::Signals(signals) => (signals, self.read_starts()),
            Read::Starts(starts) => (self.read_signals(), starts),
        };
        let mut dropped = Vec::new();
        let Some(leading) = self.leading(executor, process) else {
            return;
        };
        for (id, saga, asked) in signals {
            if leading.memory.contains_key(&saga) {
                if leading.in_hand.insert(id) {
                    leading.pending.push((saga, event(asked), Some(id)));
                }
            } else if !starts.iter().any(|start| start.saga == saga) {
                dropped.push((id, saga));
            }
        }
        let new = starts.iter().filter(|start| !start.claimed);
        leading.starts = new.map(|start| (start.saga, start.key)).collect();
        for (id, saga) in dropped {
            // Nobody knows this saga: it was pruned. Or so the reader thinks.
            let there = self.store.now.starts.contains_key(&saga);
            if there && self.store.now.signals.contains_key(&id) {
                self.oracle
                    .breaks(|| format!("saga {saga}: an acknowledged signal was dropped"));
            }
            self.store.now.signals.remove(&id);
        }
        self.work(executor);
    }

    fn timers(&mut self, executor: usize) {
        let time = self.time;
        let may_prune = self.habits.restore_at.is_none_or(|at| time > at + 1_000);
        let Some(leading) = &mut self.executors[executor].leads else {
            return;
        };
        for (saga, state) in &leading.memory {
            if state.next_due().is_none_or(|due| due > time) {
                continue;
            }
            if state.deadline.is_some_and(|due| due <= time) {
                leading.pending.push((*saga, Event::Deadline, None));
            }
            for (step, it) in state.steps.iter().enumerate() {
                if it.due.is_some_and(|due| due <= time) {
                    leading.pending.push((*saga, Event::Due { step }, None));
                }
            }
        }
        if leading.busy.is_some() || !may_prune {
            return;
        }
        let life = if M::PRUNE_LATE { LIFE } else { 0 };
        let old = |ended: &u64| ended + life < time;
        let pruned: Vec<u64> = (self.store.now.rows.iter())
            .filter(|(_, row)| row.ended.as_ref().is_some_and(old))
            .map(|(saga, _)| *saga)
            .filter(|saga| leading.memory.contains_key(saga))
            .collect();
        if !pruned.is_empty() {
            self.saw("pruned");
            let transaction = Transaction {
                pruned,
                ..Transaction::default()
            };
            self.begin(executor, transaction, Vec::new());
        }
    }

    /// Makes one batch of everything that is pending.
    fn work(&mut self, executor: usize) {
        let time = self.time;
        let mut saw = Vec::new();
        let locks = self.store.now.locks.clone();
        let Some(leading) = &mut self.executors[executor].leads else {
            return;
        };
        if leading.busy.is_some() {
            return;
        }
        let mut transaction = Transaction {
            rebuilt: leading.rebuild,
            ..Transaction::default()
        };
        let mut working: BTreeMap<u64, State> = BTreeMap::new();
        let mut commands: Vec<(u64, Command)> = Vec::new();
        for (saga, event, signal) in std::mem::take(&mut leading.pending) {
            let Some(state) = working.get(&saga).or_else(|| leading.memory.get(&saga)) else {
                continue;
            };
            let consumed = match step::<M>(&self.plan, state, time, &event) {
                Ok((next, sends)) => {
                    saw.extend(paths(&event, state, &next));
                    working.insert(saga, next);
                    commands.extend(sends.into_iter().map(|send| (saga, send)));
                    true
                }
                Err(Illegal::Early) => {
                    saw.push("signal kept as too early");
                    false
                }
                Err(Illegal::Late) => {
                    saw.push("late reply");
                    true
                }
                Err(Illegal::Refused(_)) => {
                    saw.push("action refused to an operator");
                    true
                }
                Err(Illegal::Stale) => true,
            };
            if let Some(signal) = signal {
                if consumed {
                    transaction.consumed.push(signal);
                } else {
                    leading.in_hand.remove(&signal);
                }
            }
        }
        self.claim(executor, &locks, &mut transaction, &mut commands);
        self.let_in(
            executor,
            &locks,
            &mut working,
            &mut transaction,
            &mut commands,
        );
        for path in saw {
            self.saw(path);
        }
        self.split(executor, working, transaction, commands);
    }

    /// New starts.
    fn claim(
        &mut self,
        executor: usize,
        locks: &BTreeMap<u8, u64>,
        transaction: &mut Transaction,
        commands: &mut Vec<(u64, Command)>,
    ) {
        let (plan, time) = (&self.plan, self.time);
        let mut waited = false;
        let Some(leading) = &mut self.executors[executor].leads else {
            return;
        };
        for (saga, key) in std::mem::take(&mut leading.starts) {
            if leading.memory.contains_key(&saga) {
                continue;
            }
            let taken = |key: &u8| {
                locks.contains_key(key) || transaction.locks.iter().any(|(it, _)| it == key)
            };
            let event = match key {
                Some(key) if taken(&key) => {
                    waited = true;
                    Event::Wait
                }
                _ => Event::Begin,
            };
            let mut new = State::new(plan);
            if leading.rebuild {
                let restored = Event::Restored { life: LIFE };
                if let Ok((doubted, _)) = step::<M>(plan, &new, time, &restored) {
                    new = doubted;
                }
            }
            if let Ok((state, sends)) = step::<M>(plan, &new, time, &event) {
                if event == Event::Begin {
                    transaction.locks.extend(key.map(|key| (key, saga)));
                }
                transaction.inserts.push((saga, state));
                commands.extend(sends.into_iter().map(|send| (saga, send)));
            }
        }
        if waited {
            self.saw("waited for a lock");
        }
    }

    /// Sagas whose locks have become free.
    fn let_in(
        &mut self,
        executor: usize,
        locks: &BTreeMap<u8, u64>,
        working: &mut BTreeMap<u64, State>,
        transaction: &mut Transaction,
        commands: &mut Vec<(u64, Command)>,
    ) {
        let (plan, time) = (&self.plan, self.time);
        let Some(leading) = &mut self.executors[executor].leads else {
            return;
        };
        for (saga, stored) in &leading.memory {
            let Some(key) = self.keys.get(saga) else {
                continue;
            };
            let state = working.get(saga).unwrap_or(stored);
            let taken =
                locks.contains_key(key) || transaction.locks.iter().any(|(it, _)| it == key);
            if taken || state.phase != Phase::Waiting {
                continue;
            }
            if let Ok((next, sends)) = step::<M>(plan, state, time, &Event::Begin) {
                transaction.locks.push((*key, *saga));
                working.insert(*saga, next);
                commands.extend(sends.into_iter().map(|send| (*saga, send)));
            }
        }
    }

    /// What needs no commit is done at once; the rest is begun.
    fn split(
        &mut self,
        executor: usize,
        working: BTreeMap<u64, State>,
        mut transaction: Transaction,
        commands: Vec<(u64, Command)>,
    ) {
        let Some(leading) = &mut self.executors[executor].leads else {
            return;
        };
        let mut at_once = Vec::new();
        for (saga, state) in working {
            let stored = leading.memory.get(&saga).map(|state| state.version);
            match stored {
                Some(version) if version != state.version => {
                    transaction.updates.push((saga, version, state));
                }
                _ => {
                    at_once.push(saga);
                    leading.memory.insert(saga, state);
                }
            }
        }
        let (now, later): (Vec<_>, Vec<_>) =
            (commands.into_iter()).partition(|(saga, _)| at_once.contains(saga));
        self.dispatch(executor, now);
        for (saga, command) in &later {
            if *command == Command::FreeLocks {
                transaction.freed.push(*saga);
            }
        }
        if !transaction.is_empty() {
            self.begin(executor, transaction, later);
        }
    }

    fn begin(
        &mut self,
        executor: usize,
        mut transaction: Transaction,
        commands: Vec<(u64, Command)>,
    ) {
        let process = self.executors[executor].process;
        let Some(leading) = &mut self.executors[executor].leads else {
            return;
        };
        transaction.epoch = leading.epoch;
        transaction.incarnation = leading.incarnation;
        if !self.store.begin::<M>(&mut transaction) {
            self.step_down(executor);
            self.saw("commit fenced");
            return;
        }
        if M::SEND_AFTER_COMMIT {
            leading.busy = Some(commands);
        } else {
            leading.busy = Some(Vec::new());
            self.dispatch(executor, commands);
        }
        let takes = if self.faults && self.chance.hits(self.habits.slow_commit) {
            self.saw("slow commit");
            self.chance.between(200, 5_000)
        } else {
            self.chance.between(1, 12)
        };
        self.at(takes, Happening::Commit(executor, process, transaction));
    }

    /// The store's side: it commits whatever became of the executor, unless that died first.
    pub(super) fn commit(&mut self, executor: usize, process: u32, transaction: Transaction) {
        let died = self.executors[executor].process != process;
        let lost = died && self.chance.hits(500);
        let unknown = self.faults && self.chance.hits(self.habits.unknown_commit);
        let applied = !(lost || unknown && self.chance.hits(500));
        let result = if applied {
            self.store.commit::<M>(&transaction, self.time)
        } else {
            self.store.sharing.remove(&transaction.id);
            Some(Vec::new())
        };
        if applied && result.is_some() {
            let sagas = transaction.sagas();
            self.oracle.committed(&self.store.now, &sagas, &self.keys);
            for saga in &transaction.pruned {
                self.at(20, Happening::Forget(*saga));
            }
        }
        let answered = match result {
            None => Answered::Broken,
            Some(_) if unknown => Answered::Unknown,
            Some(unmatched) => Answered::Done(unmatched),
        };
        let happening = Happening::Committed(executor, process, transaction, answered);
        self.at(1, happening);
    }

    pub(super) fn committed(
        &mut self,
        executor: usize,
        process: u32,
        transaction: &Transaction,
        answered: Answered,
    ) {
        // Going on from memory would send for a saga that may have ended, with a life that reaches
        // beyond its pruning (seed 113933 of when the simulator allowed it).
        let carry_on = transaction.inserts.is_empty() && self.chance.hits(500);
        let carry_on = carry_on && !M::READ_AFTER_UNKNOWN;
        let Some(leading) = self.leading(executor, process) else {
            return;
        };
        let commands = leading.busy.take().unwrap_or_default();
        for signal in &transaction.consumed {
            leading.in_hand.remove(signal);
        }
        let sagas = transaction.sagas();
        match answered {
            Answered::Broken => {
                self.step_down(executor);
                return;
            }
            Answered::Unknown => {
                self.saw("commit with unknown outcome");
                if transaction.rebuilt {
                    // Whether the instances are suspect is not known: from the beginning.
                    self.step_down(executor);
                    return;
                }
                if carry_on {
                    let soon = self.chance.between(200, 3_000);
                    self.at(soon, Happening::Reload(executor, process, sagas));
                } else {
                    self.reload(executor, process, &sagas);
                }
            }
            Answered::Done(unmatched) => {
                leading.rebuild &= !transaction.rebuilt;
                for saga in &transaction.pruned {
                    leading.memory.remove(saga);
                }
                let inserted = transaction
                    .inserts
                    .iter()
                    .map(|(saga, state)| (saga, state));
                let updated = transaction
                    .updates
                    .iter()
                    .map(|(saga, _, state)| (saga, state));
                for (saga, state) in inserted.chain(updated) {
                    if !unmatched.contains(saga) {
                        leading.memory.insert(*saga, state.clone());
                    }
                }
                let (stale, sent): (Vec<_>, Vec<_>) =
                    (commands.into_iter()).partition(|(saga, _)| unmatched.contains(saga));
                drop(stale);
                self.dispatch(executor, sent);
                if !unmatched.is_empty() {
                    self.saw("version had moved");
                    self.reload(executor, process, &unmatched);
                }
            }
        }
        self.work(executor);
    }

    /// Reads rows again and sends what is outstanding in them.
    pub(super) fn reload(&mut self, executor: usize, process: u32, sagas: &[u64]) {
        let time = self.time;
        let mut commands = Vec::new();
        for saga in sagas {
            let row = self.store.now.rows.get(saga).map(|row| row.state.clone());
            let Some(leading) = self.leading(executor, process) else {
                return;
            };
            let Some(state) = row else {
                leading.memory.remove(saga);
                continue;
            };
            leading.memory.insert(*saga, state.clone());
            let sends = outstanding(&self.plan, &state, time);
            commands.extend(sends.into_iter().map(|send| (*saga, send)));
        }
        self.dispatch(executor, commands);
    }

    fn dispatch(&mut self, executor: usize, commands: Vec<(u64, Command)>) {
        let process = self.executors[executor].process;
        for (saga, command) in commands {
            let Command::Send {
                step,
                kind,
                generation,
                attempt,
                delay,
            } = command
            else {
                continue;
            };
            let request = Request {
                saga,
                step,
                kind,
                generation,
                attempt,
                expires: 0,
                from: (executor, process),
            };
            self.at(delay, Happening::Send(executor, process, request));
        }
    }

    pub(super) fn send(&mut self, executor: usize, process: u32, mut request: Request) {
        let time = self.time;
        let epoch = self.store.now.leadership.epoch;
        let Some(leading) = self.leading(executor, process) else {
            return;
        };
        let stamp = if M::EXPIRE_FROM_RENEWAL {
            leading.renewed
        } else {
            time
        };
        request.expires = stamp + LIFE;
        if leading.epoch != epoch {
            self.saw("request sent by a zombie");
        }
        self.travel(Happening::Deliver(request));
        let waits = self.chance.between(300, 900);
        self.at(waits, Happening::TimeOut(request));
    }

    pub(super) fn replied(&mut self, request: Request, answer: Answer) {
        let (executor, process) = request.from;
        let event = match answer {
            Answer::Told(told) => Event::Told {
                step: request.step,
                told,
            },
            Answer::Outcome(outcome) => Event::Reply {
                step: request.step,
                generation: request.generation,
                kind: request.kind,
                outcome,
            },
        };
        if let Some(leading) = self.leading(executor, process) {
            leading.pending.push((request.saga, event, None));
            self.work(executor);
        }
    }

    pub(super) fn timed_out(&mut self, request: Request) {
        let (executor, process) = request.from;
        let event = Event::Unanswered {
            step: request.step,
            generation: request.generation,
            kind: request.kind,
            attempt: request.attempt,
            chance: self.chance.bits(),
        };
        if let Some(leading) = self.leading(executor, process) {
            leading.pending.push((request.saga, event, None));
            self.work(executor);
        }
    }
}

fn event(asked: Asked) -> Event {
    match asked {
        Asked::Approve(step) => Event::Approve { step },
        Asked::Reject(step) => Event::Reject { step },
        Asked::Operate(seen, action) => Event::Operate { seen, action },
    }
}

/// The rare paths that a transition took.
fn paths(event: &Event, before: &State, after: &State) -> Vec<&'static str> {
    let mut paths = Vec::new();
    for (was, is) in before.steps.iter().zip(&after.steps) {
        let asking = |at: At| matches!(at, At::Asking(_));
        let parked = |why| was.parked != Some(why) && is.parked == Some(why);
        let changes = [
            (parked(Parked::Refused), "refusal parked"),
            (parked(Parked::Exhausted), "out of attempts"),
            (parked(Parked::Contradiction), "contradiction"),
            (is.generation > was.generation.max(1), "new generation"),
            (was.at != At::Skipped && is.at == At::Skipped, "skipped"),
            (
                asking(was.at) && is.at == At::Done && before.reason.is_some(),
                "cancel came too late",
            ),
        ];
        let taken = changes.iter().filter(|(taken, _)| *taken);
        paths.extend(taken.map(|(_, path)| *path));
    }
    if let Event::Operate {
        action: freehold_saga::Action::Edit { .. },
        ..
    } = event
    {
        paths.push("edited");
    }
    match (before.phase, after.phase) {
        (Phase::Rebuilding, Phase::Forward | Phase::Completed) => {
            paths.push("restored and went forward");
        }
        (Phase::Rebuilding, Phase::Compensating | Phase::Compensated) => {
            paths.push("restored and turned back");
        }
        _ => {}
    }
    paths
}
