//! Live against wanted. Pure.

use std::path::Path;

use freehold_engine::{
    At, Change, Diff, LEDGER_FORMAT, Live, Mark, Probe, Routine, Step, Subject, Want,
    adopted_faults,
};
use freehold_model::Fault;
use freehold_sql::{Dialect, fingerprint, quote_ident, quote_literal};

use crate::eject;
use crate::inspect::{fact, file};
use crate::ledger::{ledger_table, mark_table, note_format, upgrade};
use crate::plane;
use crate::probe::MAKE;
use crate::sagas;
use crate::wanted::{GUARD, append_only, guards};

pub(crate) fn diff(probe: &Probe, want: &Want, live: &Live) -> Diff {
    let mut diff = Diff {
        advisory: advisory(want),
        ..Diff::default()
    };
    match &live.database {
        None => {
            if probe.may(MAKE) {
                diff.steps = vec![add_store(want), add_ledger(want)];
                diff.steps.extend(plane::steps(want, live));
                diff.steps.extend(sagas::steps(want, live));
            } else {
                diff.refused.push(no_right(want));
            }
        }
        Some(Mark::Foreign(what)) => diff.refused.push(taken(want, what)),
        Some(Mark::Ours) if !live.looked_inside => diff.refused.push(cannot_open(want)),
        Some(Mark::Ours) => inside(want, live, &mut diff),
    }
    diff
}

/// The name of the store's folder, by which plans call it.
pub(crate) fn store_name(want: &Want) -> String {
    let name = Path::new(&want.spot.database).file_name();
    name.map_or_else(
        || want.spot.database.clone(),
        |name| name.to_string_lossy().into_owned(),
    )
}

pub(crate) fn taken(want: &Want, what: &str) -> Fault {
    Fault::new(
        "FH3101",
        format!("{}: {} is {what}", want.label(), want.spot.database),
    )
    .help("give the store another `name:` in service.yaml, or the server another folder")
    .help("or move away what stands there")
}

pub(crate) fn cannot_open(want: &Want) -> Fault {
    Fault::new(
        "FH3132",
        format!(
            "{}: freehold made {}, and it cannot be opened",
            want.label(),
            file(want)
        ),
    )
    .help("see that this user may read and write it and that the disk is in order")
    .help("a damaged file: bring a backup back, or remove the folder by hand to begin anew")
}

fn inside(want: &Want, live: &Live, diff: &mut Diff) {
    diff.refused.extend(holes(want, live));
    let (lacking, advisory) = adopted_faults(&want.label(), &want.plane, live);
    diff.refused.extend(lacking);
    diff.advisory.extend(advisory);
    match live.ledger_format {
        None => diff.steps.push(add_ledger(want)),
        Some(found) if found < LEDGER_FORMAT => diff.steps.push(upgrade_ledger(want, found)),
        Some(_) => {}
    }
    diff.steps.extend(plane::steps(want, live));
    diff.steps.extend(sagas::steps(want, live));
    if let Some(open) = live.facts.get(fact::OPEN) {
        if want.prune {
            diff.steps.push(close(want, open));
        } else {
            diff.advisory.push(left_open(want, open));
        }
    }
    if live.facts.contains_key(fact::OWNER_AT_WORK) {
        let note = "somebody set the owner's sign by hand: append-only tables were open";
        let step = Step::new(
            Change::Change,
            Subject::Access,
            At::Store,
            want.spot.own("mark"),
            note,
        );
        diff.steps.push(step.run(format!(
            "UPDATE {} SET owner_at_work = 0",
            want.spot.own("mark")
        )));
    }
    diff.steps.extend(eject::take_plain_back(want, live));
    match guard_steps(want, live) {
        Ok(steps) => diff.steps.extend(steps),
        Err(error) => diff.refused.push(error.fault()),
    }
}

fn add_store(want: &Want) -> Step {
    let note = format!("a file of its own for this user only: {}", file(want));
    let mark = quote_literal(Dialect::Sqlite, &want.mark()).unwrap_or_default();
    let table = want.spot.own("mark");
    Step::new(
        Change::Add,
        Subject::Database,
        At::Store,
        store_name(want),
        note,
    )
    .run(mark_table(&want.spot))
    .run(format!(
        "INSERT OR IGNORE INTO {table} (mark) VALUES ({mark})"
    ))
}

fn add_ledger(want: &Want) -> Step {
    let note = "says what was applied";
    Step::new(
        Change::Add,
        Subject::Ledger,
        At::Store,
        want.spot.own("ledger"),
        note,
    )
    .run(ledger_table(&want.spot))
    .run(note_format(&want.spot))
}

fn upgrade_ledger(want: &Want, found: u32) -> Step {
    let note =
        format!("from format {found} to {LEDGER_FORMAT}: knows how far a batched migration is");
    Step::new(
        Change::Change,
        Subject::Ledger,
        At::Store,
        want.spot.own("ledger"),
        note,
    )
    .run(upgrade(&want.spot))
    .run(note_format(&want.spot))
}

fn close(want: &Want, open: &str) -> Step {
    let note = format!("private again ({open}): other users of the machine could enter");
    Step::new(
        Change::Change,
        Subject::Access,
        At::Server,
        store_name(want),
        note,
    )
    .not_atomic()
}

