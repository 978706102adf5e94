//! What this server cannot enforce or undo, said with a code and never a reason to stop.
//!
//! Pure. What is told here is what the attack list of the tests calls *advisory*: each attempt that
//! the server lets through must have its sentence here.

use std::collections::BTreeSet;

use freehold_engine::{Grant, Live, Mark, Object, Probe, Want, adopted_faults};
use freehold_model::{Fault, Isolation};

use crate::grants::shown;
use crate::identities::Purpose;
use crate::names::{self, account_of, accounts_host};
use crate::probe::{covers_entry, holds, holds_on, is_mysql};
use crate::{holes, issuer};

/// Everything that holds for this server and this store, whatever state it is in.
pub(crate) fn standing(probe: &Probe, want: &Want, live: &Live) -> Vec<Fault> {
    [
        forgeable(probe, want, live),
        Some(issuer_fence(want)),
        triggers(probe),
        Some(own_password(want)),
        shared_server(probe, want),
        neighbours(want),
        durability(probe),
        anonymous(probe, want, live),
    ]
    .into_iter()
    .flatten()
    .chain(namesakes(probe, want, live))
    .chain(adopted_faults(&want.label(), &want.plane, live).1)
    .collect()
}

fn setting<'a>(probe: &'a Probe, name: &str) -> &'a str {
    probe.settings.get(name).map_or("", String::as_str)
}

fn is_on(probe: &Probe, name: &str) -> bool {
    matches!(
        setting(probe, name).to_uppercase().as_str(),
        "ON" | "1" | "YES"
    )
}

/// What of an append-only table's rows the program decides and the server should.
fn forgeable(probe: &Probe, want: &Want, live: &Live) -> Option<Fault> {
    let appended = live
        .tables
        .iter()
        .filter(|(name, _)| holes::is_append_only(want, name));
    let tables: Vec<&str> = appended.map(|(name, _)| name.as_str()).collect();
    let what = if is_mysql(probe) {
        "switch off the check of foreign keys"
    } else {
        "choose ids and switch off the check of foreign keys"
    };
    (!tables.is_empty()).then(|| {
        let message = format!("{}: the program can {what} for the rows that it adds to {}", want.label(), tables.join(", "));
        let fault = Fault::new("FH3120", message);
        if is_mysql(probe) {
            fault.help("MySQL lets every login set foreign_key_checks for its session")
        } else {
            fault.help("MariaDB refuses INSERT … RETURNING where INSERT is given by column, so it is given on the whole table")
        }
    })
}

fn issuer_fence(want: &Want) -> Fault {
    let message = format!(
        "{}: the procedure {} runs with CREATE USER, which reaches every account of the server; only its text keeps it to this store's logins",
        want.label(),
        issuer::shown(want)
    );
    Fault::new("FH3128", message)
        .help("its account is locked, and `freehold plan` notices when its text changes")
}

fn triggers(probe: &Probe) -> Option<Fault> {
    (is_on(probe, "log_bin") && !is_on(probe, "log_bin_trust_function_creators")).then(|| {
        Fault::new("FH3121", "the server writes a binlog and trusts no function creators: CREATE TRIGGER and CREATE FUNCTION in a migration will fail (1419)")
            .help("as an administrator of the server: SET GLOBAL log_bin_trust_function_creators = 1")
    })
}

fn own_password(want: &Want) -> Fault {
    let message = format!(
        "{}: a login can change its own password and lock the program out; the server has no right for that",
        want.label()
    );
    Fault::new("FH3122", message).help("`freehold creds` issues a new one")
}

fn shared_server(probe: &Probe, want: &Want) -> Option<Fault> {
    if want.isolation == Isolation::Instance {
        return None;
    }
    let prepared = if is_mysql(probe) {
        ""
    } else {
        ", other sessions' prepared XA transactions"
    };
    let message = format!(
        "{}: on a shared server every login reaches locks of GET_LOCK{prepared}, memory, temporary space and the number of connections",
        want.label()
    );
    Some(
        Fault::new("FH3127", message)
            .help("where that matters, give the service a server of its own (isolation: instance)"),
    )
}

fn neighbours(want: &Want) -> Option<Fault> {
    (want.isolation == Isolation::Tables).then(|| {
        let message = format!(
            "{}: at isolation `tables` the owner holds its rights on the whole database {}; during a migration it can reach its neighbours' tables",
            want.label(),
            want.spot.database
        );
        Fault::new("FH3106", message).help("isolation: database keeps them apart for migrations too")
    })
}

