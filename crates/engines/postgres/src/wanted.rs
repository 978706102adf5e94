//! The rights that everybody should hold on the store: from the description and from the tables
//! that are there. Pure; memberships are in `membership.rs`.

use std::collections::BTreeSet;

use freehold_engine::{Grant, Object, Table};
use freehold_model::{Isolation, Right};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::issuer;
use crate::plane;
use crate::read_models;
use crate::sagas;

/// Every right that is wanted on the database, its schemas and what is in them.
pub(crate) fn wanted(case: &Case<'_>) -> BTreeSet<Grant> {
    let mut wish = Wish {
        case,
        grants: BTreeSet::new(),
    };
    wish.doors();
    if !case.knows_inside() {
        return wish.grants;
    }
    wish.schemas();
    wish.own_tables();
    wish.plane();
    for (name, table) in &case.live.tables {
        if case.owned(&table.owner) && !case.want.spot.is_own(name) {
            wish.table(name, table);
        }
    }
    wish.sequences();
    wish.routines();
    wish.grants
}

/// What the program, or somebody with the same right, may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Reached through the table that it is a part of, or not a thing to change.
    Nothing,
    Read,
    ReadWrite,
    /// Read, and insert what the server does not fill in.
    Append,
}

/// How the program uses a table of the store.
pub(crate) fn use_of(case: &Case<'_>, name: &str) -> Use {
    let Some(table) = case.live.tables.get(name) else {
        return Use::Nothing;
    };
    if !facts::get(case.live, Fact::PartitionOf, name).is_empty() {
        Use::Nothing
    } else if table.view || case.want.plane.copies.contains_key(name) {
        Use::Read
    } else if is_append_only(case, name) {
        Use::Append
    } else {
        Use::ReadWrite
    }
}

/// Described so, or an inheritance child of one that is: its rows are the parent's rows.
pub(crate) fn is_append_only(case: &Case<'_>, name: &str) -> bool {
    let parents =
        [Fact::Inherits, Fact::PartitionOf].map(|fact| facts::lines(case.live, fact, name));
    case.want.append_only.contains(name)
        || parents
            .iter()
            .flatten()
            .any(|parent| is_append_only(case, parent))
}

struct Wish<'a> {
    case: &'a Case<'a>,
    grants: BTreeSet<Grant>,
}

