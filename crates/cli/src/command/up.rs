//! `freehold up` and `down`: the whole system on this machine.

use std::time::Instant;

use freehold_lifecycle::{SeedWhich, apply, seed, status};
use freehold_model::Fault;

use super::text::{advice_in_brief, count, tables};
use super::{Result, asked};
use crate::Outcome;
use crate::args::{Args, DownArgs, StoreArgs};
use crate::context::{Context, find_root};
use crate::output::{Output, Tone};
use crate::servers::{Place, state_folder};

pub(crate) async fn up(args: &Args, stores: &StoreArgs, output: &Output) -> Result<Outcome> {
    let begun = Instant::now();
    let mut context = Context::load(args, Place::Embedded).await?;
    let targets = context.targets(&stores.services, stores.server_wide)?;
    let line = |what: &str, text: &str, since: Instant| {
        if !output.json {
            let tick = output.paint(Tone::Good, "✓");
            let what = output.paint(Tone::Strong, &format!("{what:10}"));
            output.line(&format!(
                "{tick} {what} {text:<78} {:>6.1} s",
                since.elapsed().as_secs_f64()
            ));
        }
    };
    if !output.json {
        let name = output.paint(Tone::Strong, &context.system.name);
        output.line(&format!(
            "{name}   {}, {}\n",
            count(context.system.services.len(), "service"),
            count(targets.len(), "store")
        ));
    }
    line("servers", &servers(&context), begun);
    let since = Instant::now();
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
        since,
    );
    let since = Instant::now();
    let seeded = seed(&targets, SeedWhich::New).await?;
    let seeds: usize = seeded.iter().map(|store| store.seeds.len()).sum();
    line("seeds", &format!("{} run", count(seeds, "seed")), since);
    let state = status(&targets).await?;
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "applied": applied, "seeded": seeded, "status": state }));
        return Ok(Outcome::Done);
    }
    let ready = output.paint(
        Tone::Good,
        &format!("● ready in {:.1} s", begun.elapsed().as_secs_f64()),
    );
    output.line(&format!("\n{ready}\n"));
    super::status::render(&state, output);
    output.line("");
    let width = seeded
        .iter()
        .map(|store| store.store.len())
        .max()
        .unwrap_or(0);
    for store in &seeded {
        output.line(&format!(
            "{:width$}  {}",
            store.store,
            output.paint(Tone::Dim, &format!("rows: {}", tables(&store.tables)))
        ));
    }
    let notes: Vec<_> = state
        .iter()
        .flat_map(|store| store.notes.iter().map(|note| (store.store.as_str(), note)))
        .collect();
    output.line("");
    advice_in_brief(output, &notes);
    try_next(args, &context, output);
    Ok(Outcome::Done)
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

fn try_next(args: &Args, context: &Context, output: &Output) {
    let service = context
        .system
        .services
        .keys()
        .next_back()
        .map_or("SERVICE", String::as_str);
    let directory = args
        .directory
        .as_ref()
        .map(|folder| format!(" -C {}", folder.display()))
        .unwrap_or_default();
    let servers = args.servers.as_deref().unwrap_or("embedded");
    output.line("");
    output.line(&output.paint(Tone::Strong, "Try next"));
    for (command, what) in [
        (
            format!("freehold{directory} status --servers {servers}"),
            "the state of every store",
        ),
        (
            format!("freehold{directory} creds exec {service} --servers {servers} -- env"),
            "a program with the service's own credential",
        ),
        (
            format!("freehold{directory} destroy --servers {servers}"),
            "remove everything again",
        ),
    ] {
        output.line(&format!("{command:<72}  {}", output.paint(Tone::Dim, what)));
    }
}

pub(crate) async fn down(args: &Args, down: &DownArgs, output: &Output) -> Result<Outcome> {
    let root = find_root(args.directory.as_deref())?;
    let state = state_folder(&root);
    if down.volumes {
        asked(
            output,
            down.yes,
            &format!("Delete {} with all data?", state.display()),
        )?;
    }
    let mut stopped = Vec::new();
    for entry in std::fs::read_dir(state.join("servers"))
        .into_iter()
        .flatten()
        .flatten()
    {
        if freehold_private_servers::stop(entry.path())
            .await
            .map_err(|error| vec![error.fault()])?
        {
            stopped.push(entry.file_name().to_string_lossy().into_owned());
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
        output.value(&serde_json::json!({ "stopped": stopped, "deleted": down.volumes }));
    } else {
        output.line(&format!(
            "{} stopped{}.",
            count(stopped.len(), "server"),
            if down.volumes {
                ", all data deleted"
            } else {
                ", data kept"
            }
        ));
    }
    Ok(Outcome::Done)
}
