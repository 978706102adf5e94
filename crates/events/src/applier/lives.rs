//! A store that is put back, its relay, a broker that loses its log, a leader of a lost life that
//! wakes up late, and a consumer: searched exhaustively. What messages do to the consumer is decided
//! by the code that ships (`step.rs`, `lane.rs`, `History`); the ways around it are the model's. Only
//! tests. The clock stands still, so lives are told apart without its help.

#![expect(clippy::print_stdout, reason = "bounds and numbers of states")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use freehold_broker::{
    Base, Body, EventId, Heads, History, Incarnation, Lane, Message, Partitions, Position,
    Timestamp, To, Topic,
};
use stateright::{Checker as _, HasDiscoveries, Model, Property};

use super::arrival::Arrival;
use super::step::{Effect, Known, effect};
use crate::relay::first_of;

#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule that is broken on its own"
)]
struct Rules {
    /// A life counts on from what the broker holds, too, and has a random part; else from the
    /// store alone.
    never_again: bool,
    /// The owner is asked about lives below the watermark; else they are old.
    asks: bool,
    /// A watermark that the owner's history does not hold is given up.
    believes: bool,
    /// A new life begins when the store is not what it was.
    notices: bool,
}

const SOUND: Rules = Rules {
    never_again: true,
    asks: true,
    believes: true,
    notices: true,
};

const WRITES: u8 = 3;
const RESTORES: u8 = 2;

type Life = (Incarnation, Option<Position>);

/// The publisher's store. One key: a row is an event, its value the key's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Store {
    rows: Vec<u8>,
    /// Positions of the first so many rows.
    records: Vec<Position>,
    /// So many of them the broker acknowledged.
    acknowledged: usize,
    lives: Vec<Life>,
    /// Of the store when its last life began.
    print: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sent {
    Event(u8, Position, Option<Position>),
    Life(Position, Vec<Life>),
}

