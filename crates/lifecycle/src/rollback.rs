//! `rollback [--to N]`: applies the downs, newest first.

use freehold_bookkeeping::{Entry, Ledger, State};
use freehold_model::{Fault, Migration};
use serde::Serialize;

use crate::Result;
use crate::each::each;
use crate::history;
use crate::migrate::Migrating;
use crate::reach::Reach;
use crate::script::Script;
use crate::steps::run_all;
use crate::target::Target;

/// What was taken back in one store.
#[derive(Debug, Clone, Serialize)]
pub struct RolledBack {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Migrations taken back, newest first.
    pub migrations: Vec<String>,
}

/// Takes back the newest migration of each store, or all above number `to`. Every store is looked
/// at before the first changes.
///
/// # Errors
/// An irreversible migration among them (then nothing has changed), or a down that failed.
pub async fn rollback(targets: &[Target], to: Option<u32>) -> Result<Vec<RolledBack>> {
    each(targets, |target| undoable(target, to)).await?;
    each(targets, |target| rollback_one(target, to)).await
}

async fn undoable(target: &Target, to: Option<u32>) -> Result<()> {
    let mut reach = Reach::open(target).await?;
    let live = reach.look().await?;
    let ledger = reach.ledger(&live).await?;
    history::to_undo(&target.label(), &target.migrations, &ledger, to).map(|_| ())
}

async fn rollback_one(target: &Target, to: Option<u32>) -> Result<RolledBack> {
    let mut reach = Reach::open(target).await?;
    reach.lock().await?;
    let live = reach.look().await?;
    let ledger = reach.ledger(&live).await?;
    let mut migrations = Vec::new();
    if !finished(target, &ledger, to)?.is_empty() {
        let mut migrating = Migrating::open_for_change(&mut reach).await?;
        let result = undo_all(&mut migrating, target, to, &mut migrations).await;
        migrating.close(&mut reach).await?;
        result?;
        converge(&mut reach).await?;
    }
    Ok(RolledBack {
        store: target.label(),
        migrations,
    })
}

/// What is to be undone, as the ledger stands once nobody else can be writing it.
async fn undo_all(
    migrating: &mut Migrating<'_>,
    target: &Target,
    to: Option<u32>,
    migrations: &mut Vec<String>,
) -> Result<()> {
    let ledger = migrating.ledger_now().await?;
    for (script, entry) in finished(target, &ledger, to)? {
        migrating.down(script, Some(&entry)).await?;
        migrations.push(script.id.clone());
    }
    Ok(())
}

type Undo<'t> = Vec<(&'t Script<Migration>, Entry)>;

/// What is to be undone; refused while one of them is half applied.
fn finished<'t>(target: &'t Target, ledger: &Ledger, to: Option<u32>) -> Result<Undo<'t>> {
    let undo = history::to_undo(&target.label(), &target.migrations, ledger, to)?;
    if let Some((script, _)) = undo
        .iter()
        .find(|(_, entry)| entry.state == State::Applying)
    {
        return Err(vec![
            Fault::new(
                "FH3209",
                format!(
                    "{}: migration {} is half applied",
                    target.label(),
                    script.id
                ),
            )
            .help("finish it first: freehold apply"),
        ]);
    }
    Ok(undo)
}

/// Rights may outlive the tables they were on.
async fn converge(reach: &mut Reach<'_>) -> Result<()> {
    let live = reach.look().await?;
    let target = reach.target;
    let diff = target.engine.diff(reach.probe(), &target.want, &live);
    run_all(reach, &diff.steps).await.map(|_| ())
}
