//! What operators ask for. Each action carries the version that they saw.

use crate::definition::StepKind;

use super::{Action, At, Illegal, Parked, Phase, Purpose, Reason, Refusal, Rules, Transition};

fn refused<T>(why: Refusal) -> Result<T, Illegal> {
    Err(Illegal::Refused(why))
}

impl<R: Rules> Transition<'_, R> {
    pub(super) fn operate(&mut self, seen: Option<u64>, action: Action) -> Result<(), Illegal> {
        if self.state.phase.is_end() {
            return refused(Refusal::Ended);
        }
        if action != Action::Cancel && seen != Some(self.state.version) {
            return refused(Refusal::Moved);
        }
        match action {
            Action::Cancel => self.turn_back(Reason::Cancelled),
            Action::Compensate => self.turn_back(Reason::Operator),
            Action::Close => {
                for it in &mut self.state.steps {
                    it.parked = None;
                    it.due = None;
                }
                self.end(Phase::Closed);
                Ok(())
            }
            Action::Pause => {
                self.state.paused = true;
                Ok(())
            }
            Action::Resume => {
                self.state.paused = false;
                self.release();
                Ok(())
            }
            Action::Retry { step } => self.retry(step),
            Action::Skip { step } => self.leave(step, Purpose::Skip),
            Action::Edit { step } => self.leave(step, Purpose::Edit),
        }
    }

    fn release(&mut self) {
        self.state.halted = false;
        self.state.takeovers = 0;
        self.send_outstanding();
    }

    fn retry(&mut self, step: usize) -> Result<(), Illegal> {
        if self.state.halted {
            self.release();
            return Ok(());
        }
        let it = &mut self.state.steps[step];
        if it.parked.is_none() {
            return refused(Refusal::NotHere);
        }
        let generation = it.generation;
        match it.at {
            // The stored refusal would answer the same generation again.
            At::Refused => self.open(step, generation.saturating_add(1)),
            At::Unwritable => self.open(step, generation),
            // Sent again under the key that the participant may have forgotten: only a new
            // generation could be, and the old one is not final.
            At::Open if it.parked == Some(Parked::KeysGone) => return refused(Refusal::NotHere),
            _ => {
                it.parked = None;
                it.due = None;
                it.attempt = 1;
                self.send_asked(step);
            }
        }
        Ok(())
    }

    /// Skips or edits: first what may have run is undone, or the participant makes sure that it
    /// never will.
    fn leave(&mut self, step: usize, purpose: Purpose) -> Result<(), Illegal> {
        let plan = &self.plan.steps[step];
        if self.state.phase != Phase::Forward {
            return refused(Refusal::NotHere);
        }
        if plan.kind == StepKind::Pivot && purpose == Purpose::Skip {
            return refused(Refusal::Pivot);
        }
        let it = &mut self.state.steps[step];
        let generation = it.generation;
        match it.at {
            At::Refused | At::Open if !R::UNDO_BEFORE_SKIP => {}
            At::Refused | At::Open if plan.has_undo => {
                self.undo(step, purpose);
                return Ok(());
            }
            // Final without an undo of its own; and never sent.
            At::Refused | At::Unwritable => {}
            At::Open | At::Asking(Purpose::Know) if plan.has_resolve => {
                self.ask(step, purpose);
                return Ok(());
            }
            At::Open => return refused(Refusal::NoWayBack),
            _ => return refused(Refusal::NotHere),
        }
        if purpose == Purpose::Skip {
            it.at = At::Skipped;
            it.parked = None;
            it.due = None;
        } else {
            self.open(step, generation.saturating_add(1));
        }
        Ok(())
    }
}
