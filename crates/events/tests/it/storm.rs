//! The storm: many programs write, while broker, relay and consumer, each a process of its own, are
//! killed with SIGKILL again and again, and the database is stopped at once and started again. Then
//! nothing is lost, nothing out of order, nothing done twice.
//!
//! `FREEHOLD_STORM=N` takes so many events, on the engines named by `FREEHOLD_STORM_ON`.

#![expect(clippy::print_stdout, reason = "what a storm found")]

pub(crate) mod judge;
mod part;
mod writer;

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use freehold_broker::embedded::Embedded;
use freehold_broker::{AccountWant, Broker, Compression, Topic, TopicWant};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::bookshop::{BOOK_CHANGED, Bookshop, Target, door};
use freehold_testkit::{Admin, Must as _, Random, Shape, TestServer};
use judge::{Left, Verdict, WITNESS, books, copy, pairs, witness};
use part::{Order, address, login};
use tempfile::TempDir;
use writer::Writer;

use crate::memory::partitions;
use crate::world::PATIENCE;

const PARTS: [&str; 3] = ["broker", "relay", "applier"];

/// Parts that run; all of them end with it.
struct Parts {
    order: Order,
    running: Vec<Child>,
    kills: usize,
}

impl Parts {
    fn start(order: Order) -> Self {
        let running = PARTS.iter().map(|part| order.start(part)).collect();
        Self {
            order,
            running,
            kills: 0,
        }
    }

