//! `freehold load`: the system's load program against the system that runs here.

use std::process::Stdio;

use freehold_model::Fault;
use serde_json::Value;

use super::Result;
use super::up::exercise::{self, Exercise};
use crate::Outcome;
use crate::args::{Args, LoadArgs};
use crate::context::find_root;
use crate::files::DiskFiles;
use crate::output::Output;
use crate::servers::state_folder;
use crate::supervise::control;

pub(crate) async fn run(args: &Args, load: &LoadArgs, output: &Output) -> Result<Outcome> {
    let root = find_root(args.directory.as_deref())?;
    let system = freehold_model::load(&root, args.environment.as_deref(), &DiskFiles)?;
    let program = exercise::named(&system.exercises.load, "load").map_err(|fault| vec![fault])?;
    let state = state_folder(&root);
    let running = control::ask(&state, "state").await;
    let running: Option<Value> = running.and_then(|said| serde_json::from_str(&said).ok());
    let Some(running) = running else {
        return Err(vec![
            Fault::new("FH3707", "no system runs here").help("freehold up, in another terminal"),
        ]);
    };
    let programs = running["programs"].as_array();
    let urls = programs.into_iter().flatten().filter_map(|seen| {
        Some((
            seen["name"].as_str()?.to_owned(),
            seen["url"].as_str()?.to_owned(),
        ))
    });
    let exercise = Exercise {
        urls: urls.filter(|(_, url)| !url.is_empty()).collect(),
        state: &state,
        root: &root,
    };
    let mut command = exercise.command(program, &exercise::rate(load.rate, load.seconds));
    if output.json {
        command.arg("--json");
    }
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| vec![exercise::not_started(program, &error)])?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            // It is told as well, and says what it measured.
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let status = status.map_err(|error| vec![exercise::not_started(program, &error)])?;
    Ok(Outcome::Exit(
        status
            .code()
            .and_then(|it| u8::try_from(it).ok())
            .unwrap_or(1),
    ))
}
