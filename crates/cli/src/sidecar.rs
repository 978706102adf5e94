//! The sidecars of a system on this machine: each service's relay and applier, in one process. Glue:
//! what they do is in `events`; which broker stands between them, in `broker`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::{Broker, Login, Topic};
use freehold_engine::{Endpoint, Engine, Secret, Want};
use freehold_events::keep::{self, Connect, Standing};
use freehold_events::peer::{self, Open, Owner, Peers, Sockets};
use freehold_events::{Consumer, Ground, Options, Source, Subscribed};
use freehold_lifecycle::Target;
use freehold_model::{Fault, Service, System};
use freehold_saga::by_event::Enter;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::{self, partitions, topics_of};
use crate::supervise::guard::MARK;
use crate::telemetry;
use crate::vitals::{self, Vitals, Watched};

use crate::sagas::Sagas;

type Result<T> = std::result::Result<T, Vec<Fault>>;

/// How long a leadership lasts without being renewed.
const TERM: Duration = Duration::from_secs(5);
/// A socket's path may have 108 bytes, the last of them a zero.
const SOCKET_PATH: usize = 107;

/// What is told of a sidecar: service, what it does, how it stands.
pub(crate) type Report = Arc<dyn Fn(&str, &str, Standing) + Send + Sync>;

/// Everything that runs.
pub(crate) struct Running {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    standing: broker::Standing,
    watched: Vec<Watched>,
}

impl Running {
    /// Looks at the consumers' stores from now on, and raises alarms.
    pub(crate) fn watch(&mut self, vitals: &Arc<Vitals>, report: &Report) {
        for watched in self.watched.drain(..) {
            vitals
                .tokens
                .attend(&watched.service, Arc::clone(&watched.open));
            let (vitals, report) = (Arc::clone(vitals), Arc::clone(report));
            let stop = self.stop.subscribe();
            self.tasks
                .spawn(vitals::watch(watched, vitals, report, stop));
        }
    }

    /// Stops all in order: who relays and applies first, the broker last.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.standing.stop().await
    }
}

/// Starts the broker, makes topics and accounts, and a sidecar for each of these services.
pub(crate) async fn start(
    system: &System,
    targets: &[Target],
    state: &Path,
    mut sagas: Sagas,
    report: Report,
) -> Result<Running> {
    let socket = socket_path(state, system);
    let folder = socket.parent().unwrap_or(Path::new("/"));
    let sockets = Sockets::new(folder);
    broker::make_private(folder)?;
    let more = sagas.topics()?;
    let standing = broker::start(system, state, &socket, &more).await?;
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut watched = Vec::new();
    let around = |login: &Login| crate::sagas::Around {
        enter: entrance(standing.broker, login, &standing.address),
        report: &report,
        stop: &stopping,
    };
    for target in targets.iter().filter(|it| it.want.store == "main") {
        let service = &target.want.service;
        sagas.attend(service, &around(&standing.logins[service]), &mut tasks);
    }
    for target in targets
        .iter()
        .filter(|target| !target.want.plane.is_empty() || target.want.plane.sagas.starts)
    {
        let service = &system.services[&target.want.service];
        let login = &standing.logins[&service.name];
        let at = as_sidecar(target.engine, target, &target.want).await?;
        if target.want.plane.sagas.starts {
            sagas.spawn(target, at.clone(), &around(login), &mut tasks);
        }
        if target.want.plane.is_empty() {
            continue;
        }
        let open = opener(target, at);
        let connect = connector(
            &service.name,
            &open,
            standing.broker,
            login,
            &standing.address,
        );
        if !service.copies.is_empty() {
            watched.push(Watched {
                service: service.name.clone(),
                copies: subscribed(service)?,
                open: Arc::clone(&open),
                sockets: sockets.clone(),
            });
        }
        let around = Around {
            sockets: sockets.clone(),
            report: Arc::clone(&report),
            stop: stopping.clone(),
        };
        spawn(service, open, connect, &around, &mut tasks)?;
    }
    Ok(Running {
        tasks,
        stop,
        standing,
        watched,
    })
}

/// The broker's socket; those of the services' sidecars stand beside it.
fn socket_path(state: &Path, system: &System) -> PathBuf {
    let near = state.join("broker.sock");
    let beside = Sockets::new(state);
    let mut peers = system.services.keys().map(|name| beside.path(name));
    if near.as_os_str().len() <= SOCKET_PATH
        && peers.all(|path| path.as_os_str().len() <= SOCKET_PATH)
    {
        return near;
    }
    std::env::temp_dir()
        .join(format!("freehold-{}", std::process::id()))
        .join("broker.sock")
}

/// Opens the store as its sidecar.
fn opener(target: &Target, at: Endpoint) -> Open {
    let engine = target.engine;
    let want = target.want.clone();
    Arc::new(move || {
        let (at, want) = (at.clone(), want.clone());
        Box::pin(async move {
            let connection = engine.connect(&at).await?;
            let sql = engine.events(&want).unwrap_or_default();
            Ok(Ground {
                connection,
                want,
                sql,
            })
        })
    })
}

