//! Taking over: lead, see whether this is still the same life of the store, read what was recorded
//! and not acknowledged, and make the same messages of it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_broker::{
    Base, Body, EventId, History, Incarnation, Message, Partition, Position, Session, Timestamp,
    To, Topic,
};
use freehold_engine::TxMode;

use super::cut::{self, is_blocked, is_whole};
use super::outgoing::Outgoing;
use super::{Options, RELAY, Relay, Rules};
use crate::assign::{Assigned, Sending, Source, assign};
use crate::error::{Error, Result};
use crate::ground::Ground;
use crate::heads::HeadMap;
use crate::record::{Record, digest};

impl<R: Rules> Relay<R> {
    /// Takes the leadership and everything that the store holds of the relay's work. `None`:
    /// somebody else leads.
    ///
    /// # Errors
    /// The store's and the broker's; [`Error::Mismatch`] where recorded rows are not what they were.
    pub async fn take_over(
        mut ground: Ground,
        session: Arc<dyn Session>,
        source: Source,
        options: Options,
    ) -> Result<Option<Self>> {
        let me = source.holder();
        let Ground {
            connection, sql, ..
        } = &mut ground;
        let led =
            freehold_bookkeeping::lead(&mut **connection, sql, RELAY, &me, None, options.term);
        let Some(epoch) = led.await? else {
            return Ok(None);
        };
        ground.begin(TxMode::Relay).await?;
        ground.fence(RELAY, epoch).await?;
        let tails = tails(&*session, &source).await?;
        let Recorded {
            newest,
            heads,
            mut outgoing,
            cut,
        } = recorded(&mut ground, &source, &tails).await?;
        let history = life(&mut ground, &tails, newest.as_ref(), cut).await?;
        ground.commit().await?;
        let incarnation = history.0.last().map(|base| base.incarnation);
        let incarnation = incarnation.ok_or(Error::Unreadable("freehold_incarnation"))?;
        // Behind what the last life recorded: a broker takes nothing that is behind its tail.
        announce(&mut outgoing, &source, &tails, &history, incarnation);
        let (batch, cursor) = newest.map_or((0, String::new()), |it| (it.batch, it.cursor));
        Ok(Some(Self {
            ground,
            session,
            source,
            options,
            epoch,
            incarnation,
            cursor,
            behind: false,
            batch,
            heads,
            outgoing,
            resting: BTreeMap::new(),
            troubles: BTreeMap::new(),
            beaten: None,
            pruned: None,
            rules: std::marker::PhantomData,
        }))
    }
}

/// Where each partition ends.
pub(super) type Tails = BTreeMap<(Topic, Partition), Position>;

async fn tails(session: &dyn Session, source: &Source) -> Result<Tails> {
    let mut tails = Tails::new();
    for topic in &source.topics {
        for tail in session.tails(topic).await? {
            if let Some((position, _)) = tail.last {
                tails.insert((topic.clone(), tail.partition), position);
            }
        }
    }
    Ok(tails)
}

/// What the store holds of the relay's work.
struct Recorded {
    newest: Option<Record>,
    heads: HeadMap,
    outgoing: Outgoing,
    /// Records were forgotten: what comes next is another life.
    cut: bool,
}

async fn recorded(ground: &mut Ground, source: &Source, tails: &Tails) -> Result<Recorded> {
    let (history, _) = ground.history().await?;
    let mut heads = ground.heads().await?;
    let mut newest = ground.newest_record().await?;
    let mut cut = false;
    // The newest record's rows are never pruned: they tell whether this is the outbox that it is of.
    // Where both are put back together only, rows that are gone were taken out by somebody.
    if let Some(record) = &newest
        && ground.sql.records_apart
        && !is_whole(ground, record).await?
    {
        newest = cut::cut(ground, &mut heads, record.batch).await?;
        cut = true;
    }
    let outgoing = match open(ground, source, tails, &history).await? {
        Open::All(outgoing) => outgoing,
        Open::Blocked { batch } => {
            newest = cut::cut(ground, &mut heads, batch).await?;
            cut = true;
            match open(ground, source, tails, &history).await? {
                Open::All(outgoing) => outgoing,
                Open::Blocked { .. } => return Err(Error::Unreadable("freehold_batch")),
            }
        }
    };
    Ok(Recorded {
        newest,
        heads,
        outgoing,
        cut,
    })
}

/// The incarnations up to the present one, which is made where the store is not what it was: its
/// fingerprint is another one, the broker holds what the store has never sent, or records had to be
/// forgotten.
async fn life(
    ground: &mut Ground,
    tails: &Tails,
    newest: Option<&Record>,
    cut: bool,
) -> Result<History> {
    let (clock, fingerprint) = ground.identity().await?;
    let (mut history, known) = ground.history().await?;
    let sent = newest.map(|record| record.position(record.ids.last().unwrap_or(i64::MAX)));
    let begun = history.0.last().map(|base| first_of(base.incarnation));
    let tail = tails.values().max().copied();
    if !cut && known.as_ref() == Some(&fingerprint) && tail <= sent.max(begun) {
        return Ok(history);
    }
    let largest = history.0.last().map_or(0, |base| base.incarnation.number);
    let largest = largest.max(tail.map_or(0, |tail| tail.incarnation.number));
    let base = Base {
        incarnation: Incarnation {
            number: number_of(largest, clock),
            random: random()?,
        },
        after: sent,
    };
    ground.add_incarnation(&base, &fingerprint).await?;
    history.0.push(base);
    Ok(history)
}

