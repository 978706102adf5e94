//! One file per command. Each renders what a library crate found or did.

mod adopt;
mod apply;
mod audit;
mod check;
mod console;
mod creds;
mod db;
mod destroy;
mod down;
mod eject;
mod engines;
pub(crate) mod events;
mod init;
mod load;
mod lsp;
mod plan;
mod plan_file;
mod render;
mod rollback;
pub(crate) mod run;
mod saga;
mod seed;
mod status;
mod text;
mod up;

use freehold_model::Fault;

use crate::args::{Args, Command, CredsCommand};
use crate::output::Output;
use crate::{Outcome, pages};

pub(crate) type Result<T> = std::result::Result<T, Vec<Fault>>;

/// Runs the command that the arguments name.
pub(crate) async fn run(args: &Args, output: &Output) -> Result<Outcome> {
    match &args.command {
        Command::Init { folder, ci: None } => init::run(folder.as_deref(), output),
        Command::Init {
            folder,
            ci: Some(host),
        } => init::ci(folder.as_deref(), *host, output),
        Command::Plan(plan) => plan::run(args, plan, output).await,
        Command::Apply(apply) => apply::run(args, apply, output).await,
        Command::Adopt(adopt) => adopt::run(args, adopt, output).await,
        Command::Seed(seed) => seed::run(args, seed, output).await,
        Command::Rollback(rollback) => rollback::run(args, rollback, output).await,
        Command::Destroy(destroy) => destroy::run(args, destroy, output).await,
        Command::Eject(eject) => eject::run(args, eject, output).await,
        Command::Status(status) => status::run(args, status, output).await,
        Command::Run(wanted) => run::run(args, wanted, output).await,
        Command::Events(command) => events::run(args, command, output).await,
        Command::Up(up) => up::up(args, up, output).await,
        Command::Console(wanted) => console::run(args, wanted, output).await,
        Command::Down(down) => down::run(args, down, output).await,
        Command::Load(load) => load::run(args, load, output).await,
        Command::Db(db) => db::run(args, db, output).await,
        Command::Guard { state } => {
            crate::supervise::guard::watch(state).await;
            Ok(Outcome::Done)
        }
        Command::Confine(wanted) => Ok(Outcome::Exit(crate::supervise::confine::enter(
            wanted, output,
        ))),
        Command::Check(check) => check::run(args, check, output),
        Command::Lsp => lsp::run(args),
        Command::Render(render) => render::run(args, render, output),
        Command::Audit(audit) => audit::run(args, audit, output).await,
        Command::Creds(CredsCommand::Exec { service, command }) => {
            creds::exec(args, service, command, output).await
        }
        Command::Creds(CredsCommand::Rotate { stores, grace }) => {
            creds::rotate(args, stores, *grace, output).await
        }
        Command::Saga(command) => saga::run(args, command, output).await,
        Command::Schema => {
            let mut schema = freehold_model::json_schema();
            schema["saga"] = freehold_saga::json_schema();
            output.value(&schema);
            Ok(Outcome::Done)
        }
        Command::Explain { code } => explain(code, output),
        Command::Engines => {
            engines::run(output);
            Ok(Outcome::Done)
        }
    }
}

fn explain(code: &str, output: &Output) -> Result<Outcome> {
    let page = pages::page(code).ok_or_else(|| {
        let near = freehold_model::nearest(&code.to_uppercase(), pages::codes());
        let fault = Fault::new("FH1309", format!("there is no error code `{code}`"));
        vec![match near {
            Some(near) => fault.help(format!("did you mean {near}?")),
            None => fault.help("codes are FH and four digits, as errors show them"),
        }]
    })?;
    output.line(page.trim_end());
    Ok(Outcome::Done)
}

/// Asks before something is destroyed; without a terminal `--yes` is needed.
fn asked(output: &Output, yes: bool, question: &str) -> Result<()> {
    if yes || output.confirm(question) {
        return Ok(());
    }
    Err(vec![
        Fault::new("FH1310", "not confirmed, nothing was changed")
            .help("answer y, or give --yes where there is no terminal"),
    ])
}
