//! A publisher's and a consumer's sidecar, a process each, with a NATS between them; and the ways to
//! get in their way.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use freehold_private_servers::{NatsServer, start_nats};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::events::{Sidecars, first_said, freehold, get};
use crate::nats::{apply, described_on_nats};

/// The copy's promise, and what an alarm may take beyond it.
const PROMISED: Duration = Duration::from_secs(2);
const BEYOND: Duration = Duration::from_secs(2);
/// Between two looks of these tests, and what a look takes.
const LOOK: Duration = Duration::from_millis(200);
/// How long anything that has to come is waited for.
const PATIENCE: Duration = Duration::from_mins(3);

pub(super) struct Scene {
    pub(super) source: Sidecars,
    pub(super) consumer: Sidecars,
    metrics: String,
    url: String,
    nats: Option<NatsServer>,
    runtime: Runtime,
    shop: TempDir,
}

/// The long form: what takes minutes, and the times that are held.
pub(super) fn proves() -> bool {
    std::env::var_os("FREEHOLD_PROVE").is_some()
}

impl Scene {
    /// Both run and see each other. `prepare` gets the folder before anything is applied; the
    /// source's process has these variables.
    pub(super) fn begins(prepare: impl FnOnce(&Path), variables: &[(&str, &str)]) -> Self {
        let shop = described_on_nats();
        let folder = shop.path();
        promise(folder);
        prepare(folder);
        apply(folder, &[]);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let nats = runtime.block_on(start_nats(&folder.join("theirs")));
        let nats = nats.expect("it starts");
        let url = url(&nats);
        // It says which users it needs.
        let said = with_nats(folder, &url, &["run"]).output();
        assert!(!said.expect("the binary runs").status.success());
        let scene_users = users(folder);
        let taken = runtime.block_on(nats.set_users(&[scene_users]));
        taken.expect("they are taken");
        let mut source = with_nats(folder, &url, &["run", "catalog"]);
        source.envs(variables.iter().copied());
        let source = Sidecars(source.spawn().expect("it starts"));
        let (consumer, metrics) = consumer(folder, &url);
        Self {
            source,
            consumer,
            metrics,
            url,
            nats: Some(nats),
            runtime,
            shop,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.shop.path()
    }

    /// One of the stores, as somebody who can do everything.
    pub(super) fn store(&self, service: &str, file: &str) -> rusqlite::Connection {
        let path = self.folder().join("data").join(service).join(file);
        let store = rusqlite::Connection::open(path).expect("opened");
        store
            .busy_timeout(Duration::from_mins(1))
            .expect("patience");
        store
    }

    /// Waits until the consumer's alarms are like this (not consuming, not current): how long.
    pub(super) fn alarms(&self, wanted: (u8, u8)) -> Duration {
        let begun = Instant::now();
        loop {
            let text = get(&self.metrics, "/metrics");
            if is(&text, "consuming", wanted.0) && is(&text, "current", wanted.1) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "{wanted:?}: {text}");
            std::thread::sleep(LOOK / 2);
        }
    }

    /// Until these are raised; how long it took is held against the promise in the long form.
    pub(super) fn raised(&self, what: &str, wanted: (u8, u8)) {
        held(what, self.alarms(wanted));
    }

    /// No alarm is up.
    pub(super) fn over(&self) {
        self.alarms((0, 0));
    }

    /// None is raised for so long.
    pub(super) fn stays_well(&self, long: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < long {
            let text = get(&self.metrics, "/metrics");
            let well = is(&text, "consuming", 0) && is(&text, "current", 0);
            assert!(well, "after {:.1?}: {text}", begun.elapsed());
            std::thread::sleep(LOOK);
        }
    }

