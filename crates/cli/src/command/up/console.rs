//! The console of the running system: its pages on a free port of 127.0.0.1, for as long as `up`
//! runs. Looks at the stores every few seconds and follows the board; it only shows.
//!
//! Whatever fails here stands in the console's log, and nothing else heeds it.

mod running;
mod sagas;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_console::moment::{Level, LogLine};
use freehold_console::{Acted, Action, Moment, Options, Source};
use freehold_lifecycle::{StoreStatus, Target, status};
use freehold_model::Fault;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use self::running::{History, Known};
use self::sagas::Sagas;
use crate::command::console::now;
use crate::context::Context;
use crate::supervise::board::{Board, Event};

/// How often the stores are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// How often new lines of logs become part of the moment.
const REFRESH: Duration = Duration::from_secs(1);
/// How long open pages may hold up the end.
const GRACE: Duration = Duration::from_millis(300);
/// How many lines of its own are kept.
const TROUBLES: usize = 20;

/// A console that is served.
pub(super) struct Console {
    pub(super) address: String,
    /// Its tasks end when this is dropped.
    stop: watch::Sender<()>,
    tasks: [JoinHandle<()>; 3],
}

impl Console {
    /// Serves it; an error is nothing that `up` should end for.
    pub(super) async fn start(
        context: &Arc<Context>,
        targets: &Arc<[Target]>,
        board: &Board,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let sidecars = targets.iter().filter(|it| !it.want.plane.is_empty());
        let ground = Ground {
            sidecars: sidecars.map(|it| it.want.service.clone()).collect(),
            context: Arc::clone(context),
            board: board.clone(),
        };
        let (looked, seen) = watch::channel(Looked::default());
        let history = History::new(now());
        let shown = Arc::new(Shown {
            moment: Mutex::new(Arc::new(ground.moment(&Looked::default(), &history))),
            lines: broadcast::channel(1024).0,
        });
        let (stop, stopped) = watch::channel(());
        let (stores, lines) = (Arc::clone(targets), Arc::clone(&shown));
        let looking = move || look(stores, lines, looked);
        let following = follow(ground, board.events(), seen, history, Arc::clone(&shown));
        let ended = end(stopped.clone());
        let serving = freehold_console::serve(listener, shown, Options::default(), ended);
        Ok(Self {
            address,
            stop,
            tasks: [
                // One that breaks leaves a page that is not reachable, and nothing else.
                tokio::spawn(async move { drop(serving.await) }),
                tokio::spawn(following),
                beside(looking, end(stopped)),
            ],
        })
    }

    /// Ends it, whoever still looks.
    pub(super) async fn end(self) {
        drop(self.stop);
        let ended = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        let _ = timeout(GRACE, ended).await;
    }
}

async fn end(mut stop: watch::Receiver<()>) {
    while stop.changed().await.is_ok() {}
}

/// On a thread of its own: a look may hold what other threads must not see, and may take its time.
fn beside<F: Future<Output = ()>>(
    look: impl FnOnce() -> F + Send + 'static,
    end: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                () = look() => {}
                () = end => {}
            }
        });
    })
}

/// What does not change while it runs.
struct Ground {
    context: Arc<Context>,
    board: Board,
    /// The services that have one.
    sidecars: BTreeSet<String>,
}

impl Ground {
    fn moment(&self, looked: &Looked, history: &History) -> Moment {
        running::moment(
            &Known {
                system: &self.context.system,
                started: &self.context.started,
                sidecars: &self.sidecars,
                board: &self.board.snapshot(),
                looked,
                history,
            },
            now(),
        )
    }
}

/// What the stores told when they were last asked.
#[derive(Clone, Default)]
struct Looked {
    at: u64,
    stores: Vec<StoreStatus>,
    sagas: Sagas,
    /// Why they could not be asked; a cause once, as long as it stays.
    troubles: Vec<LogLine>,
}

impl Looked {
    /// Keeps what is new of it, and gives it back.
    fn trouble(&mut self, faults: &[Fault]) -> Vec<LogLine> {
        let mut new = Vec::new();
        for fault in faults {
            let text = fault.to_string();
            if self.troubles.iter().any(|own| own.text == text) {
                continue;
            }
            let line = LogLine {
                at: now(),
                from: "freehold".to_owned(),
                level: Level::Error,
                text,
                trace: String::new(),
            };
            self.troubles.push(line.clone());
            new.push(line);
        }
        let surplus = self.troubles.len().saturating_sub(TROUBLES);
        self.troubles.drain(..surplus);
        new
    }
}

/// Asks the stores, for ever. What could not be had stays as it was, and grows old.
async fn look(targets: Arc<[Target]>, shown: Arc<Shown>, looked: watch::Sender<Looked>) {
    let mut own = Looked::default();
    loop {
        let mut faults = Vec::new();
        match status(&targets).await {
            Ok(stores) => (own.at, own.stores) = (now(), stores),
            Err(found) => faults.extend(found),
        }
        match sagas::seen(&targets).await {
            Ok(sagas) => own.sagas = sagas,
            Err(found) => faults.extend(found),
        }
        for line in own.trouble(&faults) {
            shown.line(line);
        }
        looked.send_replace(own.clone());
        sleep(EVERY).await;
    }
}

/// Makes the next moment of everything that happens.
async fn follow(
    ground: Ground,
    mut events: broadcast::Receiver<Event>,
    mut looked: watch::Receiver<Looked>,
    mut history: History,
    shown: Arc<Shown>,
) {
    let mut tick = interval(REFRESH);
    let mut stale = false;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::State(seen)) => history.note(&seen, now()),
                Ok(Event::Line(line)) => {
                    shown.line(running::line(&line));
                    stale = true;
                    continue;
                }
                // The board has them.
                Err(RecvError::Lagged(_)) => {
                    stale = true;
                    continue;
                }
                Err(RecvError::Closed) => return,
            },
            changed = looked.changed() => if changed.is_err() {
                return;
            },
            _ = tick.tick() => if !stale {
                continue;
            },
        }
        stale = false;
        let next = ground.moment(&looked.borrow_and_update(), &history);
        shown.put(next);
    }
}

/// What the pages are made of.
struct Shown {
    moment: Mutex<Arc<Moment>>,
    lines: broadcast::Sender<LogLine>,
}

impl Shown {
    fn put(&self, next: Moment) {
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    fn line(&self, line: LogLine) {
        // Nobody may have a page of logs open.
        let _ = self.lines.send(line);
    }
}

impl Source for Shown {
    fn moment(&self) -> Arc<Moment> {
        Arc::clone(&self.moment.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lines(&self) -> broadcast::Receiver<LogLine> {
        self.lines.subscribe()
    }

    fn act(
        &self,
        _: Action,
        _: String,
    ) -> Pin<Box<dyn Future<Output = Result<Acted, Fault>> + Send + '_>> {
        // Without a token the console sends nothing here.
        Box::pin(async { Err(Fault::new("FH4002", "this console only shows")) })
    }
}
