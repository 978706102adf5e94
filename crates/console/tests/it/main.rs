//! The console's integration tests: pages from fixed data, the server in front of them, and a real
//! browser that looks at both.

mod browser;
mod calls;
mod drive;
mod pages;
mod server;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use freehold_console::moment::LogLine;
use freehold_console::{Acted, Action, Answered, Call, Moment, Source};
use freehold_model::Fault;
use tokio::sync::broadcast;

/// One moment of one system: everything in these tests shows it, so pages agree with each other.
fn bookvault() -> Moment {
    serde_json::from_str(include_str!("bookvault.json")).expect("the fixture is a moment")
}

/// A system of nothing but its name.
fn nothing() -> Moment {
    Moment {
        system: "empty".to_owned(),
        at: bookvault().at,
        ..Moment::default()
    }
}

/// A system as large as one console is made for.
fn large() -> Moment {
    let mut moment = bookvault();
    let (services, instance) = (moment.services.clone(), moment.instances[1].clone());
    for at in 0..195 {
        let mut own = services[at % services.len()].clone();
        own.name = format!("{}-{at}", own.name);
        own.team = format!("team-{}", at % 12);
        moment.services.push(own);
    }
    for at in 0..10_000 {
        let mut own = instance.clone();
        own.id = format!("01JD{at:022}");
        moment.instances.push(own);
    }
    moment
}

/// A source that stands still, and remembers what it was asked to do.
struct Still {
    moment: Mutex<Arc<Moment>>,
    lines: broadcast::Sender<LogLine>,
    acted: Mutex<Vec<(Action, String)>>,
    called: Mutex<Vec<Call>>,
}

impl Still {
    fn new(moment: Moment) -> Arc<Self> {
        Arc::new(Self {
            moment: Mutex::new(Arc::new(moment)),
            lines: broadcast::channel(16).0,
            acted: Mutex::new(Vec::new()),
            called: Mutex::new(Vec::new()),
        })
    }
}

impl Still {
    /// Something happens.
    fn change(&self, change: impl FnOnce(&mut Moment)) {
        let mut kept = self.moment.lock().expect("a moment");
        let mut next = Moment::clone(&kept);
        change(&mut next);
        *kept = Arc::new(next);
    }
}

impl Source for Still {
    fn moment(&self) -> Arc<Moment> {
        Arc::clone(&self.moment.lock().expect("a moment"))
    }

    fn lines(&self) -> broadcast::Receiver<LogLine> {
        self.lines.subscribe()
    }

    fn act(
        &self,
        action: Action,
        key: String,
    ) -> Pin<Box<dyn Future<Output = Result<Acted, Fault>> + Send + '_>> {
        self.acted.lock().expect("a list").push((action, key));
        Box::pin(async {
            Ok(Acted {
                said: "operator retried it".to_owned(),
            })
        })
    }

    fn call(
        &self,
        call: Call,
    ) -> Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send + '_>> {
        self.called.lock().expect("a list").push(call);
        Box::pin(async {
            Ok(Answered {
                status: 201,
                media: "application/json".to_owned(),
                body: "{\"orderId\": 7}".to_owned(),
                cut: false,
                took_ms: 3,
            })
        })
    }
}
