//! Measures sagas of four steps: `saga_bench SAGAS [ONLY]`. A row of JSON per case, each beside its
//! limit in the same run: the requests alone for participants over HTTP, the core alone for
//! participants in the same process.
//!
//! Latencies are from the start's commit to the last transition, by the store's clock, with all
//! sagas under way at once; `alone` has one at a time.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use freehold_engine::{BoxFuture, Connection, TxMode};
use freehold_model::{EngineKind, Isolation};
use freehold_saga::http::Http;
use freehold_saga::operate::{Filter, list};
use freehold_saga::wire::{KEY, OUTCOME, Said};
use freehold_saga::{
    Answer, Ask, Event, Executor, Instance, Kind, Outcome, Participants, Prepared, Settings, Sound,
    encode_instance, read,
};
use freehold_testkit::sagashop::{Sagashop, login};
use freehold_testkit::{Admin, Must as _, Shape};
use serde_json::json;
use tokio::sync::watch;

const SAGA: &str = "saga: place_order
input: { order_id: text }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
  - step: points
    call: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id } }
    resolve: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id } }
  - step: confirm
    kind: retriable
    call: { http: \"POST ${SERVICE}/confirm\", body: { order: input.order_id } }
";

/// Participants that do nothing, in this process.
struct Nothing;

impl Participants for Nothing {
    fn ask(&self, _: Ask) -> BoxFuture<'static, Answer> {
        Box::pin(async { Answer::Said(Said::Outcome(Outcome::Done), json!({})) })
    }
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let sagas: usize = args.next().and_then(|it| it.parse().ok()).unwrap_or(20_000);
    let only = args.next().unwrap_or_default();
    for (kind, name) in [
        (EngineKind::Sqlite, "sqlite"),
        (EngineKind::Postgres, "postgres"),
        (EngineKind::Mariadb, "mariadb"),
    ] {
        for case in ["inprocess-4-noop", "http-4-noop", "alone"] {
            let case = format!("{name}-{case}");
            if case.contains(&only) {
                measure(kind, &case, sagas).await;
            }
        }
    }
}

async fn measure(kind: EngineKind, case: &str, sagas: usize) {
    let Some(shape) = Shape::ready(kind, Isolation::Database, Admin::Superuser).await else {
        return;
    };
    let shop = Sagashop::opens(&shape).await;
    let service = shop.payment.want.service.clone();
    let text = SAGA.replace("SERVICE", &service);
    let definition = read(&text, Path::new("bench.yaml"))
        .must("a definition")
        .definition;
    let over_http = case.ends_with("http-4-noop");
    let (people, limit): (Arc<dyn Participants>, f64) = if over_http {
        let address = serve().await;
        let http = Arc::new(Http::new(
            BTreeMap::from([(service.clone(), address)]),
            "orders",
            None,
        ));
        let limit = requests_alone(&http, &service).await / 4.0;
        (http, limit)
    } else {
        (
            Arc::new(Nothing),
            core_alone(&Prepared::new(definition.clone())),
        )
    };
    let engine = shop.orders.engine;
    let sidecar = login(&shop.orders, &shop.orders.want.identities.sidecar).await;
    let sql = engine.sagas(&shop.orders.want).must("statements");
    let settings = Settings {
        poll: Duration::from_millis(2),
        ..Settings::new("bench")
    };
    let connection = engine.connect(&sidecar).await.must("a connection");
    let definitions = [definition];
    let opened = Executor::open(
        connection,
        sql.clone(),
        &definitions,
        people,
        settings,
        Arc::new(|_| {}),
    );
    let mut executor = opened.await.expect("an executor");
    executor.lead_now().await.expect("it leads");
    let mut eyes = engine.connect(&sidecar).await.must("a connection");
    let alone = case.ends_with("alone");
    let count = if alone { 100 } else { sagas };
    let (end, mut ending) = watch::channel(false);
    let began = Instant::now();
    let feed = async {
        let mut last = 0;
        while last < count {
            let batch = if alone { 1 } else { 1_000.min(count - last) };
            eyes.begin(TxMode::Durable).await.must("begin");
            for number in last..last + batch {
                let key = format!("order-{number}");
                let input = format!("{{\"order_id\": \"{key}\"}}");
                let args = ["place_order".into(), key.into(), input.into(), "[]".into()];
                eyes.run(&sql.start_put, &args).await.must("a start");
            }
            eyes.commit().await.done().must("commit");
            last += batch;
            if alone {
                until_none(eyes.as_mut(), &sql).await;
            }
        }
        until_none(eyes.as_mut(), &sql).await;
        let took = began.elapsed();
        let _ = end.send(true);
        took
    };
    let (worked, took) = tokio::join!(executor.run(&mut ending), feed);
    worked.expect("a healthy executor");
    let filter = Filter {
        ended: true,
        most: 1_000,
        ..Filter::default()
    };
    let seen = list(eyes.as_mut(), &sql, &filter).await.must("sagas");
    let mut times: Vec<u64> = seen.iter().map(|it| it.updated - it.created).collect();
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
    let (rate, commits) = (
        count as f64 / took.as_secs_f64(),
        executor.commits() as f64 / count as f64,
    );
    println!(
        "{}",
        json!({ "case": case, "sagas": count, "sagas_per_s": rate.round(), "p50_ms": at(50), "p99_ms": at(99),
            "commits_per_saga": commits, "limit": limit.round(), "fdatasync_us": fdatasync() })
    );
}