    /// Somebody else looks, and is told: for where the consumer's own process cannot tell.
    pub(super) fn told_by_list(&self, what: &str, why: Option<&str>) {
        let begun = Instant::now();
        loop {
            let list = freehold(self.folder(), &["events", "list", "--json"]).output();
            let list = list.expect("the binary runs");
            let rows: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
            if rows[0]["not_current"].as_str() == why {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {rows}");
            std::thread::sleep(LOOK / 2);
        }
        if why.is_some() {
            held(what, begun.elapsed());
        }
    }

    /// Ends the consumer's process, does this, and starts another.
    pub(super) fn while_it_is_away(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.consumer.0.kill().expect("killed");
        self.consumer.0.wait().expect("gone");
        meanwhile(self);
        (self.consumer, self.metrics) = consumer(self.folder(), &self.url);
    }

    /// Waits until everything that was published is at the broker.
    pub(super) fn until_sent(&self) {
        let (store, relay) = (
            self.store("catalog", "store.db"),
            self.store("catalog", "relay.db"),
        );
        let last: i64 = store
            .query_row("SELECT max(id) FROM freehold_outbox", [], |row| row.get(0))
            .expect("published");
        let begun = Instant::now();
        // The cursor of the newest record is the last id that was looked at.
        let sql = "SELECT count(*) FROM freehold_batch WHERE pending = '' AND EXISTS
 (SELECT 1 FROM freehold_batch b WHERE CAST(b.cursor AS INTEGER) >= ?1) AND NOT EXISTS
 (SELECT 1 FROM freehold_batch c WHERE c.pending <> '')";
        loop {
            let sent: i64 = relay
                .query_row(sql, [last], |row| row.get(0))
                .expect("read");
            if sent > 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{last} is not sent");
            std::thread::sleep(LOOK / 4);
        }
    }

    /// These users may enter the broker from now on.
    pub(super) fn set_users(&self, entries: &[String]) {
        let nats = self.nats.as_ref().expect("it runs");
        let taken = self.runtime.block_on(nats.set_users(entries));
        taken.expect("they are taken");
    }

    /// Asks NATS for something, as its administrator: the answer.
    pub(super) fn ask_nats(&self, subject: &str) -> String {
        let nats = self.nats.as_ref().expect("it runs");
        let (name, password) = nats.admin();
        let address = nats.address();
        let host = address.trim_start_matches("nats://");
        let mut stream = TcpStream::connect(host).expect("connected");
        write!(
            stream,
            "CONNECT {{\"user\":\"{name}\",\"pass\":\"{password}\",\"verbose\":false}}\r\nSUB answers 1\r\nPUB {subject} answers 0\r\n\r\n"
        )
        .expect("asked");
        let mut lines = BufReader::new(stream).lines();
        let mut line = || lines.next().expect("a line").expect("readable");
        while !line().starts_with("MSG answers") {}
        line()
    }

    /// Its own broker's streams are gone, and another cluster's stand there in their place.
    pub(super) fn enters_the_broker_of(&mut self, other: &Self) {
        for sidecar in [&mut self.source, &mut self.consumer] {
            sidecar.0.kill().expect("killed");
            sidecar.0.wait().expect("gone");
        }
        self.stop_nats();
        let (theirs, own) = ("theirs/store", self.folder().join("theirs/store"));
        fs::remove_dir_all(&own).expect("removed");
        // With its owner, who is not always this user.
        let copied = Command::new("cp")
            .arg("-a")
            .args([&other.folder().join(theirs), &own])
            .status();
        assert!(copied.expect("cp").success());
        let theirs = self.folder().join("theirs");
        let nats = self.runtime.block_on(start_nats(&theirs));
        let nats = nats.expect("it starts");
        self.url = url(&nats);
        self.nats = Some(nats);
        self.set_users(&[users(self.folder())]);
        let source = with_nats(self.folder(), &self.url, &["run", "catalog"]).spawn();
        self.source = Sidecars(source.expect("it starts"));
        (self.consumer, self.metrics) = consumer(self.folder(), &self.url);
    }

    pub(super) fn stop_nats(&mut self) {
        let nats = self.nats.take().expect("it runs");
        self.runtime.block_on(nats.stop()).expect("it stops");
    }
}

fn consumer(folder: &Path, url: &str) -> (Sidecars, String) {
    let run = with_nats(folder, url, &["run", "orders", "--json"]).spawn();
    let mut consumer = Sidecars(run.expect("it starts"));
    let said = first_said(&mut consumer);
    let metrics = said["metrics"].as_str().expect("a URL").to_owned();
    assert_eq!(said["level"], "info", "{said}");
    (consumer, metrics)
}

fn is(text: &str, alarm: &str, on: u8) -> bool {
    text.contains(&format!(
        "freehold_not_{alarm}{{service=\"orders\",source=\"catalog\"}} {on}\n"
    ))
}

fn held(what: &str, took: Duration) {
    eprintln!("{what}: told after {took:.1?}");
    if proves() {
        assert!(took <= PROMISED + BEYOND + LOOK, "{what}: {took:?}");
    }
}

fn url(nats: &NatsServer) -> String {
    let (name, password) = nats.admin();
    let login = format!("://{name}:{password}@");
    nats.address().replace("://", &login)
}

pub(super) fn with_nats(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = freehold(folder, arguments);
    command.env("NATS_URL", url);
    command
}

/// What `freehold run` wrote for the server's configuration.
pub(super) fn users(folder: &Path) -> String {
    fs::read_to_string(folder.join(".freehold/nats/users.conf")).expect("users")
}

pub(super) fn signal(sidecar: &Sidecars, name: &str) {
    let told = Command::new("kill")
        .args([name, &sidecar.0.id().to_string()])
        .status();
    assert!(told.expect("kill").success(), "{name}");
}

/// Where the publisher's sidecar answers others.
pub(super) fn door(folder: &Path) -> PathBuf {
    folder.join(".freehold/catalog.peer")
}

fn promise(folder: &Path) {
    let path = folder.join("services/orders/service.yaml");
    let text = fs::read_to_string(&path).expect("read");
    let promise = format!("    freshness: {}s\n", PROMISED.as_secs());
    fs::write(path, text + &promise).expect("written");
}
