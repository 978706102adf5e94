//! The transaction of a batch: fence, instances, signals, locks, commit; and what follows from how
//! it went.

use std::collections::{BTreeSet, HashSet};

use freehold_engine::{Commit, ErrorKind};

use crate::Sound;
use crate::encoding::encode;
use crate::error::{Error, Result};
use crate::saga_id::SagaId;
use crate::store::{Noted, Share, Written};
use crate::summary::summary;
use crate::transition::{Action, Command, Event};

use super::work::Change;
use super::{Alarm, Executor, Held, Pending, What};

/// Bytes of instances in one commit at most, beyond the first.
const BATCH_BYTES: usize = 4 << 20;

/// How a batch went that reached its end.
struct Outcome {
    /// Sagas whose rows were not as they had been read.
    unmatched: HashSet<SagaId>,
    /// Shares that somebody else leads by now.
    lost: Vec<u8>,
    /// Its locks were taken by somebody else.
    locked_out: bool,
}

impl Executor {
    /// Commits changes, in as many transactions as it takes, and sends what they enabled.
    ///
    /// # Errors
    /// The store's. Whether the last transaction took effect may not be known then.
    pub(super) async fn commit(&mut self, changes: Vec<Change>) -> Result<()> {
        let (durable, at_once): (Vec<Change>, Vec<Change>) = changes
            .into_iter()
            .partition(|change| change.writes() || !change.noted.is_empty());
        for change in at_once {
            self.done(change);
        }
        let mut rest = durable;
        while !rest.is_empty() {
            let rows: Vec<Option<Written>> = rest.iter().map(written).collect();
            let mut bytes = 0;
            let fits = rows.iter().take_while(|row| {
                let fits = bytes < BATCH_BYTES;
                bytes += row.as_ref().map_or(0, |row| row.x.len());
                fits
            });
            let fits = fits.count();
            let after = rest.split_off(fits);
            let batch = std::mem::replace(&mut rest, after);
            self.commit_or_bisect(batch, rows, &[]).await?;
        }
        Ok(())
    }

    pub(super) async fn commit_doubted(
        &mut self,
        changes: Vec<Change>,
        shares: &[Share],
    ) -> Result<()> {
        let rows = changes.iter().map(written).collect();
        self.commit_or_bisect(changes, rows, shares).await
    }

