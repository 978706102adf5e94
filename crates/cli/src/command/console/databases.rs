//! What `audit` sees in the described stores, as the console shows it: who may enter, and what of it
//! nobody described. Sends no change; bounded, and seldom.

use std::sync::Arc;

use freehold_boundary::audit::report::{Finding, Stands, StoreReport, SystemReport};
use freehold_console::moment::{Databases, Entered, Login, Opening};
use freehold_lifecycle::Target;
use freehold_model::{Fault, System};

use crate::command::audit::Described;

/// Seconds that one look may take.
const BUDGET: u64 = 5;

/// Looks again and again.
pub(super) struct Audit(Described);

impl Audit {
    pub(super) fn new(system: &System, targets: Arc<[Target]>) -> Self {
        Self(Described::of(system.clone(), targets))
    }

    /// One look. What cannot be seen is said, and is no error.
    pub(super) async fn look(&self, now: u64) -> Databases {
        match self.0.look(BUDGET).await {
            Ok(report) => databases(&report, now),
            Err(faults) => {
                let fault = faults.into_iter().next();
                let fault = fault.unwrap_or_else(|| Fault::new("FH3001", "nobody could look"));
                Databases {
                    at: now,
                    trouble: fault.message,
                    code: fault.code.to_owned(),
                    ..Databases::default()
                }
            }
        }
    }
}

fn databases(report: &SystemReport, now: u64) -> Databases {
    Databases {
        at: now,
        stores: report.stores.iter().map(entered).collect(),
        findings: report.findings.iter().map(opening).collect(),
        ..Databases::default()
    }
}

fn entered(own: &StoreReport) -> Entered {
    let hidden = own.unseen.iter().filter(|own| own.could_hide);
    let mut unseen: Vec<String> = hidden
        .map(|own| format!("{}: {}", own.what, own.because))
        .collect();
    if own.measured.is_none() && unseen.is_empty() {
        unseen.push("Nobody could look".to_owned());
    }
    Entered {
        store: own.store.clone(),
        place: format!("{}/{}", own.server, own.store),
        logins: own
            .logins
            .iter()
            .map(|own| Login {
                name: own.name.clone(),
                stands: own.stands.word().to_owned(),
                described: own.stands != Stands::Nobody,
                reads: own.reads as u64,
                writes: own.writes as u64,
                sessions: own.sessions as u64,
            })
            .collect(),
        findings: own.findings.iter().map(opening).collect(),
        shared: own.shared as u64,
        unseen,
    }
}

fn opening(own: &Finding) -> Opening {
    Opening {
        code: own.code.clone(),
        what: own.message.clone(),
        repair: own.repair.clone(),
    }
}
