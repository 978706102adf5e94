//! Rights on the database and on the store's objects: from the difference between wanted and
//! found to steps, one for each grantee, and to what is left and only shown.
//!
//! Every statement acts as the owner, since every chain of grants begins there: what anybody
//! handed on falls with it (CASCADE). A table's rights are replaced whole, in one transaction:
//! taking a right from a table takes it from its columns too.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{At, Change, Grant, Object, Step, Subject};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::identities;
use crate::names::{grantee, ident, qualified, qualified_routine};
use crate::wanted::{is_append_only, wanted};
use crate::words;

/// How long taking rights from a table in use waits for its writers. In front of it others queue.
const LOCK_TIMEOUT: &str = "5s";

/// The two sides for one object and one grantee.
#[derive(Debug, Clone, Default)]
pub(crate) struct Side {
    pub(crate) wanted: BTreeSet<Grant>,
    pub(crate) found: BTreeSet<Grant>,
}

impl Side {
    /// Rights that are not there in any form.
    fn missing(&self) -> bool {
        self.wanted.iter().any(|wish| {
            let handed = Grant {
                grantable: true,
                ..wish.clone()
            };
            !self.found.contains(wish) && !self.found.contains(&handed)
        })
    }

    /// Rights that nobody described; one that may be handed on is one of them.
    pub(crate) fn extra(&self) -> BTreeSet<Grant> {
        self.found.difference(&self.wanted).cloned().collect()
    }
}

/// By grantee and object; a column belongs to its table. Only what differs, and only what acting
/// as the owner can change.
pub(crate) fn differences(case: &Case<'_>) -> BTreeMap<String, BTreeMap<Object, Side>> {
    let mut sides: BTreeMap<(String, Object), Side> = BTreeMap::new();
    for grant in wanted(case) {
        let at = (grant.grantee.clone(), whole(&grant.on));
        sides.entry(at).or_default().wanted.insert(grant);
    }
    for grant in case.found() {
        if identities::group(&grant.on).is_none() && concerns(case, &grant, &sides) {
            let at = (grant.grantee.clone(), whole(&grant.on));
            sides.entry(at).or_default().found.insert(grant);
        }
    }
    let mut found: BTreeMap<String, BTreeMap<Object, Side>> = BTreeMap::new();
    for ((who, on), side) in sides {
        if is_ours(case, &on)
            && !is_tolerated(case, &who, &on)
            && (side.missing() || !side.extra().is_empty())
        {
            found.entry(who).or_default().insert(on, side);
        }
    }
    found
}

/// On a database or schema that others share, what somebody else holds is not our concern.
fn concerns(case: &Case<'_>, grant: &Grant, sides: &BTreeMap<(String, Object), Side>) -> bool {
    let shared = match &grant.on {
        Object::Database(_) => !case.owns_database(),
        Object::Schema(_) => shares_schema(case),
        _ => false,
    };
    let at = (grant.grantee.clone(), grant.on.clone());
    !shared
        || identities::all(case.want).contains(&grant.grantee.as_str())
        || sides
            .get(&at)
            .is_some_and(|side| side.wanted.contains(grant))
}

fn whole(on: &Object) -> Object {
    match on {
        Object::Column(table, _) => Object::Table(table.clone()),
        other => other.clone(),
    }
}

/// Can rights on it be changed by acting as the owner? The issuer's function has its own step.
fn is_ours(case: &Case<'_>, on: &Object) -> bool {
    match on {
        Object::Database(_) | Object::Default(_) => true,
        Object::Schema(name) => case.schema_is_ours(name) || shares_schema(case),
        Object::Routine(name) if *name == crate::issuer::key(&case.want.spot) => false,
        Object::Table(name) if case.want.spot.is_own(name) => {
            !case.live.has_table(name) || case.owned(&case.owner_of(on))
        }
        Object::Sequence(name) if case.want.spot.is_own(name) => {
            !case.live.sequences.contains_key(name) || case.owned(&case.owner_of(on))
        }
        Object::Table(_) | Object::Sequence(_) | Object::Routine(_) | Object::Type(_) => {
            case.owned(&case.owner_of(on))
        }
        Object::Column(..) | Object::Role(_) | Object::Server => false,
    }
}

