//! What an operator does about parked events: look, try again, leave out, mend. Each action is one
//! transaction a try, takes the leadership from the applier for it, and is noted with who did it.
//!
//! The applier notices that it does not lead any more, and reads everything anew. So what it
//! remembers of parked keys is never older than what stands in the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::{Body, EventId, Lane, Message, Position, Timestamp, To, Topic};
use freehold_engine::{TxMode, Value};
use serde::Serialize;

use crate::applier::{APPLIER, Subscribed, is_poison, marks_json};
use crate::copy::{Change, Changes, change, stamp, unstamp};
use crate::error::{Error, Result};
use crate::ground::Ground;
use crate::left_out::{LeftOut, LostRange, Which};
use crate::read_models;

/// A parked event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dead {
    /// The service that publishes.
    pub source: String,
    /// Its place in the source's order, as text that sorts.
    pub position: String,
    /// The event's name.
    pub topic: String,
    /// Its key; later events of this key wait behind it.
    pub key: String,
    /// Its own id.
    pub event: String,
    /// Why it was parked.
    pub cause: String,
    /// What it says; empty where the broker did not take it.
    pub payload: String,
    /// Since when, in microseconds since 1970.
    pub since: i64,
    /// How often it was tried.
    pub tries: i64,
}

/// What became of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Events that took effect.
    pub applied: usize,
    /// Events that are still parked.
    pub left: usize,
    /// Why the first of them is.
    pub refused: Option<String>,
}

/// Parked events of a source in order; `key`: only these.
///
/// # Errors
/// The store's.
pub async fn dead(ground: &mut Ground, source: &str, key: Option<&str>) -> Result<Vec<Dead>> {
    let sql = ground.sql.parked.clone();
    let args = [source.into(), key.unwrap_or_default().into()];
    let rows = ground.connection.query(&sql, &args).await?;
    let read = rows.iter().map(|row| one(source, row));
    read.collect::<Option<_>>()
        .ok_or(Error::Unreadable("freehold_parked"))
}

fn one(source: &str, row: &[Value]) -> Option<Dead> {
    let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
    Some(Dead {
        source: source.to_owned(),
        position: text(0)?,
        topic: text(1)?,
        key: text(2)?,
        event: text(3)?,
        cause: text(4)?,
        payload: text(5)?,
        since: row.get(6)?.int()?,
        tries: row.get(7)?.int()?,
    })
}

/// Tries the events of a key again, in order, until one is refused.
///
/// # Errors
/// The store's; what was applied before stays.
pub async fn retry(
    ground: &mut Ground,
    copies: &[Subscribed],
    (source, key): (&str, &str),
    who: &str,
) -> Result<Tried> {
    let mut tried = Tried::default();
    let waiting = dead(ground, source, Some(key)).await?;
    tried.left = waiting.len();
    for event in waiting {
        let applied = match changes(copies, &event) {
            Ok(changes) => apply(ground, &event, changes, who).await,
            Err(why) => Ok(Some(why)),
        };
        if let Some(why) = applied? {
            seize(ground, who).await?;
            let sql = ground.sql.parked_edit.clone();
            let args: [Value; 4] = [
                source.into(),
                event.position.into(),
                why.clone().into(),
                event.payload.into(),
            ];
            ground.connection.run(&sql, &args).await?;
            ground.commit().await?;
            tried.refused = Some(why);
            break;
        }
        tried.applied += 1;
        tried.left -= 1;
    }
    Ok(tried)
}

/// Leaves the first parked event of a key out, for ever, and tries the others. `None`: there was
/// none. Until one of the key is applied, the copy is not what its source says, and is called so.
///
/// # Errors
/// The store's.
pub async fn skip(
    ground: &mut Ground,
    copies: &[Subscribed],
    (source, key): (&str, &str),
    who: &str,
) -> Result<Option<Tried>> {
    let Some(first) = dead(ground, source, Some(key)).await?.into_iter().next() else {
        return Ok(None);
    };
    seize(ground, who).await?;
    let why = format!("left out by {who}: {}", first.cause);
    leave_out(ground, source, &first.position, &why).await?;
    note(ground, &first, "skipped").await?;
    let detail = serde_json::to_string(&first).unwrap_or_default();
    ground.note(who, "skipped a parked event", &detail).await?;
    ground.commit().await?;
    retry(ground, copies, (source, key), who).await.map(Some)
}

