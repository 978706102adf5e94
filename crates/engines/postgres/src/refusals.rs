//! What forbids to begin: names taken by somebody else, rights that the administrator lacks,
//! extensions that are not to be had, an old server.

use std::collections::BTreeSet;

use freehold_engine::{At, Error, ErrorKind, Mark, Probe, Result, Step, Subject};
use freehold_model::{Fault, Isolation};
use freehold_sql::{Dialect, quote_ident, quote_literal};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::identities;
use crate::membership::administers;
use crate::names::ident;

/// The oldest server that is meant to work.
const OLDEST: u32 = 150_000;

/// Before anything is looked at: its catalogs lack what is asked for.
pub(crate) fn of_age(probe: &Probe) -> Result<()> {
    if probe.version_num >= OLDEST {
        return Ok(());
    }
    let message = format!("PostgreSQL {} is too old, 15 is the oldest", probe.version);
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// Before anything is decided: names that cannot be written, names taken.
pub(crate) fn of_names(case: &Case<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(unwritable(case));
    faults.extend(taken(case));
    faults
}

fn unwritable(case: &Case<'_>) -> Vec<Fault> {
    let want = case.want;
    let names = identities::all(want)
        .into_iter()
        .chain([want.spot.database.as_str(), &want.spot.schema]);
    let others = want
        .access
        .iter()
        .map(|access| access.who.as_str())
        .chain(want.extensions.iter().map(String::as_str));
    let mut faults: Vec<Fault> = names
        .chain(others)
        .filter_map(|name| quote_ident(Dialect::Postgres, name).err())
        .map(|error| error.fault())
        .collect();
    faults.extend(
        quote_literal(Dialect::Postgres, &want.mark())
            .err()
            .map(|error| error.fault()),
    );
    faults
}

fn taken(case: &Case<'_>) -> Vec<Fault> {
    let want = case.want;
    let mut faults = Vec::new();
    if let Some(Mark::Foreign(whose)) = &case.live.database {
        faults.push(taken_name(case, "database", &want.spot.database, whose));
    }
    if let (Some(Mark::Foreign(whose)), Isolation::Schema) = (&case.live.schema, want.isolation) {
        faults.push(taken_name(case, "schema", &want.spot.schema, whose));
    }
    for name in identities::all(want) {
        if let Some(Mark::Foreign(mark)) = case.live.roles.get(name).map(|role| &role.mark) {
            let whose = if mark.starts_with("freehold:") {
                format!(": it is {mark}'s")
            } else {
                String::new()
            };
            faults.push(
                Fault::new("FH3103", format!("{}: there is a role {name} on the server that freehold did not make{whose}", want.label()))
                    .help("choose another name under `identities:` of the service")
                    .help(format!("or, if nobody needs it, remove it: DROP ROLE {}", ident(name))),
            );
        }
    }
    faults
}

/// The store is another one's of freehold: nobody takes it over.
pub(crate) fn taken_by(case: &Case<'_>, whose: &str) -> Fault {
    let (kind, name) = match case.want.isolation {
        Isolation::Schema => ("schema", &case.want.spot.schema),
        _ => ("database", &case.want.spot.database),
    };
    Fault::new(
        "FH3231",
        format!("{}: the {kind} {name} is freehold's already: it is {whose}'s", case.want.label()),
    )
    .help("give the service another `name:` under `store:`, or describe it as the service that has it")
}

fn taken_name(case: &Case<'_>, kind: &str, name: &str, whose: &str) -> Fault {
    Fault::new(
        "FH3101",
        format!(
            "{}: there is a {kind} {name} on the server that freehold did not make ({whose})",
            case.want.label()
        ),
    )
    .help("choose another `name:` under `store:` of the service")
    .help("or let freehold take it over: freehold adopt")
}

/// Roles named under `access` that are not there.
pub(crate) fn of_access(case: &Case<'_>) -> Vec<Fault> {
    let unknown = case
        .want
        .access
        .iter()
        .filter(|access| !case.has_role(&access.who));
    unknown
        .filter(|access| access.right != freehold_model::Right::Admin)
        .map(|access| {
            Fault::new(
                "FH3117",
                format!(
                    "{}: `access` names {}, and there is no such role on the server",
                    case.want.label(),
                    access.who
                ),
            )
            .help("make the role first, or correct `who:`; freehold makes no logins for people")
        })
        .collect()
}

/// Extensions that are neither installed nor to be had.
pub(crate) fn of_extensions(case: &Case<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in &case.want.extensions {
        if case.live.extensions.contains(name) {
            continue;
        }
        let how = facts::get(case.live, Fact::Available, name);
        if how.is_empty() {
            faults.push(
                Fault::new("FH3108", format!("{}: the extension {name} is not installed on this server", case.want.label()))
                    .help("install the package that has it on the server's machine, or take it from `extensions:`"),
            );
        } else if how == "superuser" && !case.probe.may("superuser") {
            faults.push(
                Fault::new(
                    "FH3108",
                    format!(
                        "{}: only a superuser may create the extension {name}",
                        case.want.label()
                    ),
                )
                .help(format!(
                    "as a superuser, in the database {}: CREATE EXTENSION {}",
                    case.want.spot.database,
                    ident(name)
                )),
            );
        }
    }
    faults
}

/// Rights that the administrator lacks for these steps: each with the statement that gives it.
pub(crate) fn of_rights(case: &Case<'_>, steps: &[Step]) -> Vec<Fault> {
    if case.probe.may("superuser") || case.is_migrator() {
        return Vec::new();
    }
    let needed = |subject| steps.iter().any(|step| step.subject == subject);
    let admin = ident(&case.probe.user);
    let mut lacking: BTreeSet<(String, String)> = BTreeSet::new();
    let mut lack = |right: &str, statement: String| {
        lacking.insert((right.to_owned(), statement));
    };
    let about_roles = needed(Subject::Identity) || needed(Subject::Issuer);
    if about_roles && !case.probe.may("createrole") {
        lack("CREATEROLE", format!("ALTER ROLE {admin} CREATEROLE"));
    }
    if case.is_fresh() && !case.probe.may("createdb") {
        lack("CREATEDB", format!("ALTER ROLE {admin} CREATEDB"));
    }
    of_shared_ground(case, steps, &mut lack);
    if !steps.is_empty() {
        let ours = identities::all(case.want);
        let there = ours.into_iter().filter(|name| case.has_role(name));
        for name in there.filter(|name| !administers(case, name)) {
            lack(
                &format!("ADMIN on {name}"),
                format!("GRANT {} TO {admin} WITH ADMIN OPTION", ident(name)),
            );
        }
    }
    if lacking.is_empty() {
        return Vec::new();
    }
    let rights: Vec<_> = lacking.iter().map(|(right, _)| right.as_str()).collect();
    let fault = Fault::new(
        "FH3102",
        format!(
            "{}: the administrator {} lacks {}",
            case.want.label(),
            case.probe.user,
            rights.join(", ")
        ),
    );
    vec![lacking.iter().fold(fault, |fault, (_, statement)| {
        fault.help(format!("as a superuser: {statement}"))
    })]
}

/// On ground that stores share, the administrator needs what the ground's owner has.
fn of_shared_ground(case: &Case<'_>, steps: &[Step], lack: &mut dyn FnMut(&str, String)) {
    let (admin, db) = (ident(&case.probe.user), ident(&case.want.spot.database));
    if case.owns_database() || !case.live.looked_inside {
        return;
    }
    let makes_schema = steps.iter().any(|step| step.subject == Subject::Schema);
    if makes_schema && !facts::yes(case.live, Fact::MayCreate, "") {
        lack(
            &format!("CREATE on database {}", case.want.spot.database),
            format!("GRANT CREATE ON DATABASE {db} TO {admin}"),
        );
    }
    if !crate::grants::door_steps(case).is_empty() && !facts::yes(case.live, Fact::MayLetIn, "") {
        lack(
            &format!(
                "the right to let others into database {}",
                case.want.spot.database
            ),
            format!("GRANT CONNECT ON DATABASE {db} TO {admin} WITH GRANT OPTION"),
        );
    }
    let access = |at| {
        steps
            .iter()
            .any(|step| step.subject == Subject::Access && step.at == at)
    };
    let schema = &case.want.spot.schema;
    let on_schema = case.want.isolation == Isolation::Tables
        && (access(At::Store) || steps.iter().any(|step| step.subject == Subject::Issuer));
    if on_schema && !facts::yes(case.live, Fact::SchemaMayGrant, schema) {
        lack(
            &format!("the right to grant on schema {schema}"),
            format!(
                "GRANT USAGE, CREATE ON SCHEMA {} TO {admin} WITH GRANT OPTION",
                ident(schema)
            ),
        );
    }
}
