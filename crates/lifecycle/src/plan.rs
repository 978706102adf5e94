//! `plan`: what would change, read from the servers themselves. Sends no change.

use freehold_bookkeeping::{Ledger, State};
use freehold_engine::{Diff, Live, Probe, Step, Subject};
use freehold_model::{EngineKind, Fault, Isolation};
use serde::Serialize;

use crate::Result;
use crate::batches::Walk;
use crate::caution::{Caution, cautions, size};
use crate::each::each;
use crate::history::Pending;
use crate::migrate::not_walkable;
use crate::reach::Reach;
use crate::target::Target;

/// A migration that would run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationNote {
    /// `0003_status`
    pub id: String,
    /// Statements in all.
    pub statements: usize,
    /// Has it a down?
    pub reversible: bool,
    /// It stopped halfway before: how many statements are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumes_after: Option<usize>,
    /// It goes through a table in batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<BatchNote>,
}

/// What a batched migration goes through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchNote {
    /// The table.
    pub table: String,
    /// Its column that is gone through.
    pub key: String,
    /// Rows in a batch.
    pub size: u32,
    /// Rows, by the server's own estimate where it has one. `None`: not known.
    pub rows: Option<i64>,
    /// With its indexes. `None`: not known.
    pub bytes: Option<i64>,
    /// It was cut off before: the last key that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumes_after_key: Option<i64>,
}

/// What would change in one store.
#[derive(Debug, Clone, Serialize)]
pub struct StorePlan {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// The key of its server.
    pub server: String,
    /// The kind as described.
    pub engine: EngineKind,
    /// As people write it: `PostgreSQL`.
    pub product: &'static str,
    /// The server's version.
    pub version: String,
    /// Where the server listens.
    pub address: String,
    /// Is the connection to it encrypted?
    pub tls: bool,
    /// The database, schema or prefix.
    pub name: String,
    /// As described.
    pub isolation: Isolation,
    /// Is the store there already?
    pub exists: bool,
    /// Changes in order, migrations aside.
    pub steps: Vec<Step>,
    /// Migrations in order.
    pub migrations: Vec<MigrationNote>,
    /// Migrations that wait for `apply --contract`: one of phase contract, and what comes behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// Statements of them that keep others from a table, or write it anew.
    pub cautions: Vec<Caution>,
    /// The program that `apply` runs to apply its own files; what it will change it alone knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What is not enforced, or only somebody with more rights can mend.
    pub advisory: Vec<Fault>,
}

impl StorePlan {
    /// Is live as described?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.migrations.is_empty()
    }
}

/// Looks at all stores, eight at a time, and returns plans in the targets' order.
///
/// # Errors
/// All that is refused, over all stores.
pub async fn plan(targets: &[Target]) -> Result<Vec<StorePlan>> {
    each(targets, plan_one).await
}

async fn plan_one(target: &Target) -> Result<StorePlan> {
    let mut reach = Reach::open(target).await?;
    let view = view(&mut reach).await?;
    let probe = reach.probe().clone();
    let mut plan = store_plan(target, &probe, &view);
    plan.cautions = cautions(&mut reach, &view).await?;
    for (at, note) in batch_notes(&mut reach, &view).await? {
        plan.migrations[at].batches = Some(note);
    }
    Ok(plan)
}

/// One look: what is, what would change, what is pending.
pub(crate) struct View<'t> {
    pub(crate) live: Live,
    pub(crate) diff: Diff,
    pub(crate) pending: Pending<'t>,
}

impl View<'_> {
    pub(crate) fn in_step(&self) -> bool {
        self.diff.steps.is_empty()
            && self.pending.up.is_empty()
            && self.pending.half_undone.is_none()
    }
}

/// Looks, and refuses what has to be refused.
pub(crate) async fn view<'t>(reach: &mut Reach<'t>) -> Result<View<'t>> {
    let target = reach.target;
    let live = reach.look().await?;
    let (diff, ledger) = match diff_and_ledger(reach, &live).await {
        Ok(found) => found,
        Err(faults) if faults.iter().all(is_denied) => return mending(reach, live, faults),
        Err(faults) => return Err(faults),
    };
    if !diff.refused.is_empty() {
        return Err(diff.refused);
    }
    let pending = target.pending(&ledger)?;
    Ok(View {
        live,
        diff,
        pending,
    })
}

fn is_denied(fault: &Fault) -> bool {
    fault.code == "FH3003"
}

