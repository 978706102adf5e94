//! What a deployment would strand, and what participants have of sagas that nobody knows.

use std::collections::BTreeSet;

use freehold_model::Fault;
use freehold_saga::operate::{self, Filter};

use super::{Store, fault};
use crate::Outcome;
use crate::command::Result;
use crate::context::Context;
use crate::output::{Output, Tone};

/// Rows that are looked at.
const MOST: u32 = 100_000;

/// Open sagas go on by the definition that they were started with. Stranded are those that call a
/// service that is described no more, or that wait for a definition that is gone.
pub(super) async fn check(context: &mut Context, output: &Output) -> Result<Outcome> {
    let described = crate::sagas::definitions(&context.root, &context.system)?;
    let services: BTreeSet<String> = context.system.services.keys().cloned().collect();
    let targets = context.targets(&[], false)?;
    let mut stranded = Vec::new();
    let mut older = 0;
    for target in targets.iter().filter(|it| it.want.plane.sagas.starts) {
        let service = &target.want.service;
        let mut store = Store::of(target).await?;
        let (connection, sql) = store.both();
        let kept = operate::definitions(connection, sql).await.map_err(fault)?;
        let filter = Filter {
            most: MOST,
            ..Filter::default()
        };
        for seen in operate::list(connection, sql, &filter)
            .await
            .map_err(fault)?
        {
            let now = described
                .get(service)
                .and_then(|all| all.iter().find(|it| it.name == seen.definition));
            if seen.instance.is_none() {
                if now.is_none() {
                    stranded.push((
                        seen,
                        "it waits to be claimed, and no saga of this name is described".to_owned(),
                    ));
                }
                continue;
            }
            let Some(definition) = kept.get(&seen.hash) else {
                stranded.push((
                    seen,
                    "its definition cannot be read by this version".to_owned(),
                ));
                continue;
            };
            older += usize::from(now.is_none_or(|now| now.hash != seen.hash));
            let requests = definition
                .steps
                .iter()
                .flat_map(|step| [&step.call, &step.undo, &step.resolve]);
            let gone = requests
                .flatten()
                .filter_map(|it| it.service())
                .find(|it| !services.contains(*it));
            if let Some(gone) = gone {
                let why = format!("it calls {gone}, which is described no more");
                stranded.push((seen, why));
            }
        }
    }
    if output.json {
        let rows: Vec<_> = stranded
            .iter()
            .map(|(seen, why)| serde_json::json!({ "saga": seen.id, "definition": seen.definition, "key": seen.key, "why": why }))
            .collect();
        output.value(&serde_json::json!({ "stranded": rows, "older_definitions": older }));
    } else {
        for (seen, why) in &stranded {
            output.line(&format!(
                "{} {}  {}",
                output.paint(Tone::Bad, "stranded"),
                seen.key,
                why
            ));
        }
        if stranded.is_empty() {
            output.line("No open saga would be stranded.");
        }
        if older > 0 {
            output.line(&format!(
                "{older} go on by an older definition, which the store keeps."
            ));
        }
    }
    Ok(if stranded.is_empty() {
        Outcome::Done
    } else {
        Outcome::Findings
    })
}

/// Barrier rows of sagas that the initiator's store lacks.
pub(super) async fn orphans(
    context: &mut Context,
    service: &str,
    output: &Output,
) -> Result<Outcome> {
    if !context.system.services.contains_key(service) {
        return Err(vec![Fault::new(
            "FH1307",
            format!("there is no service `{service}`"),
        )]);
    }
    let targets = context.targets(&[], false)?;
    let mut home = Store::enter(context, service).await?;
    let mut rows = Vec::new();
    for target in targets.iter().filter(|it| it.want.plane.sagas.takes_part) {
        let mut store = Store::of(target).await?;
        let (connection, sql) = store.both();
        let found = operate::barrier_rows(connection, sql, service, MOST)
            .await
            .map_err(fault)?;
        rows.extend(
            found
                .into_iter()
                .map(|row| (target.want.service.clone(), row)),
        );
    }
    let ids: BTreeSet<String> = rows.iter().map(|(_, row)| row.saga.clone()).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let (connection, sql) = home.both();
    let mut known = BTreeSet::new();
    for part in ids.chunks(1_000) {
        known.extend(operate::known(connection, sql, part).await.map_err(fault)?);
    }
    rows.retain(|(_, row)| !known.contains(&row.saga));
    if output.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(at, row)| serde_json::json!({ "participant": at, "saga": row.saga, "step": row.step, "generation": row.generation, "kind": row.kind, "ran": row.ran }))
            .collect();
        output.value(&serde_json::json!({ "orphans": rows }));
    } else if rows.is_empty() {
        output.line("No participant has anything of a saga that the store does not know.");
    } else {
        for (at, row) in &rows {
            output.line(&format!(
                "{at:12} {} {} {} {} ({})",
                row.saga, row.step, row.generation, row.kind, row.ran
            ));
        }
    }
    Ok(if rows.is_empty() {
        Outcome::Done
    } else {
        Outcome::Findings
    })
}
