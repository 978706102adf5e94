//! `freehold console`: the pages that show a described system, until Ctrl-C.
//!
//! Looks at the stores, read-only, and at the code. What no program tells it (requests, logs, traces)
//! is shown as not known. With an operator's token it also acts, as the commands do.

mod act;
mod code;
mod copies;
mod databases;
pub(super) mod described;
mod feed;
mod ground;
mod look;
mod sagas;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use freehold_console::moment::LogLine;
use freehold_console::serve::Token;
use freehold_console::{Acted, Action, Moment, Options, Source};
use freehold_engine::Secret;
use freehold_model::Fault;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

pub(super) use self::act::Operator;

pub(super) use self::code::Code;
pub(super) use self::look::{Looked, look};
use super::Result;
use crate::Outcome;
use crate::args::{Args, ConsoleArgs};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

/// Lines of logs that are kept.
const LINES: usize = 500;

pub(crate) async fn run(args: &Args, wanted: &ConsoleArgs, output: &Output) -> Result<Outcome> {
    let mut looking = None;
    let mut operator = None;
    let mut token = None;
    let moment = if let Some(file) = &wanted.from {
        let text = std::fs::read_to_string(file);
        let text = text
            .map_err(|error| vec![Fault::new("FH4006", format!("{}: {error}", file.display()))])?;
        Moment::read(&text).map_err(|fault| vec![fault])?
    } else {
        let mut loaded = Context::load(args, Place::Described).await?;
        if wanted.token.is_none() {
            loaded.only_look();
        }
        token = token_of(wanted.token.as_deref(), &loaded.root)?;
        let targets: Arc<[_]> = loaded.targets(&[], false)?.into();
        operator = token
            .is_some()
            .then(|| Operator::new(&loaded.system, &targets));
        let moment = described::moment(&loaded.system, &[], now());
        looking = Some((loaded, targets));
        moment
    };
    let kept = Arc::new(Kept {
        moment: Mutex::new(Arc::new(moment)),
        lines: broadcast::channel(256).0,
        operator,
    });
    let cannot = |error: std::io::Error| {
        vec![
            Fault::new(
                "FH4006",
                format!(
                    "the console cannot listen on 127.0.0.1:{}: {error}",
                    wanted.port
                ),
            )
            .help("take another port with --port, or 0 for a free one"),
        ]
    };
    let listener = TcpListener::bind(("127.0.0.1", wanted.port)).await;
    let listener = listener.map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    tell(&format!("http://127.0.0.1:{port}"), token.as_ref(), output);
    let options = Options {
        token: token.map(|own| Token::new(own.expose())),
        hosts: wanted.host.clone(),
        spans: None,
    };
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let serving = freehold_console::serve(
        listener,
        Arc::clone(&kept) as Arc<dyn Source>,
        options,
        stop,
    );
    tokio::select! {
        served = serving => served.map_err(|error| vec![Fault::new("FH4006", format!("the console stopped: {error}"))])?,
        () = follow(looking, args, &kept) => {}
    }
    Ok(Outcome::Done)
}

/// The operator's token, where one is asked for.
pub(super) fn token_of(wanted: Option<&str>, root: &Path) -> Result<Option<Secret>> {
    let token = wanted.map(|own| act::token(own, root)).transpose();
    token.map_err(|fault| vec![fault])
}

/// The address that gives a browser the token.
pub(super) fn entrance(console: &str, token: &Secret) -> String {
    format!("{console}/operator?token={}", token.expose())
}

fn tell(address: &str, token: Option<&Secret>, output: &Output) {
    let operator = token.map(|own| entrance(address, own));
    if output.json {
        output.value(&serde_json::json!({ "console": address, "operator": operator }));
        return;
    }
    output.line(&format!(
        "{} {address}   Ctrl-C ends it",
        output.paint(Tone::Strong, "console")
    ));
    if let Some(operator) = operator {
        output.line(&format!(
            "{} {operator}",
            output.paint(Tone::Strong, "operator")
        ));
    }
}

/// Makes moments of what is seen, for ever.
async fn follow(
    looking: Option<(Context, Arc<[freehold_lifecycle::Target]>)>,
    args: &Args,
    kept: &Kept,
) {
    let Some((context, targets)) = looking else {
        return std::future::pending().await;
    };
    let (sender, mut seen) = watch::channel(Looked::default());
    let code = Code::new(&context.root, args.environment.clone());
    let told = |line| kept.line(line);
    let showing = async {
        while seen.changed().await.is_ok() {
            let mut next = seen.borrow_and_update().moment(&context.system);
            (next.at, next.since) = (now(), kept.moment().since);
            kept.put(next);
        }
    };
    tokio::select! {
        () = look(&context.system, targets, code, told, sender) => {}
        () = showing => {}
    }
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// What was seen last.
struct Kept {
    moment: Mutex<Arc<Moment>>,
    lines: broadcast::Sender<LogLine>,
    operator: Option<Arc<Operator>>,
}

impl Kept {
    /// The next moment; lines of the one before stay.
    fn put(&self, mut next: Moment) {
        let mut kept = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        next.logs.clone_from(&kept.logs);
        *kept = Arc::new(next);
    }

    /// Why something could not be seen.
    fn line(&self, line: LogLine) {
        let mut kept = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Moment::clone(&kept);
        // Nobody may have a page of logs open.
        let _ = self.lines.send(line.clone());
        next.logs.push(line);
        let surplus = next.logs.len().saturating_sub(LINES);
        next.logs.drain(..surplus);
        *kept = Arc::new(next);
    }
}

impl Source for Kept {
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
    ) -> Pin<Box<dyn Future<Output = std::result::Result<Acted, Fault>> + Send + '_>> {
        acted(self.operator.as_ref(), action, key)
    }
}

/// By whoever may act here. Without a token the console sends nothing here.
pub(super) fn acted(
    operator: Option<&Arc<Operator>>,
    action: Action,
    key: String,
) -> Pin<Box<dyn Future<Output = std::result::Result<Acted, Fault>> + Send + 'static>> {
    match operator {
        Some(operator) => Box::pin(operator.act(action, key)),
        None => Box::pin(async { Err(Fault::new("FH4002", "this console only shows")) }),
    }
}