/// A session of this service, whenever one is needed.
fn entrance(broker: &'static dyn Broker, login: &Login, address: &str) -> Enter {
    let (login, address) = (login.clone(), address.to_owned());
    Arc::new(move || {
        let (login, address) = (login.clone(), address.clone());
        Box::pin(async move { Ok(Arc::from(broker.connect(&address, &login).await?)) })
    })
}

fn connector(
    service: &str,
    open: &Open,
    broker: &'static dyn Broker,
    login: &Login,
    address: &str,
) -> Connect {
    let (open, login, address) = (Arc::clone(open), login.clone(), address.to_owned());
    let spans = telemetry::spans_of(service);
    let service = service.to_owned();
    Arc::new(move || {
        let (open, login, address) = (Arc::clone(&open), login.clone(), address.clone());
        let (service, spans) = (service.clone(), spans.clone());
        Box::pin(async move {
            let ground = open().await?;
            let session = broker.connect(&address, &login).await?;
            let session = telemetry::carried(session, &service, spans.as_ref());
            Ok((ground, session))
        })
    })
}

/// Gives the sidecar's login a new password, known to this process alone.
async fn as_sidecar(engine: &'static dyn Engine, target: &Target, want: &Want) -> Result<Endpoint> {
    let fault = |error: freehold_engine::Error| vec![error.fault()];
    let at = engine.at_store(&target.admin, &want.spot);
    let name = &want.identities.sidecar;
    if !engine.info().identities {
        return Ok(at.with_login(name, None));
    }
    let password = Secret::generate();
    let mut issuer = engine.connect(&at).await.map_err(fault)?;
    let verifier = engine.verifier(issuer.probe(), name, &password);
    issuer
        .issue(want, name, Some(&verifier))
        .await
        .map_err(fault)?;
    Ok(at.with_login(name, Some(password)))
}

/// The copies of a service.
pub(crate) fn subscribed(service: &Service) -> Result<Vec<Subscribed>> {
    let copies = service.copies.iter().map(|(table, copy)| {
        let topic = Topic::new(&copy.event)
            .map_err(|error| vec![Fault::new("FH1140", error.to_string())])?;
        Ok(Subscribed {
            table: table.clone(),
            topic,
            copy: copy.clone(),
        })
    });
    copies.collect()
}

/// What all sidecars of a process share.
struct Around {
    sockets: Sockets,
    report: Report,
    stop: watch::Receiver<bool>,
}

fn spawn(
    service: &Service,
    open: Open,
    connect: Connect,
    around: &Around,
    tasks: &mut JoinSet<()>,
) -> Result<()> {
    let Around {
        sockets,
        report,
        stop,
    } = around;
    let (writes, _) = topics_of(service)?;
    let sidecar = holder(&service.name);
    if !writes.is_empty() {
        let source = Source {
            name: service.name.as_str().into(),
            topics: writes,
            partitions: partitions(),
            sidecar: sidecar.clone(),
        };
        answer(service, open, source.clone(), around, tasks);
        let (name, report) = (service.name.clone(), Arc::clone(report));
        let told = move |standing| report(&name, "relay", standing);
        tasks.spawn(keep::relay(
            Arc::clone(&connect),
            source,
            Options::default(),
            told,
            stop.clone(),
        ));
    }
    if !service.copies.is_empty() {
        let consumer = Consumer {
            service: service.name.clone(),
            copies: subscribed(service)?,
            partitions: partitions(),
            sidecar,
            batch: 2_000,
            term: TERM,
        };
        let (name, report) = (service.name.clone(), Arc::clone(report));
        let told = move |standing| report(&name, "applier", standing);
        let peers: Arc<dyn Peers> = Arc::new(sockets.clone());
        let stop = stop.clone();
        tasks.spawn(keep::apply(connect, consumer, Some(peers), told, stop));
    }
    Ok(())
}

/// This process among those that want to lead. Under `up` there is one at a time, so it always has the
/// same name: whoever follows a killed one leads at once, with a new epoch, and waits for no term.
fn holder(service: &str) -> String {
    match std::env::var_os(MARK) {
        Some(_) => format!("{service}/up"),
        None => format!("{service}/{}", std::process::id()),
    }
}

/// Answers what other services' sidecars miss.
fn answer(service: &Service, open: Open, source: Source, around: &Around, tasks: &mut JoinSet<()>) {
    let owner = Arc::new(Owner::new(open, source));
    let (path, stop) = (around.sockets.path(&service.name), around.stop.clone());
    let (name, report) = (service.name.clone(), Arc::clone(&around.report));
    tasks.spawn(async move {
        if let Err(error) = peer::serve(&path, owner, stop).await {
            let fault = Fault::new("FH3905", format!("{}: {error}", path.display()))
                .help("see that this user may write there, and that no other process serves it");
            report(&name, "answers", Standing::Stopped(fault));
        }
    });
}
