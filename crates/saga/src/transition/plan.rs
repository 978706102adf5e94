//! What the core needs to know of a definition: the graph, the kinds, the numbers.

use crate::definition::{Definition, OnRefused, Retry, Step, StepKind, Then};
use crate::graph::Steps;

use super::Millis;

/// A definition without its requests. Sound by construction when made from a [`Definition`].
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub steps: Vec<PlanStep>,
    pub timeout: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlanStep {
    pub kind: StepKind,
    pub after: Steps,
    pub has_undo: bool,
    pub has_resolve: bool,
    pub retry: Retry,
    pub on_refused: OnRefused,
    /// Until an approval counts as rejected.
    pub approval_timeout: Option<Millis>,
    pub keys_kept: Option<Millis>,
}

impl Plan {
    pub fn new(definition: &Definition) -> Self {
        Self {
            steps: definition.steps.iter().map(PlanStep::new).collect(),
            timeout: definition.timeout_ms,
        }
    }

    pub fn pivot(&self) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| step.kind == StepKind::Pivot)
    }

    /// The steps that wait for this one.
    pub(super) fn dependents(&self, step: usize) -> impl Iterator<Item = usize> {
        (0..self.steps.len()).filter(move |other| self.steps[*other].after.contains(step))
    }
}

impl PlanStep {
    fn new(step: &Step) -> Self {
        Self {
            kind: step.kind,
            after: step.after,
            has_undo: step.undo.is_some(),
            has_resolve: step.resolve.is_some(),
            retry: step.retry,
            on_refused: step.on_refused,
            approval_timeout: match step.kind {
                StepKind::Approval => step.timeout_ms,
                _ => None,
            },
            keys_kept: step.keys_kept_ms,
        }
    }

    /// A step of this kind after these, with everything else as a definition has it by default.
    pub fn plain(kind: StepKind, after: Steps) -> Self {
        let then = match kind {
            StepKind::Retriable => Then::Wait,
            _ => Then::Compensate,
        };
        Self {
            kind,
            after,
            has_undo: kind == StepKind::Compensatable,
            has_resolve: kind == StepKind::Pivot,
            retry: Retry::default(),
            on_refused: OnRefused {
                park_ms: None,
                then,
            },
            approval_timeout: None,
            keys_kept: None,
        }
    }

    /// Asks a participant.
    pub(super) fn calls(&self) -> bool {
        self.kind != StepKind::Approval
    }

    /// The pause before attempt `attempt` + 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "bounded by max_ms, far below 2^53, and never negative"
    )]
    pub(super) fn pause(&self, attempt: u32, chance: u16) -> Millis {
        let retry = &self.retry;
        let doublings = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let pause = retry.first_ms as f64 * retry.factor.powi(doublings);
        let pause = pause.min(retry.max_ms as f64);
        let chance = f64::from(chance) / f64::from(u16::MAX);
        (pause * (1.0 - retry.jitter * chance)) as Millis
    }
}
