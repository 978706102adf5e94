//! Trials of reading after writing: each writes a book, waits at orders, reads there, writes an order
//! that stands on it, waits at search, reads there. Meanwhile parts die, the broker is slow or away,
//! keys stand still and an operator leaves events out.

#![expect(clippy::print_stdout, reason = "what the trials found")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freehold_engine::{Connection, Value};
use freehold_events::operate::{dead, skip};
use freehold_events::token::{Reached, Token, Waiting};
use freehold_testkit::Random;
use freehold_testkit::trio::ORDER_PLACED;

use super::trio::{Parts, Scene, write, write_book};
use crate::world::{ENGINES, PATIENCE, World};

const WORKERS: usize = 3;
const BOOKS: usize = 6;

/// How trials ended.
#[derive(Debug, Default)]
struct Ends {
    seen: usize,
    late: usize,
    parked: usize,
    skipped: usize,
}

struct Worker {
    /// How many waits of all workers came to their end.
    ended: Arc<AtomicUsize>,
    scene: Arc<Scene>,
    random: Random,
    number: i64,
    /// The last version of each of its books.
    versions: Vec<i64>,
    /// Books of which something was refused.
    refused: BTreeSet<String>,
    orders: i64,
    at_orders: Arc<Waiting>,
    at_search: Arc<Waiting>,
    catalog: Box<dyn Connection>,
    ordering: Box<dyn Connection>,
    searching: Box<dyn Connection>,
    ends: Ends,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_or_said_not_to_be_there() {
    let trials = std::env::var("FREEHOLD_TOKEN_TRIALS");
    let trials: usize = trials.map_or(24, |it| it.parse().expect("a number of trials"));
    for kind in ENGINES {
        let Some(scene) = Scene::on(kind).await else {
            continue;
        };
        let scene = Arc::new(scene);
        let begun = Instant::now();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicUsize::new(0));
        let told = (Arc::clone(&over), Arc::clone(&ended));
        let chaos = tokio::spawn(chaos(Arc::clone(&scene), scene.parts(), told));
        let operator = tokio::spawn(operate(Arc::clone(&scene), Arc::clone(&over)));
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            let mut worker = Worker::new(&scene, number, &ended).await;
            workers.push(tokio::spawn(async move {
                for _ in 0..trials.div_ceil(WORKERS) {
                    worker.trial().await;
                }
                worker.ends
            }));
        }
        let mut all = Ends::default();
        for worker in workers {
            let ends = worker.await.expect("no stale read");
            all.seen += ends.seen;
            all.late += ends.late;
            all.parked += ends.parked;
            all.skipped += ends.skipped;
        }
        over.store(true, Ordering::Relaxed);
        let kills = chaos.await.expect("the chaos");
        operator.await.expect("the operator");
        println!("{kind}: {all:?}, {kills} deaths, {:?}", begun.elapsed());
        // Half of all waits are as long as it takes.
        assert!(all.seen >= trials / 4, "{kind}: {all:?}");
    }
}

/// Kills and delays until it is over. A part dies only after something got through since the last
/// one did: on a slow machine nothing would ever.
async fn chaos(
    scene: Arc<Scene>,
    mut parts: Parts,
    (over, ended): (Arc<AtomicBool>, Arc<AtomicUsize>),
) -> usize {
    let mut random = Random::seeded();
    let (mut kills, mut last) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let lag = random.below(12) as u64;
        scene.memory.lag.store(lag, Ordering::Relaxed);
        let pause = Duration::from_millis(100 + random.below(300) as u64);
        if random.below(5) == 0 {
            scene.memory.down.store(true, Ordering::Relaxed);
            tokio::time::sleep(pause / 2).await;
            scene.memory.down.store(false, Ordering::Relaxed);
        }
        tokio::time::sleep(pause).await;
        let now = ended.load(Ordering::Relaxed);
        if now > last {
            last = now;
            parts.kill(random.below(4)).await;
            kills += 1;
        }
    }
    parts.stop().await;
    kills
}