    /// One saga that the store does not take must not stop the others: the batch is halved until it
    /// is found, and then parked with what can be written of it.
    async fn commit_or_bisect(
        &mut self,
        batch: Vec<Change>,
        rows: Vec<Option<Written>>,
        doubted: &[Share],
    ) -> Result<()> {
        let mut work = vec![(batch, rows)];
        while let Some((mut batch, mut rows)) = work.pop() {
            rows.truncate(batch.len());
            match self.transact(&batch, &rows, doubted).await {
                // Nothing may go on as if it were noted: over a new connection, and doubted again.
                Ok(outcome)
                    if !doubted.is_empty() && (outcome.locked_out || !outcome.lost.is_empty()) =>
                {
                    let why = "the doubts of a restored store were not committed";
                    let error = freehold_engine::Error::new(ErrorKind::Unavailable, why);
                    return Err(Error::Store(error));
                }
                // Somebody was first with the locks of some.
                Ok(outcome) if outcome.locked_out && batch.len() > 1 => {
                    let half = batch.split_off(batch.len() / 2);
                    let half_rows = rows.split_off(rows.len() / 2);
                    work.push((half, half_rows));
                    work.push((batch, rows));
                }
                Ok(outcome) => self.went(batch, &outcome).await?,
                Err(error) if !is_about_values(error.kind) || !doubted.is_empty() => {
                    return Err(Error::Store(error));
                }
                Err(error) => {
                    if self.store.broken() {
                        return Err(Error::Store(error));
                    }
                    self.store.rollback().await?;
                    if batch.len() > 1 {
                        let half = batch.split_off(batch.len() / 2);
                        let half_rows = rows.split_off(rows.len() / 2);
                        work.push((half, half_rows));
                        work.push((batch, rows));
                    } else if let Some(change) = batch.pop() {
                        self.set_aside(change, &error).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn transact(
        &mut self,
        batch: &[Change],
        rows: &[Option<Written>],
        doubted: &[Share],
    ) -> freehold_engine::Result<Outcome> {
        let mut outcome = Outcome {
            unmatched: HashSet::new(),
            lost: Vec::new(),
            locked_out: false,
        };
        let numbers: BTreeSet<u8> = batch
            .iter()
            .map(|change| change.saga.share())
            .chain(doubted.iter().map(|share| share.number))
            .collect();
        let led = |number: &u8| self.led.get(number).map(|led| led.share);
        let shares: Vec<Share> = numbers.iter().filter_map(led).collect();
        self.store.begin().await?;
        let still = self.store.fence(&shares).await?;
        outcome.lost = numbers
            .iter()
            .copied()
            .filter(|number| !still.contains(number))
            .collect();
        if !outcome.lost.is_empty() {
            self.store.rollback().await?;
            return Ok(outcome);
        }
        self.write(batch, rows, &mut outcome).await?;
        if outcome.locked_out {
            self.store.rollback().await?;
            return Ok(outcome);
        }
        if !doubted.is_empty() {
            let life = self.life.clone();
            self.store.rebuilt(doubted, &life).await?;
        }
        match self.store.commit().await {
            Commit::Done => {
                self.commits += 1;
                Ok(outcome)
            }
            // A refusal at the commit is about the transaction as a whole, not about a value.
            Commit::Refused(mut error) | Commit::Unknown(mut error) => {
                error.kind = ErrorKind::Unavailable;
                Err(error.during("commit transitions of sagas"))
            }
        }
    }

    async fn write(
        &mut self,
        batch: &[Change],
        rows: &[Option<Written>],
        outcome: &mut Outcome,
    ) -> freehold_engine::Result<()> {
        let rows: Vec<&Written> = rows.iter().flatten().collect();
        let (updates, inserts): (Vec<&Written>, Vec<&Written>) =
            rows.into_iter().partition(|row| row.p.is_some());
        if !inserts.is_empty() {
            self.store.insert(&inserts).await?;
            let claimed = batch.iter().filter(|change| change.previous.is_none());
            let claimed: Vec<SagaId> = claimed.map(|change| change.saga).collect();
            self.store.claim(&claimed).await?;
        }
        if !updates.is_empty() {
            let matched: HashSet<SagaId> = self.store.update(&updates).await?.into_iter().collect();
            let sent = updates.iter().filter_map(|row| SagaId::parse(&row.i));
            outcome.unmatched = sent.filter(|saga| !matched.contains(saga)).collect();
        }
        let matched = |change: &&Change| !outcome.unmatched.contains(&change.saga);
        let noted: Vec<Noted> = batch
            .iter()
            .filter(matched)
            .flat_map(|change| &change.noted)
            .map(|it| Noted {
                i: it.i.clone(),
                w: it.w.clone(),
                a: it.a.clone(),
                t: it.t.clone(),
                p: it.p.clone(),
                o: it.o.clone(),
                g: it.g,
            })
            .collect();
        if !noted.is_empty() {
            self.store.consume(&noted).await?;
        }
        let freed = batch.iter().filter(matched).filter(|change| change.frees());
        let freed: Vec<SagaId> = freed.map(|change| change.saga).collect();
        if !freed.is_empty() {
            self.store.unlock(&freed).await?;
        }
        let mut takes = Vec::new();
        for change in batch {
            let keys = change.takes.iter().cloned();
            takes.extend(keys.map(|key| (change.saga, key)));
        }
        outcome.locked_out = !takes.is_empty() && !self.store.lock(&takes).await?;
        Ok(())
    }

    async fn went(&mut self, batch: Vec<Change>, outcome: &Outcome) -> Result<()> {
        for share in &outcome.lost {
            self.lose(*share);
        }
        if !outcome.lost.is_empty() || outcome.locked_out {
            // Nothing was written: what is still led is read and decided again.
            for change in batch {
                self.again(change).await?;
            }
            return Ok(());
        }
        for change in batch {
            if outcome.unmatched.contains(&change.saga) {
                self.again(change).await?;
            } else {
                self.done(change);
            }
        }
        Ok(())
    }

    /// Committed, or nothing to commit: into memory, and out with what it enabled.
    fn done(&mut self, change: Change) {
        for it in &change.noted {
            self.in_hand.remove(&it.g);
        }
        let before = self.held.get(&change.saga);
        let (under_way, timer) = before.map_or((0, None), |held| (held.under_way, held.timer));
        let name = |step: usize| change.prepared.definition.steps[step].name.clone();
        for dispatch in &change.dispatches {
            if let Command::Alarm { step, why } = dispatch.command {
                (self.alarm)(Alarm::Parked {
                    saga: change.saga,
                    definition: change.prepared.definition.name.clone(),
                    key: change.instance.key.clone(),
                    step: step.map(name),
                    why,
                });
            }
        }
        let held = Held {
            instance: change.instance,
            prepared: change.prepared,
            under_way,
            timer,
        };
        self.held.insert(change.saga, held);
        let commands = change.dispatches.into_iter().map(|it| it.command);
        self.dispatch_commands(change.saga, commands.collect());
        self.remember(change.saga);
        self.let_go(change.saga);
    }

    /// What was decided did not happen: reads the row again and sends what is outstanding in it. A
    /// start stays unclaimed, signals stay where they are.
    async fn again(&mut self, change: Change) -> Result<()> {
        for it in &change.noted {
            self.in_hand.remove(&it.g);
        }
        self.held.remove(&change.saga);
        if change.previous.is_none() || !self.led.contains_key(&change.saga.share()) {
            return Ok(());
        }
        if !change.takes.is_empty() {
            self.waiting.push_front((change.saga, change.takes));
        }
        for row in self.store.instances(&[change.saga]).await? {
            if self.hold(&row).await? {
                self.go_on_with(row.saga);
            }
        }
        Ok(())
    }

    /// The store does not take what this saga has become. It stays as it was stored, and is held
    /// still for an operator.
    async fn set_aside(&mut self, change: Change, error: &freehold_engine::Error) -> Result<()> {
        let saga = change.saga;
        let message = format!("the store does not take it: {error}");
        (self.alarm)(Alarm::Odd {
            saga,
            message: message.clone(),
        });
        if change.previous.is_none() {
            // The start stays unclaimed, and is not tried again by this process.
            self.odd_starts.insert(saga);
            return Ok(());
        }
        let asked: Vec<i64> = change.noted.iter().map(|it| it.g).collect();
        self.held.remove(&saga);
        let Some(row) = self.store.instances(&[saga]).await?.into_iter().next() else {
            return Ok(());
        };
        if !self.hold(&row).await? {
            return Ok(());
        }
        let held = &self.held[&saga];
        let pause = Event::Operate {
            seen: Some(held.instance.state.version),
            action: Action::Pause,
        };
        let now = self.clock.now();
        let paused = held
            .instance
            .advance::<Sound>(&held.prepared, now, &pause, None);
        if let Ok((mut next, dispatches)) = paused {
            next.errors.insert(u32::MAX, message);
            let change = Change {
                saga,
                previous: Some(held.instance.state.version),
                instance: next,
                prepared: std::sync::Arc::clone(&held.prepared),
                dispatches,
                noted: Vec::new(),
                takes: Vec::new(),
            };
            let rows = vec![written(&change)];
            let batch = vec![change];
            let outcome = self.transact(&batch, &rows, &[]).await?;
            for change in batch {
                if outcome.lost.is_empty() && outcome.unmatched.is_empty() {
                    self.done(change);
                }
            }
        }
        for signal in asked {
            self.in_hand.remove(&signal);
        }
        Ok(())
    }

    pub(super) fn push_event(
        &mut self,
        saga: SagaId,
        event: Event,
        payload: Option<serde_json::Value>,
    ) {
        self.pending.push_back(Pending {
            saga,
            event: What::Event(event),
            payload,
        });
    }
}

/// Would another value be taken?
fn is_about_values(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Unique | ErrorKind::Unknown
    )
}

fn written(change: &Change) -> Option<Written> {
    let instance = &change.instance;
    change.writes().then(|| Written {
        i: change.saga.to_string(),
        s: change.saga.share(),
        d: change.prepared.definition.hash.clone(),
        p: change.previous,
        v: instance.state.version,
        x: encode(instance),
        m: summary(&change.prepared.definition, instance).replace("\\u0000", ""),
        f: instance.state.phase.is_end() && nothing_outstanding(change),
    })
}

/// A participant that was restored can be asked again after the end.
fn nothing_outstanding(change: &Change) -> bool {
    crate::outstanding(&change.prepared.plan, &change.instance.state, 0).is_empty()
}