/// What was left out of a source's copies and not made good since, in order.
///
/// # Errors
/// The store's.
pub async fn left_out(ground: &mut Ground, source: &str) -> Result<Vec<LeftOut>> {
    ground.left_out(source).await
}

/// Where a source stands in a lane: its store is asked, as its owner. `None`: it has said nothing.
///
/// # Errors
/// The store's.
pub async fn head(ground: &mut Ground, topic: &Topic, lane: Lane) -> Result<Option<Position>> {
    ground.begin(TxMode::Relay).await?;
    let heads = ground.heads().await;
    ground.rollback().await?;
    Ok(heads?.get(topic, lane))
}

/// Leaves a range of a lane out that nobody has any more: the lane goes on behind it. `Err` within:
/// why that is no such range, with nothing changed.
///
/// # Errors
/// The store's.
pub async fn skip_range(
    ground: &mut Ground,
    source: &str,
    range: &LostRange,
    who: &str,
) -> Result<std::result::Result<(), String>> {
    seize(ground, who).await?;
    let after = ground
        .watermarks(source)
        .await?
        .get(&range.topic, range.lane);
    if let Some(after) = after.filter(|after| *after >= range.upto) {
        ground.rollback().await?;
        return Ok(Err(format!(
            "lane {} stands at {after} already",
            range.lane.number()
        )));
    }
    let position = stamp(range.upto);
    let row = serde_json::json!([{
        "p": position, "t": range.topic.as_str(), "k": "", "e": "", "c": "", "m": "",
    }]);
    ground.park(source, &row.to_string()).await?;
    let from = after.map_or("the beginning".to_owned(), |after| after.to_string());
    let why = format!("left out by {who}: lost behind {from}");
    leave_out(ground, source, &position, &why).await?;
    let mark = std::iter::once((&range.topic, range.lane, range.upto));
    ground.put_watermarks(source, &marks_json(mark)).await?;
    let detail = format!("{range} of {source}, behind {from}");
    ground.note(who, "skipped a lost range", &detail).await?;
    ground.commit().await?;
    Ok(Ok(()))
}

/// The copy is right again in what was left out, an operator says. How much that was.
///
/// # Errors
/// The store's.
pub async fn settle(
    ground: &mut Ground,
    source: &str,
    which: &Which<'_>,
    who: &str,
) -> Result<usize> {
    seize(ground, who).await?;
    let mut left = ground.left_out(source).await?;
    left.retain(|it| it.is(which));
    for it in &left {
        unpark(ground, source, &it.position).await?;
        let detail = serde_json::to_string(it).unwrap_or_default();
        let what = "called right what had been left out";
        ground.note(who, what, &detail).await?;
    }
    ground.commit().await?;
    Ok(left.len())
}

async fn leave_out(ground: &mut Ground, source: &str, position: &str, why: &str) -> Result<()> {
    let sql = ground.sql.leave_out.clone();
    let args = [source.into(), position.into(), why.into()];
    ground.connection.run(&sql, &args).await?;
    Ok(())
}

/// Puts another payload in the first parked event of a key. `None`: there was none.
///
/// # Errors
/// The store's.
pub async fn edit(
    ground: &mut Ground,
    (source, key): (&str, &str),
    payload: &str,
    who: &str,
) -> Result<Option<Dead>> {
    let Some(first) = dead(ground, source, Some(key)).await?.into_iter().next() else {
        return Ok(None);
    };
    seize(ground, who).await?;
    let sql = ground.sql.parked_edit.clone();
    let args: [Value; 4] = [
        source.into(),
        first.position.clone().into(),
        format!("edited by {who}, not tried yet").into(),
        payload.into(),
    ];
    ground.connection.run(&sql, &args).await?;
    let detail = serde_json::to_string(&first).unwrap_or_default();
    ground
        .note(who, "edited a parked event, which was", &detail)
        .await?;
    ground.commit().await?;
    Ok(Some(first))
}

