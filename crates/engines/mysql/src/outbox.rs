//! Reading the outbox: above a high water, and what is missing below it.
//!
//! Numbers are taken in another order than transactions commit in, and some never commit. A cursor
//! is the highest id that was given out and the ids below it that were not there: `120|7-9,33`. One
//! look reads above the high water first and then, in later statements, what is missing up to the
//! highest that it found, until it finds nothing new: a read view of these servers may show a key's
//! later commit without the one before it. A missing id is dead, and forgotten, when a sweep that
//! began after it was missed has had every slot's lock, and it is missing still.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use freehold_engine::{Endpoint, Error, ErrorKind, OutboxRow, Polled, Result, Value, Want};
use md5::{Digest as _, Md5};
use tokio::task::JoinHandle;

use crate::connect;
use crate::names::object;
use crate::plane::SLOTS;
use crate::statements::ROW;
use crate::wire::Wire;

/// How long after a sweep the next one may begin.
const SWEEP_REST: Duration = Duration::from_millis(500);
/// So many ranges are asked for in one statement; more would cost the server its plan by key.
const RANGES: usize = 400;
/// Each product reads its own words. For `MySQL`'s older ones SELECT would not be right enough.
const SHARED: &str = "/*M! LOCK IN SHARE MODE */ /*!80000 FOR SHARE */";

/// What was not to be seen before the cursor.
pub(crate) async fn poll(
    wire: &mut Wire,
    want: &Want,
    cursor: &str,
    page: usize,
    swept: Option<&Ids>,
) -> Result<Polled> {
    let known = Cursor::parse(cursor)?;
    let mut found = read(wire, want, &format!("o.id > {}", known.high), page).await?;
    let mut top = known.high.max(highest(&found));
    loop {
        let missing = known.without(&found, top);
        let mut new = false;
        for some in missing.0.chunks(RANGES) {
            let more = read(wire, want, &Ids::condition(some), page).await?;
            new |= !more.is_empty();
            found.extend(more);
        }
        if found.len() > page {
            // Lower ids first: what is cut off counts as missing, or is above the high water.
            found = found.into_iter().take(page).collect();
            top = highest(&found);
        }
        if !new {
            break;
        }
    }
    let high = known.high.max(top);
    let mut gaps = known.without(&found, high);
    if let Some(swept) = swept {
        gaps = gaps.minus_below(swept, top);
    }
    Ok(Polled {
        last_page: found.len() < page,
        rows: found.into_values().collect(),
        cursor: Cursor { high, gaps }.text(),
    })
}

/// The highest id that was given out, if none below it is missing.
pub(crate) fn whole_up_to(cursor: &str) -> Option<i64> {
    let cursor = Cursor::parse(cursor).ok()?;
    cursor.gaps.0.is_empty().then_some(cursor.high)
}

/// Is there a row above this one?
pub(crate) async fn is_behind(wire: &mut Wire, want: &Want, high: i64) -> Result<bool> {
    let outbox = object(&want.spot.database, &want.spot.own("outbox"));
    let sql = format!("SELECT 1 FROM {outbox} WHERE id > {high} LIMIT 1");
    Ok(!wire.query(&sql).await?.is_empty())
}

fn highest(found: &BTreeMap<i64, OutboxRow>) -> i64 {
    found.last_key_value().map_or(0, |(id, _)| *id)
}

async fn read(
    wire: &mut Wire,
    want: &Want,
    condition: &str,
    most: usize,
) -> Result<BTreeMap<i64, OutboxRow>> {
    let outbox = object(&want.spot.database, &want.spot.own("outbox"));
    let sql = format!(
        "SELECT {ROW} FROM {outbox} o FORCE INDEX (PRIMARY) WHERE {condition} ORDER BY o.id LIMIT {most}"
    );
    let rows = wire.query(&sql).await?;
    let rows = rows.into_iter().map(outbox_row);
    let rows: Option<BTreeMap<i64, OutboxRow>> =
        rows.map(|row| Some((row.as_ref()?.id, row?))).collect();
    rows.ok_or_else(|| {
        let message = "the outbox has a row that cannot be read";
        Error::new(ErrorKind::Invalid, message)
    })
}

