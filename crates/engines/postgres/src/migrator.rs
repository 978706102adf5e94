//! The migrator: made for one run, acts as the owner, and is gone afterwards with its sessions,
//! also after a crash. Whatever it owns goes to the owner.

use freehold_engine::{At, Change, Migrator, Probe, Sql, Step, Subject, Want};

use crate::case::Case;
use crate::identities::{comment, own_database, search_path};
use crate::names::{ident, literal};

/// How long the migrator's password is good for a new login.
const GOOD_FOR: &str = "6 hours";

/// How it comes and goes.
pub(crate) fn migrator(probe: &Probe, want: &Want) -> Migrator {
    Migrator {
        login: Some(want.identities.migrator.clone()),
        open: vec![open(probe, want)],
        close: close(probe, want),
    }
}

fn open(probe: &Probe, want: &Want) -> Step {
    let name = &want.identities.migrator;
    let (migrator, owner, db) = (
        ident(name),
        ident(&want.identities.owner),
        ident(&want.spot.database),
    );
    let options = if probe.version_num >= 160_000 {
        " WITH INHERIT TRUE, SET TRUE"
    } else {
        ""
    };
    let mut step = Step::new(
        Change::Add,
        Subject::Identity,
        At::Server,
        name,
        "for this run only",
    )
    .run("SET LOCAL ROLE NONE")
    .run(only_ours(
        want,
        &format!(
            "IF NOT there THEN CREATE ROLE {migrator} NOLOGIN INHERIT; {}; END IF",
            comment(want, name)
        ),
    ))
    .run(format!("GRANT {owner} TO {migrator}{options}"))
    .run(format!(
        "ALTER ROLE {migrator} IN DATABASE {db} SET role = {}",
        literal(&want.identities.owner)
    ));
    if !own_database(want.isolation) {
        step = step.run(format!(
            "ALTER ROLE {migrator} IN DATABASE {db} SET search_path = {}",
            search_path(want)
        ));
    }
    step.run_sql(Sql::with_verifier(format!("ALTER ROLE {migrator} LOGIN PASSWORD "), name, "")).run(format!(
        "DO $freehold$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I VALID UNTIL %L', {}, pg_catalog.now() + pg_catalog.interval '{GOOD_FOR}'); END $freehold$",
        literal(name)
    ))
}

/// First nobody can log in any more, which commits; then sessions, objects and role go.
fn close(probe: &Probe, want: &Want) -> Vec<Step> {
    let name = &want.identities.migrator;
    let (migrator, owner) = (ident(name), ident(&want.identities.owner));
    let shut = Step::new(
        Change::Remove,
        Subject::Identity,
        At::Server,
        name,
        "can log in no more",
    )
    .run("SET LOCAL ROLE NONE")
    .run(only_ours(
        want,
        &format!("IF there THEN ALTER ROLE {migrator} NOLOGIN PASSWORD NULL; END IF"),
    ));
    let join = match (probe.may("superuser"), probe.version_num >= 160_000) {
        (true, _) => String::new(),
        (false, true) => format!(
            "GRANT {migrator} TO {} WITH INHERIT TRUE, SET TRUE; ",
            ident(&probe.user)
        ),
        (false, false) => format!("GRANT {migrator} TO {}; ", ident(&probe.user)),
    };
    let body = format!(
        "IF there THEN {join}{}SET LOCAL ROLE {migrator}; REASSIGN OWNED BY {migrator} TO {owner}; DROP OWNED BY {migrator}; SET LOCAL ROLE NONE; DROP ROLE {migrator}; END IF",
        end_sessions(&[name])
    );
    let remove = Step::new(
        Change::Remove,
        Subject::Identity,
        At::Store,
        name,
        "removed; what it owned is the owner's",
    )
    .run("SET LOCAL ROLE NONE")
    .run(only_ours(want, &body));
    vec![shut, remove]
}

/// Statements of a DO block that end all sessions of these logins and wait for their end.
pub(crate) fn end_sessions(logins: &[&str]) -> String {
    format!(
        "PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename OPERATOR(pg_catalog.=) ANY ({}) AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid(); ",
        crate::names::name_array(logins.iter().copied())
    )
}

/// A block that does nothing to a role of this name that is not ours: `there` tells whether it is.
fn only_ours(want: &Want, body: &str) -> String {
    let name = literal(&want.identities.migrator);
    format!(
        "DO $freehold$
DECLARE
  mark text := (SELECT coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) {name}::name);
  there boolean := mark IS NOT NULL;
BEGIN
  IF there AND mark OPERATOR(pg_catalog.<>) {} THEN
    RAISE EXCEPTION 'the role % is somebody else''s', {name} USING ERRCODE = 'duplicate_object';
  END IF;
  {body};
END $freehold$",
        literal(&want.mark())
    )
}

/// A migrator that a run which was cut off left behind; or, asked by the migrator itself, what a
/// migration made as the migrator instead of the owner.
pub(crate) fn left_over(case: &Case<'_>) -> Vec<Step> {
    let (name, owner) = (&case.want.identities.migrator, &case.want.identities.owner);
    if case.is_migrator() {
        let owns = case.live.tables.values().any(|table| table.owner == *name)
            || case
                .live
                .routines
                .values()
                .any(|routine| routine.owner == *name);
        let step = Step::new(
            Change::Change,
            Subject::Grant,
            At::Store,
            owner,
            "takes over what the migration made in its own name",
        )
        .run("SET LOCAL ROLE NONE")
        .run(format!(
            "REASSIGN OWNED BY {} TO {}",
            ident(name),
            ident(owner)
        ))
        .run(format!("SET LOCAL ROLE {}", ident(owner)));
        return if owns { vec![step] } else { Vec::new() };
    }
    if !case.has_role(name) || !case.knows_inside() {
        return Vec::new();
    }
    let mut steps = close(case.probe, case.want);
    for step in &mut steps {
        if step.at == At::Store {
            "left by a run that was cut off".clone_into(&mut step.note);
        }
        if case.is_fresh() || case.is_closed() {
            step.at = At::Server;
        }
    }
    steps
}