async fn until_none(eyes: &mut dyn Connection, sql: &freehold_engine::SagaSql) {
    let filter = Filter {
        most: 1,
        ..Filter::default()
    };
    while !list(eyes, sql, &filter).await.must("sagas").is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Participants over HTTP that do nothing.
async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .must("a port");
    let address = format!("http://{}", listener.local_addr().must("its address"));
    let done = |headers: HeaderMap| async move {
        let key = headers.get(KEY).cloned().must("a key");
        let done = axum::http::HeaderValue::from_static("done");
        ([(KEY, key), (OUTCOME, done)], "{}")
    };
    let router = axum::Router::new().fallback(done);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Requests a second, as many at once as the executor makes.
async fn requests_alone(http: &Arc<Http>, service: &str) -> f64 {
    let began = Instant::now();
    let each = 200;
    let askers: Vec<_> = (0..128)
        .map(|asker| {
            let (http, service) = (Arc::clone(http), service.to_owned());
            tokio::spawn(async move {
                for number in 0..each {
                    let ask = Ask {
                        way: freehold_saga::Way::Http,
                        service: service.clone(),
                        method: freehold_saga::Method::Post,
                        path: "/reserve".to_owned(),
                        body: "{}".to_owned(),
                        key: format!("{asker}/{number}/1/action"),
                        kind: Kind::Action,
                        expires: 0,
                        digest: String::new(),
                        timeout: Duration::from_secs(1),
                    };
                    http.ask(ask).await;
                }
            })
        })
        .collect();
    for asker in askers {
        asker.await.expect("no panic");
    }
    f64::from(128 * each) / began.elapsed().as_secs_f64()
}

/// Sagas a second through the core and into bytes.
fn core_alone(prepared: &Prepared) -> f64 {
    let began = Instant::now();
    let count = 2_000;
    for number in 0..count {
        let input = json!({ "order_id": format!("order-{number}") });
        let mut it = Instance::new(prepared, "s".into(), "k".into(), input);
        let mut take = |event: Event| {
            let (next, _) = it
                .advance::<Sound>(prepared, 0, &event, Some(json!({})))
                .expect("legal");
            it = next;
            std::hint::black_box(encode_instance(&it));
        };
        take(Event::Begin);
        for step in 0..4 {
            take(Event::Reply {
                step,
                generation: 1,
                kind: Kind::Action,
                outcome: Outcome::Done,
            });
        }
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// The middle of many.
fn fdatasync() -> u64 {
    let folder = tempfile::tempdir().must("a folder");
    let mut file = std::fs::File::create(folder.path().join("f")).must("a file");
    let mut times: Vec<u64> = (0..100)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[0; 4096])
                .and_then(|()| file.sync_data())
                .must("a write");
            u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
        })
        .collect();
    times.sort_unstable();
    times[50]
}
