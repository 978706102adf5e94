//! Filling copies from the owner's rows of today, in ranges of keys: without locks, in a
//! transaction each, and after a crash from the range behind the last one.
//!
//! A range may be put over whatever the copy has: all that was applied here was recorded by the
//! owner before it was asked, and nothing is applied while it is asked. So the range is the newer
//! one, and a row that it lacks is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use freehold_broker::{Body, EventId, Lane, Message, Timestamp, To, Topic};
use freehold_engine::TxMode;

use super::{APPLIER, Applier, LATER, Subscribed, is_poison, left_out_keys};
use crate::copy::{Change, Changes, change, stamp};
use crate::error::{Error, Result};
use crate::fill::{Fill, FillState};
use crate::peer::{Answer, Ask, Range};
use crate::read_models;

/// Rows of one range.
const RANGE: u32 = 1_000;

/// As a stamp: behind every position, whose stamps begin with a digit.
const ABOVE_ALL: &str = "~";

/// Rows of a range that are to be put together: (above, up to; empty: no bound).
struct Part<'a> {
    rows: &'a [(String, String)],
    above: String,
    upto: String,
    refused: Option<String>,
}

impl Applier {
    /// Is a copy of this source not whole?
    pub(super) fn is_filling(&self, source: &str) -> bool {
        let mut fills = self.fills.values();
        self.peers.is_some() && fills.any(|fill| fill.source == source && fill.is_open())
    }

    /// Notes, in the open transaction, that all copies of these topics are to be filled.
    pub(super) async fn want_fills(
        &mut self,
        topics: &BTreeSet<Topic>,
    ) -> Result<BTreeMap<String, Fill>> {
        let mut wanted = BTreeMap::new();
        for copy in self
            .consumer
            .copies
            .iter()
            .filter(|it| topics.contains(&it.topic))
        {
            let fill = Fill::wanted(&copy.copy.service);
            self.ground.put_fill(&copy.table, &fill).await?;
            wanted.insert(copy.table.clone(), fill);
        }
        Ok(wanted)
    }

    /// Asks the sources of copies that are to be filled where they stand. Who cannot be asked is
    /// asked again later.
    pub(super) async fn begin_fills(&mut self) -> Result<()> {
        let wanted = self.with_state(FillState::Wanted);
        for copy in wanted {
            match self.begin_fill(&copy).await {
                Err(Error::Peer(why)) => self.later(why),
                done => done?,
            }
        }
        Ok(())
    }

    fn with_state(&self, state: FillState) -> Vec<Subscribed> {
        let copies = self.consumer.copies.iter();
        let of = |it: &&Subscribed| {
            let fill = self.fills.get(&it.table);
            fill.is_some_and(|fill| fill.state == state)
        };
        copies.filter(of).cloned().collect()
    }

    fn later(&mut self, why: String) {
        self.fill_after = Some(Instant::now() + LATER);
        self.seen.unfilled = Some(why);
    }

