//! From what is to what is described: the steps, what forbids to begin, and what stays open.
//!
//! Pure. The order is such that after a crash at any statement the next diff knows its own: first
//! what carries the mark (the database on `MariaDB`, the owner account on `MySQL`), then the ledger,
//! then the accounts, then what they may do. Every statement commits for itself.

use std::collections::BTreeMap;

use freehold_engine::{
    At, Change, Diff, Grant, LEDGER_FORMAT, Live, Mark, Object, Probe, Step, Subject, Want,
    difference,
};
use freehold_model::Right;

use crate::grants::{self, Changes};
use crate::identities::{self, Purpose};
use crate::names::{self, accounts_host};
use crate::probe::is_mysql;
use crate::wanted::{accounts_of, wanted};
use crate::{advisories, issuer, ledger, plane, refusals, sagas};

/// The whole difference.
pub(crate) fn diff(probe: &Probe, want: &Want, live: &Live) -> Diff {
    let refused = refusals::names(probe, want);
    if !refused.is_empty() {
        return Diff {
            refused,
            ..Diff::default()
        };
    }
    let mut diff = Diff {
        advisory: advisories::standing(probe, want, live),
        ..Diff::default()
    };
    let owner = identity_step(probe, want, live, Purpose::Owner);
    let database = database_step(probe, want, live);
    // MySQL has no comment on a database: there the owner's account says whose it is.
    if is_mysql(probe) {
        diff.steps.extend(owner.into_iter().chain(database));
        diff.steps.extend(ledger_step(want, live));
    } else {
        diff.steps.extend(database);
        diff.steps.extend(ledger_step(want, live));
        diff.steps.extend(owner);
    }
    let others = [
        Purpose::App(0),
        Purpose::App(1),
        Purpose::Sidecar,
        Purpose::Backup,
        Purpose::Issuer,
    ];
    diff.steps.extend(
        others
            .into_iter()
            .filter_map(|purpose| identity_step(probe, want, live, purpose)),
    );
    diff.steps.extend(plane::steps(probe, want, live));
    diff.steps.extend(sagas::steps(probe, want, live));
    let (access, grants) = rights(probe, want, live, &mut diff);
    // The issuer's account needs its right before the procedure is of use, the procedure has to be
    // there before it can be granted.
    // What gives comes before what takes: somebody may hold by a way that is about to close what
    // it should hold by its own, and is at work meanwhile.
    let gives = |step: &Step| step.change == Change::Add;
    let (access, mut taking): (Vec<_>, Vec<_>) = access.into_iter().partition(gives);
    let (grants, exchanging): (Vec<_>, Vec<_>) = grants.into_iter().partition(gives);
    taking.extend(exchanging);
    taking.sort_by_key(|step| step.change == Change::Remove);
    diff.steps.extend(access);
    diff.steps.extend(issuer_step(probe, want, live));
    diff.steps.extend(grants);
    diff.steps.extend(taking);
    diff.steps.extend(server_wide(probe, want, live));
    diff.refused = refusals::refusals(probe, want, live, &diff.steps);
    diff
}

fn database_step(probe: &Probe, want: &Want, live: &Live) -> Option<Step> {
    live.database.is_none().then(|| {
        let name = names::ident(&want.spot.database);
        let mark = want.mark().replace('\'', "''");
        let comment = if is_mysql(probe) {
            String::new()
        } else {
            format!(" COMMENT = '{mark}'")
        };
        let note = format!("owner {}, cannot log in", want.identities.owner);
        Step::new(
            Change::Add,
            Subject::Database,
            At::Server,
            &want.spot.database,
            note,
        )
        .not_atomic()
        .run(format!(
            "CREATE DATABASE {name} CHARACTER SET = utf8mb4{comment}"
        ))
    })
}

fn ledger_step(want: &Want, live: &Live) -> Option<Step> {
    let name = want.spot.own("ledger");
    let step = |change, note: String| {
        Step::new(change, Subject::Ledger, At::Server, &name, note).not_atomic()
    };
    let step = match live.ledger_format {
        None => step(Change::Add, "what was applied, made and adopted".to_owned())
            .run(ledger::definition(want)),
        Some(found) if found < LEDGER_FORMAT => {
            let step = step(
                Change::Change,
                format!(
                    "from format {found} to {LEDGER_FORMAT}: knows how far a batched migration is"
                ),
            );
            let has_column = live.tables[&name].columns.iter().any(|it| it == "upto");
            if has_column {
                step
            } else {
                step.run(ledger::upgrade(want))
            }
        }
        Some(_) => return None,
    };
    Some(step.run(ledger::note_format(want)))
}

fn identity_step(probe: &Probe, want: &Want, live: &Live, purpose: Purpose) -> Option<Step> {
    let name = purpose.name(want);
    match live.roles.get(name) {
        None => Some(identities::create(probe, want, purpose)),
        Some(role) if role.mark == Mark::Ours => identities::mend(probe, want, purpose, role),
        Some(_) => None,
    }
}

fn issuer_step(probe: &Probe, want: &Want, live: &Live) -> Option<Step> {
    let (host, mysql) = (accounts_host(probe), is_mysql(probe));
    let change = match live.routines.get(&issuer::key(want)) {
        None => Change::Add,
        Some(found) if issuer::is_intact(want, host, mysql, found) => return None,
        Some(_) => Change::Change,
    };
    let note = "gives this store's logins a new password, nothing else";
    let step = Step::new(
        change,
        Subject::Issuer,
        At::Server,
        want.spot.own("issue"),
        note,
    )
    .not_atomic();
    let step = issuer::create(want, host, mysql)
        .into_iter()
        .fold(step, Step::run);
    // Dropping a procedure takes the rights on it along.
    let callers = [&want.identities.issuer, &want.identities.sidecar];
    Some(callers.into_iter().fold(step, |step, caller| {
        step.run(issuer::grant(want, caller, host))
    }))
}

