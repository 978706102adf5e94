//! `status`: the state of every store, read from the servers themselves.

use freehold_bookkeeping::{EntryKind, State};
use freehold_engine::Enforcement;
use freehold_model::{EngineKind, Fault, Isolation};
use serde::Serialize;

use crate::Result;
use crate::each::each;
use crate::history::Pending;
use crate::plan::diff_and_ledger;
use crate::reach::Reach;
use crate::target::Target;

/// The state of one store.
#[derive(Debug, Clone, Serialize)]
pub struct StoreStatus {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// The kind as described.
    pub engine: EngineKind,
    /// `PostgreSQL 15.18`
    pub version: String,
    /// The key of its server.
    pub server: String,
    /// The database, schema or prefix.
    pub name: String,
    /// As described.
    pub isolation: Isolation,
    /// Does the engine itself keep others out at this level?
    pub enforcement: Option<Enforcement>,
    /// Is the store there?
    pub exists: bool,
    /// The number of the newest migration applied.
    pub schema: Option<String>,
    /// A migration that stopped halfway.
    pub half_done: Option<String>,
    /// Migrations that are not applied.
    pub pending: usize,
    /// Migrations that wait for `apply --contract`: one of phase contract, and what comes behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// Changes that `apply` would make, migrations aside.
    pub drift: usize,
    /// What is wrong or cannot be enforced.
    pub notes: Vec<Fault>,
}

/// Looks at all stores, eight at a time. A store that is refused shows why in its notes.
///
/// # Errors
/// A server that cannot be reached.
pub async fn status(targets: &[Target]) -> Result<Vec<StoreStatus>> {
    each(targets, status_one).await
}

async fn status_one(target: &Target) -> Result<StoreStatus> {
    let mut reach = Reach::open(target).await?;
    let live = reach.look().await?;
    let probe = reach.probe().clone();
    let (diff, ledger) = diff_and_ledger(&mut reach, &live).await?;
    let applied = ledger.of(EntryKind::Migration).next_back();
    let mut notes = diff.refused;
    notes.extend(diff.advisory);
    let pending = match target.pending(&ledger) {
        Ok(pending) => pending,
        Err(faults) => {
            notes.extend(faults);
            Pending::default()
        }
    };
    let levels = target.engine.info().isolation.iter();
    Ok(StoreStatus {
        store: target.label(),
        engine: target.kind,
        version: format!("{} {}", probe.product, probe.version),
        server: target.server.clone(),
        name: target.name.clone(),
        isolation: target.want.isolation,
        enforcement: levels
            .clone()
            .find(|(level, _)| *level == target.want.isolation)
            .map(|(_, enforced)| *enforced),
        exists: live.has_table(&target.want.spot.own("ledger")),
        schema: applied.map(|entry| entry.id.chars().take_while(char::is_ascii_digit).collect()),
        half_done: ledger
            .of(EntryKind::Migration)
            .find(|entry| entry.state != State::Done)
            .map(|entry| entry.id.clone()),
        pending: pending.up.len(),
        held_back: pending.held_back_ids(),
        drift: diff.steps.len(),
        notes,
    })
}
