//! The batch record: what is written, and durable, before anything of a batch is sent. Pure.
//!
//! It makes a resend the same as the first sending: the same rows (by id), the same positions, the
//! same `prev`, checked by a digest over the events' ids.

use std::collections::BTreeSet;

use freehold_broker::{Incarnation, Position, Topic};
use freehold_engine::{OutboxRow, Value};
use sha2::{Digest as _, Sha256};

use crate::heads::HeadMap;

/// One batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number: one more than the last. That nobody else wrote it is the second fence.
    pub batch: u64,
    /// In which incarnation.
    pub incarnation: Incarnation,
    /// Under which leadership.
    pub epoch: i64,
    /// Where the next look at the outbox goes on.
    pub cursor: String,
    /// Ids of its rows, rising, as ranges.
    pub ids: Ranges,
    /// Over the event ids of its rows, in order.
    pub digest: String,
    /// Where the touched lanes stood before.
    pub prevs: HeadMap,
    /// Topics that did not acknowledge all of it yet.
    pub pending: BTreeSet<Topic>,
    /// Did this look see everything that there was?
    pub last_page: bool,
}

impl Record {
    /// The position of a row of this batch.
    pub(crate) fn position(&self, id: i64) -> Position {
        Position {
            incarnation: self.incarnation,
            batch: self.batch,
            id,
        }
    }

    /// Arguments in the order of the columns.
    pub(crate) fn arguments(&self) -> [Value; 9] {
        [
            number(self.batch),
            self.incarnation.to_string().into(),
            Value::I64(self.epoch),
            self.cursor.clone().into(),
            self.ids.text().into(),
            self.digest.clone().into(),
            prevs_text(&self.prevs).into(),
            pending_text(&self.pending).into(),
            Value::Bool(self.last_page),
        ]
    }

    /// From a row with these columns; `None`: it was not written by this version or the one before.
    pub(crate) fn from_row(row: &[Value]) -> Option<Self> {
        let text = |at: usize| row.get(at)?.text();
        Some(Self {
            batch: u64::try_from(row.first()?.int()?).ok()?,
            incarnation: text(1)?.parse().ok()?,
            epoch: row.get(2)?.int()?,
            cursor: text(3)?.to_owned(),
            ids: Ranges::parse(text(4)?)?,
            digest: text(5)?.to_owned(),
            prevs: prevs(text(6)?)?,
            pending: pending(text(7)?)?,
            last_page: row.get(8)?.truth()?,
        })
    }
}

/// What a resend has to meet.
pub(crate) fn digest(rows: &[OutboxRow]) -> String {
    let mut sum = Sha256::new();
    for row in rows {
        sum.update(row.event_id);
    }
    freehold_engine::hex(&sum.finalize()[..16])
}

/// A batch number or another count as a value.
pub(crate) fn number(count: u64) -> Value {
    Value::I64(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Topics as the store keeps them.
pub(crate) fn pending_text(topics: &BTreeSet<Topic>) -> String {
    topics
        .iter()
        .map(Topic::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

fn pending(text: &str) -> Option<BTreeSet<Topic>> {
    text.split_ascii_whitespace()
        .map(|name| Topic::new(name).ok())
        .collect()
}

fn prevs_text(prevs: &HeadMap) -> String {
    serde_json::to_string(&prevs.0).unwrap_or_default()
}

fn prevs(text: &str) -> Option<HeadMap> {
    serde_json::from_str(text).ok().map(HeadMap)
}

/// Ids, rising, written as `5-9,12,14-20`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Of rising ids.
    pub(crate) fn of(ids: impl Iterator<Item = i64>) -> Self {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == id => *last = id,
                _ => ranges.push((id, id)),
            }
        }
        Self(ranges)
    }

    /// As the store keeps it.
    pub(crate) fn text(&self) -> String {
        let range = |(first, last): &(i64, i64)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        };
        self.0.iter().map(range).collect::<Vec<_>>().join(",")
    }

    /// From the store's text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
            (0 <= first && first <= last).then_some((first, last))
        };
        let texts = text.split(',').filter(|text| !text.is_empty());
        texts.map(range).collect::<Option<_>>().map(Self)
    }

    /// How many ids.
    pub(crate) fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|(first, last)| last.abs_diff(*first) + 1)
            .sum()
    }

    /// The ids as a JSON array.
    pub(crate) fn json(&self) -> String {
        let ids = self.0.iter().flat_map(|(first, last)| *first..=*last);
        format!(
            "[{}]",
            ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
        )
    }

    /// The largest.
    pub(crate) fn last(&self) -> Option<i64> {
        self.0.last().map(|(_, last)| *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back() {
        let ids = [3, 5, 6, 7, 10, 12, 13];
        let ranges = Ranges::of(ids.into_iter());
        assert_eq!(ranges.text(), "3,5-7,10,12-13");
        assert_eq!(Ranges::parse(&ranges.text()), Some(ranges.clone()));
        assert_eq!(ranges.json(), "[3,5,6,7,10,12,13]");
        assert_eq!((ranges.count(), ranges.last()), (7, Some(13)));
        assert_eq!(Ranges::parse(""), Some(Ranges::default()));
        assert_eq!(Ranges::default().json(), "[]");
        for bad in ["a", "5-3", "1-2-3", "-1"] {
            assert_eq!(Ranges::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_record_comes_back() {
        let topic = Topic::new("book.changed.v1").expect("a topic");
        let incarnation = Incarnation {
            number: 3,
            random: 7,
        };
        let mut prevs = HeadMap::default();
        let lane = freehold_broker::Lane::of("5");
        let position = Position {
            incarnation,
            batch: 8,
            id: 2,
        };
        prevs.advance(&topic, lane, position);
        let record = Record {
            batch: 9,
            incarnation,
            epoch: 4,
            cursor: "700:703:701".to_owned(),
            ids: Ranges::of([3, 4, 9].into_iter()),
            digest: "00ff".to_owned(),
            prevs,
            pending: BTreeSet::from([topic]),
            last_page: true,
        };
        assert_eq!(Record::from_row(&record.arguments()), Some(record));
    }
}
