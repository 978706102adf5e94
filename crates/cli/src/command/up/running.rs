//! The running system: sidecars and programs under supervision, private servers kept alive, orders
//! from other commands, and the end of it all. What is run is made in `programs.rs`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_engine::Secret;
use freehold_lifecycle::Target;
use freehold_model::Fault;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};

use super::console::Console;
use super::live::Live;
use super::screen::Screen;
use super::watch::Watch;
use super::{Result, absolute};
use crate::Outcome;
use crate::args::{Args, UpArgs};
use crate::command::console::token_of;
use crate::context::Context;
use crate::servers::start_again;
use crate::supervise::board::{Board, Event, Seen, State};
use crate::supervise::control::{Control, Order};
use crate::supervise::guard;
use crate::supervise::program::Kept;

/// The sidecars' process, beside the services' names.
pub(super) const SIDECARS: &str = "sidecars";
/// How long programs may take until they answer.
const START: Duration = Duration::from_secs(30);
/// So often started again while starting, a program will not come up.
const HOPELESS: u32 = 3;
/// How often private servers are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// What is shown of the log when something failed.
pub(super) const LAST_LINES: usize = 12;

/// Is there anything to run?
pub(super) fn has_programs(context: &Context, targets: &[Target]) -> bool {
    has_sidecars(targets)
        || context
            .system
            .services
            .values()
            .any(|service| service.run.is_some())
}

/// Events to carry, or sagas to run.
pub(super) fn wants_sidecar(target: &Target) -> bool {
    !target.want.plane.is_empty() || target.want.plane.sagas.starts
}

fn has_sidecars(targets: &[Target]) -> bool {
    targets.iter().any(wants_sidecar)
}

/// Everything that runs, in the order in which it was started.
pub(super) struct Running {
    pub(super) context: Arc<Context>,
    pub(super) state: PathBuf,
    pub(super) board: Board,
    events: broadcast::Receiver<Event>,
    pub(super) control: Option<Control>,
    pub(super) sidecars: Option<Kept>,
    pub(super) programs: Vec<Kept>,
    pub(super) urls: Vec<(String, String)>,
    /// What the sidecars sign calls of sagas with, and programs know them by. Of this run alone.
    pub(super) caller_key: Secret,
    pub(super) console: Option<Console>,
    token: Option<Secret>,
}

impl Running {
    /// Starts everything and waits until all answer. On failure with what is to be stopped again.
    pub(super) async fn start(
        (args, up): (&Args, &UpArgs),
        context: Context,
        targets: Vec<Target>,
        state: PathBuf,
        screen: &Screen<'_>,
    ) -> std::result::Result<Self, (Vec<Fault>, Self)> {
        let board = Board::new(&context.system.name);
        let mut running = Self {
            context: Arc::new(context),
            state: absolute(state),
            events: board.events(),
            board,
            control: None,
            sidecars: None,
            programs: Vec::new(),
            urls: Vec::new(),
            caller_key: crate::sagas::caller_key().unwrap_or_else(Secret::generate),
            console: None,
            token: None,
        };
        match running.start_all(args, up, targets, screen).await {
            Ok(()) => Ok(running),
            Err(faults) => Err((faults, running)),
        }
    }

