//! Taking over: lead, see whether this is still the same life of the store, read what was recorded
//! and not acknowledged, and make the same messages of it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_broker::{
    Base, Body, EventId, History, Incarnation, Message, Partition, Position, Session, Timestamp,
    To, Topic,
};
use freehold_engine::TxMode;

use super::outgoing::Outgoing;
use super::{Options, RELAY, Relay, Rules};
use crate::assign::{Assigned, Sending, Source, assign};
use crate::error::{Error, Result};
use crate::ground::Ground;
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
        let heads = ground.heads().await?;
        let newest = ground.newest_record().await?;
        let tails = tails(&*session, &source).await?;
        let history = life(&mut ground, &tails, newest.as_ref()).await?;
        let (mut outgoing, resent) = open(&mut ground, &source, &tails).await?;
        ground.commit().await?;
        let incarnation = history.0.last().map(|base| base.incarnation);
        let incarnation = incarnation.ok_or(Error::Unreadable("freehold_incarnation"))?;
        // Behind what the last life recorded: a broker takes nothing that is behind its tail.
        announce(&mut outgoing, &source, &tails, &history, incarnation);
        let (batch, cursor) = newest.map_or((0, String::new()), |it| (it.batch, it.cursor));
        debug_assert!(resent <= batch);
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
type Tails = BTreeMap<(Topic, Partition), Position>;

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

/// The incarnations up to the present one, which is made where the store is not what it was: its
/// fingerprint is another one, or the broker holds what the store has never sent.
async fn life(ground: &mut Ground, tails: &Tails, newest: Option<&Record>) -> Result<History> {
    let (_, fingerprint) = ground.identity().await?;
    let (mut history, known) = ground.history().await?;
    let sent = newest.map(|record| record.position(record.ids.last().unwrap_or(i64::MAX)));
    let begun = history.0.last().map(|base| first_of(base.incarnation));
    let tail = tails.values().max().copied();
    if known.as_ref() == Some(&fingerprint) && tail <= sent.max(begun) {
        return Ok(history);
    }
    let largest = history.0.last().map_or(0, |base| base.incarnation.number);
    let largest = largest.max(tail.map_or(0, |tail| tail.incarnation.number));
    let base = Base {
        incarnation: Incarnation {
            number: largest + 1,
            random: random()?,
        },
        after: sent,
    };
    ground.add_incarnation(&base, &fingerprint).await?;
    history.0.push(base);
    Ok(history)
}

/// Where an incarnation is announced: before everything else of it.
pub(crate) fn first_of(incarnation: Incarnation) -> Position {
    Position {
        incarnation,
        batch: 0,
        id: 0,
    }
}

/// Batches that were recorded and not wholly acknowledged, made again from their records. Each topic
/// gets its batches in order, so what is not behind a partition's tail is there already. Where an old
/// leader of another life put the tail there it is not, and the broker would refuse it for ever:
/// consumers find it missing, and fetch it.
async fn open(ground: &mut Ground, source: &Source, tails: &Tails) -> Result<(Outgoing, u64)> {
    let mut outgoing = Outgoing::default();
    let mut last = 0;
    for record in ground.open_records().await? {
        let rows = ground.rows_of(&record.ids).await?;
        if digest(&rows) != record.digest {
            return Err(mismatch(&ground.want.label(), &record, rows.len()));
        }
        let mut heads = record.prevs.clone();
        let at = |id| record.position(id);
        let Assigned { mut messages, .. } = assign(source, Sending::Again, rows, &mut heads, at);
        messages.retain(|message| {
            let partition = message.to.partition(source.partitions);
            let tail = tails.get(&(message.topic.clone(), partition));
            tail.is_none_or(|tail| *tail < message.position)
        });
        last = record.batch;
        outgoing.add(record.batch, record.pending, messages);
    }
    Ok((outgoing, last))
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
