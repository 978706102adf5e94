//! Ways in that are there in any database, described or not, each with its repair.
//!
//! Owns what is called a finding and under which code. What a description adds to it is in
//! `described`.

use std::collections::BTreeSet;

use freehold_engine::audit::{Facts, Grantee, LinkKind, On, Rights};

use super::names::shown;
use super::reach::Reach;
use super::report::Finding;
use super::ways::Ways;

/// All of them, in a stable order. `ours`: routines that freehold made for a described store.
pub(crate) fn findings(
    reach: &Reach<'_>,
    ways: &Ways<'_, '_>,
    ours: &dyn Fn(u32) -> bool,
) -> Vec<Finding> {
    let facts = reach.facts();
    let mut found = Vec::new();
    leftovers(facts, &mut found);
    entrances(facts, &mut found);
    definers(reach, ways, ours, &mut found);
    wildcards(facts, &mut found);
    links(facts, &mut found);
    defaults(facts, &mut found);
    everybody(facts, ways, &mut found);
    found.sort();
    found.dedup();
    found
}

fn push(found: &mut Vec<Finding>, code: &str, message: String, repair: String) {
    found.push(Finding {
        code: code.to_owned(),
        message,
        repair,
    });
}

/// Sessions that go on although their login is gone.
fn leftovers(facts: &Facts, found: &mut Vec<Finding>) {
    for session in facts
        .sessions
        .iter()
        .filter(|own| own.login.is_none() || own.principal.is_none())
    {
        let login = session.login.as_deref().map_or_else(
            || "a login that was dropped".to_owned(),
            |login| format!("`{login}`, a login that was dropped,"),
        );
        let from = if session.address.is_empty() {
            "a local socket"
        } else {
            &session.address
        };
        push(
            found,
            "FH2301",
            format!("{} sessions of {login} go on from {from}", session.count),
            "end them: `SELECT pg_terminate_backend(pid)`, on MySQL `KILL`".to_owned(),
        );
    }
}

/// Databases that everybody may enter.
fn entrances(facts: &Facts, found: &mut Vec<Finding>) {
    for grant in facts.grants.iter().filter(|own| own.to == Grantee::Public) {
        if let On::Database(at) = grant.on
            && grant.rights.has(Rights::CONNECT)
            && facts.rules.databases_are_gates
        {
            let own = &facts.databases[at as usize];
            if own.name == facts.server.database && !own.closed {
                push(
                    found,
                    "FH2302",
                    format!(
                        "everybody who may log in may enter `{}`, and everybody to come",
                        own.name
                    ),
                    format!(
                        "`REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC`, then grant it to those who need it",
                        own.name
                    ),
                );
            }
        }
    }
}

/// Routines that let callers past their own rights.
fn definers(
    reach: &Reach<'_>,
    ways: &Ways<'_, '_>,
    ours: &dyn Fn(u32) -> bool,
    found: &mut Vec<Finding>,
) {
    let facts = reach.facts();
    for ((own, body), at) in facts.routines.iter().zip(ways.bodies()).zip(0u32..) {
        let (Some(owner), true, false) = (own.owner, own.definer, own.for_triggers) else {
            continue;
        };
        if ours(at) {
            continue;
        }
        let callers: Vec<&str> = (0u32..)
            .zip(&facts.principals)
            .filter(|(who, principal)| {
                principal.may_login
                    && !principal.superuser
                    && !reach.people.is(*who, owner)
                    && reach.runs(*who, at)
            })
            .map(|(_, principal)| principal.name.as_str())
            .collect();
        let tables: BTreeSet<String> = body
            .touches
            .keys()
            .map(|table| shown(facts, *table))
            .collect();
        if callers.is_empty() || tables.is_empty() && !body.any {
            continue;
        }
        let what = if body.any {
            "runs what it is given".to_owned()
        } else {
            let tables: Vec<String> = tables.iter().map(|table| format!("`{table}`")).collect();
            format!("touches {}", tables.join(", "))
        };
        let few = callers.iter().take(3).map(|name| format!("`{name}`"));
        let mut few: Vec<String> = few.collect();
        if callers.len() > 3 {
            few.push(format!("{} more", callers.len() - 3));
        }
        let call = format!("{}({})", own.name, own.arguments);
        push(
            found,
            "FH2303",
            format!(
                "`{call}` {what} with the rights of `{}`; {} may call it",
                facts.principals[owner as usize].name,
                few.join(", ")
            ),
            format!(
                "`REVOKE EXECUTE ON FUNCTION {call} FROM PUBLIC`, grant it to its callers only, or make it SECURITY INVOKER"
            ),
        );
    }
}

