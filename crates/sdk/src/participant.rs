//! Taking part in sagas: what a request says, what to do given the barrier's rows, what the reply
//! has to carry. Pure: the rows come from and go to `freehold_barrier` in the participant's own
//! transaction.
//!
//! 1. [`Call::read`] the headers; without a key there is no call.
//! 2. Begin a transaction and insert the barrier's row ([`Call::row`]) as its first statement. If it
//!    is there, read the rows of this generation under their lock.
//! 3. [`decide`]; do as it says, all in this transaction; look at the expiry again before the commit.
//! 4. Commit durably, then answer with [`Call::reply`]. Whatever else is answered (a bare 200, a 409,
//!    a 500) means *unknown*, and the caller asks again.
//!
//! [`take_part`] is steps 2 and 3 written down, over any driver; [`CallerKey`] tells who calls.

mod barrier;
#[cfg(feature = "mysql_async")]
pub mod mysql_async;
#[cfg(feature = "rusqlite")]
pub mod rusqlite;
mod signed;
#[cfg(feature = "tokio-postgres")]
pub mod tokio_postgres;

use std::fmt;

pub use barrier::{Acted, Business, Dialect, Given, Taken, Transaction, forget, take_part};
pub use signed::{CALLER, CallerKey, Forged, SIGNATURE, VARIABLE};

/// Names the request, whatever is sent how often: `saga/step/generation/kind`.
pub const KEY: &str = "idempotency-key";
/// Milliseconds since 1970 by the caller's store; afterwards the request does nothing.
pub const EXPIRES: &str = "freehold-expires";
/// SHA-256 of the body as it was sent.
pub const DIGEST: &str = "freehold-body-digest";
/// What is asked, once more: the last part of the key says the same.
pub const KIND: &str = "freehold-kind";
/// Where a participant answers a status whose step's own address is not known, and a DELETE that
/// forgets a saga ([`forget`]).
pub const BARRIER_PATH: &str = "/.freehold/barrier";
/// What became of it.
pub const OUTCOME: &str = "freehold-outcome";
/// Which life of the participant's store answers.
pub const INCARNATION: &str = "freehold-incarnation";
/// Of an answer to a status: the highest generation, and the one that is done or `-`.
pub const GENERATIONS: &str = "freehold-generations";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Do it.
    Action,
    /// Take it back.
    Undo,
    /// What became of it?
    Resolve,
    /// Never do it, if it is not done yet.
    Cancel,
    /// Of all generations: what became of them?
    Status,
}

/// What the reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, now or before.
    Done,
    /// It will not be done, and had no effect.
    Refused,
    /// An undo came first.
    Cancelled,
    /// Taken back, or never done.
    Undone,
    /// It never will be done.
    Never,
    /// Nothing is known of it; it may still be on its way.
    NotFound,
}

/// What is recorded of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// With its effects.
    Done,
    /// Its effects were rolled back.
    Refused,
    /// It came after its undo or cancel and never ran.
    Empty,
}

/// What is recorded of one generation of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recorded {
    /// `None`: no row.
    pub action: Option<Ran>,
    /// There is an undo's row.
    pub undone: bool,
}

/// What to do, in the transaction of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Run the action behind a savepoint; record `done`, or roll back to it and record `refused`.
    Act,
    /// Record the undo, and take the effect back with the stored result at hand.
    TakeBack,
    /// Record an `empty` action and an undo, so that the action never runs; then answer.
    Block(Outcome),
    /// Record the undo of what had no effect; then answer.
    Mark(Outcome),
    /// Change nothing; answer.
    Answer(Outcome),
    /// Too late for anything: answer nothing that could be acted on.
    Expired,
}

/// A request of a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// As it is echoed.
    pub key: String,
    /// A random id.
    pub saga: String,
    /// The step's name.
    pub step: String,
    /// Counted up when an operator tries a refused step again.
    pub generation: u32,
    /// What is asked.
    pub kind: Kind,
    /// Milliseconds since 1970.
    pub expires: Option<u64>,
    /// Of the body.
    pub digest: String,
}

impl Call {
    /// From the headers, given by their lower-case names; `None`: this is no call of a saga.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        let key = header(KEY)?;
        let mut parts = key.split('/');
        let (saga, step, generation) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = Kind::named(parts.next()?)?;
        let digits = generation.bytes().all(|byte| byte.is_ascii_digit());
        if parts.next().is_some() || saga.is_empty() || step.is_empty() || !digits {
            return None;
        }
        let expires = match header(EXPIRES) {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(Self {
            key: key.to_owned(),
            saga: saga.to_owned(),
            step: step.to_owned(),
            generation: generation.parse().ok()?,
            kind,
            expires,
            digest: header(DIGEST).unwrap_or_default().to_owned(),
        })
    }

    /// Is it too late? Asked when the request comes and again right before the commit.
    pub fn has_expired(&self, now_ms: u64) -> bool {
        self.expires.is_some_and(|until| now_ms > until)
    }

    /// The kind of the row that this call inserts first: `action` or `undo`. A question inserts none.
    pub fn row(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Action => Some("action"),
            Kind::Undo => Some("undo"),
            Kind::Resolve | Kind::Cancel | Kind::Status => None,
        }
    }

    /// The headers of the reply.
    pub fn reply(&self, outcome: Outcome, incarnation: &str) -> [(&'static str, String); 3] {
        [
            (KEY, self.key.clone()),
            (OUTCOME, outcome.to_string()),
            (INCARNATION, incarnation.to_owned()),
        ]
    }
}

