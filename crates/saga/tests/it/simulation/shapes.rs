//! The sagas that are simulated.

use freehold_saga::{OnRefused, Plan, PlanStep, Retry, StepKind, Steps, Then};

use super::chance::Chance;

const fn after(steps: &[usize]) -> Steps {
    let mut set = 0;
    let mut at = 0;
    while at < steps.len() {
        set |= 1 << steps[at];
        at += 1;
    }
    Steps(set)
}

/// A chain, a diamond with and without a pivot, an approval, a pivot that stands first.
pub(super) fn plan(chance: &mut Chance) -> Plan {
    use StepKind::{Approval as A, Compensatable as C, Pivot as P, Retriable as R};
    let shapes: [&[(StepKind, Steps)]; 6] = [
        &[
            (C, after(&[])),
            (C, after(&[0])),
            (P, after(&[1])),
            (R, after(&[2])),
        ],
        &[
            (C, after(&[])),
            (C, after(&[0])),
            (C, after(&[0])),
            (C, after(&[1, 2])),
        ],
        &[
            (C, after(&[])),
            (C, after(&[0])),
            (C, after(&[0])),
            (P, after(&[1, 2])),
            (R, after(&[3])),
            (R, after(&[3])),
        ],
        &[
            (C, after(&[])),
            (A, after(&[0])),
            (P, after(&[1])),
            (R, after(&[2])),
        ],
        &[(P, after(&[])), (R, after(&[0])), (R, after(&[1]))],
        &[(C, after(&[])), (C, after(&[])), (P, after(&[0, 1]))],
    ];
    let shape = chance.pick(&shapes);
    let parks = chance.hits(400);
    let steps = shape.iter().map(|(kind, after)| PlanStep {
        has_undo: *kind == C || *kind == R && chance.hits(500),
        has_resolve: *kind == P || *kind == R && chance.hits(500),
        retry: Retry {
            attempts: 3,
            first_ms: 100,
            factor: 4.0,
            max_ms: 1500,
            jitter: 0.5,
        },
        on_refused: OnRefused {
            park_ms: parks.then(|| chance.between(1, 30) * 1000),
            then: match kind {
                R if parks => Then::Retry,
                R => Then::Wait,
                _ => Then::Compensate,
            },
        },
        approval_timeout: (*kind == A).then(|| chance.between(2, 40) * 1000),
        ..PlanStep::plain(*kind, *after)
    });
    let steps = steps.collect();
    Plan {
        steps,
        timeout: chance.hits(200).then(|| chance.between(1, 20) * 1000),
    }
}