/// Begins a transaction in which nobody else leads; a sidecar takes over when it is done.
async fn seize(ground: &mut Ground, who: &str) -> Result<()> {
    // Where leaderships stand in a file of their own, it is open from the first of these on.
    ground.begin(TxMode::Relay).await?;
    ground.rollback().await?;
    ground.begin(TxMode::Write).await?;
    let (read, put) = (ground.sql.lead_read.clone(), ground.sql.lead_put.clone());
    let rows = ground.connection.query(&read, &[APPLIER.into()]).await?;
    let epoch = rows.first().and_then(|row| row.get(1)?.int()).unwrap_or(0);
    let args: [Value; 4] = [
        APPLIER.into(),
        format!("operator {who}").into(),
        Value::I64(epoch + 1),
        Value::I64(0),
    ];
    ground.connection.run(&put, &args).await?;
    Ok(())
}

async fn unpark(ground: &mut Ground, source: &str, position: &str) -> Result<()> {
    let sql = ground.sql.unpark.clone();
    let args = [source.into(), position.into()];
    ground.connection.run(&sql, &args).await?;
    Ok(())
}

/// What became of it, for those who hold a token.
async fn note(ground: &mut Ground, event: &Dead, how: &str) -> Result<()> {
    let row = serde_json::json!([{"e": event.event, "a": event.since, "h": how}]);
    ground.note_passed(&event.source, &row.to_string()).await
}

type TableChange = (String, Change);

/// Applies one event; why not, where the store does not take it.
async fn apply(
    ground: &mut Ground,
    event: &Dead,
    changes: Vec<TableChange>,
    who: &str,
) -> Result<Option<String>> {
    seize(ground, who).await?;
    let mut all: BTreeMap<String, Changes> = BTreeMap::new();
    for (table, change) in changes {
        all.entry(table).or_default().add(&event.key, change);
    }
    match read_models::change(ground, all).await {
        Err(Error::Store(error)) if is_poison(error.kind) => {
            ground.rollback().await?;
            return Ok(Some(error.to_string()));
        }
        done => done?,
    };
    unpark(ground, &event.source, &event.position).await?;
    ground.settle_key(&event.source, &event.key).await?;
    note(ground, event, "applied").await?;
    let detail = format!("{} of {} at {}", event.event, event.key, event.position);
    ground.note(who, "applied a parked event", &detail).await?;
    ground.commit().await?;
    Ok(None)
}

fn changes(copies: &[Subscribed], event: &Dead) -> std::result::Result<Vec<TableChange>, String> {
    let message = message(event)?;
    let fed = copies
        .iter()
        .filter(|it| it.topic == message.topic && it.copy.service == event.source);
    fed.map(|it| {
        let change = change(&it.copy, &message, event.payload.as_bytes())?;
        Ok((it.table.clone(), change))
    })
    .collect()
}

fn message(event: &Dead) -> std::result::Result<Message, String> {
    let wrong = |what: &str| format!("its {what} cannot be read");
    let position: Position = unstamp(&event.position).ok_or_else(|| wrong("position"))?;
    let id: EventId = event.event.parse().map_err(|_| wrong("id"))?;
    Ok(Message {
        event: id,
        topic: Topic::new(&event.topic).map_err(|error| error.to_string())?,
        to: To::Lane(Lane::of(&event.key)),
        key: event.key.clone(),
        source: Arc::from(event.source.as_str()),
        position,
        prev: None,
        occurred_at: Timestamp::from_micros(event.since),
        headers: Vec::new(),
        body: Body::Event {
            content_type: "application/json".into(),
            payload: Bytes::new(),
        },
    })
}
