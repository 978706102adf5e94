//! The roles of a store: their names, what each must be, and the steps that make or mend them.
//!
//! A role and its mark are made in one transaction, so that no crash leaves one without the other.

use std::collections::BTreeSet;

use freehold_engine::{At, Change, Object, Role, Step, Subject, Want};
use freehold_model::Isolation;

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::names::{ident, idents, literal};

/// Does the store have a database to itself?
pub(crate) fn own_database(isolation: Isolation) -> bool {
    matches!(isolation, Isolation::Database | Isolation::Instance)
}

/// Every name that a role of this store may have.
pub(crate) fn all(want: &Want) -> Vec<&str> {
    let names = &want.identities;
    let mut all = vec![names.owner.as_str(), &names.app.role];
    all.extend(want.logins());
    all.extend([names.issuer.as_str(), &names.migrator]);
    all
}

/// The search path of the store's logins, as a statement writes it.
pub(crate) fn search_path(want: &Want) -> String {
    idents(path(want))
}

fn path(want: &Want) -> Vec<&str> {
    // Extensions of a shared database stand in `public`.
    if want.spot.schema != "public" && !want.extensions.is_empty() {
        vec![&want.spot.schema, "public"]
    } else {
        vec![&want.spot.schema]
    }
}

/// What a role must be.
struct Shape<'a> {
    name: &'a str,
    login: bool,
    attributes: BTreeSet<String>,
}

/// One identity as a person sees it: a name, what it is for, and its roles.
struct Identity<'a> {
    name: &'a str,
    note: String,
    roles: Vec<Shape<'a>>,
}

fn identities(want: &Want) -> Vec<Identity<'_>> {
    let names = &want.identities;
    let shape = |name, login| Shape {
        name,
        login,
        attributes: BTreeSet::new(),
    };
    let one = |name, note: &str, login| Identity {
        name,
        note: note.to_owned(),
        roles: vec![shape(name, login)],
    };
    let [first, second] = &names.app.logins;
    let mut issuer = one(
        names.issuer.as_str(),
        "changes the passwords of these logins only, cannot log in",
        false,
    );
    issuer.roles[0].attributes.insert("createrole".to_owned());
    vec![
        one(&names.owner, "owns the objects, cannot log in", false),
        Identity {
            name: &names.app.role,
            note: format!("the program's rights; two logins {first}, {second}"),
            roles: vec![
                shape(&names.app.role, false),
                shape(first, true),
                shape(second, true),
            ],
        },
        one(
            &names.sidecar,
            "freehold's own tables, nothing of the business",
            true,
        ),
        one(&names.backup, "reads everything of the store", true),
        issuer,
    ]
}

/// Steps that make what is missing and mend what is not as it should be.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for identity in identities(case.want) {
        let missing: Vec<_> = identity
            .roles
            .iter()
            .filter(|role| !case.has_role(role.name))
            .collect();
        if !missing.is_empty() {
            steps.push(make(case, &identity, &missing));
        }
        for shape in &identity.roles {
            steps.extend(
                case.live
                    .roles
                    .get(shape.name)
                    .and_then(|role| mend(case, shape, role)),
            );
        }
    }
    steps.extend(settings(case));
    steps
}

/// The owner alone, where it is missing: a store that is taken over needs it before all else.
pub(crate) fn owner(case: &Case<'_>) -> Option<Step> {
    let owner = &case.want.identities.owner;
    let identities = identities(case.want);
    let identity = identities.iter().find(|identity| identity.name == *owner)?;
    (!case.has_role(owner))
        .then(|| make(case, identity, &identity.roles.iter().collect::<Vec<_>>()))
}

