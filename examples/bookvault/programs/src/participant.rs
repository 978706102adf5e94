//! Taking part in sagas: who calls, and the library's barrier around a piece of business, in one
//! transaction with it.

use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use freehold::participant::{
    self, BARRIER_PATH, CALLER, Call, CallerKey, Dialect, Given, KEY, OUTCOME, Taken,
};
use serde_json::Value as Json_;

use crate::log;
use crate::refusal::Refusal;
use crate::store::{Error, Result, Store, Tx, Value};

pub(crate) use freehold::participant::Acted;

/// Larger requests are nobody's.
const BODY_BYTES: usize = 1 << 20;

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

/// Puts `routes` behind the question who calls, and adds what belongs to every participant. With a
/// key, a request of a saga that is not signed with it reaches no handler.
pub(crate) fn guarded(routes: Router, store: Arc<Store>, key: Option<CallerKey>) -> Router {
    if key.is_none() {
        log::line("FREEHOLD_CALLER_KEY is not set: whoever reaches this port can call as any saga");
    }
    let barrier = Router::new()
        .route(BARRIER_PATH, post(status))
        .route(BARRIER_PATH, delete(forget))
        .with_state(store);
    routes
        .merge(barrier)
        .layer(axum::middleware::from_fn_with_state(key, known_caller))
}

async fn known_caller(
    State(key): State<Option<CallerKey>>,
    request: Request,
    next: Next,
) -> std::result::Result<Response, Refusal> {
    let Some(key) = key.filter(|_| request.headers().contains_key(KEY)) else {
        return Ok(next.run(request).await);
    };
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES).await;
    let body = body.map_err(|error| Refusal::invalid(format!("the body: {error}")))?;
    let path = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(forged) = key.caller(head.method.as_str(), path, header, &body) {
        log::line(&format!("refused a call to {path}: {forged}"));
        return Err(Refusal::unknown_caller(forged.to_string()));
    }
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

/// Answers one request of a saga.
pub(crate) async fn take_part(
    store: &Store,
    headers: &HeaderMap,
    business: &impl Business,
) -> std::result::Result<Response, Refusal> {
    let call = Call::read(|name| text(headers, name)).ok_or_else(|| {
        Refusal::invalid(
            "this is a step of a saga: it needs an `idempotency-key` of saga/step/generation/kind",
        )
    })?;
    let caller = caller(headers)?;
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let around = Around(business);
    let taken = participant::take_part(&mut tx, caller, &call, &around, now_ms()).await?;
    let (headers, body) = match taken {
        Taken::Said { headers, body } if !call.has_expired(now_ms()) => (headers, body),
        Taken::Said { .. } | Taken::Expired => {
            return Err(Refusal::conflict(
                "the request came too late: nothing was done",
            ));
        }
        Taken::OtherBody => {
            log::line(&format!("{} came again with another body", call.key));
            return Err(Refusal::invalid("this key came with another body before"));
        }
        Taken::Busy => return Err(Refusal::unavailable("somebody is at it: ask again")),
    };
    tx.commit().await?;
    if let Some((_, outcome)) = headers.iter().find(|(name, _)| *name == OUTCOME) {
        log::line(&format!(
            "{} {} {outcome} (saga {})",
            business.name(),
            call.step,
            call.saga
        ));
    }
    Ok(answer(&headers, body))
}

/// What became of a step whose own address the caller does not know.
async fn status(
    State(store): State<Arc<Store>>,
    headers: HeaderMap,
) -> std::result::Result<Response, Refusal> {
    if !text(&headers, KEY).is_some_and(|key| key.ends_with("/status")) {
        return Err(Refusal::invalid("only a status is asked here"));
    }
    take_part(&store, &headers, &Nothing).await
}

async fn forget(
    State(store): State<Arc<Store>>,
    headers: HeaderMap,
) -> std::result::Result<StatusCode, Refusal> {
    let key = text(&headers, KEY).unwrap_or_default();
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    if !participant::forget(&mut tx, caller(&headers)?, key).await? {
        return Err(Refusal::invalid("it needs a key of SAGA/-/0/forget"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Behind [`known_caller`] this header is proven.
fn caller(headers: &HeaderMap) -> std::result::Result<&str, Refusal> {
    let named = text(headers, CALLER).filter(|caller| !caller.is_empty());
    named.ok_or_else(|| Refusal::unknown_caller("the request names no `freehold-caller`"))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A status asks for no business.
struct Nothing;

impl Business for Nothing {
    fn name(&self) -> &'static str {
        "status"
    }

    async fn act(&self, _: &mut Tx<'_>) -> Result<Acted> {
        Ok(Err("nothing is done here".to_owned()))
    }

    async fn take_back(&self, _: &mut Tx<'_>, _: &Json_) -> Result<()> {
        Ok(())
    }
}

/// BookVault's business as the library asks for it.
struct Around<'b, B>(&'b B);

impl<'l, B: Business> participant::Business<Tx<'l>> for Around<'_, B> {
    async fn act(&self, tx: &mut Tx<'l>) -> Result<Acted> {
        self.0.act(tx).await
    }

    async fn take_back(&self, tx: &mut Tx<'l>, output: &Json_) -> Result<()> {
        self.0.take_back(tx, output).await
    }
}

impl participant::Transaction for Tx<'_> {
    type Error = Error;

    fn dialect(&self) -> Dialect {
        self.speaks()
    }

    async fn rows(&mut self, sql: &str, given: &[Given<'_>]) -> Result<Vec<Vec<Option<String>>>> {
        let rows = self.query(sql, &values(given)).await?;
        Ok(rows.iter().map(crate::store::Row::texts).collect())
    }

    async fn execute(&mut self, sql: &str, given: &[Given<'_>]) -> Result<u64> {
        match Tx::execute(self, sql, &values(given)).await {
            Err(error) if error.is_there => Ok(0),
            changed => changed,
        }
    }
}

fn values(given: &[Given<'_>]) -> Vec<Value> {
    let value = |it: &Given<'_>| match it {
        Given::Text(text) => (*text).into(),
        Given::Whole(whole) => (*whole).into(),
    };
    given.iter().map(value).collect()
}

fn answer(headers: &[(&'static str, String)], body: Json_) -> Response {
    let mut response = (StatusCode::OK, Json(body)).into_response();
    for (name, value) in headers {
        // Ids and words only: nothing that a header could not hold.
        if let Ok(value) = HeaderValue::from_str(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
