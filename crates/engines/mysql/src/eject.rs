//! Leaving a store to its people: what freehold keeps for itself goes, the data and the program's
//! logins stay. And back again: marking once more what was left.
//!
//! Pure. Every statement commits for itself. What says that the store is ours goes last: on `MariaDB`
//! the database's comment before the ledger (whose comment says the same), on `MySQL` the accounts'
//! before it. Cut off anywhere, the next look still finds the store to be ours and goes on.

use std::collections::BTreeMap;

use freehold_engine::{
    Adoption, At, Change, Ejection, Keep, Live, Mark, Object, Probe, Step, Subject, Want,
};
use freehold_model::Isolation;

use crate::drop::{drop_issuer, remove, shut, step};
use crate::grants::{self, Changes};
use crate::identities::Purpose;
use crate::names::{account, accounts_host, ident, object};
use crate::probe::is_mysql;
use crate::{ledger, refusals};

const GOING: [Purpose; 3] = [Purpose::Sidecar, Purpose::Backup, Purpose::Issuer];
const KEPT: [Purpose; 3] = [Purpose::Owner, Purpose::App(0), Purpose::App(1)];

/// The changes that leave the store.
pub(crate) fn eject(probe: &Probe, want: &Want, live: &Live) -> Ejection {
    let mut refused = refusals::names(probe, want);
    refused.extend(refusals::database(want, live));
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
    let is_ours = |purpose: &Purpose| {
        let role = live.roles.get(purpose.name(want));
        role.is_some_and(|role| role.mark == Mark::Ours)
    };
    let going: Vec<Purpose> = GOING.into_iter().filter(is_ours).collect();
    let mut steps: Vec<Step> = going
        .iter()
        .map(|purpose| shut(probe, want, *purpose))
        .collect();
    steps.extend(rights_on_own(probe, want, live));
    steps.extend(drop_issuer(want, live));
    steps.extend(
        going
            .iter()
            .map(|purpose| remove(probe, want, live, *purpose, keep)),
    );
    steps.extend(objects(want, live));
    let kept: Vec<Purpose> = KEPT.into_iter().filter(is_ours).collect();
    steps.extend(marks(probe, want, &kept));
    if live.has_table(&want.spot.own("ledger")) {
        let gone = step(
            Change::Remove,
            Subject::Ledger,
            &want.spot.own("ledger"),
            "what was applied is in the file",
        );
        steps.push(gone.run(format!("DROP TABLE IF EXISTS {}", ledger::table(want))));
    }
    Ejection {
        steps,
        refused,
        remains: remains(want, live),
        by_hand: by_hand(probe, want),
    }
}

/// Rights of those who stay on what goes: they would outlive it.
fn rights_on_own(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    let host = accounts_host(probe);
    let mut by_grantee: BTreeMap<&str, Changes> = BTreeMap::new();
    for grant in &live.grants {
        let own = match &grant.on {
            Object::Table(name) | Object::Column(name, _) => want.spot.is_own(name),
            Object::Routine(key) => {
                let name = key.split_once(' ').map_or("", |(_, name)| name);
                want.spot.is_own(name)
            }
            _ => false,
        };
        let goes = GOING
            .iter()
            .any(|purpose| purpose.name(want) == grant.grantee);
        if own && !goes {
            let changes = by_grantee.entry(&grant.grantee).or_default();
            changes.extra.insert(grant.clone());
        }
    }
    by_grantee
        .into_iter()
        .flat_map(|(grantee, changes)| grants::steps(want, grantee, &changes, "", host))
        .collect()
}

