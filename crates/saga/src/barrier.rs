//! The barrier: what a participant answers, given the rows that it has.
//!
//! The participant's transaction begins by inserting the row of (caller, saga, step, generation);
//! where that fails, the row is there and is read under its lock. Here is only the decision, the
//! same for every engine and for the simulator.

use crate::transition::{Kind, Outcome};

/// What is recorded of one generation of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Recorded {
    /// `None`: there is no row.
    pub action: Option<Ran>,
    /// There is an undo's row.
    pub undone: bool,
}

/// What the action's row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ran {
    Done,
    /// Its effects were rolled back, the row was kept.
    Refused,
    /// An undo or a cancel came first: the action will never run.
    Empty,
}

/// What the participant does, all of it in one transaction with the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// Run the business action; record `Done`, or `Refused` after rolling its effects back.
    Act,
    /// Record the undo and run the business undo with the stored result.
    TakeBack,
    /// Record an empty action and an undo, so that the action never runs; then answer.
    Block(Outcome),
    /// Record the undo of something that had no effect; then answer.
    Mark(Outcome),
    /// Change nothing; answer, with the stored result where there is one.
    Answer(Outcome),
    /// The request is older than it may be: no answer that the caller could act on.
    Expired,
}

/// What the barrier keeps to, as [`crate::Rules`] does for the core.
pub trait BarrierRules {
    /// A refusal is recorded.
    const STORE_REFUSALS: bool = true;
    /// An action that finds an undo is cancelled, whatever its row says.
    const UNDO_HIDES_DONE: bool = true;
    /// An undo of nothing leaves a row that stops the action.
    const UNDO_BLOCKS: bool = true;
    /// Requests are held against their expiry.
    const CHECK_EXPIRY: bool = true;
    /// Rows are looked at at all.
    const BARRIER: bool = true;
}

impl BarrierRules for crate::Sound {}

/// Decides for a request of `kind` that `has_expired` or not. [`Kind::Status`] is not asked here:
/// it reads the rows of all generations.
pub fn decide<R: BarrierRules>(kind: Kind, recorded: Recorded, has_expired: bool) -> Decision {
    if has_expired && R::CHECK_EXPIRY {
        return Decision::Expired;
    }
    if !R::BARRIER {
        return match kind {
            Kind::Action => Decision::Act,
            Kind::Undo => Decision::TakeBack,
            _ => Decision::Answer(Outcome::Unknown),
        };
    }
    let Recorded { action, undone } = recorded;
    match kind {
        Kind::Action => match action {
            None => Decision::Act,
            Some(Ran::Done) if !undone || !R::UNDO_HIDES_DONE => Decision::Answer(Outcome::Done),
            Some(Ran::Refused) if !undone => Decision::Answer(Outcome::Refused),
            Some(_) => Decision::Answer(Outcome::Cancelled),
        },
        Kind::Undo => match action {
            _ if undone => Decision::Answer(Outcome::Undone),
            None if R::UNDO_BLOCKS => Decision::Block(Outcome::Undone),
            None => Decision::Answer(Outcome::Undone),
            Some(Ran::Done) => Decision::TakeBack,
            Some(Ran::Refused | Ran::Empty) => Decision::Mark(Outcome::Undone),
        },
        Kind::Resolve | Kind::Cancel => match action {
            Some(Ran::Done) if !undone => Decision::Answer(Outcome::Done),
            Some(_) => Decision::Answer(Outcome::Never),
            None if kind == Kind::Cancel => Decision::Block(Outcome::Never),
            None => Decision::Answer(Outcome::NotFound),
        },
        Kind::Status => Decision::Answer(Outcome::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sound;

    const ALL: [Recorded; 7] = {
        const fn row(action: Option<Ran>, undone: bool) -> Recorded {
            Recorded { action, undone }
        }
        [
            row(None, false),
            row(Some(Ran::Done), false),
            row(Some(Ran::Done), true),
            row(Some(Ran::Refused), false),
            row(Some(Ran::Refused), true),
            row(Some(Ran::Empty), true),
            row(Some(Ran::Empty), false),
        ]
    };

    #[test]
    fn every_cell_of_the_table() {
        use Decision::{Act, Answer, Block, Mark, TakeBack};
        use Outcome::{Cancelled, Done, Never, NotFound, Refused, Undone};
        let rows = |kind: Kind| ALL.map(|recorded| decide::<Sound>(kind, recorded, false));
        assert_eq!(
            rows(Kind::Action),
            [
                Act,
                Answer(Done),
                Answer(Cancelled),
                Answer(Refused),
                Answer(Cancelled),
                Answer(Cancelled),
                Answer(Cancelled)
            ]
        );
        assert_eq!(
            rows(Kind::Undo),
            [
                Block(Undone),
                TakeBack,
                Answer(Undone),
                Mark(Undone),
                Answer(Undone),
                Answer(Undone),
                Mark(Undone)
            ]
        );
        assert_eq!(
            rows(Kind::Resolve),
            [
                Answer(NotFound),
                Answer(Done),
                Answer(Never),
                Answer(Never),
                Answer(Never),
                Answer(Never),
                Answer(Never)
            ]
        );
        assert_eq!(rows(Kind::Cancel)[0], Block(Never));
        assert_eq!(rows(Kind::Cancel)[1..], rows(Kind::Resolve)[1..]);
    }

    #[test]
    fn what_has_expired_does_nothing() {
        for kind in [Kind::Action, Kind::Undo, Kind::Resolve, Kind::Cancel] {
            for recorded in ALL {
                assert_eq!(decide::<Sound>(kind, recorded, true), Decision::Expired);
            }
        }
    }
}
