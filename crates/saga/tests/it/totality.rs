//! The core takes every event in every state: it answers, and never panics, whatever comes from
//! participants, operators, clocks and old rows.

use freehold_saga::{
    Action, At, Event, Kind, Outcome, Phase, Plan, PlanStep, Sound, State, StepKind, Steps, Told,
    outstanding, step,
};
use proptest::prelude::*;

fn plan() -> impl Strategy<Value = Plan> {
    use StepKind::{Approval, Compensatable, Pivot, Retriable};
    let shapes: [&[(StepKind, u64)]; 5] = [
        &[
            (Compensatable, 0),
            (Approval, 1),
            (Pivot, 2),
            (Retriable, 4),
        ],
        &[
            (Compensatable, 0),
            (Compensatable, 1),
            (Compensatable, 1),
            (Compensatable, 6),
        ],
        &[(Pivot, 0), (Retriable, 1), (Retriable, 1)],
        &[(Compensatable, 0), (Compensatable, 0), (Pivot, 3)],
        &[(Compensatable, 0)],
    ];
    let numbers = (
        any::<bool>(),
        any::<bool>(),
        proptest::option::of(any::<u64>()),
    );
    (0..shapes.len(), numbers).prop_map(move |(shape, (undo, resolve, time))| Plan {
        steps: shapes[shape]
            .iter()
            .map(|(kind, after)| PlanStep {
                has_undo: undo || *kind == Compensatable,
                has_resolve: resolve || *kind == Pivot,
                approval_timeout: time,
                keys_kept: time,
                ..PlanStep::plain(*kind, Steps(*after))
            })
            .collect(),
        timeout: time,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let number = || prop_oneof![0..4_u32, Just(u32::MAX)];
    let time = || prop_oneof![0..100_000_u64, Just(u64::MAX)];
    let kind = || {
        proptest::sample::select(vec![
            Kind::Action,
            Kind::Undo,
            Kind::Resolve,
            Kind::Cancel,
            Kind::Status,
        ])
    };
    let outcome = proptest::sample::select(vec![
        Outcome::Done,
        Outcome::Refused,
        Outcome::Cancelled,
        Outcome::Undone,
        Outcome::Never,
        Outcome::NotFound,
        Outcome::Unknown,
    ]);
    let steps = 0..6_usize;
    let action = (0..8_u8, steps.clone()).prop_map(|(which, step)| match which {
        0 => Action::Retry { step },
        1 => Action::Skip { step },
        2 => Action::Edit { step },
        3 => Action::Pause,
        4 => Action::Resume,
        5 => Action::Compensate,
        6 => Action::Cancel,
        _ => Action::Close,
    });
    prop_oneof![
        2 => Just(Event::Begin),
        1 => Just(Event::Wait),
        12 => (steps.clone(), number(), kind(), outcome).prop_map(|(step, generation, kind, outcome)| Event::Reply { step, generation, kind, outcome }),
        6 => (steps.clone(), number(), kind(), number(), any::<u16>()).prop_map(|(step, generation, kind, attempt, chance)| Event::Unanswered { step, generation, kind, attempt, chance }),
        1 => steps.clone().prop_map(|step| Event::Unwritable { step }),
        4 => steps.clone().prop_map(|step| Event::Due { step }),
        2 => Just(Event::Deadline),
        2 => steps.clone().prop_map(|step| Event::Approve { step }),
        1 => steps.clone().prop_map(|step| Event::Reject { step }),
        // The version that was seen is put right below.
        4 => action.prop_map(|action| Event::Operate { seen: Some(0), action }),
        1 => time().prop_map(|away| Event::TakenOver { away }),
        1 => time().prop_map(|life| Event::Restored { life }),
        3 => (steps, number(), proptest::option::of(number())).prop_map(|(step, highest, done)| Event::Told { step, told: Told { highest, done } }),
        1 => any::<u64>().prop_map(|steps| Event::Redrive { steps: Steps(steps) }),
    ]
}

/// What no state may be, however it came about.
fn holds(plan: &Plan, state: &State) -> Result<(), TestCaseError> {
    let pivot = plan.pivot().map(|pivot| state.steps[pivot].at);
    if matches!(state.phase, Phase::Compensating | Phase::Compensated) {
        prop_assert_ne!(
            pivot,
            Some(At::Done),
            "past the pivot and compensated: {:?}",
            state
        );
    }
    if state.phase == Phase::Compensated {
        let open = |at: At| matches!(at, At::Open | At::Done | At::Undoing(_) | At::Asking(_));
        prop_assert!(!state.steps.iter().any(|it| open(it.at)), "{:?}", state);
    }
    if state.phase == Phase::Completed {
        let passed = |at: At| matches!(at, At::Done | At::Skipped);
        prop_assert!(state.steps.iter().all(|it| passed(it.at)), "{:?}", state);
        prop_assert_ne!(pivot, Some(At::Skipped));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_event_has_an_answer(
        plan in plan(),
        events in proptest::collection::vec((event(), prop_oneof![4 => 0..5_000_u64, 1 => Just(u64::MAX)]), 0..120),
    ) {
        let mut state = State::new(&plan);
        let mut now = 0_u64;
        for (mut event, passes) in events {
            now = now.saturating_add(passes);
            if let Event::Operate { seen, .. } = &mut event {
                *seen = Some(state.version);
            }
            let _ = outstanding(&plan, &state, now);
            let _ = (state.status(), state.effects(&plan), state.next_due());
            if let Ok((next, _)) = step::<Sound>(&plan, &state, now, &event) {
                prop_assert!(next.version == state.version || next.version == state.version + 1);
                let ended = state.phase.is_end();
                prop_assert!(!ended || next.phase == state.phase, "an end is an end");
                holds(&plan, &next)?;
                state = next;
            }
        }
    }
}
