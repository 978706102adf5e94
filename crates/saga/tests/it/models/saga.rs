//! One saga under the real core, its participants under the real barrier, a network that loses,
//! doubles and reorders without end.
//!
//! Messages stay in the network once they are sent: each may be delivered at any time, any number
//! of times or never. Only the wait after a restore ends their life, as expiry does.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use freehold_saga::{
    Action, At, BarrierRules, Command, Decision, Event, Kind, OnRefused, Outcome, Phase, Plan,
    PlanStep, Ran, Recorded, Retry, Rules, Sound, State, StepKind, Steps, Then, Told, decide, step,
};
use stateright::{Checker, Model, Property};

/// What a model of a saga may do, each as often as it says.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    attempts: u32,
    cancels: u8,
    /// Skips, edits and retries in all.
    operations: u8,
    restores: u8,
    refusals: u8,
}

struct Saga<R> {
    plan: Plan,
    bounds: Bounds,
    rules: PhantomData<R>,
}

type Message = (usize, Kind, u32);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    core: State,
    backup: Option<State>,
    rows: BTreeMap<(usize, u32), Recorded>,
    running: BTreeSet<(usize, u32)>,
    net: Vec<i8>,
    requests: BTreeSet<Message>,
    replies: BTreeSet<(Message, Outcome)>,
    broken: Option<&'static str>,
    left: (u8, u8, u8, u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Happens {
    Deliver(Message),
    Finish(usize, u32, bool),
    /// The participant's program dies in the middle of an action.
    Fall(usize, u32),
    Reply(Message, Outcome),
    Unanswered(usize),
    Cancel,
    Operate(Action),
    Backup,
    Restore,
    /// The wait after a restore is over: everything old has expired.
    Expire,
    Tell(usize),
}

impl<R: Rules + BarrierRules> Saga<R> {
    fn new(shape: &[(StepKind, &[usize])], bounds: Bounds) -> Self {
        let plain = |(kind, after): &(StepKind, &[usize])| PlanStep {
            has_undo: *kind == StepKind::Compensatable,
            has_resolve: true,
            retry: Retry {
                attempts: bounds.attempts,
                first_ms: 0,
                factor: 1.0,
                max_ms: 0,
                jitter: 0.0,
            },
            on_refused: OnRefused {
                park_ms: None,
                then: match kind {
                    _ if bounds.operations > 0 => Then::Wait,
                    StepKind::Retriable => Then::Wait,
                    _ => Then::Compensate,
                },
            },
            ..PlanStep::plain(*kind, after.iter().copied().collect::<Steps>())
        };
        Self {
            plan: Plan {
                steps: shape.iter().map(plain).collect(),
                timeout: None,
            },
            bounds,
            rules: PhantomData,
        }
    }

    /// The core takes an event; what it sends is in the network at once. False: it does not.
    fn take(&self, world: &mut World, event: &Event) -> bool {
        let Ok((mut core, commands)) = step::<R>(&self.plan, &world.core, 0, event) else {
            return false;
        };
        // Numbers that only grow would make every state a new one.
        core.version = 0;
        core.takeovers = 0;
        world.core = core;
        for command in commands {
            if let Command::Send {
                step,
                kind,
                generation,
                ..
            } = command
            {
                world.requests.insert((step, kind, generation));
            }
        }
        true
    }

    fn deliver(&self, world: &mut World, message: Message) -> bool {
        let (step, kind, generation) = message;
        let key = (step, generation);
        if kind == Kind::Status || kind != Kind::Resolve && world.running.contains(&key) {
            return false;
        }
        let recorded = world.rows.get(&key).copied().unwrap_or_default();
        let before = world.clone();
        match decide::<R>(kind, recorded, false) {
            Decision::Act => {
                world.running.insert(key);
            }
            Decision::TakeBack => {
                world.net[step] -= 1;
                if world.net[step] < 0 {
                    world.broken = Some("undone without having happened");
                }
                let later = (0..self.plan.steps.len())
                    .any(|it| self.plan.steps[it].after.contains(step) && world.net[it] != 0);
                if later {
                    world.broken = Some("undone in the wrong order");
                }
                world.rows.insert(
                    key,
                    Recorded {
                        undone: true,
                        ..recorded
                    },
                );
                world.replies.insert((message, Outcome::Undone));
            }
            Decision::Block(outcome) => {
                let recorded = Recorded {
                    action: Some(Ran::Empty),
                    undone: true,
                };
                world.rows.insert(key, recorded);
                world.replies.insert((message, outcome));
            }
            Decision::Mark(outcome) => {
                world.rows.insert(
                    key,
                    Recorded {
                        undone: true,
                        ..recorded
                    },
                );
                world.replies.insert((message, outcome));
            }
            Decision::Answer(outcome) => {
                if outcome == Outcome::Done && world.net[step] != 1 {
                    world.broken = Some("called done, and it is not");
                }
                world.replies.insert((message, outcome));
            }
            Decision::Expired => {}
        }
        *world != before
    }

    fn finish(world: &mut World, step: usize, generation: u32, done: bool) -> bool {
        let key = (step, generation);
        let message = (step, Kind::Action, generation);
        if !world.running.remove(&key) {
            return false;
        }
        let recorded = world.rows.get(&key).copied().unwrap_or_default();
        if done {
            world.net[step] += 1;
            if world.net[step] > 1 {
                world.broken = Some("an effect happened twice");
            }
            if recorded.undone {
                world.broken = Some("acted after an empty undo");
            }
            let action = Some(Ran::Done);
            world.rows.insert(key, Recorded { action, ..recorded });
            world.replies.insert((message, Outcome::Done));
        } else {
            if world.left.3 == 0 {
                return false;
            }
            world.left.3 -= 1;
            if R::STORE_REFUSALS {
                let action = Some(Ran::Refused);
                world.rows.insert(key, Recorded { action, ..recorded });
            }
            world.replies.insert((message, Outcome::Refused));
        }
        true
    }

    fn told(world: &World, step: usize) -> Told {
        let of_step = || world.rows.iter().filter(move |((it, _), _)| *it == step);
        let done = of_step().find(|(_, row)| row.action == Some(Ran::Done) && !row.undone);
        Told {
            highest: of_step()
                .map(|((_, generation), _)| *generation)
                .max()
                .unwrap_or(0),
            done: done.map(|((_, generation), _)| *generation),
        }
    }

    /// What is asked of a step's participant now.
    fn asked(&self, world: &World, step: usize) -> Option<Message> {
        let commands = freehold_saga::outstanding(&self.plan, &world.core, 0);
        commands.iter().find_map(|command| match *command {
            Command::Send {
                step: it,
                kind,
                generation,
                ..
            } if it == step => Some((step, kind, generation)),
            _ => None,
        })
    }

    fn ended_well(&self, world: &World) -> bool {
        let mut steps = self
            .plan
            .steps
            .iter()
            .zip(&world.core.steps)
            .zip(&world.net);
        match world.core.phase {
            Phase::Completed => steps.all(|((plan, it), net)| {
                let approval = plan.kind == StepKind::Approval;
                approval || *net == i8::from(it.at == At::Done)
            }),
            Phase::Compensated => world.net.iter().all(|net| *net == 0),
            _ => true,
        }
    }
}

impl<R: Rules + BarrierRules> Model for Saga<R> {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            core: State::new(&self.plan),
            backup: None,
            rows: BTreeMap::new(),
            running: BTreeSet::new(),
            net: vec![0; self.plan.steps.len()],
            requests: BTreeSet::new(),
            replies: BTreeSet::new(),
            broken: None,
            left: (
                self.bounds.cancels,
                self.bounds.operations,
                self.bounds.restores,
                self.bounds.refusals,
            ),
        };
        self.take(&mut world, &Event::Begin);
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        actions.extend(world.requests.iter().map(|it| Happens::Deliver(*it)));
        for (step, generation) in &world.running {
            actions.push(Happens::Finish(*step, *generation, true));
            actions.push(Happens::Finish(*step, *generation, false));
            actions.push(Happens::Fall(*step, *generation));
        }
        let replies = world.replies.iter();
        actions.extend(replies.map(|(message, outcome)| Happens::Reply(*message, *outcome)));
        for step in 0..self.plan.steps.len() {
            match self.asked(world, step) {
                Some((_, Kind::Status, _)) => actions.push(Happens::Tell(step)),
                Some(_) => actions.push(Happens::Unanswered(step)),
                None => {}
            }
        }
        if world.left.0 > 0 {
            actions.push(Happens::Cancel);
        }
        if world.left.1 > 0 {
            for step in 0..self.plan.steps.len() {
                actions.push(Happens::Operate(Action::Skip { step }));
                actions.push(Happens::Operate(Action::Edit { step }));
                actions.push(Happens::Operate(Action::Retry { step }));
            }
        }
        if world.left.2 > 0 {
            match world.backup {
                None => actions.push(Happens::Backup),
                Some(_) => actions.push(Happens::Restore),
            }
        }
        if world.core.phase == Phase::Suspect {
            actions.push(Happens::Expire);
        }
    }

    fn next_state(&self, last: &World, action: Happens) -> Option<World> {
        let mut world = last.clone();
        let happened = match action {
            Happens::Deliver(message) => self.deliver(&mut world, message),
            Happens::Finish(step, generation, done) => {
                Self::finish(&mut world, step, generation, done)
            }
            Happens::Fall(step, generation) => world.running.remove(&(step, generation)),
            Happens::Reply((step, kind, generation), outcome) => {
                let event = Event::Reply {
                    step,
                    generation,
                    kind,
                    outcome,
                };
                self.take(&mut world, &event)
            }
            Happens::Unanswered(step) => {
                let (_, kind, generation) = self.asked(&world, step)?;
                let event = Event::Unanswered {
                    step,
                    generation,
                    kind,
                    attempt: world.core.steps[step].attempt,
                    chance: 0,
                };
                self.take(&mut world, &event)
            }
            Happens::Cancel => {
                world.left.0 -= 1;
                let event = Event::Operate {
                    seen: None,
                    action: Action::Cancel,
                };
                self.take(&mut world, &event)
            }
            Happens::Operate(action) => {
                world.left.1 -= 1;
                let event = Event::Operate {
                    seen: Some(0),
                    action,
                };
                self.take(&mut world, &event)
            }
            Happens::Backup => {
                world.backup = Some(world.core.clone());
                true
            }
            Happens::Restore => {
                world.left.2 -= 1;
                world.core = world.backup.take()?;
                self.take(&mut world, &Event::Restored { life: 0 })
            }
            Happens::Expire => {
                world.requests.clear();
                world.replies.clear();
                world.running.clear();
                self.take(&mut world, &Event::Deadline)
            }
            Happens::Tell(step) => {
                let told = Self::told(&world, step);
                self.take(&mut world, &Event::Told { step, told })
            }
        };
        happened.then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no rule is broken on the way", |_, world: &World| {
                world.broken.is_none()
            }),
            Property::always(
                "an end is what the ledgers say",
                |model: &Self, world: &World| model.ended_well(world),
            ),
            Property::sometimes("it completes", |_, world: &World| {
                world.core.phase == Phase::Completed
            }),
            Property::sometimes("it is compensated", |model: &Self, world: &World| {
                let never = model.bounds.cancels == 0 && model.bounds.refusals == 0;
                never || world.core.phase == Phase::Compensated
            }),
        ]
    }
}

