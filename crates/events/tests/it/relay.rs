//! No loss, no inversion, no double: many writers, and a relay that dies again and again.

#![expect(clippy::print_stdout, reason = "what a long run found")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use freehold_broker::{Body, EventId, Position};
use freehold_engine::{Connection, TxMode, Value};
use freehold_events::{Rules, Sound};
use freehold_model::EngineKind;
use freehold_testkit::Random;

use crate::world::{ENGINES, PATIENCE, World, change, drain, payload, publish};

/// So many keys: some are hot.
const KEYS: usize = 40;

/// What a run found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    committed: usize,
    lost: usize,
    ghosts: usize,
    inverted: usize,
    broken_chains: usize,
}

impl Verdict {
    pub(crate) fn is_sound(&self) -> bool {
        self.lost + self.ghosts + self.inverted + self.broken_chains == 0
    }
}

/// Writers count the version of a key in its row, under the row's lock; so the order of versions
/// is the order of commits.
async fn write(world: &World, seed: u64, transactions: usize, committed: &AtomicI64) {
    let mut random = Random::from(seed);
    let mut program = world.program().await;
    for _ in 0..transactions {
        let commit = one(&mut *program, &mut random).await;
        match commit {
            Ok(events) => {
                committed.fetch_add(events, Ordering::Relaxed);
            }
            // A deadlock, as documented: slots collide. The program tries the next one.
            Err(_) => program.rollback().await.expect("rollback"),
        }
    }
}

async fn one(program: &mut dyn Connection, random: &mut Random) -> freehold_engine::Result<i64> {
    program.begin(TxMode::Write).await?;
    let mut keys: Vec<usize> = (0..=random.below(3)).map(|_| random.below(KEYS)).collect();
    keys.sort_unstable();
    keys.dedup();
    // As an ORM does: one time the insert comes before the row's lock, the next time after.
    for key in &keys {
        let book = i64::try_from(*key).unwrap_or(0);
        let Words { lock, bump, read } = words(program.probe().product);
        let locks = lock.filter(|_| random.below(2) == 0);
        if let Some(lock) = locks {
            program.run(lock, &[book.to_string().into()]).await?;
        }
        program.run(bump, &[Value::I64(book)]).await?;
        let rows = program.query(read, &[Value::I64(book)]).await?;
        let version = rows[0][0].int().unwrap_or(0);
        if locks.is_some() && random.below(5) == 0 {
            tokio::time::sleep(millis(random.below(30))).await;
        }
        publish(program, book, &payload(book, version)).await?;
    }
    if random.below(5) == 0 {
        program.rollback().await?;
        return Ok(0);
    }
    program.commit().await.done()?;
    Ok(i64::try_from(keys.len()).unwrap_or(0))
}

/// What a program says on one engine.
struct Words {
    lock: Option<&'static str>,
    bump: &'static str,
    read: &'static str,
}

fn words(product: &str) -> Words {
    match product {
        "MariaDB" | "MySQL" => Words {
            lock: Some("SELECT freehold_lock(?)"),
            bump: "INSERT INTO books (book_id, title, version) VALUES (?, 'x', 1) ON DUPLICATE KEY UPDATE version = version + 1",
            read: "SELECT version FROM books WHERE book_id = ?",
        },
        product => Words {
            lock: (product == "PostgreSQL").then_some("SELECT freehold_lock($1)"),
            bump: "INSERT INTO books (book_id, title, version) VALUES ($1, 'x', 1)
 ON CONFLICT (book_id) DO UPDATE SET version = books.version + 1",
            read: "SELECT version FROM books WHERE book_id = $1",
        },
    }
}

