//! What one store should be: the description resolved for an engine, without secrets.

use std::collections::BTreeSet;

use freehold_model::{Identities, Isolation, Right};
use serde::Serialize;

use crate::plane::Plane;

/// Where a store stands on its server. What an engine does not have is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// The database to connect to; on SQLite the store's folder.
    pub database: String,
    /// The schema that its objects stand in; empty where database and schema are one.
    pub schema: String,
    /// What its tables' names begin with (`orders_`), at isolation `tables`; else empty.
    pub prefix: String,
}

impl Spot {
    /// The name of one of freehold's own tables here: `freehold_ledger`, `orders_freehold_ledger`.
    pub fn own(&self, name: &str) -> String {
        format!("{}freehold_{name}", self.prefix)
    }

    /// Is this table one of freehold's own?
    pub fn is_own(&self, table: &str) -> bool {
        table
            .strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.starts_with("freehold_"))
    }
}

/// A declared right of somebody who is not a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessWant {
    /// An existing login or role.
    pub who: String,
    /// `Connect`, `Read` and `Write` are granted, `Admin` is tolerated only.
    pub right: Right,
}

/// One store as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The system's name.
    pub system: String,
    /// The service's name.
    pub service: String,
    /// The store's key, `main` mostly.
    pub store: String,
    /// As described. What the engine cannot enforce is in [`crate::EngineInfo`].
    pub isolation: Isolation,
    /// Where it stands.
    pub spot: Spot,
    /// Names of its roles and logins.
    pub identities: Identities,
    /// Tables in which the app may read and insert only, as named in the description.
    pub append_only: BTreeSet<String>,
    /// Engine extensions.
    pub extensions: Vec<String>,
    /// Declared rights of others on this store.
    pub access: Vec<AccessWant>,
    /// Take away rights on our objects that nobody declared.
    pub prune: bool,
    /// Refuse the service's logins without TLS.
    pub require_tls: bool,
    /// Also harden what is not ours on the server.
    pub server_wide: bool,
    /// Its part of the event plane.
    pub plane: Plane,
}

impl Want {
    /// What marks an object as made by freehold for this store; also the name of its lock.
    pub fn mark(&self) -> String {
        format!("freehold:{}/{}/{}", self.system, self.service, self.store)
    }

    /// `orders`, or `orders.search` for a store that is not `main`.
    pub fn label(&self) -> String {
        if self.store == "main" {
            self.service.clone()
        } else {
            format!("{}.{}", self.service, self.store)
        }
    }

    /// The logins of the service that outlive a run, with the app's two first.
    pub fn logins(&self) -> [&str; 4] {
        let names = &self.identities;
        [
            &names.app.logins[0],
            &names.app.logins[1],
            &names.sidecar,
            &names.backup,
        ]
    }
}

/// What `destroy` leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The database, schema or tables, with everything in them.
    pub data: bool,
    /// The logins and roles.
    pub credentials: bool,
}
