//! Leadership over shares of the instances: taken, renewed, divided among the sidecars that are
//! alive, and lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::encoding::FORMAT;
use crate::error::Result;
use crate::saga_id::{SHARES, SagaId};
use crate::store::{Share, ShareRow};
use crate::transition::{Event, Millis, Phase, outstanding};

use super::Executor;
use super::memory::{Clock, Led};
use super::work::Change;

/// Rows that are read at once, and taken over in one commit.
const PAGE: usize = 2_000;

/// Open instances that have not been read since their shares were taken.
#[derive(Debug)]
pub(super) struct Unread {
    /// For how long nobody led, by share.
    away: BTreeMap<u8, Millis>,
    how: Opened,
    /// The last one that was read.
    after: String,
}

#[derive(Debug, Clone, Copy)]
enum Opened {
    /// From somebody who is gone.
    TakenOver,
    /// From oneself, over another connection.
    Resumed,
}

impl Unread {
    fn of(away: BTreeMap<u8, Millis>, how: Opened) -> Self {
        Self {
            away,
            how,
            after: String::new(),
        }
    }
}

impl Executor {
    /// Renews what is led, gives back what others should lead, takes what is free.
    pub(super) async fn renew(&mut self) -> Result<()> {
        let term = i64::try_from(self.settings.term.as_micros()).unwrap_or(i64::MAX);
        let at = Instant::now();
        self.store.begin().await?;
        let (then, life) = self.store.identity().await?;
        let members = self.store.join(&self.settings.holder, term).await?;
        let mine: Vec<Share> = self.memory.led.values().map(|led| led.share).collect();
        if !mine.is_empty() {
            self.store.renew(&mine, &self.settings.holder, term).await?;
        }
        let rows = self.store.shares().await?;
        let division = divide(&rows, &mine, members);
        if !division.back.is_empty() {
            self.store
                .resign(&division.back, &self.settings.holder)
                .await?;
        }
        let mut after = rows.clone();
        if !division.take.is_empty() {
            self.store
                .take(&division.take, &self.settings.holder, term, FORMAT)
                .await?;
            after = self.store.shares().await?;
        }
        self.store.commit().await.done()?;
        self.memory.clock = Clock { then, at };
        self.renew_at = at + self.settings.term / 3;
        if life != self.life {
            // The store is another one than the one that memory is of.
            self.forget_everything();
            self.life = life;
            self.renew_at = Instant::now() + self.settings.term;
            return Ok(());
        }
        for led in self.memory.led.values() {
            led.renewed.store(then, Ordering::Relaxed);
        }
        for share in mine.iter().filter(|share| !division.kept.contains(share)) {
            self.lose(share.number);
        }
        let won: Vec<&ShareRow> = rows
            .iter()
            .filter(|row| division.take.contains(&row.share))
            .filter(|row| {
                let next = after.get(usize::from(row.share.number));
                next.is_some_and(|next| {
                    next.holder == self.settings.holder && next.share.epoch == row.share.epoch + 1
                })
            })
            .collect();
        self.enter(&won, then).await
    }

    /// Begins with shares that were taken.
    async fn enter(&mut self, won: &[&ShareRow], then: Millis) -> Result<()> {
        let mut away = BTreeMap::new();
        let mut doubted = Vec::new();
        for row in won {
            let share = Share {
                number: row.share.number,
                epoch: row.share.epoch + 1,
            };
            self.lead(share, then);
            let gone = if row.until == 0 {
                0
            } else {
                then.saturating_sub(row.until)
            };
            away.insert(share.number, gone);
            // Where nothing is noted nobody has worked yet: it is noted before anything else.
            if row.rebuilt.is_empty() {
                self.unmarked.push(share);
            } else if row.rebuilt != self.life {
                doubted.push(share);
            }
        }
        if !self.unmarked.is_empty() {
            let shares = std::mem::take(&mut self.unmarked);
            self.store.begin().await?;
            self.store.rebuilt(&shares, &self.life).await?;
            self.store.commit().await.done()?;
        }
        if !doubted.is_empty() {
            self.doubt(&doubted).await?;
        }
        for share in doubted {
            away.remove(&share.number);
        }
        self.unread(Unread::of(away, Opened::TakenOver));
        Ok(())
    }

    /// Goes on with those of `before` that are still led.
    pub(super) async fn resume(&mut self, before: &[Share]) -> Result<()> {
        let rows = self.store.shares().await?;
        let mut mine = BTreeMap::new();
        for row in rows {
            // What is not of this life of the store is doubted by whoever takes it next.
            let same = row.holder == self.settings.holder && row.rebuilt == self.life;
            if same && before.contains(&row.share) {
                // Renewed before anything is sent; until then the last renewal is not known.
                let term = u64::try_from(self.settings.term.as_millis()).unwrap_or(0);
                self.lead(row.share, row.until.saturating_sub(term));
                mine.insert(row.share.number, 0);
            }
        }
        self.unread(Unread::of(mine, Opened::Resumed));
        Ok(())
    }

    fn lead(&mut self, share: Share, renewed: Millis) {
        let led = Arc::new(Led {
            share,
            renewed: AtomicU64::new(renewed),
        });
        self.memory.led.insert(share.number, led);
    }

    fn unread(&mut self, unread: Unread) {
        if !unread.away.is_empty() {
            self.unread.push_back(unread);
        }
    }