pub(crate) fn shares_schema(case: &Case<'_>) -> bool {
    case.want.isolation == freehold_model::Isolation::Tables
}

/// Administrators may enter: taking that from a role that can give it to itself is for show.
fn is_tolerated(case: &Case<'_>, who: &str, on: &Object) -> bool {
    let described = case
        .want
        .access
        .iter()
        .any(|access| access.who == who && access.right != freehold_model::Right::Admin);
    if described || !case.is_administrator(who) {
        return false;
    }
    let admitted = case.want.access.iter().any(|access| access.who == who);
    admitted || (matches!(on, Object::Database(_)) && case.plain_admin() != Some(who))
}

/// Steps on the database's own rights, when the database is there already.
pub(crate) fn door_steps(case: &Case<'_>) -> Vec<Step> {
    if case.is_fresh() || case.is_closed() {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for (who, objects) in differences(case) {
        for (on, side) in &objects {
            if matches!(on, Object::Database(_)) {
                steps.extend(door_step(case, &who, on, side));
            }
        }
    }
    steps
}

fn door_step(case: &Case<'_>, who: &str, on: &Object, side: &Side) -> Option<Step> {
    let removes = case.prunes() && !side.extra().is_empty();
    if !removes && !side.missing() {
        return None;
    }
    let step = match (removes, side.wanted.is_empty()) {
        (true, true) => {
            let name = format!("{} to {who}", words::rights(&side.extra()));
            Step::new(
                Change::Remove,
                Subject::Access,
                At::Server,
                name,
                words::door(&side.extra()),
            )
        }
        (true, false) => {
            let note = format!("{} taken back", words::rights(&side.extra()));
            Step::new(Change::Change, Subject::Access, At::Server, who, note)
        }
        (false, _) => Step::new(
            Change::Add,
            Subject::Access,
            At::Server,
            who,
            format!("may enter {}", case.want.spot.database),
        ),
    };
    let step = if case.owns_database() {
        step.run(format!(
            "SET LOCAL ROLE {}",
            ident(&case.want.identities.owner)
        ))
    } else {
        step.run("SET LOCAL ROLE NONE")
    };
    Some(case.on_ground(replace(case, step, who, on, side, removes)))
}

/// Steps on a schema that others share, given by the administrator. They come before anything is
/// made there.
pub(crate) fn ground_steps(case: &Case<'_>) -> Vec<Step> {
    let grounds = |on: &Object| shares_schema(case) && matches!(on, Object::Schema(_));
    each(case, Subject::Access, grounds)
}

/// Steps on what is inside, one for each grantee. They also run within a migration.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    let inside = |on: &Object| match on {
        Object::Database(_) => false,
        Object::Schema(_) => !shares_schema(case),
        _ => true,
    };
    let mut steps: Vec<Step> = owner_step(case).into_iter().collect();
    steps.extend(each(case, Subject::Grant, inside));
    steps
}

/// The owner may give itself what it was denied, and has to: migrations and the ledger need it.
fn owner_step(case: &Case<'_>) -> Option<Step> {
    let owner = &case.want.identities.owner;
    let lacking = facts::all(case.live, Fact::OwnerLacks).into_iter();
    let lacking: Vec<(Object, String)> = lacking
        .map(|(name, kind)| match kind.as_str() {
            "S" => (Object::Sequence(name.clone()), name),
            _ => (Object::Table(name.clone()), name),
        })
        .filter(|(on, _)| case.owner_of(on) == *owner)
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let names: Vec<&str> = lacking.iter().map(|(_, name)| name.as_str()).collect();
    let note = format!("all rights on its own {}", words::some(&names, "objects"));
    let step = Step::new(Change::Add, Subject::Grant, At::Store, owner, note)
        .run(format!("SET LOCAL ROLE {}", ident(owner)));
    Some(lacking.iter().fold(step, |step, (on, _)| {
        step.run(format!(
            "GRANT ALL ON {} TO {}",
            place(case, on),
            ident(owner)
        ))
    }))
}

