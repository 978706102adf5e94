//! What this server, version or administrator cannot enforce or undo. Never silent, never a
//! reason to stop: each with the exact statement where there is one.

use freehold_model::{Fault, Isolation};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::grants;
use crate::identities;
use crate::membership;
use crate::names::ident;
use crate::words;

/// All of them for this store.
pub(crate) fn advisories(case: &Case<'_>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = beyond_rights(case).into_iter().collect();
    faults.extend(open_databases(case));
    faults.extend(tls(case));
    if !case.has_options() {
        faults.push(issuer_on_15(case));
    }
    faults.extend(stuck(case));
    faults.extend(strangers(case));
    faults.extend(elsewhere(case));
    faults.extend(extensions(case));
    faults.extend(left_by_prune(case));
    faults.extend(definers(case));
    faults.extend(administrators(case));
    faults
}

fn label(case: &Case<'_>) -> String {
    case.want.label()
}

/// What PostgreSQL has no right for, or gives to everybody.
fn beyond_rights(case: &Case<'_>) -> Option<Fault> {
    if case.is_migrator() {
        return None;
    }
    let message = format!(
        "{}: some things PostgreSQL refuses to no login of a server that it shares: connections up to the limit, temporary files, WAL messages, the notification queue",
        label(case)
    );
    let mut fault = Fault::new("FH3106", message)
        .help("on the server: ALTER ROLE … CONNECTION LIMIT, temp_file_limit, statement_timeout; or `isolation: instance`")
        .help("in its own database a login can also make large objects, change its own password and its own settings; the last is taken back by `apply`");
    if !case.owns_database() {
        let what = match case.want.isolation {
            Isolation::Tables => "advisory locks, channels and tables' names",
            _ => "advisory locks and channels",
        };
        fault = fault.help(format!(
            "in the shared database {}, {what} of other services are in reach",
            case.want.spot.database
        ));
        if facts::yes(case.live, Fact::DatabasePublicTemp, "") {
            fault = fault.help(format!("anyone may make temporary tables there: REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", ident(&case.want.spot.database)));
        }
    }
    Some(fault)
}

fn open_databases(case: &Case<'_>) -> Option<Fault> {
    let open: Vec<String> = facts::lines(case.live, Fact::OpenDatabases, "")
        .into_iter()
        .collect();
    if open.is_empty() || case.is_migrator() {
        return None;
    }
    let names: Vec<&str> = open.iter().map(String::as_str).collect();
    let cannot: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !facts::get(case.live, Fact::OpenOwner, name).is_empty())
        .collect();
    let message = format!(
        "{}: its logins can enter {} too, since PUBLIC may",
        label(case),
        words::some(&names, "other databases")
    );
    if !case.want.server_wide {
        let fault = Fault::new("FH3106", message).help(
            "freehold apply --server-wide closes them, and lists first who would lose something",
        );
        return Some(fault.help(format!("they are: {}", names.join(", "))));
    }
    let mine = case.probe.may("superuser");
    if mine || cannot.is_empty() {
        return None;
    }
    let fault = Fault::new("FH3105", message);
    Some(cannot.iter().fold(fault, |fault, name| {
        fault.help(format!(
            "as a superuser: REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC",
            ident(name)
        ))
    }))
}

fn tls(case: &Case<'_>) -> Option<Fault> {
    if !case.want.require_tls || case.is_migrator() {
        return None;
    }
    let ssl = case
        .probe
        .settings
        .get("ssl")
        .is_some_and(|ssl| ssl == "on");
    let plain = facts::get(case.live, Fact::PlainHba, "");
    if !ssl {
        return Some(
            Fault::new(
                "FH3110",
                format!(
                    "{}: TLS is required by the description, and the server has none (ssl = off)",
                    label(case)
                ),
            )
            .help("give the server a certificate and set ssl = on"),
        );
    }
    if !case.probe.may("superuser") {
        return Some(
            Fault::new("FH3110", format!("{}: PostgreSQL cannot require TLS of a login, only pg_hba.conf can, and {} may not read it", label(case), case.probe.user))
                .help("see that its lines for these logins say `hostssl`"),
        );
    }
    let fault = Fault::new(
        "FH3110",
        format!(
            "{}: TLS is required by the description, and pg_hba.conf lets plain connections in",
            label(case)
        ),
    );
    (!plain.is_empty()).then(|| {
        plain.lines().fold(fault, |fault, line| {
            fault.help(format!("make it `hostssl`: {line}"))
        })
    })
}

fn issuer_on_15(case: &Case<'_>) -> Fault {
    Fault::new(
        "FH3111",
        format!("{}: before PostgreSQL 16, CREATEROLE reaches every role: the body of {} is the only fence around {}", label(case), crate::issuer::function(&case.want.spot), case.want.identities.issuer),
    )
    .help("from 16 on the server itself keeps it to this store's logins")
}

fn only_superuser(case: &Case<'_>, what: &str, statements: &[String]) -> Fault {
    let fault = Fault::new(
        "FH3105",
        format!(
            "{}: {what}, and {} may not take it back",
            label(case),
            case.probe.user
        ),
    );
    statements.iter().fold(fault, |fault, statement| {
        fault.help(format!("as a superuser: {statement}"))
    })
}

