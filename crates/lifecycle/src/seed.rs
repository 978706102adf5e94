//! `seed` and `seed --undo`: baseline data, in one transaction per store, as often as one likes.

use freehold_bookkeeping::{self as bookkeeping, Entry, EntryKind, State};
use freehold_engine::{Connection, Error, LedgerSql, TxMode};
use freehold_model::{Fault, Seed};
use serde::Serialize;

use crate::apply::{TableRows, count_rows};
use crate::each::each;
use crate::migrate::Migrating;
use crate::plan::view;
use crate::reach::Reach;
use crate::script::Script;
use crate::target::Target;
use crate::{Faults, Result, engine_fault};

/// Which seeds to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedWhich {
    /// All of them: restores the baseline.
    All,
    /// Those that the ledger does not have, or has with another text.
    New,
}

/// What was seeded in one store.
#[derive(Debug, Clone, Serialize)]
pub struct Seeded {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Seeds that ran.
    pub seeds: Vec<String>,
    /// The store's tables afterwards.
    pub tables: Vec<TableRows>,
}

/// Put in or take out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// Runs seeds in the order of their numbers. Every store has to be in step.
///
/// # Errors
/// A store that is not applied (FH3301), or a seed that failed (FH3302; its store is as before).
pub async fn seed(targets: &[Target], which: SeedWhich) -> Result<Vec<Seeded>> {
    run(targets, which, Way::Up).await
}

/// Takes seeds back, the last first. What was never seeded is taken back too: downs have to be
/// harmless then.
///
/// # Errors
/// A seed without a down (FH3303), or one that failed (FH3302; its store is as before).
pub async fn unseed(targets: &[Target]) -> Result<Vec<Seeded>> {
    let irreversible = targets
        .iter()
        .flat_map(|target| target.seeds.iter().map(move |seed| (target, seed)));
    let faults: Faults = irreversible
        .filter(|(_, seed)| seed.down.is_none())
        .map(|(target, seed)| {
            Fault::new(
                "FH3303",
                format!("{}: seed {} has no down", target.label(), seed.id),
            )
            .help(format!(
                "write {}",
                seed.file
                    .up_file
                    .display()
                    .to_string()
                    .replace(".up.sql", ".down.sql")
            ))
        })
        .collect();
    if faults.is_empty() {
        run(targets, SeedWhich::All, Way::Down).await
    } else {
        Err(faults)
    }
}

async fn run(targets: &[Target], which: SeedWhich, way: Way) -> Result<Vec<Seeded>> {
    each(targets, in_step).await?;
    each(targets, |target| run_one(target, which, way)).await
}

async fn in_step(target: &Target) -> Result<()> {
    let mut reach = Reach::open(target).await?;
    let seen = view(&mut reach).await?;
    if seen.live.looked_inside && seen.pending.up.is_empty() && seen.pending.half_undone.is_none() {
        return Ok(());
    }
    Err(vec![
        Fault::new(
            "FH3301",
            format!(
                "{}: the store is not at its newest migration",
                target.label()
            ),
        )
        .help("freehold apply, then seed again"),
    ])
}

async fn run_one(target: &Target, which: SeedWhich, way: Way) -> Result<Seeded> {
    let mut reach = Reach::open(target).await?;
    reach.lock().await?;
    let live = reach.look().await?;
    let ledger = reach.ledger(&live).await?;
    let known = |seed: &Script<Seed>| {
        ledger
            .get(EntryKind::Seed, &seed.id)
            .is_some_and(|entry| entry.checksum == seed.checksum)
    };
    let mut seeds: Vec<_> = target
        .seeds
        .iter()
        .filter(|seed| which == SeedWhich::All || !known(seed))
        .collect();
    if way == Way::Down {
        seeds.reverse();
    }
    if !seeds.is_empty() {
        let mut migrating = Migrating::open(&mut reach).await?;
        let result = in_transaction(target, migrating.connection(), &seeds, way).await;
        migrating.close(&mut reach).await?;
        result?;
    }
    let tables = count_rows(&mut reach, &live).await?;
    Ok(Seeded {
        store: target.label(),
        seeds: seeds.iter().map(|seed| seed.id.clone()).collect(),
        tables,
    })
}

/// Runs seeds in one transaction; none of them takes effect when one fails.
pub(crate) async fn in_transaction(
    target: &Target,
    connection: &mut dyn Connection,
    seeds: &[&Script<Seed>],
    way: Way,
) -> Result<()> {
    let ledger = target.engine.ledger(&target.want);
    let fault = |error: Error| engine_fault(&target.label(), &error);
    connection.begin(TxMode::Write).await.map_err(fault)?;
    for seed in seeds {
        if let Err(faults) = one(target, connection, &ledger, seed, way).await {
            // The cause is what the user has to see.
            let _ = connection.rollback().await;
            return Err(faults);
        }
    }
    connection.commit().await.done().map_err(fault)
}

async fn one(
    target: &Target,
    connection: &mut dyn Connection,
    ledger: &LedgerSql,
    seed: &Script<Seed>,
    way: Way,
) -> Result<()> {
    let lines = if way == Way::Up {
        &seed.up[..]
    } else {
        seed.down.as_deref().unwrap_or_default()
    };
    for line in lines {
        let sent = connection.execute(&line.sql).await;
        sent.map_err(|error| {
            vec![
                Fault::new(
                    "FH3302",
                    format!(
                        "{}: seed {} failed; no seed of this store took effect",
                        target.label(),
                        seed.id
                    ),
                )
                .at(line.place.clone())
                .help(format!("cause:    {error}"))
                .help("go on:    mend the file, then run the command again"),
            ]
        })?;
    }
    let entry = Entry {
        kind: EntryKind::Seed,
        id: seed.id.clone(),
        checksum: seed.checksum.clone(),
        down_checksum: seed.down_checksum.clone(),
        state: State::Done,
        progress: seed.up.len(),
        total: seed.up.len(),
        detail: String::new(),
        at: String::new(),
        upto: None,
    };
    let recorded = match way {
        Way::Up => bookkeeping::put(connection, ledger, &entry).await,
        Way::Down => bookkeeping::delete(connection, ledger, EntryKind::Seed, &seed.id).await,
    };
    recorded.map_err(|error| engine_fault(&target.label(), &error))
}