const SAFETY: [&str; 2] = [
    "no rule is broken on the way",
    "an end is what the ledgers say",
];

/// The number of states; or the property that a trace breaks.
fn check<R: Rules + BarrierRules + Send + Sync + 'static>(
    shape: &[(StepKind, &[usize])],
    bounds: Bounds,
) -> Result<usize, &'static str> {
    let checker = Saga::<R>::new(shape, bounds)
        .checker()
        .threads(2)
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    if let Some(broken) = SAFETY.into_iter().find(|name| found.contains_key(name)) {
        return Err(broken);
    }
    if let Some(missing) = ["it completes", "it is compensated"]
        .into_iter()
        .find(|name| !found.contains_key(name))
    {
        return Err(missing);
    }
    Ok(checker.unique_state_count())
}

use StepKind::{Compensatable as C, Pivot as P, Retriable as R};

const PIVOT: &[(StepKind, &[usize])] = &[(C, &[]), (P, &[0])];
const CHAIN: &[(StepKind, &[usize])] = &[(C, &[]), (C, &[0])];
const FORK: &[(StepKind, &[usize])] = &[(C, &[]), (C, &[0]), (C, &[0])];
const AFTER: &[(StepKind, &[usize])] = &[(P, &[]), (R, &[0])];

const CANCEL: Bounds = Bounds {
    attempts: 2,
    cancels: 1,
    operations: 0,
    restores: 0,
    refusals: 1,
};
const OPERATE: Bounds = Bounds {
    operations: 1,
    ..CANCEL
};
const RESTORE: Bounds = Bounds {
    restores: 1,
    ..CANCEL
};

