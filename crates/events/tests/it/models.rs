//! The relay's protocol in a small world, searched exhaustively: three writers on two keys, a store
//! that loses what is not durable, a relay that dies. Rules are broken one at a time; each broken one
//! has a trace. The bounds are printed with the number of states.

#![expect(clippy::print_stdout, reason = "bounds and numbers of states")]

mod copies;

use std::collections::BTreeSet;

use stateright::{Checker as _, HasDiscoveries, Model, Property};

/// How the relay works.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule that is broken on its own"
)]
struct Rules {
    /// The cursor is a snapshot; else the last id that was seen.
    snapshot: bool,
    /// A key's slot is locked before the id is taken.
    slot_first: bool,
    /// The record is durable before anything is sent.
    record_first: bool,
    /// Look and record are one transaction.
    one_transaction: bool,
    /// After a reconnect the cursor is read from the store.
    cursor_from_store: bool,
    /// Rows go when they are acknowledged; else when they are recorded.
    prune_acknowledged: bool,
    /// What was read is durable when its record is.
    flushed: bool,
}

const SOUND: Rules = Rules {
    snapshot: true,
    slot_first: true,
    record_first: true,
    one_transaction: true,
    cursor_from_store: true,
    prune_acknowledged: true,
    flushed: true,
};

/// Writers 0 and 1 write key 0, writer 2 key 1.
const WRITERS: usize = 3;

