//! Leaving a store to its people: what freehold keeps for itself goes, the data and the program's
//! logins stay. And back again: marking once more what was left.
//!
//! Pure. The marks go last, in one transaction, so that a run that was cut off finds the store to be
//! its own and goes on.

use freehold_engine::{Adoption, At, Change, Ejection, Keep, Mark, Step, Subject};
use freehold_model::Isolation;

use crate::case::Case;
use crate::drop::{Removal, elsewhere, removal};
use crate::facts::{self, Fact};
use crate::identities;
use crate::names::{ident, literal};
use crate::refusals;

/// The changes that leave the store.
pub(crate) fn eject(case: &Case<'_>) -> Ejection {
    let names = &case.want.identities;
    let going = vec![
        names.sidecar.as_str(),
        &names.backup,
        &names.issuer,
        &names.migrator,
    ];
    let mut refused = refusals::of_names(case);
    let stuck = facts::all(case.live, Fact::Elsewhere);
    if stuck.iter().any(|(role, _)| going.contains(&role.as_str())) {
        refused.extend(elsewhere(case));
    }
    if !refused.is_empty() {
        return Ejection {
            refused,
            ..Ejection::default()
        };
    }
    let keep = Keep {
        data: true,
        credentials: false,
    };
    let removal = Removal { case, keep, going };
    let mut steps = removal.sessions();
    let inside = [
        removal.leftovers(),
        objects(case, &removal),
        removal.shared_ground(),
    ];
    steps.extend(
        inside
            .into_iter()
            .flatten()
            .map(|step| case.on_ground(step)),
    );
    steps.extend(removal.roles());
    steps.push(case.on_ground(marks(case)));
    Ejection {
        steps,
        refused,
        remains: remains(case),
        by_hand: by_hand(case),
    }
}

/// freehold's own views, tables, sequences and functions. Nobody else's object depends on them but
/// triggers of its own, which go with their functions.
fn objects(case: &Case<'_>, removal_of: &Removal<'_>) -> Vec<Step> {
    let (want, live) = (case.want, case.live);
    let place = |name: &str| format!("{}.{}", ident(&want.spot.schema), ident(name));
    let own = |name: &&String| want.spot.is_own(name);
    let mut drops = Vec::new();
    for (view, word) in [(true, "VIEW"), (false, "TABLE")] {
        let tables = live.tables.iter().filter(|(_, table)| table.view == view);
        let tables = tables.map(|(name, _)| name).filter(own);
        drops.extend(tables.map(|name| format!("DROP {word} IF EXISTS {}", place(name))));
    }
    let free = live.sequences.iter().filter(|(_, table)| table.is_none());
    let free = free.map(|(name, _)| name).filter(own);
    drops.extend(free.map(|name| format!("DROP SEQUENCE IF EXISTS {}", place(name))));
    for key in live.routines.keys().filter(own) {
        let (name, arguments) = key.split_once('(').unwrap_or((key, ")"));
        drops.push(format!(
            "DROP ROUTINE IF EXISTS {}({arguments} CASCADE",
            place(name)
        ));
    }
    if drops.is_empty() {
        return Vec::new();
    }
    let count = drops.len();
    let step = removal(
        Subject::Ledger,
        At::Store,
        &want.spot.own("ledger"),
        &format!("and what else is freehold's own: {count} objects"),
    )
    .run(removal_of.as_owner());
    vec![drops.into_iter().fold(step, Step::run)]
}

/// The comments by which freehold knows its own.
fn marks(case: &Case<'_>) -> Step {
    let want = case.want;
    let step = removal(
        Subject::Database,
        At::Store,
        &want.spot.database,
        "not marked as freehold's any more",
    );
    let roles = kept(case);
    let step = roles.iter().fold(step, |step, role| {
        step.run(format!("COMMENT ON ROLE {} IS NULL", ident(role)))
    });
    let place = match want.isolation {
        Isolation::Tables => return step,
        Isolation::Schema => format!("SCHEMA {}", ident(&want.spot.schema)),
        _ => format!("DATABASE {}", ident(&want.spot.database)),
    };
    step.run(format!("SET LOCAL ROLE {}", ident(&want.identities.owner)))
        .run(format!("COMMENT ON {place} IS NULL"))
}

/// The roles that stay.
fn kept<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let names = &case.want.identities;
    let mut kept = vec![names.owner.as_str(), &names.app.role];
    kept.extend(names.app.logins.iter().map(String::as_str));
    kept.retain(|name| case.has_role(name));
    kept
}

fn remains(case: &Case<'_>) -> Vec<String> {
    let (want, names) = (case.want, &case.want.identities);
    let place = match want.isolation {
        Isolation::Tables => format!(
            "the tables {}… in database {}",
            want.spot.prefix, want.spot.database
        ),
        Isolation::Schema => format!(
            "the schema {} in database {}",
            want.spot.schema, want.spot.database
        ),
        _ => format!("the database {}", want.spot.database),
    };
    let tables = case.live.tables.iter();
    let tables = tables.filter(|(name, table)| !table.view && !want.spot.is_own(name));
    vec![
        format!(
            "{place}, owned by {} (cannot log in), with {} tables as they are",
            names.owner,
            tables.count()
        ),
        format!(
            "{}, which holds the program's rights, and its logins {}, with the passwords that they have",
            names.app.role,
            names.app.logins.join(", ")
        ),
    ]
}

fn by_hand(case: &Case<'_>) -> Vec<String> {
    let names = &case.want.identities;
    let (owner, app) = (ident(&names.owner), ident(&names.app.role));
    vec![
        format!("change the schema: as an administrator SET ROLE {owner}, then the statements"),
        format!(
            "let the program use a new table: GRANT SELECT, INSERT, UPDATE, DELETE ON … TO {app}"
        ),
        format!(
            "give it a new password: ALTER ROLE {} PASSWORD '…'",
            ident(&names.app.logins[0])
        ),
        format!(
            "back up: {} is gone; a login of your own that may read, or pg_dump as an administrator",
            names.backup
        ),
    ]
}

/// Marks the roles with this store's names that carry no mark at all.
pub(crate) fn reclaim(case: &Case<'_>) -> Adoption {
    let mut then = case.live.clone();
    let mut step = Step::new(
        Change::Change,
        Subject::Identity,
        At::Server,
        &case.want.identities.app.role,
        "marked as this store's again",
    )
    .run("SET LOCAL ROLE NONE");
    let mut unmarked = false;
    for name in identities::all(case.want) {
        let Some(role) = then.roles.get_mut(name) else {
            continue;
        };
        if role.mark == Mark::Foreign(String::new()) {
            role.mark = Mark::Ours;
            unmarked = true;
            step = step.run(format!(
                "COMMENT ON ROLE {} IS {}",
                ident(name),
                literal(&case.want.mark())
            ));
        }
    }
    Adoption {
        steps: unmarked.then_some(step).into_iter().collect(),
        refused: Vec::new(),
        then,
    }
}
