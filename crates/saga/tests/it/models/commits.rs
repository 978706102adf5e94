//! The protocol that fences commits: two executors, one leadership row, one instance that is
//! claimed, moved on, pruned; transactions whose statements and commit lie apart.

use stateright::{Checker, Model, Property};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fence {
    Locked,
    Subselect,
    Off,
}

struct Commits {
    fence: Fence,
    /// `version = previous`; else `version < next`.
    exact: bool,
    takeovers: u8,
    moves: u8,
}

/// What a transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Write {
    Claim,
    /// To this version, from one that was read before.
    Move(u8, u8),
    Prune,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Executor {
    /// The epoch that it believes to lead in.
    epoch: Option<u8>,
    /// What it has in memory: nothing, or the instance's version.
    memory: Option<u8>,
    /// It read a start that nobody had claimed.
    start: bool,
    transaction: Option<Write>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    epoch: u8,
    start: bool,
    instance: Option<u8>,
    /// Transitions that were committed, as nobody may lose one.
    committed: u8,
    executors: [Executor; 2],
    broken: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Happens {
    TakeOver(usize),
    Read(usize),
    Claim(usize),
    /// So many transitions in one write.
    Move(usize, u8),
    Prune(usize),
    /// True: the executor does not learn of it, and goes on from what it has.
    Commit(usize, bool),
    Crash(usize),
}

impl World {
    /// What a trace breaks first is what it shows.
    fn breaks(&mut self, what: &'static str) {
        self.broken.get_or_insert(what);
    }
}

impl Commits {
    fn begin(&self, world: &mut World, executor: usize, write: Write) -> bool {
        let it = &mut world.executors[executor];
        if it.transaction.is_some() {
            return false;
        }
        if self.fence != Fence::Off && it.epoch != Some(world.epoch) {
            *it = Executor::default();
            return true;
        }
        it.transaction = Some(write);
        true
    }

    fn commit(&self, world: &mut World, executor: usize, unknown: bool) -> bool {
        let Some(write) = world.executors[executor].transaction.take() else {
            return false;
        };
        let stale = world.executors[executor].epoch != Some(world.epoch);
        if stale && self.fence != Fence::Off {
            world.breaks("a write with a stale epoch");
        }
        let matched = match write {
            Write::Claim => world.instance.is_none(),
            Write::Move(from, to) if self.exact => world.instance == Some(from) && to > from,
            Write::Move(_, to) => world.instance.is_some_and(|version| version < to),
            Write::Prune => world.instance.is_some(),
        };
        if matched {
            match write {
                Write::Claim => {
                    if !world.start {
                        world.breaks("a pruned saga began again");
                    }
                    world.instance = Some(0);
                }
                Write::Move(from, to) => {
                    world.committed += to - from;
                    world.instance = Some(to);
                    if world.committed != to {
                        world.breaks("a committed transition was lost");
                    }
                }
                Write::Prune => {
                    world.instance = None;
                    world.start = false;
                }
            }
        }
        if unknown {
            return true;
        }
        // Requests go out for rows that matched; others are read again.
        let it = &mut world.executors[executor];
        it.start = false;
        it.memory = world.instance;
        true
    }
}

impl Model for Commits {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            epoch: 0,
            start: true,
            instance: None,
            committed: 0,
            executors: [Executor::default(); 2],
            broken: None,
        }]
    }

    fn actions(&self, _: &World, actions: &mut Vec<Happens>) {
        for executor in 0..2 {
            actions.extend([
                Happens::TakeOver(executor),
                Happens::Read(executor),
                Happens::Claim(executor),
                Happens::Move(executor, 1),
                Happens::Move(executor, 2),
                Happens::Prune(executor),
                Happens::Commit(executor, false),
                Happens::Commit(executor, true),
                Happens::Crash(executor),
            ]);
        }
    }

    fn next_state(&self, last: &World, action: Happens) -> Option<World> {
        let mut world = last.clone();
        let happened = match action {
            Happens::TakeOver(executor) => {
                // The lock on the row holds a takeover up until the other one's commit.
                let shared = self.fence == Fence::Locked
                    && world.executors.iter().any(|it| it.transaction.is_some());
                let may = world.epoch < self.takeovers && !shared;
                if may && world.executors[executor].transaction.is_none() {
                    world.epoch += 1;
                    world.executors[executor] = Executor {
                        epoch: Some(world.epoch),
                        memory: world.instance,
                        ..Executor::default()
                    };
                }
                may
            }
            Happens::Read(executor) => {
                let it = &mut world.executors[executor];
                let new = it.epoch.is_some() && world.start && world.instance.is_none();
                it.start |= new;
                new
            }
            Happens::Claim(executor) => {
                let it = world.executors[executor];
                it.start && it.memory.is_none() && self.begin(&mut world, executor, Write::Claim)
            }
            Happens::Move(executor, by) => {
                let memory = world.executors[executor].memory;
                memory.is_some_and(|version| {
                    let to = version + by;
                    to <= self.moves && self.begin(&mut world, executor, Write::Move(version, to))
                })
            }
            Happens::Prune(executor) => {
                let at_end = world.executors[executor].memory == Some(self.moves);
                at_end && self.begin(&mut world, executor, Write::Prune)
            }
            Happens::Commit(executor, unknown) => self.commit(&mut world, executor, unknown),
            Happens::Crash(executor) => {
                world.executors[executor] = Executor::default();
                true
            }
        };
        (happened && world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("sound", |_, world: &World| world.broken.is_none()),
            Property::sometimes("pruned", |_, world: &World| {
                !world.start && world.broken.is_none()
            }),
        ]
    }
}

/// The number of states, or what a trace breaks.
fn check(fence: Fence, exact: bool) -> Result<usize, &'static str> {
    let model = Commits {
        fence,
        exact,
        takeovers: 3,
        moves: 4,
    };
    let checker = model.checker().threads(2).spawn_bfs().join();
    if let Some(trace) = checker.discovery("sound") {
        return Err(trace.last_state().broken.unwrap_or("?"));
    }
    assert!(checker.discovery("pruned").is_some());
    Ok(checker.unique_state_count())
}

#[test]
fn commits_are_fenced_in_every_order() {
    let states = check(Fence::Locked, true).expect("sound");
    println!("2 executors, 3 takeovers, 4 transitions, 1 prune: {states} states");
    // With the row locked, a stale epoch cannot write; without, each shows what it was for.
    assert_eq!(
        check(Fence::Subselect, true),
        Err("a write with a stale epoch")
    );
    assert_eq!(check(Fence::Off, true), Err("a pruned saga began again"));
    assert_eq!(
        check(Fence::Locked, false),
        Err("a committed transition was lost")
    );
}
