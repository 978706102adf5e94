//! The participants: one for each step, each with a store, a ledger and bad days of its own.

use std::collections::{BTreeMap, BTreeSet};

use freehold_saga::{Decision, Kind, Outcome, Phase, Ran, Recorded, Told, decide};

use super::keeps::Keeps;
use super::world::{Happening, LIFE, World};

/// What an executor sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) saga: u64,
    pub(super) step: usize,
    pub(super) kind: Kind,
    pub(super) generation: u32,
    pub(super) attempt: u32,
    pub(super) expires: u64,
    /// The executor's process that waits for the reply.
    pub(super) from: (usize, u32),
}

/// What comes back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Outcome(Outcome),
    Told(Told),
}

#[derive(Debug, Clone, Copy, Default)]
struct Row {
    recorded: Recorded,
    touched: u64,
}

#[derive(Debug, Default)]
pub(super) struct Participants {
    rows: BTreeMap<(usize, u64), BTreeMap<u32, Row>>,
    /// Transactions of actions that hold their row.
    running: BTreeSet<(usize, u64, u32)>,
    down: BTreeMap<usize, u64>,
}

impl Participants {
    fn recorded(&self, request: &Request) -> Recorded {
        let rows = self.rows.get(&(request.step, request.saga));
        let row = rows.and_then(|rows| rows.get(&request.generation));
        row.map_or_else(Recorded::default, |row| row.recorded)
    }

    fn told(&self, request: &Request) -> Told {
        let rows = self.rows.get(&(request.step, request.saga));
        let rows = || rows.into_iter().flatten();
        let done = |row: &Row| row.recorded.action == Some(Ran::Done) && !row.recorded.undone;
        Told {
            highest: rows().map(|(generation, _)| *generation).max().unwrap_or(0),
            done: rows()
                .find(|(_, row)| done(row))
                .map(|(generation, _)| *generation),
        }
    }

    /// Forgets everything of a saga.
    pub(super) fn forget(&mut self, saga: u64) {
        self.rows.retain(|(_, it), _| *it != saga);
    }

    /// The participant's program dies: its transactions roll back, it is away until then.
    pub(super) fn fall(&mut self, step: usize, until: u64) {
        self.running.retain(|(it, _, _)| *it != step);
        self.down.insert(step, until);
    }
}

impl<M: Keeps> World<M> {
    fn record(&mut self, request: &Request, recorded: Recorded) {
        let rows = self.participants.rows.entry((request.step, request.saga));
        let row = Row {
            recorded,
            touched: self.time,
        };
        rows.or_default().insert(request.generation, row);
    }

    /// A request arrives.
    pub(super) fn deliver(&mut self, request: Request) {
        let down = self.participants.down.get(&request.step);
        if down.is_some_and(|until| *until > self.time) {
            return;
        }
        if !M::FORGET_ON_REQUEST {
            let oldest = self.time.saturating_sub(LIFE);
            for rows in self.participants.rows.values_mut() {
                rows.retain(|_, row| row.touched >= oldest);
            }
        }
        let key = (request.step, request.saga, request.generation);
        let of_step = (request.step, request.saga, 0)..(request.step, request.saga, u32::MAX);
        let expired = request.expires < self.time;
        let blocked = match request.kind {
            Kind::Status => self.participants.running.range(of_step).next().is_some(),
            // A plain read does not wait for the row.
            Kind::Resolve => false,
            _ => M::BARRIER && self.participants.running.contains(&key),
        };
        if blocked {
            self.saw("action blocked while running");
            return;
        }
        if request.kind == Kind::Status {
            if !expired {
                let told = self.participants.told(&request);
                self.answer(&request, Answer::Told(told));
            }
            return;
        }
        let recorded = self.participants.recorded(&request);
        match decide::<M>(request.kind, recorded, expired) {
            Decision::Expired => self.saw("request expired"),
            Decision::Act => self.act(request),
            Decision::TakeBack => {
                self.oracle
                    .took_back(&self.plan, request.saga, request.step);
                self.record(
                    &request,
                    Recorded {
                        undone: true,
                        ..recorded
                    },
                );
                self.answer(&request, Answer::Outcome(Outcome::Undone));
            }
            Decision::Block(outcome) => {
                self.saw(match request.kind {
                    Kind::Undo => "empty undo",
                    _ => "pivot cancelled",
                });
                let recorded = Recorded {
                    action: Some(Ran::Empty),
                    undone: true,
                };
                self.record(&request, recorded);
                self.answer(&request, Answer::Outcome(outcome));
            }
            Decision::Mark(outcome) => {
                self.record(
                    &request,
                    Recorded {
                        undone: true,
                        ..recorded
                    },
                );
                self.answer(&request, Answer::Outcome(outcome));
            }
            Decision::Answer(outcome) => {
                self.saw(match outcome {
                    Outcome::Cancelled => "action cancelled",
                    Outcome::NotFound => "pivot not found",
                    _ => "duplicate answered",
                });
                self.answer(&request, Answer::Outcome(outcome));
            }
        }
    }

    /// The business action begins; it may take long.
    fn act(&mut self, request: Request) {
        let key = (request.step, request.saga, request.generation);
        let takes = if self.faults && self.chance.hits(self.habits.slow) {
            self.chance.between(300, 6000)
        } else {
            self.chance.between(1, 30)
        };
        self.participants.running.insert(key);
        self.at(takes, Happening::Finish(request));
    }

    /// It commits, refuses, or is too late.
    pub(super) fn finish(&mut self, request: Request) {
        let key = (request.step, request.saga, request.generation);
        if !self.participants.running.remove(&key) && M::BARRIER {
            return;
        }
        if request.expires < self.time && M::CHECK_EXPIRY {
            self.saw("request expired");
            return;
        }
        let recorded = self.participants.recorded(&request);
        if self.faults && self.chance.hits(self.habits.refuses) {
            if M::STORE_REFUSALS {
                let action = Some(Ran::Refused);
                self.record(&request, Recorded { action, ..recorded });
            }
            self.answer(&request, Answer::Outcome(Outcome::Refused));
            return;
        }
        let row = self.store.now.rows.get(&request.saga);
        if row.is_some_and(|row| !matches!(row.state.phase, Phase::Forward | Phase::New)) {
            self.saw("action succeeded late");
        }
        self.oracle
            .acted(&self.plan, request.saga, request.step, recorded.undone);
        let action = Some(Ran::Done);
        self.record(&request, Recorded { action, ..recorded });
        self.answer(&request, Answer::Outcome(Outcome::Done));
    }

    fn answer(&mut self, request: &Request, answer: Answer) {
        if let Answer::Outcome(Outcome::Done) = answer
            && self.oracle.net(request.saga, request.step) != 1
        {
            let Request { saga, step, .. } = *request;
            self.oracle
                .breaks(|| format!("saga {saga}: step {step} was called done, and it is not"));
        }
        let reply = Happening::Reply(*request, answer);
        self.travel(reply);
    }
}
