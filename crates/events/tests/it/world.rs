//! A publishing and a copying service on one engine, and the parts that run between them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use freehold_broker::Topic;
use freehold_engine::{Connection, TxMode, Value};
use freehold_events::peer::{self, Owner};
use freehold_events::{
    Applier, Consumer, Ground, Options, Relay, Round, Rules, Source, Subscribed,
};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::bookshop::{BOOK_CHANGED, Bookshop, Target, enter};
use freehold_testkit::{Admin, Shape};

use crate::memory::{Memory, Open, partitions};

/// Engines that have an outbox.
pub(crate) const ENGINES: [EngineKind; 3] = [
    EngineKind::Postgres,
    EngineKind::Mariadb,
    EngineKind::Sqlite,
];

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct World {
    _shape: Shape,
    pub(crate) shop: Arc<Bookshop>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) options: Options,
}

impl World {
    /// `None`: the engine's server is not installed.
    pub(crate) async fn on(kind: EngineKind) -> Option<Self> {
        let shape = Shape::ready(kind, Isolation::Database, Admin::Superuser).await?;
        let shop = Arc::new(Bookshop::opens(&shape).await);
        be_quick_about_deadlocks(&shop.catalog).await;
        let options = Options {
            term: Duration::from_millis(1_500),
            tick: Duration::from_millis(100),
            rest: Duration::from_millis(20),
            ..Options::default()
        };
        Some(Self {
            _shape: shape,
            shop,
            memory: Arc::default(),
            options,
        })
    }

    #[expect(clippy::unused_self, reason = "asked of a world, like everything else")]
    pub(crate) fn topic(&self) -> Topic {
        Topic::new(BOOK_CHANGED).expect("a topic")
    }

    /// A session of catalog's program.
    pub(crate) async fn program(&self) -> Box<dyn Connection> {
        enter(
            &self.shop.catalog,
            &self.shop.catalog.want.identities.app.logins[0],
        )
        .await
    }

    pub(crate) async fn ground(target: &Target) -> Ground {
        let want = target.want.clone();
        let sql = target.engine.events(&want).expect("an engine with events");
        let connection = enter(target, &want.identities.sidecar).await;
        Ground {
            connection,
            want,
            sql,
        }
    }

    pub(crate) fn source(&self) -> Source {
        Source {
            name: self.shop.catalog.want.service.as_str().into(),
            topics: BTreeSet::from([self.topic()]),
            partitions: partitions(),
            sidecar: sidecar(),
        }
    }

    /// A relay that leads, waiting for the leadership.
    pub(crate) async fn relay<R: Rules>(&self) -> Relay<R> {
        loop {
            let ground = Self::ground(&self.shop.catalog).await;
            let session = Arc::new(Open(Arc::clone(&self.memory)));
            let options = self.options.clone();
            match Relay::take_over(ground, session, self.source(), options).await {
                Ok(Some(relay)) => return relay,
                Ok(None) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("take over: {error}"),
            }
        }
    }

    /// What catalog's sidecar answers to whoever asks.
    pub(crate) fn owner(&self) -> Arc<Owner> {
        let shop = Arc::clone(&self.shop);
        let open: peer::Open = Arc::new(move || {
            let shop = Arc::clone(&shop);
            Box::pin(async move { Ok(World::ground(&shop.catalog).await) })
        });
        Arc::new(Owner::new(open, self.source()))
    }

    pub(crate) fn consumer(&self) -> Consumer {
        let orders = &self.shop.orders.want.service;
        let copies = self.shop.system.services[orders].copies.iter();
        Consumer {
            service: orders.clone(),
            copies: copies
                .map(|(table, copy)| Subscribed {
                    table: table.clone(),
                    topic: self.topic(),
                    copy: copy.clone(),
                })
                .collect(),
            partitions: partitions(),
            // One behind the other: nobody waits for the term of one that is gone.
            sidecar: "applier".to_owned(),
            batch: 256,
            term: Duration::from_secs(20),
        }
    }

