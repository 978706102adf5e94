//! The executor's store: one connection and an engine's statements, with types. Decides nothing.

use std::collections::HashSet;

use freehold_engine::{Commit, Connection, Error, ErrorKind, Result, SagaSql, TxMode, Value};
use serde::Serialize;
use serde_json::json;

use crate::saga_id::SagaId;
use crate::signal::Signal;
use crate::transition::Millis;

/// A leadership of one share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Share {
    #[serde(rename = "s")]
    pub(crate) number: u8,
    #[serde(rename = "e")]
    pub(crate) epoch: i64,
}

/// A row of the shares' table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareRow {
    pub(crate) share: Share,
    pub(crate) holder: String,
    pub(crate) alive: bool,
    pub(crate) until: Millis,
    pub(crate) format: u8,
    pub(crate) rebuilt: String,
}

/// A start that nobody has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) saga: SagaId,
    pub(crate) definition: String,
    pub(crate) key: String,
    pub(crate) input: String,
    pub(crate) locks: Vec<String>,
}

/// An instance's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) saga: SagaId,
    pub(crate) definition: String,
    pub(crate) state: Vec<u8>,
}

/// An instance to be written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    pub(crate) i: String,
    pub(crate) s: u8,
    pub(crate) d: String,
    /// The version that was read; of an insert nothing.
    pub(crate) p: Option<u64>,
    pub(crate) v: u64,
    /// The state: how it travels is [`with_states`]'s.
    #[serde(skip)]
    pub(crate) x: Vec<u8>,
    pub(crate) m: String,
    pub(crate) f: bool,
}

/// A row with its state, or with where that is among those of all rows.
#[derive(Serialize)]
struct Placed<'r> {
    #[serde(flatten)]
    row: &'r Written,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    o: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<usize>,
}

/// What became of a signal.
#[derive(Debug, Serialize)]
pub(crate) struct Noted {
    pub(crate) i: String,
    pub(crate) g: i64,
    pub(crate) w: String,
    pub(crate) a: String,
    pub(crate) t: Option<String>,
    pub(crate) p: Option<String>,
    pub(crate) o: String,
}

pub(crate) struct Store {
    connection: Box<dyn Connection>,
    sql: SagaSql,
}

impl Store {
    pub(crate) async fn open(mut connection: Box<dyn Connection>, sql: SagaSql) -> Result<Self> {
        for sql in &sql.once {
            connection.execute(sql).await?;
        }
        Ok(Self { connection, sql })
    }

    pub(crate) async fn begin(&mut self) -> Result<()> {
        self.connection.begin(TxMode::Durable).await
    }

    pub(crate) async fn commit(&mut self) -> Commit {
        self.connection.commit().await
    }

    pub(crate) async fn rollback(&mut self) -> Result<()> {
        self.connection.rollback().await
    }

    pub(crate) fn broken(&self) -> bool {
        self.connection.broken()
    }

    /// The store's clock in milliseconds, and which life of the store this is.
    pub(crate) async fn identity(&mut self) -> Result<(Millis, String)> {
        let rows = self.connection.query(&self.sql.identity, &[]).await?;
        let row = rows.first().ok_or_else(odd)?;
        Ok((millis(row, 0)?, text(row, 1)?))
    }

    pub(crate) async fn join(&mut self, holder: &str, term: i64) -> Result<u64> {
        let args = [holder.into(), Value::I64(term)];
        self.connection.run(&self.sql.member_put, &args).await?;
        let rows = self.connection.query(&self.sql.members, &[]).await?;
        let row = rows.first().ok_or_else(odd)?;
        number(row, 0)
    }

    pub(crate) async fn part(&mut self, holder: &str) -> Result<()> {
        let args = [holder.into()];
        self.connection.run(&self.sql.member_delete, &args).await?;
        Ok(())
    }

