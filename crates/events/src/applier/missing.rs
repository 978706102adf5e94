//! Lanes that miss something: what the broker lost is asked of the owner. What the owner lost too
//! is gone: then the copies of that topic are filled anew, where the owner has a `snapshot:`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freehold_broker::{Lane, Position, Topic};
use freehold_engine::TxMode;
use freehold_model::Fault;

use super::arrival::Arrival;
use super::{APPLIER, Applier};
use crate::error::{Error, Result};
use crate::heads::HeadMap;
use crate::left_out::LostRange;
use crate::peer::{Answer, Ask, Standing};
use crate::relay::first_of;

impl Applier {
    /// Asks for what is missing and applies it. True: something was mended, and what comes behind
    /// it can be applied now.
    pub(super) async fn mend(
        &mut self,
        behind: &BTreeMap<(Topic, Lane), Position>,
    ) -> Result<bool> {
        let mut mended = false;
        for (at, upto) in behind {
            let tried = match self.fetch(at, *upto).await {
                Ok(true) => Ok(true),
                Ok(false) => self.give_up(at).await,
                Err(error) => Err(error),
            };
            let named = (at.0.clone(), at.1.number());
            match tried {
                Ok(true) => {
                    mended = true;
                    self.waits.remove(at);
                    self.seen.behind.remove(&named);
                    self.seen.lost.remove(&named);
                }
                Ok(false) => {
                    let why =
                        "the owner does not have it any more, and today's rows cannot be asked for";
                    self.seen.behind.insert(named.clone(), why.to_owned());
                    self.seen.lost.insert(named, *upto);
                }
                Err(Error::Peer(why)) => {
                    self.seen.behind.insert(named, why);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(mended)
    }

    /// True: the lane has all that was missing.
    async fn fetch(&mut self, (topic, lane): &(Topic, Lane), upto: Position) -> Result<bool> {
        let Some(source) = self.source_of(topic) else {
            return Ok(false);
        };
        let partition = lane.partition(self.consumer.partitions);
        let mut batch = 0;
        loop {
            let after = self.mark(&source, topic, *lane);
            let ask = Ask::Missed {
                topic: topic.clone(),
                lane: *lane,
                after,
                upto,
                batch,
            };
            let Answer::Missed { events, next } = self.ask(&source, ask).await? else {
                return Ok(false);
            };
            let copies = &self.consumer.copies;
            let arrivals = events.into_iter().map(|it| {
                let message = it.message(topic, partition)?;
                Ok(Arc::new(Arrival::new(copies, message)))
            });
            let arrivals: Vec<Arc<_>> = arrivals.collect::<Result<_>>()?;
            let before = self.seen.applied + self.seen.parked;
            // What does not follow the watermark does not apply: some of it is gone.
            let behind = self.apply_from(&source, &arrivals).await?;
            self.seen.fetched += self.seen.applied + self.seen.parked - before;
            if self.mark(&source, topic, *lane) >= Some(upto) {
                return Ok(true);
            }
            match next {
                Some(next) if behind.is_empty() => batch = next,
                _ => return Ok(false),
            }
        }
    }

    /// The first range that nobody has any more.
    pub(super) fn lost_range(&self) -> Option<LostRange> {
        let ((topic, lane), upto) = self.seen.lost.first_key_value()?;
        Some(LostRange {
            topic: topic.clone(),
            lane: Lane::new(*lane)?,
            upto: *upto,
        })
    }

    pub(super) fn lost_fault(&self, range: &LostRange) -> Fault {
        let (me, topic, lane) = (&self.consumer.service, &range.topic, range.lane.number());
        let source = self.source_of(topic).unwrap_or_default();
        let what = format!(
            "{me} waits in lane {lane} of {topic}: neither the broker nor {source} has the events up to {} any more, and there is no `snapshot:` to fill the copy from",
            range.upto
        );
        Fault::new("FH3906", what).help(format!(
            "`freehold events skip {me} --range {range}` goes on without them"
        ))
    }

    /// The lane stands where the source does, and its copies are filled anew. False: they cannot be.
    async fn give_up(&mut self, (topic, lane): &(Topic, Lane)) -> Result<bool> {
        let Some(source) = self.source_of(topic) else {
            return Ok(false);
        };
        let Some(standing) = self.standing(&source, topic).await? else {
            return Ok(false);
        };
        if !standing.snapshot {
            return Ok(false);
        }
        let Some(head) = standing.heads.get(lane) else {
            return Ok(false);
        };
        let moved = BTreeMap::from([(*lane, *head)]);
        self.step_over(&source, topic, &moved).await?;
        Ok(true)
    }

    /// Moves watermarks without their events, and wants the topic's copies filled anew.
    pub(super) async fn step_over(
        &mut self,
        source: &str,
        topic: &Topic,
        moved: &BTreeMap<Lane, Position>,
    ) -> Result<()> {
        self.ground.begin(TxMode::Write).await?;
        self.ground.fence(APPLIER, self.epoch).await?;
        let rows = super::step::marks_json(moved.iter().map(|(lane, at)| (topic, *lane, *at)));
        self.ground.put_watermarks(source, &rows).await?;
        let wanted = self.want_fills(&BTreeSet::from([topic.clone()])).await?;
        self.ground.commit().await?;
        self.fills.extend(wanted);
        if let Some(known) = self.known.get_mut(source) {
            for (lane, at) in moved {
                known.marks.advance(topic, *lane, *at);
            }
        }
        Ok(())
    }

    /// True: a lane that seemed to contradict itself can go on.
    pub(super) async fn settle_forks(&mut self) -> Result<bool> {
        let mut mended = false;
        for at in std::mem::take(&mut self.forks) {
            let named = (at.0.clone(), at.1.number());
            match self.reborn(&at).await {
                Ok(true) => {
                    self.seen.forks.remove(&named);
                    mended = true;
                }
                Ok(false) | Err(Error::Peer(_)) => {
                    self.seen.forks.insert(named);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(mended)
    }

    /// A lane whose source tells another story: perhaps it was restored, and the announcement was
    /// lost with the broker's log. True: it was, and the lane has taken up the new life.
    async fn reborn(&mut self, (topic, lane): &(Topic, Lane)) -> Result<bool> {
        let Some(source) = self.source_of(topic) else {
            return Ok(false);
        };
        let Some(standing) = self.standing(&source, topic).await? else {
            return Ok(false);
        };
        let mark = self.mark(&source, topic, *lane);
        let (Some(mark), Some(now)) = (mark, standing.history.0.last()) else {
            return Ok(false);
        };
        if standing.history.survives(mark) {
            return Ok(false);
        }
        let moved = BTreeMap::from([(*lane, first_of(now.incarnation))]);
        self.step_over(&source, topic, &moved).await?;
        Ok(true)
    }

    pub(super) async fn standing(
        &mut self,
        source: &str,
        topic: &Topic,
    ) -> Result<Option<Standing>> {
        let ask = Ask::Standing {
            topic: topic.clone(),
        };
        Ok(match self.ask(source, ask).await? {
            Answer::Standing(standing) => Some(standing),
            _ => None,
        })
    }

    pub(super) async fn ask(&mut self, source: &str, ask: Ask) -> Result<Answer> {
        let Some(peers) = &self.peers else {
            return Err(Error::Peer(format!("nobody to ask {source} through")));
        };
        peers.ask(source, ask).await
    }

    fn mark(&self, source: &str, topic: &Topic, lane: Lane) -> Option<Position> {
        let marks: &HeadMap = &self.known.get(source)?.marks;
        marks.get(topic, lane)
    }

    pub(super) fn source_of(&self, topic: &Topic) -> Option<String> {
        let mut copies = self.consumer.copies.iter();
        let copy = copies.find(|it| it.topic == *topic)?;
        Some(copy.copy.service.clone())
    }
}