fn make(case: &Case<'_>, identity: &Identity<'_>, missing: &[&Shape<'_>]) -> Step {
    let step = Step::new(
        Change::Add,
        Subject::Identity,
        At::Server,
        identity.name,
        &identity.note,
    );
    let mut step = step.run("SET LOCAL ROLE NONE");
    for shape in missing {
        step = step.run(create(shape)).run(comment(case.want, shape.name));
    }
    for shape in missing {
        for grant in case.missing_memberships(shape.name) {
            step = step.run(grant);
        }
    }
    // The administrator has to be able to act as the owner before anything can be given to it.
    if identity.name == case.want.identities.owner {
        for grant in case.missing_memberships(&case.probe.user) {
            step = step.run(grant);
        }
    }
    step
}

fn create(shape: &Shape<'_>) -> String {
    let login = if shape.login { "LOGIN" } else { "NOLOGIN" };
    let attributes: Vec<_> = shape
        .attributes
        .iter()
        .map(|word| word.to_uppercase())
        .collect();
    format!(
        "CREATE ROLE {} {login} INHERIT {}",
        ident(shape.name),
        attributes.join(" ")
    )
    .trim_end()
    .to_owned()
}

/// Marks a role as ours.
pub(crate) fn comment(want: &Want, role: &str) -> String {
    format!(
        "COMMENT ON ROLE {} IS {}",
        ident(role),
        literal(&want.mark())
    )
}

/// Attributes that somebody changed by hand, as far as this administrator may change them back.
fn mend(case: &Case<'_>, shape: &Shape<'_>, role: &Role) -> Option<Step> {
    let mut words = Vec::new();
    if role.can_login != shape.login {
        words.push(if shape.login {
            "LOGIN".to_owned()
        } else {
            "NOLOGIN".to_owned()
        });
    }
    // What cannot log in has no password that somebody knows, for the day it is let in again.
    let knows = role.can_login || role.has_password == Some(true);
    if !shape.login && knows {
        words.push("PASSWORD NULL".to_owned());
    }
    let missing = shape.attributes.difference(&role.attributes);
    words.extend(missing.map(|word| word.to_uppercase()));
    let extra: Vec<_> = role.attributes.difference(&shape.attributes).collect();
    let extra = extra
        .into_iter()
        .filter(|word| case.prunes() && may_change(case, word));
    words.extend(extra.map(|word| opposite(word)));
    if words.is_empty() {
        return None;
    }
    let note = format!("set back to {}", words.join(" ").to_lowercase());
    let step = Step::new(
        Change::Change,
        Subject::Identity,
        At::Server,
        shape.name,
        note,
    )
    .run("SET LOCAL ROLE NONE")
    .run(format!(
        "ALTER ROLE {} {}",
        ident(shape.name),
        words.join(" ")
    ));
    Some(step)
}

fn opposite(attribute: &str) -> String {
    match attribute.strip_prefix("no") {
        Some(word) => word.to_uppercase(),
        None => format!("NO{}", attribute.to_uppercase()),
    }
}

/// May the administrator change this attribute of another role? Before 16 some only as superuser,
/// from 16 on those that it has itself.
pub(crate) fn may_change(case: &Case<'_>, attribute: &str) -> bool {
    if case.probe.may("superuser") {
        return true;
    }
    match attribute {
        "superuser" => false,
        "replication" | "bypassrls" => case.has_options() && case.probe.may(attribute),
        "createdb" => !case.has_options() || case.probe.may("createdb"),
        _ => true,
    }
}

/// Attributes of our roles that this administrator cannot take back, with the statement that does.
pub(crate) fn stuck_attributes(case: &Case<'_>) -> Vec<(String, String, String)> {
    let mut stuck = Vec::new();
    for shape in identities(case.want)
        .iter()
        .flat_map(|identity| &identity.roles)
    {
        let Some(role) = case.live.roles.get(shape.name) else {
            continue;
        };
        for word in role.attributes.difference(&shape.attributes) {
            if !may_change(case, word) || !case.prunes() {
                let statement = format!("ALTER ROLE {} {}", ident(shape.name), opposite(word));
                stuck.push((shape.name.to_owned(), word.clone(), statement));
            }
        }
    }
    stuck
}

/// Settings bound to our logins: the search path where a schema is shared ground, nothing else.
fn settings(case: &Case<'_>) -> Vec<Step> {
    let want = case.want;
    let db = ident(&want.spot.database);
    let mut steps = Vec::new();
    for name in all(want) {
        if name == want.identities.migrator || !case.has_role(name) {
            continue;
        }
        let found = case
            .live
            .roles
            .get(name)
            .map(|role| role.settings.clone())
            .unwrap_or_default();
        let wanted = wanted_settings(want, name);
        let stuck = facts::lines(case.live, Fact::SuperuserSettings, name);
        let extra: Vec<_> = found
            .difference(&wanted)
            .filter(|setting| {
                case.prunes() && (case.probe.may("superuser") || !stuck.contains(*setting))
            })
            .collect();
        let missing = wanted.difference(&found).next().is_some();
        if extra.is_empty() && !missing {
            continue;
        }
        let change = if extra.is_empty() {
            Change::Add
        } else {
            Change::Change
        };
        let note = settings_note(&extra, &wanted);
        let mut step =
            Step::new(change, Subject::Access, At::Server, name, note).run("SET LOCAL ROLE NONE");
        for setting in extra {
            step = step.run(reset(name, setting, &db));
        }
        if !wanted.is_empty() {
            step = step.run(set_path(want, name));
        }
        steps.push(step);
    }
    steps
}

fn set_path(want: &Want, role: &str) -> String {
    format!(
        "ALTER ROLE {} IN DATABASE {} SET search_path = {}",
        ident(role),
        ident(&want.spot.database),
        search_path(want)
    )
}

fn settings_note(extra: &[&String], wanted: &BTreeSet<String>) -> String {
    if extra.is_empty() {
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        return format!("sets {}", wanted.join(", "));
    }
    let names: Vec<_> = extra
        .iter()
        .map(|setting| setting.trim_start_matches("*:"))
        .collect();
    format!("setting {} taken back", names.join(", "))
}

fn reset(role: &str, setting: &str, db: &str) -> String {
    let name = setting
        .trim_start_matches("*:")
        .split('=')
        .next()
        .unwrap_or_default();
    // Names of settings may have a dot between two identifiers.
    let name: Vec<_> = name.split('.').map(ident).collect();
    let place = if setting.starts_with("*:") {
        String::new()
    } else {
        format!(" IN DATABASE {db}")
    };
    format!("ALTER ROLE {}{place} RESET {}", ident(role), name.join("."))
}

/// Settings that only a superuser can take back, with the statement that does.
pub(crate) fn stuck_settings(case: &Case<'_>) -> Vec<(String, String, String)> {
    let db = ident(&case.want.spot.database);
    let mut stuck = Vec::new();
    for name in all(case.want) {
        let found = case
            .live
            .roles
            .get(name)
            .map(|role| role.settings.clone())
            .unwrap_or_default();
        let wanted = wanted_settings(case.want, name);
        let only_superuser = facts::lines(case.live, Fact::SuperuserSettings, name);
        let may = case.probe.may("superuser") && case.prunes();
        let migrator = name == case.want.identities.migrator;
        for setting in found.difference(&wanted).filter(|_| !may && !migrator) {
            if only_superuser.contains(setting) || !case.prunes() {
                stuck.push((name.to_owned(), setting.clone(), reset(name, setting, &db)));
            }
        }
    }
    stuck
}

fn wanted_settings(want: &Want, role: &str) -> BTreeSet<String> {
    if own_database(want.isolation)
        || !want.logins().contains(&role)
        || want.spot.schema == "public"
    {
        return BTreeSet::new();
    }
    BTreeSet::from([format!("search_path={}", path(want).join(", "))])
}

/// The role that a membership entry is about, if it is one.
pub(crate) fn group(on: &Object) -> Option<&str> {
    match on {
        Object::Role(role) => Some(role),
        _ => None,
    }
}