fn each(case: &Case<'_>, subject: Subject, concerned: impl Fn(&Object) -> bool) -> Vec<Step> {
    if !case.knows_inside() {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for (who, mut objects) in differences(case) {
        objects.retain(|on, _| concerned(on));
        steps.extend(grant_step(case, &who, &objects, subject));
    }
    steps
}

fn grant_step(
    case: &Case<'_>,
    who: &str,
    objects: &BTreeMap<Object, Side>,
    subject: Subject,
) -> Option<Step> {
    let objects: Vec<(&Object, &Side, bool)> = objects
        .iter()
        .map(|(on, side)| (on, side, takes(case, on) && !side.extra().is_empty()))
        .filter(|(_, side, removes)| *removes || side.missing())
        .collect();
    if objects.is_empty() {
        return None;
    }
    let mut step = head(case, who, &objects, subject);
    step = if subject == Subject::Access {
        step.run("SET LOCAL ROLE NONE")
    } else {
        step.run(format!(
            "SET LOCAL ROLE {}",
            ident(&case.want.identities.owner)
        ))
    };
    for (on, side, removes) in &objects {
        if let Object::Table(name) = on
            && *removes
            && loses_writes(case, name, side)
        {
            // A change made under the old right must not commit after it is gone.
            step = step
                .run(format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
                .run(format!(
                    "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
                    qualified(&case.want.spot, name)
                ));
        }
    }
    for (on, side, removes) in &objects {
        step = replace(case, step, who, on, side, *removes);
    }
    Some(if subject == Subject::Access {
        case.on_ground(step)
    } else {
        step
    })
}

/// Everybody's right to run the owner's future functions goes whatever `prune` says: nobody gave it.
fn takes(case: &Case<'_>, on: &Object) -> bool {
    case.prunes() || *on == Object::Default("FUNCTIONS".to_owned())
}

fn loses_writes(case: &Case<'_>, table: &str, side: &Side) -> bool {
    let writes =
        |grant: &Grant| matches!(grant.privilege.as_str(), "UPDATE" | "DELETE" | "TRUNCATE");
    is_append_only(case, table) && side.extra().iter().any(writes)
}

fn head(case: &Case<'_>, who: &str, objects: &[(&Object, &Side, bool)], subject: Subject) -> Step {
    // What the server gives everybody in a new database was never given by anyone.
    if who == "PUBLIC" && (case.is_fresh() || case.is_closed()) {
        let schema = &case.want.spot.schema;
        let note = "open to the store's logins only";
        return Step::new(Change::Add, Subject::Schema, At::Store, schema, note);
    }
    let extra: BTreeSet<Grant> = objects
        .iter()
        .filter(|(_, _, removes)| *removes)
        .flat_map(|(_, side, _)| side.extra())
        .collect();
    let wanted_any = objects.iter().any(|(_, side, _)| !side.wanted.is_empty());
    let found_any = objects.iter().any(|(_, side, _)| !side.found.is_empty());
    let described = wanted(case).iter().any(|grant| grant.grantee == who);
    if !wanted_any && !described {
        let name = format!("{} to {who}", words::rights(&extra));
        return Step::new(
            Change::Remove,
            subject,
            At::Store,
            name,
            words::taken(who, &extra),
        );
    }
    if !extra.is_empty() {
        let append = objects.iter().any(
            |(on, side, _)| matches!(on, Object::Table(name) if loses_writes(case, name, side)),
        );
        let why = if append { " (append-only)" } else { "" };
        let note = format!("{} taken back{why}", words::rights_on(&extra));
        return Step::new(Change::Change, subject, At::Store, who, note);
    }
    let change = if found_any {
        Change::Change
    } else {
        Change::Add
    };
    Step::new(change, subject, At::Store, who, note_of_wanted(objects))
}

/// `read and write 3 tables, insert-only order_items`.
fn note_of_wanted(objects: &[(&Object, &Side, bool)]) -> String {
    let mut tables = words::Tables::default();
    let mut others = BTreeSet::new();
    for (on, side, _) in objects {
        let has = |right: &str| side.wanted.iter().any(|grant| grant.privilege == right);
        match on {
            Object::Table(name) if has("UPDATE") => tables.write.push(name),
            Object::Table(name) if has("INSERT") => tables.append.push(name),
            Object::Table(name) => tables.read.push(name),
            Object::Sequence(_) => {
                others.insert("sequences");
            }
            Object::Routine(_) => {
                others.insert("functions");
            }
            _ => {
                others.insert("the schema");
            }
        }
    }
    tables.sentence(&others)
}

/// Takes all and gives what is wanted, or only gives.
fn replace(
    case: &Case<'_>,
    mut step: Step,
    who: &str,
    on: &Object,
    side: &Side,
    removes: bool,
) -> Step {
    let to = grantee(who);
    let default = default_prefix(case, on);
    let place = place(case, on);
    if removes {
        step = step.run(format!("{default}REVOKE ALL ON {place} FROM {to} CASCADE"));
    }
    if let Some(rights) = listed(side.wanted.iter().filter(|grant| grant.on == *on)) {
        step = step.run(format!("{default}GRANT {rights} ON {place} TO {to}"));
    }
    let mut columns: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for grant in &side.wanted {
        if let Object::Column(_, column) = &grant.on {
            columns
                .entry(&grant.privilege)
                .or_default()
                .push(ident(column));
        }
    }
    for (right, columns) in columns {
        step = step.run(format!(
            "GRANT {right} ({}) ON {place} TO {to}",
            columns.join(", ")
        ));
    }
    step
}

fn listed<'a>(grants: impl Iterator<Item = &'a Grant>) -> Option<String> {
    let rights: Vec<_> = grants.map(|grant| grant.privilege.as_str()).collect();
    (!rights.is_empty()).then(|| rights.join(", "))
}

/// `ALTER DEFAULT PRIVILEGES …` for rights that objects yet to be made will carry. Its REVOKE
/// takes no CASCADE of anything, as nothing hangs on it, but allows the word.
fn default_prefix(case: &Case<'_>, on: &Object) -> String {
    let Object::Default(kind) = on else {
        return String::new();
    };
    let place = kind
        .split_once(" IN ")
        .map(|(_, schema)| format!(" IN SCHEMA {}", ident(schema)));
    format!(
        "ALTER DEFAULT PRIVILEGES FOR ROLE {}{} ",
        ident(&case.want.identities.owner),
        place.unwrap_or_default()
    )
}

fn place(case: &Case<'_>, on: &Object) -> String {
    let spot = &case.want.spot;
    match on {
        Object::Database(name) => format!("DATABASE {}", ident(name)),
        Object::Schema(name) => format!("SCHEMA {}", ident(name)),
        Object::Table(name) | Object::Column(name, _) => format!("TABLE {}", qualified(spot, name)),
        Object::Sequence(name) => format!("SEQUENCE {}", qualified(spot, name)),
        Object::Routine(name) => format!("ROUTINE {}", qualified_routine(spot, name)),
        Object::Type(name) => format!("TYPE {}", qualified(spot, name)),
        Object::Default(kind) => kind.split(" IN ").next().unwrap_or_default().to_owned(),
        Object::Role(name) => ident(name),
        Object::Server => String::new(),
    }
}

/// Rights that nobody described and that stay because the store is not pruned.
pub(crate) fn left(case: &Case<'_>) -> BTreeMap<String, BTreeSet<Grant>> {
    if case.prunes() {
        return BTreeMap::new();
    }
    let mut left: BTreeMap<String, BTreeSet<Grant>> = BTreeMap::new();
    for (who, objects) in differences(case) {
        for (_, side) in objects.iter().filter(|(on, _)| !takes(case, on)) {
            left.entry(who.clone()).or_default().extend(side.extra());
        }
    }
    left.retain(|_, grants| !grants.is_empty());
    left
}

/// Objects in the store that belong to somebody else: kind, name, owner.
pub(crate) fn strangers(case: &Case<'_>) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    let mut look = |kind, name: &str, owner: &str| {
        let issuer = owner == case.want.identities.issuer && kind == "function";
        if !case.owned(owner) && !issuer {
            found.push((kind, name.to_owned(), owner.to_owned()));
        }
    };
    for (name, table) in &case.live.tables {
        look(
            if table.view { "view" } else { "table" },
            name,
            &table.owner,
        );
    }
    for name in case.live.sequences.keys() {
        look(
            "sequence",
            name,
            facts::get(case.live, Fact::SequenceOwner, name),
        );
    }
    for (name, routine) in case
        .live
        .routines
        .iter()
        .filter(|(_, routine)| routine.kind != "trigger")
    {
        look("function", name, &routine.owner);
    }
    found
}
