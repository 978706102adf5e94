//! `apply`: makes live what is described, then proves it by looking again.
//!
//! Every store is planned first; when one is refused nothing changes anywhere. Then each store
//! under its own lock: diff, migrations, diff again, until a look finds nothing to do.

use freehold_engine::{Change, ErrorKind, Live, Rows, Step};
use freehold_model::Fault;
use serde::Serialize;

use crate::Result;
use crate::artefact::{PlanFile, PlannedStore};
use crate::each::each;
use crate::foreign_tool::{self, ToolRun};
use crate::lock_wait::LockWait;
use crate::migrate::Migrating;
use crate::plan::{View, batch_notes, view};
use crate::reach::Reach;
use crate::rows::quote;
use crate::script;
use crate::steps::run_all;
use crate::target::Target;

/// A first diff, one after the migrations, one for what both together brought up.
const ROUNDS: usize = 3;
/// How often a step may fail because live moved: a run that was killed may have left one statement
/// on its way on each of its connections.
const SURPRISES: usize = 4;
/// Rows are counted up to here; beyond it a count would cost more than it tells.
const COUNTED: i64 = 1_000_000;

/// A table and how many rows it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableRows {
    /// Its name.
    pub table: String,
    /// Exact up to a million; `None`: more, or the table is somebody else's and cannot be counted.
    pub rows: Option<i64>,
}

/// What `apply` did to one store.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Steps that ran, in order.
    pub steps: Vec<Step>,
    /// Migrations that ran.
    pub migrations: Vec<String>,
    /// The tool that applies its own files, and whether it had something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolRun>,
    /// Migrations that had to be tried again for a lock.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lock_waits: Vec<LockWait>,
    /// The store's tables afterwards, freehold's own left out.
    pub tables: Vec<TableRows>,
    /// Migrations that wait: one of phase contract, and what comes behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// What is not enforced, or only somebody with more rights can mend.
    pub advisory: Vec<Fault>,
}

impl Applied {
    /// Was there nothing to do?
    pub fn is_silent(&self) -> bool {
        let tool = self.tool.as_ref().is_some_and(|tool| tool.changed);
        self.steps.is_empty() && self.migrations.is_empty() && !tool
    }
}

/// Applies all stores, eight at a time. `done` hears of each store when it is finished.
///
/// # Errors
/// Everything refused (then nothing has changed), or what failed (then the other stores are
/// done, and running it again goes on).
pub async fn apply(targets: &[Target], done: &(dyn Fn(&Applied) + Sync)) -> Result<Vec<Applied>> {
    run(targets, None, done).await
}

/// Applies a plan or nothing: each store has to be as it was planned, all of them before the first
/// changes, and each once more under its own lock.
///
/// # Errors
/// As [`apply`], and FH3219 or FH3220 for a store that moved. One that moved while others were
/// being applied is left alone, and they are done.
pub async fn apply_plan(
    targets: &[Target],
    plan: &PlanFile,
    done: &(dyn Fn(&Applied) + Sync),
) -> Result<Vec<Applied>> {
    run(targets, Some(plan), done).await
}

async fn run(
    targets: &[Target],
    planned: Option<&PlanFile>,
    done: &(dyn Fn(&Applied) + Sync),
) -> Result<Vec<Applied>> {
    let then = |target: &Target| planned.and_then(|plan| plan.store(&target.label()));
    let found = each(targets, |target| first_look(target, then(target))).await?;
    each(targets.iter().zip(found), |(target, found)| async move {
        let applied = match found {
            Found::InStep(applied) => *applied,
            Found::Moves => apply_one(target, then(target)).await,
        }?;
        done(&applied);
        Ok(applied)
    })
    .await
}

/// What the look before all changes found of a store.
enum Found {
    /// Nothing to do: what `apply` has to say of it, or what is wrong with it nevertheless.
    InStep(Box<Result<Applied>>),
    /// It is to be changed, under its lock.
    Moves,
}

/// What cannot be applied is said before the first store changes.
async fn first_look(target: &Target, then: Option<&PlannedStore>) -> Result<Found> {
    let mut reach = Reach::open(target).await?;
    let seen = settled_view(&mut reach).await?;
    batch_notes(&mut reach, &seen).await?;
    if let Some(then) = then {
        then.unmoved(&reach, &seen)?;
        return Ok(Found::Moves);
    }
    if !seen.in_step() || target.foreign_tool.is_some() {
        return Ok(Found::Moves);
    }
    let applied = applied(reach, seen, Done::default()).await;
    Ok(Found::InStep(Box::new(applied)))
}

/// A look that is not taken in by another run in the middle of its work: what is refused at first
/// sight is looked at again once that run is done.
async fn settled_view<'t>(reach: &mut Reach<'t>) -> Result<View<'t>> {
    let refused = match view(reach).await {
        Ok(seen) => return Ok(seen),
        Err(refused) => refused,
    };
    if reach.lock().await.is_err() {
        return Err(refused);
    }
    let seen = view(reach).await;
    reach.unlock();
    seen
}

/// Runs the steps. False: one failed because live moved meanwhile, and a new look goes on from
/// there. The steps before it that did run are in that look.
async fn run_steps(reach: &mut Reach<'_>, steps: &[Step], surprises: &mut usize) -> Result<bool> {
    let Err(faults) = run_all(reach, steps).await else {
        return Ok(true);
    };
    let now = view(reach).await;
    let moved = now.is_ok_and(|now| now.diff.steps != steps);
    if !moved || *surprises == SURPRISES {
        return Err(faults);
    }
    *surprises += 1;
    Ok(false)
}

