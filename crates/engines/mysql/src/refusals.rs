//! What forbids to begin: names taken, rights that the admin lacks, holes, a server without TLS.
//!
//! Pure. Everything here is found before the first change.

use std::collections::BTreeSet;

use freehold_engine::{Live, Mark, Probe, Step, Want, adopted_faults};
use freehold_model::{Fault, Isolation};

use crate::identities::Purpose;
use crate::inspect::UNREADABLE;
use crate::names::{self, account, accounts_host, ident, parts};
use crate::probe::{holds, holds_on, is_mysql};
use crate::wanted::{accounts_of, owner_privileges};
use crate::{holes, plane};

/// How long a user name may be on `MySQL`; `MariaDB` has 80.
const MYSQL_USER_LIMIT: usize = 32;

/// Names that cannot be written, and levels that are not there. Nothing else is looked at then.
pub(crate) fn names(probe: &Probe, want: &Want) -> Vec<Fault> {
    if want.isolation == Isolation::Schema {
        let message = format!(
            "{}: {} has no schemas inside a database",
            want.label(),
            probe.product
        );
        return vec![
            Fault::new("FH3007", message).help("use isolation: database, which is the same there"),
        ];
    }
    if want.spot.database.is_empty() {
        let message = format!(
            "{}: at isolation `tables` the server's URL has to name the database",
            want.label()
        );
        return vec![
            Fault::new("FH3125", message)
                .help("add it to the server's `url:`, as in mysql://user@host/shop"),
        ];
    }
    let mut faults = names::faults(want);
    if is_mysql(probe) {
        let long = Purpose::ALL
            .map(|purpose| purpose.name(want))
            .into_iter()
            .filter(|name| name.chars().count() > MYSQL_USER_LIMIT);
        faults.extend(long.map(|name| {
            let message = format!("the name {name:?} is too long: MySQL allows {MYSQL_USER_LIMIT} characters for an account");
            Fault::new("FH1228", message).help("give the identity a shorter name under `identities:`")
        }));
    }
    faults
}

/// Everything else. `steps`: what would be done.
pub(crate) fn refusals(probe: &Probe, want: &Want, live: &Live, steps: &[Step]) -> Vec<Fault> {
    if live.facts.contains_key(UNREADABLE) {
        return vec![lacks(probe, want, &["SELECT on mysql.*".to_owned()])];
    }
    let mut refused = vec![];
    refused.extend(database(want, live));
    refused.extend(accounts(probe, want, live));
    refused.extend(holes::holes(want, live));
    refused.extend(access(probe, want, live));
    refused.extend(tls(probe, want));
    refused.extend(plane::refusal(probe, want, live));
    refused.extend(adopted_faults(&want.label(), &want.plane, live).0);
    let missing = missing_rights(probe, want);
    if !steps.is_empty() && !missing.is_empty() {
        refused.push(lacks(probe, want, &missing));
    }
    refused
}

/// What is somebody else's, before anything is taken away.
pub(crate) fn foreign(probe: &Probe, want: &Want, live: &Live) -> Vec<Fault> {
    if live.facts.contains_key(UNREADABLE) {
        return vec![lacks(probe, want, &["SELECT on mysql.*".to_owned()])];
    }
    database(want, live)
        .into_iter()
        .filter(|_| live.database.is_some())
        .chain(accounts(probe, want, live))
        .collect()
}

pub(crate) fn database(want: &Want, live: &Live) -> Option<Fault> {
    let name = &want.spot.database;
    match &live.database {
        Some(Mark::Foreign(found)) => {
            let what = if want.isolation == Isolation::Tables {
                want.spot.own("ledger")
            } else {
                format!("the database {name}")
            };
            let message = format!(
                "{}: {what} is there and somebody else's ({found})",
                want.label()
            );
            Some(
                Fault::new("FH3101", message)
                    .help("give the store another `name:`")
                    .help("or, if it is to be this service's: freehold adopt"),
            )
        }
        None if want.isolation == Isolation::Tables => {
            let message = format!(
                "{}: the database {name} that the server's URL names is not there",
                want.label()
            );
            Some(
                Fault::new("FH3125", message)
                    .help("create it, or name another one in the server's `url:`"),
            )
        }
        _ => None,
    }
}

