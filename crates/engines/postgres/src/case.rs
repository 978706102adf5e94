//! What the pure parts decide on: probe, wish and state together, and the questions that several
//! of them ask.

use std::collections::BTreeSet;

use freehold_engine::{Grant, Live, Mark, Object, Probe, Sql, Step, Want};

use crate::facts::{self, Fact};
use crate::identities;
use crate::membership;
use crate::names::ident;

/// Several stores write the access list of a ground that they share: one at a time, since the
/// server refuses the second ("tuple concurrently updated"). Statements for the beginning of a step.
const GROUND_LOCK: [&str; 2] = [
    "SET LOCAL lock_timeout = '30s'",
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('freehold:ground', 0))",
];

/// A store to be made as wanted.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) probe: &'a Probe,
    pub(crate) want: &'a Want,
    pub(crate) live: &'a Live,
}

impl Case<'_> {
    /// 16 and later: CREATEROLE reaches only roles that one administers, memberships have options.
    pub(crate) fn has_options(&self) -> bool {
        self.probe.version_num >= 160_000
    }

    pub(crate) fn has_role(&self, name: &str) -> bool {
        self.live.roles.contains_key(name)
    }

    /// Are rights that nobody described taken away?
    pub(crate) fn prunes(&self) -> bool {
        self.want.prune
    }

    /// A database of its own, which does not exist yet, or of which nothing is left to use.
    pub(crate) fn is_fresh(&self) -> bool {
        self.owns_database() && (self.live.database.is_none() || self.is_broken())
    }

    /// A database of its own whose removal was cut off: the server takes nothing but its DROP.
    pub(crate) fn is_broken(&self) -> bool {
        self.owns_database()
            && self.live.database == Some(Mark::Ours)
            && facts::yes(self.live, Fact::DatabaseBroken, "")
    }

    pub(crate) fn owns_database(&self) -> bool {
        identities::own_database(self.want.isolation)
    }

    /// A database of its own that was made and not opened: a run was cut off in between.
    pub(crate) fn is_closed(&self) -> bool {
        self.owns_database()
            && self.live.database == Some(Mark::Ours)
            && !facts::yes(self.live, Fact::DatabaseOpen, "")
    }

    /// The step, which drops the store's database.
    pub(crate) fn drop_database(&self, mut step: Step) -> Step {
        let owner = &self.want.identities.owner;
        // Without FORCE: up to PostgreSQL 16 that fails on an autovacuum worker for everybody but a
        // superuser, while the plain form ends the worker itself. Sessions were ended before.
        if self.plain_admin().is_some() && self.has_role(owner) {
            step = step.run(format!("SET ROLE {}", ident(owner)));
        }
        let drop = format!("DROP DATABASE {}", ident(&self.want.spot.database));
        step.run(drop).run("RESET ROLE")
    }

    /// The step, alone on ground that stores share.
    pub(crate) fn on_ground(&self, mut step: Step) -> Step {
        if !self.owns_database() {
            step.sql.splice(0..0, GROUND_LOCK.map(Sql::text));
        }
        step
    }

    /// Is it known what is in the store? A store that is about to be made is known to be empty.
    pub(crate) fn knows_inside(&self) -> bool {
        self.live.looked_inside || self.is_fresh() || self.is_closed()
    }

    /// The migrator itself is asking, in the middle of a migration: it sees what an administrator
    /// sees, and changes only rights on objects.
    pub(crate) fn is_migrator(&self) -> bool {
        self.probe.user == self.want.identities.migrator
    }

    /// The administrator of this run, where it is one that needs rights on the store.
    pub(crate) fn plain_admin(&self) -> Option<&str> {
        let plain = !self.probe.may("superuser") && !self.is_migrator();
        plain.then_some(self.probe.user.as_str())
    }

    /// A role that can give itself what it lacks: taking rights from it would be for show.
    pub(crate) fn is_administrator(&self, role: &str) -> bool {
        let described = self
            .want
            .access
            .iter()
            .any(|access| access.who == role && access.right == freehold_model::Right::Admin);
        let powerful = self.live.roles.get(role).is_some_and(|role| {
            role.attributes.contains("superuser") || role.attributes.contains("createrole")
        });
        let ours = identities::all(self.want).contains(&role);
        !ours && (described || powerful || role == self.probe.user)
    }

    /// Statements that make this role a member of what it must be a member of, and is not.
    pub(crate) fn missing_memberships(&self, member: &str) -> Vec<String> {
        membership::missing(self, member)
    }

    /// May this role's objects be given away by acting as the owner?
    pub(crate) fn owned(&self, owner: &str) -> bool {
        owner == self.want.identities.owner || owner == self.want.identities.migrator
    }

    /// The owner of the object that a right is held on; empty where it is nobody's concern.
    pub(crate) fn owner_of(&self, on: &Object) -> String {
        match on {
            Object::Table(name) | Object::Column(name, _) => self
                .live
                .tables
                .get(name)
                .map(|table| table.owner.clone())
                .unwrap_or_default(),
            Object::Sequence(name) => facts::get(self.live, Fact::SequenceOwner, name).to_owned(),
            Object::Routine(name) => self
                .live
                .routines
                .get(name)
                .map(|routine| routine.owner.clone())
                .unwrap_or_default(),
            Object::Type(name) => facts::get(self.live, Fact::TypeOwner, name).to_owned(),
            Object::Schema(name) => facts::get(self.live, Fact::SchemaOwner, name).to_owned(),
            _ => self.want.identities.owner.clone(),
        }
    }

    /// Rights on objects of the store as found; on a store to be made, as the server makes it.
    pub(crate) fn found(&self) -> BTreeSet<Grant> {
        if !self.is_fresh() && !self.is_closed() {
            return self.live.grants.clone();
        }
        let everybody = |on, right| Grant::new("PUBLIC", on, right);
        let mut found = self.live.grants.clone();
        found.insert(everybody(Object::Schema("public".to_owned()), "USAGE"));
        found.insert(everybody(
            Object::Default("FUNCTIONS".to_owned()),
            "EXECUTE",
        ));
        found
    }

    /// May acting as the owner change rights on this schema?
    pub(crate) fn schema_is_ours(&self, schema: &str) -> bool {
        let owner = facts::get(self.live, Fact::SchemaOwner, schema);
        owner.is_empty()
            || self.owned(owner)
            || (self.owns_database() && owner == "pg_database_owner")
    }
}
