//! One entity and its copy, searched exhaustively: two topics that fill a group of columns each,
//! deletes and their tombstones, a first fill beside the events, a source that loses what is not
//! durable. A copy that stands on one topic is a case of it. Rules are broken one at a time.

#![expect(clippy::print_stdout, reason = "bounds and numbers of states")]

use stateright::{Checker as _, HasDiscoveries, Model, Property};

/// How a copy is kept.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule that is broken on its own"
)]
struct Rules {
    /// Newer wins per group of columns; else per row.
    per_group: bool,
    /// A tombstone goes when all topics have passed it; else at any time, as by age.
    stones_passed: bool,
    /// A delete leaves a tombstone at all.
    stones: bool,
    /// What is below the watermark is dropped.
    judged: bool,
    /// The stamp is taken before the rows are read; else after.
    stamp_first: bool,
    /// What was read is durable before it is handed out.
    flushed: bool,
    /// Nothing is applied from the question until the rows are put.
    alone: bool,
    /// A row that is lacking in what was read goes.
    rest_goes: bool,
}

const SOUND: Rules = Rules {
    per_group: true,
    stones_passed: true,
    stones: true,
    judged: true,
    stamp_first: true,
    flushed: true,
    alone: true,
    rest_goes: true,
};

/// Transactions of the source.
const EVENTS: usize = 4;

/// Of topic A are puts of its columns and deletes, of topic B puts of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Event {
    PutA,
    PutB,
    Delete,
}

impl Event {
    fn topic(self) -> usize {
        usize::from(self == Self::PutB)
    }
}

/// The values of both groups: the number of the event that put them, 0 for none.
type Row = Option<[u8; 2]>;

