//! The log on a disk that drops and tears what was not synced: nothing acknowledged or read is
//! ever lost, doubled or out of order, and each rule that is broken shows.
//!
//! `FREEHOLD_BROKER_SEEDS` sets how many histories are run; `FREEHOLD_BROKER_SEED` runs one.

mod disk;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use self::disk::{Counters, Random, SimDisk};
use super::catalog::Catalog;
use super::commit::{Publish, commit};
use super::fault::StoreError;
use super::partition::read_blocks;
use super::rules::{Rules, Sound};
use super::store::Store;
use super::{block, record};
use crate::contract::TopicWant;
use crate::message::{Body, EventId, Message};
use crate::position::{Incarnation, Position};
use crate::timestamp::Timestamp;
use crate::topic::{Compression, Lane, Partitions, To, Topic};

const FOLDER: &str = "/broker";
const TOPICS: [&str; 2] = ["one.v1", "two.v1"];

/// What a source knows of one topic.
struct Source {
    topic: Topic,
    next: u64,
    /// Made and not acknowledged.
    waiting: VecDeque<Message>,
    /// Acknowledged or read: per partition.
    kept: Vec<Vec<(Position, EventId)>>,
}

struct World<R> {
    disk: SimDisk,
    random: Random,
    store: Option<Store>,
    sources: Vec<Source>,
    rules: std::marker::PhantomData<R>,
}

/// What went wrong.
type Verdict = Result<(), String>;

impl<R: Rules> World<R> {
    fn new(seed: u64) -> Self {
        let source = |name: &&str| Source {
            topic: Topic::new(name).expect("a topic"),
            next: 1,
            waiting: VecDeque::new(),
            kept: vec![Vec::new(); 3],
        };
        Self {
            disk: SimDisk::new(seed),
            random: Random(seed ^ 0x5eed),
            store: None,
            sources: TOPICS.iter().map(source).collect(),
            rules: std::marker::PhantomData,
        }
    }

    /// Opens the store as a broker that starts, and makes what is missing as `apply` does.
    fn start(&mut self) -> Verdict {
        if self.random.once_in(4) {
            self.disk.light_fuse(self.random.below(12));
        }
        let started = self.try_start();
        if self.disk.power_on() {
            return self.try_start();
        }
        started
    }

    fn try_start(&mut self) -> Verdict {
        let disk = Arc::new(self.disk.clone());
        let first = || Catalog::new("admin", String::new());
        let told = |error: StoreError| format!("it does not open: {error:?}");
        let store = Store::open::<R>(disk, Path::new(FOLDER), 2_000, first).map_err(told)?;
        for source in &self.sources {
            let missing = store.topic(&source.topic).is_none();
            if missing && source.kept.iter().any(|kept| !kept.is_empty()) {
                return Err(format!("{} is gone", source.topic));
            }
            let want = TopicWant {
                topic: source.topic.clone(),
                partitions: Partitions::new(3).expect("three"),
                keep_for: None,
                keep_bytes: None,
                compression: Compression::None,
            };
            store.ensure_topic::<R>(&want).map_err(told)?;
        }
        self.store = Some(store);
        self.read_all()
    }

    fn restart(&mut self, power_loss: bool) -> Verdict {
        self.store = None;
        self.disk.failing(0, 0);
        if power_loss {
            self.disk.power_loss();
        } else {
            self.disk.kill();
        }
        self.start()
    }

