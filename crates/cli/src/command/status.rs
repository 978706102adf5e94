//! `freehold status`

use freehold_engine::Enforcement;
use freehold_lifecycle::{StoreStatus, status};

use super::Result;
use super::events;
use super::text::{advice, count};
use crate::Outcome;
use crate::args::{Args, StatusArgs};
use crate::context::Context;
use crate::output::{Output, Tone, columns};
use crate::servers::Place;

pub(crate) async fn run(args: &Args, status_args: &StatusArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    context.only_look();
    let targets = context.targets(&status_args.stores.services, status_args.stores.server_wide)?;
    let stores = status(&targets).await?;
    // A store that is not as described may lack the tables that would tell.
    let current = if stores.iter().all(in_step) {
        events::currency(&context, &targets).await?
    } else {
        Vec::new()
    };
    if output.json {
        let fresh: Vec<_> = current.iter().map(events::Currency::json).collect();
        output.value(&serde_json::json!({ "system": context.system.name, "stores": stores, "freshness": fresh }));
    } else {
        render(&stores, output);
        if !current.is_empty() {
            output.line("");
            events::render(&current, output);
        }
        notes(&stores, output);
        output.line("");
        output.line(next(&stores));
    }
    // A parked key waits for somebody, and so does what was left out. Ages say nothing where no sidecar is to run, as in CI.
    let flows = current
        .iter()
        .all(|it| it.survey.parked + it.survey.left_out == 0);
    let is_well = stores.iter().all(in_step) && flows;
    Ok(if status_args.exit_code && !is_well {
        Outcome::Findings
    } else {
        Outcome::Done
    })
}

fn in_step(store: &StoreStatus) -> bool {
    store.exists && store.pending == 0 && store.drift == 0 && store.half_done.is_none()
}

/// The table.
pub(crate) fn render(stores: &[StoreStatus], output: &Output) {
    let head = ["service", "store", "isolation", "schema", "drift"]
        .map(str::to_owned)
        .to_vec();
    let rows: Vec<_> = std::iter::once(head)
        .chain(stores.iter().map(row))
        .collect();
    let lines = columns(output, &rows, |row, column| match (row, column) {
        (0, _) => Tone::Dim,
        (_, 0) => Tone::Strong,
        (row, 3 | 4) if !in_step(&stores[row - 1]) => Tone::Warn,
        _ => Tone::Plain,
    });
    for line in lines {
        output.line(&line);
    }
}

fn row(store: &StoreStatus) -> Vec<String> {
    let isolation = match store.enforcement {
        Some(Enforcement::Advisory) => format!("{} (advisory)", store.isolation),
        _ => store.isolation.to_string(),
    };
    let schema = match (&store.schema, &store.half_done, store.pending) {
        (_, Some(id), _) => format!("{id} half done"),
        (None, None, 0) => "–".to_owned(),
        (None, None, pending) => format!("none, {pending} pending"),
        (Some(schema), None, 0) => schema.clone(),
        (Some(schema), None, pending) => format!("{schema}, {pending} pending"),
    };
    let schema = match super::text::held_back(&store.held_back) {
        Some(waits) => format!("{schema}, {waits}"),
        None => schema,
    };
    let drift = match (store.exists, store.drift) {
        (false, _) => "not there".to_owned(),
        (true, 0) => "none".to_owned(),
        (true, drift) => count(drift, "change"),
    };
    vec![
        store.store.clone(),
        format!("{} {}/{}", store.engine, store.server, store.name),
        isolation,
        schema,
        drift,
    ]
}

/// What is wrong or cannot be enforced.
fn notes(stores: &[StoreStatus], output: &Output) {
    let notes: Vec<_> = stores
        .iter()
        .flat_map(|store| store.notes.iter().map(|note| (store.store.as_str(), note)))
        .collect();
    if !notes.is_empty() {
        output.line("");
        advice(output, &notes);
    }
}

fn next(stores: &[StoreStatus]) -> &'static str {
    if stores.iter().all(in_step) {
        "All as described."
    } else {
        "Next: freehold plan"
    }
}