    async fn start_all(
        &mut self,
        args: &Args,
        up: &UpArgs,
        targets: Vec<Target>,
        screen: &Screen<'_>,
    ) -> Result<()> {
        self.control = Some(Control::open(&self.state).map_err(|fault| vec![fault])?);
        let since = Instant::now();
        let ports = self.ports()?;
        let targets: Arc<[Target]> = targets.into();
        self.token = token_of(up.token.as_deref(), &self.context.root)?;
        self.console(args, &targets, None).await;
        if has_sidecars(&targets) {
            let sidecars = self.sidecar_program(args);
            self.sidecars = Some(Kept::start(sidecars, &self.board));
            let services = targets.iter().filter(|it| wants_sidecar(it)).count();
            screen.tick(
                SIDECARS,
                &format!("{services} with a broker, in one process"),
                since.elapsed(),
            );
        }
        let since = Instant::now();
        for (service, port) in &ports {
            let program = self.service_program(up, (service, *port), &targets);
            self.programs.push(Kept::start(program, &self.board));
        }
        self.all_up().await?;
        let told = ports.iter().map(|(name, port)| format!("{name} :{port}"));
        if !ports.is_empty() {
            screen.tick(
                "programs",
                &told.collect::<Vec<_>>().join("   "),
                since.elapsed(),
            );
        }
        let stores: Vec<_> = targets
            .iter()
            .filter(|target| target.want.store == "main")
            .map(|target| {
                let at = format!("{} {}/{}", target.kind, target.server, target.name);
                (target.want.service.clone(), at)
            })
            .collect();
        let console = self.console.as_ref();
        let addresses = console.map(|own| (own.address.as_str(), own.operator.as_deref()));
        let loads = !self.context.system.exercises.load.is_empty();
        screen.ready(args, &self.board, &stores, addresses, loads);
        Ok(())
    }

    /// Its pages are there while programs start. Without a port there are none.
    async fn console(&mut self, args: &Args, targets: &Arc<[Target]>, port: Option<u16>) {
        let (context, environment) = (&self.context, args.environment.clone());
        let token = self.token.as_ref();
        let started = Console::start(context, targets, &self.board, environment, token, port);
        match started.await {
            Ok(console) => self.console = Some(console),
            Err(error) => {
                let text = format!("there is no console: 127.0.0.1 gave no port ({error})");
                self.board.line("console", text);
            }
        }
    }

    /// The same console for another description, at the same address.
    pub(super) async fn console_again(&mut self, args: &Args, targets: &Arc<[Target]>) {
        let port = self.console.as_ref().map(|own| own.port);
        if let Some(console) = self.console.take() {
            console.end().await;
        }
        self.console(args, targets, port).await;
    }

