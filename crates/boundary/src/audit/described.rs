//! Live against described: who reaches a described store, by whatever way, and who is connected.
//!
//! Owns what counts as described. Rights that stand on a store's own objects are compared by the
//! engine, entry by entry; its steps come in here as findings. What leads past those rights, roles,
//! routines, views, attributes, sessions, is found here, from the audit's facts. Pure.

mod repair;
mod scope;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use freehold_engine::audit::{Facts, Part, Rights};
use freehold_engine::{Change, Step, Subject, Want};
use freehold_model::System;

use super::names::Names;
use super::reach::Reach;
use super::report::{By, Finding, Reaching, Stands, StoreReport, Unseen};
use super::ways::{Found, Way, Ways};
use super::{analyse, findings, unseen};
use scope::{Scope, table_is_of};

/// What facts of one database say of the described stores that stand in it, in their order. Stores
/// that stand in it and are not asked about belong into `wants` all the same: they are described.
#[must_use]
pub fn described(facts: &Facts, wants: &[&Want]) -> Vec<StoreReport> {
    let reach = Reach::new(facts);
    let names = Names::new(facts);
    let everywhere = everywhere(&reach, &names, wants);
    let sessions = sessions(facts, wants);
    let one = |want: &&Want| {
        let mut report = of_store(&reach, &names, want);
        report.findings.extend(everywhere.iter().cloned());
        report.findings.extend(sessions.iter().cloned());
        report.findings.sort();
        report.findings.dedup();
        report
    };
    wants.iter().map(one).collect()
}

/// Steps that would make live what is described, as findings. What `found` says already is left
/// out.
#[must_use]
pub fn differences(steps: &[Step], found: &[Finding]) -> Vec<Finding> {
    let concerns = |step: &&Step| step.subject != Subject::Server;
    // `SELECT to bi`, or the login alone; where accounts have hosts, without the usual one.
    let said = |step: &Step| {
        let who = step
            .name
            .rsplit_once(" to ")
            .map_or(step.name.as_str(), |(_, who)| who);
        let is = |own: &&Finding| match own.code.as_str() {
            "FH2302" | "FH2303" | "FH2307" => who == "PUBLIC",
            "FH2308" | "FH2309" => {
                let rest = own.message.strip_prefix(&format!("`{who}"));
                rest.is_some_and(|rest| rest.starts_with('`') || rest.starts_with('@'))
            }
            _ => false,
        };
        found.iter().any(|own| is(&own))
    };
    let told = steps
        .iter()
        .filter(concerns)
        .filter(|step| step.change != Change::Remove || !said(step));
    told.map(|step| {
        let (code, what) = match step.change {
            Change::Add => ("FH2312", "is described and not there"),
            Change::Change => ("FH2309", "is otherwise than described"),
            Change::Remove => ("FH2309", "is there and not described"),
        };
        let sql: Vec<String> = step
            .sql
            .iter()
            .map(freehold_engine::Sql::shown)
            .filter(|sql| !sql.starts_with("SET LOCAL"))
            .map(|sql| repair::code(&sql))
            .collect();
        let few = sql.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
        let more = if sql.len() > 3 { " …" } else { "" };
        Finding {
            code: code.to_owned(),
            message: format!("`{}` {what}: {}", step.name, step.note),
            repair: if few.is_empty() {
                "`freehold apply`".to_owned()
            } else {
                format!("`freehold apply`, which sends {few}{more}")
            },
        }
    })
    .collect()
}

/// Declared rights whose last day is over. `today`: `YYYY-MM-DD`.
#[must_use]
pub fn ended(system: &System, today: &str) -> Vec<Finding> {
    let over = system.access.iter().filter_map(|own| {
        let until = own.until.as_deref().filter(|until| *until < today)?;
        Some(Finding {
            code: "FH2311".to_owned(),
            message: format!(
                "the access of `{}` ({}) ended on {until} and is still described",
                own.who, own.reason
            ),
            repair:
                "take the entry out of `access:`, then `freehold apply`; or give it a new `until:`"
                    .to_owned(),
        })
    });
    over.collect()
}

/// What is a way in whoever is described, in the whole database.
fn everywhere(reach: &Reach<'_>, names: &Names<'_>, wants: &[&Want]) -> Vec<Finding> {
    let facts = reach.facts();
    let ways = Ways::new(reach, names);
    let ours = |routine: u32| {
        let own = &facts.routines[routine as usize];
        let made = ["issue", "lock"];
        let is = |want: &&Want| made.iter().any(|name| own.name == want.spot.own(name));
        wants.iter().any(is)
    };
    findings::findings(reach, &ways, &ours)
}

/// Sessions in the database that none of its stores' logins has.
fn sessions(facts: &Facts, wants: &[&Want]) -> Vec<Finding> {
    let scopes: Vec<Scope<'_>> = wants.iter().map(|want| Scope { facts, want }).collect();
    let here = |database: &str| wants.iter().any(|want| want.spot.database == database);
    let mut strange: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for session in &facts.sessions {
        // A login that is gone has a finding of its own.
        let Some(who) = session.principal else {
            continue;
        };
        let known = scopes.iter().any(|own| own.stands(who) != Stands::Nobody);
        if here(&session.database) && !known && !facts.principals[who as usize].built_in {
            let name = facts.principals[who as usize].name.as_str();
            strange.insert((name, &session.database, &session.address));
        }
    }
    let finding = |(name, database, address): (&str, &str, &str)| {
        let from = if address.is_empty() {
            "a local socket"
        } else {
            address
        };
        Finding {
            code: "FH2310".to_owned(),
            message: format!(
                "`{name}` is connected to `{database}` from {from}, and nobody described it"
            ),
            repair: repair::of_session(facts, name, database),
        }
    };
    strange.into_iter().map(finding).collect()
}

