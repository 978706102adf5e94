//! Who is a member of what: the two logins in the program's group, the issuer over its logins,
//! the administrator under the owner; and nobody else.
//!
//! Before 16 a membership is one thing; from 16 on it has options, and only who granted it may
//! take it back.

use std::collections::BTreeSet;

use freehold_engine::{At, Change, Grant, Object, Step, Subject};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::identities;
use crate::names::ident;

/// The options of one membership.
type Options = BTreeSet<&'static str>;

/// Memberships that must be: member, group, options.
fn wanted<'a>(case: &'a Case<'_>) -> Vec<(&'a str, &'a str, Options)> {
    let names = &case.want.identities;
    let options = |new: &'static [&'static str], old: &'static [&'static str]| -> Options {
        if case.has_options() { new } else { old }
            .iter()
            .copied()
            .collect()
    };
    let mut wanted: Vec<(&str, &str, Options)> = Vec::new();
    for login in &names.app.logins {
        wanted.push((
            login,
            &names.app.role,
            options(&["INHERIT"], &["INHERIT", "SET"]),
        ));
    }
    if case.has_options() {
        for login in case.want.logins() {
            wanted.push((&names.issuer, login, Options::from(["ADMIN"])));
        }
    }
    if let Some(admin) = case.plain_admin() {
        wanted.push((admin, &names.owner, Options::from(["SET"])));
    }
    wanted
}

fn found(case: &Case<'_>, member: &str, group: &str) -> BTreeSet<String> {
    let on = Object::Role(group.to_owned());
    let held = case
        .live
        .grants
        .iter()
        .filter(|grant| grant.grantee == member && grant.on == on);
    held.map(|grant| grant.privilege.clone()).collect()
}

/// Statements for the memberships that this member lacks.
pub(crate) fn missing(case: &Case<'_>, member: &str) -> Vec<String> {
    let lacking = wanted(case).into_iter().filter(|(who, group, options)| {
        let found = found(case, who, group);
        *who == member && options.iter().any(|option| !found.contains(*option))
    });
    lacking
        .map(|(member, group, options)| grant(case, member, group, &options))
        .collect()
}

fn grant(case: &Case<'_>, member: &str, group: &str, options: &Options) -> String {
    let plain = format!("GRANT {} TO {}", ident(group), ident(member));
    if !case.has_options() {
        return plain;
    }
    let truth = |option: &str| {
        if options.contains(option) {
            "TRUE"
        } else {
            "FALSE"
        }
    };
    let mut with = format!("INHERIT {}, SET {}", truth("INHERIT"), truth("SET"));
    // An administrator's own ADMIN comes from having made the role: granting it again would need it.
    if options.contains("ADMIN") {
        with.push_str(", ADMIN TRUE");
    }
    format!("{plain} WITH {with}")
}

/// Steps for memberships of roles that are there already, and for those that nobody described.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let members: BTreeSet<&str> = wanted(case).iter().map(|(member, _, _)| *member).collect();
    for member in members {
        // What a role made in this run needs is part of the step that makes it.
        let made_now = !case.has_role(member) && identities::all(case.want).contains(&member);
        let owner_made_now = !case.has_role(&case.want.identities.owner);
        let with_owner = case.plain_admin() == Some(member) && owner_made_now;
        let statements = missing(case, member);
        if made_now || with_owner || statements.is_empty() {
            continue;
        }
        let note = note_of(case, member);
        let step = Step::new(Change::Add, Subject::Access, At::Server, member, note);
        steps.push(
            statements
                .into_iter()
                .fold(step.run("SET LOCAL ROLE NONE"), Step::run),
        );
    }
    steps.extend(
        extra(case)
            .into_iter()
            .filter(|extra| extra.mendable && case.prunes())
            .map(|extra| extra.step),
    );
    steps
}

fn note_of(case: &Case<'_>, member: &str) -> String {
    let names = &case.want.identities;
    if case.plain_admin() == Some(member) {
        format!("may act as {}", names.owner)
    } else if member == names.issuer {
        "may change the passwords of these logins".to_owned()
    } else {
        format!("has the rights of {}", names.app.role)
    }
}