/// freehold's own views, tables, sequences and routines but for the ledger.
fn objects(want: &Want, live: &Live) -> Option<Step> {
    let database = &want.spot.database;
    let ledger = want.spot.own("ledger");
    let mut drops = Vec::new();
    for (key, routine) in &live.routines {
        let Some((kind, name)) = key.split_once(' ') else {
            continue;
        };
        let apart = matches!(
            routine.kind.as_str(),
            "procedure" | "function" | "event" | "trigger"
        );
        if apart && want.spot.is_own(name) && *key != crate::issuer::key(want) {
            drops.push(format!(
                "DROP {} IF EXISTS {}",
                kind.to_uppercase(),
                object(database, name)
            ));
        }
    }
    for (view, word) in [(true, "VIEW"), (false, "TABLE")] {
        let tables = live.tables.iter().filter(|(name, table)| {
            table.view == view && want.spot.is_own(name) && **name != ledger
        });
        let tables = tables.map(|(name, _)| object(database, name));
        drops.extend(tables.map(|name| format!("DROP {word} IF EXISTS {name}")));
    }
    let sequences = live.sequences.keys().filter(|name| want.spot.is_own(name));
    drops.extend(
        sequences.map(|name| format!("DROP SEQUENCE IF EXISTS {}", object(database, name))),
    );
    let first = !drops.is_empty();
    let note = format!("{} objects of freehold's own", drops.len());
    first.then(|| {
        let name = want.spot.own("*");
        let gone = step(Change::Remove, Subject::Ledger, &name, &note);
        drops.into_iter().fold(gone, Step::run)
    })
}

fn marks(probe: &Probe, want: &Want, kept: &[Purpose]) -> Option<Step> {
    let name = &want.spot.database;
    let gone = step(
        Change::Change,
        Subject::Database,
        name,
        "not marked as freehold's any more",
    );
    if is_mysql(probe) {
        let host = accounts_host(probe);
        let gone = kept.iter().fold(gone, |step, purpose| {
            let account = account(purpose.name(want), host);
            step.run(format!("ALTER USER {account} COMMENT ''"))
        });
        return (!gone.sql.is_empty()).then_some(gone);
    }
    (want.isolation != Isolation::Tables)
        .then(|| gone.run(format!("ALTER DATABASE {} COMMENT = ''", ident(name))))
}

fn remains(want: &Want, live: &Live) -> Vec<String> {
    let names = &want.identities;
    let tables = live.tables.iter();
    let tables = tables.filter(|(name, table)| !table.view && !want.spot.is_own(name));
    vec![
        format!(
            "the database {}, with {} tables as they are",
            want.spot.database,
            tables.count()
        ),
        format!(
            "{} (locked), the definer of what migrations made",
            names.owner
        ),
        format!(
            "{}, the program's logins, with their rights and the passwords that they have",
            names.app.logins.join(", ")
        ),
    ]
}

fn by_hand(probe: &Probe, want: &Want) -> Vec<String> {
    let names = &want.identities;
    let host = accounts_host(probe);
    let app = |at: usize| account(&names.app.logins[at], host);
    vec![
        "change the schema: as an administrator; a view or routine needs a definer that stays"
            .to_owned(),
        format!(
            "let the program use a new table: GRANT SELECT, INSERT, UPDATE, DELETE ON {}.… TO {}, {}",
            ident(&want.spot.database),
            app(0),
            app(1)
        ),
        format!(
            "give it a new password: ALTER USER {} IDENTIFIED BY '…'",
            app(0)
        ),
        format!(
            "back up: {} is gone; an account of your own, or mariadb-dump as an administrator",
            names.backup
        ),
    ]
}

/// Marks the accounts with this store's names that carry no mark at all.
pub(crate) fn reclaim(probe: &Probe, want: &Want, live: &Live) -> Adoption {
    let mut then = live.clone();
    let (host, mysql) = (accounts_host(probe), is_mysql(probe));
    let mut marks = Vec::new();
    for purpose in Purpose::ALL {
        let name = purpose.name(want);
        let Some(role) = then.roles.get_mut(name) else {
            continue;
        };
        if role.mark == Mark::Ours {
            continue;
        }
        role.mark = Mark::Ours;
        marks.push(if mysql {
            let mark = want.mark().replace('\'', "''");
            format!("ALTER USER {} COMMENT '{mark}'", account(name, host))
        } else {
            ledger::mark_identity(want, name, host)
        });
    }
    if marks.is_empty() {
        return Adoption {
            then,
            ..Adoption::default()
        };
    }
    let again = Step::new(
        Change::Change,
        Subject::Identity,
        At::Server,
        &want.identities.owner,
        "marked as this store's again",
    )
    .not_atomic();
    // On MariaDB the ledger has the marks of accounts.
    let again = if mysql {
        again
    } else {
        again
            .run(ledger::definition(want))
            .run(ledger::note_format(want))
    };
    Adoption {
        steps: vec![marks.into_iter().fold(again, Step::run)],
        refused: Vec::new(),
        then,
    }
}
