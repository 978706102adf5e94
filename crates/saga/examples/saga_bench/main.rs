//! Measures sagas of four steps: `saga_bench SAGAS [ONLY]`, a case or a part of their names. A row of
//! JSON per case, each beside its limit in the same run: the requests alone for participants over
//! HTTP, the core alone for participants in the same process.
//!
//! Starts come while sagas run, so many under way at a time ([`UNDER_WAY`]). Latencies are from the
//! start's row to the last transition's, by the store's clock; `alone` has one at a time, from its
//! start's commit until its end can be read.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod participants;
mod recovery;
mod stores;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use freehold_model::EngineKind;
use freehold_saga::{Event, Executor, Instance, Kind, Outcome, Prepared, Sound, encode_instance};
use freehold_testkit::Must as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use participants::Asked;
use stores::Stores;

/// Sagas that have been started and have not ended, at most.
const UNDER_WAY: usize = 4_096;
/// Starts in one transaction.
const AT_ONCE: usize = 1_024;
const ALONE: usize = 200;

const ENGINES: [(EngineKind, &str); 3] = [
    (EngineKind::Sqlite, "sqlite"),
    (EngineKind::Postgres, "postgres"),
    (EngineKind::Mariadb, "mariadb"),
];
const CASES: [&str; 6] = [
    "inprocess-4",
    "http-4-noop",
    "http-4-durable",
    "inprocess-4-alone",
    "takeover",
    "parked",
];

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let sagas: usize = args.next().and_then(|it| it.parse().ok()).unwrap_or(20_000);
    let only = args.next().unwrap_or_default();
    let known = CASES.iter().any(|case| {
        ENGINES
            .iter()
            .any(|(_, name)| format!("{name}-{case}") == only)
    });
    for (kind, name) in ENGINES {
        for case in CASES {
            let name = format!("{name}-{case}");
            let asked = if known {
                name == only
            } else {
                name.contains(&only)
            };
            // A file has one writer: participants that commit would measure nothing but that.
            let pointless = kind != EngineKind::Postgres && case == "http-4-durable"
                || kind != EngineKind::Sqlite && case == "parked";
            if pointless || !asked {
                continue;
            }
            let row = match case {
                "parked" => recovery::parked(kind, &name, sagas).await,
                "takeover" => recovery::takeover(kind, &name, sagas).await,
                "inprocess-4-alone" => alone(kind, &name).await,
                _ => many(kind, &name, sagas).await,
            };
            if let Some(row) = row {
                println!("{row}");
            }
        }
    }
}

/// As many as can be, one after the other coming.
async fn many(kind: EngineKind, case: &str, sagas: usize) -> Option<Value> {
    let stores = Stores::opens(kind).await?;
    let asked = Asked::of(case, &stores).await;
    let mut executor = stores.executor(asked.people()).await;
    let mut feeding = stores.program().await;
    let (end, mut ending) = watch::channel(false);
    let began = Instant::now();
    let feed = async {
        let mut last = 0;
        while asked.ended() < sagas {
            if last < sagas && last < asked.ended() + UNDER_WAY {
                let next = sagas.min(last + AT_ONCE);
                stores.start(feeding.as_mut(), last..next).await;
                last = next;
            } else {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        let mut eyes = stores.eyes().await;
        while stores.ended(eyes.as_mut()).await < sagas {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let took = began.elapsed();
        let _ = end.send(true);
        took
    };
    let (worked, took) = tokio::join!(executor.run(&mut ending), feed);
    worked.expect("a healthy executor");
    let limit = match &asked.http {
        Some(http) => participants::requests_alone(http, &asked).await / 4.0,
        None => core_alone(&Prepared::new(stores.definition.clone())),
    };
    Some(row(
        case,
        &stores,
        &executor,
        stores.latencies().await,
        took,
        limit,
    ))
}

async fn alone(kind: EngineKind, case: &str) -> Option<Value> {
    let stores = Stores::opens(kind).await?;
    let asked = Asked::of(case, &stores).await;
    let limit = core_alone(&Prepared::new(stores.definition.clone()));
    let mut executor = stores.executor(asked.people()).await;
    let mut feeding = stores.program().await;
    let mut eyes = stores.eyes().await;
    let (end, mut ending) = watch::channel(false);
    let began = Instant::now();
    let feed = async {
        let mut times = Vec::new();
        for number in 0..ALONE {
            stores.start(feeding.as_mut(), number..number + 1).await;
            let started = Instant::now();
            while asked.ended() <= number {
                asked.moved().await;
            }
            while stores.ended(eyes.as_mut()).await <= number {}
            times.push(started.elapsed().as_secs_f64() * 1e3);
            // Whoever comes next does not find an executor that has just looked.
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let took = began.elapsed();
        let _ = end.send(true);
        (times, took)
    };
    let (worked, (times, took)) = tokio::join!(executor.run(&mut ending), feed);
    worked.expect("a healthy executor");
    Some(row(case, &stores, &executor, times, took, limit))
}

fn row(
    case: &str,
    stores: &Stores,
    executor: &Executor,
    mut times: Vec<f64>,
    took: Duration,
    limit: f64,
) -> Value {
    times.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| round(times.get(times.len() * part / 100).copied().unwrap_or(0.0));
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
    let (count, commits) = (times.len() as f64, executor.commits() as f64);
    json!({
        "case": case, "sagas": times.len(), "sagas_per_s": round(count / took.as_secs_f64()),
        "p50_ms": at(50), "p99_ms": at(99), "commits_per_saga": round(commits / count),
        "limit": round(limit), "fdatasync_us": fdatasync(stores.folder()),
    })
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Sagas a second through the core and into bytes.
fn core_alone(prepared: &Prepared) -> f64 {
    let began = Instant::now();
    let count = 5_000;
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

/// The middle of many, where the store is.
fn fdatasync(folder: &Path) -> u64 {
    let mut file = tempfile::tempfile_in(folder).must("a file");
    let mut times: Vec<u64> = (0..200)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[0; 4096])
                .and_then(|()| file.sync_data())
                .must("a write");
            u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
        })
        .collect();
    times.sort_unstable();
    times[100]
}