/// Two lives that begin from one backup know of the same lives before them, and when the broker's
/// log is lost too, nothing else counts on: the clock does. `clock`: microseconds since 1970.
fn number_of(largest: u32, clock: i64) -> u32 {
    let seconds = u32::try_from(clock / 1_000_000).unwrap_or(0);
    seconds.max(largest.saturating_add(1))
}

/// Where an incarnation is announced: before everything else of it.
pub(crate) fn first_of(incarnation: Incarnation) -> Position {
    Position {
        incarnation,
        batch: 0,
        id: 0,
    }
}

/// What came of making outstanding batches again.
enum Open {
    /// All of them.
    All(Outgoing),
    /// From this one on the broker would refuse them for ever.
    Blocked { batch: u64 },
}

/// Batches that were recorded and not wholly acknowledged, made again from their records. Each topic
/// gets its batches in order, and a life of ours announces itself behind them: so what is not behind
/// a partition's tail is there already.
async fn open(
    ground: &mut Ground,
    source: &Source,
    tails: &Tails,
    history: &History,
) -> Result<Open> {
    let mut outgoing = Outgoing::default();
    for record in ground.open_records().await? {
        let rows = ground.rows_of(&record.ids).await?;
        if digest(&rows) != record.digest {
            return Err(mismatch(&ground.want.label(), &record, rows.len()));
        }
        let mut heads = record.prevs.clone();
        let at = |id| record.position(id);
        let Assigned { mut messages, .. } = assign(source, Sending::Again, rows, &mut heads, at);
        messages.retain(|message| record.pending.contains(&message.topic));
        let mut blocked = messages.iter();
        if blocked.any(|message| is_blocked(source, tails, history, message)) {
            let batch = record.batch;
            return Ok(Open::Blocked { batch });
        }
        messages.retain(|message| {
            let partition = message.to.partition(source.partitions);
            let tail = tails.get(&(message.topic.clone(), partition));
            tail.is_none_or(|tail| *tail < message.position)
        });
        outgoing.add(record.batch, record.pending, messages);
    }
    Ok(Open::All(outgoing))
}

fn mismatch(store: &str, record: &Record, found: usize) -> Error {
    Error::Mismatch(format!(
        "{store}: batch {} was recorded with {} events ({}), and the outbox has {found} of them or others",
        record.batch,
        record.ids.count(),
        record.ids.text(),
    ))
}

/// No batch has this number.
const ANNOUNCED: u64 = 0;

/// Tells every partition that has heard nothing of this life yet; also where the leader that began
/// it died before it could.
fn announce(
    outgoing: &mut Outgoing,
    source: &Source,
    tails: &Tails,
    history: &History,
    incarnation: Incarnation,
) {
    let mut messages: Vec<Message> = Vec::new();
    for topic in &source.topics {
        for partition in source.partitions.each() {
            let tail = tails.get(&(topic.clone(), partition));
            if tail.is_none_or(|tail| *tail < first_of(incarnation)) {
                let to = To::Partition(partition);
                messages.push(announcement(source, topic, to, history, incarnation));
            }
        }
    }
    if !messages.is_empty() {
        outgoing.add(ANNOUNCED, source.topics.clone(), messages);
    }
}

fn announcement(
    source: &Source,
    topic: &Topic,
    to: To,
    history: &History,
    incarnation: Incarnation,
) -> Message {
    let mut event = [0; 16];
    event[..4].copy_from_slice(&incarnation.number.to_be_bytes());
    event[4..8].copy_from_slice(&incarnation.random.to_be_bytes());
    Message {
        event: EventId(event),
        topic: topic.clone(),
        to,
        key: String::new(),
        source: Arc::clone(&source.name),
        position: first_of(incarnation),
        prev: None,
        occurred_at: Timestamp::from_micros(0),
        headers: Vec::new(),
        body: Body::Incarnation(history.clone()),
    }
}

fn random() -> Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| {
        let error =
            freehold_engine::Error::new(freehold_engine::ErrorKind::Unknown, error.to_string());
        Error::Store(error.during("choose a random number"))
    })?;
    Ok(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_life_has_a_larger_number() {
        let seconds = |count: i64| count * 1_000_000;
        assert_eq!(number_of(1, seconds(1_760_000_000)), 1_760_000_000);
        assert!(number_of(1, seconds(1_760_000_001)) > number_of(1, seconds(1_760_000_000)));
        // The clock went back, or a store from the future was met.
        assert_eq!(
            number_of(1_760_000_009, seconds(1_760_000_000)),
            1_760_000_010
        );
        assert_eq!(number_of(4, -1), 5);
    }
}
