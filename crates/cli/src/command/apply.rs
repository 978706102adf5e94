//! `freehold apply`

use std::time::Instant;

use freehold_credentials as credentials;
use freehold_lifecycle::{Applied, Contract, Target, Verified, apply, apply_plan, verify_rollback};
use freehold_model::{Deliver, Fault};

use super::text::{advice_in_brief, count, held_back, step_lines, tables, verified};
use super::{Result, plan_file};
use crate::Outcome;
use crate::args::{ApplyArgs, Args};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

pub(crate) async fn run(args: &Args, apply_args: &ApplyArgs, output: &Output) -> Result<Outcome> {
    let begun = Instant::now();
    let planned = plan_file::named(&apply_args.what)
        .map(plan_file::read)
        .transpose()?;
    let mut context = Context::load(args, Place::Described).await?;
    let mut targets = match &planned {
        Some(plan) => {
            let mut targets = context.targets(&plan_file::services(plan), plan.server_wide)?;
            let system = &context.system;
            plan.is_of(&system.name, system.environment.as_deref(), &targets)?;
            // A store that came later is not in the plan.
            targets.retain(|target| plan.store(&target.label()).is_some());
            targets
        }
        None => context.targets(&apply_args.what, apply_args.server_wide)?,
    };
    let contract = planned
        .as_ref()
        .map_or(apply_args.contract, |plan| plan.contract);
    for target in &mut targets {
        target.contract = Contract::from(contract);
    }
    let width = targets
        .iter()
        .map(|target| target.label().len())
        .max()
        .unwrap_or(0);
    let proven = if apply_args.verify_rollback {
        verify_rollback(&targets).await?
    } else {
        Vec::new()
    };
    if !output.json {
        proof(&proven, output);
    }
    let shown = |applied: &Applied| {
        if !output.json {
            store(applied, width, output);
        }
    };
    let applied = match &planned {
        Some(plan) => apply_plan(&targets, plan, &shown).await?,
        None => apply(&targets, &shown).await?,
    };
    let left_open = left_open(&targets, &applied).await;
    let delivered = deliver_files(&context, &targets).await?;
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "stores": applied, "delivered": delivered, "verified": proven, "left_open": left_open }));
        return Ok(Outcome::Done);
    }
    for file in &delivered {
        output.line(&format!("  credential written: {file}"));
    }
    let notes: Vec<_> = applied
        .iter()
        .flat_map(|store| {
            store
                .advisory
                .iter()
                .map(|note| (store.store.as_str(), note))
        })
        .collect();
    if !notes.is_empty() {
        output.line("");
        advice_in_brief(output, &notes);
    }
    for (_, note) in &left_open {
        output.line("");
        output.advice(note);
    }
    output.line("");
    output.line(&summary(&applied, begun));
    Ok(Outcome::Done)
}

/// What migrations that ran left open, by an audit of their stores.
async fn left_open(targets: &[Target], applied: &[Applied]) -> Vec<(String, Fault)> {
    let ran = |target: &&Target| {
        let label = target.label();
        let own = applied.iter().find(|own| own.store == label);
        own.is_some_and(|own| {
            !own.migrations.is_empty() || own.tool.as_ref().is_some_and(|tool| tool.changed)
        })
    };
    let moved: Vec<&Target> = targets.iter().filter(ran).collect();
    super::audit::after_migrations(&moved).await
}

/// What `--verify-rollback` proved, a line for each store.
pub(crate) fn proof(proven: &[Verified], output: &Output) {
    let width = proven.iter().map(|store| store.store.len()).max();
    for store in proven {
        output.line(&format!(
            "{} {}  {}",
            output.paint(Tone::Good, "✓"),
            output.paint(
                Tone::Strong,
                &format!("{:width$}", store.store, width = width.unwrap_or(0))
            ),
            output.paint(Tone::Dim, &verified(store))
        ));
    }
    if !proven.is_empty() {
        output.line("");
    }
}

/// What happened in one store.
pub(crate) fn store(applied: &Applied, width: usize, output: &Output) {
    let name = output.paint(Tone::Strong, &format!("{:width$}", applied.store));
    let tick = output.paint(Tone::Good, "✓");
    if applied.is_silent() {
        output.line(&format!(
            "{tick} {name}  {}",
            output.paint(Tone::Dim, "in step")
        ));
    } else {
        let done = format!(
            "{}, {}",
            count(applied.steps.len(), "step"),
            count(applied.migrations.len(), "migration")
        );
        output.line(&format!("{tick} {name}  {done}"));
        for line in step_lines(output, &applied.steps) {
            output.line(&format!("  {line}"));
        }
        if !applied.migrations.is_empty() {
            output.line(&format!(
                "    {}  {}",
                output.paint(Tone::Good, "+ migrate"),
                applied.migrations.join(", ")
            ));
        }
    }
    if let Some(tool) = applied.tool.as_ref().filter(|tool| tool.changed) {
        let sign = output.paint(Tone::Good, "+ run");
        output.line(&format!("    {sign}  {} changed the schema", tool.name));
    }
    if let Some(waits) = held_back(&applied.held_back) {
        let sign = output.paint(Tone::Warn, "· held");
        output.line(&format!("    {sign}  {waits}"));
    }
    for wait in &applied.lock_waits {
        let text = format!(
            "▲ {} waited for a lock in vain {}, then had it",
            wait.migration,
            count(wait.in_vain, "time")
        );
        output.line(&format!("    {}", output.paint(Tone::Warn, &text)));
    }
    if !applied.tables.is_empty() {
        output.line(&format!(
            "  {:width$}  {}",
            "",
            output.paint(Tone::Dim, &format!("rows: {}", tables(&applied.tables)))
        ));
    }
}

/// The first credential of a service whose credentials lie in files; later ones by `creds rotate`.
async fn deliver_files(context: &Context, targets: &[Target]) -> Result<Vec<String>> {
    let mut written = Vec::new();
    for target in targets {
        let service = &context.system.services[&target.want.service];
        let Deliver::File(folder) = &service.deliver else {
            continue;
        };
        let folder = context.root.join(folder);
        if folder
            .join(credentials::deliver::variable(&target.want.store))
            .exists()
        {
            continue;
        }
        let pooled = context.pooled(target)?;
        let place = credentials::Place {
            engine: target.engine,
            admin: &target.admin,
            want: &target.want,
            pooled: pooled.as_ref(),
        };
        let issued = credentials::issue(place)
            .await
            .map_err(|fault| vec![fault])?;
        let file =
            credentials::deliver::to_file(&folder, &target.want.store, &issued.endpoint.url());
        written.push(file.map_err(|fault| vec![fault])?.display().to_string());
    }
    Ok(written)
}

fn summary(applied: &[Applied], begun: Instant) -> String {
    let took = begun.elapsed().as_secs_f64();
    let changed = applied.iter().filter(|store| !store.is_silent()).count();
    if changed == 0 {
        return format!(
            "{} in step, looked at in {took:.1} s. Nothing was sent.",
            count(applied.len(), "store")
        );
    }
    format!(
        "{changed} of {} changed and verified in {took:.1} s.  Next: freehold status",
        count(applied.len(), "store")
    )
}
