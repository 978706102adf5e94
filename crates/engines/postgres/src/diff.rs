//! From probe, wish and state to steps, refusals and advisories. Pure: the same input gives the
//! same answer, and a store that is as wanted gives no step.
//!
//! This file owns the order; each part has its own. Owner first, since the database is made for
//! it; rights last, since they name everything else.

use freehold_engine::{At, Change, Diff, Step, Subject, adopted_faults};
use freehold_model::Isolation;

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::names::{grantee, ident, literal};
use crate::wanted::wanted;
use crate::{
    advisories, grants, holes, identities, issuer, ledger, membership, migrator, plane, refusals,
    sagas, server_wide,
};

/// The changes that make `live` what is wanted.
pub(crate) fn diff(case: &Case<'_>) -> Diff {
    let mut refused = refusals::of_names(case);
    if !refused.is_empty() {
        return Diff {
            refused,
            ..Diff::default()
        };
    }
    refused.extend(refusals::of_access(case));
    refused.extend(refusals::of_extensions(case));
    refused.extend(holes::holes(case));
    let (lacking, mut advisory) = if case.knows_inside() {
        adopted_faults(&case.want.label(), &case.want.plane, case.live)
    } else {
        Default::default()
    };
    refused.extend(lacking);
    let steps = steps(case);
    refused.extend(refusals::of_rights(case, &steps));
    if !case.knows_inside() && steps.is_empty() {
        refused.push(
            freehold_model::Fault::new(
                "FH3001",
                format!(
                    "{}: the database {} could not be looked into",
                    case.want.label(),
                    case.want.spot.database
                ),
            )
            .help("see that it takes connections, then run the command again"),
        );
    }
    advisory.splice(..0, advisories::advisories(case));
    Diff {
        steps,
        refused,
        advisory,
    }
}

/// What gives comes before what takes: somebody may hold by a way that is about to close what it
/// should hold by its own, and is at work meanwhile.
fn steps(case: &Case<'_>) -> Vec<Step> {
    let mut steps = migrator::left_over(case);
    let mut taking = Taking::default();
    steps.extend(taking.apart(identities::steps(case)));
    steps.extend(taking.apart(membership::steps(case)));
    steps.extend(database(case));
    steps.extend(doors(case));
    steps.extend(taking.apart(grants::door_steps(case)));
    steps.extend(schema(case));
    steps.extend(taking.apart(grants::ground_steps(case)));
    steps.extend(extensions(case));
    steps.extend(ledger::step(case));
    steps.extend(plane::steps(case));
    steps.extend(sagas::steps(case));
    steps.extend(issuer::step(case));
    steps.extend(taking.apart(grants::steps(case)));
    steps.extend(taking.in_order());
    steps.extend(server_wide::steps(case));
    steps
}

/// Steps that take something, put off until everything is given.
#[derive(Default)]
struct Taking(Vec<Step>);

impl Taking {
    fn apart(&mut self, steps: Vec<Step>) -> Vec<Step> {
        let (giving, taking) = steps
            .into_iter()
            .partition(|step: &Step| step.change == Change::Add);
        self.0.extend::<Vec<Step>>(taking);
        giving
    }

    /// Rights that are exchanged (given and taken in one transaction) first, then those that are
    /// only taken; roles and what they are last, since they may be why the others hold.
    fn in_order(mut self) -> Vec<Step> {
        self.0
            .sort_by_key(|step| match (step.subject, step.change) {
                (Subject::Identity, _) => 2,
                (_, Change::Remove) => 1,
                _ => 0,
            });
        self.0
    }
}

fn database(case: &Case<'_>) -> Option<Step> {
    if !case.is_fresh() {
        return None;
    }
    let (name, owner) = (&case.want.spot.database, &case.want.identities.owner);
    let note = format!("owner {owner}, cannot log in");
    let create = format!(
        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ALLOW_CONNECTIONS false",
        ident(name),
        ident(owner)
    );
    if !case.is_broken() {
        let step = Step::new(Change::Add, Subject::Database, At::Server, name, note);
        return Some(step.run(create).not_atomic());
    }
    let note = "made anew: its removal was cut off, and the server takes nothing else of it";
    let step = Step::new(Change::Change, Subject::Database, At::Server, name, note);
    let step = case.drop_database(step.not_atomic());
    Some(step.run(create))
}

/// Opens a database that was just made, for those who may enter and for nobody else; and marks
/// one that a crash left unmarked.
fn doors(case: &Case<'_>) -> Option<Step> {
    let marked = facts::yes(case.live, Fact::DatabaseMarked, "");
    let new = case.is_fresh() || case.is_closed();
    if !case.owns_database() || (!new && marked) || case.is_migrator() {
        return None;
    }
    let db = ident(&case.want.spot.database);
    let mark = format!("COMMENT ON DATABASE {db} IS {}", literal(&case.want.mark()));
    let step = |change, subject, note: &str| {
        Step::new(change, subject, At::Server, &case.want.spot.database, note).run(format!(
            "SET LOCAL ROLE {}",
            ident(&case.want.identities.owner)
        ))
    };
    if !new {
        return Some(step(Change::Change, Subject::Database, "marked as this store's").run(mark));
    }
    let who: std::collections::BTreeSet<String> = wanted(case)
        .iter()
        .filter(|grant| matches!(grant.on, freehold_engine::Object::Database(_)))
        .map(|grant| grantee(&grant.grantee))
        .collect();
    let step = step(
        Change::Add,
        Subject::Access,
        "entered by its own logins only",
    )
    .run(format!("REVOKE ALL ON DATABASE {db} FROM PUBLIC CASCADE"))
    .run(format!(
        "GRANT CONNECT ON DATABASE {db} TO {}",
        who.into_iter().collect::<Vec<_>>().join(", ")
    ))
    .run(mark)
    .run(format!("ALTER DATABASE {db} ALLOW_CONNECTIONS true"));
    Some(step)
}

fn schema(case: &Case<'_>) -> Option<Step> {
    let want = case.want;
    if want.isolation != Isolation::Schema || case.live.schema.is_some() || !case.live.looked_inside
    {
        return None;
    }
    let (schema, owner) = (ident(&want.spot.schema), ident(&want.identities.owner));
    let note = format!(
        "owner {}, in database {}",
        want.identities.owner, want.spot.database
    );
    let step = Step::new(
        Change::Add,
        Subject::Schema,
        At::Store,
        &want.spot.schema,
        note,
    )
    .run("SET LOCAL ROLE NONE")
    .run(format!("CREATE SCHEMA {schema} AUTHORIZATION {owner}"))
    .run(format!("SET LOCAL ROLE {owner}"))
    .run(format!(
        "COMMENT ON SCHEMA {schema} IS {}",
        literal(&want.mark())
    ));
    Some(step)
}

fn extensions(case: &Case<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for name in &case.want.extensions {
        if case.live.extensions.contains(name) || !case.knows_inside() {
            continue;
        }
        let trusted = facts::get(case.live, Fact::Available, name) == "trusted";
        // In its own database the owner may; what only a superuser may is made by one, and stands
        // in `public` where several stores share a database.
        let role = if trusted && case.owns_database() {
            format!("SET LOCAL ROLE {}", ident(&case.want.identities.owner))
        } else {
            "SET LOCAL ROLE NONE".to_owned()
        };
        let step = Step::new(
            Change::Add,
            Subject::Extension,
            At::Store,
            name,
            "asked for by the description",
        );
        steps.push(step.run(role).run(format!(
            "CREATE EXTENSION IF NOT EXISTS {} SCHEMA public",
            ident(name)
        )));
    }
    steps
}