#[test]
fn every_order_of_messages_is_safe() {
    for (name, shape, bounds) in [
        ("pivot and cancel", PIVOT, CANCEL),
        ("two in a row", CHAIN, CANCEL),
        ("a fork", FORK, CANCEL),
        ("after the pivot", AFTER, OPERATE),
        ("operators", PIVOT, OPERATE),
        ("restore, two in a row", CHAIN, RESTORE),
        ("restore, pivot", PIVOT, RESTORE),
    ] {
        match check::<Sound>(shape, bounds) {
            Ok(states) => println!("{name}: {states} states, {} steps, {bounds:?}", shape.len()),
            Err(broken) => panic!("{name}: {broken}"),
        }
    }
}

/// One type that gives up one rule.
macro_rules! mutant {
    ($name:ident, core $rule:ident) => {
        struct $name;
        impl Rules for $name {
            const $rule: bool = false;
        }
        impl BarrierRules for $name {}
    };
    ($name:ident, barrier $rule:ident) => {
        struct $name;
        impl Rules for $name {}
        impl BarrierRules for $name {
            const $rule: bool = false;
        }
    };
}

mutant!(OrderFlipped, core REVERSE_ORDER);
mutant!(TimeOutIsFailure, core TIMEOUT_IS_UNKNOWN);
mutant!(NotFoundIsFailure, core NOT_FOUND_IS_UNKNOWN);
mutant!(GenerationUnchecked, core CHECK_GENERATION);
mutant!(SkipWithoutUndo, core UNDO_BEFORE_SKIP);
mutant!(OnlyAnsweredUndone, core UNDO_ENABLED);
mutant!(NoRebuild, core REBUILD);
mutant!(NoBarrier, barrier BARRIER);
mutant!(RefusalUnstored, barrier STORE_REFUSALS);
mutant!(DoneAfterUndo, barrier UNDO_HIDES_DONE);
mutant!(UndoLeavesNoRow, barrier UNDO_BLOCKS);

