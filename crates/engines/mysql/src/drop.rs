//! Taking a store away: logins shut and ended first, then data, then accounts, then rights that
//! outlive both.
//!
//! Pure. On these servers rights on a database survive it: a store of the same name made later
//! would be open to whoever held them, so they are taken back here.

use std::collections::BTreeMap;

use freehold_engine::{At, Change, Drop, Keep, Live, Mark, Object, Probe, Step, Subject, Want};
use freehold_model::Isolation;

use crate::grants::{self, Changes};
use crate::identities::{self, Purpose};
use crate::names::{self, account, accounts_host, ident, object};
use crate::probe::is_mysql;
use crate::{advisories, issuer, ledger, refusals};

/// The removals.
pub(crate) fn drop_steps(probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop {
    let mut refused = refusals::names(probe, want);
    refused.extend(refusals::foreign(probe, want, live));
    if !refused.is_empty() || (keep.data && keep.credentials) {
        return Drop {
            steps: vec![],
            refused,
        };
    }
    let mut steps = vec![];
    let going = |purpose: &Purpose| {
        let is_there = live
            .roles
            .get(purpose.name(want))
            .is_some_and(|role| role.mark == Mark::Ours);
        // The owner stays with the data: it is the definer of what is in there.
        is_there && !keep.credentials && !(keep.data && *purpose == Purpose::Owner)
    };
    let going: Vec<Purpose> = Purpose::ALL.into_iter().filter(going).collect();
    if !keep.data {
        steps.extend(rights_of_others(probe, want, live));
    }
    steps.extend(going.iter().map(|purpose| shut(probe, want, *purpose)));
    if keep.data {
        steps.extend(drop_issuer(want, live));
    }
    // The owner's mark is on its account on MySQL and in the ledger on MariaDB: what says that a
    // thing is ours goes last.
    let accounts = going
        .iter()
        .map(|purpose| remove(probe, want, live, *purpose, keep));
    let data = if keep.data {
        None
    } else {
        data(probe, want, live, keep)
    };
    if is_mysql(probe) {
        steps.extend(data.into_iter().chain(accounts));
    } else {
        steps.extend(accounts.chain(data));
    }
    Drop { steps, refused }
}

pub(crate) fn step(change: Change, subject: Subject, name: &str, note: &str) -> Step {
    Step::new(change, subject, At::Server, name, note).not_atomic()
}

/// No new session, and the open ones ended.
pub(crate) fn shut(probe: &Probe, want: &Want, purpose: Purpose) -> Step {
    let name = purpose.name(want);
    let step = step(
        Change::Change,
        Subject::Identity,
        name,
        "locked, its sessions ended",
    );
    identities::lock(
        step,
        name,
        &account(name, accounts_host(probe)),
        is_mysql(probe),
    )
}

pub(crate) fn remove(
    probe: &Probe,
    want: &Want,
    live: &Live,
    purpose: Purpose,
    keep: Keep,
) -> Step {
    let (name, host) = (purpose.name(want), accounts_host(probe));
    let note = if purpose == Purpose::Owner {
        "with its mark"
    } else {
        "nobody can log in as it any more"
    };
    let step = step(Change::Remove, Subject::Identity, name, note)
        .run(format!("DROP USER IF EXISTS {}", account(name, host)));
    let marked = !is_mysql(probe) && live.has_table(&want.spot.own("ledger"));
    if marked && (keep.data || want.isolation == Isolation::Tables) {
        step.run(ledger::unmark_identity(want, name, host))
    } else {
        step
    }
}

pub(crate) fn drop_issuer(want: &Want, live: &Live) -> Option<Step> {
    live.routines.contains_key(&issuer::key(want)).then(|| {
        step(
            Change::Remove,
            Subject::Issuer,
            &want.spot.own("issue"),
            "has no logins to change any more",
        )
        .run(format!("DROP PROCEDURE IF EXISTS {}", issuer::name(want)))
    })
}

/// Rights of other accounts on what goes: they would outlive it.
fn rights_of_others(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    let host = accounts_host(probe);
    let ours: Vec<&str> = Purpose::ALL
        .iter()
        .map(|purpose| purpose.name(want))
        .collect();
    let mut by_grantee: BTreeMap<&str, Changes> = BTreeMap::new();
    for grant in live
        .grants
        .iter()
        .filter(|grant| !ours.contains(&grant.grantee.as_str()))
    {
        let about_us = match &grant.on {
            Object::Database(pattern) => {
                want.spot.prefix.is_empty()
                    && (*pattern == names::pattern(&want.spot.database)
                        || *pattern == want.spot.database)
            }
            Object::Table(name) => !name.starts_with('`'),
            Object::Column(..) => true,
            Object::Routine(key) => !key.contains('`'),
            _ => false,
        };
        let is_admin = grant.grantee == names::key(&probe.user, host, host);
        if about_us && !is_admin && advisories::can_revoke(probe, want, grant) {
            by_grantee
                .entry(&grant.grantee)
                .or_default()
                .extra
                .insert(grant.clone());
        }
    }
    by_grantee
        .into_iter()
        .flat_map(|(grantee, changes)| grants::steps(want, grantee, &changes, "", host))
        .collect()
}

fn data(probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Option<Step> {
    let database = &want.spot.database;
    live.database.as_ref()?;
    let whole = want.isolation != Isolation::Tables;
    // On MariaDB the ledger says whose the accounts are: as long as they stay, so does it.
    let keep_ledger = keep.credentials && !is_mysql(probe);
    if whole && !keep_ledger {
        let note = format!(
            "with {} tables",
            live.tables.values().filter(|table| !table.view).count()
        );
        let step = step(Change::Remove, Subject::Database, database, &note);
        return Some(step.run(format!("DROP DATABASE IF EXISTS {}", ident(database))));
    }
    let note = if keep_ledger {
        "every object; the ledger stays, it says whose the accounts are"
    } else {
        "every object of this store"
    };
    let mut step = step(Change::Remove, Subject::Database, database, note);
    for (key, routine) in &live.routines {
        let keeps = keep_ledger && *key == issuer::key(want);
        if let Some((kind, name)) = key
            .split_once(' ')
            .filter(|_| !keeps && routine.kind != "trigger")
        {
            step = step.run(format!(
                "DROP {} IF EXISTS {}",
                kind.to_uppercase(),
                object(database, name)
            ));
        }
    }
    let own_ledger = want.spot.own("ledger");
    let tables: Vec<String> = live
        .tables
        .iter()
        .filter(|(name, table)| !table.view && **name != own_ledger)
        .map(|(name, _)| object(database, name))
        .collect();
    if !tables.is_empty() {
        // One statement, so that keys between them do not matter.
        step = step
            .run("SET SESSION foreign_key_checks = 0")
            .run(format!("DROP TABLE IF EXISTS {}", tables.join(", ")));
        step = step.run("SET SESSION foreign_key_checks = 1");
    }
    for sequence in live.sequences.keys() {
        step = step.run(format!(
            "DROP SEQUENCE IF EXISTS {}",
            object(database, sequence)
        ));
    }
    let step = match (keep_ledger, live.has_table(&own_ledger)) {
        (_, false) => step,
        (true, _) => step.run(format!(
            "DELETE FROM {} WHERE kind <> 'identity'",
            ledger::table(want)
        )),
        (false, _) => step.run(format!("DROP TABLE IF EXISTS {}", ledger::table(want))),
    };
    (!step.sql.is_empty()).then_some(step)
}