impl Sent {
    fn position(&self) -> Position {
        match self {
            Self::Event(_, at, _) | Self::Life(at, _) => *at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    store: Store,
    backup: Store,
    /// What the store is by its fingerprint.
    print: u8,
    leads: bool,
    /// A leader that was paused before it could send this.
    late: Option<Sent>,
    log: Vec<Sent>,
    read: usize,
    mark: Option<Position>,
    copy: Option<u8>,
    /// The copy is to be filled.
    wanted: bool,
    past: BTreeSet<Incarnation>,
    gone: BTreeSet<Incarnation>,
    held: Option<(Incarnation, Position)>,
    /// The newest heartbeat counted, and nothing was done since: the copy is said to be current.
    heard: bool,
    values: u8,
    writes: u8,
    restores: u8,
    losses: u8,
    woken: u8,
    begun: Vec<Incarnation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Act {
    Write,
    Record,
    Send,
    TakeOver,
    Restore,
    Lose,
    Late,
    Read,
    Beat,
    Fill,
}

fn one() -> Partitions {
    Partitions::new(1).expect("one")
}

fn topic() -> Topic {
    Topic::new("book.changed.v1").expect("a topic")
}

fn at(incarnation: Incarnation, number: usize) -> Position {
    Position {
        incarnation,
        batch: u64::try_from(number).unwrap_or(0),
        id: i64::try_from(number).unwrap_or(0),
    }
}

fn history(lives: &[Life]) -> History {
    let lives = lives.iter();
    History(
        lives
            .map(|&(incarnation, after)| Base { incarnation, after })
            .collect(),
    )
}

fn message(to: To, position: Position, prev: Option<Position>, body: Body) -> Arc<Arrival> {
    let message = Message {
        event: EventId([0; 16]),
        topic: topic(),
        to,
        key: "5".to_owned(),
        source: "catalog".into(),
        position,
        prev,
        occurred_at: Timestamp::from_micros(0),
        headers: Vec::new(),
        body,
    };
    Arc::new(Arrival::new(&[], message))
}

fn event(position: Position, prev: Option<Position>) -> Arc<Arrival> {
    let body = Body::Event {
        content_type: "application/json".into(),
        payload: Bytes::new(),
    };
    message(To::Lane(Lane::of("5")), position, prev, body)
}

fn everywhere(position: Position, body: Body) -> Arc<Arrival> {
    let partition = Lane::of("5").partition(one());
    message(To::Partition(partition), position, None, body)
}

impl Store {
    fn life(&self) -> Incarnation {
        self.lives[self.lives.len() - 1].0
    }

    fn event(&self, number: usize) -> Sent {
        let prev = number.checked_sub(1).map(|before| self.records[before]);
        Sent::Event(self.rows[number], self.records[number], prev)
    }
}

impl World {
    fn tail(&self) -> Option<Position> {
        self.log.last().map(Sent::position)
    }

    /// False: it is behind the tail.
    fn store_at_broker(&mut self, sent: Sent) -> bool {
        let takes = self.tail().is_none_or(|tail| tail < sent.position());
        if takes {
            self.log.push(sent);
        }
        takes
    }

    /// As `relay/recover.rs` does it.
    fn take_over(&mut self, rules: Rules) {
        let (tail, known) = (self.tail(), history(&self.store.lives));
        let foreign = tail.filter(|tail| !known.contains(tail.incarnation));
        let store = &mut self.store;
        let open = store.records[store.acknowledged..].iter();
        let cut = open.clone().any(|at| foreign >= Some(*at));
        if cut {
            store.records.truncate(store.acknowledged);
        }
        let sent = store.records.last().copied();
        let begun = Some(first_of(store.life()));
        let other = cut || self.print != store.print || tail > sent.max(begun);
        if other && rules.notices {
            let own = store.life().number;
            let broker = tail.map_or(0, |tail| tail.incarnation.number);
            // By chance; the worst that it can be is smaller than in the lives before.
            let (largest, random) = if rules.never_again {
                (own.max(broker), 9 - self.begun.len())
            } else {
                (own, 9)
            };
            let incarnation = Incarnation {
                number: largest + 1,
                random: u32::try_from(random).unwrap_or(0),
            };
            store.lives.push((incarnation, sent));
            self.begun.push(incarnation);
        }
        store.print = self.print;
        for number in store.acknowledged..store.records.len() {
            let sent = self.store.event(number);
            self.store_at_broker(sent);
        }
        self.store.acknowledged = self.store.records.len();
        let first = first_of(self.store.life());
        self.store_at_broker(Sent::Life(first, self.store.lives.clone()));
        self.leads = true;
    }

    /// One message, as `Applier::take` goes about it. True: it needs not be given again.
    fn hear(&mut self, rules: Rules, arrival: &Arc<Arrival>, value: Option<u8>) -> bool {
        loop {
            let effect = self.apply(arrival, value);
            let moved = self.settle(rules, &effect) | self.mend(&effect);
            if !moved {
                return effect.behind.is_empty() && effect.forks.is_empty();
            }
        }
    }

    fn apply(&mut self, arrival: &Arc<Arrival>, value: Option<u8>) -> Effect {
        let mut known = Known {
            past: self.past.clone(),
            gone: self.gone.clone(),
            ..Known::default()
        };
        let (topic, lane) = (topic(), Lane::of("5"));
        let held = self.held.map(|held| ((topic.clone(), lane), held));
        known.held.extend(held);
        if let Some(mark) = self.mark {
            known.marks.advance(&topic, lane, mark);
        }
        let messages = std::slice::from_ref(arrival);
        let effect = effect(one(), &mut known, messages, &BTreeMap::new());
        self.mark = known.marks.get(&topic, lane);
        if effect.applied > 0 {
            self.copy = value.or(self.copy);
        }
        self.wanted |= !effect.ghosts.is_empty();
        self.heard = !known.beats.is_empty();
        effect
    }

    /// As `doubts.rs` and `Applier::reborn` do it.
    fn settle(&mut self, rules: Rules, effect: &Effect) -> bool {
        let lives: BTreeSet<Incarnation> = effect.doubts.values().flatten().copied().collect();
        let asked = (!lives.is_empty() && rules.asks) || !effect.forks.is_empty();
        let Some(mark) = self.mark.filter(|_| asked) else {
            self.past.extend(lives);
            return false;
        };
        let (known, now) = (history(&self.store.lives), self.store.life());
        let lost = !known.survives(mark) && rules.believes;
        let met = lives.into_iter().chain(lost.then_some(mark.incarnation));
        for life in met {
            if !known.contains(life) {
                self.gone.insert(life);
            } else if life != now {
                self.past.insert(life);
            }
        }
        if lost {
            self.step_over(first_of(now));
        } else if known.survives(mark) {
            self.held = Some((now, mark));
        }
        lost
    }

    /// As `missing.rs` does it.
    fn mend(&mut self, effect: &Effect) -> bool {
        let Some(upto) = effect.behind.values().next() else {
            return false;
        };
        for number in 0..self.store.records.len() {
            let Sent::Event(value, at, prev) = self.store.event(number) else {
                continue;
            };
            if Some(at) > self.mark && at <= *upto {
                self.apply(&event(at, prev), Some(value));
            }
        }
        if self.mark >= Some(*upto) {
            return true;
        }
        let head = self.store.records.last().copied();
        let gives_up = head.filter(|head| Some(*head) != self.mark);
        if let Some(head) = gives_up {
            self.step_over(head);
        }
        gives_up.is_some()
    }

    fn step_over(&mut self, to: Position) {
        self.mark = Some(to);
        self.wanted = true;
    }

    fn is_quiet(&self) -> bool {
        let store = &self.store;
        let sent = store.rows.len() == store.records.len()
            && store.records.len() == store.acknowledged
            && self.print == store.print;
        self.leads && sent && self.read == self.log.len()
    }

    /// Nothing is left to do, and the copy is said to be current.
    fn is_current(&self) -> bool {
        self.is_quiet() && self.heard && !self.wanted
    }

    /// Where nothing happens any more but heartbeats and fills, it becomes current.
    fn becomes_current(&self, rules: Rules) -> bool {
        let mut world = self.clone();
        for _ in 0..4 {
            for act in [Act::Fill, Act::Beat] {
                world = rules.next_state(&world, act).unwrap_or(world);
            }
        }
        !self.is_quiet() || world.is_current()
    }
}

impl Model for Rules {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let life = Incarnation {
            number: 1,
            random: 9,
        };
        let store = Store {
            rows: vec![1],
            records: vec![at(life, 1)],
            acknowledged: 1,
            lives: vec![(life, None)],
            print: 1,
        };
        let log = vec![
            Sent::Life(first_of(life), store.lives.clone()),
            store.event(0),
        ];
        vec![World {
            backup: store.clone(),
            mark: Some(at(life, 1)),
            store,
            print: 1,
            leads: true,
            late: None,
            read: log.len(),
            log,
            copy: Some(1),
            wanted: false,
            past: BTreeSet::new(),
            gone: BTreeSet::new(),
            held: None,
            heard: false,
            values: 1,
            writes: WRITES,
            restores: RESTORES,
            losses: 1,
            woken: 0,
            begun: vec![life],
        }]
    }

    fn actions(&self, _: &World, acts: &mut Vec<Act>) {
        acts.extend([
            Act::Write,
            Act::Record,
            Act::Send,
            Act::TakeOver,
            Act::Restore,
            Act::Lose,
            Act::Late,
            Act::Read,
            Act::Beat,
            Act::Fill,
        ]);
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        let beats = act == Act::Beat;
        let store = &mut world.store;
        match act {
            Act::Write => {
                world.writes = world.writes.checked_sub(1)?;
                world.values += 1;
                store.rows.push(world.values);
            }
            Act::Record if world.leads && store.records.len() < store.rows.len() => {
                let next = at(store.life(), store.records.len() + 1);
                store.records.push(next);
            }
            Act::Send if world.leads && store.acknowledged < store.records.len() => {
                let sent = store.event(store.acknowledged);
                store.acknowledged += 1;
                if !world.store_at_broker(sent) {
                    world.store.acknowledged -= 1;
                    world.leads = false;
                }
            }
            Act::TakeOver if !world.leads => world.take_over(*self),
            Act::Restore => {
                world.restores = world.restores.checked_sub(1)?;
                if world.leads && store.acknowledged < store.records.len() {
                    world.late = Some(store.event(store.acknowledged));
                }
                world.store = world.backup.clone();
                world.print += 1;
                world.leads = false;
            }
            Act::Lose => {
                world.losses = world.losses.checked_sub(1)?;
                world.log.clear();
                world.read = 0;
            }
            Act::Late => {
                let late = world.late.take()?;
                world.woken += u8::from(world.store_at_broker(late));
            }
            Act::Read if world.read < world.log.len() => {
                let sent = world.log[world.read].clone();
                let taken = match sent {
                    Sent::Event(value, at, prev) => {
                        world.hear(*self, &event(at, prev), Some(value))
                    }
                    Sent::Life(at, lives) => {
                        let told = everywhere(at, Body::Incarnation(history(&lives)));
                        world.hear(*self, &told, None)
                    }
                };
                world.read += usize::from(taken);
            }
            Act::Beat if world.leads && world.read == world.log.len() => {
                let head = store.records.last().copied()?;
                let now = Position {
                    id: i64::MAX,
                    ..at(store.life(), store.records.len())
                };
                let heads = BTreeMap::from([(Lane::of("5"), head)]);
                let heads = Heads(BTreeMap::from([(topic(), heads)]));
                let told = everywhere(now, Body::Heartbeat(heads));
                world.hear(*self, &told, None);
            }
            Act::Fill if world.wanted && world.leads => {
                world.copy = store.rows.last().copied();
                world.wanted = false;
            }
            _ => return None,
        }
        world.heard &= beats;
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("ends as the source", |_: &Self, world: &World| {
                !world.is_current() || world.copy == world.store.rows.last().copied()
            }),
            Property::always("becomes current", |rules: &Self, world: &World| {
                world.becomes_current(*rules)
            }),
            Property::always("no life begins twice", |_: &Self, world: &World| {
                let lives: BTreeSet<&Incarnation> = world.begun.iter().collect();
                lives.len() == world.begun.len()
            }),
            Property::sometimes("all of it happens", |_: &Self, world: &World| {
                let used = world.writes + world.restores + world.losses == 0;
                used && world.woken > 0 && world.is_current()
            }),
        ]
    }
}

#[test]
fn a_copy_follows_its_source_through_its_lives() {
    let checker = SOUND.checker().threads(2).spawn_bfs().join();
    println!(
        "lives: {WRITES} writes, {RESTORES} restores of one backup, 1 loss of the broker's log, a late leader: {} states",
        checker.unique_state_count()
    );
    checker.assert_properties();
}

#[test]
fn each_broken_rule_of_lives_has_a_trace() {
    let broken = |change: fn(&mut Rules)| {
        let mut rules = SOUND;
        change(&mut rules);
        rules
    };
    let mutants = [
        ("stored + 1", broken(|it| it.never_again = false)),
        ("nobody is asked", broken(|it| it.asks = false)),
        ("the watermark stays", broken(|it| it.believes = false)),
        ("the same life goes on", broken(|it| it.notices = false)),
    ];
    for (name, rules) in mutants {
        let checker = rules.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.spawn_bfs().join();
        let mut found: Vec<_> = checker.discoveries().into_keys().collect();
        found.retain(|name| *name != "all of it happens");
        println!("{name}: {found:?}, {} states", checker.unique_state_count());
        assert!(!found.is_empty(), "{name} has no trace");
    }
}