/// Rights that were given on a pattern.
fn wildcards(facts: &Facts, found: &mut Vec<Finding>) {
    for grant in facts.grants.iter().filter(|own| own.wildcard) {
        if let (On::Schema(at), Grantee::One(who)) = (grant.on, grant.to) {
            let name = &facts.principals[who as usize].name;
            push(
                found,
                "FH2304",
                format!(
                    "a right of `{name}` is written with a wildcard and reaches `{}`",
                    facts.schemas[at as usize].name
                ),
                "write `\\_` for an underscore: REVOKE it, GRANT it on the exact name".to_owned(),
            );
        }
    }
}

/// Ways to other servers.
fn links(facts: &Facts, found: &mut Vec<Finding>) {
    for link in facts
        .links
        .iter()
        .filter(|own| own.kind != LinkKind::Publication)
    {
        let to = link
            .target
            .as_deref()
            .map_or_else(String::new, |target| format!(" to {target}"));
        let users: Vec<String> = link
            .mappings
            .iter()
            .map(|own| match own.who {
                Grantee::Public => "everybody".to_owned(),
                Grantee::One(who) => format!("`{}`", facts.principals[who as usize].name),
            })
            .collect();
        let users = if users.is_empty() {
            String::new()
        } else {
            format!(", used by {}", users.join(", "))
        };
        push(
            found,
            "FH2305",
            format!(
                "`{}` leads to another server{to} by {}{users}",
                link.name, link.wrapper
            ),
            match link.kind {
                LinkKind::Functions => {
                    "`DROP EXTENSION dblink`, or REVOKE EXECUTE on its functions".to_owned()
                }
                LinkKind::ForeignServer => format!(
                    "`DROP SERVER {} CASCADE`, or declare it under `access:`",
                    link.name
                ),
                _ => "drop it, or declare it under `access:`".to_owned(),
            },
        );
    }
}

/// Rights on tables to come.
fn defaults(facts: &Facts, found: &mut Vec<Finding>) {
    for own in facts
        .defaults
        .iter()
        .filter(|own| own.kind == "tables" && own.rights.has_any(Rights::ROWS))
    {
        let owner = &facts.principals[own.owner as usize].name;
        let to = match own.to {
            Grantee::Public => "PUBLIC".to_owned(),
            Grantee::One(who) => facts.principals[who as usize].name.clone(),
        };
        let rights: Vec<&str> = (own.rights & Rights::ROWS).names().collect();
        push(
            found,
            "FH2306",
            format!(
                "each table that `{owner}` will make opens to `{to}`: {}",
                rights.join(", ")
            ),
            format!(
                "`ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE ALL ON TABLES FROM {to}`; grant table by table"
            ),
        );
    }
}

/// Tables that are everybody's.
fn everybody(facts: &Facts, ways: &Ways<'_, '_>, found: &mut Vec<Finding>) {
    for (table, rights) in ways.tables.iter().zip(ways.of_public()) {
        if rights.has_any(Rights::ROWS) {
            let name = shown(facts, *table);
            let rights: Vec<&str> = rights.names().collect();
            push(
                found,
                "FH2307",
                format!("everybody may {} `{name}`", rights.join(", ")),
                format!("`REVOKE ALL ON {name} FROM PUBLIC`"),
            );
        }
    }
}
