//! `freehold rollback`

use freehold_lifecycle::rollback;

use super::{Result, asked};
use crate::Outcome;
use crate::args::{Args, RollbackArgs};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

pub(crate) async fn run(
    args: &Args,
    rollback_args: &RollbackArgs,
    output: &Output,
) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&rollback_args.stores.services, false)?;
    let names: Vec<_> = targets
        .iter()
        .map(freehold_lifecycle::Target::label)
        .collect();
    let what = rollback_args.to.map_or_else(
        || "the newest migration".to_owned(),
        |to| format!("all migrations above {to:04}"),
    );
    asked(
        output,
        rollback_args.yes,
        &format!("Take back {what} of {}?", names.join(", ")),
    )?;
    let done = rollback(&targets, rollback_args.to).await?;
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "stores": done }));
        return Ok(Outcome::Done);
    }
    let width = done
        .iter()
        .map(|store| store.store.len())
        .max()
        .unwrap_or(0);
    for store in &done {
        let what = if store.migrations.is_empty() {
            "nothing to take back".to_owned()
        } else {
            store.migrations.join(", ")
        };
        let name = output.paint(Tone::Strong, &format!("{:width$}", store.store));
        output.line(&format!("{} {name}  {what}", output.paint(Tone::Bad, "-")));
    }
    Ok(Outcome::Done)
}
