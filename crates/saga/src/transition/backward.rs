//! Backward: deciding to turn, and undoing in reverse order.

use crate::definition::StepKind;

use super::{At, Illegal, Kind, Phase, Purpose, Reason, Refusal, Rules, Transition};

/// Where the pivot stands, which decides whether turning back is possible.
enum Pivot {
    /// It did not happen and cannot any more, or there is none.
    Before,
    /// Nobody knows.
    InFlight(usize),
    After,
}

impl<R: Rules> Transition<'_, R> {
    fn pivot(&self) -> Pivot {
        let Some(pivot) = self.plan.pivot() else {
            return Pivot::Before;
        };
        match self.state.steps[pivot].at {
            At::Done => Pivot::After,
            At::Open | At::Asking(_) => Pivot::InFlight(pivot),
            _ => Pivot::Before,
        }
    }

    /// Turns back if it can: before the pivot at once, while it is in flight once the participant
    /// has said that it will never happen, after it never.
    pub(super) fn turn_back(&mut self, reason: Reason) -> Result<(), Illegal> {
        match self.state.phase {
            Phase::New | Phase::Waiting if self.state.doubted.is_some() => {
                return Err(Illegal::Early);
            }
            Phase::New | Phase::Waiting => {
                self.state.reason = Some(reason);
                self.end(Phase::Compensated);
                return Ok(());
            }
            Phase::Compensating => return Ok(()),
            Phase::Suspect | Phase::Rebuilding => return Err(Illegal::Early),
            Phase::Forward => {}
            _ => return Err(Illegal::Refused(Refusal::Ended)),
        }
        match self.pivot() {
            Pivot::After => Err(Illegal::Refused(Refusal::PivotPassed)),
            Pivot::Before => {
                self.compensate(reason);
                Ok(())
            }
            Pivot::InFlight(pivot) => {
                self.state.reason = Some(reason);
                self.state.deadline = None;
                self.ask(pivot, Purpose::Compensate);
                Ok(())
            }
        }
    }

    /// Asks what became of a step's action; unless only to know, so that it never happens.
    pub(super) fn ask(&mut self, step: usize, purpose: Purpose) {
        let it = &mut self.state.steps[step];
        it.at = At::Asking(purpose);
        it.due = None;
        if purpose == Purpose::Know {
            self.send(step, Kind::Resolve, 0);
            return;
        }
        it.attempt = 1;
        it.parked = None;
        self.send(step, Kind::Cancel, 0);
    }

    pub(super) fn compensate(&mut self, reason: Reason) {
        self.state.phase = Phase::Compensating;
        self.state.reason = Some(reason);
        self.state.deadline = None;
        for step in 0..self.state.steps.len() {
            let approval = self.plan.steps[step].kind == StepKind::Approval;
            let it = &mut self.state.steps[step];
            it.due = None;
            let was_parked = it.parked.take().is_some();
            match it.at {
                At::Awaiting | At::Done if approval => it.at = At::Undone,
                At::Unwritable => it.at = At::Idle,
                At::Undoing(_) => {
                    it.at = At::Undoing(Purpose::Compensate);
                    if was_parked {
                        it.attempt = 1;
                        self.send(step, Kind::Undo, 0);
                    }
                }
                _ => {}
            }
        }
    }

    /// Begins every undo whose turn it is, and ends when nothing is left.
    pub(super) fn unwind(&mut self) {
        if self.state.is_held() {
            return;
        }
        for step in 0..self.state.steps.len() {
            let it = &self.state.steps[step];
            let may_have_run = match it.at {
                At::Done => true,
                At::Open | At::Refused => R::UNDO_ENABLED,
                _ => false,
            };
            // A pivot is here only when it was refused, which is final.
            let pivot = self.plan.steps[step].kind == StepKind::Pivot;
            if may_have_run && !pivot && self.has_turn(step) {
                self.undo(step, Purpose::Compensate);
            }
        }
        let left = (0..self.state.steps.len()).any(|step| !self.is_undone(step));
        if !left {
            self.end(Phase::Compensated);
        }
    }

    fn has_turn(&self, step: usize) -> bool {
        if R::REVERSE_ORDER {
            let mut dependents = self.plan.dependents(step);
            dependents.all(|it| self.is_undone(it))
        } else {
            let mut before = self.plan.steps[step].after.iter();
            before.all(|it| self.is_undone(it))
        }
    }

    fn is_undone(&self, step: usize) -> bool {
        let it = &self.state.steps[step];
        let unsent = !R::UNDO_ENABLED && matches!(it.at, At::Open | At::Refused);
        // A refused pivot is final; it has no undo.
        let pivot = self.plan.steps[step].kind == StepKind::Pivot && it.at == At::Refused;
        it.is_gone() || pivot || unsent
    }

    pub(super) fn undo(&mut self, step: usize, purpose: Purpose) {
        let it = &mut self.state.steps[step];
        it.at = At::Undoing(purpose);
        it.attempt = 1;
        it.due = None;
        it.parked = None;
        self.send(step, Kind::Undo, 0);
    }
}