fn outbox_row(row: Vec<Value>) -> Option<OutboxRow> {
    let mut values = row.into_iter();
    let mut next = || values.next();
    let text = |value: Value| match value {
        Value::Text(text) => Some(text),
        Value::Bytes(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    };
    let id = next()?.int()?;
    let hex = text(next()?)?;
    let mut event_id = [0; 16];
    for (at, byte) in event_id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    let topic = text(next()?)?;
    let key = text(next()?)?;
    let (payload, headers) = (next()?, next()?);
    Some(OutboxRow {
        id,
        event_id,
        topic,
        lane: Md5::digest(key.as_bytes())[15] & 63,
        key,
        payload: text(payload),
        headers: text(headers),
        occurred_at: next()?.int()?,
    })
}

/// Where a look goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cursor {
    high: i64,
    gaps: Ids,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self> {
        let read = || {
            let (high, gaps) = text.split_once('|').unwrap_or((text, ""));
            let high = if high.is_empty() {
                0
            } else {
                high.parse().ok()?
            };
            let gaps = Ids::parse(gaps)?;
            gaps.0
                .last()
                .is_none_or(|(_, last)| *last < high)
                .then_some(Self { high, gaps })
        };
        read().ok_or_else(|| {
            let message = format!("`{text}` is no cursor of an outbox");
            Error::new(ErrorKind::Invalid, message)
        })
    }

    fn text(&self) -> String {
        if self.gaps.0.is_empty() {
            self.high.to_string()
        } else {
            format!("{}|{}", self.high, self.gaps.text())
        }
    }

    /// Ids up to `top` that neither came earlier nor are among these.
    fn without(&self, found: &BTreeMap<i64, OutboxRow>, top: i64) -> Ids {
        let mut ranges = self.gaps.0.clone();
        if top > self.high {
            ranges.push((self.high + 1, top));
        }
        let mut left = Vec::new();
        for (mut from, to) in ranges {
            let to = to.min(top);
            if from > to {
                continue;
            }
            for id in found.range(from..=to).map(|(id, _)| *id) {
                if from < id {
                    left.push((from, id - 1));
                }
                from = id + 1;
            }
            if from <= to {
                left.push((from, to));
            }
        }
        Ids::joined(left)
    }
}

/// Ids as ranges, rising.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ids(Vec<(i64, i64)>);

impl Ids {
    fn joined(ranges: Vec<(i64, i64)>) -> Self {
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match joined.last_mut() {
                Some((_, last)) if *last + 1 == from => *last = to,
                _ => joined.push((from, to)),
            }
        }
        Self(joined)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut before = 0;
        let range = |text: &str| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let (from, to): (i64, i64) = (from.parse().ok()?, to.parse().ok()?);
            let rises = before < from && from <= to;
            before = to;
            rises.then_some((from, to))
        };
        let texts = text.split(',').filter(|text| !text.is_empty());
        texts.map(range).collect::<Option<_>>().map(Self)
    }

    fn text(&self) -> String {
        let range = |(from, to): &(i64, i64)| {
            if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            }
        };
        self.0.iter().map(range).collect::<Vec<_>>().join(",")
    }

    fn condition(ranges: &[(i64, i64)]) -> String {
        let range = |(from, to): &(i64, i64)| format!("o.id BETWEEN {from} AND {to}");
        ranges.iter().map(range).collect::<Vec<_>>().join(" OR ")
    }

    /// Without those of `gone` that are `top` or below.
    fn minus_below(&self, gone: &Self, top: i64) -> Self {
        let mut left = Vec::new();
        let mut gone = gone.0.iter().filter(|(from, _)| *from <= top).peekable();
        for &(mut from, to) in &self.0 {
            while let Some(&&(first, last)) = gone.peek() {
                let last = last.min(top);
                if last < from {
                    gone.next();
                    continue;
                }
                if first > to {
                    break;
                }
                if from < first {
                    left.push((from, first - 1));
                }
                from = last + 1;
                if from > to {
                    break;
                }
            }
            if from <= to {
                left.push((from, to));
            }
        }
        Self(left)
    }
}

/// Sweeps of one session, each beside the relay's own work over a second connection: a sweep waits
/// for the longest transaction, and the relay must not.
#[derive(Default)]
pub(crate) struct Sweeps {
    running: Option<(Ids, JoinHandle<Result<Wire>>)>,
    wire: Option<Wire>,
    ended: Option<Instant>,
}

