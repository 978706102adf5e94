//! A store's event plane over one connection: the named statements, typed. No decisions.

use std::collections::{BTreeMap, BTreeSet};

use freehold_bookkeeping::Epoch;
use freehold_broker::{Base, History, Incarnation, Lane, Position, Topic};
use freehold_engine::{Connection, EventSql, OutboxRow, Polled, Rows, TxMode, Value, Want};

use crate::error::{Error, Result};
use crate::fill::Fill;
use crate::heads::{HeadMap, Lanes};
use crate::left_out::LeftOut;
use crate::record::{Ranges, Record, number, pending_text};

/// One connection to a store, as its sidecar.
pub struct Ground {
    /// The session.
    pub connection: Box<dyn Connection>,
    /// The store.
    pub want: Want,
    /// Its engine's statements.
    pub sql: EventSql,
}

impl Ground {
    pub(crate) async fn begin(&mut self, mode: TxMode) -> Result<()> {
        Ok(self.connection.begin(mode).await?)
    }

    /// An unknown end is an error like any other: reconnect and look.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        Ok(self.connection.commit().await.done()?)
    }

    pub(crate) async fn rollback(&mut self) -> Result<()> {
        if self.connection.broken() {
            return Ok(());
        }
        Ok(self.connection.rollback().await?)
    }

    /// The first statement of every transaction that writes.
    pub(crate) async fn fence(&mut self, name: &str, epoch: Epoch) -> Result<()> {
        let leads =
            freehold_bookkeeping::fence(&mut *self.connection, &self.sql, name, epoch).await?;
        if leads { Ok(()) } else { Err(Error::Lost) }
    }

    async fn query(&mut self, sql: &str, args: &[Value]) -> Result<Rows> {
        Ok(self.connection.query(sql, args).await?)
    }

    async fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        Ok(self.connection.run(sql, args).await?)
    }

    /// The store's clock in microseconds, and what tells one life of the store from another.
    pub(crate) async fn identity(&mut self) -> Result<(i64, String)> {
        let sql = self.sql.identity.clone();
        let rows = self.query(&sql, &[]).await?;
        let read = || {
            let row = rows.first()?;
            Some((row.first()?.int()?, row.get(1)?.text()?.to_owned()))
        };
        read().ok_or(Error::Unreadable("the store's identity"))
    }

    /// All incarnations, and the fingerprint of the last one.
    pub(crate) async fn history(&mut self) -> Result<(History, Option<String>)> {
        let sql = self.sql.incarnations.clone();
        let rows = self.query(&sql, &[]).await?;
        let mut history = History::default();
        let mut fingerprint = None;
        for row in &rows {
            let (base, print) =
                incarnation(row).ok_or(Error::Unreadable("freehold_incarnation"))?;
            history.0.push(base);
            fingerprint = Some(print);
        }
        Ok((history, fingerprint))
    }

    pub(crate) async fn add_incarnation(&mut self, base: &Base, fingerprint: &str) -> Result<()> {
        let sql = self.sql.incarnation_put.clone();
        let after = base
            .after
            .map_or(String::new(), |position| position.to_string());
        let args = [
            Value::I64(base.incarnation.number.into()),
            base.incarnation.to_string().into(),
            fingerprint.into(),
            after.into(),
        ];
        self.run(&sql, &args).await?;
        Ok(())
    }

    pub(crate) async fn newest_record(&mut self) -> Result<Option<Record>> {
        let sql = self.sql.batches.clone();
        let rows = self.query(&sql, &[Value::I64(1)]).await?;
        rows.first().map(|row| record(row)).transpose()
    }

    pub(crate) async fn open_records(&mut self) -> Result<Vec<Record>> {
        let sql = self.sql.batches_open.clone();
        let rows = self.query(&sql, &[]).await?;
        rows.iter().map(|row| record(row)).collect()
    }

    /// Records from this batch on, oldest first.
    pub(crate) async fn records_from(&mut self, batch: u64, most: i64) -> Result<Vec<Record>> {
        let sql = self.sql.batches_from.clone();
        let rows = self.query(&sql, &[number(batch), Value::I64(most)]).await?;
        rows.iter().map(|row| record(row)).collect()
    }

    /// Today's rows of an event above a key: (key, payload). `None`: the event has no snapshot.
    pub(crate) async fn today(
        &mut self,
        event: &str,
        above: &str,
        most: i64,
    ) -> Result<Option<Vec<(String, String)>>> {
        let Some(sql) = self.sql.snapshots.get(event).cloned() else {
            return Ok(None);
        };
        let rows = self.query(&sql, &[above.into(), Value::I64(most)]).await?;
        let read = |row: &Vec<Value>| {
            let payload = row.get(1)?.text().unwrap_or("null");
            Some((row.first()?.text()?.to_owned(), payload.to_owned()))
        };
        let read = rows.iter().map(read).collect::<Option<Vec<_>>>();
        read.map(Some)
            .ok_or(Error::Unreadable("the view of today's rows"))
    }

    /// How far each copy was filled, by table.
    pub(crate) async fn fills(&mut self) -> Result<BTreeMap<String, Fill>> {
        let sql = self.sql.fills.clone();
        if sql.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = self.query(&sql, &[]).await?;
        let fills = rows.iter().map(|row| Fill::from_row(row));
        fills
            .collect::<Option<_>>()
            .ok_or(Error::Unreadable("freehold_fill"))
    }

    pub(crate) async fn put_fill(&mut self, table: &str, fill: &Fill) -> Result<()> {
        let sql = self.sql.fill_put.clone();
        self.run(&sql, &fill.arguments(table)).await?;
        Ok(())
    }

    /// Notes what an operator did, or what freehold had to leave out.
    pub(crate) async fn note(&mut self, who: &str, what: &str, detail: &str) -> Result<()> {
        let sql = self.sql.note.clone();
        self.run(&sql, &[who.into(), what.into(), detail.into()])
            .await?;
        Ok(())
    }

    /// Takes out of a copy what a range of keys lacks.
    pub(crate) async fn rest_of_range(
        &mut self,
        table: &str,
        rows: &str,
        (above, upto): (&str, &str),
        stamp: &str,
    ) -> Result<()> {
        let statements = self.sql.copy_rest.get(table).cloned().unwrap_or_default();
        for sql in &statements {
            self.run(sql, &[rows.into(), above.into(), upto.into(), stamp.into()])
                .await?;
        }
        Ok(())
    }

    /// Tombstones of a copy go that are above the first stamp and not above the second; those of keys
    /// stay of which something is parked, since it may be tried again.
    pub(crate) async fn forget_tombstones(
        &mut self,
        table: &str,
        (above, upto): (&str, &str),
        source: &str,
    ) -> Result<()> {
        let sql = self.sql.tombstones_go.clone();
        let args = [table.into(), above.into(), upto.into(), source.into()];
        self.run(&sql, &args).await?;
        Ok(())
    }

    pub(crate) async fn put_record(&mut self, record: &Record) -> Result<()> {
        let sql = self.sql.batch_put.clone();
        self.run(&sql, &record.arguments()).await?;
        Ok(())
    }

    pub(crate) async fn set_pending(
        &mut self,
        batch: u64,
        pending: &BTreeSet<Topic>,
    ) -> Result<()> {
        let sql = self.sql.batch_pending.clone();
        self.run(&sql, &[number(batch), pending_text(pending).into()])
            .await?;
        Ok(())
    }

    pub(crate) async fn heads(&mut self) -> Result<HeadMap> {
        let sql = self.sql.heads.clone();
        let rows = self.query(&sql, &[]).await?;
        let head = |row: &Vec<Value>| {
            let topic = Topic::new(row.first()?.text()?).ok()?;
            Some((topic, Lanes::parse(row.get(1)?.text()?)?))
        };
        let heads = rows.iter().map(head).collect::<Option<BTreeMap<_, _>>>();
        heads.map(HeadMap).ok_or(Error::Unreadable("freehold_head"))
    }

    pub(crate) async fn put_head(&mut self, topic: &Topic, lanes: &Lanes) -> Result<()> {
        let sql = self.sql.head_put.clone();
        self.run(&sql, &[topic.as_str().into(), lanes.text().into()])
            .await?;
        Ok(())
    }

    pub(crate) async fn poll(&mut self, cursor: &str, page: usize) -> Result<Polled> {
        let want = &self.want;
        Ok(self.connection.poll_outbox(want, cursor, page).await?)
    }

    pub(crate) async fn rows_of(&mut self, ids: &Ranges) -> Result<Vec<OutboxRow>> {
        let sql = self.sql.outbox_by_id.clone();
        let rows = self.query(&sql, &[ids.json().into()]).await?;
        let read = rows
            .iter()
            .map(|row| outbox_row(row))
            .collect::<Option<Vec<_>>>();
        read.ok_or(Error::Unreadable("freehold_outbox"))
    }

    pub(crate) async fn publish(&mut self, topic: &str, key: &str, payload: &str) -> Result<()> {
        let sql = self.sql.outbox_put.clone();
        self.run(&sql, &[topic.into(), key.into(), payload.into()])
            .await?;
        Ok(())
    }

    /// Acknowledged batches older than this: (batch, ids), oldest first.
    pub(crate) async fn old_batches(
        &mut self,
        age_us: i64,
        most: i64,
    ) -> Result<Vec<(u64, Ranges)>> {
        let sql = self.sql.batches_old.clone();
        let rows = self
            .query(&sql, &[Value::I64(age_us), Value::I64(most)])
            .await?;
        let read = |row: &Vec<Value>| {
            let batch = u64::try_from(row.first()?.int()?).ok()?;
            Some((batch, Ranges::parse(row.get(1)?.text()?)?))
        };
        let read = rows.iter().map(read).collect::<Option<Vec<_>>>();
        read.ok_or(Error::Unreadable("freehold_batch"))
    }

    pub(crate) async fn delete_rows(&mut self, ids: &Ranges) -> Result<()> {
        let sql = self.sql.outbox_delete.clone();
        self.run(&sql, &[ids.json().into()]).await?;
        Ok(())
    }

    pub(crate) async fn forget_below(&mut self, batch: u64) -> Result<()> {
        let sql = self.sql.batch_forget.clone();
        self.run(&sql, &[number(batch)]).await?;
        Ok(())
    }

    /// Records above this batch are of a life that is gone.
    pub(crate) async fn forget_above(&mut self, batch: u64) -> Result<()> {
        let sql = self.sql.batch_lost.clone();
        self.run(&sql, &[number(batch)]).await?;
        Ok(())
    }

    pub(crate) async fn watermarks(&mut self, source: &str) -> Result<HeadMap> {
        let sql = self.sql.watermarks.clone();
        let rows = self.query(&sql, &[source.into()]).await?;
        let mut marks = HeadMap::default();
        for row in &rows {
            let mut read = || {
                let topic = Topic::new(row.first()?.text()?).ok()?;
                let lane = Lane::new(u8::try_from(row.get(1)?.int()?).ok()?)?;
                marks.advance(&topic, lane, row.get(2)?.text()?.parse().ok()?);
                Some(())
            };
            read().ok_or(Error::Unreadable("freehold_watermark"))?;
        }
        Ok(marks)
    }

    pub(crate) async fn put_watermarks(&mut self, source: &str, rows: &str) -> Result<()> {
        let sql = self.sql.watermark_put.clone();
        self.run(&sql, &[source.into(), rows.into()]).await?;
        Ok(())
    }

    pub(crate) async fn parked_keys(&mut self, source: &str) -> Result<BTreeSet<String>> {
        let sql = self.sql.parked_keys.clone();
        let rows = self.query(&sql, &[source.into()]).await?;
        let keys = rows.iter().map(|row| Some(row.first()?.text()?.to_owned()));
        keys.collect::<Option<_>>()
            .ok_or(Error::Unreadable("freehold_parked"))
    }

    pub(crate) async fn park(&mut self, source: &str, rows: &str) -> Result<()> {
        let sql = self.sql.park.clone();
        self.run(&sql, &[source.into(), rows.into()]).await?;
        Ok(())
    }

    /// What was left out for ever and has not been made good since, in order.
    pub(crate) async fn left_out(&mut self, source: &str) -> Result<Vec<LeftOut>> {
        let sql = self.sql.left_out.clone();
        let rows = self.query(&sql, &[source.into()]).await?;
        let left = rows.iter().map(|row| LeftOut::from_row(row));
        left.collect::<Option<_>>()
            .ok_or(Error::Unreadable("freehold_parked"))
    }

    /// A later event said the key's whole state.
    pub(crate) async fn settle_key(&mut self, source: &str, key: &str) -> Result<()> {
        let sql = self.sql.settle_key.clone();
        self.run(&sql, &[source.into(), key.into()]).await?;
        Ok(())
    }

    /// The copies of this topic are filled anew.
    pub(crate) async fn settle_topic(&mut self, source: &str, topic: &Topic) -> Result<()> {
        let sql = self.sql.settle_topic.clone();
        self.run(&sql, &[source.into(), topic.as_str().into()])
            .await?;
        Ok(())
    }

    /// Notes what became of events that tokens may name.
    pub(crate) async fn note_passed(&mut self, source: &str, rows: &str) -> Result<()> {
        let sql = self.sql.passed_put.clone();
        self.run(&sql, &[source.into(), rows.into()]).await?;
        Ok(())
    }

    pub(crate) async fn forget_passed(&mut self, source: &str, before: i64) -> Result<()> {
        let sql = self.sql.passed_forget.clone();
        self.run(&sql, &[source.into(), Value::I64(before)]).await?;
        Ok(())
    }

    pub(crate) async fn heard(
        &mut self,
        source: &str,
        position: Position,
        ticked_at: i64,
    ) -> Result<()> {
        let sql = self.sql.fresh_put.clone();
        let args = [
            source.into(),
            position.to_string().into(),
            Value::I64(ticked_at),
        ];
        self.run(&sql, &args).await?;
        Ok(())
    }

    /// Writes rows of a copy, or removes them: whichever statement `sql` is.
    pub(crate) async fn change_copy(&mut self, statements: &[String], rows: &str) -> Result<()> {
        for sql in statements.iter().filter(|_| !rows.is_empty()) {
            self.run(sql, &[rows.into()]).await?;
        }
        Ok(())
    }
}

fn record(row: &[Value]) -> Result<Record> {
    Record::from_row(row).ok_or(Error::Unreadable("freehold_batch"))
}

fn incarnation(row: &[Value]) -> Option<(Base, String)> {
    let incarnation: Incarnation = row.get(1)?.text()?.parse().ok()?;
    let base = row.get(3)?.text()?;
    let after = if base.is_empty() {
        None
    } else {
        Some(base.parse().ok()?)
    };
    Some((Base { incarnation, after }, row.get(2)?.text()?.to_owned()))
}

fn outbox_row(row: &[Value]) -> Option<OutboxRow> {
    let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
    let hex = row.get(1)?.text()?;
    let mut event_id = [0; 16];
    for (at, byte) in event_id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(OutboxRow {
        id: row.first()?.int()?,
        event_id,
        topic: text(2)?,
        // Not every store can compute it.
        lane: Lane::of(row.get(3)?.text()?).number(),
        key: text(3)?,
        payload: text(4),
        headers: text(5),
        occurred_at: row.get(6)?.int()?,
    })
}
