//! Lives of a source that positions cannot put in order. A message is of a life that nothing was ever
//! applied of: a new one, or another cluster's. Or it stands below a watermark and is of another life:
//! mostly it is old and read once more; it may also be the present one, when a backup was put back
//! twice, the broker's log was lost in between, and the clock went back too.
//!
//! The owner's store decides, never the log: a watermark that its history does not hold is of a
//! life that is gone, and one that it holds stays. So a leader of a lost life that announces late
//! moves nothing, and two lives in one log do not take turns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use freehold_broker::{Incarnation, Lane, Position, Topic};

use super::{Applier, LATER};
use crate::error::{Error, Result};
use crate::heads::Lanes;
use crate::peer::Standing;
use crate::relay::first_of;

impl Applier {
    /// Asks about lives that were met below a watermark, or for the first time. True: lanes took up
    /// another life, or one is the owner's, and what is of it can be applied now. Who cannot be asked is
    /// asked again; until then no offset of what was read is given back.
    pub(super) async fn settle_doubts(&mut self) -> Result<bool> {
        if self.doubt_after.is_some_and(|until| until > Instant::now()) {
            return Ok(false);
        }
        self.doubt_after = None;
        let mut topics: BTreeMap<Topic, BTreeMap<Lane, BTreeSet<Incarnation>>> = BTreeMap::new();
        for ((topic, lane), lives) in std::mem::take(&mut self.doubts) {
            topics.entry(topic).or_default().insert(lane, lives);
        }
        let mut moved = false;
        for (topic, lanes) in topics {
            let lives = lanes.values().flatten().copied().collect();
            match self.settle(&topic, &lives).await {
                Ok(settled) => {
                    moved |= settled;
                    for lane in lanes.keys() {
                        self.seen.behind.remove(&(topic.clone(), lane.number()));
                    }
                }
                // Alone there is nobody who knows more than the order of positions.
                Err(Error::Peer(_)) if self.peers.is_none() => {}
                Err(Error::Peer(why)) => {
                    self.doubt_after = Some(Instant::now() + LATER);
                    for (lane, lives) in lanes {
                        let named = (topic.clone(), lane.number());
                        self.seen.behind.insert(named, why.clone());
                        self.doubts.insert((topic.clone(), lane), lives);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    async fn settle(&mut self, topic: &Topic, lives: &BTreeSet<Incarnation>) -> Result<bool> {
        let Some(source) = self.source_of(topic) else {
            return Ok(false);
        };
        let begun = self.standing(&source, topic).await?;
        let begun = begun.as_ref().and_then(|standing| {
            let now = standing.history.0.last()?;
            Some((standing, first_of(now.incarnation)))
        });
        let Some((standing, first)) = begun else {
            return Err(Error::Peer(format!(
                "the sidecar of {source} has not begun yet"
            )));
        };
        let Some(known) = self.known.get_mut(&source) else {
            return Ok(false);
        };
        let lanes = known.marks.0.get(topic).map(Lanes::by_lane);
        let lanes = lanes.unwrap_or_default();
        let lost = lost(standing, &lanes);
        for (lane, mark) in lanes.into_iter().filter(|it| !lost.contains_key(&it.0)) {
            let held = (first.incarnation, mark);
            known.held.insert((topic.clone(), lane), held);
        }
        let of_lost = lost.values().map(|mark| mark.incarnation);
        let mut learned = false;
        for life in lives.iter().copied().chain(of_lost) {
            if !standing.history.contains(life) {
                known.gone.insert(life);
                continue;
            }
            learned |= known.own.insert(life);
            if life != first.incarnation {
                known.past.insert(life);
            }
        }
        let moved: BTreeMap<Lane, Position> = lost.into_keys().map(|lane| (lane, first)).collect();
        if !moved.is_empty() {
            self.step_over(&source, topic, &moved).await?;
        }
        Ok(learned || !moved.is_empty())
    }
}

/// Watermarks that the owner's store does not hold.
fn lost(standing: &Standing, lanes: &BTreeMap<Lane, Position>) -> BTreeMap<Lane, Position> {
    let all = lanes.iter().map(|(lane, mark)| (*lane, *mark));
    all.filter(|(_, mark)| !standing.history.survives(*mark))
        .collect()
}
