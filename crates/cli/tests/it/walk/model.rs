//! What the store has to be after each operation. Pure.
//!
//! An operation that was killed took effect, or not, or halfway: from then on each thing that it
//! touches may be either, until an `apply` or `destroy` that ended brings certainty back.

use std::collections::BTreeSet;

/// Migrations of the small system with the witnesses.
pub(crate) const MIGRATIONS: usize = 5;
/// The description declares a table of the second one append-only, so that one is always there.
const FEWEST: usize = 2;
/// The migration that makes the table of the seeds.
const SEEDED_IN: usize = 3;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    Apply,
    /// Two at the same time.
    Applies,
    Plan,
    Seed,
    Unseed,
    Rollback(usize),
    Destroy,
    /// The folder gets its next migration.
    Deploy,
    /// An outsider changes rights.
    Edit,
    /// The program adds an order.
    Write,
    /// Another store, made by hand, is taken over.
    Adopt,
}

/// What is certain, and what it may be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// `None`: a killed run left it somewhere in between.
    pub(crate) applied: Option<usize>,
    pub(crate) exists: Option<bool>,
    pub(crate) edited: Option<bool>,
    pub(crate) described: usize,
    /// No killed run can have left its migrator.
    pub(crate) tidy: bool,
    pub(crate) seeded: BTreeSet<bool>,
    pub(crate) orders: BTreeSet<i64>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            applied: Some(0),
            exists: Some(false),
            edited: Some(false),
            described: FEWEST,
            tidy: true,
            seeded: [false].into(),
            orders: [0].into(),
        }
    }

    /// Is the outcome of this known beforehand?
    pub(crate) fn allows(&self, op: Op) -> bool {
        let applied = self.applied.unwrap_or_default();
        let there = self.exists == Some(true) && self.applied.is_some();
        match op {
            Op::Apply | Op::Applies | Op::Plan | Op::Destroy | Op::Adopt => true,
            Op::Seed | Op::Unseed => there && applied == self.described && applied >= SEEDED_IN,
            Op::Rollback(to) => there && to < applied,
            Op::Deploy => self.described < MIGRATIONS,
            Op::Edit => there && self.edited == Some(false),
            Op::Write => there && applied > 0,
        }
    }

    /// It ended well.
    pub(crate) fn after(&self, op: Op) -> Self {
        let mut after = self.clone();
        match op {
            Op::Apply | Op::Applies => {
                after.applied = Some(self.described);
                after.exists = Some(true);
                after.edited = Some(false);
                after.tidy = true;
            }
            Op::Seed => after.seeded = [true].into(),
            Op::Unseed => after.seeded = [false].into(),
            Op::Rollback(to) => {
                after.applied = Some(to);
                after.edited = Some(false);
                if to < SEEDED_IN {
                    after.seeded = [false].into();
                }
                if to == 0 {
                    after.orders = [0].into();
                }
            }
            Op::Destroy => {
                after = Self {
                    described: self.described,
                    ..Self::new()
                }
            }
            Op::Deploy => after.described += 1,
            Op::Edit => after.edited = Some(true),
            Op::Write => after.orders = self.orders.iter().map(|orders| orders + 1).collect(),
            Op::Plan | Op::Adopt => {}
        }
        after
    }

    /// It was killed, or the server was.
    pub(crate) fn during(&self, op: Op) -> Self {
        if matches!(op, Op::Plan | Op::Adopt | Op::Deploy) {
            return self.after(op);
        }
        let after = self.after(op);
        let either = |before: Option<bool>, after: Option<bool>| {
            if before == after { before } else { None }
        };
        Self {
            applied: self.applied.filter(|_| self.applied == after.applied),
            exists: either(self.exists, after.exists),
            edited: either(self.edited, after.edited),
            described: after.described,
            tidy: false,
            seeded: self.seeded.union(&after.seeded).copied().collect(),
            orders: self.orders.union(&after.orders).copied().collect(),
        }
    }

    /// Has a plan something to show? `None`: either may be.
    pub(crate) fn has_work(&self) -> Option<bool> {
        let (exists, applied, edited) = (self.exists?, self.applied?, self.edited?);
        if !self.tidy {
            return None;
        }
        Some(!exists || applied != self.described || edited)
    }

    /// Are there seeds, where their table is?
    pub(crate) fn has_seed_table(&self) -> bool {
        self.applied.is_some_and(|applied| applied >= SEEDED_IN)
    }

    /// Rows of the witness table after that many migrations.
    pub(crate) fn witnesses(&self) -> Option<&'static [i64]> {
        match self.applied? {
            0..=3 => None,
            4 => Some(&[1, 2]),
            _ => Some(&[1, 2, 3, 4]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_killed_is_uncertain_until_an_apply() {
        let mut model = Model::new().after(Op::Apply).after(Op::Write);
        model.described = MIGRATIONS;
        model = model.after(Op::Apply).after(Op::Seed);
        let killed = model.during(Op::Rollback(0));
        assert_eq!((killed.applied, killed.exists), (None, Some(true)));
        assert_eq!(killed.orders, [0, 1].into());
        assert!(!killed.allows(Op::Seed) && killed.has_work().is_none());
        let healed = killed.after(Op::Apply);
        assert_eq!(healed.applied, Some(MIGRATIONS));
        assert_eq!(healed.has_work(), Some(false));
        assert_eq!(healed.seeded, [false, true].into());
        assert_eq!(killed.after(Op::Destroy).orders, [0].into());
    }
}
