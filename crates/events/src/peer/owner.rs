//! The answers of a publisher's sidecar, from its own store. Reads only what is recorded; the one
//! thing that it writes is a heartbeat, so that rows which were handed out are durable.

use std::sync::Arc;

use freehold_broker::{Lane, Position, Topic};
use freehold_engine::{BoxFuture, TxMode};
use tokio::sync::Mutex;

use super::{Answer, Ask, Carried, Range, Standing};
use crate::assign::{HEARTBEAT, Sending, Source, assign};
use crate::error::{Error, Result};
use crate::ground::Ground;
use crate::record::digest;

/// Opens a connection to the store, as its sidecar.
pub type Open = Arc<dyn Fn() -> BoxFuture<'static, Result<Ground>> + Send + Sync>;

/// So many batches are read for one answer.
const BATCHES: i64 = 25;
/// The most rows of one range.
const ROWS: u32 = 5_000;

/// One service's store, for those who ask.
pub struct Owner {
    open: Open,
    source: Source,
    ground: Mutex<Option<Ground>>,
}

impl Owner {
    /// Connects when it is first asked.
    pub fn new(open: Open, source: Source) -> Self {
        Self {
            open,
            source,
            ground: Mutex::new(None),
        }
    }

    /// Answers one question; a store that fails is said, and asked over a new connection next time.
    pub async fn answer(&self, ask: Ask) -> Answer {
        let mut kept = self.ground.lock().await;
        let ground = match kept.take() {
            Some(ground) if !ground.connection.broken() => Ok(ground),
            _ => (self.open)().await,
        };
        let mut ground = match ground {
            Ok(ground) => ground,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        match self.find(&mut ground, ask).await {
            Ok(answer) => {
                *kept = Some(ground);
                answer
            }
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    async fn find(&self, ground: &mut Ground, ask: Ask) -> Result<Answer> {
        match ask {
            Ask::Standing { topic } => standing(ground, &topic).await,
            Ask::Missed {
                topic,
                lane,
                after,
                upto,
                batch,
            } => {
                let batch = batch.max(after.map_or(0, |position| position.batch));
                self.missed(ground, (&topic, lane), (after, upto), batch)
                    .await
            }
            Ask::Today { topic, above, most } => {
                today(ground, &topic, &above, most.clamp(1, ROWS)).await
            }
        }
    }

    /// The same messages as were sent: from the records, which name the rows and where each lane
    /// stood before.
    async fn missed(
        &self,
        ground: &mut Ground,
        (topic, lane): (&Topic, Lane),
        (after, upto): (Option<Position>, Position),
        batch: u64,
    ) -> Result<Answer> {
        ground.begin(TxMode::Relay).await?;
        let records = ground.records_from(batch, BATCHES).await?;
        let next = records.last().map(|record| record.batch + 1);
        let next = next.filter(|next| *next <= upto.batch);
        let mut events = Vec::new();
        for record in records
            .into_iter()
            .filter(|record| record.batch <= upto.batch)
        {
            let rows = ground.rows_of(&record.ids).await?;
            if digest(&rows) != record.digest {
                // Partly pruned: what is left would be linked over what is gone.
                continue;
            }
            let mut heads = record.prevs.clone();
            let at = |id| record.position(id);
            let made = assign(&self.source, Sending::Again, rows, &mut heads, at);
            let wanted = made.messages.iter().filter(|message| {
                message.topic == *topic
                    && message.to == freehold_broker::To::Lane(lane)
                    && Some(message.position) > after
                    && message.position <= upto
            });
            events.extend(wanted.map(Carried::of));
        }
        ground.rollback().await?;
        Ok(Answer::Missed { events, next })
    }
}

async fn standing(ground: &mut Ground, topic: &Topic) -> Result<Answer> {
    ground.begin(TxMode::Relay).await?;
    let (history, _) = ground.history().await?;
    let heads = ground.heads().await?;
    let (clock, _) = ground.identity().await?;
    ground.rollback().await?;
    if history.0.is_empty() {
        return Ok(Answer::Nothing);
    }
    let heads = heads.0.get(topic).map(crate::heads::Lanes::by_lane);
    Ok(Answer::Standing(Standing {
        history,
        heads: heads.unwrap_or_default(),
        snapshot: ground.sql.snapshots.contains_key(topic.as_str()),
        clock: Some(clock),
    }))
}

/// The stamp is taken before the rows are read: after it, a change in between would be taken for
/// known. When the rows are read a commit of this session makes everything that they show durable;
/// without it a change that vanishes in a crash would live on in copies.
async fn today(ground: &mut Ground, topic: &Topic, above: &str, most: u32) -> Result<Answer> {
    let Some(stamp) = recorded(ground).await? else {
        return Ok(Answer::Nothing);
    };
    let (now, _) = ground.identity().await?;
    let Some(rows) = ground.today(topic.as_str(), above, most.into()).await? else {
        return Ok(Answer::Nothing);
    };
    ground.publish(HEARTBEAT, "", "null").await?;
    let until = recorded(ground).await?.unwrap_or(stamp);
    Ok(Answer::Today(Range {
        stamp,
        until,
        last: rows.len() < usize::try_from(most).unwrap_or(usize::MAX),
        rows,
        read_at: Some(now),
    }))
}

/// The last position that was recorded, in the present life.
async fn recorded(ground: &mut Ground) -> Result<Option<Position>> {
    ground.begin(TxMode::Relay).await?;
    let (history, _) = ground.history().await?;
    let newest = ground.newest_record().await?;
    ground.rollback().await?;
    let newest = newest.and_then(|record| Some(record.position(record.ids.last()?)));
    let begun = history
        .0
        .last()
        .map(|base| crate::relay::first_of(base.incarnation));
    if begun.is_none() && newest.is_some() {
        return Err(Error::Unreadable("freehold_incarnation"));
    }
    Ok(newest.max(begun))
}