fn durability(probe: &Probe) -> Option<Fault> {
    let flush = setting(probe, "innodb_flush_log_at_trx_commit");
    (!flush.is_empty() && flush != "1").then(|| {
        let message = format!("innodb_flush_log_at_trx_commit is {flush}: the server may lose the last committed transactions in a crash");
        Fault::new("FH3129", message).help("as an administrator of the server: SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    })
}

fn anonymous(probe: &Probe, want: &Want, live: &Live) -> Option<Fault> {
    let found: Vec<String> = live
        .roles
        .iter()
        .filter(|(key, role)| is_anonymous(key) && role.can_login)
        .map(|(key, _)| account_of(key, accounts_host(probe)))
        .collect();
    (!found.is_empty() && !want.server_wide).then(|| {
        let message = format!(
            "anybody can log in to the server without a name ({})",
            found.join(", ")
        );
        Fault::new("FH3126", message).help(format!(
            "freehold apply --server-wide, or: DROP USER {}",
            found.join(", ")
        ))
    })
}

/// Accounts of the store's names at other hosts: who comes from there enters as somebody else.
fn namesakes(probe: &Probe, want: &Want, live: &Live) -> Vec<Fault> {
    let host = accounts_host(probe);
    let ours = Purpose::ALL.map(|purpose| purpose.name(want));
    let others = live.roles.iter().filter(|(key, role)| {
        let (user, found) = names::parts(key, host);
        role.mark != Mark::Ours && found != host && ours.contains(&user)
    });
    others
        .map(|(key, _)| {
            let account = account_of(key, host);
            let message = format!("{}: {account} has the name of an identity of this store and was not made by freehold", want.label());
            Fault::new("FH3126", message).help(format!("if nobody needs it: DROP USER {account}"))
        })
        .collect()
}

/// The account without a name, at this store's host or another.
pub(crate) fn is_anonymous(key: &str) -> bool {
    key.is_empty() || key.starts_with('@')
}

/// A right that somebody holds through an entry that is not about this store alone.
pub(crate) fn wildcard(probe: &Probe, want: &Want, grantee: &str, pattern: &str) -> Fault {
    let who = account_of(grantee, accounts_host(probe));
    let message = format!(
        "{}: {who} reaches the database {} through its rights on `{pattern}`",
        want.label(),
        want.spot.database
    );
    Fault::new("FH3124", message)
        .help("name it under `access:` with `rights: admin` if that is meant")
        .help(format!("else, as an administrator of the server: REVOKE ALL PRIVILEGES, GRANT OPTION ON `{pattern}`.* FROM {who}"))
}

/// A right on the whole server that everybody holds: not this store's to take away.
pub(crate) fn everybody(want: &Want, grant: &Grant) -> Fault {
    let message = format!(
        "{}: PUBLIC, and with it every login of this store, holds {} on the whole server",
        want.label(),
        grant.privilege
    );
    Fault::new("FH3124", message).help(format!(
        "as an administrator of the server: REVOKE {} ON *.* FROM PUBLIC",
        grant.privilege
    ))
}

/// Rights that nobody declared and that stay, since the store says `prune: false`.
pub(crate) fn not_pruned(want: &Want, grantee: &str, extra: &BTreeSet<Grant>) -> Fault {
    let rights: Vec<String> = extra
        .iter()
        .take(4)
        .map(|grant| format!("{}{}", grant.privilege, shown(&grant.on)))
        .collect();
    let more = extra.len().saturating_sub(4);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let message = format!(
        "{}: {grantee} holds {}{more}, which nobody declared",
        want.label(),
        rights.join(", ")
    );
    Fault::new("FH3116", message)
        .help("name it under `access:`, or let the store say `prune: true`")
}

/// A right that this admin cannot take back.
pub(crate) fn beyond_admin(probe: &Probe, want: &Want, grant: &Grant) -> Fault {
    let host = accounts_host(probe);
    let who = account_of(&grant.grantee, host);
    let message = format!(
        "{}: {who} holds {}{}, and this admin cannot take it back",
        want.label(),
        grant.privilege,
        shown(&grant.on)
    );
    let statement = match &grant.on {
        Object::Role(role) if grant.privilege == "PROXY" => {
            format!("REVOKE PROXY ON {} FROM {who}", account_of(role, host))
        }
        Object::Role(role) => format!("REVOKE {} FROM {who}", account_of(role, host)),
        Object::Server => format!("REVOKE {} ON *.* FROM {who}", grant.privilege),
        Object::Database(pattern) => {
            format!("REVOKE {} ON `{pattern}`.* FROM {who}", grant.privilege)
        }
        _ => format!(
            "REVOKE {}{} FROM {who}",
            grant.privilege,
            shown(&grant.on).replacen(" on", " ON", 1)
        ),
    };
    Fault::new("FH3105", message).help(format!("as an administrator of the server: {statement}"))
}

/// Can this admin take the right back?
pub(crate) fn can_revoke(probe: &Probe, want: &Want, grant: &Grant) -> bool {
    let global = holds(&probe.rights, "all") || holds(&probe.rights, "super");
    match &grant.on {
        Object::Server => {
            holds(&probe.rights, &grant.privilege.replace('_', " "))
                && holds(&probe.rights, "grant option")
        }
        // A role can be taken back by who administers it; on MySQL by ROLE_ADMIN.
        Object::Role(_) => {
            is_mysql(probe)
                && grant.privilege != "PROXY"
                && (global || holds(&probe.rights, "role admin"))
        }
        // A pattern is compared as it is written: rights on `svc\_%` do not cover the entry `svc_a`.
        Object::Database(pattern) => {
            *pattern == names::pattern(&want.spot.database)
                || covers_entry(&probe.rights, &grant.privilege, pattern)
        }
        Object::Table(name) | Object::Routine(name) => {
            let elsewhere = names::database_of(name.trim_start_matches(|c| c != '`'));
            let may = |database: &str| {
                let both = [grant.privilege.as_str(), "grant option"];
                both.iter()
                    .all(|right| holds_on(&probe.rights, right, database))
            };
            elsewhere.is_none_or(|database| may(&database))
        }
        _ => true,
    }
}