/// Runs writers beside a relay that is dropped in the middle of what it does, and taken over.
async fn run<R: Rules + Send + 'static>(
    world: &World,
    writers: u64,
    transactions: usize,
    seed: u64,
) -> Verdict {
    let committed = Arc::new(AtomicI64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    world.memory.forgets.store(97, Ordering::Relaxed);
    world.memory.lag.store(2, Ordering::Relaxed);
    let writing = futures_util::future::join_all(
        (0..writers).map(|writer| write(world, seed + writer, transactions, &committed)),
    );
    let relaying = async {
        let mut random = Random::from(seed);
        while !done.load(Ordering::Relaxed) {
            let mut relay = world.relay::<R>().await;
            let life = millis(5 + random.below(100));
            let rounds = async {
                while relay.round().await.is_ok() {
                    tokio::task::yield_now().await;
                }
            };
            let _ = tokio::time::timeout(life, rounds).await;
        }
    };
    let writing = async {
        writing.await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(writing, relaying);
    world.memory.forgets.store(0, Ordering::Relaxed);
    world.memory.lag.store(0, Ordering::Relaxed);
    let mut relay = world.relay::<R>().await;
    tokio::time::sleep(world.options.rest).await;
    drain(&mut relay).await;
    judge(
        world,
        usize::try_from(committed.load(Ordering::Relaxed)).unwrap_or(0),
    )
    .await
}

pub(crate) async fn judge(world: &World, committed: usize) -> Verdict {
    let mut truth: HashMap<String, Vec<i64>> = HashMap::new();
    let mut ground = World::ground(&world.shop.catalog).await;
    let texts = match ground.connection.probe().product {
        "MariaDB" | "MySQL" => "`key`, payload",
        _ => "key, CAST(payload AS text)",
    };
    let sql =
        format!("SELECT {texts} FROM freehold_outbox WHERE topic = 'book.changed.v1' ORDER BY id");
    for row in ground
        .connection
        .query(&sql, &[])
        .await
        .expect("the outbox")
    {
        let key = row[0].text().expect("a key").to_owned();
        truth
            .entry(key)
            .or_default()
            .push(version(row[1].text().expect("json").as_bytes()));
    }
    let in_outbox: usize = truth.values().map(Vec::len).sum();
    assert_eq!(in_outbox, committed, "the outbox has what was committed");
    let mut verdict = Verdict {
        committed,
        ..Verdict::default()
    };
    let mut sent: HashMap<String, Vec<i64>> = HashMap::new();
    let mut seen: HashSet<EventId> = HashSet::new();
    let mut lanes: BTreeMap<(usize, u8), Position> = BTreeMap::new();
    for (partition, messages) in world.memory.all(&world.topic()).into_iter().enumerate() {
        for message in messages {
            let Body::Event { payload, .. } = &message.body else {
                continue;
            };
            if !seen.insert(message.event) {
                continue;
            }
            let lane = freehold_broker::Lane::of(&message.key).number();
            let before = lanes.insert((partition, lane), message.position);
            verdict.broken_chains += usize::from(before != message.prev);
            sent.entry(message.key.clone())
                .or_default()
                .push(version(payload));
        }
    }
    for (key, versions) in &truth {
        let got = sent.remove(key).unwrap_or_default();
        let missing = versions.iter().filter(|it| !got.contains(it)).count();
        verdict.lost += missing;
        verdict.ghosts += got.iter().filter(|it| !versions.contains(it)).count();
        verdict.inverted += got.windows(2).filter(|pair| pair[0] >= pair[1]).count();
    }
    verdict.ghosts += sent.values().map(Vec::len).sum::<usize>();
    verdict
}

fn millis(count: usize) -> Duration {
    Duration::from_millis(count as u64)
}

fn version(payload: &[u8]) -> i64 {
    let json: serde_json::Value = serde_json::from_slice(payload).expect("json");
    json["version"].as_i64().expect("a version")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_inverted_or_doubled() {
    for kind in ENGINES {
        let Some(mut world) = World::on(kind).await else {
            continue;
        };
        world.options.term = millis(100);
        let writers = if kind == EngineKind::Sqlite { 4 } else { 16 };
        // A transaction has one or two events.
        let wanted = std::env::var("FREEHOLD_EVENTS").ok();
        let wanted: Option<usize> = wanted.and_then(|text| text.parse().ok());
        let each = wanted.map_or(150, |events| events / usize::try_from(writers).unwrap_or(1));
        let begun = std::time::Instant::now();
        let verdict = run::<Sound>(&world, writers, each, 7).await;
        println!("{kind}: {verdict:?} in {:.0?}", begun.elapsed());
        assert!(verdict.is_sound(), "{kind}: {verdict:?}");
        assert!(
            verdict.committed > wanted.unwrap_or(400),
            "{kind}: {verdict:?}"
        );
    }
}

/// Sends what it has not recorded durably.
struct SendsFirst;

impl Rules for SendsFirst {
    const RECORD_FIRST: bool = false;
}

/// Two keys of one partition: the first is written and held open, the second committed and sent by
/// a relay that dies before it hears that the broker has it. Then the first commits. Did both
/// arrive?
async fn interrupted<R: Rules>(world: &World) -> bool {
    let partition = |book: i64| {
        let lane = freehold_broker::Lane::of(&book.to_string());
        lane.partition(crate::memory::partitions())
    };
    let first = 1;
    let second = (2..1_000)
        .find(|book| partition(*book) == partition(first))
        .expect("a key");
    // It is told that the store lives; nothing else waits before the event.
    drain(&mut world.relay::<R>().await).await;
    let (mut slow, mut quick) = (world.program().await, world.program().await);
    slow.begin(TxMode::Write).await.expect("begin");
    publish(&mut *slow, first, &payload(first, 1))
        .await
        .expect("publish");
    change(&mut *quick, second, 1).await;
    // It has the event, and the answer takes longer than the relay lives.
    let long = u64::try_from(2 * PATIENCE.as_millis()).expect("a number");
    world.memory.lag.store(long, Ordering::Relaxed);
    let mut relay = world.relay::<R>().await;
    let rounds = async { while relay.round().await.is_ok() {} };
    let arrived = async {
        while events(world) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = rounds => {}
        () = arrived => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    drop(relay);
    world.memory.lag.store(0, Ordering::Relaxed);
    slow.commit().await.done().expect("commit");
    let mut relay = world.relay::<R>().await;
    for _ in 0..100 {
        relay.round().await.expect("a round");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    events(world) == 2
}

/// How many events the broker has.
fn events(world: &World) -> usize {
    let sent = world.memory.all(&world.topic()).into_iter().flatten();
    let events = sent.filter(|message| matches!(message.body, Body::Event { .. }));
    events.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_was_recorded() {
    // SQLite has one writer at a time: nobody can be held open beside another.
    for kind in ENGINES
        .into_iter()
        .filter(|kind| *kind != EngineKind::Sqlite)
    {
        let (Some(sound), Some(mutant)) = (World::on(kind).await, World::on(kind).await) else {
            continue;
        };
        assert!(interrupted::<Sound>(&sound).await, "{kind}");
        assert!(
            !interrupted::<SendsFirst>(&mutant).await,
            "{kind}: the mutant has to die"
        );
    }
}

/// The store began another life while batches of the last one were not acknowledged. A broker takes
/// nothing behind its tail, so they have to come before the new life is announced.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_life_sends_first_what_the_last_one_recorded() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        change(&mut *program, 1, 1).await;
        let mut relay = world.relay::<Sound>().await;
        drain(&mut relay).await;
        world.memory.down.store(true, Ordering::Relaxed);
        for book in 1..=9 {
            change(&mut *program, book, 2).await;
            relay.round().await.expect("a round");
        }
        assert!(relay.waiting() > 0, "{kind}");
        drop(relay);
        let mut ground = World::ground(&world.shop.catalog).await;
        ground.connection.begin(TxMode::Relay).await.expect("begin");
        let sql = "UPDATE freehold_incarnation SET fingerprint = 'of another life'";
        ground.connection.run(sql, &[]).await.expect("another life");
        ground.connection.commit().await.done().expect("commit");
        world.memory.down.store(false, Ordering::Relaxed);
        let mut relay = world.relay::<Sound>().await;
        change(&mut *program, 1, 3).await;
        drain(&mut relay).await;
        let verdict = judge(&world, 11).await;
        assert!(verdict.is_sound(), "{kind}: {verdict:?}");
        let all = world.memory.all(&world.topic()).into_iter().flatten();
        let announced = all.filter(|it| matches!(it.body, Body::Incarnation(_)));
        let partitions = usize::from(crate::memory::partitions().count());
        assert_eq!(announced.count(), 2 * partitions, "{kind}");
    }
}
