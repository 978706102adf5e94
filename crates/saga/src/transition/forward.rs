//! Forward: starting, enabling, the end; time.

use crate::definition::{StepKind, Then};

use super::{
    At, Command, Illegal, Kind, Parked, Phase, Purpose, Reason, Refusal, Rules, Transition,
};

impl<R: Rules> Transition<'_, R> {
    pub(super) fn begin(&mut self) -> Result<(), Illegal> {
        if !matches!(self.state.phase, Phase::New | Phase::Waiting) {
            return Err(Illegal::Stale);
        }
        self.start_clock();
        self.state.phase = Phase::Forward;
        if let Some(until) = self.state.doubted.take() {
            self.state.phase = Phase::Suspect;
            self.state.deadline = Some(until);
        }
        Ok(())
    }

    pub(super) fn wait(&mut self) -> Result<(), Illegal> {
        if self.state.phase != Phase::New {
            return Err(Illegal::Stale);
        }
        self.start_clock();
        self.state.phase = Phase::Waiting;
        Ok(())
    }

    fn start_clock(&mut self) {
        if self.state.phase == Phase::New && self.state.doubted.is_none() {
            self.state.deadline = self
                .plan
                .timeout
                .map(|timeout| self.now.saturating_add(timeout));
        }
    }

    /// Enables what can be, and ends when everything is done.
    pub(super) fn go_on(&mut self) {
        if self.state.is_held() {
            return;
        }
        let passed = |at: At| matches!(at, At::Done | At::Skipped);
        for step in 0..self.state.steps.len() {
            let after = self.plan.steps[step].after;
            let ready = after.iter().all(|it| passed(self.state.steps[it].at));
            if self.state.steps[step].at == At::Idle && ready {
                self.enable(step);
            }
        }
        if self.state.steps.iter().all(|step| passed(step.at)) {
            self.end(Phase::Completed);
        }
    }

    fn enable(&mut self, step: usize) {
        let plan = &self.plan.steps[step];
        if plan.kind == StepKind::Approval {
            let it = &mut self.state.steps[step];
            it.at = At::Awaiting;
            it.due = plan
                .approval_timeout
                .map(|timeout| self.now.saturating_add(timeout));
            return;
        }
        let generation = self.state.steps[step].generation.max(1);
        self.open(step, generation);
    }

    /// Opens a generation. The one before it is final.
    pub(super) fn open(&mut self, step: usize, generation: u32) {
        let it = &mut self.state.steps[step];
        it.at = At::Open;
        it.generation = generation;
        it.oldest = generation;
        it.attempt = 1;
        it.due = None;
        it.since = self.now;
        it.parked = None;
        self.send(step, Kind::Action, 0);
    }

    /// Sends an open action again, unless the participant may have forgotten that it was sent.
    pub(super) fn resend(&mut self, step: usize, delay: u64) {
        let since = self.state.steps[step].since;
        let gone = self.plan.steps[step]
            .keys_kept
            .is_some_and(|kept| self.now.saturating_add(delay) >= since.saturating_add(kept));
        if gone {
            self.park(step, Parked::KeysGone);
        } else {
            self.send(step, Kind::Action, delay);
        }
    }

    pub(super) fn unwritable(&mut self, step: usize) -> Result<(), Illegal> {
        let it = &mut self.state.steps[step];
        match it.at {
            // Evaluated in the transition that enables it, so nothing was sent.
            At::Open if it.attempt == 1 => it.at = At::Unwritable,
            At::Undoing(_) | At::Asking(_) => {}
            _ => return Err(Illegal::Stale),
        }
        self.commands
            .retain(|command| !matches!(command, Command::Send { step: it, .. } if *it == step));
        self.park(step, Parked::Unwritable);
        Ok(())
    }

    pub(super) fn due(&mut self, step: usize) -> Result<(), Illegal> {
        let it = &mut self.state.steps[step];
        if self.state.paused || self.state.halted || it.due.is_none_or(|due| due > self.now) {
            return Err(Illegal::Stale);
        }
        it.due = None;
        let generation = it.generation;
        match it.at {
            _ if self.state.phase == Phase::Rebuilding => {
                self.send_asked(step);
                Ok(())
            }
            At::Refused => match self.plan.steps[step].on_refused.then {
                Then::Compensate => self.turn_back(Reason::Refused { step }),
                Then::Retry => {
                    self.open(step, generation.saturating_add(1));
                    Ok(())
                }
                Then::Wait => Ok(()),
            },
            At::Awaiting => self.turn_back(Reason::Rejected { step }),
            At::Open => {
                self.resend(step, 0);
                Ok(())
            }
            _ => {
                self.send_asked(step);
                Ok(())
            }
        }
    }

    pub(super) fn send_asked(&mut self, step: usize) {
        if let Some(kind) = self.asked(step) {
            self.send(step, kind, 0);
        }
    }

    /// What is being asked of a step's participant now.
    pub(super) fn asked(&self, step: usize) -> Option<Kind> {
        let it = &self.state.steps[step];
        match self.state.phase {
            Phase::New | Phase::Waiting | Phase::Suspect | Phase::Closed => return None,
            Phase::Rebuilding => return self.asked_in_rebuilding(step),
            _ => {}
        }
        match it.at {
            // When it turned back while held still, the undo comes instead.
            At::Open => (self.state.phase == Phase::Forward).then_some(Kind::Action),
            At::Asking(Purpose::Know) => Some(Kind::Resolve),
            At::Asking(_) => Some(Kind::Cancel),
            At::Undoing(_) => Some(Kind::Undo),
            At::Done if it.redriven => Some(Kind::Action),
            At::Undone | At::Skipped if it.redriven => Some(Kind::Undo),
            _ => None,
        }
    }

    fn asked_in_rebuilding(&self, step: usize) -> Option<Kind> {
        let it = &self.state.steps[step];
        if it.told.is_none() {
            return Some(Kind::Status);
        }
        let decided = self.state.steps.iter().all(|it| it.told.is_some());
        (decided && it.at == At::Asking(Purpose::Compensate)).then_some(Kind::Cancel)
    }

    pub(super) fn deadline(&mut self) -> Result<(), Illegal> {
        let due = self.state.deadline.is_some_and(|due| due <= self.now);
        if !due || self.state.is_held() {
            return Err(Illegal::Stale);
        }
        match self.state.phase {
            Phase::Suspect => {
                self.state.deadline = None;
                self.ask_everybody();
                Ok(())
            }
            Phase::Forward | Phase::Waiting => match self.turn_back(Reason::TimedOut) {
                Err(Illegal::Refused(Refusal::PivotPassed)) => {
                    self.state.deadline = None;
                    self.state.overdue = true;
                    self.commands.push(Command::Alarm {
                        step: None,
                        why: Parked::Overdue,
                    });
                    Ok(())
                }
                other => other,
            },
            _ => Err(Illegal::Stale),
        }
    }

    pub(super) fn approve(&mut self, step: usize) -> Result<(), Illegal> {
        self.may_decide(step)?;
        let it = &mut self.state.steps[step];
        it.at = At::Done;
        it.due = None;
        Ok(())
    }

    pub(super) fn reject(&mut self, step: usize) -> Result<(), Illegal> {
        self.may_decide(step)?;
        self.turn_back(Reason::Rejected { step })
    }

    fn may_decide(&self, step: usize) -> Result<(), Illegal> {
        if self.plan.steps[step].kind != StepKind::Approval {
            return Err(Illegal::Refused(Refusal::NotHere));
        }
        match (self.state.phase, self.state.steps[step].at) {
            (phase, _) if phase.is_end() => Err(Illegal::Refused(Refusal::Ended)),
            (Phase::Forward, At::Awaiting) => Ok(()),
            (Phase::New | Phase::Waiting | Phase::Forward, At::Idle)
            | (Phase::Suspect | Phase::Rebuilding, _) => Err(Illegal::Early),
            _ => Err(Illegal::Refused(Refusal::NotHere)),
        }
    }
}
