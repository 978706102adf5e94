//! What closes a way that nobody described: the statement, as one would send it.
//!
//! Owns the words. Names are quoted for the audited server.

use std::fmt::Write as _;

use freehold_engine::audit::{Facts, Grantee, On, RelationKind, Rights};
use freehold_sql::{Dialect, quote_ident};

use super::scope::Scope;
use crate::audit::bodies::dialect;
use crate::audit::report::By;
use crate::audit::ways::{Through, Way, Ways};

/// The statement that closes one way of one login.
pub(super) fn of_way(scope: &Scope<'_>, ways: &Ways<'_, '_>, who: u32, way: &Way) -> String {
    let facts = scope.facts;
    let name = account(facts, who);
    let sql = match &way.through {
        Through::Role(role) => format!("REVOKE {} FROM {name}", account(facts, *role)),
        Through::View(view) => {
            format!("REVOKE ALL ON {} FROM {name}", relation(facts, *view))
        }
        Through::Routine(at) => {
            let own = &facts.routines[*at as usize];
            let public = if is_postgres(facts) { "PUBLIC, " } else { "" };
            let kind = if is_postgres(facts) {
                "FUNCTION"
            } else {
                "PROCEDURE"
            };
            let call = routine(facts, *at);
            let arguments = if is_postgres(facts) {
                format!("({})", own.arguments)
            } else {
                String::new()
            };
            format!("REVOKE EXECUTE ON {kind} {call}{arguments} FROM {public}{name}")
        }
        Through::Trigger(at) => {
            let own = &facts.triggers[*at];
            let on = if is_postgres(facts) {
                format!(" ON {}", relation(facts, own.relation))
            } else {
                String::new()
            };
            format!("DROP TRIGGER {}{on}", ident(facts, &own.name))
        }
        Through::Power(power, holder) => of_power(facts, power, &account(facts, *holder)),
        Through::Rights if way.by == By::Owner => {
            let owner = ident(facts, &scope.want.identities.owner);
            return some(&tables(scope, ways, who, &|at| {
                format!("ALTER TABLE {} OWNER TO {owner}", relation(facts, at))
            }));
        }
        Through::Rights => return some(&rights(scope, ways, who)),
    };
    code(&sql)
}

/// A statement as code within a text.
pub(super) fn code(sql: &str) -> String {
    // A backtick would end the code; names that need one are rare.
    format!("`{}`", sql.replace('`', ""))
}

/// The statement that ends a session.
pub(super) fn of_session(facts: &Facts, name: &str, database: &str) -> String {
    if is_postgres(facts) {
        return format!(
            "`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}' AND datname = '{}'`, or declare it under `access:`",
            name.replace('\'', "''"),
            database.replace('\'', "''")
        );
    }
    let user = name.rsplit_once('@').map_or(name, |(user, _)| user);
    format!(
        "`KILL` each `id` of `SELECT id FROM information_schema.processlist WHERE user = '{}' AND db = '{}'`, or declare it under `access:`",
        user.replace('\'', "''"),
        database.replace('\'', "''")
    )
}

fn of_power(facts: &Facts, power: &str, name: &str) -> String {
    if is_postgres(facts) {
        if power.starts_with("pg_") {
            return format!("REVOKE {power} FROM {name}");
        }
        return format!("ALTER ROLE {name} NO{power}");
    }
    format!("REVOKE {power} ON *.* FROM {name}")
}

/// Rights of its own, one statement for each thing that they are on.
fn rights(scope: &Scope<'_>, ways: &Ways<'_, '_>, who: u32) -> Vec<String> {
    let facts = scope.facts;
    let name = account(facts, who);
    let mut found = Vec::new();
    let own = facts
        .grants
        .iter()
        .filter(|own| own.to == Grantee::One(who));
    for grant in own {
        let rights: Vec<&str> = (grant.rights & Rights::ROWS)
            .names()
            .map(|name| match name {
                // These servers have no right to empty a table but that to drop it.
                "TRUNCATE" if !is_postgres(facts) => "DROP",
                name => name,
            })
            .collect();
        let rights = rights.join(", ");
        if rights.is_empty() {
            continue;
        }
        let inside = |at: u32| ways.tables.contains(&at);
        let on = match grant.on {
            On::Server => "*.*".to_owned(),
            On::Schema(at) => format!("{}.*", ident(facts, &facts.schemas[at as usize].name)),
            On::Relation(at) if inside(at) => relation(facts, at),
            On::Column(at, column) if inside(at) => {
                let column = &facts.relations[at as usize].columns[usize::from(column)];
                let column = ident(facts, column);
                let rights = rights.replace(", ", &format!(" ({column}), "));
                let sql = format!(
                    "REVOKE {rights} ({column}) ON {} FROM {name}",
                    relation(facts, at)
                );
                found.push(sql);
                continue;
            }
            _ => continue,
        };
        found.push(format!("REVOKE {rights} ON {on} FROM {name}"));
    }
    found
}

fn tables(
    scope: &Scope<'_>,
    ways: &Ways<'_, '_>,
    who: u32,
    sql: &dyn Fn(u32) -> String,
) -> Vec<String> {
    let owned = |at: &&u32| scope.facts.relations[**at as usize].owner == Some(who);
    ways.tables
        .iter()
        .filter(owned)
        .map(|at| sql(*at))
        .collect()
}

/// The first ones, and how many more there are.
fn some(sql: &[String]) -> String {
    let few = sql.iter().take(4).map(|own| code(own));
    let mut text = few.collect::<Vec<_>>().join("; ");
    if sql.len() > 4 {
        // Writing to a String cannot fail.
        let _ = write!(text, "; and {} more like these", sql.len() - 4);
    }
    text
}

fn is_postgres(facts: &Facts) -> bool {
    dialect(facts) == Dialect::Postgres
}

fn ident(facts: &Facts, name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) {
        return name.to_owned();
    }
    quote_ident(dialect(facts), name).unwrap_or_else(|_| name.to_owned())
}

/// A role; where accounts have hosts, with its host.
fn account(facts: &Facts, who: u32) -> String {
    let name = &facts.principals[who as usize].name;
    match name.rsplit_once('@').filter(|_| !is_postgres(facts)) {
        Some((user, host)) => format!(
            "'{}'@'{}'",
            user.replace('\'', "''"),
            host.replace('\'', "''")
        ),
        None => ident(facts, name),
    }
}

fn relation(facts: &Facts, at: u32) -> String {
    let own = &facts.relations[at as usize];
    let schema = ident(facts, &facts.schemas[own.schema as usize].name);
    let name = format!("{schema}.{}", ident(facts, &own.name));
    match own.kind {
        RelationKind::Sequence if is_postgres(facts) => format!("SEQUENCE {name}"),
        _ => name,
    }
}

fn routine(facts: &Facts, at: u32) -> String {
    let own = &facts.routines[at as usize];
    let schema = ident(facts, &facts.schemas[own.schema as usize].name);
    format!("{schema}.{}", ident(facts, &own.name))
}
