//! `freehold creds exec` and `rotate`

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use freehold_credentials::{Place as At, deliver, issue, retire, sessions};
use freehold_engine::{Endpoint, Secret};
use freehold_lifecycle::Target;
use freehold_model::{Deliver, Fault};

use super::Result;
use super::text::count;
use crate::Outcome;
use crate::args::{Args, StoreArgs};
use crate::context::Context;
use crate::output::Output;
use crate::servers::Place;

const PAUSE: Duration = Duration::from_millis(250);

/// Runs a program with a fresh credential of every store of the service.
pub(crate) async fn exec(
    args: &Args,
    service: &str,
    command: &[String],
    output: &Output,
) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(std::slice::from_ref(&service.to_owned()), false)?;
    let mut child = child(&context, service, &targets, command, &[]).await?;
    let mut child = child.spawn().map_err(|error| {
        vec![
            Fault::new(
                "FH3509",
                format!("`{}` cannot be started ({error})", command[0]),
            )
            .help("see that it is installed and in PATH"),
        ]
    })?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            // Ctrl-C reaches the child too; we wait for it and pass its status on.
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let status =
        status.map_err(|error| vec![Fault::new("FH3509", format!("`{}`: {error}", command[0]))])?;
    let _ = output;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(Outcome::Exit(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    ))
}

/// A command of a service with a credential of each of its stores among `targets`, delivered as it
/// wants, and `more` variables.
pub(super) async fn child(
    context: &Context,
    service: &str,
    targets: &[Target],
    command: &[String],
    more: &[String],
) -> Result<tokio::process::Command> {
    let described = &context.system.services[service];
    let run = described.run.as_ref();
    let mut keep = run.map(|run| run.env.clone()).unwrap_or_default();
    keep.extend_from_slice(more);
    let mut urls: Vec<(String, Secret)> = Vec::new();
    for target in targets.iter().filter(|it| it.want.service == service) {
        urls.push((
            target.want.store.clone(),
            credential(context, target, &described.deliver).await?,
        ));
    }
    let deliver = match &described.deliver {
        Deliver::File(folder) => Deliver::File(context.root.join(folder)),
        other => other.clone(),
    };
    deliver::child(command, &keep, &deliver, &urls).map_err(|fault| vec![fault])
}

/// The credential that lies in the service's file, or a fresh one.
async fn credential(context: &Context, target: &Target, deliver: &Deliver) -> Result<Secret> {
    if let Deliver::File(folder) = deliver {
        let file = context
            .root
            .join(folder)
            .join(deliver::variable(&target.want.store));
        if let Ok(url) = std::fs::read_to_string(file) {
            return Ok(Secret::new(url.trim_end_matches('\n')));
        }
    }
    let pooled = context.pooled(target)?;
    let issued = issue(at(target, pooled.as_ref())).await;
    Ok(issued.map_err(|fault| vec![fault])?.endpoint.url())
}

pub(super) fn at<'a>(target: &'a Target, pooled: Option<&'a Endpoint>) -> At<'a> {
    At {
        engine: target.engine,
        admin: &target.admin,
        want: &target.want,
        pooled,
    }
}

/// A new password through the second login, delivered, and the old one retired.
pub(crate) async fn rotate(
    args: &Args,
    stores: &StoreArgs,
    grace: u64,
    output: &Output,
) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&stores.services, false)?;
    let mut rotated = Vec::new();
    for target in &targets {
        let label = target.label();
        let service = &context.system.services[&target.want.service];
        let Deliver::File(folder) = &service.deliver else {
            if !stores.services.is_empty() {
                return Err(vec![not_to_a_file(&label)]);
            }
            continue;
        };
        let pooled = context.pooled(target)?;
        let place = at(target, pooled.as_ref());
        let issued = issue(place).await.map_err(|fault| vec![fault])?;
        let file = deliver::to_file(
            &context.root.join(folder),
            &target.want.store,
            &issued.endpoint.url(),
        );
        let file = file.map_err(|fault| vec![fault])?;
        let retired = match &issued.other {
            Some(other) => drain(place, other, grace).await?,
            None => None,
        };
        let told = match (&issued.other, retired) {
            (Some(other), Some(0)) => format!("{other} retired"),
            (Some(other), Some(open)) => format!(
                "{other} still has {} and keeps its password: run this again when they have ended",
                count(open, "open session")
            ),
            _ => "this engine has no logins".to_owned(),
        };
        if !output.json {
            output.line(&format!(
                "{label}  {} in {}; {told}",
                issued.login,
                file.display()
            ));
        }
        rotated.push(
            serde_json::json!({ "store": label, "login": issued.login, "file": file, "old": told }),
        );
    }
    if output.json {
        output.value(&serde_json::json!({ "rotated": rotated }));
    } else if rotated.is_empty() {
        output.line(
            "No service has its credentials in a file; the others get a new one at each start.",
        );
    }
    Ok(Outcome::Done)
}

/// Waits for a login's sessions to end, then takes its password away. Returns how many are left.
async fn drain(place: At<'_>, login: &str, grace: u64) -> Result<Option<usize>> {
    let begun = tokio::time::Instant::now();
    loop {
        let open = sessions(place, login).await.map_err(|fault| vec![fault])?;
        if open == 0 {
            retire(place, login).await.map_err(|fault| vec![fault])?;
            return Ok(Some(0));
        }
        if begun.elapsed() > Duration::from_secs(grace) {
            return Ok(Some(open));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn not_to_a_file(label: &str) -> Fault {
    Fault::new(
        "FH3510",
        format!("{label}: its credentials are not in a file, so there is nowhere to put a new one"),
    )
    .help("restart the service: each start gets a fresh credential through the other login")
    .help("or say `credentials: { deliver: \"file:FOLDER\" }` in service.yaml")
}