    /// Until every program answers.
    async fn all_up(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let programs = self.board.snapshot().programs;
            let waits = |seen: &&Seen| seen.state != State::Up;
            let Some(waiting) = programs.iter().find(waits) else {
                return Ok(());
            };
            let hopeless = programs.iter().find(|seen| seen.restarts >= HOPELESS);
            if begun.elapsed() > START || hopeless.is_some() {
                return Err(vec![self.not_up(hopeless.unwrap_or(waiting))]);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn not_up(&self, seen: &Seen) -> Fault {
        let why = match &seen.state {
            State::Ended(why) | State::Unwell(why) => why.clone(),
            _ => format!("it did not answer within {} s", START.as_secs()),
        };
        let fault = Fault::new("FH3706", format!("{} does not come up: {why}", seen.name));
        let log = self.board.snapshot().log;
        let own: Vec<_> = log
            .iter()
            .filter(|line| line.program == seen.name)
            .collect();
        let denied = ["ermission denied", "EACCES"];
        let denied = own
            .iter()
            .any(|line| denied.iter().any(|it| line.text.contains(it)));
        let last = own[own.len().saturating_sub(LAST_LINES)..].iter();
        let fault = last.fold(fault, |fault, line| fault.help(format!("said:     {}", line.text)))
            .help("see `run:` in its service.yaml; its program has to be built, and in PATH or given with its folder");
        if denied {
            return fault.help("it may write in its own folder only: `writes: [FOLDER]` below `run:` opens another, `up --unconfined` all");
        }
        fault
    }

    /// Until Ctrl-C, `freehold down`, or the end of `--once`.
    pub(super) async fn serve(
        &mut self,
        (args, up): (&Args, &UpArgs),
        mut watch: Option<Watch>,
        screen: &Screen<'_>,
    ) -> Result<Outcome> {
        if up.once {
            return self.once(screen).await;
        }
        if let Some(rate) = up.load {
            self.load(rate)?;
        }
        let mut interrupted = std::pin::pin!(interrupted());
        let mut look = tokio::time::interval(LOOK);
        let mut live = Live::possible(screen.output).then(Live::default);
        loop {
            if let (Some(live), Some(console)) = (&mut live, &self.console) {
                live.draw(&console.moment(), screen.output);
            }
            tokio::select! {
                event = self.events.recv() => match event {
                    // They are on the screen, and in the console.
                    Ok(_) if live.is_some() && self.console.is_some() => {}
                    Ok(event) => screen.event(&self.board, &event),
                    // Lines came faster than they could be printed: the rest follows.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(Outcome::Done),
                },
                asked = next(&mut self.control) => if let Some((order, back)) = asked
                    && self.obey(&order, back) {
                        return Ok(Outcome::Done);
                },
                _ = look.tick() => {
                    self.heal().await;
                    let changed = watch.as_mut().map(Watch::changed).unwrap_or_default();
                    if !changed.is_empty() {
                        self.reload(args, up, &changed).await;
                    }
                }
                () = &mut interrupted => return Ok(Outcome::Done),
            }
        }
    }

    /// `true`: that was the end.
    pub(super) fn obey(&self, order: &Order, back: oneshot::Sender<String>) -> bool {
        let known = |name: &str| self.programs.iter().find(|kept| kept.name == name);
        let answer = match order {
            Order::State => serde_json::to_string(&self.board.snapshot()).unwrap_or_default(),
            Order::Rest(name) | Order::Resume(name) => match known(name) {
                Some(kept) => {
                    if matches!(order, Order::Rest(_)) {
                        kept.rest();
                    } else {
                        kept.resume();
                    }
                    "{}".to_owned()
                }
                None => serde_json::json!({ "error": "there is no such program" }).to_string(),
            },
            Order::End => "{}".to_owned(),
        };
        // Whoever asked may be gone.
        let _ = back.send(answer);
        *order == Order::End
    }

    /// Starts private servers that have ended.
    pub(super) async fn heal(&self) {
        for (key, ..) in &self.context.started {
            let folder = self.state.join("servers").join(key);
            if freehold_private_servers::is_running(&folder) {
                continue;
            }
            self.board
                .line(key, "the server has ended; started again".to_owned());
            let engine = self.context.system.servers[key].engine;
            if let Err(fault) = start_again(engine, folder).await {
                self.board
                    .line(key, format!("[{}] {}", fault.code, fault.message));
            }
        }
    }

    /// Stops everything, in the order against that of starting.
    pub(super) async fn stop(mut self, screen: &Screen<'_>) -> Result<()> {
        drop(self.control.take());
        if let Some(console) = self.console.take() {
            console.end().await;
        }
        let since = Instant::now();
        let count = self.programs.len();
        let ends: Vec<_> = self
            .programs
            .drain(..)
            .map(Kept::end)
            .map(tokio::spawn)
            .collect();
        for end in ends {
            // One that panicked has dropped its program, which ends it.
            let _ = end.await;
        }
        if count > 0 {
            screen.tick("programs", "stopped", since.elapsed());
        }
        let since = Instant::now();
        if let Some(sidecars) = self.sidecars.take() {
            sidecars.end().await;
            screen.tick(SIDECARS, "stopped", since.elapsed());
        }
        let since = Instant::now();
        if !self.context.started.is_empty() {
            for folder in guard::server_folders(&self.state) {
                let stopped = freehold_private_servers::stop(folder).await;
                stopped.map_err(|error| vec![error.fault()])?;
            }
            screen.tick("servers", "stopped, data kept", since.elapsed());
        }
        Ok(())
    }
}

pub(super) async fn next(
    control: &mut Option<Control>,
) -> Option<crate::supervise::control::Asked> {
    match control {
        Some(control) => control.asked.recv().await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C, or what a supervisor sends.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
