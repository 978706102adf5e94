//! Taking over a database that is there: it gets the store's mark. Pure.
//!
//! Nothing here has an owner that would have to change. Views, triggers, routines and events go on
//! running with the rights of the accounts that made them, and the step says so.

use std::collections::BTreeSet;

use freehold_engine::{
    Adoption, At, Change, LEDGER_FORMAT, Live, Mark, Probe, Step, Subject, Table, Want,
};
use freehold_model::{Fault, Isolation};

use crate::inspect::LEDGER_MARK;
use crate::names::ident;
use crate::probe::is_mysql;
use crate::{ledger, refusals};

/// The steps before the diff, and the store as it will be then.
pub(crate) fn adopt(probe: &Probe, want: &Want, live: &Live) -> Adoption {
    let refused: Vec<Fault> = refusals::names(probe, want)
        .into_iter()
        .chain(theirs(want, live))
        .collect();
    if !refused.is_empty() {
        return Adoption {
            refused,
            ..Adoption::default()
        };
    }
    let mut then = live.clone();
    if want.isolation == Isolation::Tables || !matches!(live.database, Some(Mark::Foreign(_))) {
        return Adoption {
            then,
            ..Adoption::default()
        };
    }
    then.database = Some(Mark::Ours);
    let step = Step::new(
        Change::Change,
        Subject::Database,
        At::Server,
        &want.spot.database,
        note(live),
    )
    .not_atomic();
    // MySQL has no comment on a database: there the ledger's table carries the mark.
    let step = if is_mysql(probe) {
        then.facts.insert(LEDGER_MARK.to_owned(), want.mark());
        then.tables
            .insert(want.spot.own("ledger"), Table::default());
        then.ledger_format = Some(LEDGER_FORMAT);
        step.run(ledger::definition(want))
            .run(ledger::note_format(want))
    } else {
        let mark = want.mark().replace('\'', "''");
        step.run(format!(
            "ALTER DATABASE {} COMMENT = '{mark}'",
            ident(&want.spot.database)
        ))
    };
    Adoption {
        steps: vec![step],
        refused,
        then,
    }
}

fn theirs(want: &Want, live: &Live) -> Option<Fault> {
    let Some(Mark::Foreign(whose)) = &live.database else {
        return None;
    };
    whose.starts_with("freehold:").then(|| {
        let message = format!(
            "{}: the database {} is freehold's already: it is {whose}'s",
            want.label(),
            want.spot.database
        );
        Fault::new("FH3231", message)
            .help("give the store another `name:`, or describe it as the service that has it")
    })
}

fn note(live: &Live) -> String {
    let definers: BTreeSet<&str> = live
        .routines
        .values()
        .map(|routine| routine.owner.as_str())
        .filter(|owner| !owner.is_empty())
        .collect();
    if definers.is_empty() {
        return "taken over: marked as this store's".to_owned();
    }
    format!(
        "taken over: marked as this store's; views and routines go on running as {}",
        definers.into_iter().collect::<Vec<_>>().join(", ")
    )
}
