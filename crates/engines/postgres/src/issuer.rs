//! The function with which a store's passwords are changed later, without an administrator: it
//! takes a login of this store and a verifier, and does nothing else.
//!
//! It runs as the issuer role. From 16 on the server itself keeps that role to its logins; on 15
//! CREATEROLE reaches every role, so the body is the only fence (FH3111).

use freehold_engine::{At, Change, Grant, Object, Spot, Step, Subject, Want, difference};

use crate::case::Case;
use crate::names::{ident, idents, literal, qualified};
use crate::rows::routine_fingerprint;
use crate::verifier::FORM;
use crate::wanted::wanted;

const SETTINGS: &str = "search_path=pg_catalog, pg_temp";

/// The function as a statement writes it, without arguments.
pub(crate) fn function(spot: &Spot) -> String {
    qualified(spot, &spot.own("issue"))
}

/// The key of the function among the store's routines.
pub(crate) fn key(spot: &Spot) -> String {
    format!("{}(text, text)", spot.own("issue"))
}

fn body(want: &Want) -> String {
    let logins = want.logins().map(literal);
    format!(
        "
BEGIN
  IF login IS NULL OR login NOT IN ({}) THEN
    RAISE EXCEPTION 'this is no login of the store' USING ERRCODE = 'insufficient_privilege';
  ELSIF verifier IS NULL THEN
    EXECUTE format('ALTER ROLE %I PASSWORD NULL', login);
  ELSIF verifier ~ {} THEN
    EXECUTE format('ALTER ROLE %I PASSWORD %L', login, verifier);
  ELSE
    RAISE EXCEPTION 'this is no SCRAM-SHA-256 verifier' USING ERRCODE = 'invalid_parameter_value';
  END IF;
END
",
        logins.join(", "),
        literal(FORM),
    )
}

fn fingerprint(want: &Want) -> String {
    routine_fingerprint("plpgsql", true, &[SETTINGS.to_owned()], &body(want))
}

/// The step that makes the function, or brings it and its rights back.
pub(crate) fn step(case: &Case<'_>) -> Option<Step> {
    if !case.knows_inside() {
        return None;
    }
    let want = case.want;
    let names = &want.identities;
    let found = case.live.routines.get(&key(&want.spot));
    let same = found.is_some_and(|routine| {
        routine.definer && routine.owner == names.issuer && routine.fingerprint == fingerprint(want)
    });
    if same && !rights_differ(case) {
        return None;
    }
    let change = if found.is_some() {
        Change::Change
    } else {
        Change::Add
    };
    let note = format!("new passwords for {}", want.logins().join(", "));
    let step = Step::new(
        change,
        Subject::Issuer,
        At::Store,
        want.spot.own("issue"),
        note,
    );
    Some(make(
        case,
        step,
        found.is_some_and(|routine| routine.owner != names.issuer),
    ))
}

/// Does anybody but the sidecar and the owner run it?
fn rights_differ(case: &Case<'_>) -> bool {
    let on = Object::Routine(key(&case.want.spot));
    let only = |grants: std::collections::BTreeSet<Grant>| {
        grants.into_iter().filter(|g| g.on == on).collect()
    };
    let difference = difference(&only(wanted(case)), &only(case.live.grants.clone()));
    !difference.missing.is_empty() || (case.prunes() && !difference.extra.is_empty())
}

fn make(case: &Case<'_>, step: Step, replace: bool) -> Step {
    let want = case.want;
    let names = &want.identities;
    let (owner, issuer) = (ident(&names.owner), ident(&names.issuer));
    let (schema, function) = (ident(&want.spot.schema), function(&want.spot));
    let admin = case.plain_admin().map(ident);
    let options = if case.has_options() {
        " WITH INHERIT FALSE, SET TRUE"
    } else {
        ""
    };
    let mut step = step.run("SET LOCAL ROLE NONE");
    if let Some(admin) = &admin {
        step = step.run(format!("GRANT {issuer} TO {admin}{options}"));
    }
    let lends = want.isolation != freehold_model::Isolation::Tables;
    // A schema's owner may make and drop what is in it: in a schema of ours that is the store's
    // owner, in a shared one its administrator.
    let lend = if lends {
        format!("SET LOCAL ROLE {owner}")
    } else {
        "SET LOCAL ROLE NONE".to_owned()
    };
    if replace {
        let drop = format!("DROP FUNCTION {function}(text, text)");
        step = step.run(lend.clone()).run(drop);
    }
    step = step
        .run(lend.clone())
        .run(format!(
            "GRANT USAGE, CREATE ON SCHEMA {schema} TO {issuer}"
        ))
        .run(format!("SET LOCAL ROLE {issuer}"))
        .run(format!(
            "CREATE OR REPLACE FUNCTION {function}(login text, verifier text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $freehold${}$freehold$",
            body(want)
        ))
        .run(format!(
            "REVOKE ALL ON FUNCTION {function}(text, text) FROM PUBLIC CASCADE"
        ));
    for stranger in strangers(case) {
        step = step.run(format!(
            "REVOKE ALL ON FUNCTION {function}(text, text) FROM {} CASCADE",
            ident(&stranger)
        ));
    }
    step = step
        .run(format!(
            "GRANT EXECUTE ON FUNCTION {function}(text, text) TO {}",
            idents([names.owner.as_str(), &names.sidecar])
        ))
        .run(lend)
        .run(format!("REVOKE ALL ON SCHEMA {schema} FROM {issuer}"))
        .run("SET LOCAL ROLE NONE");
    if let Some(admin) = &admin {
        step = step.run(format!("REVOKE {issuer} FROM {admin}"));
    }
    if lends { step } else { case.on_ground(step) }
}

/// Who holds a right on it now, PUBLIC apart.
fn strangers(case: &Case<'_>) -> Vec<String> {
    let on = Object::Routine(key(&case.want.spot));
    let held = case
        .live
        .grants
        .iter()
        .filter(|grant| grant.on == on && grant.grantee != "PUBLIC");
    let mut names: Vec<String> = held.map(|grant| grant.grantee.clone()).collect();
    names.dedup();
    names
}
