//! Participants over HTTP: every path is a step, behind the barrier, on a store of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use freehold_engine::{BoxFuture, Connection, SagaSql, Value as Cell};
use freehold_saga::Outcome;
use freehold_saga::barred::{Became, Business, Request, Work, headers, take_part};
use freehold_saga::wire::Said;
use freehold_saga::{http::signature, wire};
use freehold_testkit::Must as _;
use serde_json::json;
use tokio::sync::Mutex;

pub(super) const KEY: &str = "between the two of them";

/// What they do besides their duty.
#[derive(Debug, Clone, Default)]
pub(super) struct Manners {
    pub(super) refuse: BTreeSet<String>,
    pub(super) stall: BTreeSet<String>,
    /// These wait before they act, some longer than anybody waits for them.
    pub(super) late: BTreeSet<String>,
}

/// How long a late one waits at most.
pub(super) const LATE: Duration = Duration::from_secs(1);

type Connected = freehold_engine::Result<Box<dyn Connection>>;
type Connect = Box<dyn Fn() -> BoxFuture<'static, Connected> + Send + Sync>;

struct Shop {
    store: Mutex<Option<Box<dyn Connection>>>,
    connect: Connect,
    sql: SagaSql,
    manners: Mutex<Manners>,
    stalled: Mutex<BTreeSet<String>>,
    /// Actions that found their undo.
    overtaken: AtomicUsize,
}

pub(super) struct Running {
    pub(super) address: String,
    shop: Arc<Shop>,
}

impl Running {
    pub(super) async fn begins(
        sql: SagaSql,
        connect: impl Fn() -> BoxFuture<'static, Connected> + Send + Sync + 'static,
    ) -> Self {
        let shop = Arc::new(Shop {
            store: Mutex::new(None),
            connect: Box::new(connect),
            sql,
            manners: Mutex::new(Manners::default()),
            stalled: Mutex::new(BTreeSet::new()),
            overtaken: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .must("a port");
        let address = format!("http://{}", listener.local_addr().must("its address"));
        let router = axum::Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&shop));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shop }
    }

    pub(super) async fn behave(&self, manners: Manners) {
        *self.shop.manners.lock().await = manners;
        self.shop.stalled.lock().await.clear();
    }

    /// How many actions came after their undo.
    pub(super) fn arrived_late(&self) -> usize {
        self.shop.overtaken.load(Ordering::Relaxed)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

async fn serve(
    State(shop): State<Arc<Shop>>,
    method: axum::http::Method,
    uri: Uri,
    headers_in: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers_in.get(name).and_then(|value| value.to_str().ok());
    let read = || {
        let (caller, key) = (header(wire::CALLER)?, header(wire::KEY)?);
        let (expires, digest) = (header(wire::EXPIRES)?, header(wire::DIGEST)?);
        let text = wire::signed_text(
            caller,
            method.as_str(),
            uri.path(),
            key,
            expires.parse().ok()?,
            digest,
        );
        let right = signature(KEY.as_bytes(), &text);
        (header(wire::SIGNATURE) == Some(right.as_str()))
            .then(|| Request::new(caller, key, expires, digest))?
    };
    let Some(request) = read() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    drop(body);
    let key = header(wire::KEY).unwrap_or_default().to_owned();
    let step = request.step.clone();
    let manners = shop.manners.lock().await.clone();
    let stalls = manners.stall.contains(&step)
        && request.kind == freehold_saga::Kind::Action
        && shop.stalled.lock().await.insert(request.saga.clone());
    let waits = if manners.late.contains(&step) && request.kind == freehold_saga::Kind::Action {
        // By the key, so that an attempt and its repetition wait equally long.
        let dice = key
            .bytes()
            .fold(7_u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
        LATE * (dice % 100) / 100
    } else {
        Duration::ZERO
    };
    // What was begun goes on when nobody waits for its answer any more.
    let acting = tokio::spawn({
        let (shop, refuses) = (Arc::clone(&shop), manners.refuse.contains(&step));
        async move {
            tokio::time::sleep(waits).await;
            act(&shop, &request, refuses).await
        }
    });
    let answered = acting.await.unwrap_or(Err(()));
    if stalls {
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let Ok(reply) = answered else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let (status, out) = headers(&key, &reply);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let body = reply.map(|(_, body)| body.to_string()).unwrap_or_default();
    let mut response = (status, body).into_response();
    for (name, value) in out {
        let value = axum::http::HeaderValue::from_str(&value).expect("a header's value");
        response.headers_mut().insert(name, value);
    }
    response
}

async fn act(
    shop: &Shop,
    request: &Request,
    refuses: bool,
) -> Result<freehold_saga::barred::Reply, ()> {
    let mut store = shop.store.lock().await;
    if store.as_ref().is_none_or(|store| store.broken()) {
        *store = Some((shop.connect)().await.map_err(|_| ())?);
    }
    let Some(connection) = store.as_mut() else {
        return Err(());
    };
    let effect = Effect {
        saga: request.saga.clone(),
        step: request.step.clone(),
        refuses,
    };
    let barrier = &shop.sql.barrier;
    let done = take_part(connection.as_mut(), barrier, request, &now, &effect).await;
    if done.is_err() {
        // Whatever state it is in.
        *store = None;
    }
    if matches!(done, Ok(Some((Said::Outcome(Outcome::Cancelled), _)))) {
        shop.overtaken.fetch_add(1, Ordering::Relaxed);
    }
    done.map_err(|_| ())
}

/// A row in the ledger, either way.
struct Effect {
    saga: String,
    step: String,
    refuses: bool,
}

impl Business for Effect {
    fn work<'c>(
        &'c self,
        connection: &'c mut dyn Connection,
        work: Work,
    ) -> BoxFuture<'c, freehold_engine::Result<Became>> {
        Box::pin(async move {
            let acts = work == Work::Act;
            let delta = if acts { 1 } else { -1 };
            let args = [
                Cell::Text(self.saga.clone()),
                Cell::Text(self.step.clone()),
                Cell::I64(delta),
            ];
            let marks = match connection.probe().product {
                "PostgreSQL" => "$1, $2, $3",
                _ => "?, ?, ?",
            };
            let sql = format!("INSERT INTO effects (saga, step, delta) VALUES ({marks})");
            connection.run(&sql, &args).await?;
            if self.refuses && acts {
                return Ok(Became::Refused(json!({ "why": "not today" })));
            }
            Ok(Became::Done(json!({ "step": self.step })))
        })
    }
}
