//! One part of the storm in a process of its own, for being killed: this very test binary, started
//! again as the broker, as the owner's sidecar or as the consumer's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::embedded::{Embedded, Server, Settings};
use freehold_broker::{Broker, Login, Secret, Topic};
use freehold_engine::Endpoint;
use freehold_events::keep::{self, Connect};
use freehold_events::peer::{self, Open, Owner, Peers, Sockets};
use freehold_events::{Consumer, Ground, Options, Source, Subscribed};
use freehold_model::EngineKind;
use freehold_testkit::Must as _;
use freehold_testkit::bookshop::{BOOK_CHANGED, Bookshop, Target};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::memory::partitions;

const ORDER: &str = "FREEHOLD_TEST_EVENTS_PART";

/// What a part has to know.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) kind: EngineKind,
    pub(crate) name: String,
    pub(crate) server: Endpoint,
    pub(crate) catalog: Endpoint,
    pub(crate) orders: Endpoint,
    pub(crate) folder: PathBuf,
}

impl Order {
    /// Starts a part: `broker`, `relay` or `applier`.
    pub(crate) fn start(&self, part: &str) -> Child {
        let order = json!({
            "part": part,
            "kind": self.kind.name(),
            "name": self.name,
            "server": self.server.url().expose(),
            "catalog": self.catalog.url().expose(),
            "catalog_user": self.catalog.user,
            "orders": self.orders.url().expose(),
            "orders_user": self.orders.user,
            "folder": self.folder,
        });
        let said = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{part}.log")))
            .must("its log");
        Command::new(std::env::current_exe().must("this binary"))
            .args(["--exact", "storm::part::works_as_told", "--nocapture"])
            .env(ORDER, order.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .must("a part")
    }
}

pub(crate) fn login(name: &str) -> Login {
    Login {
        name: name.to_owned(),
        secret: Secret::new("only-of-this-test"),
    }
}

pub(crate) fn address(folder: &Path) -> String {
    format!("unix:{}", folder.join("broker.sock").display())
}

/// Does nothing unless it was started as a part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_as_told() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let order: Value = serde_json::from_str(&order).expect("an order");
    let text = |name: &str| order[name].as_str().must("a text").to_owned();
    let folder = PathBuf::from(text("folder"));
    if text("part") == "broker" {
        let settings = Settings::new(
            folder.join("broker"),
            folder.join("broker.sock"),
            login("admin"),
        );
        let server = Server::open(settings).must("the broker's folder opens");
        server.serve(std::future::pending()).await.must("it serves");
        return;
    }
    let kind = EngineKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text("kind"))
        .must("a kind");
    let parse = |name: &str| Endpoint::parse(kind, &Secret::new(text(name))).must("a URL");
    let as_user = |name: &str| {
        let mut at = parse(name);
        at.user = text(&format!("{name}_user"));
        at
    };
    let shop = Bookshop::described(kind, &text("name"), &parse("server"));
    if text("part") == "relay" {
        owner(&shop.catalog, as_user("catalog"), &folder).await;
    } else {
        consumer(&shop, as_user("orders"), &folder).await;
    }
}

/// Opens the store as its sidecar.
fn opener(target: &Target, at: Endpoint) -> Open {
    let (engine, want) = (target.engine, target.want.clone());
    Arc::new(move || {
        let (at, want) = (at.clone(), want.clone());
        Box::pin(async move {
            let sql = engine.events(&want).must("an engine with events");
            let connection = engine.connect(&at).await?;
            Ok(Ground {
                connection,
                want,
                sql,
            })
        })
    })
}

fn connector(open: &Open, service: &str, folder: &Path) -> Connect {
    let (open, login, address) = (Arc::clone(open), login(service), address(folder));
    Arc::new(move || {
        let (open, login, address) = (Arc::clone(&open), login.clone(), address.clone());
        Box::pin(async move {
            let ground = open().await?;
            let session = Embedded.connect(&address, &login).await?;
            Ok((ground, Arc::from(session)))
        })
    })
}

fn told(part: &'static str) -> impl Fn(keep::Standing) + Sync {
    #[expect(clippy::print_stderr, reason = "read when a storm ends badly")]
    move |standing| eprintln!("{part} {}: {standing:?}", std::process::id())
}

fn sidecar() -> String {
    format!("part/{}", std::process::id())
}

/// The term of a leadership: a killed one is followed after it.
const TERM: Duration = Duration::from_millis(600);

async fn owner(target: &Target, at: Endpoint, folder: &Path) {
    let service = &target.want.service;
    let source = Source {
        name: service.as_str().into(),
        topics: BTreeSet::from([Topic::new(BOOK_CHANGED).must("a topic")]),
        partitions: partitions(),
        sidecar: sidecar(),
    };
    let open = opener(target, at);
    let connect = connector(&open, service, folder);
    let (_stop, stopping) = watch::channel(false);
    let answers = Arc::new(Owner::new(open, source.clone()));
    let path = Sockets::new(folder).path(service);
    let serving = peer::serve(&path, answers, stopping.clone());
    let options = Options {
        term: TERM,
        tick: Duration::from_millis(250),
        ..Options::default()
    };
    let relaying = keep::relay(connect, source, options, told("relay"), stopping);
    let (served, ()) = tokio::join!(serving, relaying);
    served.must("it answers");
}

async fn consumer(shop: &Bookshop, at: Endpoint, folder: &Path) {
    let service = &shop.orders.want.service;
    let copies = shop.system.services[service].copies.iter();
    let consumer = Consumer {
        service: service.clone(),
        copies: copies
            .map(|(table, copy)| Subscribed {
                table: table.clone(),
                topic: Topic::new(BOOK_CHANGED).must("a topic"),
                copy: copy.clone(),
            })
            .collect(),
        partitions: partitions(),
        sidecar: sidecar(),
        batch: 500,
        term: TERM,
    };
    let connect = connector(&opener(&shop.orders, at), service, folder);
    let peers: Arc<dyn Peers> = Arc::new(Sockets::new(folder));
    let (_stop, stopping) = watch::channel(false);
    keep::apply(connect, consumer, Some(peers), told("applier"), stopping).await;
}
