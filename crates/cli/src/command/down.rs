//! `freehold down`: stops what `up` runs, and what a killed one left.

use std::path::Path;
use std::time::{Duration, Instant};

use freehold_model::Fault;

use super::text::count;
use super::{Result, asked};
use crate::Outcome;
use crate::args::{Args, DownArgs};
use crate::context::find_root;
use crate::output::Output;
use crate::servers::state_folder;
use crate::supervise::claim::Claim;
use crate::supervise::{control, guard};

/// Programs, sidecars and servers have to end one after the other.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(50);

pub(crate) async fn run(args: &Args, down: &DownArgs, output: &Output) -> Result<Outcome> {
    let root = find_root(args.directory.as_deref())?;
    let state = state_folder(&root);
    if down.volumes {
        asked(
            output,
            down.yes,
            &format!("Delete {} with all data?", state.display()),
        )?;
    }
    let was_up = end_up(&state).await.map_err(|fault| vec![fault])?;
    let swept = guard::sweep(&state).await;
    let mut stopped = Vec::new();
    for folder in guard::server_folders(&state) {
        let name = folder.file_name().unwrap_or_default().display().to_string();
        let stop = freehold_private_servers::stop(folder).await;
        if stop.map_err(|error| vec![error.fault()])? {
            stopped.push(name);
        }
    }
    if down.volumes && state.exists() {
        std::fs::remove_dir_all(&state).map_err(|error| {
            vec![
                Fault::new(
                    "FH3702",
                    format!("{} cannot be deleted ({error})", state.display()),
                )
                .help("see who owns it, then delete it by hand"),
            ]
        })?;
    }
    if output.json {
        output.value(&serde_json::json!({ "was_up": was_up, "left_over": swept, "stopped": stopped, "deleted": down.volumes }));
    } else {
        let data = if down.volumes {
            "all data deleted"
        } else {
            "data kept"
        };
        let up = if was_up { "the system and " } else { "" };
        output.line(&format!(
            "{up}{} stopped, {data}.",
            count(stopped.len(), "server")
        ));
    }
    Ok(Outcome::Done)
}

/// Ends the `up` that runs this folder; `false`: none does.
async fn end_up(state: &Path) -> std::result::Result<bool, Fault> {
    if !Claim::is_taken(state) {
        return Ok(false);
    }
    control::ask(state, "end").await;
    let begun = Instant::now();
    while Claim::is_taken(state) {
        if begun.elapsed() > PATIENCE {
            return Err(Fault::new("FH3708", "the system that runs here does not end")
                .help("press Ctrl-C where `freehold up` runs, or end that process; then run this again"));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}