fn stuck(case: &Case<'_>) -> Vec<Fault> {
    if case.is_migrator() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let left = |what: String, statement: &String| {
        if case.prunes() {
            only_superuser(case, &what, std::slice::from_ref(statement))
        } else {
            Fault::new(
                "FH3116",
                format!("{}: {what}, and `prune` is off", label(case)),
            )
            .help(statement.clone())
        }
    };
    for (role, attribute, statement) in identities::stuck_attributes(case) {
        faults.push(left(
            format!("{role} has the attribute {}", attribute.to_uppercase()),
            &statement,
        ));
    }
    for (role, setting, statement) in identities::stuck_settings(case) {
        faults.push(left(
            format!("{role} has the setting {setting}"),
            &statement,
        ));
    }
    for extra in membership::extra(case) {
        if extra.mendable && case.prunes() {
            continue;
        }
        let what = format!("{} has the rights of {}", extra.member, extra.group);
        let statement = extra.statements.join("; ");
        faults.push(left(what, &statement));
    }
    faults
}

fn strangers(case: &Case<'_>) -> Vec<Fault> {
    let owner = ident(&case.want.identities.owner);
    grants::strangers(case)
        .into_iter()
        .map(|(kind, name, whose)| {
            let word = if kind == "function" { "ROUTINE" } else { &kind.to_uppercase() };
            let place = if kind == "function" {
                crate::names::qualified_routine(&case.want.spot, &name)
            } else {
                crate::names::qualified(&case.want.spot, &name)
            };
            Fault::new("FH3113", format!("{}: the {kind} {name} in the store belongs to {whose}: its rights are not managed", label(case)))
                .help(format!("as a superuser: ALTER {word} {place} OWNER TO {owner}"))
                .help("or move it to another place, if it is not the service's")
        })
        .collect()
}

fn elsewhere(case: &Case<'_>) -> Vec<Fault> {
    let held = facts::all(case.live, Fact::Elsewhere);
    held.into_iter()
        .map(|(role, databases)| {
            let names: Vec<&str> = databases.lines().collect();
            Fault::new(
                "FH3114",
                format!(
                    "{}: {role} owns something or holds rights in {} too",
                    label(case),
                    names.join(", ")
                ),
            )
            .help(format!(
                "connected there, as a superuser: DROP OWNED BY {} (removes what it owns there)",
                ident(&role)
            ))
        })
        .collect()
}

fn extensions(case: &Case<'_>) -> Vec<Fault> {
    let known =
        |name: &str| name == "plpgsql" || case.want.extensions.iter().any(|wanted| wanted == name);
    let undescribed = case
        .live
        .extensions
        .iter()
        .filter(|name| case.owns_database() && !known(name));
    undescribed
        .map(|name| {
            Fault::new("FH3115", format!("{}: the extension {name} is installed and not described: every login of the store may run its functions", label(case)))
                .help(format!("name it under `extensions:`, or drop it in a migration: DROP EXTENSION {}", ident(name)))
        })
        .collect()
}

fn left_by_prune(case: &Case<'_>) -> Vec<Fault> {
    grants::left(case)
        .into_iter()
        .map(|(who, rights)| {
            Fault::new(
                "FH3116",
                format!(
                    "{}: {who} holds {}, which nobody described, and `prune` is off",
                    label(case),
                    words::rights_on(&rights)
                ),
            )
            .help("describe it under `access:`, or set `prune: true` on the store to take it back")
        })
        .collect()
}

/// Functions that run with their owner's rights are given to nobody; a developer should know.
fn definers(case: &Case<'_>) -> Vec<Fault> {
    let issue = crate::issuer::key(&case.want.spot);
    let found = case.live.routines.iter().filter(|(name, routine)| {
        routine.definer
            && routine.kind != "trigger"
            && **name != issue
            && case.owned(&routine.owner)
            && facts::get(case.live, Fact::Returns, name) != "trigger"
    });
    found
        .map(|(name, routine)| {
            Fault::new("FH3118", format!("{}: the function {name} is SECURITY DEFINER: it would run with all rights of {}, so nobody is given it", label(case), routine.owner))
                .help("make it SECURITY INVOKER in a migration, if the program is to call it")
        })
        .collect()
}

/// Other administrators who can act as the owner: shown, since they could give it to themselves.
fn administrators(case: &Case<'_>) -> Vec<Fault> {
    let owner = freehold_engine::Object::Role(case.want.identities.owner.clone());
    let mut names: Vec<&str> = case
        .live
        .grants
        .iter()
        .filter(|grant| {
            grant.on == owner && grant.privilege != "ADMIN" && grant.grantee != case.probe.user
        })
        .map(|grant| grant.grantee.as_str())
        .filter(|name| {
            case.is_administrator(name)
                && !case.want.access.iter().any(|access| access.who == *name)
        })
        .collect();
    names.dedup();
    if case.is_migrator() {
        return Vec::new();
    }
    names
        .into_iter()
        .map(|name| {
            Fault::new(
                "FH3112",
                format!(
                    "{}: the administrator {name} may act as {}",
                    label(case),
                    case.want.identities.owner
                ),
            )
            .help("name it under `access:` with `rights: admin`, or take it back by hand")
            .help(format!(
                "REVOKE {} FROM {}",
                ident(&case.want.identities.owner),
                ident(name)
            ))
        })
        .collect()
}