/// What the source says after these events.
fn today(events: &[Event]) -> Row {
    let mut row: Row = None;
    for (number, event) in (1_u8..).zip(events) {
        match (event, &mut row) {
            (Event::Delete, _) => row = None,
            (put, Some(values)) => values[put.topic()] = number,
            (put, None) => {
                let mut values = [0; 2];
                values[put.topic()] = number;
                row = Some(values);
            }
        }
    }
    row
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fill {
    None,
    /// The source had recorded so much when it was asked; 0 where that is looked up later.
    Asked(u8),
    Read(u8, Row),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// Committed, in their order; positions are their numbers, from 1 on.
    events: Vec<Event>,
    durable: usize,
    /// With a position, and at the broker.
    recorded: usize,
    /// Watermarks of both topics.
    marks: [u8; 2],
    row: Row,
    /// Positions of the groups of the row.
    at: [u8; 2],
    stone: u8,
    fill: Fill,
    fills: u8,
    crashes: u8,
    replays: u8,
    losses: u8,
    /// Events were stepped over: the copy has to be filled.
    wanted: bool,
    pruned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Act {
    Commit(Event),
    Record,
    Crash,
    Apply(usize),
    /// The broker gives again what it gave before.
    Replay(usize),
    /// Neither the broker nor the owner has what comes next any more.
    StepOver,
    Prune,
    Ask,
    Read,
    Put,
    ApplierDies,
}

impl World {
    /// The next event of a topic behind its watermark: its number.
    fn next(&self, topic: usize) -> Option<u8> {
        let recorded = (1_u8..).zip(&self.events[..self.recorded]);
        let mut next = recorded.filter(|it| it.1.topic() == topic && it.0 > self.marks[topic]);
        next.next().map(|it| it.0)
    }

    fn apply(&mut self, rules: Rules, number: u8) {
        let event = self.events[usize::from(number) - 1];
        match event {
            Event::Delete => {
                for group in 0..2 {
                    if self.at[group] < number {
                        self.at[group] = 0;
                        if let Some(values) = &mut self.row {
                            values[group] = 0;
                        }
                    }
                }
                if self.row == Some([0, 0]) {
                    self.row = None;
                }
                if rules.stones {
                    self.stone = self.stone.max(number);
                }
            }
            put => {
                let group = put.topic();
                let newest = if rules.per_group {
                    self.at[group]
                } else {
                    self.at[0].max(self.at[1])
                };
                if newest < number && self.stone < number {
                    self.row.get_or_insert([0, 0])[group] = number;
                    self.at[group] = number;
                }
            }
        }
    }

    fn put(&mut self, rules: Rules, stamp: u8, read: Row) {
        match read {
            Some(values) => {
                self.row = Some(values);
                self.at = [stamp; 2];
            }
            None if rules.rest_goes => {
                self.row = None;
                self.at = [0; 2];
                self.stone = self.stone.max(stamp);
            }
            None => {}
        }
    }

    fn is_quiet(&self) -> bool {
        let all = self.recorded == self.events.len() && self.next(0).or(self.next(1)).is_none();
        all && self.fill == Fill::None && !self.wanted
    }

    fn recorded(&self) -> u8 {
        u8::try_from(self.recorded).unwrap_or(u8::MAX)
    }
}

impl Model for Rules {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            events: Vec::new(),
            durable: 0,
            recorded: 0,
            marks: [0; 2],
            row: None,
            at: [0; 2],
            stone: 0,
            fill: Fill::None,
            fills: 1,
            crashes: 1,
            replays: 1,
            losses: 1,
            wanted: false,
            pruned: false,
        }]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        if world.events.len() < EVENTS {
            // The other columns change only of an entity that is there.
            acts.push(Act::Commit(Event::PutA));
            if today(&world.events).is_some() {
                acts.extend([Event::PutB, Event::Delete].map(Act::Commit));
            }
        }
        acts.push(Act::Record);
        if world.crashes > 0 {
            acts.push(Act::Crash);
        }
        let applies = !self.alone || world.fill == Fill::None;
        for topic in (0..2).filter(|_| applies) {
            acts.push(Act::Apply(topic));
            if world.replays > 0 {
                acts.push(Act::Replay(topic));
            }
        }
        if world.fill == Fill::None && world.fills > 0 && world.losses > 0 {
            acts.push(Act::StepOver);
        }
        acts.push(Act::Prune);
        acts.push(match world.fill {
            Fill::None => Act::Ask,
            Fill::Asked(_) => Act::Read,
            Fill::Read(..) => Act::Put,
        });
        acts.push(Act::ApplierDies);
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        match act {
            Act::Commit(event) => world.events.push(event),
            Act::Record => {
                world.durable = world.events.len();
                world.recorded = world.events.len();
            }
            Act::Crash => {
                world.crashes -= 1;
                world.events.truncate(world.durable);
                // Nobody is asked who is not there.
                if let Fill::Asked(_) = world.fill {
                    world.fill = Fill::None;
                }
            }
            Act::Apply(topic) => {
                let number = world.next(topic)?;
                world.apply(*self, number);
                world.marks[topic] = number;
            }
            Act::Replay(topic) => {
                let recorded = (1_u8..).zip(&world.events[..world.recorded]);
                let mut old = recorded.filter(|it| it.1.topic() == topic);
                let (number, _) = old.next().filter(|it| it.0 <= world.marks[topic])?;
                world.replays -= 1;
                if !self.judged {
                    world.apply(*self, number);
                    world.marks[topic] = number;
                }
            }
            Act::StepOver => {
                world.losses -= 1;
                world.marks = [world.recorded(); 2];
                world.wanted = true;
            }
            Act::Prune => {
                let passed =
                    (0..2).all(|topic| world.next(topic).is_none_or(|it| it > world.stone));
                let known = world.recorded() >= world.stone;
                if world.stone == 0 || (self.stones_passed && !(passed && known)) {
                    return None;
                }
                world.stone = 0;
                world.pruned = true;
            }
            Act::Ask => {
                world.fills = world.fills.checked_sub(1)?;
                world.fill = Fill::Asked(if self.stamp_first {
                    world.recorded()
                } else {
                    0
                });
            }
            Act::Read => {
                let Fill::Asked(stamp) = world.fill else {
                    return None;
                };
                if self.flushed {
                    world.durable = world.events.len();
                }
                // Where the stamp comes later, it comes when the rows are put.
                world.fill = Fill::Read(stamp, today(&world.events));
            }
            Act::Put => {
                let Fill::Read(stamp, row) = world.fill else {
                    return None;
                };
                let stamp = if self.stamp_first {
                    stamp
                } else {
                    world.recorded()
                };
                world.put(*self, stamp, row);
                world.fill = Fill::None;
                world.wanted = false;
            }
            Act::ApplierDies => {
                if world.fill != Fill::None {
                    world.fills += 1;
                    world.fill = Fill::None;
                }
            }
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("ends as the source", |_: &Self, world: &World| {
                !world.is_quiet() || world.row == today(&world.events)
            }),
            Property::sometimes(SEEN, |_: &Self, world: &World| {
                let used = world.fills + world.crashes + world.replays + world.losses == 0;
                used && world.pruned && world.is_quiet() && world.row.is_some()
            }),
        ]
    }
}

const SEEN: &str = "all of it happens, and the entity lives";

#[test]
fn a_copy_ends_as_its_source() {
    let checker = SOUND.checker().threads(2).spawn_bfs().join();
    println!(
        "copy: {EVENTS} transactions in 2 topics, 1 fill, 1 loss, 1 crash of the source, 1 replay, deaths of the applier: {} states",
        checker.unique_state_count()
    );
    checker.assert_properties();
}

#[test]
fn each_broken_rule_of_copies_has_a_trace() {
    let broken = |change: fn(&mut Rules)| {
        let mut rules = SOUND;
        change(&mut rules);
        rules
    };
    let mutants = [
        ("newer wins per row", broken(|it| it.per_group = false)),
        ("tombstones by age", broken(|it| it.stones_passed = false)),
        ("no tombstones", broken(|it| it.stones = false)),
        ("watermark not looked at", broken(|it| it.judged = false)),
        ("stamp after the read", broken(|it| it.stamp_first = false)),
        ("handed out before durable", broken(|it| it.flushed = false)),
        ("events while asked", broken(|it| it.alone = false)),
        ("what is lacking stays", broken(|it| it.rest_goes = false)),
    ];
    for (name, rules) in mutants {
        let checker = rules.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.spawn_bfs().join();
        let found = checker.discoveries();
        let states = checker.unique_state_count();
        println!("{name}: {states} states");
        assert!(
            found.contains_key("ends as the source"),
            "{name} has no trace"
        );
    }
}
