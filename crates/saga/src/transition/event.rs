//! What comes in and what goes out.

use serde::{Deserialize, Serialize};

use crate::graph::Steps;

use super::{Millis, Parked};

/// What a request asks of a participant. Carried by every request and reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Action,
    Undo,
    /// What became of the action? Changes nothing.
    Resolve,
    /// The same, and it must never happen if it has not.
    Cancel,
    /// What is there of all generations? Asked after a restore.
    Status,
}

/// What a participant answered. Whatever is not clearly one of these is not a reply, but
/// [`Event::Unanswered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// The action happened.
    Done,
    /// The action did not and will not happen in this generation.
    Refused,
    /// The action found an undo or a cancel.
    Cancelled,
    /// The undo is in force, whether there was something to undo or not.
    Undone,
    /// The action never happens: refused, undone or cancelled.
    Never,
    /// Nothing is known of it: it may be on its way.
    NotFound,
    /// The participant cannot say.
    Unknown,
}

/// What a participant has of a step, over all generations.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Told {
    /// The highest generation that it has a row of; 0: none.
    pub highest: u32,
    /// The generation that is done and not undone.
    pub done: Option<u32>,
}

/// What happens to an instance. Steps are numbers in the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Claimed, and its locks are taken.
    Begin,
    /// Claimed, and others hold its locks.
    Wait,
    Reply {
        step: usize,
        generation: u32,
        kind: Kind,
        outcome: Outcome,
    },
    /// An attempt timed out, or what came back is no reply.
    Unanswered {
        step: usize,
        generation: u32,
        kind: Kind,
        attempt: u32,
        /// For the pause: 0 to 65535, evenly.
        chance: u16,
    },
    /// The request could not be made from the values at hand; nothing was sent.
    Unwritable {
        step: usize,
    },
    /// The time has come that [`super::StepState::due`] names.
    Due {
        step: usize,
    },
    /// The time has come that [`super::State::deadline`] names.
    Deadline,
    Approve {
        step: usize,
    },
    Reject {
        step: usize,
    },
    Operate {
        /// The version that the operator saw; `None` only for a cancel.
        seen: Option<u64>,
        action: Action,
    },
    /// Another executor leads now; nobody did for `away`.
    TakenOver {
        away: Millis,
    },
    /// The store was restored or lost commits; requests live for `life`.
    Restored {
        life: Millis,
    },
    Told {
        step: usize,
        told: Told,
    },
    /// Participants were restored: what they may have lost is asked of them again.
    Redrive {
        steps: Steps,
    },
}

/// What an operator, or somebody with a signal, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Retry {
        step: usize,
    },
    Skip {
        step: usize,
    },
    /// A new body for the request of a step; the executor keeps it.
    Edit {
        step: usize,
    },
    Pause,
    Resume,
    Compensate,
    Cancel,
    Close,
}

/// What is to be done once the state is committed, and never before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    Send {
        step: usize,
        kind: Kind,
        generation: u32,
        attempt: u32,
        delay: Millis,
    },
    /// In the same commit.
    FreeLocks,
    Alarm {
        step: Option<usize>,
        why: Parked,
    },
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Illegal {
    /// Of another generation or attempt, or a duplicate: dropped.
    Stale,
    /// A reply to a step that the saga has left: counted, and the last kept.
    Late,
    /// Too early: a signal is kept until it can be taken.
    Early,
    /// An operator is told.
    Refused(Refusal),
}

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It moved since the operator looked.
    Moved,
    /// Nothing is taken back after the pivot.
    PivotPassed,
    /// Without the pivot the saga has no outcome.
    Pivot,
    /// It is over.
    Ended,
    /// The step is not where this could be done to it.
    NotHere,
    /// The step declares neither an undo nor a resolve, so nobody could tell what became of it.
    NoWayBack,
    NoSuchStep,
}

impl Event {
    pub(crate) fn step(&self) -> Option<usize> {
        match *self {
            Self::Reply { step, .. }
            | Self::Unanswered { step, .. }
            | Self::Unwritable { step }
            | Self::Due { step }
            | Self::Approve { step }
            | Self::Reject { step }
            | Self::Told { step, .. }
            | Self::Operate {
                action: Action::Retry { step } | Action::Skip { step } | Action::Edit { step },
                ..
            } => Some(step),
            _ => None,
        }
    }
}
