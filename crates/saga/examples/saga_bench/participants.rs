//! Whom the sagas of a measurement ask: nobody at all, somebody over HTTP who does nothing, or
//! somebody over HTTP who commits each effect behind the barrier.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use freehold_engine::{BoxFuture, Connection, TxMode};
use freehold_saga::http::Http;
use freehold_saga::wire::{DIGEST, KEY, OUTCOME, Said, parse_key};
use freehold_saga::{Answer, Ask, Outcome, Participants};
use freehold_testkit::Must as _;
use serde_json::json;
use tokio::sync::{Mutex, Notify, mpsc};

use crate::stores::{LAST, Stores};

/// Connections of the participant that commits: so many commits share a sync to disk.
const CONNECTIONS: usize = 32;

/// Participants, and how many sagas have got their last answer.
pub(crate) struct Asked {
    pub(crate) http: Option<Arc<Http>>,
    counting: Arc<Counting>,
}

impl Asked {
    pub(crate) async fn of(case: &str, stores: &Stores) -> Self {
        let address = if case.ends_with("http-4-noop") {
            Some(serve(None).await)
        } else if case.ends_with("http-4-durable") {
            Some(serve(Some(Arc::new(Ledger::opens(stores).await))).await)
        } else {
            None
        };
        let service = stores.shop.payment.want.service.clone();
        let http = address.map(|address| {
            Arc::new(Http::new(
                BTreeMap::from([(service, address)]),
                "orders",
                None,
            ))
        });
        let inner: Arc<dyn Participants> = match &http {
            Some(http) => Arc::clone(http) as Arc<dyn Participants>,
            None => Arc::new(Nothing),
        };
        let counting = Arc::new(Counting {
            inner,
            sample: std::sync::Mutex::default(),
            ended: Arc::default(),
            moved: Arc::default(),
        });
        Self { http, counting }
    }

    pub(crate) fn people(&self) -> Arc<dyn Participants> {
        Arc::clone(&self.counting) as Arc<dyn Participants>
    }

    pub(crate) fn ended(&self) -> usize {
        self.counting.ended.load(Ordering::Relaxed)
    }

    /// Until another one got its last answer.
    pub(crate) async fn moved(&self) {
        self.counting.moved.notified().await;
    }
}

/// In this process: done, at once.
struct Nothing;

impl Participants for Nothing {
    fn ask(&self, _: Ask) -> BoxFuture<'static, Answer> {
        Box::pin(async { Answer::Said(Said::Outcome(Outcome::Done), json!({})) })
    }
}

struct Counting {
    inner: Arc<dyn Participants>,
    /// Some request as it went out.
    sample: std::sync::Mutex<Option<Ask>>,
    ended: Arc<AtomicUsize>,
    moved: Arc<Notify>,
}

impl Participants for Counting {
    fn ask(&self, ask: Ask) -> BoxFuture<'static, Answer> {
        self.sample
            .lock()
            .must("nobody panics")
            .get_or_insert_with(|| ask.clone());
        let last = parse_key(&ask.key).is_some_and(|(_, step, _, _)| step == LAST);
        let asked = self.inner.ask(ask);
        let (ended, moved) = (Arc::clone(&self.ended), Arc::clone(&self.moved));
        Box::pin(async move {
            let answer = asked.await;
            if last && matches!(answer, Answer::Said(..)) {
                ended.fetch_add(1, Ordering::Relaxed);
                moved.notify_one();
            }
            answer
        })
    }
}

async fn serve(ledger: Option<Arc<Ledger>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .must("a port");
    let address = format!("http://{}", listener.local_addr().must("its address"));
    let router = axum::Router::new().fallback(answer).with_state(ledger);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(State(ledger): State<Option<Arc<Ledger>>>, headers: HeaderMap) -> Response {
    let Some(key) = headers.get(KEY).cloned() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Some(ledger) = ledger {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        if ledger.note(&text(KEY), &text(DIGEST)).await.is_none() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    }
    let done = HeaderValue::from_static("done");
    ([(KEY, key), (OUTCOME, done)], "{}").into_response()
}

/// Barrier row and effect in one statement that commits by itself: the effect depends on the row.
/// A participant that found the row taken would go the longer way; here none does.
struct Ledger {
    sql: String,
    free: Mutex<mpsc::UnboundedReceiver<Box<dyn Connection>>>,
    back: mpsc::UnboundedSender<Box<dyn Connection>>,
}

impl Ledger {
    async fn opens(stores: &Stores) -> Self {
        let at = stores.participant().await;
        let (back, free) = mpsc::unbounded_channel();
        for _ in 0..CONNECTIONS {
            let connected = stores.shop.payment.engine.connect(&at).await;
            let mut connection = connected.must("a connection");
            // From here on it keeps its statements prepared.
            connection.begin(TxMode::Durable).await.must("begin");
            connection.commit().await.done().must("commit");
            let _ = back.send(connection);
        }
        let barrier = stores.shop.payment.want.spot.own("barrier");
        Self {
            sql: format!(
                "WITH b AS (INSERT INTO {barrier} (caller, saga, step, generation, kind, ran, result, digest)
 VALUES ('orders', $1, $2, $3, 'action', 'done', '{{}}', $4) RETURNING saga, step)
 INSERT INTO effects (saga, step, delta) SELECT saga, step, 1 FROM b"
            ),
            free: Mutex::new(free),
            back,
        }
    }

    async fn note(&self, key: &str, digest: &str) -> Option<()> {
        let (saga, step, generation, _) = parse_key(key)?;
        let args = [
            saga.into(),
            step.into(),
            i64::from(generation).into(),
            digest.into(),
        ];
        let mut connection = self.free.lock().await.recv().await?;
        let noted = connection.run(&self.sql, &args).await;
        let _ = self.back.send(connection);
        noted.ok().map(|_| ())
    }
}

/// Requests a second, as many at once as an executor makes: like those that it made.
pub(crate) async fn requests_alone(http: &Arc<Http>, asked: &Asked) -> f64 {
    let sample = asked.counting.sample.lock().must("nobody panics").clone();
    let sample = sample.must("somebody was asked");
    let began = Instant::now();
    let each = 100;
    let askers: Vec<_> = (0..128)
        .map(|asker| {
            let (http, sample) = (Arc::clone(http), sample.clone());
            tokio::spawn(async move {
                for number in 0..each {
                    let key = format!("alone-{asker}-{number}/reserve/1/action");
                    http.ask(Ask {
                        key,
                        ..sample.clone()
                    })
                    .await;
                }
            })
        })
        .collect();
    for asker in askers {
        asker.await.expect("no panic");
    }
    f64::from(128 * each) / began.elapsed().as_secs_f64()
}

/// Takes a request and never says anything.
pub(crate) struct Silent;

impl Participants for Silent {
    fn ask(&self, _: Ask) -> BoxFuture<'static, Answer> {
        Box::pin(std::future::pending())
    }
}
