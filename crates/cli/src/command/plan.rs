//! `freehold plan`

use freehold_engine::Change;
use freehold_lifecycle::{
    BatchNote, Caution, Contract, MigrationNote, StorePlan, plan, verify_rollback,
};

use super::text::{advice_in_brief, count, short, step_lines};
use super::{Result, plan_file};
use crate::Outcome;
use crate::args::{Args, PlanArgs};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

pub(crate) async fn run(args: &Args, plan_args: &PlanArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    // A scratch copy is made by an administrator.
    if !plan_args.verify_rollback {
        context.only_look();
    }
    let mut targets = context.targets(&plan_args.stores.services, plan_args.stores.server_wide)?;
    for target in &mut targets {
        target.contract = Contract::from(plan_args.contract);
    }
    let plans = plan(&targets).await?;
    let changes = plans.iter().filter(|plan| !plan.is_empty()).count();
    let proven = if plan_args.verify_rollback {
        verify_rollback(&targets).await?
    } else {
        Vec::new()
    };
    if let Some(file) = &plan_args.out {
        let server_wide = plan_args.stores.server_wide;
        plan_file::write(file, &context, server_wide, &targets).await?;
    }
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "stores": plans, "changes": changes, "verified": proven }));
    } else {
        super::apply::proof(&proven, output);
        render(&context.system.name, &plans, output);
        if let Some(file) = &plan_args.out {
            let file = file.display();
            output.line(&format!(
                "Written: {file}. To apply this and nothing else: freehold apply ./{file}"
            ));
        }
    }
    Ok(if plan_args.exit_code && changes > 0 {
        Outcome::Findings
    } else {
        Outcome::Done
    })
}

fn render(system: &str, plans: &[StorePlan], output: &Output) {
    output.line(&format!(
        "{} · {} · {}",
        output.paint(Tone::Strong, system),
        count(plans.len(), "store"),
        servers(plans).join(" · ")
    ));
    output.line("");
    let width = plans.iter().map(|plan| plan.store.len()).max().unwrap_or(0);
    for plan in plans {
        store(plan, width, output);
    }
    let notes: Vec<_> = plans
        .iter()
        .flat_map(|plan| plan.advisory.iter().map(|note| (plan.store.as_str(), note)))
        .collect();
    if !notes.is_empty() {
        output.line("");
        advice_in_brief(output, &notes);
    }
    output.line("");
    output.line(&summary(plans));
    if plans.iter().any(|plan| !plan.is_empty()) {
        output.line("Next: freehold apply");
    }
}

