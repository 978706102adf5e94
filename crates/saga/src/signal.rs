//! Signals: what programs, operators and brokers ask of a saga that is under way, as rows.

use serde_json::Value;

use crate::definition::Definition;
use crate::saga_id::SagaId;
use crate::transition::{Action, Event, Illegal, Refusal};

/// A row of `freehold_saga_signal`.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    pub id: i64,
    /// None: no start row of this id exists.
    pub saga: Option<SagaId>,
    pub asked: String,
    pub step: Option<String>,
    /// The version that an operator saw.
    pub seen: Option<u64>,
    pub payload: Option<Value>,
    pub who: String,
}

impl Signal {
    /// What it means for an instance of this definition; or why it means nothing.
    pub(crate) fn event(&self, definition: &Definition) -> Result<Event, String> {
        let step = || {
            let name = self.step.as_deref().ok_or("it names no step")?;
            definition
                .step(name)
                .ok_or_else(|| format!("there is no step `{name}`"))
        };
        let operate = |action| Event::Operate {
            seen: self.seen,
            action,
        };
        Ok(match self.asked.as_str() {
            "approve" => Event::Approve { step: step()? },
            "reject" => Event::Reject { step: step()? },
            "cancel" => operate(Action::Cancel),
            "retry" => operate(Action::Retry { step: step()? }),
            "skip" => operate(Action::Skip { step: step()? }),
            "edit" => operate(Action::Edit { step: step()? }),
            "pause" => operate(Action::Pause),
            "resume" => operate(Action::Resume),
            "compensate" => operate(Action::Compensate),
            "close" => operate(Action::Close),
            other => return Err(format!("`{other}` is nothing that can be asked")),
        })
    }
}

/// The outcome that is noted for whoever asked.
pub(crate) fn refused(why: Illegal) -> &'static str {
    match why {
        Illegal::Stale | Illegal::Late => "nothing to do",
        Illegal::Early => "too early",
        Illegal::Refused(Refusal::Moved) => MOVED,
        Illegal::Refused(Refusal::PivotPassed) => {
            "refused: the pivot is passed, nothing is taken back"
        }
        Illegal::Refused(Refusal::Pivot) => "refused: without its pivot the saga has no outcome",
        Illegal::Refused(Refusal::Ended) => "refused: it has ended",
        Illegal::Refused(Refusal::NotHere) => "refused: the step is not where this could be done",
        Illegal::Refused(Refusal::NoWayBack) => {
            "refused: the step has neither undo nor resolve, so nobody could tell what became of it"
        }
        Illegal::Refused(Refusal::NoSuchStep) => "refused: there is no such step",
    }
}

/// What is noted where the version that was seen is no longer its version.
pub(crate) const MOVED: &str = "refused: it moved since it was looked at";
/// What is noted where it was done.
pub(crate) const DONE: &str = "done";
