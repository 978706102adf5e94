//! Taking over: lead, see whether this is still the same life of the store, read what was recorded
//! and not acknowledged, and make the same messages of it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_broker::{
    Base, Body, EventId, History, Incarnation, Message, Position, Session, Timestamp, To, Topic,
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
        let (history, is_new) = life(&mut ground, &*session, &source, newest.as_ref()).await?;
        let (outgoing, resent) = open(&mut ground, &source).await?;
        ground.commit().await?;
        let incarnation = history.0.last().map(|base| base.incarnation);
        let incarnation = incarnation.ok_or(Error::Unreadable("freehold_incarnation"))?;
        if is_new {
            announce(&*session, &source, &history, incarnation).await?;
        }
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

/// The incarnations up to the present one, which is made where the store is not what it was: its
/// fingerprint is another one, or the broker holds what the store has never sent.
async fn life(
    ground: &mut Ground,
    session: &dyn Session,
    source: &Source,
    newest: Option<&Record>,
) -> Result<(History, bool)> {
    let (_, fingerprint) = ground.identity().await?;
    let (mut history, known) = ground.history().await?;
    let sent = newest.map(|record| record.position(record.ids.last().unwrap_or(i64::MAX)));
    let begun = history.0.last().map(|base| first_of(base.incarnation));
    let tail = last_at_broker(session, source).await?;
    if known.as_ref() == Some(&fingerprint) && tail <= sent.max(begun) {
        return Ok((history, false));
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
    Ok((history, true))
}

/// Where an incarnation is announced: before everything else of it.
pub(crate) fn first_of(incarnation: Incarnation) -> Position {
    Position {
        incarnation,
        batch: 0,
        id: 0,
    }
}

async fn last_at_broker(session: &dyn Session, source: &Source) -> Result<Option<Position>> {
    let mut last = None;
    for topic in &source.topics {
        for tail in session.tails(topic).await? {
            last = last.max(tail.last.map(|(position, _)| position));
        }
    }
    Ok(last)
}

/// Batches that were recorded and not wholly acknowledged, made again from their records.
async fn open(ground: &mut Ground, source: &Source) -> Result<(Outgoing, u64)> {
    let mut outgoing = Outgoing::default();
    let mut last = 0;
    for record in ground.open_records().await? {
        let rows = ground.rows_of(&record.ids).await?;
        if digest(&rows) != record.digest {
            return Err(mismatch(&ground.want.label(), &record, rows.len()));
        }
        let mut heads = record.prevs.clone();
        let at = |id| record.position(id);
        let Assigned { messages, .. } = assign(source, Sending::Again, rows, &mut heads, at);
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

/// Tells every partition of every topic. Known duplicates are dropped by whoever reads them.
async fn announce(
    session: &dyn Session,
    source: &Source,
    history: &History,
    incarnation: Incarnation,
) -> Result<()> {
    for topic in &source.topics {
        let messages: Vec<Message> = source
            .partitions
            .each()
            .map(|partition| {
                announcement(
                    source,
                    topic,
                    To::Partition(partition),
                    history,
                    incarnation,
                )
            })
            .collect();
        let settled = session.publish(&messages).await;
        if let Some(freehold_broker::Stop::Failed(error)) = settled.stop {
            return Err(error.into());
        }
    }
    Ok(())
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
