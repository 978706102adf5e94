//! Three services that run, and what their programs write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::{Session, Topic};
use freehold_engine::{BoxFuture, Connection, TxMode};
use freehold_events::keep::{self, Connect};
use freehold_events::peer::{Answer, Ask, Open as OpenStore, Owner, Peers};
use freehold_events::{Consumer, Options, Result, Source, Subscribed};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::bookshop::{BOOK_CHANGED, Target, enter};
use freehold_testkit::trio::{ORDER_PLACED, Trio};
use freehold_testkit::{Admin, Shape};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::memory::{Memory, Open, partitions};
use crate::world::World;

pub(crate) struct Scene {
    _shape: Shape,
    pub(crate) trio: Trio,
    pub(crate) memory: Arc<Memory>,
}

/// The owners in the same process.
struct Owners(BTreeMap<String, Arc<Owner>>);

impl Peers for Owners {
    fn ask<'a>(&'a self, service: &'a str, ask: Ask) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move { Ok(self.0[service].answer(ask).await) })
    }
}

impl Scene {
    /// `None`: the engine's server is not installed.
    pub(crate) async fn on(kind: EngineKind) -> Option<Self> {
        let shape = Shape::ready(kind, Isolation::Database, Admin::Superuser).await?;
        let trio = Trio::opens(&shape).await;
        Some(Self {
            _shape: shape,
            trio,
            memory: Arc::default(),
        })
    }

    pub(crate) async fn program(&self, target: &Target) -> Box<dyn Connection> {
        enter(target, &target.want.identities.app.logins[0]).await
    }

    pub(crate) fn open(target: &Arc<Target>) -> OpenStore {
        let target = Arc::clone(target);
        Arc::new(move || {
            let target = Arc::clone(&target);
            Box::pin(async move { Ok(World::ground(&target).await) })
        })
    }

    fn connect(&self, target: &Arc<Target>) -> Connect {
        let (open, memory) = (Self::open(target), Arc::clone(&self.memory));
        Arc::new(move || {
            let (open, memory) = (Arc::clone(&open), Arc::clone(&memory));
            Box::pin(async move {
                let session: Arc<dyn Session> = Arc::new(Open(memory));
                Ok((open().await?, session))
            })
        })
    }

    fn source(target: &Target, topic: &str) -> Source {
        Source {
            name: target.want.service.as_str().into(),
            topics: BTreeSet::from([Topic::new(topic).expect("a topic")]),
            partitions: partitions(),
            // One behind the other: nobody waits for the term of one that is gone.
            sidecar: "relay".to_owned(),
        }
    }

    pub(crate) fn consumer(&self, target: &Target) -> Consumer {
        let copies = self.trio.system.services[&target.want.service]
            .copies
            .iter();
        let subscribed = copies.map(|(table, copy)| Subscribed {
            table: table.clone(),
            topic: Topic::new(&copy.event).expect("a topic"),
            copy: copy.clone(),
        });
        Consumer {
            service: target.want.service.clone(),
            copies: subscribed.collect(),
            partitions: partitions(),
            sidecar: "applier".to_owned(),
            batch: 256,
            term: Duration::from_secs(20),
        }
    }

    /// All four run.
    pub(crate) fn parts(&self) -> Parts {
        let (stop, stopping) = watch::channel(false);
        let owners = [
            (&self.trio.catalog, BOOK_CHANGED),
            (&self.trio.orders, ORDER_PLACED),
        ];
        let peers = owners.map(|(target, topic)| {
            let owner = Owner::new(Self::open(target), Self::source(target, topic));
            (target.want.service.clone(), Arc::new(owner))
        });
        let peers: Arc<dyn Peers> = Arc::new(Owners(BTreeMap::from(peers)));
        let mut parts: Vec<Part> = Vec::new();
        for (target, topic) in owners {
            let (connect, source) = (self.connect(target), Self::source(target, topic));
            let stop = stopping.clone();
            parts.push(Part::new(Box::new(move || {
                let options = Options {
                    tick: Duration::from_millis(100),
                    rest: Duration::from_millis(20),
                    ..Options::default()
                };
                let (connect, source) = (Arc::clone(&connect), source.clone());
                let stop = stop.clone();
                tokio::spawn(keep::relay(connect, source, options, |_| {}, stop))
            })));
        }
        for target in [&self.trio.orders, &self.trio.search] {
            let (connect, consumer) = (self.connect(target), self.consumer(target));
            let (stop, peers) = (stopping.clone(), Arc::clone(&peers));
            parts.push(Part::new(Box::new(move || {
                let (connect, consumer) = (Arc::clone(&connect), consumer.clone());
                let (stop, peers) = (stop.clone(), Some(Arc::clone(&peers)));
                tokio::spawn(keep::apply(connect, consumer, peers, |_| {}, stop))
            })));
        }
        Parts { parts, stop }
    }
}