/// Decides. `recorded` is what the rows said before this call; [`Kind::Status`] is answered with
/// [`GENERATIONS`] instead, from the rows of all generations.
pub fn decide(kind: Kind, recorded: Recorded, has_expired: bool) -> Decision {
    use Decision::{Act, Answer, Block, Mark, TakeBack};
    if has_expired {
        return Decision::Expired;
    }
    let Recorded { action, undone } = recorded;
    match (kind, action) {
        (Kind::Action, None) if undone => Answer(Outcome::Cancelled),
        (Kind::Action, None) => Act,
        (Kind::Action, Some(Ran::Done)) if !undone => Answer(Outcome::Done),
        (Kind::Action, Some(Ran::Refused)) if !undone => Answer(Outcome::Refused),
        (Kind::Action, Some(_)) => Answer(Outcome::Cancelled),
        (Kind::Undo, _) if undone => Answer(Outcome::Undone),
        (Kind::Undo, None) => Block(Outcome::Undone),
        (Kind::Undo, Some(Ran::Done)) => TakeBack,
        (Kind::Undo, Some(Ran::Refused | Ran::Empty)) => Mark(Outcome::Undone),
        (Kind::Cancel, None) => Block(Outcome::Never),
        (Kind::Resolve | Kind::Status, None) => Answer(Outcome::NotFound),
        (_, Some(Ran::Done)) if !undone => Answer(Outcome::Done),
        (_, Some(_)) => Answer(Outcome::Never),
    }
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "action" => Self::Action,
            "undo" => Self::Undo,
            "resolve" => Self::Resolve,
            "cancel" => Self::Cancel,
            "status" => Self::Status,
            _ => return None,
        })
    }
}

impl Ran {
    /// As the row says it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "done" => Self::Done,
            "refused" => Self::Refused,
            "empty" => Self::Empty,
            _ => return None,
        })
    }

    /// As the row says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Empty => "empty",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
            Self::Never => "never",
            Self::NotFound => "not-found",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(key: &str, expires: Option<&str>) -> Option<Call> {
        let header = |name: &str| match name {
            KEY => Some(key.to_owned()),
            EXPIRES => expires.map(str::to_owned),
            _ => None,
        };
        let values = [header(KEY), header(EXPIRES)];
        Call::read(|name| match name {
            KEY => values[0].as_deref(),
            EXPIRES => values[1].as_deref(),
            _ => None,
        })
    }

    #[test]
    fn only_a_whole_key_is_a_call() {
        let good = call("5f/charge/2/undo", Some("17")).expect("a call");
        assert_eq!((good.generation, good.kind), (2, Kind::Undo));
        assert!(good.has_expired(18) && !good.has_expired(17));
        for key in [
            "",
            "a/b/1",
            "a/b/1/do",
            "a/b/+1/action",
            "a//1/undo",
            "a/b/1/undo/x",
            "a/b//undo",
        ] {
            assert_eq!(call(key, None), None, "{key}");
        }
        assert_eq!(call("a/b/1/undo", Some("soon")), None);
    }

    /// Everything that can happen to one generation, in every order, with every repetition: the
    /// effect is there once or not at all, and never after it was said to be gone.
    #[test]
    fn every_order_of_three_calls_leaves_one_truth() {
        let kinds = [Kind::Action, Kind::Undo, Kind::Cancel, Kind::Resolve];
        for first in kinds {
            for second in kinds {
                for third in kinds {
                    for refuses in [false, true] {
                        play([first, second, third], refuses);
                    }
                }
            }
        }
    }

    fn play(calls: [Kind; 3], refuses: bool) {
        let (mut recorded, mut effect, mut gone) = (Recorded::default(), 0, false);
        for kind in calls {
            let said = match decide(kind, recorded, false) {
                Decision::Act if refuses => {
                    recorded.action = Some(Ran::Refused);
                    Outcome::Refused
                }
                Decision::Act => {
                    recorded.action = Some(Ran::Done);
                    effect += 1;
                    Outcome::Done
                }
                Decision::TakeBack => {
                    recorded.undone = true;
                    effect -= 1;
                    Outcome::Undone
                }
                Decision::Block(outcome) => {
                    recorded = Recorded {
                        action: Some(Ran::Empty),
                        undone: true,
                    };
                    outcome
                }
                Decision::Mark(outcome) => {
                    recorded.undone = true;
                    outcome
                }
                Decision::Answer(outcome) => outcome,
                Decision::Expired => unreachable!("nothing is late here"),
            };
            gone |= matches!(said, Outcome::Undone | Outcome::Never | Outcome::Refused);
            assert!((0..=1).contains(&effect), "{calls:?}");
            assert_eq!(effect == 1, said == Outcome::Done, "{calls:?}: {said}");
            assert!(!(gone && effect == 1), "{calls:?}");
        }
    }

    #[test]
    fn what_is_late_does_nothing() {
        for kind in [Kind::Action, Kind::Undo, Kind::Cancel] {
            assert_eq!(decide(kind, Recorded::default(), true), Decision::Expired);
        }
    }
}
