//! What a storm left, held against the outbox, which is the truth: an event exists if and only if
//! its row does. Three witnesses: the broker's whole log, the copy, and a table in which a trigger
//! wrote down every row that the applier ever put into the copy, taken by the copy or not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use freehold_broker::embedded::Embedded;
use freehold_broker::{Body, Broker, EventId, Position, Start, Topic};
use freehold_engine::Value;
use freehold_model::EngineKind;
use freehold_testkit::Must as _;
use freehold_testkit::bookshop::{BOOK_CHANGED, Target};

use super::part::{address, login};
use crate::memory::partitions;
use crate::world::{PATIENCE, World};

/// What was found wrong, and among how many.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) events: usize,
    /// Of a key in the outbox, against the order of its versions.
    pub(crate) disordered: usize,
    /// In the outbox and not at the broker, or the last of a key and not in the copy.
    pub(crate) lost: usize,
    /// At the broker or in the copy, and not in the outbox.
    pub(crate) ghosts: usize,
    /// First deliveries, or rows put, against the order of their key.
    pub(crate) inverted: usize,
    /// Put into the copy once more.
    pub(crate) doubled: usize,
    /// `prev` is not what came before in the lane.
    pub(crate) broken_chains: usize,
    /// Events that were parked.
    pub(crate) parked: usize,
}

impl Verdict {
    pub(crate) fn is_sound(&self) -> bool {
        let faults = [
            self.disordered,
            self.lost,
            self.ghosts,
            self.inverted,
            self.doubled,
            self.broken_chains,
            self.parked,
        ];
        faults.iter().all(|count| *count == 0)
    }
}

/// Versions by key, in order.
pub(crate) type Versions = HashMap<i64, Vec<i64>>;

/// Statements that have every row put into the copy written down.
pub(crate) fn witness(kind: EngineKind) -> &'static [&'static str] {
    match kind {
        EngineKind::Postgres => &[
            "CREATE TABLE put (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, book_id BIGINT NOT NULL, version BIGINT NOT NULL)",
            "CREATE FUNCTION put_down() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS
 $$ BEGIN INSERT INTO put (book_id, version) VALUES (NEW.book_id, NEW.version_number); RETURN NEW; END $$",
            "CREATE TRIGGER put_down BEFORE INSERT ON book_cache FOR EACH ROW EXECUTE FUNCTION put_down()",
        ],
        EngineKind::Mariadb => &[
            "CREATE TABLE put (id BIGINT AUTO_INCREMENT PRIMARY KEY, book_id BIGINT NOT NULL, version BIGINT NOT NULL)",
            "CREATE TRIGGER put_down BEFORE INSERT ON book_cache FOR EACH ROW INSERT INTO put (book_id, version) VALUES (NEW.book_id, NEW.version_number)",
        ],
        _ => &[
            "CREATE TABLE put (id INTEGER PRIMARY KEY, book_id BIGINT NOT NULL, version BIGINT NOT NULL)",
            "CREATE TRIGGER put_down BEFORE INSERT ON book_cache BEGIN INSERT INTO put (book_id, version) VALUES (NEW.book_id, NEW.version_number); END",
        ],
    }
}

/// Rows of two numbers, seen by the store's owner.
pub(crate) async fn pairs(target: &Target, sql: &str) -> Vec<(i64, i64)> {
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    let mut owner = target.engine.connect(&at).await.must("the administrator");
    owner.assume_owner(&target.want).await.must("the owner");
    let rows = owner.query(sql, &[]).await.must(sql);
    let number = |value: &Value| {
        let text = || value.text().and_then(|text| text.parse().ok());
        value.int().or_else(text).must("a number")
    };
    let pair = |row: &Vec<Value>| (number(&row[0]), number(&row[1]));
    rows.iter().map(pair).collect()
}

/// Every event that exists.
pub(crate) async fn outbox(target: &Target) -> Versions {
    let sql = match target.kind {
        EngineKind::Postgres => {
            "SELECT key::bigint, (payload ->> 'version')::bigint FROM freehold_outbox WHERE topic = 'book.changed.v1' ORDER BY id"
        }
        EngineKind::Mariadb => {
            "SELECT CAST(`key` AS CHAR), JSON_VALUE(payload, '$.version') FROM freehold_outbox WHERE topic = 'book.changed.v1' ORDER BY id"
        }
        _ => {
            "SELECT CAST(key AS INTEGER), payload ->> '$.version' FROM freehold_outbox WHERE topic = 'book.changed.v1' ORDER BY id"
        }
    };
    let mut versions = Versions::new();
    for (book, version) in pairs(target, sql).await {
        versions.entry(book).or_default().push(version);
    }
    versions
}

/// The last version of each book, as the copy has it.
pub(crate) async fn copy(target: &Target) -> HashMap<i64, i64> {
    let sql = "SELECT book_id, version_number FROM book_cache";
    pairs(target, sql).await.into_iter().collect()
}

/// The last version of each book, as its owner has it.
pub(crate) async fn books(target: &Target) -> HashMap<i64, i64> {
    let sql = "SELECT book_id, version FROM books";
    pairs(target, sql).await.into_iter().collect()
}

/// Who reads the whole log.
pub(crate) const WITNESS: &str = "witness";

/// One delivery as the broker's log has it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    event: EventId,
    book: i64,
    version: i64,
    lane: u8,
    position: Position,
    prev: Option<Position>,
}

