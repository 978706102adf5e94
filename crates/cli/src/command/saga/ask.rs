//! Asking something of a saga, and telling what became of it.

use std::time::Duration;

use freehold_model::Fault;
use freehold_saga::operate::{self, Asked};

use super::{Store, fault};
use crate::Outcome;
use crate::args::{SagaCommand, SagaRef};
use crate::command::Result;
use crate::context::Context;
use crate::output::{Output, Tone};

/// How long a sidecar's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(
    context: &mut Context,
    command: &SagaCommand,
    output: &Output,
) -> Result<Outcome> {
    let (which, what, step, payload) = match command {
        SagaCommand::Start {
            service,
            saga,
            key,
            input,
            locks,
        } => return start(context, (service, saga, key), input, locks, output).await,
        SagaCommand::Retry(it) => (&it.saga, "retry", Some(&it.step), None),
        SagaCommand::Skip(it) => (&it.saga, "skip", Some(&it.step), None),
        SagaCommand::Edit { saga, body } => (&saga.saga, "edit", Some(&saga.step), Some(body)),
        SagaCommand::Approve { saga, payload } => {
            (&saga.saga, "approve", Some(&saga.step), payload.as_ref())
        }
        SagaCommand::Reject(it) => (&it.saga, "reject", Some(&it.step), None),
        SagaCommand::Pause(it) => (it, "pause", None, None),
        SagaCommand::Resume(it) => (it, "resume", None, None),
        SagaCommand::Compensate(it) => (it, "compensate", None, None),
        SagaCommand::Cancel(it) => (it, "cancel", None, None),
        SagaCommand::Close(it) => (it, "close", None, None),
        SagaCommand::List { .. }
        | SagaCommand::Show(_)
        | SagaCommand::CheckDeploy
        | SagaCommand::Orphans { .. }
        | SagaCommand::Restored { .. } => return Ok(Outcome::Done),
    };
    if let Some(text) = payload {
        json(text)?;
    }
    ask(
        context,
        which,
        what,
        step.map(String::as_str),
        payload,
        output,
    )
    .await
}

fn json(text: &str) -> Result<()> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(vec![
            Fault::new("FH4134", format!("this is no JSON: {error}"))
                .help("quote it for the shell: '{\"amount\": 1999}'"),
        ]),
    }
}

async fn ask(
    context: &mut Context,
    which: &SagaRef,
    what: &str,
    step: Option<&str>,
    payload: Option<&String>,
    output: &Output,
) -> Result<Outcome> {
    let mut store = Store::enter(context, &which.service).await?;
    let seen = store.find(which).await?;
    let asked = Asked {
        saga: seen.id.clone(),
        what: what.to_owned(),
        step: step.map(str::to_owned),
        seen: which.seen,
        payload: payload.cloned(),
        who: std::env::var("USER").unwrap_or_else(|_| "operator".to_owned()),
    };
    let (connection, sql) = store.both();
    let noted = match which.seen {
        Some(_) => operate::ask(connection, sql, &asked, PATIENCE).await,
        None => operate::ask_now(connection, sql, &asked, PATIENCE).await,
    };
    let Some(noted) = noted.map_err(fault)? else {
        return Err(vec![
            Fault::new(
                "FH4135",
                format!(
                    "{what} of {} is kept, and nobody has taken it yet",
                    seen.key
                ),
            )
            .help("see that the sidecar runs: freehold run")
            .help("an approval that comes early is taken when its step is reached"),
        ]);
    };
    if output.json {
        output.value(&serde_json::json!({ "saga": seen.id, "asked": what, "outcome": noted.outcome, "by": noted.who }));
    } else {
        let done = noted.outcome == "done";
        let tone = if done { Tone::Good } else { Tone::Warn };
        output.line(&format!(
            "{what} {}: {}",
            seen.key,
            output.paint(tone, &noted.outcome)
        ));
    }
    if noted.outcome == "done" {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Findings)
    }
}

async fn start(
    context: &mut Context,
    (service, saga, key): (&str, &str, &str),
    input: &str,
    locks: &[String],
    output: &Output,
) -> Result<Outcome> {
    json(input)?;
    let known = crate::sagas::definitions(&context.root, &context.system)?;
    let names: Vec<&str> = known
        .get(service)
        .map(|all| all.iter().map(|it| it.name.as_str()).collect())
        .unwrap_or_default();
    if !names.contains(&saga) {
        let message = format!("{service} has no saga called `{saga}`");
        return Err(vec![
            Fault::new("FH4132", message).help(format!("it has: {}", names.join(", "))),
        ]);
    }
    let mut store = Store::enter(context, service).await?;
    let (connection, sql) = store.both();
    let started = operate::start(connection, sql, saga, key, input, locks).await;
    let started = started.map_err(fault)?;
    if output.json {
        output.value(&serde_json::json!({ "key": key, "started": started }));
    } else if started {
        output.line(&format!("{saga} {key} is started"));
    } else {
        output.line(&format!("{saga} {key} was started before: nothing to do"));
    }
    Ok(Outcome::Done)
}
