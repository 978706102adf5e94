//! `freehold lsp`: the findings of a check in editors.

use super::Result;
use crate::Outcome;
use crate::args::Args;

pub(crate) fn run(_args: &Args) -> Result<Outcome> {
    Ok(Outcome::Done)
}