/// Triggers that are missing, differ, or are no longer wanted: one step per table.
fn guard_steps(want: &Want, live: &Live) -> Result<Vec<Step>, freehold_sql::QuoteError> {
    let wanted = guards(want, live)?;
    let found = |name: &str| live.routines.get(name);
    let mut steps = Vec::new();
    for table in append_only(want, live) {
        let wrong = wanted
            .iter()
            .filter(|guard| guard.table == table)
            .filter(|guard| !is(found(&guard.name), &guard.sql));
        let wrong: Vec<_> = wrong.collect();
        if wrong.is_empty() {
            continue;
        }
        let known = wrong.iter().any(|guard| found(&guard.name).is_some());
        let change = if known { Change::Change } else { Change::Add };
        let note = "append-only: triggers stop UPDATE and DELETE";
        let mut step = Step::new(change, Subject::Grant, At::Store, table, note);
        for guard in wrong {
            step = step.run(format!(
                "DROP TRIGGER IF EXISTS {}",
                quote_ident(Dialect::Sqlite, &guard.name)?
            ));
            step = step.run(guard.sql.clone());
        }
        steps.push(step);
    }
    for name in live.routines.keys().filter(|name| name.starts_with(GUARD)) {
        if !wanted.iter().any(|guard| guard.name == *name) {
            let note = "its table is not append-only any more";
            let step = Step::new(Change::Remove, Subject::Grant, At::Store, name, note);
            steps.push(step.run(format!(
                "DROP TRIGGER IF EXISTS {}",
                quote_ident(Dialect::Sqlite, name)?
            )));
        }
    }
    Ok(steps)
}

fn is(found: Option<&Routine>, sql: &str) -> bool {
    found.is_some_and(|routine| routine.fingerprint == fingerprint(Dialect::Sqlite, sql).as_str())
}

/// Here the trigger would refuse the parent's DELETE; elsewhere the rows would go. A description
/// means the same on every engine, so it is refused on every engine.
fn holes(want: &Want, live: &Live) -> Vec<Fault> {
    let tables = append_only(want, live);
    let rewrites = |action: &str| matches!(action, "CASCADE" | "SET NULL" | "SET DEFAULT");
    let of_ours = live.foreign_keys.iter().filter(|key| {
        tables
            .iter()
            .any(|table| table.eq_ignore_ascii_case(&key.table))
    });
    of_ours
        .filter(|key| rewrites(&key.on_delete) || rewrites(&key.on_update))
        .map(|key| {
            let action = if rewrites(&key.on_delete) {
                ("DELETE", &key.on_delete)
            } else {
                ("UPDATE", &key.on_update)
            };
            Fault::new(
                "FH3104",
                format!(
                    "{}: {} is append-only, and its foreign key to {} says ON {} {}",
                    want.label(),
                    key.table,
                    key.references,
                    action.0,
                    action.1
                ),
            )
            .help("write a migration that makes it ON DELETE RESTRICT and ON UPDATE RESTRICT")
            .help(format!(
                "or take append_only from {} in service.yaml",
                key.table
            ))
        })
        .collect()
}

fn no_right(want: &Want) -> Fault {
    Fault::new(
        "FH3102",
        format!(
            "{}: this user may not make {}",
            want.label(),
            want.spot.database
        ),
    )
    .help(
        "run freehold as a user who may write there, or name another folder in the server's `url:`",
    )
}

fn left_open(want: &Want, open: &str) -> Fault {
    Fault::new(
        "FH3133",
        format!(
            "{}: other users of this machine may enter: {open}",
            want.label()
        ),
    )
    .help(format!("chmod go= {} {}", want.spot.database, file(want)))
    .help("or `prune: true` in service.yaml: then apply does it")
}

fn advisory(want: &Want) -> Vec<Fault> {
    let mut advisory = vec![
        Fault::new(
            "FH3106",
            format!("{}: SQLite has no logins: isolation `{}` is advisory, the file's mode keeps others out", want.label(), want.isolation),
        )
        .help("run each service as an operating-system user of its own"),
    ];
    if !want.append_only.is_empty() {
        let tables: Vec<_> = want.append_only.iter().map(String::as_str).collect();
        advisory.push(
            Fault::new(
                "FH3130",
                format!(
                    "{}: append-only {} is kept by triggers: they stop accidents, not attackers",
                    want.label(),
                    tables.join(", ")
                ),
            )
            .help(
                "a program that uses INSERT OR REPLACE also needs PRAGMA recursive_triggers = ON",
            ),
        );
    }
    if !want.access.is_empty() {
        let who: Vec<_> = want
            .access
            .iter()
            .map(|access| access.who.as_str())
            .collect();
        advisory.push(
            Fault::new(
                "FH3131",
                format!(
                    "{}: access of {} cannot be granted on SQLite",
                    want.label(),
                    who.join(", ")
                ),
            )
            .help("only who may open the file can read it"),
        );
    }
    if !want.extensions.is_empty() {
        let what = want.extensions.join(", ");
        advisory.push(Fault::new(
            "FH3108",
            format!(
                "{}: SQLite has no extension {what}; the migrations have to do without",
                want.label()
            ),
        ));
    }
    advisory
}

#[cfg(test)]
mod tests;