/// `main: PostgreSQL 17.2 at 10.0.3.4:5432 (TLS)`, each server once.
fn servers(plans: &[StorePlan]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for plan in plans {
        let tls = if plan.tls { " (TLS)" } else { "" };
        let line = format!(
            "{}: {} {} at {}{tls}",
            plan.server,
            plan.product,
            plan.version,
            short(&plan.address)
        );
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen
}

fn store(plan: &StorePlan, width: usize, output: &Output) {
    let name = output.paint(Tone::Strong, &format!("{:width$}", plan.store));
    if plan.is_empty() {
        let state = match &plan.tool {
            Some(tool) => format!("in step; apply runs `{tool}`"),
            None => "in step".to_owned(),
        };
        output.line(&format!("{name}  {}", output.paint(Tone::Dim, &state)));
        held_back(plan, output);
        return;
    }
    let place = format!(
        "{} · {} {} on {}",
        plan.engine, plan.isolation, plan.name, plan.server
    );
    output.line(&format!("{name}  {}", output.paint(Tone::Dim, &place)));
    for line in step_lines(output, &plan.steps) {
        output.line(&line);
    }
    if !plan.migrations.is_empty() {
        let sign = output.paint(Tone::Good, "+ migrate ");
        output.line(&format!("  {sign}  {}", migrations(&plan.migrations)));
    }
    for note in &plan.migrations {
        if let Some(batches) = &note.batches {
            let sign = output.paint(Tone::Good, "  batches ");
            output.line(&format!("  {sign}  {}", in_batches(note, batches)));
        }
    }
    held_back(plan, output);
    for caution in &plan.cautions {
        let sign = output.paint(Tone::Warn, "▲ locks   ");
        output.line(&format!("  {sign}  {}", of_caution(caution)));
        if !caution.instead.is_empty() {
            let instead = format!("instead: {}", caution.instead);
            output.line(&format!(
                "              {}",
                output.paint(Tone::Dim, &instead)
            ));
        }
    }
    if let Some(tool) = &plan.tool {
        let sign = output.paint(Tone::Good, "+ run     ");
        output.line(&format!(
            "  {sign}  {tool}, as a login made for this run; what it changes it alone knows"
        ));
    }
}

/// What waits for somebody to say that the programs before it are gone.
fn held_back(plan: &StorePlan, output: &Output) {
    let Some(waits) = super::text::held_back(&plan.held_back) else {
        return;
    };
    let sign = output.paint(Tone::Warn, "· held    ");
    output.line(&format!("  {sign}  {waits}; freehold apply --contract"));
}

/// `0005_fill  10000 rows at a time by orders.id, goes on after 40000 · about 1200000 rows, 214 MB`
fn in_batches(note: &MigrationNote, batches: &BatchNote) -> String {
    let goes_on = batches
        .resumes_after_key
        .map(|key| format!(", goes on after {key}"));
    format!(
        "{}  {} at a time by {}.{}{}{}",
        note.id,
        count(batches.size as usize, "row"),
        batches.table,
        batches.key,
        goes_on.unwrap_or_default(),
        of_size(batches.rows, batches.bytes)
    )
}

/// `0005_big  orders is not written while all of it is read (CREATE INDEX) · about 1200000 rows, 214 MB`
fn of_caution(caution: &Caution) -> String {
    let what = match caution.effect.as_str() {
        "blocks_writes" => "is not written while all of it is read",
        "blocks_all" => "is neither read nor written by others while all of it is read",
        _ => "is written anew, and neither read nor written by others meanwhile",
    };
    let size = of_size(caution.rows, caution.bytes);
    format!(
        "{}  {} {what} ({}){size}",
        caution.migration, caution.table, caution.because
    )
}

/// ` · about 1200000 rows, 214 MB`, as far as it is known.
fn of_size(rows: Option<i64>, size: Option<i64>) -> String {
    let rows =
        rows.map(|rows| format!("about {}", count(usize::try_from(rows).unwrap_or(0), "row")));
    let known: Vec<_> = [rows, size.map(bytes)].into_iter().flatten().collect();
    if known.is_empty() {
        return String::new();
    }
    format!(" · {}", known.join(", "))
}

fn bytes(bytes: i64) -> String {
    match bytes {
        ..=999_999 => format!("{} kB", bytes / 1_000),
        1_000_000..=999_999_999 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

fn migrations(notes: &[MigrationNote]) -> String {
    let ids: Vec<_> = notes.iter().map(|note| note.id.as_str()).collect();
    let statements: usize = notes.iter().map(|note| note.statements).sum();
    let irreversible: Vec<_> = notes
        .iter()
        .filter(|note| !note.reversible)
        .map(|note| note.id.as_str())
        .collect();
    let reversible = if irreversible.is_empty() {
        "all reversible".to_owned()
    } else {
        format!("no way back from {}", irreversible.join(", "))
    };
    let resumed = notes.iter().find_map(|note| {
        note.resumes_after
            .map(|done| format!(", {} goes on after statement {done}", note.id))
    });
    format!(
        "{}  {}, {reversible}{}",
        ids.join(", "),
        count(statements, "statement"),
        resumed.unwrap_or_default()
    )
}

fn summary(plans: &[StorePlan]) -> String {
    let changing = plans.iter().filter(|plan| !plan.is_empty()).count();
    if changing == 0 {
        return format!(
            "{} in step. Nothing to do.",
            if plans.len() == 1 {
                "The store is".to_owned()
            } else {
                format!("All {} stores are", plans.len())
            }
        );
    }
    let of = |change| {
        plans
            .iter()
            .flat_map(|plan| &plan.steps)
            .filter(|step| step.change == change)
            .count()
    };
    let migrations: usize = plans.iter().map(|plan| plan.migrations.len()).sum();
    let data = if migrations == 0 {
        " No data is touched."
    } else {
        ""
    };
    format!(
        "{changing} of {} change: {} to add, {} to change, {} to remove, {}.{data}",
        count(plans.len(), "store"),
        of(Change::Add),
        of(Change::Change),
        of(Change::Remove),
        count(migrations, "migration"),
    )
}
