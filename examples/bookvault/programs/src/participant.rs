//! Taking part in sagas: the barrier around a piece of business, in one transaction with it.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use freehold::participant::{Call, Decision, GENERATIONS, Kind, Outcome, Ran, Recorded, decide};
use serde_json::{Value as Json_, json};

use crate::log;
use crate::refusal::Refusal;
use crate::store::{Result, Store, Tx, Value};

/// The one system whose sagas call here. A signature that proves it belongs to the contract and is
/// not checked yet: these programs listen on this machine only.
const CALLER: &str = "orders";

/// What the action did: its output, or why it is refused.
pub(crate) type Acted = std::result::Result<Json_, String>;

/// A step of a saga, as its participant does it and takes it back.
pub(crate) trait Business: Sync {
    /// For the log.
    fn name(&self) -> &'static str;

    /// Does it. A refusal's effects are rolled back by the caller.
    fn act(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Acted>> + Send;

    /// Takes back what was done; `output` is what the action said then.
    fn take_back(&self, tx: &mut Tx<'_>, output: &Json_)
    -> impl Future<Output = Result<()>> + Send;
}

/// Answers one request of a saga.
pub(crate) async fn take_part(
    store: &Store,
    headers: &HeaderMap,
    business: &impl Business,
) -> std::result::Result<Response, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let call = Call::read(header).ok_or_else(|| {
        Refusal::invalid(
            "this is a step of a saga: it needs an `idempotency-key` of saga/step/generation/kind",
        )
    })?;
    if call.kind == Kind::Status {
        return status(store, &call).await;
    }
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let (recorded, stored) = recorded(&mut tx, &call).await?;
    let (outcome, output) = match decide(call.kind, recorded, call.has_expired(now_ms())) {
        Decision::Act => act(&mut tx, &call, business).await?,
        Decision::TakeBack => {
            insert(&mut tx, &call, "undo", "done").await?;
            business.take_back(&mut tx, &stored).await?;
            (Outcome::Undone, Json_::Null)
        }
        Decision::Block(outcome) => {
            insert(&mut tx, &call, "action", Ran::Empty.name()).await?;
            insert(&mut tx, &call, "undo", Ran::Empty.name()).await?;
            (outcome, Json_::Null)
        }
        Decision::Mark(outcome) => {
            insert(&mut tx, &call, "undo", Ran::Empty.name()).await?;
            (outcome, Json_::Null)
        }
        Decision::Answer(outcome) => (outcome, stored),
        Decision::Expired => return Err(expired()),
    };
    let life = tx.one("SELECT token FROM freehold_saga_life", &[]).await?;
    if call.has_expired(now_ms()) {
        return Err(expired());
    }
    tx.commit().await?;
    log::line(&format!(
        "{} {} {outcome} (saga {})",
        business.name(),
        call.step,
        call.saga
    ));
    let incarnation = life.map(|row| row.text(0)).unwrap_or_default();
    Ok(answer(&call.reply(outcome, &incarnation), output))
}

/// Records `done` first, so that of two at once one waits at the row and none at the business.
async fn act(tx: &mut Tx<'_>, call: &Call, business: &impl Business) -> Result<(Outcome, Json_)> {
    insert(tx, call, "action", Ran::Done.name()).await?;
    tx.execute("SAVEPOINT business", &[]).await?;
    let (ran, outcome, output) = match business.act(tx).await? {
        Ok(output) => (Ran::Done, Outcome::Done, output),
        Err(why) => {
            tx.execute("ROLLBACK TO SAVEPOINT business", &[]).await?;
            (Ran::Refused, Outcome::Refused, json!({ "reason": why }))
        }
    };
    let sql = "UPDATE freehold_barrier SET ran = ?, result = ? WHERE caller = ? AND saga = ? AND step = ? AND generation = ? AND kind = 'action'";
    let mut values = vec![ran.name().into(), (&output.to_string()).into()];
    values.extend(place(call));
    tx.execute(sql, &values).await?;
    Ok((outcome, output))
}

fn place(call: &Call) -> [Value; 4] {
    [
        CALLER.into(),
        (&call.saga).into(),
        (&call.step).into(),
        i64::from(call.generation).into(),
    ]
}

async fn insert(tx: &mut Tx<'_>, call: &Call, kind: &str, ran: &str) -> Result<()> {
    let sql = "INSERT INTO freehold_barrier (caller, saga, step, generation, kind, ran, digest) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let mut values = place(call).to_vec();
    values.extend([kind.into(), ran.into(), (&call.digest).into()]);
    tx.execute(sql, &values).await.map(drop)
}

/// What the rows say, locked. Of two calls that find no row, one fails at its insert: its caller
/// hears *unknown* and asks again.
async fn recorded(tx: &mut Tx<'_>, call: &Call) -> Result<(Recorded, Json_)> {
    let sql = format!(
        "SELECT kind, ran, result FROM freehold_barrier WHERE caller = ? AND saga = ? AND step = ? AND generation = ?{}",
        tx.for_update()
    );
    let (mut recorded, mut stored) = (Recorded::default(), Json_::Null);
    for row in tx.query(&sql, &place(call)).await? {
        if row.text(0) == "undo" {
            recorded.undone = true;
            continue;
        }
        recorded.action = Ran::named(&row.text(1));
        stored = serde_json::from_str(&row.text(2)).unwrap_or_default();
    }
    Ok((recorded, stored))
}

async fn status(store: &Store, call: &Call) -> std::result::Result<Response, Refusal> {
    let sql = "SELECT generation, kind, ran FROM freehold_barrier WHERE caller = ? AND saga = ? AND step = ?";
    let rows = store.query(sql, &place(call)[..3]).await?;
    let highest = rows.iter().map(|row| row.int(0)).max().unwrap_or(0);
    let undone = |generation| {
        rows.iter()
            .any(|row| row.int(0) == generation && row.text(1) == "undo")
    };
    let done = rows
        .iter()
        .filter(|row| row.text(1) == "action" && row.text(2) == Ran::Done.name())
        .map(|row| row.int(0))
        .find(|generation| !undone(*generation))
        .map_or("-".to_owned(), |generation| generation.to_string());
    let life = store
        .query("SELECT token FROM freehold_saga_life", &[])
        .await?;
    let life = life.first().map(|row| row.text(0)).unwrap_or_default();
    let [key, _, incarnation] = call.reply(Outcome::NotFound, &life);
    Ok(answer(
        &[key, (GENERATIONS, format!("{highest} {done}")), incarnation],
        Json_::Null,
    ))
}

fn answer(headers: &[(&'static str, String)], body: Json_) -> Response {
    let mut response = (StatusCode::OK, Json(body)).into_response();
    for (name, value) in headers {
        // Ids and words only: nothing that a header could not hold.
        if let Ok(value) = value.parse() {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn expired() -> Refusal {
    Refusal::conflict("the request came too late: nothing was done")
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
