//! Runs the steps of a diff: transactions around them, secrets made for their slots, retries.

use std::collections::BTreeMap;
use std::time::Duration;

use freehold_engine::{
    At, Connection, Engine, Piece, Probe, Retry, Secret, Step, TxMode, Verifiers,
};

use crate::Result;
use crate::reach::Reach;

/// How often a step is tried that met a conflict (catalog rows updated concurrently, lock timeout).
const TRIES: u32 = 6;

/// Passwords made while steps ran: login → plaintext, in memory only.
pub(crate) type Made = BTreeMap<String, Secret>;

/// Runs steps in order. The first that fails ends it; what ran before stays, and a new diff goes
/// on from there.
pub(crate) async fn run_all(reach: &mut Reach<'_>, steps: &[Step]) -> Result<Made> {
    let mut made = Made::new();
    for step in steps {
        let engine = reach.target.engine;
        let connection = match step.at {
            At::Server => reach.server().await?,
            At::Store => reach.store().await?,
        };
        let verifiers = fill(engine, connection.probe(), step, &mut made);
        let done = run(connection, step, &verifiers).await;
        done.map_err(|error| {
            reach.fault(&error.during(format!("{:?} {}", step.subject, step.name).to_lowercase()))
        })?;
    }
    Ok(made)
}

/// A new password for each slot, kept once per login.
fn fill(engine: &dyn Engine, probe: &Probe, step: &Step, made: &mut Made) -> Verifiers {
    let mut verifiers = Verifiers::new();
    for piece in step.sql.iter().flat_map(|sql| &sql.0) {
        if let Piece::Verifier(login) = piece {
            let secret = made.entry(login.clone()).or_insert_with(Secret::generate);
            verifiers
                .entry(login.clone())
                .or_insert_with(|| engine.verifier(probe, login, secret));
        }
    }
    verifiers
}

async fn run(
    connection: &mut dyn Connection,
    step: &Step,
    verifiers: &Verifiers,
) -> freehold_engine::Result<()> {
    let mut tries = 0;
    loop {
        let result = attempt(connection, step, verifiers).await;
        match result {
            Err(error) if error.kind.retry() == Retry::Again && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(50 << tries)).await;
            }
            other => return other,
        }
    }
}

async fn attempt(
    connection: &mut dyn Connection,
    step: &Step,
    verifiers: &Verifiers,
) -> freehold_engine::Result<()> {
    if !step.atomic || step.sql.is_empty() {
        return connection.apply(step, verifiers).await;
    }
    connection.begin(TxMode::Write).await?;
    if let Err(error) = connection.apply(step, verifiers).await {
        // The cause is what the user has to see; a rollback that fails too says nothing new.
        let _ = connection.rollback().await;
        return Err(error);
    }
    connection.commit().await.done()
}
