//! The transaction of a batch: fence, instances, signals, locks, commit; and what follows from how
//! it went. While the store works on it, the core goes on with the next.

use std::collections::{BTreeSet, HashSet};
use std::pin::pin;

use freehold_engine::{Commit, ErrorKind};

use crate::error::{Error, Result};
use crate::saga_id::SagaId;
use crate::store::{Noted, Share, Store, Written};
use crate::transition::{Action, Command, Event};

use super::memory::Held;
use super::work::{Batch, Change};
use super::{Alarm, Executor};

/// Bytes of instances in one commit at most, beyond the first.
const BATCH_BYTES: usize = 4 << 20;

/// How a batch went that reached its end.
#[derive(Default)]
struct Outcome {
    /// Sagas whose rows were not as they had been read.
    unmatched: HashSet<SagaId>,
    /// Shares that somebody else leads by now.
    lost: Vec<u8>,
    /// Its locks were taken by somebody else.
    locked_out: bool,
    /// More than its row was to be written of a saga whose row was not as it had been read.
    stale: bool,
}

impl Outcome {
    /// Nothing was written.
    fn is_nothing(&self) -> bool {
        !self.lost.is_empty() || self.locked_out || self.stale
    }
}

/// What the core does while the store works.
struct Meanwhile {
    /// Does it do anything?
    on: bool,
    /// It leaves alone what is being committed.
    busy: HashSet<SagaId>,
    next: Batch,
}

impl Meanwhile {
    fn nothing() -> Self {
        Self {
            on: false,
            busy: HashSet::new(),
            next: Batch::default(),
        }
    }
}

impl Executor {
    /// Commits changes, in as many transactions as it takes, and sends what they enabled.
    ///
    /// # Errors
    /// The store's. Whether the last transaction took effect may not be known then.
    pub(super) async fn commit(&mut self, changes: Vec<Change>) -> Result<()> {
        self.commit_beside(changes, &mut Meanwhile::nothing()).await
    }

    /// The same; where the core `goes_on` meanwhile, what it takes is the next batch.
    ///
    /// # Errors
    /// As [`Executor::commit`].
    pub(super) async fn commit_meanwhile(&mut self, batch: Batch, goes_on: bool) -> Result<Batch> {
        let mut meanwhile = Meanwhile {
            on: goes_on,
            busy: batch.changes.iter().map(|change| change.saga).collect(),
            next: Batch::default(),
        };
        self.commit_beside(batch.changes, &mut meanwhile).await?;
        let mut next = meanwhile.next;
        self.memory.take_back(&mut next);
        Ok(next)
    }

