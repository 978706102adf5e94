//! Who should hold what: the description and the tables found, as entries.
//!
//! Pure. Rights are given table by table, since a right on the database cannot be narrowed for one
//! table, and to each of the app's two logins directly: a default role could be set only by who may
//! write to `mysql`.*, an open session keeps a role that was taken away, and a right on a table is
//! gone from open sessions at once.

use std::collections::BTreeSet;

use freehold_engine::{Grant, Live, Object, Table, Want};
use freehold_model::Right;

use crate::names::{parts, pattern};
use crate::{holes, issuer, plane, sagas};

/// What the owner needs on the database to run migrations and to be the definer of what they make.
const OWNER: &[&str] = &[
    "ALTER",
    "ALTER ROUTINE",
    "CREATE",
    "CREATE ROUTINE",
    "CREATE TEMPORARY TABLES",
    "CREATE VIEW",
    "DELETE",
    "DROP",
    "EVENT",
    "EXECUTE",
    "INDEX",
    "INSERT",
    "LOCK TABLES",
    "REFERENCES",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "UPDATE",
];

const READ: &[&str] = &["SELECT"];
const APPEND: &[&str] = &["INSERT", "SELECT"];
const WRITE: &[&str] = &["DELETE", "INSERT", "SELECT", "UPDATE"];

/// The owner's privileges on its database; `MariaDB` has one more.
pub(crate) fn owner_privileges(mysql: bool) -> BTreeSet<&'static str> {
    OWNER
        .iter()
        .copied()
        .chain((!mysql).then_some("DELETE HISTORY"))
        .collect()
}

/// Every entry that the store's identities and its `access` should hold.
pub(crate) fn wanted(want: &Want, live: &Live, mysql: bool, host: &str) -> BTreeSet<Grant> {
    let names = &want.identities;
    let database = Object::Database(pattern(&want.spot.database));
    let mut grants: BTreeSet<Grant> = owner_privileges(mysql)
        .iter()
        .map(|privilege| Grant::new(&names.owner, database.clone(), privilege))
        .collect();
    grants.insert(Grant::new(
        &names.issuer,
        Object::Server,
        issuer::ISSUER_PRIVILEGE,
    ));
    let issue = Object::Routine(issuer::key(want));
    grants.insert(Grant::new(&names.issuer, issue.clone(), "EXECUTE"));
    grants.insert(Grant::new(&names.sidecar, issue, "EXECUTE"));
    let ledger = Object::Table(want.spot.own("ledger"));
    grants.insert(Grant::new(&names.sidecar, ledger.clone(), "SELECT"));
    for login in &names.app.logins {
        grants.extend(on_tables(want, live, login, &Rights { mysql, write: true }));
        grants.extend(on_routines(want, live, login));
    }
    grants.extend(plane::rights(want, live));
    grants.extend(sagas::rights(want));
    let planned = ledger.clone();
    grants.insert(Grant::new(&names.backup, ledger, "SELECT"));
    grants.extend(for_backup(live, &names.backup));
    for access in &want.access {
        for grantee in accounts_of(&access.who, live, host) {
            match access.right {
                Right::Read => grants.extend(on_tables(
                    want,
                    live,
                    grantee,
                    &Rights {
                        mysql,
                        write: false,
                    },
                )),
                Right::Write => grants.extend(on_tables(
                    want,
                    live,
                    grantee,
                    &Rights { mysql, write: true },
                )),
                // Tables and columns show themselves to who may refer to them, and no row does. At
                // isolation `tables` the database is not this store's to give.
                Right::Plan => {
                    grants.insert(Grant::new(grantee, planned.clone(), "SELECT"));
                    if want.spot.prefix.is_empty() {
                        grants.insert(Grant::new(grantee, database.clone(), "REFERENCES"));
                        grants.insert(Grant::new(grantee, database.clone(), "SHOW VIEW"));
                    }
                }
                // To connect, an account needs nothing here; an admin's rights are its own.
                Right::Connect | Right::Admin => {}
            }
        }
    }
    grants
}

/// The accounts that a name of `access` means: `user@host`, or the user at any host.
pub(crate) fn accounts_of<'a>(
    who: &'a str,
    live: &'a Live,
    host: &'a str,
) -> impl Iterator<Item = &'a String> {
    live.roles
        .keys()
        .filter(move |key| *key == who || (!who.contains('@') && parts(key, host).0 == who))
}

struct Rights {
    mysql: bool,
    write: bool,
}

fn on_tables(want: &Want, live: &Live, grantee: &str, rights: &Rights) -> Vec<Grant> {
    let business = live
        .tables
        .iter()
        .filter(|(name, _)| !want.spot.is_own(name));
    let mut grants: Vec<Grant> = business
        .flat_map(|(name, table)| on_table(want, grantee, name, table, rights))
        .collect();
    let sequences = live.sequences.keys();
    for sequence in sequences.filter(|name| !want.spot.is_own(name)) {
        // NEXTVAL asks for INSERT.
        let privileges = if rights.write { APPEND } else { READ };
        grants.extend(
            privileges
                .iter()
                .map(|privilege| Grant::new(grantee, Object::Table(sequence.clone()), privilege)),
        );
    }
    grants
}

fn on_table(want: &Want, grantee: &str, name: &str, table: &Table, rights: &Rights) -> Vec<Grant> {
    let on = |privileges: &[&str]| -> Vec<Grant> {
        privileges
            .iter()
            .map(|privilege| Grant::new(grantee, Object::Table(name.to_owned()), privilege))
            .collect()
    };
    let append_only = holes::is_append_only(want, name);
    let copy = want.plane.copies.contains_key(name);
    match (rights.write && !table.view && !copy, append_only) {
        (false, _) => on(READ),
        (true, false) => on(WRITE),
        // MySQL has no INSERT … RETURNING that a right on columns would break, so that what the
        // server fills in cannot be forged there.
        (true, true) if rights.mysql && !table.filled_by_server.is_empty() => {
            let columns = table
                .columns
                .iter()
                .filter(|column| !table.filled_by_server.contains(*column));
            let insert = columns.map(|column| {
                Grant::new(
                    grantee,
                    Object::Column(name.to_owned(), column.clone()),
                    "INSERT",
                )
            });
            on(READ).into_iter().chain(insert).collect()
        }
        (true, true) => on(APPEND),
    }
}

/// Routines that run with the caller's rights. Those that run with the owner's are a way around
/// every other right, so nobody gets them by default.
fn on_routines(want: &Want, live: &Live, grantee: &str) -> Vec<Grant> {
    live.routines
        .iter()
        .filter(|(key, routine)| !routine.definer && !is_own(want, key))
        .filter(|(_, routine)| matches!(routine.kind.as_str(), "function" | "procedure"))
        .map(|(key, _)| Grant::new(grantee, Object::Routine(key.clone()), "EXECUTE"))
        .collect()
}

/// Is this `kind name` one of freehold's own?
pub(crate) fn is_own(want: &Want, key: &str) -> bool {
    key.split_once(' ')
        .is_some_and(|(_, name)| want.spot.is_own(name))
}

fn for_backup(live: &Live, backup: &str) -> Vec<Grant> {
    let on =
        |name: &String, privilege: &str| Grant::new(backup, Object::Table(name.clone()), privilege);
    let tables = live
        .tables
        .keys()
        .chain(live.sequences.keys())
        .map(|name| on(name, "SELECT"));
    let views = live
        .tables
        .iter()
        .filter(|(_, table)| table.view)
        .map(|(name, _)| on(name, "SHOW VIEW"));
    tables.chain(views).collect()
}
