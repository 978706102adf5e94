//! Where an instance stands. What it carries (input, outputs, requests) is kept beside it, in
//! [`crate::Instance`]. What is derived here for serde is the stored form: a change of it is a new
//! format ([`crate::FORMAT`]).

use serde::{Deserialize, Serialize};

use crate::graph::Steps;

use super::{Millis, Plan, Told};

/// An instance's place in its definition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// Moves with each commit; operators and the store compare it.
    pub version: u64,
    pub phase: Phase,
    /// Why it turns or turned back, or is about to.
    pub reason: Option<Reason>,
    /// An operator holds it still.
    pub paused: bool,
    /// It saw five takeovers without progress and is held still.
    pub halted: bool,
    pub takeovers: u8,
    /// Of the saga, or of the wait after a restore. Store time.
    pub deadline: Option<Millis>,
    /// It had not begun when the store was restored, and may have run all the same: until then old
    /// requests live.
    pub doubted: Option<Millis>,
    /// The saga's time was over after the pivot.
    pub overdue: bool,
    pub steps: Vec<StepState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Not claimed.
    New,
    /// Others hold its locks.
    Waiting,
    Forward,
    Compensating,
    /// The store was restored: old requests may still be on their way.
    Suspect,
    /// The participants are asked what they have.
    Rebuilding,
    Completed,
    Compensated,
    Closed,
}

impl Phase {
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Closed)
    }
}

/// Why a saga turns back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    Refused { step: usize },
    Exhausted { step: usize },
    Rejected { step: usize },
    TimedOut,
    Cancelled,
    Operator,
    Restored,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepState {
    pub at: At,
    /// Of the action; 0 before the first.
    pub generation: u32,
    /// The oldest generation that an undo has to reach; the current one but after a restore.
    pub oldest: u32,
    /// Of what is being asked now, from 1.
    pub attempt: u32,
    /// A pause, a time of parking or an approval's end. Store time.
    pub due: Option<Millis>,
    /// When the generation was opened. Store time.
    pub since: Millis,
    pub parked: Option<Parked>,
    /// After a restore of this store.
    pub told: Option<Told>,
    /// Asked again after a restore of its participant.
    pub redriven: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum At {
    /// Never enabled, so it did not run.
    Idle,
    /// Enabled, and its request could not be made: it did not run.
    Unwritable,
    /// Enabled: it may have run.
    Open,
    /// The participant is asked what became of it.
    Asking(Purpose),
    /// Waits for an approval.
    Awaiting,
    Done,
    /// For good, in this generation.
    Refused,
    Undoing(Purpose),
    Undone,
    Skipped,
}

/// What asking or undoing is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// To know; changes nothing at the participant.
    Know,
    Compensate,
    Skip,
    Edit,
}

/// Why an operator should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Parked {
    /// All attempts went unanswered.
    Exhausted,
    Refused,
    /// An expression failed on the values at hand.
    Unwritable,
    /// The participant may have forgotten the request's key, so it is not sent again.
    KeysGone,
    /// The participant's answer contradicts what it said before.
    Contradiction,
    /// What was decided about the step was lost with a restore.
    Lost,
    /// Five takeovers without progress.
    NoProgress,
    /// The saga's time is over, and it is past its pivot. Nothing is held up.
    Overdue,
}

/// What is shown of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Running,
    Waiting,
    Compensating,
    Parked,
    Suspect,
    Completed,
    CompletedWithSkips,
    Compensated,
    Closed,
}

/// What an effect is worth when an instance is closed as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Possible {
    /// The participant said so.
    Happened,
    /// It may have happened, or may until its requests expire.
    MayHave,
}

impl StepState {
    pub(super) fn new() -> Self {
        Self {
            at: At::Idle,
            generation: 0,
            oldest: 0,
            attempt: 0,
            due: None,
            since: 0,
            parked: None,
            told: None,
            redriven: false,
        }
    }

    /// Nothing of it is or can come into force.
    pub(super) fn is_gone(&self) -> bool {
        matches!(
            self.at,
            At::Idle | At::Unwritable | At::Undone | At::Skipped
        )
    }

    /// What a crash may forget: short pauses, and that somebody asked only to know.
    fn durable(&self) -> Self {
        Self {
            attempt: if self.due.is_some() { self.attempt } else { 0 },
            at: match self.at {
                At::Asking(Purpose::Know) => At::Open,
                at => at,
            },
            ..*self
        }
    }
}

impl State {
    /// Of an instance that nobody has claimed.
    pub fn new(plan: &Plan) -> Self {
        Self {
            version: 0,
            phase: Phase::New,
            reason: None,
            paused: false,
            halted: false,
            takeovers: 0,
            deadline: None,
            doubted: None,
            overdue: false,
            steps: vec![StepState::new(); plan.steps.len()],
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.paused || self.halted
    }

    pub(super) fn differs_durably(&self, other: &Self) -> bool {
        let whole = |state: &Self| {
            (
                (state.phase, state.reason, state.paused, state.halted),
                (
                    state.takeovers,
                    state.deadline,
                    state.overdue,
                    state.doubted,
                ),
            )
        };
        whole(self) != whole(other)
            || (self.steps.iter().zip(&other.steps)).any(|(a, b)| a.durable() != b.durable())
    }

    /// The next time that something has to be done about it; none while it is held still.
    pub fn next_due(&self) -> Option<Millis> {
        if self.is_held() {
            return None;
        }
        let steps = self.steps.iter().filter_map(|step| step.due);
        steps.chain(self.deadline).min()
    }

    /// For lists and alarms.
    pub fn status(&self) -> Status {
        let parked = self.steps.iter().any(|step| step.parked.is_some());
        match self.phase {
            Phase::Completed if self.steps.iter().any(|step| step.at == At::Skipped) => {
                Status::CompletedWithSkips
            }
            Phase::Completed => Status::Completed,
            Phase::Compensated => Status::Compensated,
            Phase::Closed => Status::Closed,
            _ if parked || self.is_held() => Status::Parked,
            Phase::New | Phase::Waiting => Status::Waiting,
            Phase::Suspect | Phase::Rebuilding => Status::Suspect,
            Phase::Compensating => Status::Compensating,
            Phase::Forward => {
                let awaits = self.steps.iter().any(|step| step.at == At::Awaiting);
                let works = (self.steps.iter())
                    .any(|step| matches!(step.at, At::Open | At::Asking(_) | At::Undoing(_)));
                if awaits && !works {
                    Status::Waiting
                } else {
                    Status::Running
                }
            }
        }
    }

    /// The effects that are in force or may come into force, for whoever closes the instance.
    pub fn effects(&self, plan: &Plan) -> Vec<(usize, Possible)> {
        (self.steps.iter().enumerate())
            .filter(|(step, _)| plan.steps[*step].calls())
            .filter_map(|(step, it)| match it.at {
                At::Done => Some((step, Possible::Happened)),
                At::Open | At::Asking(_) | At::Undoing(_) => Some((step, Possible::MayHave)),
                _ => None,
            })
            .collect()
    }

    /// Steps of which a participant may have something.
    pub fn enabled(&self) -> Steps {
        (self.steps.iter().enumerate())
            .filter(|(_, step)| step.generation > 0)
            .map(|(step, _)| step)
            .collect()
    }
}