    fn make(&mut self, source: usize, count: usize) {
        for _ in 0..count {
            let key = self.random.below(40).to_string();
            let payload = vec![b'x'; self.random.below(300)];
            let event = (self.random.next(), self.random.next());
            let source = &mut self.sources[source];
            let incarnation = Incarnation {
                number: 1,
                random: 1,
            };
            let mut id = [0; 16];
            id[..8].copy_from_slice(&event.0.to_le_bytes());
            id[8..].copy_from_slice(&event.1.to_le_bytes());
            source.waiting.push_back(Message {
                event: EventId(id),
                topic: source.topic.clone(),
                to: To::Lane(Lane::of(&key)),
                key,
                source: "orders".into(),
                position: Position {
                    incarnation,
                    batch: source.next,
                    id: 0,
                },
                prev: None,
                occurred_at: Timestamp::from_micros(0),
                headers: Vec::new(),
                body: Body::Event {
                    content_type: "text/plain".into(),
                    payload: payload.into(),
                },
            });
            source.next += 1;
        }
    }

    /// One group of the writer: the oldest waiting messages, some of them sent twice, as after a
    /// lost connection.
    fn publish(&mut self) -> Verdict {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let mut group: Vec<Publish> = Vec::new();
        let mut whose: Vec<(usize, usize)> = Vec::new();
        for _ in 0..=self.random.below(3) {
            // The next frame of the same call, or the same again as after a lost connection.
            let goes_on = self.random.once_in(2);
            let before = whose.last().zip(group.last()).filter(|_| goes_on);
            let (index, start, call) = match before {
                Some(((index, start), publish)) => {
                    let start = start + publish.records.len();
                    (*index, start, publish.call.clone())
                }
                None => (self.random.below(2), 0, Arc::default()),
            };
            let source = &self.sources[index];
            let topic = store.topic(&source.topic).ok_or("no topic")?;
            let most = 1 + self.random.below(40);
            let records = source.waiting.iter().skip(start).take(most).map(|message| {
                let mut bytes = Vec::new();
                record::encode(message, &mut bytes);
                let bytes = Bytes::from(bytes);
                (record::head(&bytes).expect("its own"), bytes)
            });
            let records = records.collect();
            group.push(Publish {
                topic,
                call,
                records,
            });
            whose.push((index, start));
        }
        let outcomes = commit::<R>(store, &group, 0);
        let mut done = vec![0; self.sources.len()];
        for (outcome, (index, start)) in outcomes.iter().zip(whose) {
            if start <= done[index] {
                done[index] = done[index].max(start + outcome.acknowledged);
            }
        }
        for (source, done) in self.sources.iter_mut().zip(done) {
            for message in source.waiting.drain(..done) {
                let three = Partitions::new(3).expect("three");
                let partition = usize::from(message.to.partition(three).number());
                let kept = &mut source.kept[partition];
                let known = kept
                    .last()
                    .is_some_and(|(last, _)| *last >= message.position);
                if !known {
                    kept.push((message.position, message.event));
                }
            }
        }
        Ok(())
    }

