//! `freehold render`: files that follow from the description.

use freehold_boundary::contract;
use freehold_boundary::report::codeowners;
use freehold_model::{Fault, load};

use super::Result;
use super::check::place::Place;
use crate::Outcome;
use crate::args::{Args, RenderCommand};
use crate::context::find_root;
use crate::files::DiskFiles;
use crate::output::Output;

pub(crate) fn run(args: &Args, wanted: &RenderCommand, output: &Output) -> Result<Outcome> {
    let prefix = match wanted {
        RenderCommand::Codeowners { prefix } => prefix,
        RenderCommand::Asyncapi => return events(args, output),
    };
    let place = Place::find(args, &[])?;
    let Some(own) = place.ownership else {
        return Err(vec![
            Fault::new(
                "FH2210",
                "nobody said who owns what, so there is no owner to name",
            )
            .help("describe the system, or begin with: freehold check --write-boundaries"),
        ]);
    };
    output.line(codeowners(&own, prefix).trim_end());
    Ok(Outcome::Done)
}

/// All events of the system, who sends and who receives them.
fn events(args: &Args, output: &Output) -> Result<Outcome> {
    let root = find_root(args.directory.as_deref())?;
    let system = load(&root, args.environment.as_deref(), &DiskFiles)?;
    let contracts = contract::contracts(&root, &system, &DiskFiles)?;
    output.value(&contract::asyncapi(&system, &contracts));
    Ok(Outcome::Done)
}