/// Leaves out what stands still, after a while.
async fn operate(scene: Arc<Scene>, over: Arc<AtomicBool>) {
    let source = scene.trio.catalog.want.service.clone();
    while !over.load(Ordering::Relaxed) {
        for target in [&scene.trio.orders, &scene.trio.search] {
            let mut store = World::ground(target).await;
            let copies = scene.consumer(target).copies;
            let parked = dead(&mut store, &source, None).await.expect("dead");
            let keys: BTreeSet<String> = parked.into_iter().map(|it| it.key).collect();
            for key in keys {
                // An applier may be in the way; the next round tries again.
                let _ = skip(&mut store, &copies, (&source, &key), "ann").await;
                if store.connection.broken() {
                    break;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

impl Worker {
    async fn new(scene: &Arc<Scene>, number: usize, ended: &Arc<AtomicUsize>) -> Self {
        let trio = &scene.trio;
        Self {
            ended: Arc::clone(ended),
            scene: Arc::clone(scene),
            random: Random::from(7 + number as u64),
            number: i64::try_from(number).expect("few"),
            versions: vec![0; BOOKS],
            refused: BTreeSet::new(),
            orders: 0,
            at_orders: Waiting::new(Scene::open(&trio.orders)),
            at_search: Waiting::new(Scene::open(&trio.search)),
            catalog: scene.program(&trio.catalog).await,
            ordering: scene.program(&trio.orders).await,
            searching: scene.program(&trio.search).await,
            ends: Ends::default(),
        }
    }

    async fn trial(&mut self) {
        let which = self.random.below(BOOKS);
        let book = self.number * 100 + i64::try_from(which).expect("few");
        self.versions[which] += 1;
        let version = self.versions[which];
        let catalog = self.scene.trio.catalog.want.service.clone();
        if self.random.below(8) == 0 {
            self.refused.insert(book.to_string());
            let written = write_book(&mut *self.catalog, book, -version).await;
            let token = Token::parse(&written.named(&catalog)).expect("a token");
            let reached = self.wait(Place::Orders, &token).await;
            assert_ne!(reached, Reached::Yes, "the copy cannot take {written:?}");
            return;
        }
        let written = write_book(&mut *self.catalog, book, version).await;
        let text = if self.random.below(6) == 0 {
            written.all(&catalog)
        } else {
            written.named(&catalog)
        };
        let token = Token::parse(&text).expect("a token");
        if self.wait(Place::Orders, &token).await != Reached::Yes {
            return;
        }
        let seen = number(&mut *self.ordering, BOOK_AT_ORDERS, book).await;
        assert!(
            seen >= Some(version),
            "stale at orders: {seen:?}, {written:?}"
        );
        self.order(book, version, &text).await;
    }

    /// An order that stands on the book.
    async fn order(&mut self, book: i64, version: i64, causes: &str) {
        self.orders += 1;
        let order = self.number * 1_000_000 + self.orders;
        let payload = format!(r#"{{"orderId": {order}, "bookId": {book}, "version": 1}}"#);
        let key = order.to_string();
        let said = (ORDER_PLACED, key.as_str(), payload.as_str());
        let written = write(&mut *self.ordering, said, causes).await;
        let own = written.row(&self.scene.trio.orders.want.service);
        let text = format!("[{own},{}", &causes[1..]);
        let token = Token::parse(&text).expect("a token");
        if self.wait(Place::Search, &token).await != Reached::Yes {
            return;
        }
        let placed = number(&mut *self.searching, ORDER_AT_SEARCH, order).await;
        assert_eq!(placed, Some(1), "stale at search: {written:?}");
        for sql in [BOOK_AT_SEARCH, JOINED_AT_SEARCH] {
            let key = if sql == JOINED_AT_SEARCH { order } else { book };
            let seen = number(&mut *self.searching, sql, key).await;
            assert!(
                seen >= Some(version),
                "stale at search: {sql} {seen:?}, {text}"
            );
        }
    }

    async fn wait(&mut self, place: Place, token: &Token) -> Reached {
        let waiting = match place {
            Place::Orders => &self.at_orders,
            Place::Search => &self.at_search,
        };
        let patience = match self.random.below(4) {
            0 => Duration::ZERO,
            1 => Duration::from_millis(50),
            _ => PATIENCE,
        };
        let reached = tokio::time::timeout(patience + PATIENCE, waiting.until(token, patience));
        let reached = reached.await.expect("an answer within its time");
        let reached = reached.expect("an answer");
        if reached != Reached::Waiting {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        match &reached {
            Reached::Yes => self.ends.seen += 1,
            Reached::Waiting => {
                assert!(patience < PATIENCE, "it never came: {token:?}");
                self.ends.late += 1;
            }
            Reached::Parked { key, .. } => {
                assert!(key.is_empty() || self.refused.contains(key), "{key}");
                self.ends.parked += 1;
            }
            Reached::Skipped { .. } => self.ends.skipped += 1,
            Reached::Lost { .. } => panic!("nothing is lost here: {reached:?}"),
        }
        reached
    }
}

#[derive(Clone, Copy)]
enum Place {
    Orders,
    Search,
}

const BOOK_AT_ORDERS: &str = "SELECT version FROM book_cache WHERE book_id = ";
const BOOK_AT_SEARCH: &str = "SELECT version FROM books WHERE book_id = ";
const ORDER_AT_SEARCH: &str = "SELECT version FROM placed WHERE order_id = ";
const JOINED_AT_SEARCH: &str = "SELECT book_version FROM order_books WHERE order_id = ";

async fn number(program: &mut dyn Connection, sql: &str, key: i64) -> Option<i64> {
    let rows = program.query(&format!("{sql}{key}"), &[]).await;
    rows.expect("a read").first()?.first().and_then(Value::int)
}
