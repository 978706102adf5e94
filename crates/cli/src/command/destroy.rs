//! `freehold destroy`

use freehold_engine::Keep;
use freehold_lifecycle::destroy;
use freehold_model::Fault;

use super::text::{count, step_lines};
use super::{Result, asked};
use crate::Outcome;
use crate::args::{Args, DestroyArgs, KeepWhat};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

pub(crate) async fn run(
    args: &Args,
    destroy_args: &DestroyArgs,
    output: &Output,
) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    if context.system.protect {
        let environment = context
            .system
            .environment
            .as_deref()
            .unwrap_or("this environment");
        return Err(vec![
            Fault::new(
                "FH3403",
                format!("{environment} is protected: `destroy` is refused"),
            )
            .help("take `protect: true` out of the environment's file first"),
        ]);
    }
    let targets = context.targets(&destroy_args.stores.services, false)?;
    let keep = Keep {
        data: destroy_args.keep.contains(&KeepWhat::Data),
        credentials: destroy_args.keep.contains(&KeepWhat::Credentials),
    };
    let foreseen = destroy(&targets, keep, destroy_args.force, true).await?;
    let steps: usize = foreseen.iter().map(|store| store.steps.len()).sum();
    if !output.json {
        for store in foreseen.iter().filter(|store| !store.steps.is_empty()) {
            output.line(&output.paint(Tone::Strong, &store.store));
            for line in step_lines(output, &store.steps) {
                output.line(&line);
            }
        }
    }
    if steps > 0 {
        asked(
            output,
            destroy_args.yes,
            &format!("Remove these {}?", count(steps, "thing")),
        )?;
        destroy(&targets, keep, destroy_args.force, false).await?;
    }
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "stores": foreseen }));
    } else if steps == 0 {
        output.line("Nothing of these stores is there.");
    } else {
        output.line(&format!(
            "{} removed from {}.",
            count(steps, "thing"),
            count(foreseen.len(), "store")
        ));
    }
    Ok(Outcome::Done)
}