    /// Reads the next open instances of shares that were taken, and commits that they were. Only a
    /// page at a time, so that the leadership is renewed meanwhile and what has nothing under way
    /// does not stay in memory; a page in one commit, ahead of whatever is heard of those before,
    /// so that the last saga does not wait until the first have ended.
    pub(super) async fn read_on(&mut self) -> Result<()> {
        let Some(unread) = self.unread.front_mut() else {
            return Ok(());
        };
        let shares: Vec<u8> = unread.away.keys().copied().collect();
        let after = std::mem::take(&mut unread.after);
        let rows = self.store.open_instances(&shares, &after, PAGE).await?;
        let Some(unread) = self.unread.front_mut() else {
            return Ok(());
        };
        let (away, how) = (unread.away.clone(), unread.how);
        match rows.last() {
            Some(row) if rows.len() == PAGE => unread.after = row.saga.to_string(),
            _ => drop(self.unread.pop_front()),
        }
        let mut waiting = Vec::new();
        let mut changes = Vec::new();
        for row in &rows {
            if !self.hold(row).await? {
                continue;
            }
            if self.memory.held[&row.saga].instance.state.phase == Phase::Waiting {
                waiting.push(row.saga);
            }
            match how {
                Opened::TakenOver => {
                    let away = away.get(&row.saga.share()).copied().unwrap_or(0);
                    changes.extend(self.take_over(row.saga, away));
                }
                Opened::Resumed => self.go_on_with(row.saga),
            }
        }
        if !waiting.is_empty() {
            let known = self.store.known_starts(&waiting).await?;
            self.waiting.extend(known);
        }
        self.commit(changes).await
    }

    /// The transition of a saga that was just read. None: nothing of it is outstanding.
    fn take_over(&mut self, saga: SagaId, away: Millis) -> Option<Change> {
        let held = self.memory.held.get(&saga)?;
        let now = self.memory.clock.now();
        let change = Change::after(saga, held, now, &Event::TakenOver { away });
        if change.is_none() {
            self.memory.remember(saga);
            self.memory.let_go(saga);
        }
        change
    }

    /// Sends what is outstanding in a row that was read again.
    pub(super) fn go_on_with(&mut self, saga: SagaId) {
        let Some(held) = self.memory.held.get(&saga) else {
            return;
        };
        let now = self.memory.clock.now();
        let commands = outstanding(&held.prepared.plan, &held.instance.state, now);
        self.dispatch_commands(saga, commands);
        self.memory.remember(saga);
        self.memory.let_go(saga);
    }

    /// Another one leads this share, or is about to.
    pub(super) fn lose(&mut self, share: u8) {
        self.memory.led.remove(&share);
        for unread in &mut self.unread {
            unread.away.remove(&share);
        }
        self.memory.held.retain(|saga, _| saga.share() != share);
        self.memory.timers.retain(|(_, saga)| saga.share() != share);
        self.memory
            .pending
            .retain(|pending| pending.saga.share() != share);
        self.waiting.retain(|(saga, _)| saga.share() != share);
        self.lanes.drop_share(share);
    }

    /// Gives everything back, so that nobody waits for the term to end.
    pub(super) async fn leave(&mut self) -> Result<()> {
        self.lanes.go(Instant::now());
        let mine: Vec<Share> = self.memory.led.values().map(|led| led.share).collect();
        self.store.begin().await?;
        if !mine.is_empty() {
            self.store.resign(&mine, &self.settings.holder).await?;
        }
        self.store.part(&self.settings.holder).await?;
        self.store.commit().await.done()?;
        self.forget_everything();
        Ok(())
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Division {
    /// Still led, and to be led on.
    kept: Vec<Share>,
    back: Vec<Share>,
    take: Vec<Share>,
}

/// Who should lead what. Pure. Each of `members` leads as many as the others, within one.
fn divide(rows: &[ShareRow], mine: &[Share], members: u64) -> Division {
    let members = usize::try_from(members.max(1)).unwrap_or(usize::MAX);
    let most = usize::from(SHARES).div_ceil(members);
    let mut division = Division::default();
    for row in rows {
        if mine.contains(&row.share) && row.alive {
            division.kept.push(row.share);
        }
    }
    if division.kept.len() > most {
        division.back = division.kept.split_off(most);
    }
    let free = rows
        .iter()
        .filter(|row| !row.alive && !division.back.contains(&row.share))
        // A format that this version cannot read is led by whoever can.
        .filter(|row| row.format <= FORMAT);
    let room = most - division.kept.len();
    division.take = free.map(|row| row.share).take(room).collect();
    division
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(alive: impl Fn(u8) -> bool) -> Vec<ShareRow> {
        let row = |number: u8| ShareRow {
            share: Share { number, epoch: 3 },
            holder: String::new(),
            alive: alive(number),
            until: 0,
            format: 1,
            rebuilt: String::new(),
        };
        (0..SHARES).map(row).collect()
    }

    #[test]
    fn one_alone_takes_all_that_is_free() {
        let all = divide(&rows(|_| false), &[], 1);
        assert_eq!(all.take.len(), 64);
        let some = divide(&rows(|number| number < 60), &[], 1);
        assert_eq!(some.take.len(), 4);
    }

    #[test]
    fn a_second_one_gets_its_half() {
        let rows = rows(|_| true);
        let mine: Vec<Share> = rows.iter().map(|row| row.share).collect();
        let division = divide(&rows, &mine, 2);
        assert_eq!((division.kept.len(), division.back.len()), (32, 32));
        assert!(
            division.take.is_empty(),
            "what is given back is not taken again at once"
        );
        let division = divide(&rows, &[], 2);
        assert!(division.take.is_empty(), "nothing is free yet");
    }

    #[test]
    fn what_was_lost_and_what_cannot_be_read_is_left() {
        let mut rows = rows(|_| true);
        let mine = [Share {
            number: 5,
            epoch: 2,
        }];
        assert!(
            divide(&rows, &mine, 1).kept.is_empty(),
            "another epoch leads"
        );
        for row in &mut rows {
            row.alive = false;
            row.format = FORMAT + 1;
        }
        assert!(divide(&rows, &[], 1).take.is_empty());
    }
}