fn key(writer: usize) -> usize {
    writer / 2
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    /// The event itself; never twice.
    event: u8,
    id: u8,
    /// Handed out again when its transaction vanished.
    xid: u8,
    key: usize,
    /// In the order of commits.
    commit: u8,
    durable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    /// So many transactions are left.
    Idle(u8),
    /// With an id that it took before it had the slot, in a mutant.
    Early(u8, u8),
    Open {
        left: u8,
        id: u8,
        xid: u8,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Cursor {
    last_id: u8,
    xmax: u8,
    open: BTreeSet<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Record {
    rows: Vec<Row>,
    cursor: Cursor,
    acknowledged: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    rows: Vec<Row>,
    writers: [Writer; WRITERS],
    next_id: u8,
    next_xid: u8,
    next_event: u8,
    commits: u8,
    records: Vec<Record>,
    /// What the relay remembers; `None`: it has to read it from the store.
    cursor: Option<Cursor>,
    /// Read and not recorded, in a mutant.
    read: Option<(Vec<Row>, Cursor)>,
    /// Records of which this relay still has the messages.
    held: BTreeSet<usize>,
    /// Events at the broker, in order.
    sent: Vec<Row>,
    /// Events that are facts for ever.
    facts: BTreeSet<u8>,
    store_crashes: u8,
    relay_crashes: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Act {
    TakeId(usize),
    Insert(usize),
    Commit(usize, bool),
    Look,
    Record,
    RecordFails,
    Send,
    Acknowledge,
    Prune,
    StoreCrashes,
    RelayCrashes,
}

impl World {
    fn flush(&mut self) {
        for row in &mut self.rows {
            row.durable = true;
            self.facts.insert(row.event);
        }
    }

    fn cursor(&self) -> Cursor {
        let stored = || self.records.last().map(|it| it.cursor.clone());
        self.cursor.clone().or_else(stored).unwrap_or_default()
    }

    /// What a look finds, and where the next one goes on.
    fn look(&self, rules: Rules) -> (Vec<Row>, Cursor) {
        let cursor = self.cursor();
        let seen = |row: &Row| {
            if rules.snapshot {
                row.xid < cursor.xmax && !cursor.open.contains(&row.xid)
            } else {
                row.id <= cursor.last_id
            }
        };
        let mut rows: Vec<Row> = self.rows.iter().filter(|row| !seen(row)).copied().collect();
        rows.sort_by_key(|row| row.id);
        let open = self.writers.iter().filter_map(|it| match it {
            Writer::Open { xid, .. } => Some(*xid),
            _ => None,
        });
        let next = Cursor {
            last_id: rows.last().map_or(cursor.last_id, |row| row.id),
            xmax: self.next_xid,
            open: open.collect(),
        };
        (rows, next)
    }

    fn record(&mut self, rules: Rules, (rows, cursor): (Vec<Row>, Cursor)) {
        if rules.flushed {
            self.flush();
        }
        self.cursor = Some(cursor.clone());
        self.held.insert(self.records.len());
        self.records.push(Record {
            rows,
            cursor,
            acknowledged: false,
        });
    }

    fn send(&mut self, rows: &[Row]) {
        for row in rows {
            if !self.sent.iter().any(|sent| sent.event == row.event) {
                self.sent.push(*row);
            }
        }
    }

    /// The first record that is not acknowledged.
    fn unsent(&self) -> Option<usize> {
        self.records.iter().position(|it| !it.acknowledged)
    }

    fn rows_of(&self, record: usize) -> bool {
        let there = |row: &Row| self.rows.iter().any(|it| it.event == row.event);
        self.held.contains(&record) || self.records[record].rows.iter().all(there)
    }

    fn arrived(&self, record: usize) -> bool {
        let sent = |row: &Row| self.sent.iter().any(|it| it.event == row.event);
        self.records[record].rows.iter().all(sent)
    }
}

impl Model for Rules {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            rows: Vec::new(),
            writers: [Writer::Idle(1), Writer::Idle(1), Writer::Idle(1)],
            next_id: 1,
            next_xid: 1,
            next_event: 1,
            commits: 0,
            records: Vec::new(),
            cursor: None,
            read: None,
            held: BTreeSet::new(),
            sent: Vec::new(),
            facts: BTreeSet::new(),
            store_crashes: 1,
            relay_crashes: 1,
        }]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        for (at, writer) in world.writers.iter().enumerate() {
            let slot_free = world
                .writers
                .iter()
                .enumerate()
                .all(|(other, it)| key(other) != key(at) || !matches!(it, Writer::Open { .. }));
            match writer {
                Writer::Idle(1..) if !self.slot_first => acts.push(Act::TakeId(at)),
                Writer::Idle(1..) | Writer::Early(..) if slot_free => acts.push(Act::Insert(at)),
                Writer::Open { .. } => {
                    acts.extend([Act::Commit(at, true), Act::Commit(at, false)]);
                }
                _ => {}
            }
        }
        let found = !world.look(*self).0.is_empty();
        if world.read.is_some() {
            acts.push(Act::Record);
        } else if found {
            acts.push(Act::Look);
            acts.push(Act::RecordFails);
        }
        if let Some(record) = world.unsent() {
            if world.arrived(record) {
                acts.push(Act::Acknowledge);
            } else if world.rows_of(record) {
                acts.push(Act::Send);
            }
        }
        acts.push(Act::Prune);
        if world.store_crashes > 0 {
            acts.push(Act::StoreCrashes);
        }
        if world.relay_crashes > 0 {
            acts.push(Act::RelayCrashes);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each act")]
    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        match act {
            Act::TakeId(at) => {
                let Writer::Idle(left) = world.writers[at] else {
                    return None;
                };
                world.writers[at] = Writer::Early(left, world.next_id);
                world.next_id += 1;
            }
            Act::Insert(at) => {
                let (left, id) = match world.writers[at] {
                    Writer::Early(left, id) => (left, id),
                    Writer::Idle(left) => {
                        world.next_id += 1;
                        (left, world.next_id - 1)
                    }
                    Writer::Open { .. } => return None,
                };
                let xid = world.next_xid;
                world.next_xid += 1;
                world.writers[at] = Writer::Open {
                    left: left - 1,
                    id,
                    xid,
                };
            }
            Act::Commit(at, durable) => {
                let Writer::Open { left, id, xid } = world.writers[at] else {
                    return None;
                };
                world.commits += 1;
                world.rows.push(Row {
                    event: world.next_event,
                    id,
                    xid,
                    key: key(at),
                    commit: world.commits,
                    durable: false,
                });
                world.next_event += 1;
                world.writers[at] = Writer::Idle(left);
                if durable {
                    world.flush();
                }
            }
            Act::Look => {
                let found = world.look(*self);
                if !self.record_first {
                    world.send(&found.0);
                }
                if self.one_transaction && self.record_first {
                    world.record(*self, found);
                } else {
                    world.read = Some(found);
                }
            }
            Act::Record => {
                let found = world.read.take()?;
                world.record(*self, found);
            }
            Act::RecordFails => {
                // The connection breaks at the commit, and a new one is opened.
                let (_, cursor) = world.look(*self);
                world.read = None;
                world.cursor = (!self.cursor_from_store).then_some(cursor);
            }
            Act::Send => {
                let record = world.unsent()?;
                let rows = world.records[record].rows.clone();
                world.send(&rows);
            }
            Act::Acknowledge => {
                let record = world.unsent()?;
                world.records[record].acknowledged = true;
            }
            Act::Prune => {
                let gone = |it: &&Record| it.acknowledged || !self.prune_acknowledged;
                let gone: BTreeSet<u8> = world
                    .records
                    .iter()
                    .filter(gone)
                    .flat_map(|it| it.rows.iter().map(|row| row.event))
                    .collect();
                world.rows.retain(|row| !gone.contains(&row.event));
            }
            Act::StoreCrashes => {
                world.store_crashes -= 1;
                world.rows.retain(|row| row.durable);
                let recorded = world.records.iter().map(|it| it.cursor.xmax);
                let rows = world.rows.iter().map(|row| row.xid + 1);
                // The record's own transaction is behind what it saw: those ids never come again.
                world.next_xid = rows.chain(recorded).max().unwrap_or(1);
                if !self.flushed {
                    let rows = world.rows.iter().map(|row| row.xid + 1);
                    world.next_xid = rows.max().unwrap_or(1);
                }
                for writer in &mut world.writers {
                    if let Writer::Open { left, .. } | Writer::Early(left, _) = *writer {
                        *writer = Writer::Idle(left);
                    }
                }
                // A driver that reconnects by itself goes on with what it has read.
                if self.one_transaction {
                    world.read = None;
                }
                if self.cursor_from_store && self.one_transaction {
                    world.cursor = None;
                    world.held.clear();
                }
            }
            Act::RelayCrashes => {
                world.relay_crashes -= 1;
                world.held.clear();
                world.read = None;
                world.cursor = None;
            }
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no ghost", |_: &Self, world: &World| {
                let mut sent = world.sent.iter();
                sent.all(|row| world.facts.contains(&row.event))
            }),
            Property::always("order within a key", |_: &Self, world: &World| {
                let sent = &world.sent;
                let pairs = sent.iter().enumerate().flat_map(|(at, first)| {
                    sent[at + 1..].iter().map(move |second| (first, second))
                });
                let mut same = pairs.filter(|(first, second)| first.key == second.key);
                same.all(|(first, second)| first.commit < second.commit)
            }),
            Property::always("nothing lost", |rules: &Self, world: &World| {
                let busy = world.unsent().is_some_and(|it| world.rows_of(it))
                    || world.read.is_some()
                    || !world.look(*rules).0.is_empty();
                let arrived = |event: &u8| world.sent.iter().any(|row| row.event == *event);
                busy || world.facts.iter().all(arrived)
            }),
            Property::sometimes(
                "everything arrives after both crashes",
                |_: &Self, world: &World| {
                    world.sent.len() == WRITERS && world.store_crashes + world.relay_crashes == 0
                },
            ),
        ]
    }
}