    /// A consumer from the beginning: what was kept is there, in order, once; what is there now is
    /// kept from now on.
    fn read_all(&mut self) -> Verdict {
        let Some(store) = &self.store else {
            return Ok(());
        };
        for source in &mut self.sources {
            let topic = store.topic(&source.topic).ok_or("no topic")?;
            for (log, kept) in topic.logs.iter().zip(&mut source.kept) {
                let mut offset = 0;
                let mut found = Vec::new();
                while let Some(place) = log
                    .lock()
                    .find_offset(offset)
                    .map_err(|e| format!("{e:?}"))?
                {
                    let blocks = read_blocks(&self.disk, &place, 700)
                        .map_err(|error| format!("read: {error}"))?;
                    if blocks.is_empty() {
                        return Err(format!("{} at {offset}: nothing", source.topic));
                    }
                    for bytes in blocks {
                        let (header, body) =
                            block::whole(&bytes, true).map_err(|e| format!("block: {e:?}"))?;
                        if header.first_offset != offset {
                            return Err(format!("jumps to {}", header.first_offset));
                        }
                        for record in block::records(&header, body).map_err(|e| format!("{e:?}"))? {
                            let head =
                                record::head(&record).map_err(|e| format!("record: {e:?}"))?;
                            found.push((head.position, head.event));
                        }
                        offset = header.next_offset();
                    }
                }
                if !found.windows(2).all(|pair| pair[0].0 < pair[1].0) {
                    return Err(format!("{}: doubled or out of order", source.topic));
                }
                if found.len() < kept.len() || found[..kept.len()] != kept[..] {
                    let counts = (found.len(), kept.len());
                    return Err(format!("{}: lost: {counts:?}", source.topic));
                }
                *kept = found;
            }
        }
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Verdict {
        // The machine's administrator made the folder, long ago.
        use super::disk::Disk as _;
        let made = self.disk.make_folder(Path::new(FOLDER));
        made.and_then(|()| self.disk.sync_folder(Path::new("/")))
            .map_err(|error| error.to_string())?;
        self.start()?;
        for _ in 0..steps {
            match self.random.below(20) {
                0 => self.restart(true)?,
                1 => self.restart(false)?,
                2 => self.disk.failing(6, 0),
                3 => self.disk.failing(0, 6),
                4 => self.disk.failing(0, 0),
                5 => self.read_all()?,
                _ => {
                    let (source, count) = (self.random.below(2), self.random.below(30));
                    self.make(source, count);
                    if self.random.once_in(4) {
                        self.disk.light_fuse(self.random.below(30));
                    }
                    self.publish()?;
                    if self.disk.power_on() {
                        self.restart(false)?;
                    }
                }
            }
        }
        self.restart(true)?;
        // When nothing fails any more, everything gets through.
        for _ in 0..1_000 {
            if self.sources.iter().all(|source| source.waiting.is_empty()) {
                return self.read_all();
            }
            self.publish()?;
        }
        Err("it does not get on".to_owned())
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_acknowledged_or_read_is_lost_doubled_or_out_of_order() {
    let seeds = match number("FREEHOLD_BROKER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FREEHOLD_BROKER_SEEDS").unwrap_or(100),
    };
    let mut sum = Counters::default();
    for seed in seeds.clone() {
        let mut world = World::<Sound>::new(seed);
        let verdict = world.run(60);
        assert_eq!(verdict, Ok(()), "FREEHOLD_BROKER_SEED={seed}");
        let one = world.disk.counters();
        sum.dropped += one.dropped;
        sum.torn += one.torn;
        sum.names_lost += one.names_lost;
        sum.failed_syncs += one.failed_syncs;
        sum.failed_writes += one.failed_writes;
    }
    if seeds.end - seeds.start > 1 {
        let each = [
            sum.dropped,
            sum.torn,
            sum.names_lost,
            sum.failed_syncs,
            sum.failed_writes,
        ];
        assert!(each.iter().all(|count| *count > 0), "{sum:?}");
    }
}

/// Runs histories until one shows that the rule is broken.
fn dies<R: Rules>() {
    let found = (0..500).find_map(|seed| World::<R>::new(seed).run(60).err());
    assert!(found.is_some(), "the mutant lives");
}

macro_rules! mutant {
    ($test:ident, $rule:ident) => {
        #[test]
        fn $test() {
            struct Mutant;
            impl Rules for Mutant {
                const $rule: bool = false;
            }
            dies::<Mutant>();
        }
    };
}

mutant!(acknowledged_before_synced_dies, SYNC_BEFORE_ACKNOWLEDGING);
mutant!(without_checksums_dies, COMPARE_CHECKSUMS);
mutant!(folders_not_synced_dies, SYNC_FOLDERS);
mutant!(not_synced_when_opened_dies, SYNC_WHEN_OPENED);
mutant!(not_written_again_when_opened_dies, REWRITE_WHEN_OPENED);
mutant!(torn_tail_left_dies, CUT_TORN_TAIL);
mutant!(segment_left_unsynced_dies, SYNC_BEFORE_NEXT_SEGMENT);
mutant!(going_on_after_a_failed_sync_dies, STOP_AFTER_FAILED_SYNC);