/// The broker's whole log, partition by partition.
pub(crate) async fn log(folder: &Path) -> Vec<Vec<Sent>> {
    let topic = Topic::new(BOOK_CHANGED).must("a topic");
    let session = Embedded.connect(&address(folder), &login(WITNESS)).await;
    let session = session.must("the log's reader enters");
    let tails = session.tails(&topic).await.must("tails");
    let mut all = Vec::new();
    for tail in tails {
        let mut sent = Vec::new();
        let subscribed = session.subscribe(WITNESS, &topic, tail.partition, Start::Beginning);
        let mut reading = subscribed.await.must("the log");
        let mut next = 0;
        while next < tail.next {
            let read = tokio::time::timeout(PATIENCE, reading.next(2_000));
            for delivered in read.await.must("more").must("more") {
                next = delivered.offset + 1;
                let message = delivered.message.must("a message of ours");
                let Body::Event { payload, .. } = &message.body else {
                    continue;
                };
                sent.push(Sent {
                    event: message.event,
                    book: message.key.parse().expect("a book"),
                    version: version(payload),
                    lane: freehold_broker::Lane::of(&message.key).number(),
                    position: message.position,
                    prev: message.prev,
                });
            }
        }
        all.push(sent);
    }
    assert_eq!(all.len(), usize::from(partitions().count()));
    all
}

fn version(payload: &[u8]) -> i64 {
    let json: serde_json::Value = serde_json::from_slice(payload).expect("JSON");
    json["version"].as_i64().must("a version")
}

/// Everything that a storm left.
#[derive(Clone)]
pub(crate) struct Left {
    pub(crate) outbox: Versions,
    pub(crate) log: Vec<Vec<Sent>>,
    /// In the order in which it happened.
    pub(crate) put: Vec<(i64, i64)>,
    pub(crate) copy: HashMap<i64, i64>,
    pub(crate) parked: usize,
}

impl Left {
    pub(crate) async fn of(catalog: &Target, orders: &Target, folder: &Path) -> Self {
        let put = "SELECT book_id, version FROM put ORDER BY id";
        let parked = World::ground(orders).await;
        Self {
            outbox: outbox(catalog).await,
            log: log(folder).await,
            put: pairs(orders, put).await,
            copy: copy(orders).await,
            parked: parked_events(parked, &catalog.want.service).await,
        }
    }

    /// The decision.
    pub(crate) fn judge(&self) -> Verdict {
        let mut verdict = Verdict {
            events: self.outbox.values().map(Vec::len).sum(),
            parked: self.parked,
            ..Verdict::default()
        };
        for versions in self.outbox.values() {
            let rises = versions.windows(2).filter(|pair| pair[0] + 1 != pair[1]);
            verdict.disordered += rises.count() + usize::from(versions[0] != 1);
        }
        self.judge_log(&mut verdict);
        self.judge_copy(&mut verdict);
        verdict
    }

    fn judge_log(&self, verdict: &mut Verdict) {
        let mut seen: HashSet<EventId> = HashSet::new();
        let mut came = Versions::new();
        for messages in &self.log {
            let mut lanes: BTreeMap<u8, Position> = BTreeMap::new();
            for sent in messages.iter().filter(|sent| seen.insert(sent.event)) {
                let before = lanes.insert(sent.lane, sent.position);
                verdict.broken_chains += usize::from(before != sent.prev);
                came.entry(sent.book).or_default().push(sent.version);
            }
        }
        for (book, versions) in &self.outbox {
            let got = came.remove(book).unwrap_or_default();
            let known: HashSet<i64> = versions.iter().copied().collect();
            let there: HashSet<i64> = got.iter().copied().collect();
            verdict.lost += known.difference(&there).count();
            verdict.ghosts += there.difference(&known).count();
            verdict.inverted += got.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        }
        verdict.ghosts += came.values().map(Vec::len).sum::<usize>();
    }

    fn judge_copy(&self, verdict: &mut Verdict) {
        for (book, versions) in &self.outbox {
            let last = versions.last();
            verdict.lost += usize::from(self.copy.get(book) != last);
        }
        let unknown = self
            .copy
            .keys()
            .filter(|book| !self.outbox.contains_key(book));
        verdict.ghosts += unknown.count();
        let mut last: HashMap<i64, i64> = HashMap::new();
        for (book, version) in &self.put {
            match last.insert(*book, *version) {
                Some(before) if before == *version => verdict.doubled += 1,
                Some(before) if before > *version => verdict.inverted += 1,
                _ => {}
            }
            let exists = self
                .outbox
                .get(book)
                .is_some_and(|all| all.contains(version));
            verdict.ghosts += usize::from(!exists);
        }
    }

    /// Breaks one thing, for seeing that it is found.
    pub(crate) fn break_one(&mut self, what: &str) {
        let log = self.log.iter_mut().find(|log| log.len() > 1).must("a log");
        let book = *self.copy.keys().next().must("a book");
        match what {
            "lost at the broker" => drop(log.remove(0)),
            "lost on the way" => drop(self.copy.remove(&book)),
            "never happened" => drop(self.copy.insert(-1, 1)),
            "put twice" => self.put.push(*self.put.last().must("a row")),
            "put late" => {
                let (book, _) = *self.put.last().must("a row");
                self.put.push((book, 0));
                self.outbox.entry(book).or_default().insert(0, 0);
            }
            "out of order" => {
                let same = |at: &usize| log[..*at].iter().any(|it| it.book == log[*at].book);
                let late = (1..log.len()).find(same).must("a book with two events");
                let early = log.iter().position(|it| it.book == log[late].book);
                log.swap(early.must("the first of them"), late);
            }
            _ => self.parked += 1,
        }
    }
}

async fn parked_events(mut ground: freehold_events::Ground, source: &str) -> usize {
    let dead = freehold_events::operate::dead(&mut ground, source, None).await;
    dead.expect("parked events").len()
}