/// Names of the rules that do not hold.
fn broken(rules: Rules) -> (Vec<&'static str>, usize) {
    let checker = rules.checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().join();
    let states = checker.unique_state_count();
    let found = checker.discoveries();
    let broken = found
        .into_keys()
        .filter(|name| *name != "everything arrives after both crashes");
    (broken.collect(), states)
}

#[test]
fn the_relay_keeps_its_promises() {
    let checker = SOUND.checker().threads(2).spawn_bfs().join();
    println!(
        "relay: 3 transactions on 2 keys, 1 crash of the store, 1 of the relay: {} states",
        checker.unique_state_count()
    );
    checker.assert_properties();
}

#[test]
fn each_broken_rule_has_a_trace() {
    let mutants = [
        (
            "last id seen",
            Rules {
                snapshot: false,
                ..SOUND
            },
        ),
        (
            "id before the lock",
            Rules {
                slot_first: false,
                ..SOUND
            },
        ),
        (
            "sent before the record",
            Rules {
                record_first: false,
                ..SOUND
            },
        ),
        (
            "look and record apart",
            Rules {
                one_transaction: false,
                ..SOUND
            },
        ),
        (
            "cursor kept over a reconnect",
            Rules {
                cursor_from_store: false,
                ..SOUND
            },
        ),
        (
            "pruned when recorded",
            Rules {
                prune_acknowledged: false,
                ..SOUND
            },
        ),
        (
            "recorded before durable",
            Rules {
                flushed: false,
                ..SOUND
            },
        ),
    ];
    for (name, rules) in mutants {
        let (broken, states) = broken(rules);
        println!("{name}: {broken:?}, {states} states");
        assert!(!broken.is_empty(), "{name} has no trace");
    }
}
