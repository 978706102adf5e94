//! `freehold console`: the pages that show a described system, until Ctrl-C.
//!
//! Looks at the stores every few seconds, read-only, as `status` does. What no program tells it
//! (requests, freshness, logs) is shown as not known.

pub(super) mod described;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use freehold_console::moment::{Level, LogLine};
use freehold_console::{Acted, Action, Moment, Options, Source};
use freehold_lifecycle::status;
use freehold_model::Fault;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use super::Result;
use crate::Outcome;
use crate::args::{Args, ConsoleArgs};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

/// How often the stores are looked at.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &Args, wanted: &ConsoleArgs, output: &Output) -> Result<Outcome> {
    let mut context = None;
    let moment = if let Some(file) = &wanted.from {
        let text = std::fs::read_to_string(file);
        let text = text
            .map_err(|error| vec![Fault::new("FH4006", format!("{}: {error}", file.display()))])?;
        Moment::read(&text).map_err(|fault| vec![fault])?
    } else {
        let mut loaded = Context::load(args, Place::Described).await?;
        loaded.only_look();
        let moment = described::moment(&loaded.system, &[], now());
        context = Some(loaded);
        moment
    };
    let kept = Arc::new(Kept {
        moment: Mutex::new(Arc::new(moment)),
        lines: broadcast::channel(256).0,
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
    let address = format!("http://127.0.0.1:{port}");
    if output.json {
        output.value(&serde_json::json!({ "console": address }));
    } else {
        output.line(&format!(
            "{} {address}   Ctrl-C ends it",
            output.paint(Tone::Strong, "console")
        ));
    }
    let options = Options {
        token: None,
        hosts: wanted.host.clone(),
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
        faults = look(context, &kept) => return Err(faults),
    }
    Ok(Outcome::Done)
}

/// Looks at the stores for ever; ends only when the description itself cannot be used.
async fn look(context: Option<Context>, kept: &Kept) -> Vec<Fault> {
    let Some(mut context) = context else {
        return std::future::pending().await;
    };
    let targets = match context.targets(&[], false) {
        Ok(targets) => targets,
        Err(faults) => return faults,
    };
    loop {
        match status(&targets).await {
            Ok(stores) => kept.put(described::moment(&context.system, &stores, now())),
            Err(faults) => kept.trouble(&faults),
        }
        tokio::time::sleep(EVERY).await;
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
}

impl Kept {
    /// The next moment; lines of the one before stay.
    fn put(&self, mut next: Moment) {
        let mut kept = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        next.logs.clone_from(&kept.logs);
        *kept = Arc::new(next);
    }

    /// What was seen stays, and grows old; why stands in the log, once.
    fn trouble(&self, faults: &[Fault]) {
        let mut kept = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Moment::clone(&kept);
        for fault in faults {
            let text = fault.to_string();
            if next.logs.last().is_none_or(|own| own.text != text) {
                let line = LogLine {
                    at: now(),
                    from: "freehold".to_owned(),
                    level: Level::Error,
                    text,
                    trace: String::new(),
                };
                let _ = self.lines.send(line.clone());
                next.logs.push(line);
            }
        }
        let surplus = next.logs.len().saturating_sub(500);
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
        _: Action,
        _: String,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<Acted, Fault>> + Send + '_>> {
        // Without a token the console sends nothing here.
        Box::pin(async { Err(Fault::new("FH4002", "this console only shows")) })
    }
}