/// Somebody denied the owner its own ledger. The steps give it back, and the next look reads it;
/// until then it is not known whether the store was adopted, so nothing is taken away.
fn mending<'t>(reach: &mut Reach<'t>, live: Live, denied: crate::Faults) -> Result<View<'t>> {
    let diff = reach.diff(&reach.want_of_adopted(), &live);
    if diff.steps.is_empty() || !diff.refused.is_empty() {
        return Err(denied);
    }
    Ok(View {
        live,
        diff,
        pending: Pending::default(),
    })
}

/// The diff knows of an adoption only by the ledger, which cannot be read where the store is refused.
pub(crate) async fn diff_and_ledger(reach: &mut Reach<'_>, live: &Live) -> Result<(Diff, Ledger)> {
    let diff = |reach: &Reach<'_>| reach.diff(&reach.want(), live);
    let first = diff(reach);
    match reach.ledger(live).await {
        Ok(ledger) => Ok((diff(reach), ledger)),
        Err(_) if !first.refused.is_empty() => Ok((first, Ledger::default())),
        Err(faults) => Err(faults),
    }
}

/// What pending batched migrations go through, by their places among what is pending. The first of
/// them is refused here when its table cannot be gone through; what comes before another one may
/// still make its table.
pub(crate) async fn batch_notes(
    reach: &mut Reach<'_>,
    view: &View<'_>,
) -> Result<Vec<(usize, BatchNote)>> {
    let target = reach.target;
    let mut notes = Vec::new();
    for (at, (script, entry)) in view.pending.up.iter().enumerate() {
        let Some(walk) = Walk::of(target.engine.dialect(), script, &script.up) else {
            continue;
        };
        // Its keys are data: a login that plans does not read them.
        if at == 0 && !target.planner {
            let fault = not_walkable(target, reach.owner().await?, &walk).await;
            if let Some(fault) = fault {
                return Err(vec![fault.at(script.up[0].place.clone())]);
            }
        }
        let (rows, bytes) = if view.live.has_table(&walk.table) {
            size(reach, &walk.table).await?
        } else {
            (None, None)
        };
        let note = BatchNote {
            rows,
            bytes,
            key: walk.key.to_owned(),
            size: walk.size,
            resumes_after_key: entry.as_ref().and_then(|entry| entry.upto),
            table: walk.table,
        };
        notes.push((at, note));
    }
    Ok(notes)
}

fn store_plan(target: &Target, probe: &Probe, view: &View<'_>) -> StorePlan {
    let mut steps = view.diff.steps.clone();
    if !view.pending.up.is_empty() {
        describe_rights_to_come(target, &mut steps);
    }
    let migrations = view.pending.up.iter().map(|(script, entry)| MigrationNote {
        id: script.id.clone(),
        statements: script.up.len(),
        reversible: script.down.is_some(),
        resumes_after: entry
            .as_ref()
            .filter(|entry| entry.state == State::Applying && entry.upto.is_none())
            .map(|entry| entry.progress),
        batches: None,
    });
    StorePlan {
        store: target.label(),
        server: target.server.clone(),
        engine: target.kind,
        product: probe.product,
        version: probe.version.clone(),
        address: target.admin.to_string(),
        tls: probe.tls,
        name: target.name.clone(),
        isolation: target.want.isolation,
        exists: view.live.has_table(&target.want.spot.own("ledger")),
        steps,
        migrations: migrations.collect(),
        held_back: view.pending.held_back_ids(),
        cautions: Vec::new(),
        tool: target
            .foreign_tool
            .as_ref()
            .map(|tool| tool.command.join(" ")),
        advisory: view.diff.advisory.clone(),
    }
}

/// Before the first migration there is no table to name; the files know which will be there.
fn describe_rights_to_come(target: &Target, steps: &mut [Step]) {
    let app = &target.want.identities.app.role;
    let insert_only: Vec<_> = target.want.append_only.iter().map(String::as_str).collect();
    let plain = target.tables.len().saturating_sub(insert_only.len());
    for step in steps
        .iter_mut()
        .filter(|step| step.subject == Subject::Identity && step.name == *app)
    {
        step.note = format!(
            "read and write {plain} table{}",
            if plain == 1 { "" } else { "s" }
        );
        if !insert_only.is_empty() {
            step.note += ", insert-only ";
            step.note += &insert_only.join(", ");
        }
    }
}