/// The steps about rights: those on the server and databases, and those on objects.
fn rights(probe: &Probe, want: &Want, live: &Live, diff: &mut Diff) -> (Vec<Step>, Vec<Step>) {
    let host = accounts_host(probe);
    let found = live
        .grants
        .iter()
        .filter(|grant| concerns(want, grant))
        .cloned()
        .collect();
    let difference = difference(&wanted(want, live, is_mysql(probe), host), &found);
    let issuer_is_new = issuer_step(probe, want, live).is_some();
    let issue = Object::Routine(issuer::key(want));
    let mut by_grantee: BTreeMap<String, Changes> = BTreeMap::new();
    for grant in difference.missing {
        // The issuer's step gives these itself.
        if !(issuer_is_new && grant.on == issue) {
            by_grantee
                .entry(grant.grantee.clone())
                .or_default()
                .missing
                .insert(grant);
        }
    }
    let mut left: BTreeMap<String, Changes> = BTreeMap::new();
    for grant in difference
        .extra
        .into_iter()
        .filter(|grant| !tolerated(probe, want, live, grant))
    {
        let verdict = judge(probe, want, &grant);
        if !matches!(verdict, Verdict::TakeBack)
            && let Some(changes) = by_grantee.get_mut(&grant.grantee)
        {
            // It is held, and may be handed on: giving it once more would change nothing.
            changes.missing.remove(&Grant {
                grantable: false,
                ..grant.clone()
            });
        }
        match verdict {
            Verdict::TakeBack => by_grantee
                .entry(grant.grantee.clone())
                .or_default()
                .extra
                .insert(grant),
            Verdict::Leave => left
                .entry(grant.grantee.clone())
                .or_default()
                .extra
                .insert(grant),
            Verdict::Beyond(fault) => {
                if !diff.advisory.contains(&fault) {
                    diff.advisory.push(fault);
                }
                false
            }
        };
    }
    diff.advisory.extend(
        left.iter()
            .map(|(grantee, changes)| advisories::not_pruned(want, grantee, &changes.extra)),
    );
    let steps = by_grantee.iter().flat_map(|(grantee, changes)| {
        let note = identities::rights_note(want, grantee, changes);
        grants::steps(want, grantee, changes, &note, host)
    });
    steps.partition(|step| step.subject == Subject::Access)
}

enum Verdict {
    TakeBack,
    Leave,
    Beyond(freehold_model::Fault),
}

fn judge(probe: &Probe, want: &Want, grant: &Grant) -> Verdict {
    let about_us = |pattern: &str| {
        *pattern == names::pattern(&want.spot.database) || *pattern == want.spot.database
    };
    match &grant.on {
        Object::Database(pattern) if !is_ours(want, &grant.grantee) && !about_us(pattern) => {
            Verdict::Beyond(advisories::wildcard(probe, want, &grant.grantee, pattern))
        }
        Object::Server if grant.grantee == names::PUBLIC => {
            Verdict::Beyond(advisories::everybody(want, grant))
        }
        _ if !advisories::can_revoke(probe, want, grant) => {
            Verdict::Beyond(advisories::beyond_admin(probe, want, grant))
        }
        _ if want.prune => Verdict::TakeBack,
        _ => Verdict::Leave,
    }
}

fn is_ours(want: &Want, grantee: &str) -> bool {
    let names = &want.identities;
    grantee == names.owner || grantee == names.issuer || want.logins().contains(&grantee)
}

/// Is this right held by one of ours, or does it reach what is ours?
fn concerns(want: &Want, grant: &Grant) -> bool {
    is_ours(want, &grant.grantee)
        || match &grant.on {
            // At isolation `tables` the database is everybody's.
            Object::Database(pattern) => {
                want.spot.prefix.is_empty() && names::matches(pattern, &want.spot.database)
            }
            Object::Role(role) => is_ours(want, role),
            // What everybody may on the whole server, this store's logins may too.
            Object::Server => grant.grantee == names::PUBLIC,
            Object::Table(name) => !name.starts_with('`'),
            Object::Routine(key) => !key.contains('`'),
            _ => true,
        }
}

/// Admins hold what they hold: this one, and those that `access` names as such.
fn tolerated(probe: &Probe, want: &Want, live: &Live, grant: &Grant) -> bool {
    let host = accounts_host(probe);
    let admin = names::key(&probe.user, host, host);
    let declared = want
        .access
        .iter()
        .filter(|access| access.right == Right::Admin);
    grant.grantee == admin
        || declared
            .into_iter()
            .any(|access| accounts_of(&access.who, live, host).any(|key| *key == grant.grantee))
}

fn server_wide(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    let anonymous = live
        .roles
        .keys()
        .filter(|key| want.server_wide && advisories::is_anonymous(key));
    anonymous
        .map(|key| {
            let account = names::account_of(key, accounts_host(probe));
            Step::new(
                Change::Remove,
                Subject::Server,
                At::Server,
                &account,
                "anybody could log in without a name",
            )
            .not_atomic()
            .run(format!("DROP USER {account}"))
        })
        .collect()
}