#[test]
fn every_mutant_has_a_trace() {
    let found = [
        ("order flipped", check::<OrderFlipped>(CHAIN, CANCEL)),
        (
            "time-out is failure",
            check::<TimeOutIsFailure>(PIVOT, CANCEL),
        ),
        (
            "not found is failure",
            check::<NotFoundIsFailure>(PIVOT, CANCEL),
        ),
        (
            "generation unchecked",
            check::<GenerationUnchecked>(AFTER, OPERATE),
        ),
        (
            "skip without undo",
            check::<SkipWithoutUndo>(PIVOT, OPERATE),
        ),
        (
            "only answered undone",
            check::<OnlyAnsweredUndone>(CHAIN, CANCEL),
        ),
        ("no rebuild", check::<NoRebuild>(CHAIN, RESTORE)),
        ("no barrier", check::<NoBarrier>(CHAIN, CANCEL)),
        ("refusal unstored", check::<RefusalUnstored>(PIVOT, CANCEL)),
        ("done after undo", check::<DoneAfterUndo>(CHAIN, CANCEL)),
        (
            "undo leaves no row",
            check::<UndoLeavesNoRow>(CHAIN, CANCEL),
        ),
    ];
    for (name, found) in &found {
        println!("{name}: {found:?}");
    }
    let alive = found
        .iter()
        .filter(|(_, found)| !found.is_err_and(|broken| SAFETY.contains(&broken)));
    let alive: Vec<&str> = alive.map(|(name, _)| *name).collect();
    assert_eq!(alive, [""; 0]);
}
