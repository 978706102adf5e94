//! The console of the running system: its pages on a port of 127.0.0.1, for as long as `up` runs, from
//! before the first program starts. Looks at the stores and the code, follows the board, and keeps the
//! traces that programs send. Whatever fails here stands in the console's log, and nothing else heeds it.

mod calls;
mod running;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_console::moment::LogLine;
use freehold_console::serve::Token;
use freehold_console::{Acted, Action, Answered, Call, Moment, Options, Source, Spans};
use freehold_engine::Secret;
use freehold_lifecycle::Target;
use freehold_model::{Fault, System};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use self::calls::Apis;
use self::running::{History, Known};
use super::running::wants_sidecar;
use crate::command::console::{Code, Looked, Operator, acted, entrance, look, now};
use crate::context::Context;
use crate::supervise::board::{Board, Event};

/// Where it is, if nobody else is there.
const PORT: u16 = 4100;
/// How often new lines of logs become part of the moment.
const REFRESH: Duration = Duration::from_secs(1);
/// How long open pages may hold up the end.
const GRACE: Duration = Duration::from_millis(300);
/// How long the last look at a store may.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// A console that is served.
pub(super) struct Console {
    pub(super) address: String,
    pub(super) port: u16,
    /// Where a browser becomes the operator's.
    pub(super) operator: Option<String>,
    shown: Arc<Shown>,
    /// Its tasks end when this is dropped.
    stop: watch::Sender<()>,
    tasks: [JoinHandle<()>; 4],
}

impl Console {
    /// Serves it; an error is nothing that `up` should end for.
    pub(super) async fn start(
        context: &Arc<Context>,
        targets: &Arc<[Target]>,
        board: &Board,
        environment: Option<String>,
        token: Option<&Secret>,
        port: Option<u16>,
    ) -> std::io::Result<Self> {
        let listener = match TcpListener::bind(("127.0.0.1", port.unwrap_or(PORT))).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
        };
        let at = listener.local_addr()?;
        let address = format!("http://{at}");
        let sidecars = targets.iter().filter(|it| wants_sidecar(it));
        let spans = Arc::new(Spans::default());
        let ground = Ground {
            sidecars: sidecars.map(|it| it.want.service.clone()).collect(),
            context: Arc::clone(context),
            board: board.clone(),
            spans: Arc::clone(&spans),
        };
        let (looked, seen) = watch::channel(Looked::default());
        let (described, apis) = watch::channel(Apis::new());
        let history = History::new(now());
        let shown = Arc::new(Shown {
            moment: Mutex::new(Arc::new(ground.moment(
                &Looked::default(),
                &Apis::new(),
                &history,
            ))),
            lines: broadcast::channel(1024).0,
            board: board.clone(),
            operator: token
                .is_some()
                .then(|| Operator::new(&context.system, targets)),
        });
        let (stop, stopped) = watch::channel(());
        let (stores, lines) = (Arc::clone(targets), Arc::clone(&shown));
        let (system, code): (System, _) = (
            context.system.clone(),
            Code::new(&context.root, environment),
        );
        let looking = move || async move {
            look(&system, stores, code, |line| lines.line(line), looked).await;
        };
        let documents = calls::documents(context.system.clone(), board.clone(), described);
        let read_until = end(stopped.clone());
        let reading = async {
            tokio::select! {
                () = read_until => {}
                () = documents => {}
            }
        };
        let following = follow(
            ground,
            board.events(),
            (seen, apis),
            history,
            Arc::clone(&shown),
        );
        let ended = end(stopped.clone());
        let options = Options {
            token: token.map(|own| Token::new(own.expose())),
            hosts: Vec::new(),
            spans: Some(spans),
        };
        let source = Arc::clone(&shown) as Arc<dyn Source>;
        let serving = freehold_console::serve(listener, source, options, ended);
        Ok(Self {
            operator: token.map(|own| entrance(&address, own)),
            port: at.port(),
            address,
            shown,
            stop,
            tasks: [
                // One that breaks leaves a page that is not reachable, and nothing else.
                tokio::spawn(async move { drop(serving.await) }),
                tokio::spawn(following),
                tokio::spawn(reading),
                beside(looking, end(stopped)),
            ],
        })
    }

    /// What its pages show now.
    pub(super) fn moment(&self) -> Arc<Moment> {
        self.shown.moment()
    }

    /// Ends it, whoever still looks.
    pub(super) async fn end(self) {
        drop(self.stop);
        let [serving, following, reading, looking] = self.tasks;
        let shown = async {
            let _ = serving.await;
            let _ = following.await;
            let _ = reading.await;
        };
        let _ = timeout(GRACE, shown).await;
        // Whoever asks a store cannot be stopped in the middle of a question.
        let _ = timeout(LAST_LOOK, looking).await;
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
                // First of all: a look after the end would wait on a clock that is gone.
                biased;
                () = end => {}
                () = look() => {}
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
    spans: Arc<Spans>,
}

impl Ground {
    fn moment(&self, looked: &Looked, apis: &Apis, history: &History) -> Moment {
        running::moment(
            &Known {
                system: &self.context.system,
                started: &self.context.started,
                sidecars: &self.sidecars,
                board: &self.board.snapshot(),
                looked,
                apis,
                history,
                spans: &self.spans,
            },
            now(),
        )
    }
}

/// Makes the next moment of everything that happens.
async fn follow(
    ground: Ground,
    mut events: broadcast::Receiver<Event>,
    (mut looked, mut apis): (watch::Receiver<Looked>, watch::Receiver<Apis>),
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
            changed = apis.changed() => if changed.is_err() {
                return;
            },
            _ = tick.tick() => if !stale {
                continue;
            },
        }
        stale = false;
        let next = ground.moment(
            &looked.borrow_and_update(),
            &apis.borrow_and_update(),
            &history,
        );
        shown.put(next);
    }
}

/// What the pages are made of.
struct Shown {
    moment: Mutex<Arc<Moment>>,
    lines: broadcast::Sender<LogLine>,
    board: Board,
    operator: Option<Arc<Operator>>,
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
        action: Action,
        key: String,
    ) -> Pin<Box<dyn Future<Output = Result<Acted, Fault>> + Send + '_>> {
        acted(self.operator.as_ref(), action, key)
    }

    fn call(
        &self,
        call: Call,
    ) -> Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send + '_>> {
        Box::pin(calls::tried(self.board.clone(), call))
    }
}
