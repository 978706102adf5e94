//! An account that may only read: what it sees, what it cannot see, and the administrator in whose
//! place it plans.
//!
//! It needs SELECT on mysql.*; `rights: plan` gives it the rest. Triggers and events show themselves
//! only to who may change them, and texts of views only to who may read all of their tables.

use freehold_engine::{Live, Probe, Want};

use crate::plane::TRIGGERS_UNSEEN;
use crate::probe::{holds, holds_on};

/// With all rights, and without a name: nothing is tolerated for the one who looks.
pub(crate) fn as_administrator(probe: &Probe) -> Probe {
    let mut probe = probe.clone();
    probe.user = String::new();
    probe.rights = ["all", "grant option"].map(str::to_owned).into();
    probe
}

/// Without what only those see who may change it.
pub(crate) fn sees(live: &Live) -> Live {
    let mut live = live.clone();
    for role in live.roles.values_mut() {
        role.has_password = None;
        role.verifier = None;
    }
    live.routines
        .retain(|_, routine| matches!(routine.kind.as_str(), "procedure" | "function"));
    live.facts.insert(TRIGGERS_UNSEEN.to_owned(), String::new());
    for table in live.tables.values_mut().filter(|table| table.view) {
        table.owner = String::new();
        table.columns.clear();
    }
    live
}

/// What this login cannot see.
pub(crate) fn unseen(probe: &Probe, want: &Want, live: &Live) -> Vec<String> {
    let on = |privilege: &str| holds_on(&probe.rights, privilege, &want.spot.database);
    let mut unseen = Vec::new();
    for (privilege, what) in [("trigger", "triggers"), ("event", "events")] {
        if !on(privilege) {
            unseen.push(what.to_owned());
        }
    }
    if live.tables.values().any(|table| table.view) && !on("select") {
        unseen.push("the texts of views".to_owned());
    }
    if !holds(&probe.rights, "process") {
        unseen.push("who is connected".to_owned());
    }
    unseen
}
