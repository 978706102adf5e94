//! What a description says of the principals and tables of one database.
//!
//! Owns the matching of names. Must not judge ways.

use freehold_engine::Want;
use freehold_engine::audit::{Facts, Grantee, Relation, RelationKind, Rights};
use freehold_model::{Isolation, Right};

use crate::audit::report::Stands;
use crate::audit::ways::{Found, Row, Through, Way, Ways};

/// A store in a database.
pub(super) struct Scope<'a> {
    pub(super) facts: &'a Facts,
    pub(super) want: &'a Want,
}

impl Scope<'_> {
    /// What the description says of a principal.
    pub(super) fn stands(&self, who: u32) -> Stands {
        let name = &self.facts.principals[who as usize].name;
        let names = &self.want.identities;
        if *name == self.facts.server.login {
            Stands::Administrator
        } else if names.app.logins.iter().any(|own| self.is(name, own))
            || self.is(name, &names.app.role)
        {
            Stands::App
        } else if self.is(name, &names.sidecar) {
            Stands::Sidecar
        } else if self.is(name, &names.backup) {
            Stands::Backup
        } else if self.is(name, &names.migrator) {
            Stands::Migrator
        } else if self
            .want
            .access
            .iter()
            .any(|own| self.is_named(name, &own.who))
        {
            Stands::Access
        } else {
            Stands::Nobody
        }
    }

    /// An identity's name: where accounts have hosts, at the host of the administrator's own.
    fn is(&self, name: &str, described: &str) -> bool {
        if self.facts.rules.databases_are_gates {
            return name == described;
        }
        let host = self.facts.server.login.rsplit_once('@');
        match (name.rsplit_once('@'), host) {
            (Some((user, at)), Some((_, host))) => user == described && at == host,
            _ => name == described,
        }
    }

    /// A name of `access:`: with its host, or the user at any.
    fn is_named(&self, name: &str, who: &str) -> bool {
        let user = name.rsplit_once('@').map(|(user, _)| user);
        let any_host = !self.facts.rules.databases_are_gates && user == Some(who);
        name == who || any_host
    }

    /// Does `access:` tolerate it as an administrator?
    pub(super) fn is_admin_by_access(&self, who: u32) -> bool {
        self.right(who) == Some(Right::Admin)
    }

    fn right(&self, who: u32) -> Option<Right> {
        let name = &self.facts.principals[who as usize].name;
        let named = self
            .want
            .access
            .iter()
            .filter(|own| self.is_named(name, &own.who));
        named.map(|own| own.right).max_by_key(|right| *right as u8)
    }

    /// Not to be told of a described login: views and triggers of the store are its service's own doing, and who may use them is compared
    /// entry by entry with all other rights.
    pub(super) fn is_its_own(&self, way: &Way) -> bool {
        let is_of = |at: u32| {
            let own = &self.facts.relations[at as usize];
            is_inside(self.facts, own, self.want)
        };
        match way.through {
            Through::View(view) => is_of(view),
            Through::Trigger(at) => is_of(self.facts.triggers[at].relation),
            // A routine that lets its callers past their rights is a finding by itself.
            Through::Routine(_) => true,
            _ => false,
        }
    }

    /// What the description gives it of each table. Rights on the tables themselves are compared
    /// entry by entry elsewhere, so they count here as what they are.
    pub(super) fn allowed(&self, ways: &Ways<'_, '_>, found: &Found, stands: Stands) -> Row {
        let none = vec![Rights::NONE; ways.tables.len()];
        if matches!(stands, Stands::Nobody | Stands::Migrator) {
            return none;
        }
        let mut row = ways.given(Grantee::One(found.who), found.who);
        let role = (0u32..)
            .zip(&self.facts.principals)
            .find(|(_, own)| own.name == self.want.identities.app.role);
        if let (Stands::App, Some((role, _))) = (stands, role) {
            for (cell, more) in row.iter_mut().zip(ways.given(Grantee::One(role), role)) {
                *cell |= more;
            }
        }
        row
    }
}

/// Is it a table of the store, or a part of one?
pub(super) fn table_is_of(facts: &Facts, relation: u32, want: &Want) -> bool {
    let own = &facts.relations[relation as usize];
    let kind = matches!(
        own.kind,
        RelationKind::Table | RelationKind::Foreign | RelationKind::Materialized
    );
    kind && !own.of_extension && is_inside(facts, own, want)
}

fn is_inside(facts: &Facts, own: &Relation, want: &Want) -> bool {
    let schema = &facts.schemas[own.schema as usize];
    let owner = |at: Option<u32>| {
        at.is_some_and(|at| facts.principals[at as usize].name == want.identities.owner)
    };
    let inside = if want.spot.schema.is_empty() {
        schema.name == want.spot.database
    } else {
        match want.isolation {
            // Everything in a database of its own is its own.
            Isolation::Database | Isolation::Instance => true,
            _ => schema.name == want.spot.schema || owner(schema.owner) || owner(own.owner),
        }
    };
    inside && own.name.starts_with(&want.spot.prefix)
}
