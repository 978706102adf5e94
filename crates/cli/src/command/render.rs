//! `freehold render`: files that follow from the description.

use freehold_boundary::report::codeowners;
use freehold_model::Fault;

use super::Result;
use super::check::place::Place;
use crate::Outcome;
use crate::args::{Args, RenderCommand};
use crate::output::Output;

pub(crate) fn run(args: &Args, wanted: &RenderCommand, output: &Output) -> Result<Outcome> {
    let RenderCommand::Codeowners { prefix } = wanted;
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