/// What a run did to a store so far.
#[derive(Default)]
struct Done {
    steps: Vec<Step>,
    migrations: Vec<String>,
    tool: Option<ToolRun>,
}

async fn apply_one(target: &Target, then: Option<&PlannedStore>) -> Result<Applied> {
    let mut reach = Reach::open(target).await?;
    reach.lock().await?;
    let mut seen = view(&mut reach).await?;
    if let Some(then) = then {
        then.unmoved(&reach, &seen)?;
    }
    let mut done = Done::default();
    seen = converge(&mut reach, seen, &mut done).await?;
    if let Some(tool) = &target.foreign_tool {
        done.tool = Some(foreign_tool::run(&mut reach, tool).await?);
        seen = view(&mut reach).await?;
        seen = converge(&mut reach, seen, &mut done).await?;
    }
    applied(reach, seen, done).await
}

/// What there is to say of a store that is in step.
async fn applied(mut reach: Reach<'_>, seen: View<'_>, done: Done) -> Result<Applied> {
    missing_tables(reach.target, &seen)?;
    let tables = count_rows(&mut reach, &seen.live).await?;
    Ok(Applied {
        store: reach.target.label(),
        steps: done.steps,
        migrations: done.migrations,
        tool: done.tool,
        lock_waits: reach.waits,
        tables,
        held_back: seen.pending.held_back_ids(),
        advisory: seen.diff.advisory,
    })
}

/// Steps and migrations until a look finds nothing to do.
async fn converge<'t>(
    reach: &mut Reach<'t>,
    mut seen: View<'t>,
    done: &mut Done,
) -> Result<View<'t>> {
    let (mut rounds, mut surprises) = (0, 0);
    while rounds < ROUNDS {
        if seen.in_step() {
            return Ok(seen);
        }
        if !run_steps(reach, &seen.diff.steps, &mut surprises).await? {
            seen = view(reach).await?;
            continue;
        }
        rounds += 1;
        done.steps.append(&mut seen.diff.steps);
        if !seen.pending.up.is_empty() || seen.pending.half_undone.is_some() {
            done.migrations.extend(migrate(reach).await?);
        }
        seen = view(reach).await?;
    }
    if seen.in_step() {
        return Ok(seen);
    }
    Err(vec![not_converged(reach.target, &seen.diff.steps)])
}

/// Runs what is pending as the migrator, who is gone afterwards whether it went well or not.
async fn migrate(reach: &mut Reach<'_>) -> Result<Vec<String>> {
    let mut migrating = Migrating::open_for_change(reach).await?;
    let done = run_pending(&mut migrating, reach.target).await;
    let closed = migrating.close(reach).await;
    let done = done?;
    closed?;
    Ok(done)
}

/// A down that stopped halfway comes first, and alone: what is pending is seen anew afterwards.
async fn run_pending(migrating: &mut Migrating<'_>, target: &Target) -> Result<Vec<String>> {
    let ledger = migrating.ledger_now().await?;
    let pending = target.pending(&ledger)?;
    let mut done = Vec::new();
    if let Some((script, entry)) = &pending.half_undone {
        migrating.down(script, Some(entry)).await?;
        return Ok(done);
    }
    for (script, entry) in &pending.up {
        migrating.up(script, entry.as_ref()).await?;
        done.push(script.id.clone());
    }
    Ok(done)
}

fn missing_tables(target: &Target, seen: &View<'_>) -> Result<()> {
    // What waits has made and dropped nothing yet.
    let waits = seen.pending.held_back.len();
    let applied = target.migrations.len() - waits;
    let tables = script::tables_after(&target.migrations[..applied]);
    let missing: Vec<_> = tables
        .iter()
        .filter(|table| !seen.live.has_table(table))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(vec![
        Fault::new("FH3210", format!("{}: the migrations are applied, and these tables are not there: {}", target.label(), missing.join(", ")))
            .help("somebody dropped or renamed them by hand: bring them back, or write the change as a migration"),
    ])
}

/// The store's tables and how many rows each has.
pub(crate) async fn count_rows(reach: &mut Reach<'_>, live: &Live) -> Result<Vec<TableRows>> {
    let target = reach.target;
    let names = live
        .tables
        .iter()
        .filter(|(name, table)| !table.view && !target.want.spot.is_own(name))
        // An adopted store may have tables in other schemas, of other tools mostly.
        .filter(|(name, _)| !name.contains('.'));
    let mut rows = Vec::new();
    for (name, _) in names {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {}) AS counted",
            quote(target, name)?,
            COUNTED + 1
        );
        let count = match reach.read(&sql).await? {
            Ok(count) => count,
            Err(error) if error.kind == ErrorKind::Denied => Rows::new(),
            Err(error) => {
                return Err(reach.fault(&error.during(format!("count the rows of {name}"))));
            }
        };
        let count = count
            .first()
            .and_then(|row| row.first())
            .and_then(freehold_engine::Value::whole);
        rows.push(TableRows {
            table: name.clone(),
            rows: count.filter(|count| *count <= COUNTED),
        });
    }
    Ok(rows)
}

pub(crate) fn not_converged(target: &Target, steps: &[Step]) -> Fault {
    let fault = Fault::new(
        "FH3107",
        format!(
            "{}: after {ROUNDS} rounds live is still not as described",
            target.label()
        ),
    );
    let left = steps.iter().map(|step| {
        let sign = match step.change {
            Change::Add => '+',
            Change::Change => '~',
            Change::Remove => '-',
        };
        format!(
            "left: {sign} {:?} {}: {}",
            step.subject, step.name, step.note
        )
        .to_lowercase()
    });
    left.fold(fault, Fault::help).help("somebody changes it at the same time, or the server ignores a statement: freehold plan shows what")
}