fn of_store(reach: &Reach<'_>, names: &Names<'_>, want: &Want) -> StoreReport {
    let facts = reach.facts();
    let scope = Scope { facts, want };
    let tables: Vec<u32> = (0u32..)
        .take(facts.relations.len())
        .filter(|at| table_is_of(facts, *at, want))
        .collect();
    let ways = Ways::within(reach, names, tables);
    let mut report = StoreReport {
        store: want.label(),
        product: format!("{} {}", facts.server.product, facts.server.version),
        address: facts.server.address.clone(),
        database: want.spot.database.clone(),
        tables: ways.tables.len(),
        unseen: not_seen(facts),
        measured: Some(analyse::measured(facts, reach)),
        ..StoreReport::default()
    };
    let here = |who: u32| {
        let own = facts.sessions.iter().filter(move |session| {
            session.principal == Some(who) && session.database == want.spot.database
        });
        own.map(|session| session.count as usize).sum::<usize>()
    };
    for (who, principal) in (0u32..).zip(&facts.principals) {
        if !principal.may_login || principal.built_in {
            continue;
        }
        let stands = scope.stands(who);
        let found = ways.of(who);
        let count = |wanted: Rights| found.row.iter().filter(|own| own.has_any(wanted)).count();
        let (reads, writes) = (count(Rights::SELECT), count(Rights::WRITES));
        if reads + writes == 0 {
            continue;
        }
        report
            .findings
            .extend(of_login(&scope, &ways, &found, stands));
        report.logins.push(Reaching {
            name: principal.name.clone(),
            stands,
            reads,
            writes,
            sessions: here(who),
        });
    }
    report
        .logins
        .sort_by(|a, b| (a.stands, &a.name).cmp(&(b.stands, &b.name)));
    report
}

/// Parts without which a way in, or a session, could be missed.
fn not_seen(facts: &Facts) -> Vec<Unseen> {
    let parts = [
        Part::Server,
        Part::Principals,
        Part::Memberships,
        Part::Databases,
        Part::Relations,
        Part::Columns,
        Part::Views,
        Part::Routines,
        Part::Triggers,
        Part::Defaults,
        Part::Links,
    ];
    let mut unseen = unseen::of_parts(facts, &parts);
    let mut sessions = unseen::of_parts(facts, &[Part::Sessions]);
    for own in &mut sessions {
        // Where logins are kept by database, a partial list lacks addresses only; elsewhere sessions.
        own.could_hide |= !facts.rules.databases_are_gates;
    }
    unseen.extend(sessions);
    unseen
}

/// Ways of one login that nobody described.
fn of_login(
    scope: &Scope<'_>,
    ways: &Ways<'_, '_>,
    found: &Found,
    stands: Stands,
) -> Option<Finding> {
    if matches!(stands, Stands::Administrator) || scope.is_admin_by_access(found.who) {
        return None;
    }
    let described = scope.allowed(ways, found, stands);
    // What is everybody's is a finding of its own, and of nobody in particular.
    let undescribed = |way: &&Way| {
        way.by != By::Public
            && !(stands != Stands::Nobody && scope.is_its_own(way))
            && way
                .row
                .iter()
                .zip(&described)
                .any(|(opened, allowed)| !allowed.has(*opened & Rights::ROWS))
    };
    let strange: Vec<&Way> = found.ways.iter().filter(undescribed).collect();
    let widest = strange.first()?;
    let name = &scope.facts.principals[found.who as usize].name;
    let (code, what) = match stands {
        Stands::Nobody => ("FH2308", "nobody described it, and it"),
        Stands::Migrator => ("FH2308", "the account of a run is there, and it"),
        _ => ("FH2309", "described otherwise, it"),
    };
    // Writing to a String cannot fail.
    let mut more = String::new();
    for way in strange.iter().skip(1).take(2) {
        let _ = write!(more, ", and by {}", by(way));
    }
    if strange.len() > 3 {
        let _ = write!(more, ", and {} more", strange.len() - 3);
    }
    let mut repairs: Vec<String> = Vec::new();
    for way in &strange {
        let repair = repair::of_way(scope, ways, found.who, way);
        if !repairs.contains(&repair) {
            repairs.push(repair);
        }
    }
    if stands == Stands::Nobody {
        let or = repairs.len() > 1;
        repairs.truncate(4);
        repairs.push(if or {
            "or declare it under `access:`, with a reason".to_owned()
        } else {
            "or declare it under `access:`".to_owned()
        });
    }
    Some(Finding {
        code: code.to_owned(),
        message: format!("`{name}`: {what} {}{more}", told(widest, ways.tables.len())),
        repair: repairs.join("; "),
    })
}

/// `reads 3 and writes 0 of 5 tables, by rights of its own`.
fn told(way: &Way, all: usize) -> String {
    let reach = match (way.reads, way.writes) {
        (reads, writes) if reads == all && writes == all => {
            "reads and writes every table".to_owned()
        }
        (reads, 0) if reads == all => "reads every table".to_owned(),
        (reads, writes) => format!("reads {reads} and writes {writes} of {all} tables"),
    };
    format!("{reach}, by {}", by(way))
}

fn by(way: &Way) -> String {
    match way.steps.as_slice() {
        [_] => "rights of its own".to_owned(),
        steps => steps.join(" → "),
    }
}
