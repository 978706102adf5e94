//! Histories of a source, shuffled: batches cut anywhere, duplicates, replays, losses that are
//! fetched, restarts between any two transactions, stores that refuse. Whatever the way, the copy
//! ends the same. Only tests; the copy is a map that does what the statements of engines do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::{
    Body, EventId, Incarnation, Lane, Message, Partitions, Position, Timestamp, To, Topic,
};
use freehold_model::{CopyOf, Provenance};
use serde_json::{Map, Value};

use super::arrival::Arrival;
use super::step::{Known, Subscribed, effect};
use crate::heads::HeadMap;

/// Safety rules of the applier, as the mutants break them.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Effect and watermark are one transaction.
    together: bool,
    /// What is behind the watermark is dropped, what is missing waited for.
    judged: bool,
    /// A delete leaves a stone that what is older cannot pass.
    stones: bool,
}

const SOUND: Way = Way {
    together: true,
    judged: true,
    stones: true,
};

/// A small generator: a run has millions of draws.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap_or(1)).unwrap_or(0)
    }
}

fn topic() -> Topic {
    Topic::new("book.changed.v1").expect("a topic")
}

fn copies() -> Vec<Subscribed> {
    let map = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    vec![Subscribed {
        table: "book_cache".to_owned(),
        topic: topic(),
        copy: CopyOf {
            service: "catalog".to_owned(),
            event: "book.changed.v1".to_owned(),
            each: None,
            key: map(&[("book_id", "bookId")]),
            columns: map(&[("title", "title")]),
            provenance: Provenance {
                position: Some("at".to_owned()),
                ..Provenance::default()
            },
            fallback: None,
            freshness: None,
        },
    }]
}

/// What a source says: some keys change, some go and come back.
fn history(draw: &mut Draw) -> Vec<Arc<Arrival>> {
    let incarnation = Incarnation {
        number: 1,
        random: 7,
    };
    let mut heads = HeadMap::default();
    let (count, copies) = (4 + draw.below(12), copies());
    let event = |number: usize| {
        let key = draw.below(4).to_string();
        let position = Position {
            incarnation,
            batch: u64::try_from(number / 3 + 1).unwrap_or(0),
            id: i64::try_from(number).unwrap_or(0),
        };
        let lane = Lane::of(&key);
        let payload = if draw.below(4) == 0 {
            "null".to_owned()
        } else {
            format!("{{\"bookId\": \"{key}\", \"title\": \"{number}\"}}")
        };
        let message = Message {
            event: EventId([u8::try_from(number).unwrap_or(0); 16]),
            topic: topic(),
            to: To::Lane(lane),
            key,
            source: "catalog".into(),
            position,
            prev: heads.advance(&topic(), lane, position),
            occurred_at: Timestamp::from_micros(0),
            headers: Vec::new(),
            body: Body::Event {
                content_type: "application/json".into(),
                payload: Bytes::from(payload),
            },
        };
        Arc::new(Arrival::new(&copies, message))
    };
    (1..=count).map(event).collect()
}

/// A consumer's store.
#[derive(Debug, Default, Clone, PartialEq)]
struct Store {
    rows: BTreeMap<String, Map<String, Value>>,
    stones: BTreeMap<String, String>,
    marks: BTreeMap<(Topic, Lane), Position>,
    /// How often each event took effect.
    effects: BTreeMap<Position, usize>,
}

impl Store {
    fn known(&self) -> Known {
        let mut known = Known::default();
        for ((topic, lane), at) in &self.marks {
            known.marks.advance(topic, *lane, *at);
        }
        known
    }

    fn change(&mut self, puts: &str, deletes: &str, way: Way) {
        let rows = |json: &str| -> Vec<Map<String, Value>> {
            serde_json::from_str(json).unwrap_or_default()
        };
        let text =
            |row: &Map<String, Value>, name: &str| row[name].as_str().expect("text").to_owned();
        for row in rows(puts) {
            let (key, at) = (text(&row, "freehold_key"), text(&row, "freehold_stamp"));
            let dead = self.stones.get(&key).is_some_and(|stone| *stone >= at);
            let older = self.rows.get(&key).is_some_and(|old| text(old, "at") >= at);
            if !dead && !older {
                self.rows.insert(key, row);
            }
        }
        for row in rows(deletes) {
            let (key, at) = (text(&row, "freehold_key"), text(&row, "freehold_stamp"));
            if self.rows.get(&key).is_some_and(|old| text(old, "at") <= at) {
                self.rows.remove(&key);
            }
            if way.stones {
                let stone = self.stones.entry(key).or_default();
                *stone = at.max(stone.clone());
            }
        }
    }
}

