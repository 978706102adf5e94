//! What must never be seen, kept apart from what the saga believes: the participants' ledgers.

use std::collections::{BTreeMap, BTreeSet};

use freehold_saga::{At, Phase, Plan, State, StepKind};

use super::store::Contents;

#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// Net count of each effect.
    net: BTreeMap<(u64, usize), i32>,
    /// The last state that was committed of each saga.
    last: BTreeMap<u64, State>,
    pub(super) acknowledged: BTreeSet<u64>,
    /// Lost with a restore: the business transaction is gone too.
    pub(super) orphaned: BTreeSet<u64>,
    /// Sagas that an operator changed the order of.
    pub(super) skipped: BTreeSet<u64>,
    pub(super) broken: Option<String>,
}

impl Oracle {
    pub(super) fn breaks(&mut self, what: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(what());
        }
    }

    pub(super) fn net(&self, saga: u64, step: usize) -> i32 {
        self.net.get(&(saga, step)).copied().unwrap_or(0)
    }

    /// The business action of a step takes effect.
    pub(super) fn acted(&mut self, plan: &Plan, saga: u64, step: usize, blocked: bool) {
        let net = self.net(saga, step) + 1;
        self.net.insert((saga, step), net);
        if net > 1 {
            self.breaks(|| format!("saga {saga}: the effect of step {step} happened twice"));
        }
        if blocked {
            self.breaks(|| format!("saga {saga}: step {step} acted after an empty undo"));
        }
        if self.skipped.contains(&saga) || self.orphaned.contains(&saga) {
            return;
        }
        let missing = plan.steps[step].after.iter().find(|before| {
            plan.steps[*before].kind != StepKind::Approval && self.net(saga, *before) != 1
        });
        if let Some(before) = missing {
            self.breaks(|| format!("saga {saga}: step {step} acted while {before} had not"));
        }
    }

    /// The business undo of a step takes effect.
    pub(super) fn took_back(&mut self, plan: &Plan, saga: u64, step: usize) {
        let net = self.net(saga, step) - 1;
        self.net.insert((saga, step), net);
        if net < 0 {
            self.breaks(|| format!("saga {saga}: step {step} was undone without having happened"));
        }
        let later = (0..plan.steps.len())
            .find(|it| plan.steps[*it].after.contains(step) && self.net(saga, *it) != 0);
        if let Some(later) = later {
            self.breaks(|| format!("saga {saga}: step {step} was undone before step {later}"));
        }
    }

    /// After each commit.
    pub(super) fn committed(&mut self, store: &Contents, sagas: &[u64], keys: &BTreeMap<u64, u8>) {
        for saga in sagas {
            if let Some(row) = store.rows.get(saga) {
                if row.state.steps.iter().any(|step| step.at == At::Skipped) {
                    self.skipped.insert(*saga);
                }
                self.last.insert(*saga, row.state.clone());
            }
        }
        let mut holders: BTreeMap<u8, u64> = BTreeMap::new();
        for (saga, row) in &store.rows {
            let phase = row.state.phase;
            let Some(key) = keys.get(saga) else {
                continue;
            };
            if phase.is_end() || matches!(phase, Phase::New | Phase::Waiting) {
                continue;
            }
            if let Some(other) = holders.insert(*key, *saga) {
                self.breaks(|| format!("sagas {other} and {saga} hold lock {key} together"));
            }
        }
    }

    /// When everything is quiet.
    pub(super) fn finally(&mut self, plan: &Plan, store: &Contents) {
        for saga in self.acknowledged.clone() {
            if self.orphaned.contains(&saga) {
                continue;
            }
            let Some(state) = self.last.get(&saga).cloned() else {
                self.breaks(|| format!("saga {saga}: an acknowledged start never began"));
                continue;
            };
            if !state.phase.is_end() {
                self.breaks(|| format!("saga {saga} did not end: {state:?}"));
            }
            self.ended_well(plan, saga, &state);
        }
        if let Some((key, saga)) = store.locks.first_key_value() {
            self.breaks(|| format!("lock {key} is still held by saga {saga}"));
        }
    }

    fn ended_well(&mut self, plan: &Plan, saga: u64, state: &State) {
        for (step, it) in state.steps.iter().enumerate() {
            if plan.steps[step].kind == StepKind::Approval {
                continue;
            }
            let net = self.net(saga, step);
            let expected = match (state.phase, it.at) {
                (Phase::Closed, _) => continue,
                (Phase::Completed, At::Done) => 1,
                (Phase::Completed, At::Skipped) | (Phase::Compensated, _) => 0,
                _ => {
                    self.breaks(|| format!("saga {saga} ended {state:?}"));
                    continue;
                }
            };
            if net != expected {
                self.breaks(|| {
                    format!(
                        "saga {saga} ended {:?}, and the effect of step {step} counts {net}",
                        state.phase
                    )
                });
            }
        }
    }
}
