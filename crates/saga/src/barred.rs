//! A participant's transaction: the barrier around what it does. The reference for participants in
//! any language; docs/guides/sagas.md has the same as SQL.
//!
//! The barrier's row is the first statement, so that duplicates wait on it before they touch
//! anything else. Effect, row and result commit together and durably before any reply.

use freehold_engine::Value as Cell;
use freehold_engine::{
    BarrierSql, BoxFuture, Commit, Connection, Error, ErrorKind, Result, TxMode,
};
use serde_json::Value;

use crate::Sound;
use crate::barrier::{Decision, Ran, Recorded, decide};
use crate::transition::{Kind, Millis, Outcome, Told};
use crate::wire::{Said, parse_key};

/// A request as a participant got it. `caller` was proven, not read from a header alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub caller: String,
    pub saga: String,
    pub step: String,
    pub generation: u32,
    pub kind: Kind,
    /// In the caller's time: clocks differ by seconds, requests live for minutes.
    pub expires: Millis,
    pub digest: String,
}

impl Request {
    /// From its headers; `None`: it is none.
    pub fn new(caller: &str, key: &str, expires: &str, digest: &str) -> Option<Self> {
        let (saga, step, generation, kind) = parse_key(key)?;
        Some(Self {
            caller: caller.to_owned(),
            saga: saga.to_owned(),
            step: step.to_owned(),
            generation,
            kind,
            expires: expires.parse().ok()?,
            digest: digest.to_owned(),
        })
    }
}

/// What is to be done, within the open transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    Act,
    /// With what the action had given.
    TakeBack(Value),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Became {
    Done(Value),
    /// Whatever it wrote is rolled back. An undo cannot be refused.
    Refused(Value),
}

/// What is answered; `None`: nothing that may be acted on.
pub type Reply = Option<(Said, Value)>;

/// What a participant does for a request.
pub trait Business: Sync {
    /// Does it, or takes it back, over the connection whose transaction is open.
    fn work<'c>(
        &'c self,
        connection: &'c mut dyn Connection,
        work: Work,
    ) -> BoxFuture<'c, Result<Became>>;
}

/// Does the business of a request exactly once, or answers what became of it. `now` is asked when
/// it comes and again before the commit.
///
/// # Errors
/// The store's and the business's; nothing of it is in force then, unless a commit's outcome is not
/// known. The caller answers nothing, and the request comes again.
pub async fn take_part(
    connection: &mut dyn Connection,
    sql: &BarrierSql,
    request: &Request,
    now: &(dyn Fn() -> Millis + Send + Sync),
    business: &dyn Business,
) -> Result<Reply> {
    if now() >= request.expires {
        return Ok(None);
    }
    if request.kind == Kind::Status {
        return status(connection, sql, request).await;
    }
    // Who finds the row taken rolls back and reads it; who is overtaken in between begins again.
    for _ in 0..4 {
        connection.begin(TxMode::Durable).await?;
        let tried = attempt(connection, sql, request, now, business).await;
        match tried {
            Ok(Some(reply)) => match connection.commit().await {
                Commit::Done => return Ok(Some(reply)),
                Commit::Refused(error) | Commit::Unknown(error) => return Err(error),
            },
            Ok(None) => {
                connection.rollback().await?;
                return Ok(None);
            }
            Err(error) => {
                if connection.broken() {
                    return Err(error);
                }
                connection.rollback().await?;
                if error.kind != ErrorKind::Unique {
                    return Err(error);
                }
            }
        }
        connection.begin(TxMode::Durable).await?;
        let found = found(connection, sql, request, now, business).await;
        match found {
            Ok(Some(reply)) => match connection.commit().await {
                Commit::Done => return Ok(Some(reply)),
                Commit::Refused(error) | Commit::Unknown(error) => return Err(error),
            },
            Ok(None) => {
                connection.rollback().await?;
                return Ok(None);
            }
            Err(error) => {
                if connection.broken() {
                    return Err(error);
                }
                connection.rollback().await?;
                if error.kind != ErrorKind::Unique {
                    return Err(error);
                }
            }
        }
    }
    Ok(None)
}

fn key(request: &Request) -> Vec<Cell> {
    vec![
        request.caller.as_str().into(),
        request.saga.as_str().into(),
        request.step.as_str().into(),
        Cell::I64(request.generation.into()),
    ]
}

async fn insert(
    connection: &mut dyn Connection,
    sql: &BarrierSql,
    request: &Request,
    kind: &str,
    ran: &str,
) -> Result<()> {
    let mut args = key(request);
    args.extend([kind.into(), ran.into(), request.digest.as_str().into()]);
    connection.run(&sql.insert, &args).await.map(|_| ())
}

/// As if nobody had been here: fails with `Unique` where somebody was.
async fn attempt(
    connection: &mut dyn Connection,
    sql: &BarrierSql,
    request: &Request,
    now: &(dyn Fn() -> Millis + Send + Sync),
    business: &dyn Business,
) -> Result<Reply> {
    match decide::<Sound>(request.kind, Recorded::default(), false) {
        Decision::Act => {
            insert(connection, sql, request, "action", "done").await?;
            act(connection, sql, request, now, business).await
        }
        Decision::Block(outcome) => {
            insert(connection, sql, request, "action", "empty").await?;
            insert(connection, sql, request, "undo", "done").await?;
            Ok(Some(answered(outcome, Value::Null)))
        }
        _ => found(connection, sql, request, now, business).await,
    }
}