    pub(crate) async fn applier(&self) -> Applier {
        let consumer = self.consumer();
        loop {
            let ground = Self::ground(&self.shop.orders).await;
            let session = Arc::new(Open(Arc::clone(&self.memory)));
            match Applier::take_over(ground, session, consumer.clone()).await {
                Ok(Some(applier)) => return applier,
                Ok(None) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("take over: {error}"),
            }
        }
    }

    /// What orders' program sees of its copy: (book, title, version).
    pub(crate) async fn copy(&self) -> Vec<(i64, String, i64)> {
        let mut program = enter(
            &self.shop.orders,
            &self.shop.orders.want.identities.app.logins[0],
        )
        .await;
        let rows = program
            .query(
                "SELECT book_id, title, version_number FROM book_cache ORDER BY book_id",
                &[],
            )
            .await
            .expect("the program reads its copy");
        let row = |row: &Vec<Value>| {
            (
                row[0].int().expect("an id"),
                row[1].text().expect("a title").to_owned(),
                row[2].int().expect("a version"),
            )
        };
        rows.iter().map(row).collect()
    }
}

/// Slots collide, so transactions of several keys may deadlock; a second for each is long here.
async fn be_quick_about_deadlocks(catalog: &Target) {
    if catalog.kind != EngineKind::Postgres {
        return;
    }
    let database = &catalog.want.spot.database;
    let sql = format!("ALTER DATABASE {database} SET deadlock_timeout = '20ms'");
    let mut admin = catalog
        .engine
        .connect(&catalog.admin)
        .await
        .expect("the admin");
    admin.execute(&sql).await.expect("a setting");
}

fn sidecar() -> String {
    format!("sidecar {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The payload of a book's event.
pub(crate) fn payload(book: i64, version: i64) -> String {
    format!("{{\"bookId\": {book}, \"title\": \"Title {version}\", \"version\": {version}}}")
}

/// Publishes in the open transaction, as any program would.
pub(crate) async fn publish(
    program: &mut dyn Connection,
    book: i64,
    payload: &str,
) -> freehold_engine::Result<u64> {
    let sql = match program.probe().product {
        "PostgreSQL" => {
            "INSERT INTO freehold_outbox (topic, key, payload) VALUES ($1, $2, $3::text::json)"
        }
        "SQLite" => "INSERT INTO freehold_outbox (topic, key, payload) VALUES (?1, ?2, ?3)",
        _ => "INSERT INTO freehold_outbox (topic, `key`, payload) VALUES (?, ?, ?)",
    };
    let args = [BOOK_CHANGED.into(), book.to_string().into(), payload.into()];
    program.run(sql, &args).await
}

/// One change of a book and its event.
pub(crate) async fn change(program: &mut dyn Connection, book: i64, version: i64) {
    program.begin(TxMode::Write).await.expect("begin");
    publish(program, book, &payload(book, version))
        .await
        .expect("publish");
    program.commit().await.done().expect("commit");
}

/// Rounds until nothing is left to do. A heartbeat is a row like others: where a round takes longer
/// than a tick, each finds one, and that is as quiet as it gets.
pub(crate) async fn drain<R: Rules>(relay: &mut Relay<R>) {
    let mut quiet = 0;
    let begun = std::time::Instant::now();
    while quiet < 5 || relay.waiting() > 0 {
        let (waiting, troubles) = (relay.waiting(), relay.troubles());
        assert!(begun.elapsed() < PATIENCE, "{waiting} wait: {troubles:?}");
        quiet = match relay.round().await.expect("a round") {
            Round::Idle
            | Round::Recorded {
                rows: 1,
                more: false,
            } => quiet + 1,
            Round::Recorded { .. } => 0,
        };
    }
}

/// How long a test waits for what has to come: far more than the slowest machine takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
