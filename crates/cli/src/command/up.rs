//! `freehold up`: the whole system on this machine, from servers to programs, until Ctrl-C.
//!
//! Here: claiming the folder, placing, migrating, seeding, and what is printed of it. What runs then is
//! in `up/running.rs`, what a person sees of it in `up/screen.rs`.

mod console;
pub(crate) mod exercise;
mod live;
mod once;
mod programs;
mod reload;
mod running;
mod screen;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use freehold_lifecycle::{SeedWhich, Seeded, StoreStatus, Target, apply, seed, status};

use self::running::Running;
use self::screen::Screen;
use self::watch::Watch;
use super::Result;
use super::text::{advice_in_brief, count, tables};
use crate::Outcome;
use crate::args::{Args, UpArgs};
use crate::context::{Context, find_root};
use crate::output::{Output, Tone};
use crate::servers::{Place, state_folder};
use crate::supervise::claim::Claim;
use crate::supervise::guard::{self, Guard};

/// What is there once stores are made and filled.
struct Placed {
    context: Context,
    targets: Vec<Target>,
    applied: serde_json::Value,
    seeded: Vec<Seeded>,
    status: Vec<StoreStatus>,
}

pub(crate) async fn up(args: &Args, up: &UpArgs, output: &Output) -> Result<Outcome> {
    let begun = Instant::now();
    let root = find_root(args.directory.as_deref())?;
    let state = state_folder(&root);
    let _claim = Claim::take(&state).map_err(|fault| vec![fault])?;
    // What a killed one left would hold ports and files.
    guard::sweep(&state).await;
    if up.prepare {
        let placed = place(args, up, output).await?;
        prepared(args, &placed, begun, output);
        return Ok(Outcome::Done);
    }
    // Before anything is started: from here on nothing is left behind.
    let guard = Guard::start(&state).map_err(|fault| vec![fault])?;
    // What changes from here on is not in what is read next.
    let watch = up.watch.then(|| Watch::new(&root));
    let placed = place(args, up, output).await?;
    if !running::has_programs(&placed.context, &placed.targets) {
        // Nothing runs that Ctrl-C could end: stores are for other tools, servers go on.
        guard.dismiss().await;
        prepared(args, &placed, begun, output);
        return Ok(Outcome::Done);
    }
    let screen = Screen::new(output, begun);
    let running = Running::start((args, up), placed.context, placed.targets, state, &screen).await;
    let (outcome, running) = match running {
        Ok(mut running) => {
            let outcome = running.serve((args, up), watch, &screen).await;
            (outcome, running)
        }
        Err((faults, running)) => (Err(faults), running),
    };
    running.stop(&screen).await?;
    guard.dismiss().await;
    outcome
}

async fn place(args: &Args, up: &UpArgs, output: &Output) -> Result<Placed> {
    let mut since = Instant::now();
    let mut context = Context::load(args, Place::Embedded).await?;
    let targets = context.targets(&[], up.server_wide)?;
    let mut line = |what: &str, text: &str| {
        if !output.json {
            screen::tick(output, what, text, since.elapsed());
        }
        since = Instant::now();
    };
    if !output.json {
        let name = output.paint(Tone::Strong, &context.system.name);
        output.line(&format!(
            "{name}   {}, {}\n",
            count(context.system.services.len(), "service"),
            count(targets.len(), "store")
        ));
    }
    line("servers", &servers(&context));
    let applied = apply(&targets, &|_| {}).await?;
    let migrations: usize = applied.iter().map(|store| store.migrations.len()).sum();
    let changed = applied.iter().filter(|store| !store.is_silent()).count();
    line(
        "stores",
        &format!(
            "{changed} of {} changed, {} run, all verified",
            applied.len(),
            count(migrations, "migration")
        ),
    );
    let seeded = seed(&targets, SeedWhich::New).await?;
    let seeds: usize = seeded.iter().map(|store| store.seeds.len()).sum();
    line("seeds", &format!("{} run", count(seeds, "seed")));
    Ok(Placed {
        applied: serde_json::to_value(&applied).unwrap_or_default(),
        status: status(&targets).await?,
        context,
        targets,
        seeded,
    })
}

/// The state of every store, and what to try next.
fn prepared(args: &Args, placed: &Placed, begun: Instant, output: &Output) {
    if output.json {
        output.value(&serde_json::json!({ "system": placed.context.system.name, "applied": placed.applied, "seeded": placed.seeded, "status": placed.status }));
        return;
    }
    let ready = output.paint(
        Tone::Good,
        &format!("● ready in {:.1} s", begun.elapsed().as_secs_f64()),
    );
    output.line(&format!("\n{ready}\n"));
    super::status::render(&placed.status, output);
    output.line("");
    let width = placed.seeded.iter().map(|store| store.store.len()).max();
    let width = width.unwrap_or(0);
    for store in &placed.seeded {
        output.line(&format!(
            "{:width$}  {}",
            store.store,
            output.paint(Tone::Dim, &format!("rows: {}", tables(&store.tables)))
        ));
    }
    let notes: Vec<_> = placed
        .status
        .iter()
        .flat_map(|store| store.notes.iter().map(|note| (store.store.as_str(), note)))
        .collect();
    output.line("");
    advice_in_brief(output, &notes);
    let name = placed.context.system.services.keys().next_back();
    let service = name.map_or("SERVICE", String::as_str);
    screen::try_next(
        args,
        output,
        &[
            ("status", "the state of every store"),
            (
                &format!("db {service}"),
                "the engine's own shell, as the service",
            ),
            ("destroy", "remove everything again"),
        ],
    );
}

fn servers(context: &Context) -> String {
    if context.started.is_empty() {
        let kinds: Vec<_> = context
            .system
            .servers
            .iter()
            .map(|(key, server)| format!("{key} {}", server.engine))
            .collect();
        return kinds.join("   ");
    }
    let servers = context.started.iter().map(|(key, version, port, now)| {
        format!(
            "{key} {version} :{port}{}",
            if *now { "" } else { " (ran already)" }
        )
    });
    servers.collect::<Vec<_>>().join("   ")
}

/// A folder as it is wherever one stands.
fn absolute(path: PathBuf) -> PathBuf {
    std::fs::canonicalize(&path).unwrap_or(path)
}