/// Applies one batch; the process may die at any of its steps. Lanes that miss something.
fn transact(
    store: &mut Store,
    arrivals: &[Arc<Arrival>],
    way: Way,
    draw: &mut Draw,
) -> BTreeSet<(Topic, Lane)> {
    let mut known = store.known();
    if !way.judged {
        // A mutant: takes everything as it comes.
        for arrival in arrivals {
            let message = &arrival.message;
            let mut alone = Known::default();
            if let (To::Lane(lane), Some(prev)) = (message.to, message.prev) {
                alone.marks.advance(&message.topic, lane, prev);
            }
            let one = std::slice::from_ref(arrival);
            let mut effect = effect(partitions(), &mut alone, one, &BTreeMap::new());
            for (_, changes) in std::mem::take(&mut effect.changes) {
                let (puts, deletes) = changes.json();
                store.change(&puts, &deletes, way);
            }
            store.marks.extend(effect.moved);
            *store.effects.entry(message.position).or_default() += 1;
        }
        return BTreeSet::new();
    }
    let mut effect = effect(partitions(), &mut known, arrivals, &BTreeMap::new());
    let behind = effect.behind.keys().cloned().collect();
    let mut after = store.clone();
    let messages = arrivals.iter().map(|arrival| &arrival.message);
    let taken: BTreeSet<Position> = messages
        .filter(|message| {
            let To::Lane(lane) = message.to else {
                return false;
            };
            let at = (message.topic.clone(), lane);
            let old = store.marks.get(&at) >= Some(&message.position);
            let moved = effect.moved.get(&at) >= Some(&message.position);
            moved && !old
        })
        .map(|message| message.position)
        .collect();
    for position in taken {
        *after.effects.entry(position).or_default() += 1;
    }
    for (_, changes) in std::mem::take(&mut effect.changes) {
        let (puts, deletes) = changes.json();
        after.change(&puts, &deletes, way);
    }
    if way.together {
        after.marks.extend(effect.moved);
        // Dies before the commit, or behind it.
        if draw.below(5) != 0 {
            *store = after;
        }
    } else {
        // A mutant: the watermark first, then the effect, with a death in between.
        store.marks.extend(effect.moved.clone());
        if draw.below(5) != 0 {
            after.marks = store.marks.clone();
            *store = after;
        }
    }
    behind
}

fn partitions() -> Partitions {
    Partitions::new(2).expect("two")
}

/// Delivers a history by chance: in order within a lane as a broker does, with cuts, losses and
/// replays. The owner still has everything.
fn deliver(history: &[Arc<Arrival>], way: Way, draw: &mut Draw) -> Store {
    let mut store = Store::default();
    if !way.judged {
        transact(&mut store, history, way, draw);
    }
    for _ in 0..4 + draw.below(6) {
        let from = draw.below(history.len());
        let upto = from + draw.below(history.len() - from) + 1;
        let mut batch = history[from..upto].to_vec();
        if draw.below(3) == 0 && batch.len() > 1 {
            batch.remove(draw.below(batch.len()));
        }
        if draw.below(4) == 0 {
            let again = batch.clone();
            batch.extend(again);
        }
        for (topic, lane) in transact(&mut store, &batch, way, draw) {
            let of =
                |it: &&Arc<Arrival>| it.message.topic == topic && it.message.to == To::Lane(lane);
            let fetched: Vec<_> = history[..upto].iter().filter(of).cloned().collect();
            transact(&mut store, &fetched, way, draw);
        }
    }
    // At last everything comes, until nothing changes any more.
    for _ in 0..if way.judged { 60 } else { 0 } {
        transact(&mut store, history, way, draw);
    }
    store
}

/// Histories that did not end as the plain one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wrong {
    /// Other rows.
    rows: u64,
    /// Other watermarks, or an event that took effect twice.
    rest: u64,
}

/// So many histories.
fn run(histories: u64, seed: u64, way: Way) -> Wrong {
    let mut draw = Draw(seed);
    let mut wrong = Wrong::default();
    for _ in 0..histories {
        let history = history(&mut draw);
        let mut plain = Store::default();
        let mut calm = Draw(3);
        for _ in 0..40 {
            transact(&mut plain, &history, SOUND, &mut calm);
        }
        let end = deliver(&history, way, &mut draw);
        let once = end.effects.values().all(|count| *count == 1);
        let rows = |store: &Store| serde_json::to_string(&store.rows).unwrap_or_default();
        wrong.rows += u64::from(rows(&end) != rows(&plain));
        wrong.rest += u64::from(end.marks != plain.marks || !once);
    }
    wrong
}

#[test]
fn shuffled_histories_end_in_the_same_bytes() {
    let histories = std::env::var("FREEHOLD_HISTORIES").ok();
    let histories = histories
        .and_then(|text| text.parse().ok())
        .unwrap_or(3_000);
    let threads = 2_u64;
    let each = histories / threads;
    let workers: Vec<_> = (0..threads)
        .map(|at| std::thread::spawn(move || run(each, 0x9e37_79b9_7f4a_7c15 ^ (at + 1), SOUND)))
        .collect();
    for worker in workers {
        assert_eq!(worker.join().expect("no panic"), Wrong::default());
    }
}

#[test]
fn each_mutant_dies() {
    let outside = Way {
        together: false,
        ..SOUND
    };
    let outside = run(300, 11, outside);
    assert!(outside.rows > 0, "watermark outside the transaction");
    // Positions and stones alone keep the rows right, and nothing else.
    let credulous = Way {
        judged: false,
        ..SOUND
    };
    let credulous = run(300, 12, credulous);
    assert!(credulous.rows == 0 && credulous.rest > 0, "{credulous:?}");
    let resurrecting = Way {
        judged: false,
        stones: false,
        ..SOUND
    };
    let resurrecting = run(300, 13, resurrecting);
    assert!(resurrecting.rows > 0, "tombstones that went too early");
}
