//! `freehold check --watch`: checks again whenever the tree or its description has changed.
//!
//! Looks by itself instead of asking the system for news: that works on every file system, in
//! containers and over the network, and a look costs no more than listing the files.

use std::time::{Duration, Instant};

use freehold_boundary::{Checker, Ownership, Watched};

use super::once;
use super::place::{Place, baseline_of};
use crate::Outcome;
use crate::args::{Args, CheckArgs};
use crate::command::Result;
use crate::output::Output;

/// The shortest pause between two looks.
const PAUSE: Duration = Duration::from_millis(300);
/// So many times as long as a look takes, nothing is done.
const REST: u32 = 10;

/// Goes on until it is interrupted. A description that cannot be read just now is shown, and is
/// no reason to end.
pub(super) fn run(args: &Args, wanted: &CheckArgs, output: &Output) -> Result<Outcome> {
    let mut checker = Checker::remembering();
    let mut seen: Option<Watched> = None;
    loop {
        let begun = Instant::now();
        let now = look(args, wanted);
        let looked = begun.elapsed();
        if seen.as_ref() != Some(&now) {
            output.clear();
            if let Err(faults) = once(args, wanted, &mut checker, output) {
                output.faults(&faults);
            }
            output.line_err("Watching for changes. Ctrl-C ends.");
            seen = Some(now);
        }
        std::thread::sleep(PAUSE.max(looked * REST));
    }
}

/// The state of the files, of the description, and of the baseline.
fn look(args: &Args, wanted: &CheckArgs) -> Watched {
    match Place::find(args, &wanted.paths) {
        Ok(place) => {
            let own = place.ownership.as_ref().map(Ownership::identity);
            let known = std::fs::read_to_string(baseline_of(&place.root, wanted)).ok();
            Watched::look(&place.root, &wanted.paths, format!("{own:?} {known:?}"))
        }
        Err(faults) => {
            let root = args.directory.clone().unwrap_or_else(|| ".".into());
            Watched::look(&root, &wanted.paths, format!("{faults:?}"))
        }
    }
}
