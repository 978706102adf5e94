//! The simulator: whole systems of executors, a store, participants and people, on a virtual clock
//! and from one seed, run by the same core that ships.
//!
//! Everything that may fail does: messages are lost, doubled, late by longer than they live;
//! executors crash, freeze and wake as zombies; commits are slow or their outcome is lost;
//! participants refuse, hang and fall over; the store is restored. Afterwards the faults stop, and
//! every saga must have ended well. `FREEHOLD_SAGA_SEED=n` replays one seed with its trace.

#![expect(clippy::print_stdout, reason = "figures and traces of a run")]

mod chance;
mod executor;
mod keeps;
mod oracle;
mod participants;
mod shapes;
mod store;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keeps::{Keeps, KeepsAll};
use world::{Ran, World};

/// What many seeds gave.
#[derive(Debug, Default)]
struct Explored {
    /// How often each rare path was taken.
    seen: BTreeMap<&'static str, u64>,
    events: u64,
    /// The smallest failing seed that was met, and what it broke.
    broken: Option<(u64, String)>,
}

/// Runs the seeds from `first`; stops soon after one fails.
fn explore<M: Keeps>(first: u64, seeds: u64) -> Explored {
    explore_with(first, seeds, World::<M>::run)
}

fn explore_with(first: u64, seeds: u64, run: fn(u64) -> Ran) -> Explored {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        let mut explored = Explored::default();
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                break;
            }
            let ran = run(seed);
            explored.add(seed, ran);
            if explored.broken.is_some() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        explored
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Explored::default();
        for thread in threads {
            all.join(thread.join().expect("the simulator does not panic"));
        }
        all
    })
}

impl Explored {
    fn add(&mut self, seed: u64, ran: Ran) {
        for (path, count) in ran.seen {
            *self.seen.entry(path).or_default() += count;
        }
        self.events += ran.events;
        if let Some(broken) = ran.broken {
            self.broken = Some((seed, broken));
        }
    }

    fn join(&mut self, other: Self) {
        for (path, count) in other.seen {
            *self.seen.entry(path).or_default() += count;
        }
        self.events += other.events;
        let both = self.broken.take().into_iter().chain(other.broken);
        self.broken = both.min();
    }
}

fn prove() -> bool {
    std::env::var_os("FREEHOLD_PROVE").is_some()
}

/// Paths that a schedule takes rarely, and that all together must take each.
const RARE: [&str; 27] = [
    "takeover",
    "crash of an executor",
    "executor frozen",
    "commit fenced",
    "commit with unknown outcome",
    "slow commit",
    "request expired",
    "request sent by a zombie",
    "duplicate answered",
    "empty undo",
    "action cancelled",
    "action blocked while running",
    "pivot not found",
    "pivot cancelled",
    "cancel came too late",
    "late reply",
    "refusal parked",
    "new generation",
    "skipped",
    "edited",
    "waited for a lock",
    "signal kept as too early",
    "action refused to an operator",
    "restored and went forward",
    "restored and turned back",
    "pruned",
    "out of attempts",
];

#[test]
fn many_schedules_keep_every_invariant() {
    if let Ok(seed) = std::env::var("FREEHOLD_SAGA_SEED") {
        let seed = seed.parse().expect("a seed");
        let ran = World::<KeepsAll>::traced(seed);
        assert_eq!(ran.broken, None, "seed {seed}");
        return;
    }
    let seeds = if prove() { 1_000_000 } else { schedules() };
    let explored = explore::<KeepsAll>(0, seeds);
    println!(
        "{seeds} schedules, {} events: {:#?}",
        explored.events, explored.seen
    );
    assert_eq!(explored.broken, None, "replay with FREEHOLD_SAGA_SEED");
    let never: Vec<&str> = (RARE.into_iter())
        .filter(|path| !explored.seen.contains_key(path))
        .collect();
    assert_eq!(never, [""; 0], "these paths were never taken");
}

/// Of the short form. `FREEHOLD_SAGA_SCHEDULES` changes it.
fn schedules() -> u64 {
    let asked = std::env::var("FREEHOLD_SAGA_SCHEDULES").ok();
    asked.and_then(|it| it.parse().ok()).unwrap_or(10_000)
}

#[test]
fn success_after_time_out_and_compensation_leaks_nothing() {
    let trials = if prove() { 10_000 } else { 500 };
    let explored = explore_with(0, trials, World::<KeepsAll>::late);
    let late = explored.seen.get("action succeeded late").copied();
    println!("{trials} trials, {late:?} late successes");
    assert_eq!(explored.broken, None);
    assert!(late > Some(trials / 10), "they are too rare: {late:?}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        let (first, second) = (World::<KeepsAll>::run(seed), World::<KeepsAll>::run(seed));
        assert_eq!((first.digest, first.events), (second.digest, second.events));
    }
    assert_ne!(
        World::<KeepsAll>::run(1).digest,
        World::<KeepsAll>::run(2).digest
    );
}

#[test]
fn every_mutant_dies() {
    let mut alive = Vec::new();
    for (name, hunt) in keeps::mutants() {
        match hunt(200_000) {
            Some((seed, broken)) => println!("{name}: seed {seed}: {broken}"),
            None => alive.push(name),
        }
    }
    assert_eq!(alive, [""; 0]);
}
