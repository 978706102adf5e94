//! All services described together, and the servers that they are placed on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret_ref::SecretRef;
use crate::service::Service;
use crate::store::EngineKind;

/// A whole description with one environment merged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    pub name: String,
    /// The environment that was merged in, if any.
    pub environment: Option<String>,
    /// Refuses `destroy` and seeds that are not meant for it.
    pub protect: bool,
    pub servers: BTreeMap<String, Server>,
    pub broker: Broker,
    pub services: BTreeMap<String, Service>,
    pub access: Vec<Access>,
    pub exercises: Exercises,
}

/// Programs that try the running system; empty: there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exercises {
    /// Shows the system at work and checks what must hold.
    pub once: Vec<String>,
    /// Uses the services as their users do.
    pub load: Vec<String>,
}

/// A database server on which stores are placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub engine: EngineKind,
    /// For freehold itself: direct, as an administrator. `None`: made by `--servers`.
    pub url: Option<SecretRef>,
    /// For `plan` and `status`, as a login that may only read.
    pub planner_url: Option<SecretRef>,
    /// For applications, where a pooler stands in front.
    pub pooled: Option<SecretRef>,
}

/// What distributes events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broker {
    Embedded,
    External { kind: String, url: SecretRef },
}

/// A declared right of somebody who is not a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// A login or role that exists on the server; freehold never makes or drops it.
    pub who: String,
    pub rights: Right,
    /// Server keys, or `service` / `service.store`; empty: everywhere.
    pub on: Vec<String>,
    pub reason: String,
    /// The last day, `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// What [`Access`] grants or tolerates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    Connect,
    /// Looks at how everything is made and what was applied, and reads no data: for the login of
    /// `planner_url`.
    Plan,
    Read,
    Write,
    /// Tolerated, never granted.
    Admin,
}