    async fn commit_beside(
        &mut self,
        changes: Vec<Change>,
        meanwhile: &mut Meanwhile,
    ) -> Result<()> {
        let (mut rest, at_once): (Vec<Change>, Vec<Change>) = changes
            .into_iter()
            .partition(|change| change.writes() || !change.noted.is_empty());
        for change in at_once {
            self.done(change);
        }
        rest.iter_mut().for_each(Change::write);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|change| {
                let fits = bytes < BATCH_BYTES;
                bytes += change.row().map_or(0, |row| row.x.len());
                fits
            });
            let fits = fits.count();
            let after = rest.split_off(fits);
            let batch = std::mem::replace(&mut rest, after);
            self.commit_or_bisect(batch, &[], meanwhile).await?;
        }
        Ok(())
    }

    pub(super) async fn commit_doubted(
        &mut self,
        mut changes: Vec<Change>,
        shares: &[Share],
    ) -> Result<()> {
        changes.iter_mut().for_each(Change::write);
        let mut nothing = Meanwhile::nothing();
        self.commit_or_bisect(changes, shares, &mut nothing).await
    }

    /// One saga that the store does not take must not stop the others: the batch is halved until it
    /// is found, and then parked with what can be written of it.
    async fn commit_or_bisect(
        &mut self,
        batch: Vec<Change>,
        doubted: &[Share],
        meanwhile: &mut Meanwhile,
    ) -> Result<()> {
        let mut work = vec![batch];
        while let Some(mut batch) = work.pop() {
            match self.transact(&batch, doubted, meanwhile).await {
                // Nothing may go on as if it were noted: over a new connection, and doubted again.
                Ok(outcome) if !doubted.is_empty() && outcome.is_nothing() => {
                    let why = "the doubts of a restored store were not committed";
                    let error = freehold_engine::Error::new(ErrorKind::Unavailable, why);
                    return Err(Error::Store(error));
                }
                // Somebody was first with the locks of some.
                Ok(outcome) if outcome.locked_out && batch.len() > 1 => {
                    let half = batch.split_off(batch.len() / 2);
                    work.extend([half, batch]);
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
                        work.extend([half, batch]);
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
        doubted: &[Share],
        meanwhile: &mut Meanwhile,
    ) -> freehold_engine::Result<Outcome> {
        let numbers: BTreeSet<u8> = batch
            .iter()
            .map(|change| change.saga.share())
            .chain(doubted.iter().map(|share| share.number))
            .collect();
        let led = |number: &u8| self.memory.led.get(number).map(|led| led.share);
        let shares: Vec<Share> = numbers.iter().filter_map(led).collect();
        if shares.len() < numbers.len() {
            // Lost meanwhile: that needs no asking.
            let lost = numbers.into_iter().filter(|number| led(number).is_none());
            return Ok(Outcome {
                lost: lost.collect(),
                ..Outcome::default()
            });
        }
        let life = &self.life;
        let mut transaction = pin!(transaction(&mut self.store, batch, &shares, doubted, life));
        let outcome = loop {
            if !meanwhile.on {
                break transaction.await?;
            }
            let Meanwhile { next, busy, .. } = meanwhile;
            tokio::select! {
                biased;
                outcome = &mut transaction => break outcome?,
                () = self.memory.go_on(next, busy, self.settings.batch) => {}
            }
        };
        self.commits += u64::from(!outcome.is_nothing());
        Ok(outcome)
    }

    async fn went(&mut self, batch: Vec<Change>, outcome: &Outcome) -> Result<()> {
        for share in &outcome.lost {
            self.lose(*share);
        }
        if outcome.is_nothing() {
            // What is still led is read and decided again.
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
            self.memory.in_hand.remove(&it.g);
        }
        let before = self.memory.held.get(&change.saga);
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
        self.memory.held.insert(change.saga, held);
        let commands = change.dispatches.into_iter().map(|it| it.command);
        self.dispatch_commands(change.saga, commands.collect());
        self.memory.remember(change.saga);
        self.memory.let_go(change.saga);
    }

    /// What was decided did not happen: reads the row again and sends what is outstanding in it. A
    /// start stays unclaimed, signals stay where they are.
    async fn again(&mut self, change: Change) -> Result<()> {
        for it in &change.noted {
            self.memory.in_hand.remove(&it.g);
        }
        self.memory.held.remove(&change.saga);
        if change.previous.is_none() || !self.memory.led.contains_key(&change.saga.share()) {
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
        self.memory.held.remove(&saga);
        let Some(row) = self.store.instances(&[saga]).await?.into_iter().next() else {
            return Ok(());
        };
        if !self.hold(&row).await? {
            return Ok(());
        }
        let held = &self.memory.held[&saga];
        let pause = Event::Operate {
            seen: Some(held.instance.state.version),
            action: Action::Pause,
        };
        let now = self.memory.clock.now();
        if let Some(mut change) = Change::after(saga, held, now, &pause) {
            change.instance.errors.insert(u32::MAX, message);
            change.write();
            let batch = vec![change];
            let mut nothing = Meanwhile::nothing();
            let outcome = self.transact(&batch, &[], &mut nothing).await?;
            for change in batch {
                if !outcome.is_nothing() && outcome.unmatched.is_empty() {
                    self.done(change);
                }
            }
        }
        for signal in asked {
            self.memory.in_hand.remove(&signal);
        }
        Ok(())
    }
}

/// Would another value be taken?
fn is_about_values(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Unique | ErrorKind::Unknown
    )
}

/// Fence, instances, signals, locks, commit; or why nothing was written.
async fn transaction(
    store: &mut Store,
    batch: &[Change],
    shares: &[Share],
    doubted: &[Share],
    life: &str,
) -> freehold_engine::Result<Outcome> {
    let rows = || batch.iter().filter_map(Change::row);
    let (updates, inserts): (Vec<&Written>, Vec<&Written>) =
        rows().partition(|row| row.p.is_some());
    let noted: Vec<&Noted> = batch.iter().flat_map(|change| &change.noted).collect();
    let freed = batch.iter().filter(|change| change.frees());
    let freed: Vec<SagaId> = freed.map(|change| change.saga).collect();
    let begun = store.begin_batch(shares, &inserts, &updates, &noted, &freed);
    let (still, matched) = begun.await?;
    let mut outcome = Outcome::default();
    let numbers = shares.iter().map(|share| share.number);
    outcome.lost = numbers.filter(|number| !still.contains(number)).collect();
    // A server does not wait long for a transaction that says nothing: the usual case is told by its
    // number alone.
    if matched.len() < updates.len() {
        let matched: HashSet<SagaId> = matched.into_iter().collect();
        let sent = updates.iter().filter_map(|row| SagaId::parse(&row.i));
        outcome.unmatched = sent.filter(|saga| !matched.contains(saga)).collect();
    }
    let more = |change: &Change| !change.noted.is_empty() || change.frees();
    let unmatched = |change: &Change| outcome.unmatched.contains(&change.saga);
    outcome.stale = (batch.iter()).any(|change| unmatched(change) && more(change));
    let keys = |change: &Change| {
        let (saga, keys) = (change.saga, change.takes.clone());
        keys.into_iter().map(move |key| (saga, key))
    };
    let takes: Vec<(SagaId, String)> = batch.iter().flat_map(keys).collect();
    if !outcome.is_nothing() && !takes.is_empty() {
        outcome.locked_out = !store.lock(&takes).await?;
    }
    if outcome.is_nothing() {
        store.rollback().await?;
        return Ok(outcome);
    }
    if !doubted.is_empty() {
        store.rebuilt(doubted, life).await?;
    }
    match store.commit().await {
        Commit::Done => Ok(outcome),
        // A refusal at the commit is about the transaction as a whole, not about a value.
        Commit::Refused(mut error) | Commit::Unknown(mut error) => {
            error.kind = ErrorKind::Unavailable;
            Err(error.during("commit transitions of sagas"))
        }
    }
}
