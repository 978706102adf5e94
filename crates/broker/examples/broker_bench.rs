//! How fast the embedded broker is on this machine, beside what the disk can do. Started by
//! `cargo xtask bench broker`, as a release build; prints a JSON row per case.
//!
//! A case's `events_per_s` is from the first publish to the last acknowledgement (`publish-…`), to
//! the last message read (`fetch`), or both at once (`end-to-end`). `limit` is a plain file that is
//! appended to with the same bytes and synced as often; `fdatasync_us` the median of single syncs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use freehold_broker::embedded::{Embedded, Server, Settings};
use freehold_broker::{
    AccountWant, Body, Broker, Compression, EventId, Incarnation, Lane, Login, Message, Partitions,
    Position, Secret, Session, Start, Timestamp, To, Topic, TopicWant,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PARTITIONS: u8 = 8;
const PAYLOAD: usize = 200;

fn main() -> Result<(), Failure> {
    let events: u64 = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 1_000_000,
    };
    let folder = std::env::temp_dir().join(format!("freehold-broker-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(bench(&folder, events));
    std::fs::remove_dir_all(&folder)?;
    done
}

async fn bench(folder: &Path, events: u64) -> Result<(), Failure> {
    let sync = sync_latency(folder)?;
    let login = |name: &str| Login {
        name: name.to_owned(),
        secret: Secret::new("only-here"),
    };
    let (admin, orders) = (login("admin"), login("orders"));
    let socket = folder.join("socket");
    let server = Server::open(Settings::new(folder.join("data"), &socket, admin.clone()))?;
    tokio::spawn(server.serve(std::future::pending()));
    let address = format!("unix:{}", socket.display());
    let admin = loop {
        match Embedded.administer(&address, &admin).await {
            Ok(admin) => break admin,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let mut topics = Vec::new();
    for name in ["one.v1", "four.v1", "both.v1"] {
        let topic = Topic::new(name)?;
        let want = TopicWant {
            topic: topic.clone(),
            partitions: Partitions::new(PARTITIONS).ok_or("partitions")?,
            keep_for: None,
            keep_bytes: None,
            compression: Compression::None,
        };
        admin.ensure_topic(&want).await?;
        topics.push(topic);
    }
    let account = AccountWant {
        service: "orders".to_owned(),
        verifier: Some(Embedded.verifier(&orders.secret)?),
        writes: topics.clone(),
        reads: topics.clone(),
    };
    admin.ensure_account(&account).await?;
    let session = Embedded.connect(&address, &orders).await?;

    // One event at a time, as an idle system has them.
    let single = messages(&topics[0], 0, 2_000);
    let mut latencies = Vec::new();
    for one in &single {
        let start = Instant::now();
        publish(session.as_ref(), std::slice::from_ref(one)).await?;
        latencies.push(start.elapsed());
    }
    latencies.sort();
    let total: Duration = latencies.iter().sum();
    row("publish-single", 2_000, total, &latencies, 0.0, sync);

    // A backlog, in the relay's batches.
    let limit = plain_append(folder, events, 2_000)?;
    let mut latencies = Vec::new();
    let (mut next, start) = (0, Instant::now());
    while next < events {
        let batch = messages(&topics[1], next, 2_000.min(events - next));
        let begun = Instant::now();
        publish(session.as_ref(), &batch).await?;
        latencies.push(begun.elapsed());
        next += batch.len() as u64;
    }
    latencies.sort();
    row(
        "publish-batches",
        events,
        start.elapsed(),
        &latencies,
        limit,
        sync,
    );

    let start = Instant::now();
    fetch(session.as_ref(), &topics[1], events).await?;
    row("fetch", events, start.elapsed(), &[], limit, sync);

    let reader = Embedded.connect(&address, &orders).await?;
    let topic = topics[2].clone();
    let start = Instant::now();
    let reading = tokio::spawn(async move { fetch(reader.as_ref(), &topic, events).await });
    let mut next = 0;
    while next < events {
        let batch = messages(&topics[2], next, 2_000.min(events - next));
        publish(session.as_ref(), &batch).await?;
        next += batch.len() as u64;
    }
    reading.await??;
    row("end-to-end", events, start.elapsed(), &[], limit, sync);
    Ok(())
}

async fn publish(session: &dyn Session, messages: &[Message]) -> Result<(), Failure> {
    let settled = session.publish(messages).await;
    if settled.acknowledged == messages.len() {
        return Ok(());
    }
    Err(format!("{settled:?}").into())
}

/// Reads all partitions at once until so many messages have come.
async fn fetch(session: &dyn Session, topic: &Topic, events: u64) -> Result<(), Failure> {
    let partitions = Partitions::new(PARTITIONS).ok_or("partitions")?;
    let (tell, mut told) = tokio::sync::mpsc::channel::<Result<u64, freehold_broker::Error>>(64);
    let mut readers = tokio::task::JoinSet::new();
    for partition in partitions.each() {
        let opened = session.subscribe("orders", topic, partition, Start::Beginning);
        let mut subscription = opened.await?;
        let tell = tell.clone();
        readers.spawn(async move {
            loop {
                let next = subscription.next(1_024).await;
                let ended = next.is_err();
                let count = next.map(|messages| messages.len() as u64);
                if tell.send(count).await.is_err() || ended {
                    return;
                }
            }
        });
    }
    let mut found = 0;
    while found < events {
        found += told.recv().await.ok_or("no reader is left")??;
    }
    readers.shutdown().await;
    Ok(())
}

fn messages(topic: &Topic, from: u64, count: u64) -> Vec<Message> {
    let payload = bytes::Bytes::from(vec![b'7'; PAYLOAD]);
    let source: std::sync::Arc<str> = "orders".into();
    let content_type: std::sync::Arc<str> = "application/json".into();
    let incarnation = Incarnation {
        number: 1,
        random: 7,
    };
    let message = |number: u64| {
        let key = format!("order-{}", number % 10_000);
        let mut event = [0; 16];
        event[..8].copy_from_slice(&number.to_le_bytes());
        let position = |number: u64| Position {
            incarnation,
            batch: number / 2_000,
            id: i64::try_from(number).unwrap_or(0),
        };
        Message {
            event: EventId(event),
            topic: topic.clone(),
            to: To::Lane(Lane::of(&key)),
            key,
            source: source.clone(),
            position: position(number + 1),
            prev: (number > 0).then(|| position(number)),
            occurred_at: Timestamp::from_micros(0),
            headers: Vec::new(),
            body: Body::Event {
                content_type: content_type.clone(),
                payload: payload.clone(),
            },
        }
    };
    (from..from + count).map(message).collect()
}

/// The median of 200 appends of one page, each synced, in microseconds.
fn sync_latency(folder: &Path) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("sync"))?;
    let mut all = Vec::new();
    for _ in 0..200 {
        file.write_all(&[0; 4_096])?;
        let start = Instant::now();
        file.sync_data()?;
        all.push(start.elapsed());
    }
    all.sort();
    Ok(all[100].as_secs_f64() * 1e6)
}

/// As many bytes to one plain file, synced once per batch: events per second.
fn plain_append(folder: &Path, events: u64, batch: u64) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("plain"))?;
    let bytes = vec![7; usize::try_from(batch)? * (PAYLOAD + 110)];
    let start = Instant::now();
    for _ in 0..events / batch {
        file.write_all(&bytes)?;
        file.sync_data()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

fn row(case: &str, events: u64, took: Duration, latencies: &[Duration], limit: f64, sync: f64) {
    let at = |part: usize| {
        let index = (latencies.len() * part / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).map(|one| one.as_secs_f64() * 1e3)
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = events as f64 / took.as_secs_f64();
    let row = serde_json::json!({
        "case": case,
        "events_per_s": rate.round(),
        "p50_ms": at(50),
        "p99_ms": at(99),
        "limit": limit.round(),
        "fdatasync_us": sync.round(),
    });
    #[expect(clippy::print_stdout, reason = "what it is for")]
    {
        println!("{row}");
    }
}
