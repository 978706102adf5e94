//! Keeps a relay and an applier going: takes over, works, and after trouble begins again over new
//! connections, with a growing pause.

use std::sync::Arc;
use std::time::Duration;

use freehold_broker::Session;
use freehold_engine::BoxFuture;
use freehold_model::Fault;
use tokio::sync::watch;

use crate::applier::{Applier, Consumer};
use crate::assign::Source;
use crate::error::{Error, Result};
use crate::ground::Ground;
use crate::peer::Peers;
use crate::relay::{Options, Relay};

/// Opens a connection to the store and a session with the broker.
pub type Connect =
    Arc<dyn Fn() -> BoxFuture<'static, Result<(Ground, Arc<dyn Session>)>> + Send + Sync>;

/// How it stands with one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It works.
    Leads,
    /// Another sidecar does.
    StandsBy,
    /// It does not, and tries again.
    Trouble(Fault),
    /// It does not, and an operator has to look.
    Stopped(Fault),
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Relays until `stop` says so. `report` hears of every change.
pub async fn relay(
    connect: Connect,
    source: Source,
    options: Options,
    report: impl Fn(Standing) + Sync,
    mut stop: watch::Receiver<bool>,
) {
    let mut told = Told::new(&report);
    let mut pause = FIRST_PAUSE;
    while !*stop.borrow() {
        let worked = async {
            let (ground, session) = connect().await?;
            let taken =
                Relay::<crate::Sound>::take_over(ground, session, source.clone(), options.clone());
            let Some(mut relay) = taken.await? else {
                return Ok(false);
            };
            told.say(Standing::Leads);
            let mut tell = |trouble: Option<Fault>| {
                told.say(trouble.map_or(Standing::Leads, Standing::Trouble));
            };
            let worked = relay.run_telling(&stop.clone(), &mut tell).await;
            worked.map(|()| true)
        };
        match worked.await {
            Ok(true) => return,
            Ok(false) => told.say(Standing::StandsBy),
            Err(error) if told.trouble(&error) => return,
            Err(_) => {}
        }
        rest(&mut pause, told.led(), &mut stop).await;
    }
}

/// Applies until `stop` says so. `report` hears of every change.
pub async fn apply(
    connect: Connect,
    consumer: Consumer,
    peers: Option<Arc<dyn Peers>>,
    report: impl Fn(Standing) + Sync,
    mut stop: watch::Receiver<bool>,
) {
    let mut told = Told::new(&report);
    let mut pause = FIRST_PAUSE;
    while !*stop.borrow() {
        let mut stopping = stop.clone();
        let worked = async {
            let (ground, session) = connect().await?;
            let taken = Applier::take_over(ground, session, consumer.clone());
            let Some(applier) = taken.await? else {
                return Ok(false);
            };
            let mut applier = applier.with_peers(peers.clone());
            told.say(Standing::Leads);
            let mut tell = |trouble: Option<Fault>| {
                told.say(trouble.map_or(Standing::Leads, Standing::Trouble));
            };
            let worked = applier.run_telling(&mut stopping, &mut tell).await;
            worked.map(|()| true)
        };
        match worked.await {
            Ok(true) => return,
            Ok(false) => told.say(Standing::StandsBy),
            Err(error) if told.trouble(&error) => return,
            Err(_) => {}
        }
        rest(&mut pause, told.led(), &mut stop).await;
    }
}

/// Says each thing once.
struct Told<'a> {
    report: &'a (dyn Fn(Standing) + Sync),
    last: Option<Standing>,
    led: bool,
}

impl<'a> Told<'a> {
    fn new(report: &'a (dyn Fn(Standing) + Sync)) -> Self {
        Self {
            report,
            last: None,
            led: false,
        }
    }

    fn say(&mut self, standing: Standing) {
        self.led |= standing == Standing::Leads;
        if self.last.as_ref() != Some(&standing) {
            (self.report)(standing.clone());
            self.last = Some(standing);
        }
    }

    /// Is it over?
    fn trouble(&mut self, error: &Error) -> bool {
        let over = !error.heals();
        self.say(match error {
            Error::Lost => Standing::StandsBy,
            _ if over => Standing::Stopped(error.fault()),
            _ => Standing::Trouble(error.fault()),
        });
        over
    }

    /// Did it work since the last time that this was asked?
    fn led(&mut self) -> bool {
        std::mem::take(&mut self.led)
    }
}

async fn rest(pause: &mut Duration, worked: bool, stop: &mut watch::Receiver<bool>) {
    *pause = if worked {
        FIRST_PAUSE
    } else {
        (*pause * 2).min(LONGEST_PAUSE)
    };
    let _ = tokio::time::timeout(*pause, stop.changed()).await;
}