type Start = Box<dyn Fn() -> JoinHandle<()> + Send + Sync>;

struct Part {
    start: Start,
    running: JoinHandle<()>,
}

impl Part {
    fn new(start: Start) -> Self {
        let running = start();
        Self { start, running }
    }
}

/// Relays and appliers that run until they are stopped.
pub(crate) struct Parts {
    parts: Vec<Part>,
    stop: watch::Sender<bool>,
}

impl Parts {
    /// One dies wherever it is, and another begins in its place.
    pub(crate) async fn kill(&mut self, which: usize) {
        let count = self.parts.len();
        let part = &mut self.parts[which % count];
        part.running.abort();
        let _ = (&mut part.running).await;
        part.running = (part.start)();
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(true);
        for part in self.parts {
            part.running.await.expect("a part that ends in order");
        }
    }
}

/// What a program wrote, and the store's time after it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) topic: &'static str,
    pub(crate) event: String,
    pub(crate) at: i64,
}

impl Written {
    pub(crate) fn named(&self, service: &str) -> String {
        format!("[{}]", self.row(service))
    }

    pub(crate) fn row(&self, service: &str) -> String {
        let Self { topic, event, at } = self;
        format!(r#"{{"s":"{service}","t":{at},"o":"{topic}","e":"{event}"}}"#)
    }

    /// Without naming it.
    pub(crate) fn all(&self, service: &str) -> String {
        format!(r#"[{{"s":"{service}","t":{}}}]"#, self.at)
    }
}

/// One change of a book and its event, whose token is wanted.
pub(crate) async fn write_book(program: &mut dyn Connection, book: i64, version: i64) -> Written {
    let payload = crate::world::payload(book, version);
    let key = book.to_string();
    write(program, (BOOK_CHANGED, &key, &payload), "[]").await
}

/// One event in a transaction of its own, with what it stands on.
pub(crate) async fn write(
    program: &mut dyn Connection,
    (topic, key, payload): (&'static str, &str, &str),
    causes: &str,
) -> Written {
    let sql = match program.probe().product {
        "PostgreSQL" => {
            "INSERT INTO freehold_outbox (event_id, topic, key, payload, headers) VALUES ($1::text::uuid, $2, $3, $4::text::json, $5::text::json)"
        }
        "SQLite" => {
            "INSERT INTO freehold_outbox (event_id, topic, key, payload, headers) VALUES (?1, ?2, ?3, ?4, ?5)"
        }
        _ => {
            "INSERT INTO freehold_outbox (event_id, topic, `key`, payload, headers) VALUES (?, ?, ?, ?, ?)"
        }
    };
    let event = id();
    let headers = serde_json::json!({ "causes": causes }).to_string();
    let args = [
        event.as_str().into(),
        topic.into(),
        key.into(),
        payload.into(),
        headers.into(),
    ];
    program.begin(TxMode::Write).await.expect("begin");
    program.run(sql, &args).await.expect("publish");
    program.commit().await.done().expect("commit");
    let at = clock(program).await;
    Written { topic, event, at }
}

/// The store's clock as a program asks for it.
pub(crate) async fn clock(program: &mut dyn Connection) -> i64 {
    let sql = match program.probe().product {
        "PostgreSQL" => "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
        "SQLite" => {
            "SELECT CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000"
        }
        _ => "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
    };
    let rows = program.query(sql, &[]).await.expect("the clock");
    rows[0][0].int().expect("a number")
}

fn id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("random");
    freehold_broker::EventId(bytes).to_string()
}
