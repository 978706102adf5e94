//! Sagas of a described system: which stores they need tables in, and the executor that a sidecar
//! runs. Glue: what they do is in `saga`.

mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use freehold_engine::{Endpoint, Secret};
use freehold_lifecycle::Target;
use freehold_model::{Fault, Service, System};
use freehold_saga::command::BothWays;
use freehold_saga::http::Http;
use freehold_saga::keep::{self, Connect, Standing};
use freehold_saga::{Alarm, Definition, Loaded, Settings, Target as Asked};
use tokio::task::JoinSet;

use crate::files::DiskFiles;
use crate::telemetry;

/// Where sidecars and programs find what calls of sagas are signed with.
pub(crate) const CALLER_KEY: &str = "FREEHOLD_CALLER_KEY";

type Result<T> = std::result::Result<T, Vec<Fault>>;

/// The definitions of a system by service.
pub(crate) type Definitions = BTreeMap<String, Vec<Definition>>;

/// Reads all sagas of the system.
pub(crate) fn definitions(root: &Path, system: &System) -> Result<Definitions> {
    let loaded = freehold_saga::load(root, system, &DiskFiles)?;
    let of = |loaded: Vec<Loaded>| loaded.into_iter().map(|it| it.definition).collect();
    Ok(loaded
        .into_iter()
        .map(|(service, loaded)| (service, of(loaded)))
        .collect())
}

/// The services that these sagas call.
pub(crate) fn participants(definitions: &Definitions) -> BTreeSet<String> {
    let steps = definitions.values().flatten().flat_map(|it| &it.steps);
    let requests = steps.flat_map(|step| [&step.call, &step.undo, &step.resolve]);
    let services = requests.flatten().filter_map(|request| request.service());
    services.map(str::to_owned).collect()
}

/// Says of each store whether it takes part, and refuses what cannot be had yet.
pub(crate) fn place(root: &Path, system: &System, targets: &mut [Target]) -> Result<()> {
    if system
        .services
        .values()
        .all(|service| service.sagas.is_empty())
    {
        return Ok(());
    }
    let definitions = definitions(root, system)?;
    let called = participants(&definitions);
    let mut faults: Vec<Fault> = definitions.values().flatten().filter_map(unsent).collect();
    for target in targets.iter_mut().filter(|it| it.want.store == "main") {
        target.want.plane.sagas.takes_part = called.contains(&target.want.service);
        let sagas = target.want.plane.sagas;
        if !sagas.is_empty() && target.engine.sagas(&target.want).is_none() {
            let name = target.engine.info().kinds[0].name();
            let message = format!("{}: sagas are not there yet on {name}", target.label());
            faults.push(Fault::new("FH4130", message).help(
                "place the store on another engine: `--servers embedded` places all on SQLite",
            ));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// What is described and not sent yet.
fn unsent(definition: &Definition) -> Option<Fault> {
    let mut requests = definition.steps.iter().flat_map(|step| {
        let requests = [&step.call, &step.undo, &step.resolve];
        requests.into_iter().flatten().map(move |it| (step, it))
    });
    let (step, _) = requests.find(|(_, it)| !matches!(it.to, Asked::Http { .. }))?;
    let message = format!(
        "{}: `{}` asks for a nested saga",
        definition.name, step.name
    );
    Some(
        Fault::new("FH4122", message)
            .help("write its steps into this one, or start it by an event of this one's step"),
    )
}

fn variable(service: &str) -> String {
    format!("{}_URL", service.to_uppercase().replace('-', "_"))
}

/// Where services answer: `ORDERS_URL` in the environment, as their programs find each other.
pub(crate) fn addresses(system: &System) -> BTreeMap<String, String> {
    let address = |service: &Service| {
        let url = std::env::var(variable(&service.name)).ok()?;
        Some((service.name.clone(), url))
    };
    system.services.values().filter_map(address).collect()
}

/// What participants know the caller by; none: requests are not signed.
pub(crate) fn caller_key() -> Option<Secret> {
    let key = std::env::var(CALLER_KEY).ok()?;
    (!key.is_empty()).then(|| Secret::new(key))
}

pub(crate) use ways::Around;

/// The sagas that a process of sidecars runs.
pub(crate) struct Sagas {
    definitions: Definitions,
    /// By service: whose commands it attends to.
    attended: BTreeMap<String, Vec<String>>,
    addresses: BTreeMap<String, String>,
    alarms: Alarms,
}

/// What is told of a saga that waits for somebody: the service, and what it waits for.
pub(crate) type Alarms = Arc<dyn Fn(&str, &Alarm) + Send + Sync>;

impl Sagas {
    /// Those of the system at `root`.
    pub(crate) fn of(root: &Path, system: &System, alarms: Alarms) -> Result<Self> {
        let definitions = definitions(root, system)?;
        let callers = |name: &String| (name.clone(), ways::callers(&definitions, name));
        let attended = system.services.keys().map(callers);
        Ok(Self {
            attended: attended
                .filter(|(_, callers)| !callers.is_empty())
                .collect(),
            definitions,
            addresses: addresses(system),
            alarms,
        })
    }

    /// Topics that they need beside the services' events.
    pub(crate) fn topics(&self) -> Result<crate::broker::MoreTopics> {
        ways::topics(&self.definitions)
    }

    /// Runs those of one store as its sidecar, which enters at `at`.
    pub(crate) fn spawn(
        &mut self,
        target: &Target,
        at: Endpoint,
        around: &Around<'_>,
        tasks: &mut JoinSet<()>,
    ) {
        let service = target.want.service.clone();
        let definitions = self.definitions.remove(&service).unwrap_or_default();
        let (engine, want) = (target.engine, target.want.clone());
        let connect: Connect = Arc::new(move || {
            let (at, want) = (at.clone(), want.clone());
            Box::pin(async move {
                let connection = engine.connect(&at).await?;
                Ok((connection, engine.sagas(&want).unwrap_or_default()))
            })
        });
        let addresses = self.addresses.clone();
        ways::listen(&service, &definitions, Arc::clone(&connect), around, tasks);
        let asked = BothWays {
            http: Http::new(addresses, service.clone(), caller_key()),
            commands: ways::commands(&service, &definitions, around, tasks),
        };
        let people = telemetry::traced(asked, &service);
        let settings = Settings::new(format!("{service}/{}", std::process::id()));
        let (name, alarms) = (service.clone(), Arc::clone(&self.alarms));
        let alarm = Arc::new(move |alarm: Alarm| alarms(&name, &alarm));
        let report = Arc::clone(around.report);
        let told = move |standing| report(&service, "sagas", as_told(standing));
        let stop = around.stop.clone();
        tasks.spawn(async move {
            keep::run(connect, definitions, people, settings, alarm, told, stop).await;
        });
    }
}

fn as_told(standing: Standing) -> freehold_events::keep::Standing {
    use freehold_events::keep::Standing as Told;
    match standing {
        Standing::Works => Told::Leads,
        Standing::Trouble(fault) => Told::Trouble(fault),
        Standing::Stopped(fault) => Told::Stopped(fault),
    }
}

/// An alarm in a line.
pub(crate) fn told(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Parked {
            definition,
            key,
            step,
            why,
            ..
        } => {
            let step = step.as_deref().unwrap_or("the saga");
            let why = freehold_saga::parked_words(*why);
            format!("{definition} {key} waits for an operator: {step}: {why}")
        }
        Alarm::NoSuchSaga { definition, .. } => {
            format!("a start names `{definition}`, which is not described")
        }
        Alarm::Odd { saga, message } => format!("{saga}: {message}"),
    }
}
