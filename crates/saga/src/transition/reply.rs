//! Replies and their absence.

use crate::definition::{StepKind, Then};

use super::{At, Illegal, Kind, Outcome, Parked, Phase, Purpose, Reason, Rules, Transition};

/// A pause as long as this is kept in the store; shorter ones only in memory.
const KEPT_PAUSE_MS: u64 = 1_000;

impl<R: Rules> Transition<'_, R> {
    pub(super) fn reply(
        &mut self,
        step: usize,
        generation: u32,
        kind: Kind,
        outcome: Outcome,
    ) -> Result<(), Illegal> {
        let it = &self.state.steps[step];
        if R::CHECK_GENERATION && generation != it.generation {
            return Err(Illegal::Stale);
        }
        match self.state.phase {
            Phase::New | Phase::Waiting | Phase::Suspect => return Err(Illegal::Stale),
            // Only the pivot's cancel is asked for then; what else comes is from before.
            Phase::Rebuilding if self.asked(step) != Some(Kind::Cancel) => {
                return Err(Illegal::Stale);
            }
            Phase::Closed => return Err(Illegal::Late),
            _ => {}
        }
        match kind {
            Kind::Action => self.action_replied(step, outcome),
            Kind::Undo => self.undo_replied(step, outcome),
            Kind::Resolve => self.resolved(step, outcome),
            Kind::Cancel => self.cancel_replied(step, outcome),
            Kind::Status => Err(Illegal::Stale),
        }
    }

    fn action_replied(&mut self, step: usize, outcome: Outcome) -> Result<(), Illegal> {
        let it = self.state.steps[step];
        match (outcome, it.at) {
            (Outcome::Done, At::Open | At::Asking(_)) => self.done(step),
            (Outcome::Refused, At::Open | At::Asking(_)) => self.refused(step)?,
            (Outcome::Cancelled, At::Asking(purpose)) if purpose != Purpose::Know => {
                self.never(step, purpose);
            }
            // Somebody undid what this saga has not undone.
            (Outcome::Cancelled, At::Open | At::Asking(_)) => {
                self.park(step, Parked::Contradiction);
            }
            (Outcome::Done, At::Done) if it.redriven => self.state.steps[step].redriven = false,
            (Outcome::Refused | Outcome::Cancelled, At::Done) if it.redriven => {
                self.state.steps[step].redriven = false;
                self.park(step, Parked::Contradiction);
            }
            (Outcome::Done, At::Done) | (Outcome::Refused, At::Refused) => {
                return Err(Illegal::Stale);
            }
            (Outcome::Done | Outcome::Refused | Outcome::Cancelled, _) => {
                return Err(Illegal::Late);
            }
            _ => return Err(Illegal::Stale),
        }
        Ok(())
    }

    fn undo_replied(&mut self, step: usize, outcome: Outcome) -> Result<(), Illegal> {
        let it = &mut self.state.steps[step];
        match (outcome, it.at) {
            (Outcome::Undone, At::Undoing(purpose)) => {
                if it.generation > it.oldest {
                    it.generation -= 1;
                    self.undo(step, purpose);
                    return Ok(());
                }
                self.progress();
                let it = &mut self.state.steps[step];
                it.parked = None;
                it.due = None;
                match purpose {
                    Purpose::Compensate | Purpose::Know => it.at = At::Undone,
                    Purpose::Skip => it.at = At::Skipped,
                    Purpose::Edit => {
                        let generation = it.generation.saturating_add(1);
                        self.open(step, generation);
                    }
                }
                Ok(())
            }
            (Outcome::Undone, At::Undone | At::Skipped) if it.redriven => {
                it.redriven = false;
                Ok(())
            }
            _ => Err(Illegal::Stale),
        }
    }

    fn resolved(&mut self, step: usize, outcome: Outcome) -> Result<(), Illegal> {
        if self.state.steps[step].at != At::Asking(Purpose::Know) {
            return Err(Illegal::Stale);
        }
        match outcome {
            Outcome::Done => self.done(step),
            Outcome::Never => self.refused(step)?,
            Outcome::NotFound if !R::NOT_FOUND_IS_UNKNOWN => self.refused(step)?,
            _ => self.again(step, 0),
        }
        Ok(())
    }

    fn cancel_replied(&mut self, step: usize, outcome: Outcome) -> Result<(), Illegal> {
        let At::Asking(purpose) = self.state.steps[step].at else {
            return Err(Illegal::Stale);
        };
        match outcome {
            _ if purpose == Purpose::Know => return Err(Illegal::Stale),
            // It happened before the cancel came: the saga goes on.
            Outcome::Done => self.done(step),
            Outcome::Never => self.never(step, purpose),
            _ => self.again(step, 0),
        }
        Ok(())
    }

    fn progress(&mut self) {
        self.state.takeovers = 0;
    }

    fn done(&mut self, step: usize) {
        self.progress();
        if self.state.phase == Phase::Rebuilding {
            self.rebuilt_done(step);
            return;
        }
        let it = &mut self.state.steps[step];
        if it.at == At::Asking(Purpose::Compensate) {
            self.state.reason = None;
        }
        it.at = At::Done;
        it.parked = None;
        it.due = None;
    }

    /// The participant has stored that this generation will never happen.
    fn refused(&mut self, step: usize) -> Result<(), Illegal> {
        self.progress();
        let plan = &self.plan.steps[step];
        let it = &mut self.state.steps[step];
        if let At::Asking(purpose @ (Purpose::Compensate | Purpose::Skip | Purpose::Edit)) = it.at {
            self.never(step, purpose);
            return Ok(());
        }
        it.at = At::Refused;
        it.parked = None;
        it.due = None;
        if let Some(park) = plan.on_refused.park_ms {
            let due = self.now.saturating_add(park);
            self.park(step, Parked::Refused);
            if plan.on_refused.then != Then::Wait {
                self.state.steps[step].due = Some(due);
            }
            return Ok(());
        }
        match plan.on_refused.then {
            Then::Compensate if plan.kind != StepKind::Retriable => {
                self.turn_back(Reason::Refused { step })
            }
            _ => {
                self.park(step, Parked::Refused);
                Ok(())
            }
        }
    }

    /// The participant has cancelled the action, or had refused it.
    fn never(&mut self, step: usize, purpose: Purpose) {
        self.progress();
        if self.state.phase == Phase::Rebuilding {
            self.rebuilt_never(step);
            return;
        }
        let reason = self.state.reason.unwrap_or(Reason::Operator);
        let it = &mut self.state.steps[step];
        it.parked = None;
        it.due = None;
        match purpose {
            Purpose::Compensate | Purpose::Know => {
                it.at = At::Undone;
                self.compensate(reason);
            }
            Purpose::Skip => it.at = At::Skipped,
            Purpose::Edit => {
                let generation = it.generation.saturating_add(1);
                self.open(step, generation);
            }
        }
    }

    pub(super) fn unanswered(
        &mut self,
        step: usize,
        generation: u32,
        kind: Kind,
        attempt: u32,
        chance: u16,
    ) -> Result<(), Illegal> {
        let it = &self.state.steps[step];
        let current = it.generation == generation && it.attempt == attempt;
        let idle = it.due.is_some() || it.parked.is_some() || self.state.phase == Phase::Suspect;
        if !current || idle || self.asked(step) != Some(kind) {
            return Err(Illegal::Stale);
        }
        let open = kind == Kind::Action && it.at == At::Open;
        if open && self.plan.steps[step].kind == StepKind::Pivot {
            if !R::TIMEOUT_IS_UNKNOWN {
                return self.refused(step);
            }
            self.ask(step, Purpose::Know);
            return Ok(());
        }
        if open && self.is_last(step) {
            return self.exhausted(step);
        }
        self.again(step, chance);
        Ok(())
    }

    fn is_last(&self, step: usize) -> bool {
        self.state.steps[step].attempt >= self.plan.steps[step].retry.attempts
    }

    fn exhausted(&mut self, step: usize) -> Result<(), Illegal> {
        if self.plan.steps[step].kind == StepKind::Compensatable {
            self.turn_back(Reason::Exhausted { step })
        } else {
            self.park(step, Parked::Exhausted);
            Ok(())
        }
    }

    /// Asks once more after a pause; a pivot that nobody knows of is sent again with its key.
    fn again(&mut self, step: usize, chance: u16) {
        let Some(kind) = self.asked(step) else {
            return;
        };
        // After a restore there is nobody else to ask, however long it takes.
        let for_ever = kind == Kind::Status || self.state.steps[step].redriven;
        let it = &mut self.state.steps[step];
        if it.at == At::Asking(Purpose::Know) {
            it.at = At::Open;
        }
        if self.is_last(step) && !for_ever {
            self.park(step, Parked::Exhausted);
            return;
        }
        let it = &mut self.state.steps[step];
        let pause = self.plan.steps[step].pause(it.attempt, chance);
        it.attempt = it.attempt.saturating_add(1);
        if pause >= KEPT_PAUSE_MS {
            it.due = Some(self.now.saturating_add(pause));
        } else if it.at == At::Open && kind != Kind::Status {
            self.resend(step, pause);
        } else {
            self.send(step, kind, pause);
        }
    }
}
