//! Looks at a system's stores and code on its own time, and keeps what was seen: the common part of
//! `freehold console` and the console of `freehold up`.
//!
//! Sends no change. What could not be had stays as it was and grows old; why stands in the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_console::Moment;
use freehold_console::moment::{Boundary, Databases, Level, LogLine};
use freehold_lifecycle::{StoreStatus, Target, status};
use freehold_model::{Fault, System};
use tokio::sync::watch;

use super::code::Code;
use super::copies::{Copies, Looks};
use super::databases::Audit;
use super::ground::{self, Grounds};
use super::sagas::{self, Sagas};
use super::{described, now};

/// Copies are looked at each second, sagas every two; what changes seldom, less often: a look is not to
/// be felt by what is looked at.
const EVERY: Duration = Duration::from_secs(1);
const SAGAS: Duration = Duration::from_secs(2);
const STORES: Duration = Duration::from_secs(5);
const GROUNDS: Duration = Duration::from_secs(15);
const CODE: Duration = Duration::from_secs(20);
/// How many lines of its own are kept.
const TROUBLES: usize = 20;

/// What the stores told when they were last asked.
#[derive(Clone, Default)]
pub(in crate::command) struct Looked {
    at: u64,
    stores: Vec<StoreStatus>,
    grounds: Grounds,
    sagas: Sagas,
    copies: Copies,
    boundary: Option<Boundary>,
    databases: Option<Databases>,
    /// Why they could not be asked; a cause once, as long as it stays.
    pub(in crate::command) troubles: Vec<LogLine>,
}

impl Looked {
    /// The described system with all that was seen of it.
    pub(in crate::command) fn moment(&self, system: &System) -> Moment {
        let mut moment = described::moment(system, &self.stores, self.at);
        self.grounds.fill(&mut moment);
        self.copies.fill(&mut moment);
        self.copies.fill_sent(system, &mut moment);
        moment.sagas.clone_from(&self.sagas.kinds);
        moment.instances.clone_from(&self.sagas.instances);
        moment.boundary.clone_from(&self.boundary);
        moment.databases.clone_from(&self.databases);
        moment
    }

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

/// Asks for ever. `told` hears of each new trouble.
pub(in crate::command) async fn look(
    system: &System,
    targets: Arc<[Target]>,
    mut code: Code,
    told: impl Fn(LogLine),
    looked: watch::Sender<Looked>,
) {
    let mut own = Looked::default();
    let mut looks = Looks::default();
    let audit = Audit::new(system, Arc::clone(&targets));
    let (mut counted, mut asked, mut read, mut checked) = (None, None, None, None);
    let begun = Instant::now();
    loop {
        let mut faults = Vec::new();
        if due(&mut asked, STORES) {
            match status(&targets).await {
                Ok(stores) => (own.at, own.stores) = (now(), stores),
                Err(found) => faults.extend(found),
            }
        }
        if due(&mut read, GROUNDS) {
            match ground::seen(system, &targets).await {
                Ok(grounds) => own.grounds = grounds,
                Err(found) => faults.extend(found),
            }
        }
        if due(&mut counted, SAGAS) {
            match sagas::seen(&targets, &own.sagas, now()).await {
                Ok(sagas) => own.sagas = sagas,
                Err(found) => faults.extend(found),
            }
        }
        match looks.look((system, code.root()), &targets, now()).await {
            Ok(copies) => {
                faults.extend(copies.troubles.iter().cloned());
                own.copies = copies;
            }
            Err(found) => faults.extend(found),
        }
        for line in own.trouble(&faults) {
            told(line);
        }
        looked.send_replace(own.clone());
        // Programs come first: code is read when they have started.
        if begun.elapsed() >= STORES && due(&mut checked, CODE) {
            own.boundary = Some(code.check(now()));
            own.databases = Some(audit.look(now()).await);
            looked.send_replace(own.clone());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Is it time again? Then it is done now.
fn due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}