    /// SIGKILL, and another one in its place.
    fn kill(&mut self, which: usize) {
        let _ = self.running[which].kill();
        let _ = self.running[which].wait();
        self.running[which] = self.order.start(PARTS[which]);
        self.kills += 1;
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Both stores, the server they stand on, and a folder for everything else.
struct Scene {
    shop: Bookshop,
    server: Option<Arc<TestServer>>,
    shape: Shape,
    folder: TempDir,
}

impl Scene {
    /// `None`: the engine's server is not installed.
    async fn on(kind: EngineKind) -> Option<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("freehold-storm-").tempdir().must("a folder");
        let with = match kind {
            EngineKind::Postgres => &[
                ("log_statement", "none"),
                ("max_prepared_transactions", "100"),
                ("deadlock_timeout", "20ms"),
            ][..],
            EngineKind::Mariadb => &[("general_log", "0")],
            _ => &[],
        };
        let (server, shape) = if kind == EngineKind::Sqlite {
            (None, Shape::embedded_in(folder.path()))
        } else {
            let server = TestServer::alone_with(kind, with).await?;
            let on = Shape::on(Arc::clone(&server), Isolation::Database, Admin::Superuser);
            (Some(server), on.await)
        };
        let shop = Bookshop::opens(&shape).await;
        let scene = Self {
            shop,
            server,
            shape,
            folder,
        };
        scene.watch_the_copy().await;
        Some(scene)
    }

    async fn watch_the_copy(&self) {
        let Target { engine, want, .. } = &self.shop.orders;
        let at = engine.at_store(&self.shop.orders.admin, &want.spot);
        let mut owner = engine.connect(&at).await.must("the administrator");
        owner.assume_owner(want).await.must("the owner");
        for sql in witness(self.shape.kind) {
            owner.execute(sql).await.must(sql);
        }
    }

    async fn order(&self) -> Order {
        let Bookshop {
            catalog, orders, ..
        } = &self.shop;
        Order {
            kind: self.shape.kind,
            name: self.shape.name.clone(),
            server: self.shape.endpoint.clone(),
            catalog: door(catalog, &catalog.want.identities.sidecar).await,
            orders: door(orders, &orders.want.identities.sidecar).await,
            folder: self.folder.path().to_owned(),
        }
    }

    /// The topic, and an account for each service.
    async fn make_topic(&self) {
        let at = address(self.folder.path());
        let admin = loop {
            match Embedded.administer(&at, &login("admin")).await {
                Ok(admin) => break admin,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let topic = Topic::new(BOOK_CHANGED).must("a topic");
        let want = TopicWant {
            topic: topic.clone(),
            partitions: partitions(),
            keep_for: None,
            keep_bytes: None,
            compression: Compression::None,
        };
        admin.ensure_topic(&want).await.must("the topic");
        let (catalog, orders) = (&self.shop.catalog.want, &self.shop.orders.want);
        for (service, writes, reads) in [
            (&catalog.service, vec![topic.clone()], Vec::new()),
            (&orders.service, Vec::new(), vec![topic.clone()]),
            (&WITNESS.to_owned(), Vec::new(), vec![topic.clone()]),
        ] {
            let secret = login(service).secret;
            let account = AccountWant {
                service: service.clone(),
                verifier: Some(Embedded.verifier(&secret).must("a verifier")),
                writes,
                reads,
            };
            admin.ensure_account(&account).await.must("an account");
        }
    }

    /// A first fill may put what an event puts again; it is over before anything is written.
    async fn until_filled(&self) {
        let done = "SELECT count(*), 0 FROM freehold_fill WHERE state = 'done'";
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if pairs(&self.shop.orders, done).await == [(1, 0)] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the copy is not filled");
    }

    async fn writers(&self, told: &Arc<AtomicI64>, wanted: i64) -> tokio::task::JoinSet<()> {
        let catalog = &self.shop.catalog;
        let at = door(catalog, &catalog.want.identities.app.logins[0]).await;
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..64 {
            let writer = Writer {
                number,
                engine: catalog.engine,
                at: at.clone(),
                told: Arc::clone(told),
                wanted,
            };
            writers.spawn(writer.work());
        }
        writers
    }

    /// Kills parts, and the database now and then, until all writers are done.
    async fn rage(&self, parts: &mut Parts, mut writers: tokio::task::JoinSet<()>) -> usize {
        let mut random = Random::seeded();
        let mut stops = 0;
        let mut stopped = Instant::now();
        loop {
            let pause = Duration::from_millis(500 + random.below(2_500) as u64);
            let done = async { while writers.join_next().await.is_some() {} };
            if tokio::time::timeout(pause, done).await.is_ok() {
                return stops;
            }
            parts.kill(random.below(PARTS.len()));
            if let Some(server) = &self.server
                && stopped.elapsed() > Duration::from_secs(12)
            {
                server.kill();
                server.restart().await;
                stops += 1;
                stopped = Instant::now();
            }
        }
    }

    /// Waits until the copy is what its owner has, as long as it comes nearer.
    async fn settle(&self) {
        let truth = books(&self.shop.catalog).await;
        let (mut missing, mut moved) = (usize::MAX, Instant::now());
        loop {
            let copy = copy(&self.shop.orders).await;
            let behind = truth.iter().filter(|(book, at)| copy.get(book) != Some(at));
            let behind = behind.count();
            if behind == 0 {
                return;
            }
            if behind != missing {
                (missing, moved) = (behind, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                println!("{behind} books are behind, and nothing moves");
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Returns what was left, and the verdict.
async fn storm(kind: EngineKind, wanted: i64) -> Option<(Left, Verdict)> {
    let begun = Instant::now();
    let scene = Scene::on(kind).await?;
    let mut parts = Parts::start(scene.order().await);
    scene.make_topic().await;
    scene.until_filled().await;
    let told = Arc::new(AtomicI64::new(0));
    let writers = scene.writers(&told, wanted).await;
    let stops = scene.rage(&mut parts, writers).await;
    let written = begun.elapsed();
    scene.settle().await;
    let (catalog, orders) = (&scene.shop.catalog, &scene.shop.orders);
    let left = Left::of(catalog, orders, scene.folder.path()).await;
    let verdict = left.judge();
    println!(
        "{kind}: {verdict:?}; {} told, {} kills, {stops} stops of the server, written in {written:.0?}, all in {:.0?}",
        told.load(Ordering::Relaxed),
        parts.kills,
        begun.elapsed()
    );
    if !verdict.is_sound() {
        let kept = scene.folder.keep();
        println!("kept: {}", kept.display());
    }
    Some((left, verdict))
}

async fn on(kind: EngineKind, in_ci: i64) {
    let named = std::env::var("FREEHOLD_STORM_ON").ok();
    if named.is_some_and(|named| !named.contains(kind.name())) {
        return;
    }
    let wanted = std::env::var("FREEHOLD_STORM").ok();
    let wanted = wanted.and_then(|text| text.parse().ok()).unwrap_or(in_ci);
    let Some((left, verdict)) = storm(kind, wanted).await else {
        return;
    };
    assert!(verdict.is_sound(), "{kind}: {verdict:?}");
    // What a stopped server forgot was told and is not there; it is little.
    let most = usize::try_from(wanted).expect("a number");
    assert!(verdict.events * 10 > most * 9, "{kind}: {verdict:?}");
    for what in [
        "lost at the broker",
        "lost on the way",
        "never happened",
        "put twice",
        "put late",
        "out of order",
        "parked",
    ] {
        let mut worse = left.clone();
        worse.break_one(what);
        assert!(!worse.judge().is_sound(), "{kind}: {what} is not found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stands_it() {
    on(EngineKind::Postgres, 8_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_stands_it() {
    on(EngineKind::Mariadb, 8_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_stands_it() {
    on(EngineKind::Sqlite, 8_000).await;
}
