//! What of the sagas is in memory: instances that have something under way or soon due, and the
//! times of all. The rest is read when something happens to it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::encoding;
use crate::error::{Error, Result};
use crate::saga_id::SagaId;
use crate::store::Row;
use crate::transition::Millis;

use super::{Alarm, Executor, Held, Pending, What};

/// What is due within this stays in memory: pauses as short are not in the store.
const SOON_MS: Millis = 2_000;

impl Executor {
    /// Times that have come.
    pub(super) fn ring(&mut self) {
        let now = self.clock.now();
        while let Some((due, saga)) = self.timers.first().copied() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            if let Some(held) = self.held.get_mut(&saga) {
                held.timer = None;
            }
            self.pending.push_back(Pending {
                saga,
                event: What::Time,
                payload: None,
            });
        }
    }

    /// Reads instances of which something is pending and that are not in memory.
    pub(super) async fn load_missing(&mut self) -> Result<()> {
        let ahead = self.pending.iter().take(self.settings.batch);
        let missing: HashSet<SagaId> = ahead
            .map(|pending| pending.saga)
            .filter(|saga| !self.held.contains_key(saga))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<SagaId> = missing.into_iter().collect();
        for row in self.store.instances(&missing).await? {
            self.hold(&row).await?;
        }
        Ok(())
    }

    /// Puts a row into memory. One that cannot be read is told of, and left alone.
    pub(super) async fn hold(&mut self, row: &Row) -> Result<bool> {
        if !self.led.contains_key(&row.saga.share()) {
            return Ok(false);
        }
        if !self.by_hash.contains_key(&row.definition) {
            self.read_definitions().await?;
        }
        let odd = |message: &str| Alarm::Odd {
            saga: row.saga,
            message: message.to_owned(),
        };
        let Some(prepared) = self.by_hash.get(&row.definition) else {
            (self.alarm)(odd("its definition cannot be read by this version"));
            return Ok(false);
        };
        let instance = match encoding::decode(&row.state) {
            Ok(instance) => instance,
            Err(encoding::Unreadable::Format(format)) => {
                return Err(Error::Unreadable(format!(
                    "saga {} is kept in format {format}, this version reads {}",
                    row.saga,
                    encoding::FORMAT
                )));
            }
            Err(encoding::Unreadable::Damaged) => {
                (self.alarm)(odd("its row is damaged"));
                return Ok(false);
            }
        };
        if instance.state.steps.len() != prepared.definition.steps.len() {
            (self.alarm)(odd("its row does not fit its definition"));
            return Ok(false);
        }
        let held = Held {
            timer: instance.state.next_due(),
            instance,
            prepared: Arc::clone(prepared),
            under_way: 0,
        };
        self.held.insert(row.saga, held);
        Ok(true)
    }

    /// Lets go of an instance that has nothing under way and nothing soon due.
    pub(super) fn let_go(&mut self, saga: SagaId) {
        let now = self.clock.now();
        let Some(held) = self.held.get(&saga) else {
            return;
        };
        let soon = held
            .instance
            .state
            .next_due()
            .is_some_and(|due| due < now + SOON_MS);
        if held.under_way == 0 && !soon {
            self.held.remove(&saga);
        }
    }

    /// Its time, for when it comes.
    pub(super) fn remember(&mut self, saga: SagaId) {
        let Some(held) = self.held.get_mut(&saga) else {
            return;
        };
        let due = held.instance.state.next_due();
        if let Some(before) = held.timer
            && due != Some(before)
        {
            self.timers.remove(&(before, saga));
        }
        self.timers.extend(due.map(|due| (due, saga)));
        held.timer = due;
    }
}
