//! The barrier around a step's business, in the transaction of the business: what a participant has
//! to do besides its work, written once for every driver.
//!
//! The store's transaction is the program's own ([`Transaction`] is what is asked of it). After
//! [`take_part`] the program looks at the expiry once more, commits durably, and only then answers
//! with the headers of [`Taken::Said`].

use std::future::Future;

use serde_json::{Value as Json, json};

use super::{
    Call, Decision, GENERATIONS, INCARNATION, KEY, Kind, OUTCOME, Outcome, Ran, Recorded, decide,
};

/// How the store is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `PostgreSQL`.
    Postgres,
    /// `MySQL` and `MariaDB`.
    Mysql,
    /// `SQLite`.
    Sqlite,
}

/// What stands for a `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given<'v> {
    /// A text.
    Text(&'v str),
    /// A whole number.
    Whole(i64),
}

/// An open transaction of the program's driver. Placeholders are written `?`.
pub trait Transaction {
    /// The driver's.
    type Error;

    /// How this store is spoken to.
    fn dialect(&self) -> Dialect;

    /// The rows, each column as text or NULL.
    fn rows(
        &mut self,
        sql: &str,
        given: &[Given<'_>],
    ) -> impl Future<Output = Result<Vec<Vec<Option<String>>>, Self::Error>> + Send;

    /// How many rows changed. An INSERT whose row is there already (error 1062 of `MySQL` and
    /// `MariaDB`; the others are asked so that none arises) changed none.
    fn execute(
        &mut self,
        sql: &str,
        given: &[Given<'_>],
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

/// What an action did: its output, or why it is refused for good.
pub type Acted = Result<Json, String>;

/// A step of a saga, as its participant does it and takes it back.
pub trait Business<T: Transaction> {
    /// Does it. The effects of a refusal are rolled back, the refusal itself is kept.
    fn act(&self, tx: &mut T) -> impl Future<Output = Result<Acted, T::Error>> + Send;

    /// Takes back what was done; `output` is what the action said then. Cannot refuse.
    fn take_back(
        &self,
        tx: &mut T,
        output: &Json,
    ) -> impl Future<Output = Result<(), T::Error>> + Send;
}

/// What became of a request. Whatever is not [`Taken::Said`] is to be rolled back and answered
/// without an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// Commit, then answer with these headers and this body.
    Said {
        /// Of the reply.
        headers: Vec<(&'static str, String)>,
        /// Of the reply.
        body: Json,
    },
    /// It came too late: nothing may be done.
    Expired,
    /// The same key came with another body before: a mistake of the caller.
    OtherBody,
    /// Somebody is at it: to be asked again.
    Busy,
}

/// Answers one request of `caller`, who was proven by a signature ([`super::CallerKey`]) or by
/// mutual TLS. `now_ms` is the time in milliseconds since 1970.
///
/// The barrier's row is the first that the transaction touches, so begin a fresh one for each call.
///
/// # Errors
/// The driver's; roll back, and answer without an outcome: the caller asks again.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn take_part<T: Transaction, B: Business<T>>(
    tx: &mut T,
    caller: &str,
    call: &Call,
    business: &B,
    now_ms: u64,
) -> Result<Taken, T::Error> {
    if call.has_expired(now_ms) {
        return Ok(Taken::Expired);
    }
    if tx.dialect() == Dialect::Postgres {
        // Durable before anybody hears of it; and who waits for a duplicate says so soon.
        let sql = "SELECT set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '3s', true)";
        tx.rows(sql, &[]).await?;
    }
    let rows = Rows { caller, call };
    if call.kind == Kind::Status {
        return rows.status(tx).await;
    }
    let (outcome, body) = match call.kind {
        Kind::Action if rows.insert(tx, "action", Ran::Done).await? => {
            rows.act(tx, business).await?
        }
        Kind::Undo | Kind::Cancel if rows.insert(tx, "action", Ran::Empty).await? => {
            rows.insert(tx, "undo", Ran::Empty).await?;
            let undone = call.kind == Kind::Undo;
            let outcome = if undone {
                Outcome::Undone
            } else {
                Outcome::Never
            };
            (outcome, Json::Null)
        }
        _ => {
            let (recorded, digest, stored) = rows.read(tx).await?;
            let other = call.kind == Kind::Action && digest != call.digest;
            match decide(call.kind, recorded, false) {
                Decision::TakeBack => {
                    rows.insert(tx, "undo", Ran::Done).await?;
                    business.take_back(tx, &stored).await?;
                    (Outcome::Undone, Json::Null)
                }
                Decision::Mark(outcome) => {
                    rows.insert(tx, "undo", Ran::Empty).await?;
                    (outcome, Json::Null)
                }
                Decision::Answer(Outcome::Done | Outcome::Refused) if other => {
                    return Ok(Taken::OtherBody);
                }
                Decision::Answer(outcome) => (outcome, stored),
                Decision::Expired => return Ok(Taken::Expired),
                // The row that stood in the way is gone: forgotten in between.
                Decision::Act | Decision::Block(_) => return Ok(Taken::Busy),
            }
        }
    };
    let headers = vec![
        (KEY, call.key.clone()),
        (OUTCOME, outcome.to_string()),
        (INCARNATION, incarnation(tx).await?),
    ];
    Ok(Taken::Said { headers, body })
}

/// Forgets a saga of `caller`, as a DELETE to [`super::BARRIER_PATH`] asks for with this key.
/// `false`: the key asks for nothing of the kind. Commit, and answer with any 2xx.
///
/// # Errors
/// The driver's.
pub async fn forget<T: Transaction>(tx: &mut T, caller: &str, key: &str) -> Result<bool, T::Error> {
    let Some(saga) = key.strip_suffix("/-/0/forget").filter(|it| !it.is_empty()) else {
        return Ok(false);
    };
    let sql = "DELETE FROM freehold_barrier WHERE caller = ? AND saga = ?";
    tx.execute(sql, &[Given::Text(caller), Given::Text(saga)])
        .await?;
    Ok(true)
}

/// The rows of one call.
struct Rows<'c> {
    caller: &'c str,
    call: &'c Call,
}

impl Rows<'_> {
    fn place(&self) -> [Given<'_>; 4] {
        [
            Given::Text(self.caller),
            Given::Text(&self.call.saga),
            Given::Text(&self.call.step),
            Given::Whole(self.call.generation.into()),
        ]
    }

    /// `false`: it is there. Waits for whoever is at it.
    async fn insert<T: Transaction>(
        &self,
        tx: &mut T,
        kind: &str,
        ran: Ran,
    ) -> Result<bool, T::Error> {
        let there = match tx.dialect() {
            Dialect::Mysql => "",
            _ => " ON CONFLICT (caller, saga, step, generation, kind) DO NOTHING",
        };
        let sql = format!(
            "INSERT INTO freehold_barrier (caller, saga, step, generation, kind, ran, digest) VALUES (?, ?, ?, ?, ?, ?, ?){there}"
        );
        let mut given = self.place().to_vec();
        given.extend([kind, ran.name(), &self.call.digest].map(Given::Text));
        Ok(tx.execute(&sql, &given).await? == 1)
    }

    async fn act<T: Transaction, B: Business<T>>(
        &self,
        tx: &mut T,
        business: &B,
    ) -> Result<(Outcome, Json), T::Error> {
        tx.execute("SAVEPOINT business", &[]).await?;
        let (ran, outcome, output) = match business.act(tx).await? {
            Ok(output) => (Ran::Done, Outcome::Done, output),
            Err(why) => {
                tx.execute("ROLLBACK TO SAVEPOINT business", &[]).await?;
                (Ran::Refused, Outcome::Refused, json!({ "reason": why }))
            }
        };
        let sql = "UPDATE freehold_barrier SET ran = ?, result = ? WHERE caller = ? AND saga = ? AND step = ? AND generation = ? AND kind = 'action'";
        let text = output.to_string();
        let mut given = vec![Given::Text(ran.name()), Given::Text(&text)];
        given.extend(self.place());
        tx.execute(sql, &given).await?;
        Ok((outcome, output))
    }

    /// What is recorded, the action's digest and its result.
    async fn read<T: Transaction>(&self, tx: &mut T) -> Result<(Recorded, String, Json), T::Error> {
        let lock = match tx.dialect() {
            // One writer at a time: nothing changes in between.
            Dialect::Sqlite => "",
            _ => " FOR UPDATE",
        };
        let sql = format!(
            "SELECT kind, ran, result, digest FROM freehold_barrier WHERE caller = ? AND saga = ? AND step = ? AND generation = ?{lock}"
        );
        let (mut recorded, mut digest, mut stored) =
            (Recorded::default(), String::new(), Json::Null);
        for row in tx.rows(&sql, &self.place()).await? {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            if text(0) == "undo" {
                recorded.undone = true;
                continue;
            }
            recorded.action = Ran::named(&text(1));
            stored = serde_json::from_str(&text(2)).unwrap_or_default();
            digest = text(3);
        }
        Ok((recorded, digest, stored))
    }

    async fn status<T: Transaction>(&self, tx: &mut T) -> Result<Taken, T::Error> {
        let sql = "SELECT generation, kind, ran FROM freehold_barrier WHERE caller = ? AND saga = ? AND step = ?";
        let (mut highest, mut done, mut undone) = (0, Vec::new(), Vec::new());
        for row in tx.rows(sql, &self.place()[..3]).await? {
            let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or("");
            let generation: u32 = text(0).parse().unwrap_or(0);
            highest = highest.max(generation);
            match (text(1), text(2)) {
                ("undo", _) => undone.push(generation),
                (_, ran) if ran == Ran::Done.name() => done.push(generation),
                _ => {}
            }
        }
        let done = done.into_iter().find(|it| !undone.contains(it));
        let done = done.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let headers = vec![
            (KEY, self.call.key.clone()),
            (GENERATIONS, format!("{highest} {done}")),
            (INCARNATION, incarnation(tx).await?),
        ];
        Ok(Taken::Said {
            headers,
            body: Json::Null,
        })
    }
}

async fn incarnation<T: Transaction>(tx: &mut T) -> Result<String, T::Error> {
    let rows = tx.rows("SELECT token FROM freehold_saga_life", &[]).await?;
    let token = rows
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().next());
    Ok(token.flatten().unwrap_or_default())
}