impl Sweeps {
    /// What was missing before a sweep that has ended began. A sweep that failed has shown nothing.
    pub(crate) async fn ended(&mut self) -> Option<Ids> {
        let (missed, running) = self.running.take()?;
        if !running.is_finished() {
            self.running = Some((missed, running));
            return None;
        }
        self.ended = Some(Instant::now());
        let Ok(Ok(wire)) = running.await else {
            return None;
        };
        self.wire = Some(wire);
        Some(missed)
    }

    /// Begins one when ids are missing and it is time. `cursor`: where the next look goes on.
    pub(crate) fn begin(&mut self, at: &Endpoint, want: &Want, cursor: &str) {
        let rested = self.ended.is_none_or(|last| last.elapsed() >= SWEEP_REST);
        let Ok(Cursor { gaps, .. }) = Cursor::parse(cursor) else {
            return;
        };
        if gaps.0.is_empty() || self.running.is_some() || !rested {
            return;
        }
        let slots = object(&want.spot.database, &want.spot.own("outbox_slot"));
        let (at, wire) = (at.clone(), self.wire.take());
        let sweep = tokio::spawn(async move {
            let mut wire = match wire {
                Some(wire) if !wire.broken() => wire,
                _ => connect::open(&at).await?,
            };
            sweep(&mut wire, &slots).await?;
            Ok(wire)
        });
        self.running = Some((gaps, sweep));
    }
}

impl Drop for Sweeps {
    fn drop(&mut self) {
        if let Some((_, running)) = &self.running {
            running.abort();
        }
    }
}

/// Has every slot's lock once, one at a time, but for those that are free: they are had together
/// in one statement. Whoever held a slot when this began has ended when it ends.
async fn sweep(wire: &mut Wire, slots: &str) -> Result<()> {
    let free = format!("SELECT slot FROM {slots} {SHARED} SKIP LOCKED");
    let free = wire.query(&free).await?;
    let free: Vec<i64> = free.iter().filter_map(|row| row.first()?.int()).collect();
    for slot in (0..i64::from(SLOTS)).filter(|slot| !free.contains(slot)) {
        let one = format!("SELECT slot FROM {slots} WHERE slot = {slot} {SHARED}");
        loop {
            match wire.query(&one).await {
                Ok(_) => break,
                // Somebody holds it for long.
                Err(error) if error.kind == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64) -> (i64, OutboxRow) {
        let row = OutboxRow {
            id,
            event_id: [0; 16],
            topic: String::new(),
            key: String::new(),
            lane: 0,
            payload: None,
            headers: None,
            occurred_at: 0,
        };
        (id, row)
    }

    fn found(ids: &[i64]) -> BTreeMap<i64, OutboxRow> {
        ids.iter().map(|id| row(*id)).collect()
    }

    #[test]
    fn a_cursor_comes_back() {
        for text in ["0", "7", "120|7-9,33", "2|1"] {
            assert_eq!(Cursor::parse(text).expect("a cursor").text(), text);
        }
        assert_eq!(Cursor::parse("").expect("the beginning"), Cursor::default());
        for bad in ["x", "5|9", "9|5-3", "9|3,2", "9|-1", "9|3-4-5", "9|0"] {
            Cursor::parse(bad).expect_err(bad);
        }
    }

    #[test]
    fn what_is_missing() {
        let cursor = Cursor::parse("10|2,5-7").expect("a cursor");
        let missing = |ids: &[i64], top| cursor.without(&found(ids), top).text();
        assert_eq!(missing(&[], 10), "2,5-7");
        assert_eq!(missing(&[6, 11, 14], 14), "2,5,7,12-13");
        assert_eq!(missing(&[2, 5, 6, 7, 11], 11), "");
        assert_eq!(missing(&[2], 5), "5", "nothing above the top");
        assert_eq!(missing(&[], 12), "2,5-7,11-12");
    }

    #[test]
    fn the_dead_are_forgotten_up_to_the_top() {
        let ids = |text| Ids::parse(text).expect("ids");
        let left = |gaps, gone, top| ids(gaps).minus_below(&ids(gone), top).text();
        assert_eq!(left("2,5-9,20", "5-9", 100), "2,20");
        assert_eq!(left("2,5-9,20", "1-3,6-7,20", 100), "5,8-9");
        assert_eq!(left("2,5-9,20", "1-30", 7), "8-9,20");
        assert_eq!(left("2,5-9", "", 100), "2,5-9");
        assert_eq!(left("1-3,5-9", "2-6", 100), "1,7-9");
    }
}