fn accounts(probe: &Probe, want: &Want, live: &Live) -> Vec<Fault> {
    let host = accounts_host(probe);
    let ours = Purpose::ALL.map(|purpose| purpose.name(want));
    let taken = ours
        .iter()
        .filter(|name| {
            live.roles
                .get(**name)
                .is_some_and(|role| role.mark != Mark::Ours)
        })
        .map(|name| {
            let message = format!(
                "{}: the account {} is there and somebody else's",
                want.label(),
                account(name, host)
            );
            Fault::new("FH3103", message).help(
                "give the identity another name under `identities:`, or the store another `name:`",
            )
        });
    let elsewhere: BTreeSet<&str> = live
        .roles
        .iter()
        .filter(|(_, role)| role.mark == Mark::Ours)
        .map(|(key, _)| parts(key, host))
        .filter(|(user, found)| *found != host && ours.contains(user))
        .map(|(_, found)| found)
        .collect();
    let moved = elsewhere.into_iter().map(|found| {
        let message = format!(
            "{}: its accounts were made for the host `{found}`, and this admin enters as `{}`@`{host}`",
            want.label(),
            probe.user
        );
        Fault::new("FH3123", message)
            .help(format!("use the admin account whose host is `{found}`"))
            .help("or destroy the store's accounts first: freehold destroy --keep data")
    });
    taken.chain(moved).collect()
}

fn access(probe: &Probe, want: &Want, live: &Live) -> Vec<Fault> {
    let host = accounts_host(probe);
    let missing = want
        .access
        .iter()
        .filter(|access| accounts_of(&access.who, live, host).next().is_none());
    missing
        .map(|access| {
            let message = format!(
                "{}: `access` names {}, and the server has no such account",
                want.label(),
                access.who
            );
            Fault::new("FH3117", message).help("create the account first, or take the entry out")
        })
        .collect()
}

fn tls(probe: &Probe, want: &Want) -> Option<Fault> {
    let has = probe
        .settings
        .get("have_ssl")
        .map_or(is_mysql(probe), |state| state.eq_ignore_ascii_case("YES"));
    (want.require_tls && !has && !probe.tls).then(|| {
        let message = format!(
            "{}: `require_tls` is set, and the server offers no TLS",
            want.label()
        );
        Fault::new("FH3110", message)
            .help("give the server a certificate, or set `require_tls: false`")
    })
}

/// The rights that making and changing this store takes, and that this login does not hold.
fn missing_rights(probe: &Probe, want: &Want) -> Vec<String> {
    let (rights, database, mysql) = (&probe.rights, &want.spot.database, is_mysql(probe));
    let any = |names: &[&str]| names.iter().any(|name| holds(rights, name));
    let mut missing = vec![];
    let mut need = |held: bool, name: &str| {
        if !held {
            missing.push(name.to_owned());
        }
    };
    need(any(&["create user"]), "CREATE USER");
    need(
        any(&["grant option"]),
        "GRANT OPTION on what it holds on the whole server",
    );
    need(any(&["process"]), "PROCESS");
    need(
        any(&["connection admin", "super"]),
        if mysql {
            "CONNECTION_ADMIN"
        } else {
            "CONNECTION ADMIN"
        },
    );
    if mysql {
        need(
            any(&["set any definer", "set user id", "super"]),
            "SET_ANY_DEFINER (before 8.2: SET_USER_ID)",
        );
        need(any(&["show routine", "select"]), "SHOW_ROUTINE");
    } else {
        need(any(&["set user", "super"]), "SET USER");
    }
    need(holds_on(rights, "select", "mysql"), "SELECT on mysql.*");
    let on_database = owner_privileges(mysql)
        .into_iter()
        .filter(|privilege| !holds_on(rights, privilege, database));
    for privilege in on_database {
        need(false, &format!("{privilege} on {database}.*"));
    }
    need(
        holds_on(rights, "grant option", database),
        &format!("GRANT OPTION on {database}.*"),
    );
    missing
}

fn lacks(probe: &Probe, want: &Want, missing: &[String]) -> Fault {
    let admin = account(&probe.user, accounts_host(probe));
    let message = format!(
        "{}: the admin {admin} lacks {}",
        want.label(),
        missing.join(", ")
    );
    let global = if is_mysql(probe) {
        "CREATE USER, PROCESS, CONNECTION_ADMIN, SET_ANY_DEFINER, SHOW_ROUTINE"
    } else {
        "CREATE USER, PROCESS, CONNECTION ADMIN, SET USER"
    };
    let database = ident(&names::pattern(&want.spot.database));
    Fault::new("FH3102", message)
        .help(format!(
            "as an administrator of the server: GRANT {global} ON *.* TO {admin} WITH GRANT OPTION"
        ))
        .help(format!("GRANT SELECT ON mysql.* TO {admin}"))
        .help(format!(
            "GRANT ALL PRIVILEGES ON {database}.* TO {admin} WITH GRANT OPTION"
        ))
}
