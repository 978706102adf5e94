//! Where the relay's records stop being the store's: everything behind that is forgotten, and what
//! the outbox has behind it is published again, in a new life. Only what may be believed of the
//! records; that a new life begins is told by [`super::recover`].
//!
//! Two ways lead here. The rows of the newest record are others or gone: only the file of the store
//! was put back and not the relay's, so ids come again that the cursor has passed. Or recorded
//! messages stand behind a tail that a leader of another life left there: a broker takes them never.

use freehold_broker::{History, Message};

use super::recover::Tails;
use crate::assign::Source;
use crate::error::Result;
use crate::ground::Ground;
use crate::heads::HeadMap;
use crate::record::{Record, digest};

/// So many records are read at once.
const RECORDS: i64 = 200;

/// Does the outbox have the very rows that this record names?
pub(super) async fn is_whole(ground: &mut Ground, record: &Record) -> Result<bool> {
    let rows = ground.rows_of(&record.ids).await?;
    Ok(digest(&rows) == record.digest)
}

/// Has somebody of a life that is not ours put a tail before this message? A tail of our own lives
/// tells what was sent; one of another life says nothing of it.
pub(super) fn is_blocked(
    source: &Source,
    tails: &Tails,
    history: &History,
    message: &Message,
) -> bool {
    let partition = message.to.partition(source.partitions);
    let tail = tails.get(&(message.topic.clone(), partition));
    tail.is_some_and(|tail| !history.contains(tail.incarnation) && *tail >= message.position)
}

/// Forgets records from `below` on and those before it that are not whole. What is left as the
/// newest; the lanes' heads stand as they stood then.
pub(super) async fn cut(
    ground: &mut Ground,
    heads: &mut HeadMap,
    below: u64,
) -> Result<Option<Record>> {
    let last = last_whole(ground, below).await?;
    let batch = last.as_ref().map_or(0, |record| record.batch);
    let before = stood(ground, batch).await?;
    for topic in heads.take_back(batch, &before) {
        if let Some(lanes) = heads.0.get(&topic) {
            ground.put_head(&topic, lanes).await?;
        }
    }
    ground.forget_above(batch).await?;
    Ok(last)
}

/// The last record below this batch whose rows are there. What was put back is a state that the
/// store once had, so all before a whole one are whole, or were pruned: halving finds it.
async fn last_whole(ground: &mut Ground, below: u64) -> Result<Option<Record>> {
    let (mut low, mut high, mut last) = (0, below, None);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let next = ground.records_from(middle, 1).await?.pop();
        match next.filter(|record| record.batch < high) {
            Some(record) if is_whole(ground, &record).await? => {
                low = record.batch;
                last = Some(record);
            }
            _ => high = middle,
        }
    }
    Ok(last)
}

/// Where the lanes that records behind this batch touched stood at its end.
async fn stood(ground: &mut Ground, batch: u64) -> Result<HeadMap> {
    let mut stood = HeadMap::default();
    let mut from = batch + 1;
    loop {
        let records = ground.records_from(from, RECORDS).await?;
        let Some(last) = records.last() else {
            return Ok(stood);
        };
        from = last.batch + 1;
        for record in &records {
            for (topic, lanes) in &record.prevs.0 {
                let lanes = lanes.by_lane().into_iter();
                for (lane, at) in lanes.filter(|(_, at)| at.batch <= batch) {
                    stood.advance(topic, lane, at);
                }
            }
        }
    }
}
