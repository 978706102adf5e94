//! After a restore of this store: it may have forgotten steps, generations, even the pivot.
//!
//! Wait until every old request has expired, ask every participant, and take their word: the
//! pivot done anywhere means forward; otherwise it is cancelled and everything is undone, in every
//! generation. Where nobody has anything it never began, and begins.
//!
//! Starts that stand unclaimed in the restored store, and instances that wait for locks, are
//! doubted in the same way: they may have run after the backup.

use crate::definition::StepKind;

use super::{At, Illegal, Kind, Millis, Parked, Phase, Purpose, Reason, Rules, Told, Transition};

/// Every generation is undone by a request of its own, so a participant that names a number from
/// nowhere must not keep a saga busy for ever. Operators do not come near it.
const GENERATION_LIMIT: u32 = 10_000;

impl<R: Rules> Transition<'_, R> {
    pub(super) fn restored(&mut self, life: Millis) -> Result<(), Illegal> {
        if self.state.phase.is_end() {
            return Err(Illegal::Stale);
        }
        if !R::REBUILD {
            self.send_outstanding();
            return Ok(());
        }
        self.state.takeovers = 0;
        let until = self.now.saturating_add(life);
        if matches!(self.state.phase, Phase::New | Phase::Waiting) {
            // It may have been claimed, or let in, after the backup.
            self.state.doubted = Some(until);
            self.state.deadline = None;
            return Ok(());
        }
        self.state.phase = Phase::Suspect;
        self.state.deadline = Some(until);
        for it in &mut self.state.steps {
            it.told = None;
            it.due = None;
            it.parked = None;
        }
        Ok(())
    }

    pub(super) fn ask_everybody(&mut self) {
        self.state.phase = Phase::Rebuilding;
        for step in 0..self.state.steps.len() {
            self.state.steps[step].attempt = 1;
            if self.plan.steps[step].calls() {
                self.send(step, Kind::Status, 0);
            } else {
                self.state.steps[step].told = Some(Told::default());
            }
        }
    }

    pub(super) fn told(&mut self, step: usize, told: Told) -> Result<(), Illegal> {
        let it = &mut self.state.steps[step];
        if self.state.phase != Phase::Rebuilding || it.told.is_some() {
            return Err(Illegal::Stale);
        }
        it.told = Some(Told {
            highest: told.highest.min(GENERATION_LIMIT),
            done: told.done.filter(|done| *done <= GENERATION_LIMIT),
        });
        it.due = None;
        self.state.takeovers = 0;
        if self.state.steps.iter().all(|it| it.told.is_some()) {
            self.decide();
        }
        Ok(())
    }

    /// Everybody has answered.
    fn decide(&mut self) {
        let done = |step: usize| {
            let told = self.state.steps[step].told.unwrap_or_default();
            told.done.is_some() || !self.plan.steps[step].calls()
        };
        let forward = match self.plan.pivot() {
            Some(pivot) => done(pivot),
            None => (0..self.state.steps.len()).all(done),
        };
        let told = |it: &super::StepState| it.told.unwrap_or_default();
        if self.state.steps.iter().all(|it| told(it).highest == 0) {
            self.begin_anew();
            return;
        }
        match self.plan.pivot() {
            _ if forward => self.rebuild_forward(),
            None => self.rebuild_backward(),
            Some(pivot) => {
                let it = &mut self.state.steps[pivot];
                let highest = it.told.unwrap_or_default().highest;
                it.generation = it.generation.max(highest).max(1);
                it.oldest = 1;
                self.ask(pivot, Purpose::Compensate);
            }
        }
    }

    /// Nobody has anything, and nothing is on its way any more: it never began.
    fn begin_anew(&mut self) {
        self.state.phase = Phase::Forward;
        self.state.reason = None;
        self.state.deadline = self
            .plan
            .timeout
            .map(|timeout| self.now.saturating_add(timeout));
        for it in &mut self.state.steps {
            *it = super::StepState::new();
        }
    }

    /// The pivot was cancelled in one generation; the older ones are next.
    pub(super) fn rebuilt_never(&mut self, pivot: usize) {
        let it = &mut self.state.steps[pivot];
        if it.generation > it.oldest {
            it.generation -= 1;
            self.ask(pivot, Purpose::Compensate);
            return;
        }
        it.at = At::Undone;
        self.rebuild_backward();
    }

    /// It was done after all.
    pub(super) fn rebuilt_done(&mut self, pivot: usize) {
        let it = &mut self.state.steps[pivot];
        let generation = it.generation;
        let told = it.told.get_or_insert_default();
        told.done = Some(generation);
        self.rebuild_forward();
    }

    fn rebuild_backward(&mut self) {
        let pivot = self.plan.pivot();
        for step in 0..self.state.steps.len() {
            let plan = &self.plan.steps[step];
            let it = &mut self.state.steps[step];
            let told = it.told.take().unwrap_or_default();
            if Some(step) == pivot {
                continue;
            }
            it.parked = None;
            match plan.kind {
                // Everything, known or not: an undo of nothing is harmless and stays in force.
                StepKind::Compensatable => {
                    it.at = At::Done;
                    it.generation = it.generation.max(told.highest).max(1);
                    it.oldest = 1;
                }
                StepKind::Approval => it.at = At::Undone,
                StepKind::Retriable | StepKind::Pivot => it.at = At::Idle,
            }
        }
        self.compensate(Reason::Restored);
    }

    fn rebuild_forward(&mut self) {
        self.state.phase = Phase::Forward;
        self.state.reason = None;
        self.state.deadline = None;
        for step in 0..self.state.steps.len() {
            let kind = self.plan.steps[step].kind;
            let it = &mut self.state.steps[step];
            let told = it.told.take().unwrap_or_default();
            it.parked = None;
            it.due = None;
            it.generation = told.done.unwrap_or(told.highest);
            it.oldest = it.generation;
            it.at = match (told.done, kind) {
                (Some(_), _) | (None, StepKind::Approval) => At::Done,
                // The pivot was enabled, so whoever is missing before it was skipped.
                (None, StepKind::Compensatable | StepKind::Pivot) => At::Skipped,
                (None, StepKind::Retriable) if told.highest == 0 => At::Idle,
                // Refused or undone: an operator had decided, or was about to.
                (None, StepKind::Retriable) => At::Refused,
            };
            if it.at == At::Refused {
                self.park(step, Parked::Lost);
            }
        }
    }
}
