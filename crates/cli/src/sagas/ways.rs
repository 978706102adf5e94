//! Ways over the broker that sagas need: topics of commands and replies, events that start or approve;
//! and who attends to them. Glue: what travels is in `saga`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_broker::Topic;
use freehold_model::Fault;
use freehold_saga::by_event::{self, Awaited, Enter, Told};
use freehold_saga::command::{self, Asking, Attended, Commands};
use freehold_saga::http::Door;
use freehold_saga::{Definition, Target as Asked, Way};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Definitions, Result, Sagas, caller_key};
use crate::broker::{MoreTopics, partitions};
use crate::sidecar::Report;

/// What every part of a service's sidecar has around it.
pub(crate) struct Around<'a> {
    pub(crate) enter: Enter,
    pub(crate) report: &'a Report,
    pub(crate) stop: &'a watch::Receiver<bool>,
}

/// Whom these sagas ask over the broker.
fn asked(definitions: &[Definition]) -> BTreeSet<String> {
    let steps = definitions.iter().flat_map(|it| &it.steps);
    let requests = steps.flat_map(|step| [&step.call, &step.undo, &step.resolve]);
    requests
        .flatten()
        .filter_map(|request| match &request.to {
            Asked::Http {
                way: Way::Broker,
                service,
                ..
            } => Some(service.clone()),
            _ => None,
        })
        .collect()
}

/// Topics beside the services' events.
pub(super) fn topics(definitions: &Definitions) -> Result<MoreTopics> {
    let wrong = |error: freehold_broker::ParseError| vec![Fault::new("FH1140", error.to_string())];
    let mut more = MoreTopics::new();
    for (caller, of_caller) in definitions {
        for event in by_event::events(of_caller) {
            let topic = Topic::new(event).map_err(wrong)?;
            more.entry(caller.clone()).or_default().1.insert(topic);
        }
        for service in asked(of_caller) {
            let there = command::asked(caller, &service).map_err(wrong)?;
            let back = command::answered(caller, &service).map_err(wrong)?;
            let (writes, reads) = more.entry(caller.clone()).or_default();
            writes.insert(there.clone());
            reads.insert(back.clone());
            let (writes, reads) = more.entry(service).or_default();
            writes.insert(back);
            reads.insert(there);
        }
    }
    Ok(more)
}

/// Whose commands each service attends to.
pub(super) fn callers(definitions: &Definitions, service: &str) -> Vec<String> {
    let asks = definitions
        .iter()
        .filter(|(_, of)| asked(of).contains(service));
    asks.map(|(caller, _)| caller.clone()).collect()
}

/// What a service asks with.
pub(super) fn commands(
    service: &str,
    definitions: &[Definition],
    around: &Around<'_>,
    tasks: &mut JoinSet<()>,
) -> Commands {
    let asking = Asking {
        caller: service.to_owned(),
        services: asked(definitions).into_iter().collect(),
        key: caller_key(),
        partitions: partitions(),
    };
    let told = told(service, "commands", around.report);
    Commands::start(asking, &around.enter, &told, around.stop, tasks)
}

/// Starts and approves by what other services tell.
pub(super) fn listen(
    service: &str,
    definitions: &[Definition],
    connect: freehold_saga::keep::Connect,
    around: &Around<'_>,
    tasks: &mut JoinSet<()>,
) {
    if by_event::events(definitions).is_empty() {
        return;
    }
    let awaited = Awaited {
        service: service.to_owned(),
        definitions: definitions.to_vec(),
        partitions: partitions(),
    };
    let (enter, stop) = (Arc::clone(&around.enter), around.stop.clone());
    let told = told(service, "sagas' events", around.report);
    tasks.spawn(by_event::run(connect, enter, awaited, told, stop));
}

impl Sagas {
    /// Whether other services' sagas ask this one over the broker.
    pub(crate) fn attends(&self, service: &str) -> bool {
        self.attended.contains_key(service)
    }

    /// Hands the commands of other services' sagas to this service's program.
    pub(crate) fn attend(&self, service: &str, around: &Around<'_>, tasks: &mut JoinSet<()>) {
        let Some(callers) = self.attended.get(service) else {
            return;
        };
        let told = told(service, "attends", around.report);
        let Some(address) = self.addresses.get(service) else {
            let message = format!("commands for {service} wait: it is not known where it answers");
            let fault = Fault::new("FH4124", message);
            let variable = super::variable(service);
            told(Some(fault.help(format!(
                "set {variable}=http://127.0.0.1:PORT and run again"
            ))));
            return;
        };
        let attended = Attended {
            service: service.to_owned(),
            door: Arc::new(Door::new(address.clone())),
            callers: callers.clone(),
            partitions: partitions(),
        };
        let (enter, stop) = (Arc::clone(&around.enter), around.stop.clone());
        tasks.spawn(command::attend(attended, enter, told, stop));
    }
}

fn told(service: &str, what: &'static str, report: &Report) -> Told {
    use freehold_events::keep::Standing;
    let (service, report) = (service.to_owned(), Arc::clone(report));
    // Several tasks tell: each thing is said once.
    let last = Mutex::new(None);
    Arc::new(move |fault| {
        let standing = fault.map_or(Standing::Leads, Standing::Trouble);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&standing) {
            report(&service, what, standing.clone());
            *last = Some(standing);
        }
    })
}