/// A membership, or an option of one, that nobody described.
pub(crate) struct Extra {
    pub(crate) member: String,
    pub(crate) group: String,
    pub(crate) statements: Vec<String>,
    /// Can this administrator take it back?
    pub(crate) mendable: bool,
    pub(crate) step: Step,
}

/// All of them.
pub(crate) fn extra(case: &Case<'_>) -> Vec<Extra> {
    let ours = identities::all(case.want);
    let pairs: BTreeSet<(&str, &str)> = case
        .live
        .grants
        .iter()
        .filter_map(|grant| Some((grant.grantee.as_str(), identities::group(&grant.on)?)))
        .collect();
    let mut all = Vec::new();
    for (member, group) in pairs {
        let migrator =
            member == case.want.identities.migrator || group == case.want.identities.migrator;
        if migrator || (case.is_administrator(member) && ours.contains(&group)) {
            continue;
        }
        let wanted: Options = wanted(case)
            .into_iter()
            .filter(|(who, of, _)| *who == member && *of == group)
            .flat_map(|(_, _, options)| options)
            .collect();
        let beyond: Vec<String> = found(case, member, group)
            .into_iter()
            .filter(|option| !wanted.contains(option.as_str()) && tells(case, &wanted, option))
            .collect();
        if !beyond.is_empty() {
            all.push(extra_of(case, member, group, &wanted, &beyond));
        }
    }
    all
}

/// Before 16 INHERIT and SET come and go with the membership and the role's own attribute.
fn tells(case: &Case<'_>, wanted: &Options, option: &str) -> bool {
    case.has_options() || wanted.is_empty() || option == "ADMIN"
}

fn extra_of(
    case: &Case<'_>,
    member: &str,
    group: &str,
    wanted: &Options,
    beyond: &[String],
) -> Extra {
    let grantors = facts::lines(case.live, Fact::Grantor, &format!("{member}/{group}"));
    let mut statements = Vec::new();
    for grantor in &grantors {
        let by = if case.has_options() {
            format!(" GRANTED BY {}", ident(grantor))
        } else {
            String::new()
        };
        if wanted.is_empty() {
            statements.push(format!(
                "REVOKE {} FROM {}{by} CASCADE",
                ident(group),
                ident(member)
            ));
        } else {
            let options = beyond.iter().map(|option| {
                format!(
                    "REVOKE {option} OPTION FOR {} FROM {}{by} CASCADE",
                    ident(group),
                    ident(member)
                )
            });
            statements.extend(options);
        }
    }
    let note = format!("{member} had the rights of {group}");
    let name = format!("{group} to {member}");
    let step = Step::new(Change::Remove, Subject::Access, At::Server, name, note)
        .run("SET LOCAL ROLE NONE");
    Extra {
        member: member.to_owned(),
        group: group.to_owned(),
        mendable: mendable(case, group, &grantors),
        step: statements.iter().cloned().fold(step, Step::run),
        statements,
    }
}

/// From 16 on only the grantor (or a superuser) takes a membership back, and only with ADMIN on
/// the group; before, anybody with CREATEROLE unless the group is a superuser.
fn mendable(case: &Case<'_>, group: &str, grantors: &BTreeSet<String>) -> bool {
    if case.probe.may("superuser") {
        return true;
    }
    let user = &case.probe.user;
    if case.has_options() {
        return grantors.iter().all(|grantor| grantor == user);
    }
    let powerful = case
        .live
        .roles
        .get(group)
        .is_some_and(|role| role.attributes.contains("superuser"));
    case.probe.may("createrole") && !powerful
}

/// Does the administrator have ADMIN on this role of ours, where the server asks for it?
pub(crate) fn administers(case: &Case<'_>, role: &str) -> bool {
    let held = Grant::new(&case.probe.user, Object::Role(role.to_owned()), "ADMIN");
    case.probe.may("superuser") || !case.has_options() || case.live.grants.contains(&held)
}