async fn act(
    connection: &mut dyn Connection,
    sql: &BarrierSql,
    request: &Request,
    now: &(dyn Fn() -> Millis + Send + Sync),
    business: &dyn Business,
) -> Result<Reply> {
    connection.execute("SAVEPOINT freehold_business").await?;
    let became = business.work(connection, Work::Act).await?;
    let (ran, outcome, result) = match became {
        Became::Done(result) => ("done", Outcome::Done, result),
        Became::Refused(why) => {
            connection
                .execute("ROLLBACK TO SAVEPOINT freehold_business")
                .await?;
            ("refused", Outcome::Refused, why)
        }
    };
    // An action that outlives its request would take effect after everybody has stopped waiting.
    if now() >= request.expires {
        return Ok(None);
    }
    let mut args = key(request);
    args.extend([ran.into(), result.to_string().into()]);
    connection.run(&sql.ran, &args).await?;
    Ok(Some(answered(outcome, result)))
}

/// Somebody was here.
async fn found(
    connection: &mut dyn Connection,
    sql: &BarrierSql,
    request: &Request,
    now: &(dyn Fn() -> Millis + Send + Sync),
    business: &dyn Business,
) -> Result<Reply> {
    let rows = connection.query(&sql.read, &key(request)).await?;
    let mut recorded = Recorded::default();
    let mut result = Value::Null;
    for row in &rows {
        let cell = |at: usize| row.get(at).and_then(Cell::text).unwrap_or_default();
        if cell(0) == "undo" {
            recorded.undone = true;
            continue;
        }
        recorded.action = Some(match cell(1) {
            "done" => Ran::Done,
            "refused" => Ran::Refused,
            "empty" => Ran::Empty,
            other => {
                let message = format!("`{other}` is no state of a barrier's row");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        });
        if request.kind == Kind::Action && cell(3) != request.digest {
            // The same key for something else: whoever sent it has to look.
            return Ok(None);
        }
        result = serde_json::from_str(cell(2)).unwrap_or(Value::Null);
    }
    match decide::<Sound>(request.kind, recorded, false) {
        Decision::TakeBack => {
            insert(connection, sql, request, "undo", "done").await?;
            business.work(connection, Work::TakeBack(result)).await?;
            if now() >= request.expires {
                return Ok(None);
            }
            Ok(Some(answered(Outcome::Undone, Value::Null)))
        }
        Decision::Mark(outcome) => {
            insert(connection, sql, request, "undo", "done").await?;
            Ok(Some(answered(outcome, Value::Null)))
        }
        Decision::Answer(outcome) => {
            let shown = matches!(outcome, Outcome::Done | Outcome::Refused);
            Ok(Some(answered(
                outcome,
                if shown { result } else { Value::Null },
            )))
        }
        // The row is gone again: whoever had inserted it rolled back.
        Decision::Act | Decision::Block(_) => Err(Error::new(
            ErrorKind::Unique,
            "the barrier's row came and went",
        )),
        Decision::Expired => Ok(None),
    }
}

fn answered(outcome: Outcome, body: Value) -> (Said, Value) {
    let body = if body.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        body
    };
    (Said::Outcome(outcome), body)
}

async fn status(
    connection: &mut dyn Connection,
    sql: &BarrierSql,
    request: &Request,
) -> Result<Reply> {
    let args = &key(request)[..3];
    let rows = connection.query(&sql.status, args).await?;
    let mut told = Told::default();
    let cell = |row: &[Cell], at: usize| row.get(at).and_then(Cell::text).map(str::to_owned);
    let generation = |row: &[Cell]| {
        let number = row.first().and_then(Cell::whole).unwrap_or(0);
        u32::try_from(number).unwrap_or(0)
    };
    let undone = |number: u32| {
        rows.iter()
            .any(|row| generation(row) == number && cell(row, 1).as_deref() == Some("undo"))
    };
    for row in &rows {
        let number = generation(row);
        told.highest = told.highest.max(number);
        let done =
            cell(row, 1).as_deref() == Some("action") && cell(row, 2).as_deref() == Some("done");
        if done && !undone(number) {
            told.done = told.done.max(Some(number));
        }
    }
    Ok(Some((
        Said::Told(told),
        Value::Object(serde_json::Map::new()),
    )))
}

/// The headers of a reply, and the status line for people and proxies.
pub fn headers(key: &str, reply: &Reply) -> (u16, Vec<(&'static str, String)>) {
    use crate::wire::{GENERATIONS, KEY, OUTCOME, outcome_name};
    let Some((said, _)) = reply else {
        return (503, Vec::new());
    };
    let mut headers = vec![(KEY, key.to_owned())];
    let status = match said {
        Said::Outcome(outcome) => {
            headers.push((OUTCOME, outcome_name(*outcome).to_owned()));
            match outcome {
                Outcome::Refused | Outcome::Cancelled => 409,
                Outcome::NotFound => 404,
                Outcome::Unknown => 503,
                _ => 200,
            }
        }
        Said::Told(told) => {
            let done = told
                .done
                .map_or_else(|| "-".to_owned(), |done| done.to_string());
            headers.push((GENERATIONS, format!("{} {done}", told.highest)));
            200
        }
    };
    (status, headers)
}