    /// Fills one range of one copy. True: there is more to do at once.
    pub(super) async fn fill_some(&mut self) -> Result<bool> {
        if self.peers.is_none() || self.fill_after.is_some_and(|until| until > Instant::now()) {
            return Ok(false);
        }
        self.fill_after = None;
        self.begin_fills().await?;
        let Some(copy) = self.with_state(FillState::Running).into_iter().next() else {
            return Ok(false);
        };
        match self.fill_range(&copy).await {
            Ok(()) => {
                self.seen.unfilled = None;
                Ok(true)
            }
            Err(Error::Peer(why)) => {
                self.later(why);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn begin_fill(&mut self, copy: &Subscribed) -> Result<()> {
        if self.peers.is_none() {
            return Ok(());
        }
        let source = copy.copy.service.clone();
        let Some(standing) = self.standing(&source, &copy.topic).await? else {
            return Err(Error::Peer(format!(
                "the sidecar of {source} has not begun yet"
            )));
        };
        let mut fill = Fill::wanted(&source);
        fill.state = if standing.snapshot {
            FillState::Running
        } else {
            FillState::Without
        };
        // Who has nothing of this topic goes on from where the source stands, since the rows say
        // all that was before. With a watermark other copies may still need what is in between.
        let fresh = self
            .known
            .get(&source)
            .is_some_and(|it| !it.marks.0.contains_key(&copy.topic));
        let heads = if standing.snapshot && fresh {
            standing.heads
        } else {
            BTreeMap::new()
        };
        self.ground.begin(TxMode::Write).await?;
        self.ground.fence(APPLIER, self.epoch).await?;
        self.ground.put_fill(&copy.table, &fill).await?;
        if fill.state == FillState::Running {
            self.settle_left_out(copy).await?;
        }
        read_models::rebuild(&mut self.ground, &copy.table).await?;
        self.read_work = true;
        if let (FillState::Running, Some(clock)) = (fill.state, standing.clock) {
            // What was committed before is in the rows that will be read.
            let what = format!("{} {clock}", copy.table);
            let row = serde_json::json!([{"e": what, "a": clock, "h": "filled"}]);
            self.ground.note_passed(&source, &row.to_string()).await?;
        }
        if !heads.is_empty() {
            let rows = heads.iter().map(|(lane, at)| (&copy.topic, *lane, *at));
            let rows = super::step::marks_json(rows);
            self.ground.put_watermarks(&source, &rows).await?;
        }
        self.ground.commit().await?;
        self.fills.insert(copy.table.clone(), fill);
        if let Some(known) = self.known.get_mut(&source) {
            for (lane, at) in heads {
                known.marks.advance(&copy.topic, lane, at);
            }
        }
        Ok(())
    }

    async fn fill_range(&mut self, copy: &Subscribed) -> Result<()> {
        let mut fill = self.fills[&copy.table].clone();
        let ask = Ask::Today {
            topic: copy.topic.clone(),
            above: fill.cursor.clone(),
            most: RANGE,
        };
        let Answer::Today(range) = self.ask(&fill.source.clone(), ask).await? else {
            fill.state = FillState::Without;
            return self.keep_fill(copy, fill).await;
        };
        let upto = match range.rows.last() {
            Some((key, _)) if !range.last => key.clone(),
            _ => String::new(),
        };
        let mut stack = vec![Part {
            rows: &range.rows,
            above: fill.cursor.clone(),
            upto: upto.clone(),
            refused: None,
        }];
        while let Some(part) = stack.pop() {
            match self.put_range(copy, &range, &part).await {
                Ok(()) => {}
                Err(Error::Store(error)) if is_poison(error.kind) && part.refused.is_none() => {
                    self.ground.rollback().await?;
                    stack.extend(halves(part, &error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        fill.rows += range.rows.len() as u64;
        fill.stamp = stamp(range.stamp);
        fill.cursor = upto;
        fill.state = if range.last {
            FillState::Done
        } else {
            FillState::Running
        };
        self.seen.filled += range.rows.len() as u64;
        self.keep_fill(copy, fill).await
    }

    /// What was left out of a topic so far is made good by what is read from now on, if all of its
    /// copies are filled.
    async fn settle_left_out(&mut self, copy: &Subscribed) -> Result<()> {
        let source = &copy.copy.service;
        let mut copies = self.consumer.copies.iter();
        let other = copies.find(|it| {
            let state = self.fills.get(&it.table).map(|fill| fill.state);
            it.topic == copy.topic && it.table != copy.table && state != Some(FillState::Wanted)
        });
        if other.is_some() {
            return Ok(());
        }
        self.ground.settle_topic(source, &copy.topic).await?;
        let left = left_out_keys(&mut self.ground, source).await?;
        if let Some(known) = self.known.get_mut(source) {
            known.left_out = left;
        }
        Ok(())
    }

    /// The rows first, the cursor after them: what was put twice is as it was put once.
    async fn keep_fill(&mut self, copy: &Subscribed, fill: Fill) -> Result<()> {
        self.ground.begin(TxMode::Write).await?;
        self.ground.fence(APPLIER, self.epoch).await?;
        self.ground.put_fill(&copy.table, &fill).await?;
        if fill.state == FillState::Done {
            // What is above the last range is of a life that is gone, and the clock went back since:
            // nothing of the present life would ever pass it.
            let above = (fill.stamp.as_str(), ABOVE_ALL);
            self.ground
                .forget_tombstones(&copy.table, above, &fill.source)
                .await?;
        }
        self.ground.commit().await?;
        self.fills.insert(copy.table.clone(), fill);
        Ok(())
    }

    async fn put_range(&mut self, copy: &Subscribed, range: &Range, part: &Part<'_>) -> Result<()> {
        let mut changes = Changes::default();
        let mut unfit = Vec::new();
        if let ([(key, _)], Some(why)) = (part.rows, &part.refused) {
            unfit.push(format!("{key}: {why}"));
        } else {
            for (key, payload) in part.rows {
                match as_change(copy, range, key, payload) {
                    Ok(change) => changes.add(key, change),
                    Err(why) => unfit.push(format!("{key}: {why}")),
                }
            }
        }
        let (puts, _) = changes.json();
        let sql = &self.ground.sql;
        let force = sql.copy_force.get(&copy.table).cloned().unwrap_or_default();
        self.ground.begin(TxMode::Write).await?;
        self.ground.fence(APPLIER, self.epoch).await?;
        let rows = if puts.is_empty() { "[]" } else { &puts };
        if unfit.is_empty() {
            let bounds = (part.above.as_str(), part.upto.as_str());
            self.ground
                .rest_of_range(&copy.table, rows, bounds, &stamp(range.stamp))
                .await?;
        }
        self.ground.change_copy(&force, &puts).await?;
        for line in &unfit {
            let what = format!(
                "a row of {} that does not fit into {}",
                copy.topic, copy.table
            );
            self.ground.note("freehold", &what, line).await?;
        }
        self.ground.commit().await
    }
}

/// The later half first, as a stack wants it.
fn halves<'a>(part: Part<'a>, why: &str) -> Vec<Part<'a>> {
    let (first, second) = part.rows.split_at(part.rows.len() / 2);
    let Some((border, _)) = first.last() else {
        return vec![Part {
            refused: Some(why.to_owned()),
            ..part
        }];
    };
    vec![
        Part {
            rows: second,
            above: border.clone(),
            upto: part.upto,
            refused: None,
        },
        Part {
            rows: first,
            above: part.above,
            upto: border.clone(),
            refused: None,
        },
    ]
}

/// A row of today as the event that would say so. Nobody knows when it became what it is; it was so
/// when it was read.
fn as_change(
    copy: &Subscribed,
    range: &Range,
    key: &str,
    payload: &str,
) -> std::result::Result<Change, String> {
    let message = Message {
        event: EventId([0; 16]),
        topic: copy.topic.clone(),
        to: To::Lane(Lane::of(key)),
        key: key.to_owned(),
        source: Arc::from(copy.copy.service.as_str()),
        position: range.stamp,
        prev: None,
        occurred_at: Timestamp::from_micros(range.read_at.unwrap_or(0)),
        headers: Vec::new(),
        body: Body::Event {
            content_type: "application/json".into(),
            payload: Bytes::new(),
        },
    };
    match change(&copy.copy, &message, payload.as_bytes())? {
        // No items today.
        Change::Delete(row) if copy.copy.each.is_some() && payload != "null" => {
            Ok(Change::Delete(row))
        }
        change @ (Change::Put(_) | Change::PutEach(_)) => Ok(change),
        Change::Delete(_) => Err("a row of today without a payload".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_broker::{Incarnation, Position};
    use freehold_model::{CopyOf, Provenance};

    #[test]
    fn a_row_of_today_was_so_when_it_was_read() {
        let map = |a: &str, b: &str| [(a.to_owned(), b.to_owned())].into();
        let copy = Subscribed {
            table: "book_cache".to_owned(),
            topic: Topic::new("book.changed.v1").expect("a topic"),
            copy: CopyOf {
                service: "catalog".to_owned(),
                event: "book.changed.v1".to_owned(),
                each: None,
                key: map("book_id", "bookId"),
                columns: map("title", "title"),
                provenance: Provenance {
                    occurred_at: Some("as_of".to_owned()),
                    ..Provenance::default()
                },
                fallback: None,
                freshness: None,
            },
        };
        let (number, random) = (1, 7);
        let at = Position {
            incarnation: Incarnation { number, random },
            batch: 1,
            id: 1,
        };
        let range = Range {
            stamp: at,
            until: at,
            rows: Vec::new(),
            last: true,
            read_at: Some(1_763_776_000_000_000),
        };
        let made = as_change(&copy, &range, "5", r#"{"bookId": 5, "title": "Emma"}"#);
        let Ok(Change::Put(row)) = made else {
            panic!("{made:?}");
        };
        assert_eq!(row["as_of"], "2025-11-22T01:46:40.000000Z");
    }
}
