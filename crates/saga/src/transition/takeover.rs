//! A new leader: nothing of what the old one had in memory is known.

use crate::graph::Steps;

use super::{At, Command, Illegal, Millis, Parked, Phase, Rules, Transition};

/// A saga that takes its executor down with it must not do so for ever.
const TAKEOVER_LIMIT: u8 = 5;

impl<R: Rules> Transition<'_, R> {
    /// Everything outstanding gets a fresh attempt; clocks that ran while nobody led are put back
    /// by that time, since otherwise two hours down would mean mass compensation.
    pub(super) fn taken_over(&mut self, away: Millis) -> Result<(), Illegal> {
        // What is parked waits for an operator, not for a leader.
        let asks =
            |step: usize| self.state.steps[step].parked.is_none() && self.asked(step).is_some();
        let outstanding = (0..self.state.steps.len()).any(asks);
        if self.state.phase == Phase::New || self.state.phase.is_end() && !outstanding {
            return Err(Illegal::Stale);
        }
        // The wait after a restore is for requests, which do not live longer for it.
        if self.state.phase != Phase::Suspect {
            self.state.deadline = self.state.deadline.map(|due| due.saturating_add(away));
        }
        for it in &mut self.state.steps {
            match it.at {
                At::Awaiting | At::Refused => it.due = it.due.map(|due| due.saturating_add(away)),
                _ => it.due = None,
            }
        }
        if outstanding && !self.state.halted {
            self.state.takeovers += 1;
            if self.state.takeovers >= TAKEOVER_LIMIT {
                self.state.halted = true;
                self.commands.push(Command::Alarm {
                    step: None,
                    why: Parked::NoProgress,
                });
            }
        }
        self.send_outstanding();
        Ok(())
    }

    pub(super) fn send_outstanding(&mut self) {
        for step in 0..self.state.steps.len() {
            let it = &self.state.steps[step];
            if it.parked.is_some() || it.due.is_some() {
                continue;
            }
            match self.asked(step) {
                Some(super::Kind::Action) if it.at == At::Open => self.resend(step, 0),
                Some(kind) => self.send(step, kind, 0),
                None => {}
            }
        }
    }

    /// A participant was restored and may have lost what it answered for.
    pub(super) fn redrive(&mut self, steps: Steps) -> Result<(), Illegal> {
        if matches!(
            self.state.phase,
            Phase::New | Phase::Waiting | Phase::Suspect | Phase::Rebuilding | Phase::Closed
        ) {
            return Err(Illegal::Stale);
        }
        let mut any = false;
        let count = self.state.steps.len();
        for step in steps.iter().filter(|step| *step < count) {
            let it = &mut self.state.steps[step];
            let answered = matches!(it.at, At::Done | At::Undone | At::Skipped);
            if !answered || it.generation == 0 || !self.plan.steps[step].calls() {
                continue;
            }
            any = true;
            it.redriven = true;
            it.attempt = 1;
            it.due = None;
            self.send_asked(step);
        }
        if any { Ok(()) } else { Err(Illegal::Stale) }
    }
}