    pub(crate) async fn shares(&mut self) -> Result<Vec<ShareRow>> {
        let rows = self.connection.query(&self.sql.shares, &[]).await?;
        let read = |row: &Vec<Value>| {
            Ok(ShareRow {
                share: Share {
                    number: number(row, 0)?,
                    epoch: number(row, 2)?,
                },
                holder: text(row, 1)?,
                alive: row.get(3).and_then(Value::truth).ok_or_else(odd)?,
                until: millis(row, 4)?,
                format: number(row, 5)?,
                rebuilt: text(row, 6)?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(crate) async fn take(
        &mut self,
        shares: &[Share],
        holder: &str,
        term: i64,
        format: u8,
    ) -> Result<()> {
        let args = [
            array(shares),
            holder.into(),
            Value::I64(term),
            Value::I64(format.into()),
        ];
        self.connection.run(&self.sql.share_take, &args).await?;
        Ok(())
    }

    pub(crate) async fn renew(&mut self, shares: &[Share], holder: &str, term: i64) -> Result<()> {
        let args = [array(shares), holder.into(), Value::I64(term)];
        self.connection.run(&self.sql.share_renew, &args).await?;
        Ok(())
    }

    pub(crate) async fn resign(&mut self, shares: &[Share], holder: &str) -> Result<()> {
        let args = [array(shares), holder.into()];
        self.connection.run(&self.sql.share_resign, &args).await?;
        Ok(())
    }

    pub(crate) async fn rebuilt(&mut self, shares: &[Share], life: &str) -> Result<()> {
        let args = [array(shares), life.into()];
        self.connection.run(&self.sql.share_rebuilt, &args).await?;
        Ok(())
    }

    /// Those that are still led.
    pub(crate) async fn fence(&mut self, shares: &[Share]) -> Result<Vec<u8>> {
        let args = [array(shares)];
        let rows = self.connection.query(&self.sql.fence, &args).await?;
        rows.iter().map(|row| number(row, 0)).collect()
    }

    /// Begins with the fence and writes a batch behind it: new instances, whose starts are claimed,
    /// and others, what became of signals, and locks that are freed. In one message where the engine
    /// can, so the caller rolls back when the fence says that a share is lost. Returns the shares
    /// that are still led, and the sagas whose rows were as they had been read; only those were
    /// written.
    pub(crate) async fn begin_batch(
        &mut self,
        shares: &[Share],
        inserts: &[&Written],
        updates: &[&Written],
        noted: &[&Noted],
        freed: &[SagaId],
    ) -> Result<(Vec<u8>, Vec<SagaId>)> {
        let sql = &self.sql;
        let mut sent = vec![(sql.fence.as_str(), vec![array(shares)])];
        // Where the answer to the update stands.
        let mut at = None;
        if !updates.is_empty() {
            at = Some(sent.len());
            if sql.instances_match.is_empty() {
                let args = with_states(updates, sql.states_in_rows);
                sent.push((&sql.instances_update, args));
            } else {
                let read = updates.iter().map(|row| json!({"i": row.i, "p": row.p}));
                let read = array(&read.collect::<Vec<_>>());
                sent.push((&sql.instances_match, vec![read]));
            }
        }
        if !inserts.is_empty() {
            let args = with_states(inserts, sql.states_in_rows);
            sent.push((&sql.instances_insert, args));
            let claimed: Vec<&String> = inserts.iter().map(|row| &row.i).collect();
            sent.push((&sql.starts_claim, vec![array(&claimed)]));
        }
        if !noted.is_empty() {
            let numbers: Vec<String> = noted.iter().map(|it| it.g.to_string()).collect();
            sent.push((&sql.actions_put, vec![array(noted)]));
            sent.push((&sql.signals_delete, vec![array(&numbers)]));
        }
        if !freed.is_empty() {
            sent.push((&sql.locks_free, vec![ids(freed)]));
        }
        let answers = self.connection.begin_with(TxMode::Durable, &sent).await?;
        let still = answers.first().into_iter().flatten();
        let still = still.map(|row| number(row, 0)).collect::<Result<_>>()?;
        let written = at.and_then(|at| answers.get(at)).into_iter().flatten();
        let written: Vec<SagaId> = written.map(|row| id(row, 0)).collect::<Result<_>>()?;
        if !sql.instances_match.is_empty() && !written.is_empty() {
            self.update(updates, &written).await?;
        }
        Ok((still, written))
    }

    /// Writes those that were found to be as they had been read.
    async fn update(&mut self, rows: &[&Written], found: &[SagaId]) -> Result<()> {
        let found: HashSet<&SagaId> = found.iter().collect();
        let is_found =
            |row: &&Written| SagaId::parse(&row.i).is_some_and(|saga| found.contains(&saga));
        let rows: Vec<&Written> = rows.iter().copied().filter(is_found).collect();
        let args = with_states(&rows, self.sql.states_in_rows);
        self.connection
            .run(&self.sql.instances_update, &args)
            .await?;
        Ok(())
    }

    pub(crate) async fn keep_definition(
        &mut self,
        hash: &str,
        name: &str,
        version: u32,
        conflict: &str,
        body: &str,
    ) -> Result<()> {
        let args = [
            hash.into(),
            name.into(),
            Value::I64(version.into()),
            conflict.into(),
            body.into(),
        ];
        self.connection.run(&self.sql.definition_put, &args).await?;
        let args = [hash.into(), name.into()];
        self.connection
            .run(&self.sql.definition_current, &args)
            .await?;
        Ok(())
    }

    /// Hash and body.
    pub(crate) async fn definitions(&mut self) -> Result<Vec<(String, String)>> {
        let rows = self.connection.query(&self.sql.definitions, &[]).await?;
        let read = |row: &Vec<Value>| Ok((text(row, 0)?, text(row, 2)?));
        rows.iter().map(read).collect()
    }

    pub(crate) async fn new_starts(&mut self, shares: &[u8], most: usize) -> Result<Vec<Start>> {
        let args = [array(shares), count(most)];
        let rows = self.connection.query(&self.sql.starts_new, &args).await?;
        let read = |row: &Vec<Value>| {
            Ok(Start {
                saga: id(row, 0)?,
                definition: text(row, 1)?,
                key: text(row, 2)?,
                input: text(row, 3)?,
                locks: keys(&text(row, 4)?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Those of these that have a start row, with their lock keys, oldest first.
    pub(crate) async fn known_starts(
        &mut self,
        sagas: &[SagaId],
    ) -> Result<Vec<(SagaId, Vec<String>)>> {
        let args = [ids(sagas)];
        let rows = self.connection.query(&self.sql.starts_known, &args).await?;
        let read = |row: &Vec<Value>| Ok((id(row, 0)?, keys(&text(row, 1)?)));
        rows.iter().map(read).collect()
    }

    pub(crate) async fn open_instances(
        &mut self,
        shares: &[u8],
        after: &str,
        most: usize,
    ) -> Result<Vec<Row>> {
        let args = [array(shares), after.into(), count(most)];
        let rows = self
            .connection
            .query(&self.sql.instances_open, &args)
            .await?;
        rows.into_iter().map(instance).collect()
    }

    pub(crate) async fn instances(&mut self, sagas: &[SagaId]) -> Result<Vec<Row>> {
        let args = [ids(sagas)];
        let rows = self
            .connection
            .query(&self.sql.instances_by_id, &args)
            .await?;
        rows.into_iter().map(instance).collect()
    }

    /// Ended long ago.
    pub(crate) async fn old(&mut self, shares: &[u8], age: i64, most: usize) -> Result<Vec<Row>> {
        let args = [array(shares), Value::I64(age), count(most)];
        let rows = self
            .connection
            .query(&self.sql.instances_old, &args)
            .await?;
        let read = |row: Vec<Value>| {
            Ok(Row {
                saga: id(&row, 0)?,
                definition: text(&row, 1)?,
                state: bytes(row, 2)?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    pub(crate) async fn prune(&mut self, sagas: &[SagaId]) -> Result<()> {
        let args = [ids(sagas)];
        for sql in &self.sql.prune {
            self.connection.run(sql, &args).await?;
        }
        Ok(())
    }

    pub(crate) async fn signals(&mut self, shares: &[u8], most: usize) -> Result<Vec<Signal>> {
        let args = [array(shares), count(most)];
        let rows = self.connection.query(&self.sql.signals, &args).await?;
        let read = |row: &Vec<Value>| {
            let optional = |at: usize| row.get(at).and_then(Value::text).map(str::to_owned);
            Ok(Signal {
                id: number(row, 0)?,
                saga: optional(1).as_deref().and_then(SagaId::parse),
                asked: text(row, 2)?,
                step: optional(3),
                seen: row
                    .get(4)
                    .and_then(Value::whole)
                    .and_then(|seen| u64::try_from(seen).ok()),
                payload: optional(5).and_then(|text| serde_json::from_str(&text).ok()),
                who: text(row, 6)?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(crate) async fn consume(&mut self, signals: &[Noted]) -> Result<()> {
        self.connection
            .run(&self.sql.actions_put, &[array(signals)])
            .await?;
        let numbers: Vec<String> = signals.iter().map(|it| it.g.to_string()).collect();
        self.connection
            .run(&self.sql.signals_delete, &[array(&numbers)])
            .await?;
        Ok(())
    }

    /// Of these keys, those that somebody holds.
    pub(crate) async fn held_locks(&mut self, keys: &[String]) -> Result<Vec<(String, SagaId)>> {
        let rows = self
            .connection
            .query(&self.sql.locks_held, &[array(keys)])
            .await?;
        let read = |row: &Vec<Value>| Ok((text(row, 0)?, id(row, 1)?));
        rows.iter().map(read).collect()
    }

    /// Each key for its saga. False: somebody was first with some of them.
    pub(crate) async fn lock(&mut self, keys: &[(SagaId, String)]) -> Result<bool> {
        let rows: Vec<_> = keys
            .iter()
            .map(|(saga, key)| json!({"k": key, "i": saga.to_string()}))
            .collect();
        let taken = self
            .connection
            .run(&self.sql.locks_put, &[array(&rows)])
            .await?;
        Ok(usize::try_from(taken) == Ok(keys.len()))
    }
}

fn array<T: Serialize + ?Sized>(rows: &T) -> Value {
    Value::Text(serde_json::to_string(rows).unwrap_or_default())
}

/// Rows with their states: within, or one behind the other.
fn with_states(rows: &[&Written], within: bool) -> Vec<Value> {
    let mut states = Vec::new();
    let placed = rows.iter().map(|row| {
        if within {
            let x = Some(freehold_engine::hex(&row.x));
            let (o, l) = (None, None);
            return Placed { row, x, o, l };
        }
        let (o, l) = (Some(states.len() + 1), Some(row.x.len()));
        states.extend_from_slice(&row.x);
        Placed { row, x: None, o, l }
    });
    let placed: Vec<Placed<'_>> = placed.collect();
    let mut args = vec![array(&placed)];
    if !within {
        args.push(Value::Bytes(states));
    }
    args
}

fn ids(sagas: &[SagaId]) -> Value {
    let texts: Vec<String> = sagas.iter().map(SagaId::to_string).collect();
    array(&texts)
}

fn count(most: usize) -> Value {
    Value::I64(i64::try_from(most).unwrap_or(i64::MAX))
}

/// Sorted, each once: locks are taken in one order by everybody.
fn keys(json: &str) -> Vec<String> {
    let mut keys: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    keys.sort();
    keys.dedup();
    keys
}

fn instance(row: Vec<Value>) -> Result<Row> {
    Ok(Row {
        saga: id(&row, 0)?,
        definition: text(&row, 2)?,
        state: bytes(row, 3)?,
    })
}

fn odd() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "a row of the sagas' tables cannot be read",
    )
}

fn text(row: &[Value], at: usize) -> Result<String> {
    let text = row.get(at).and_then(Value::text).ok_or_else(odd)?;
    Ok(text.to_owned())
}

fn number<T: TryFrom<i64>>(row: &[Value], at: usize) -> Result<T> {
    let number = row.get(at).and_then(Value::whole).ok_or_else(odd)?;
    T::try_from(number).map_err(|_| odd())
}

/// From microseconds.
fn millis(row: &[Value], at: usize) -> Result<Millis> {
    let micros: i64 = number(row, at)?;
    Ok(Millis::try_from(micros.max(0)).unwrap_or(0) / 1000)
}

fn id(row: &[Value], at: usize) -> Result<SagaId> {
    let text = row.get(at).and_then(Value::text).ok_or_else(odd)?;
    SagaId::parse(text).ok_or_else(odd)
}

fn bytes(mut row: Vec<Value>, at: usize) -> Result<Vec<u8>> {
    match row
        .get_mut(at)
        .map(|cell| std::mem::replace(cell, Value::Null))
    {
        Some(Value::Bytes(bytes)) => Ok(bytes),
        _ => Err(odd()),
    }
}
