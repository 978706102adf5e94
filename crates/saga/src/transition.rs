//! The transition core: what a saga does on each event.
//!
//! [`step`] is total, knows no I/O and no clock (time comes with the event), and is the same code
//! in the executor, in the simulator and under the model checker. It decides; the executor
//! commits the new state and only then carries out the commands.
//!
//! What is always true of it:
//! - A state names the steps that are **enabled**, not those that were "sent": every enabled step
//!   may have run, so it is undone when the saga turns back.
//! - A pivot that does not answer is *unknown*. Only a recorded refusal or a cancel at the barrier
//!   says that it never happened.
//! - A new generation opens only when the old one is final: refused and stored, or undone.
//! - Requests may be sent any number of times; replies may be lost, late and doubled.

mod backward;
mod event;
mod forward;
mod operator;
mod plan;
mod rebuild;
mod reply;
mod rules;
mod state;
mod takeover;

pub use event::{Action, Command, Event, Illegal, Kind, Outcome, Refusal, Told};
pub use plan::{Plan, PlanStep};
pub use rules::{Rules, Sound};
pub use state::{At, Parked, Phase, Possible, Purpose, Reason, State, Status, StepState};

/// Store time in milliseconds.
pub type Millis = u64;

/// The next state and what is to be done once it is committed; or why nothing changes.
///
/// The version of the state moves exactly when there is something to commit: a short pause between
/// two attempts is kept in memory only.
pub fn step<R: Rules>(
    plan: &Plan,
    state: &State,
    now: Millis,
    event: &Event,
) -> Result<(State, Vec<Command>), Illegal> {
    let mut transition = Transition {
        plan,
        state: state.clone(),
        now,
        commands: Vec::new(),
        rules: std::marker::PhantomData::<R>,
    };
    transition.take(event)?;
    transition.settle();
    let Transition {
        state: mut next,
        commands,
        ..
    } = transition;
    if next.differs_durably(state) {
        next.version += 1;
    }
    Ok((next, commands))
}

/// What is outstanding in `state`: to be sent again after it was read from the store, by an
/// executor that does not know what became of it.
pub fn outstanding(plan: &Plan, state: &State, now: Millis) -> Vec<Command> {
    let mut transition = Transition {
        plan,
        state: state.clone(),
        now,
        commands: Vec::new(),
        rules: std::marker::PhantomData::<Sound>,
    };
    transition.send_outstanding();
    let is_send = |command: &Command| matches!(command, Command::Send { .. });
    transition.commands.retain(is_send);
    transition.commands
}

/// One transition under way.
pub(crate) struct Transition<'p, R> {
    plan: &'p Plan,
    state: State,
    now: Millis,
    commands: Vec<Command>,
    rules: std::marker::PhantomData<R>,
}

impl<R: Rules> Transition<'_, R> {
    fn take(&mut self, event: &Event) -> Result<(), Illegal> {
        if let Some(step) = event.step()
            && step >= self.state.steps.len()
        {
            return Err(Illegal::Refused(Refusal::NoSuchStep));
        }
        match *event {
            Event::Begin => self.begin(),
            Event::Wait => self.wait(),
            Event::Reply {
                step,
                generation,
                kind,
                outcome,
            } => self.reply(step, generation, kind, outcome),
            Event::Unanswered {
                step,
                generation,
                kind,
                attempt,
                chance,
            } => self.unanswered(step, generation, kind, attempt, chance),
            Event::Unwritable { step } => self.unwritable(step),
            Event::Due { step } => self.due(step),
            Event::Deadline => self.deadline(),
            Event::Approve { step } => self.approve(step),
            Event::Reject { step } => self.reject(step),
            Event::Operate { seen, action } => self.operate(seen, action),
            Event::TakenOver { away } => self.taken_over(away),
            Event::Restored { life } => self.restored(life),
            Event::Told { step, told } => self.told(step, told),
            Event::Redrive { steps } => self.redrive(steps),
        }
    }

    /// Does what follows from the state by itself, until nothing does.
    fn settle(&mut self) {
        match self.state.phase {
            Phase::Forward => self.go_on(),
            Phase::Compensating => self.unwind(),
            _ => {}
        }
    }

    /// Sends, unless somebody holds the saga still; what is held back goes out on resuming.
    fn send(&mut self, step: usize, kind: Kind, delay: Millis) {
        if self.state.is_held() {
            return;
        }
        let it = &self.state.steps[step];
        self.commands.push(Command::Send {
            step,
            kind,
            generation: it.generation,
            attempt: it.attempt,
            delay,
        });
    }

    /// An operator has to look. What arrives in the meantime still counts.
    fn park(&mut self, step: usize, why: Parked) {
        let it = &mut self.state.steps[step];
        it.parked = Some(why);
        it.due = None;
        self.commands.push(Command::Alarm {
            step: Some(step),
            why,
        });
    }

    fn end(&mut self, phase: Phase) {
        self.state.phase = phase;
        self.state.deadline = None;
        self.commands.push(Command::FreeLocks);
    }
}