impl Wish<'_> {
    fn add(&mut self, grantee: &str, on: &Object, rights: &[&str]) {
        for right in rights {
            self.grants.insert(Grant::new(grantee, on.clone(), right));
        }
    }

    /// Who may enter the database. In a shared one everybody may, mostly.
    fn doors(&mut self) {
        let want = self.case.want;
        if !self.case.owns_database() && facts::yes(self.case.live, Fact::DatabasePublic, "") {
            return;
        }
        let on = Object::Database(want.spot.database.clone());
        let names = &want.identities;
        for name in [&names.app.role, &names.sidecar, &names.backup] {
            self.add(name, &on, &["CONNECT"]);
        }
        if let Some(admin) = self
            .case
            .plain_admin()
            .filter(|_| self.case.owns_database())
        {
            self.add(admin, &on, &["CONNECT"]);
        }
        // Owning a database is a way in; in a shared one the owner needs the right for the migrator.
        if !self.case.owns_database() {
            self.add(&names.owner, &on, &["CONNECT"]);
        }
        for access in want
            .access
            .iter()
            .filter(|access| access.right != Right::Admin)
        {
            self.add(&access.who, &on, &["CONNECT"]);
        }
    }

    fn schemas(&mut self) {
        let want = self.case.want;
        let names = &want.identities;
        let main = Object::Schema(want.spot.schema.clone());
        self.add(&names.sidecar, &main, &["USAGE"]);
        if want.isolation == Isolation::Tables {
            self.add(&names.owner, &main, &["USAGE", "CREATE"]);
        }
        let schemas = facts::all(self.case.live, Fact::SchemaOwner).into_iter();
        let mut schemas: BTreeSet<String> = schemas
            .filter(|(name, _)| self.case.schema_is_ours(name))
            .map(|(name, _)| name)
            .collect();
        schemas.insert(want.spot.schema.clone());
        for planner in want.access.iter().filter(|it| it.right == Right::Plan) {
            self.add(&planner.who, &main, &["USAGE"]);
        }
        for schema in schemas {
            let on = Object::Schema(schema);
            self.add(&names.app.role, &on, &["USAGE"]);
            self.add(&names.backup, &on, &["USAGE"]);
            for access in want.access.iter().filter(|access| reads(access.right)) {
                self.add(&access.who, &on, &["USAGE"]);
            }
        }
    }

    /// freehold's own tables. The ledger counts as there: the same diff makes it.
    fn own_tables(&mut self) {
        let want = self.case.want;
        let ledger = want.spot.own("ledger");
        self.add(
            &want.identities.sidecar,
            &Object::Table(ledger.clone()),
            &["SELECT"],
        );
        let planners = want.access.iter();
        for planner in planners.filter(|access| access.right == Right::Plan) {
            self.add(&planner.who, &Object::Table(ledger.clone()), &["SELECT"]);
        }
        let own = self
            .case
            .live
            .tables
            .iter()
            .filter(|(name, table)| want.spot.is_own(name) && self.case.owned(&table.owner));
        let own: BTreeSet<String> = own.map(|(name, _)| name.clone()).chain([ledger]).collect();
        for name in own {
            self.add(&want.identities.backup, &Object::Table(name), &["SELECT"]);
        }
    }

    /// The event plane. Its tables count as there, too; copies and snapshots are there or not.
    fn plane(&mut self) {
        let want = self.case.want;
        self.grants.extend(plane::rights(want));
        self.grants.extend(sagas::rights(want));
        let sidecar = &want.identities.sidecar;
        let there = |name: &String| self.case.live.has_table(name);
        let copies: Vec<&String> = want.plane.copies.keys().filter(|it| there(it)).collect();
        let events = want.plane.snapshots.keys();
        let views = events.map(|event| plane::snapshot_view(&want.spot, event));
        let views: Vec<String> = views.filter(there).collect();
        let read_models = read_models::tables(want).into_iter();
        let own: Vec<String> = read_models.filter(there).collect();
        for table in copies.into_iter().chain(&own) {
            let on = Object::Table(table.clone());
            self.add(sidecar, &on, &["SELECT", "INSERT", "UPDATE", "DELETE"]);
        }
        for view in views {
            self.add(sidecar, &Object::Table(view), &["SELECT"]);
        }
    }

    fn table(&mut self, name: &str, table: &Table) {
        let want = self.case.want;
        let on = Object::Table(name.to_owned());
        self.add(&want.identities.backup, &on, &["SELECT"]);
        let usage = use_of(self.case, name);
        self.usage(&want.identities.app.role, name, table, usage);
        for access in &want.access {
            match access.right {
                Right::Read if usage != Use::Nothing => self.add(&access.who, &on, &["SELECT"]),
                Right::Write => self.usage(&access.who, name, table, usage),
                _ => {}
            }
        }
    }

    fn usage(&mut self, grantee: &str, name: &str, table: &Table, usage: Use) {
        let on = Object::Table(name.to_owned());
        match usage {
            Use::Nothing => {}
            Use::Read => self.add(grantee, &on, &["SELECT"]),
            Use::ReadWrite => self.add(grantee, &on, &["SELECT", "INSERT", "UPDATE", "DELETE"]),
            Use::Append => {
                // SELECT on the whole table, so that INSERT … RETURNING works.
                self.add(grantee, &on, &["SELECT"]);
                let columns = table
                    .columns
                    .iter()
                    .filter(|column| !table.filled_by_server.contains(*column));
                for column in columns {
                    self.add(
                        grantee,
                        &Object::Column(name.to_owned(), column.clone()),
                        &["INSERT"],
                    );
                }
            }
        }
    }

    /// The program takes numbers where it would have to (`serial`, free sequences), and never sets
    /// them; identity columns need no right.
    fn sequences(&mut self) {
        let want = self.case.want;
        for (name, table) in &self.case.live.sequences {
            if !self
                .case
                .owned(facts::get(self.case.live, Fact::SequenceOwner, name))
            {
                continue;
            }
            let on = Object::Sequence(name.clone());
            self.add(&want.identities.backup, &on, &["SELECT"]);
            let own = table.as_deref().unwrap_or(name);
            let identity = facts::get(self.case.live, Fact::SequenceKind, name) == "identity";
            if identity || want.spot.is_own(own) {
                continue;
            }
            self.add(&want.identities.app.role, &on, &["USAGE"]);
            for access in want
                .access
                .iter()
                .filter(|access| access.right == Right::Write)
            {
                self.add(&access.who, &on, &["USAGE"]);
            }
        }
    }

    /// Routines that run with the caller's rights. The others are given to nobody.
    fn routines(&mut self) {
        let want = self.case.want;
        for (name, routine) in &self.case.live.routines {
            let plain =
                routine.kind != "trigger" && !routine.definer && self.case.owned(&routine.owner);
            if !plain || facts::get(self.case.live, Fact::Returns, name) == "trigger" {
                continue;
            }
            let on = Object::Routine(name.clone());
            self.add(&want.identities.app.role, &on, &["EXECUTE"]);
            for access in want
                .access
                .iter()
                .filter(|access| access.right == Right::Write)
            {
                self.add(&access.who, &on, &["EXECUTE"]);
            }
        }
        let issue = Object::Routine(issuer::key(&want.spot));
        self.add(&want.identities.sidecar, &issue, &["EXECUTE"]);
        self.add(&want.identities.owner, &issue, &["EXECUTE"]);
    }
}

fn reads(right: Right) -> bool {
    matches!(right, Right::Read | Right::Write)
}
