//! The initiator's store: transactions, the leadership row, starts, signals, locks; and what a
//! restore takes back.

use std::collections::{BTreeMap, BTreeSet};

use freehold_saga::{Action, State};

use super::keeps::{Fence, Keeps};

/// What people and programs insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Approve(usize),
    Reject(usize),
    Operate(Option<u64>, Action),
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) state: State,
    /// When it ended.
    pub(super) ended: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Leadership {
    pub(super) epoch: u64,
    pub(super) until: u64,
    /// The incarnation of the store whose instances were made suspect last.
    pub(super) rebuilt: u32,
}

/// What a backup holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) leadership: Leadership,
    /// With the lock key that each asks for.
    pub(super) starts: BTreeMap<u64, Option<u8>>,
    pub(super) rows: BTreeMap<u64, Row>,
    pub(super) signals: BTreeMap<u64, (u64, Asked)>,
    pub(super) locks: BTreeMap<u8, u64>,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) now: Contents,
    pub(super) backup: Contents,
    /// Its fingerprint: another one after each restore.
    pub(super) incarnation: u32,
    /// Transactions under way that hold the leadership row.
    pub(super) sharing: BTreeSet<u64>,
    next_signal: u64,
    next_transaction: u64,
}

/// What an executor commits together.
#[derive(Debug, Clone, Default)]
pub(super) struct Transaction {
    pub(super) id: u64,
    pub(super) epoch: u64,
    pub(super) incarnation: u32,
    pub(super) inserts: Vec<(u64, State)>,
    /// With the version that the executor had read.
    pub(super) updates: Vec<(u64, u64, State)>,
    pub(super) consumed: Vec<u64>,
    pub(super) pruned: Vec<u64>,
    pub(super) locks: Vec<(u8, u64)>,
    /// Sagas that end and let go of theirs.
    pub(super) freed: Vec<u64>,
    pub(super) rebuilt: bool,
}

impl Transaction {
    pub(super) fn is_empty(&self) -> bool {
        self.inserts.is_empty()
            && self.updates.is_empty()
            && self.consumed.is_empty()
            && self.pruned.is_empty()
            && !self.rebuilt
    }

    pub(super) fn sagas(&self) -> Vec<u64> {
        let inserted = self.inserts.iter().map(|(saga, _)| *saga);
        let updated = self.updates.iter().map(|(saga, _, _)| *saga);
        inserted.chain(updated).collect()
    }
}

impl Store {
    pub(super) fn signal(&mut self, saga: u64, asked: Asked) -> u64 {
        self.next_signal += 1;
        self.now.signals.insert(self.next_signal, (saga, asked));
        self.next_signal
    }

    /// The first statement. False: another one leads.
    pub(super) fn begin<M: Keeps>(&mut self, transaction: &mut Transaction) -> bool {
        self.next_transaction += 1;
        transaction.id = self.next_transaction;
        if M::FENCE != Fence::Off && !self.leads(transaction) {
            return false;
        }
        if M::FENCE == Fence::Locked {
            self.sharing.insert(transaction.id);
        }
        true
    }

    pub(super) fn leads(&self, transaction: &Transaction) -> bool {
        transaction.incarnation == self.incarnation
            && transaction.epoch == self.now.leadership.epoch
    }

    /// The sagas whose rows were not as the executor thought; or the connection was gone.
    pub(super) fn commit<M: Keeps>(
        &mut self,
        transaction: &Transaction,
        time: u64,
    ) -> Option<Vec<u64>> {
        self.sharing.remove(&transaction.id);
        if transaction.incarnation != self.incarnation {
            return None;
        }
        let now = &mut self.now;
        let mut unmatched = Vec::new();
        let ended = |state: &State| state.phase.is_end().then_some(time);
        let mut taken = now.locks.clone();
        let mut free = |saga: &u64| {
            let wanted = transaction.locks.iter().find(|(_, by)| by == saga);
            match wanted {
                Some((key, _)) if taken.contains_key(key) => None,
                Some((key, by)) => {
                    taken.insert(*key, *by);
                    Some(wanted)
                }
                None => Some(None),
            }
        };
        for (saga, state) in &transaction.inserts {
            let Some(wanted) = free(saga).filter(|_| !now.rows.contains_key(saga)) else {
                unmatched.push(*saga);
                continue;
            };
            let row = Row {
                state: state.clone(),
                ended: ended(state),
            };
            now.rows.insert(*saga, row);
            now.locks.extend(wanted.copied());
        }
        for (saga, previous, state) in &transaction.updates {
            let matching = now.rows.get_mut(saga).filter(|row| {
                if M::EXACT_VERSION {
                    row.state.version == *previous
                } else {
                    row.state.version < state.version
                }
            });
            match matching.zip(free(saga)) {
                Some((row, wanted)) => {
                    row.ended = row.ended.or(ended(state));
                    row.state = state.clone();
                    now.locks.extend(wanted.copied());
                }
                None => unmatched.push(*saga),
            }
        }
        let ends = |by: &u64| transaction.freed.contains(by) && !unmatched.contains(by);
        now.locks.retain(|_, by| !ends(by));
        for signal in &transaction.consumed {
            let of = now.signals.get(signal).map(|(saga, _)| *saga);
            if of.is_none_or(|saga| !unmatched.contains(&saga)) {
                now.signals.remove(signal);
            }
        }
        for saga in &transaction.pruned {
            now.rows.remove(saga);
            now.starts.remove(saga);
        }
        if transaction.rebuilt {
            now.leadership.rebuilt = transaction.incarnation;
        }
        Some(unmatched)
    }

    pub(super) fn take_backup(&mut self) {
        self.backup = self.now.clone();
    }

    /// Back to the backup: every connection breaks.
    pub(super) fn restore(&mut self) {
        self.now = self.backup.clone();
        self.incarnation += 1;
        self.sharing.clear();
    }
}
