//! `freehold seed`

use freehold_lifecycle::{SeedWhich, seed, unseed};
use freehold_model::Fault;

use super::Result;
use super::text::tables;
use crate::Outcome;
use crate::args::{Args, SeedArgs};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

pub(crate) async fn run(args: &Args, seed_args: &SeedArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&seed_args.stores.services, false)?;
    refuse_protected(&context, &targets)?;
    let seeded = if seed_args.undo {
        unseed(&targets).await?
    } else {
        seed(&targets, SeedWhich::All).await?
    };
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "stores": seeded }));
        return Ok(Outcome::Done);
    }
    let width = seeded
        .iter()
        .map(|store| store.store.len())
        .max()
        .unwrap_or(0);
    for store in &seeded {
        let (sign, tone) = if seed_args.undo {
            ("-", Tone::Bad)
        } else {
            ("+", Tone::Good)
        };
        let what = if store.seeds.is_empty() {
            "no seeds".to_owned()
        } else {
            store.seeds.join(", ")
        };
        let name = output.paint(Tone::Strong, &format!("{:width$}", store.store));
        output.line(&format!("{} {name}  {what}", output.paint(tone, sign)));
        if !store.tables.is_empty() {
            output.line(&format!(
                "  {:width$}  {}",
                "",
                output.paint(Tone::Dim, &format!("rows: {}", tables(&store.tables)))
            ));
        }
    }
    Ok(Outcome::Done)
}

/// A protected environment takes only the seeds that name it.
fn refuse_protected(context: &Context, targets: &[freehold_lifecycle::Target]) -> Result<()> {
    if !context.system.protect {
        return Ok(());
    }
    let environment = context.system.environment.clone().unwrap_or_default();
    let faults: Vec<_> = targets
        .iter()
        .flat_map(|target| target.seeds.iter().map(move |seed| (target, seed)))
        .filter(|(_, seed)| !seed.file.environments.contains(&environment))
        .map(|(target, seed)| {
            Fault::new(
                "FH3304",
                format!(
                    "{}: seed {} is not meant for the protected environment {environment}",
                    target.label(),
                    seed.id
                ),
            )
            .help(format!(
                "if it is, say so at the top of its file: -- freehold: environments: {environment}"
            ))
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}
