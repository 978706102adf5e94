//! What of an instance is readable with plain SQL beside its bytes: status, step, what is done and
//! what a compensation would take back.

use serde_json::json;

use crate::definition::{Definition, StepKind};
use crate::instance::Instance;
use crate::transition::{At, Parked, Status};

/// As texts know it.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "in_progress",
        Status::Waiting => "waiting",
        Status::Compensating => "compensating",
        Status::Parked => "parked",
        Status::Suspect => "suspect",
        Status::Completed => "completed",
        Status::CompletedWithSkips => "completed_with_skips",
        Status::Compensated => "compensated",
        Status::Closed => "closed",
    }
}

/// The step that it stands at: the first that is neither done nor out of question.
pub fn current_step<'d>(definition: &'d Definition, instance: &Instance) -> Option<&'d str> {
    let steps = definition.steps.iter().zip(&instance.state.steps);
    let mut at_work = steps.filter(|(_, it)| {
        matches!(
            it.at,
            At::Open | At::Asking(_) | At::Awaiting | At::Undoing(_) | At::Refused | At::Unwritable
        )
    });
    at_work.next().map(|(step, _)| step.name.as_str())
}

/// JSON text.
pub(crate) fn summary(definition: &Definition, instance: &Instance) -> String {
    let steps = || definition.steps.iter().zip(&instance.state.steps);
    let done: Vec<&str> = steps()
        .filter(|(_, it)| it.at == At::Done)
        .map(|(step, _)| step.name.as_str())
        .collect();
    let undo: Vec<&str> = steps()
        .filter(|(step, it)| {
            step.kind == StepKind::Compensatable
                && !matches!(it.at, At::Idle | At::Unwritable | At::Undone | At::Skipped)
        })
        .map(|(step, _)| step.name.as_str())
        .collect();
    json!({
        "status": status_name(instance.state.status()),
        "step": current_step(definition, instance),
        "done": done,
        "undo": undo,
    })
    .to_string()
}

/// Why an operator should look, in words.
pub fn parked_words(why: Parked) -> &'static str {
    match why {
        Parked::Exhausted => "all attempts went unanswered",
        Parked::Refused => "it was refused",
        Parked::Unwritable => "its request cannot be made of the values at hand",
        Parked::KeysGone => "the participant may have forgotten its key, so it is not sent again",
        Parked::Contradiction => "the participant contradicts what it said before",
        Parked::Lost => "what was decided about it was lost with a restore",
        Parked::NoProgress => "five takeovers without progress",
        Parked::Overdue => "the saga's time is over, past its pivot",
    }
}
