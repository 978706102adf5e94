//! `freehold.yaml` as it is written: the serde types behind its JSON Schema.
//!
//! Doc comments here are what an editor shows. No meaning is checked here: shape is
//! [`crate::check`]'s, meaning [`crate::placement`]'s and [`crate::validate`]'s. An environment
//! file has the same keys, all optional, and `override`: see [`crate::schema`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::store::EngineKind;
use crate::system::Right;

/// All services described together, and the servers that they are placed on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SystemFile {
    /// The system's name: lower-case letters, digits and `_`.
    pub(crate) system: String,
    /// Database servers by name; stores say which one they are placed on.
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, ServerFile>,
    /// What distributes events; embedded by default.
    pub(crate) broker: Option<BrokerFile>,
    /// Folders of services, as paths or globs relative to this file; `[services/*]` by default.
    #[expect(
        dead_code,
        reason = "read from the tree, also where the file has other faults"
    )]
    services: Option<Vec<String>>,
    /// Declared rights of somebody who is not a service.
    #[serde(default)]
    pub(crate) access: Vec<AccessFile>,
    /// Refuse `destroy`, and seeds that are not meant for this environment.
    #[serde(default)]
    pub(crate) protect: bool,
    /// Programs that try the running system.
    pub(crate) exercises: Option<ExercisesFile>,
}

/// Programs that `freehold up` and `freehold load` run beside the services, with their addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExercisesFile {
    /// What `freehold up --once` runs: shows the system at work, checks what must hold, and ends
    /// with 0 when it did.
    #[serde(default)]
    pub(crate) once: Vec<String>,
    /// What `freehold load` runs: uses the services as their users do, at the rate that `--rate`
    /// says, until it is stopped or `--seconds` are over.
    #[serde(default)]
    pub(crate) load: Vec<String>,
}

/// The file of `--servers FILE`: only servers, in the same shape.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServersFile {
    /// Database servers by name.
    pub(crate) servers: BTreeMap<String, ServerFile>,
}

/// A database server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerFile {
    /// The kind of database.
    pub(crate) engine: EngineKind,
    /// How freehold itself connects: direct, as an administrator. A reference to a secret
    /// (`env:NAME`, `file:PATH`, `prompt`, `vault:…`, `k8s:…`) or a URL without a password.
    pub(crate) url: Option<String>,
    /// How `plan` and `status` connect, as a login that may only read; written like `url`. Give it
    /// `rights: plan` below `access:`.
    pub(crate) planner_url: Option<String>,
    /// How applications connect, where a pooler stands in front; written like `url`.
    pub(crate) pooled: Option<String>,
}

/// What distributes events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokerFile {
    /// The kind of broker.
    pub(crate) kind: BrokerKind,
    /// A reference to a secret or a URL without a password; needed by every kind but `embedded`.
    pub(crate) url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BrokerKind {
    Embedded,
    Nats,
    Kafka,
    Rabbitmq,
}

impl BrokerKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Nats => "nats",
            Self::Kafka => "kafka",
            Self::Rabbitmq => "rabbitmq",
        }
    }
}

/// A declared right of somebody who is not a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessFile {
    /// A login or role that exists on the server.
    pub(crate) who: String,
    /// `connect`, `plan` (structure and ledger, no data), `read` and `write` are granted; `admin` is tolerated, never granted.
    pub(crate) rights: Right,
    /// Servers, services, or `service.store`; everywhere by default.
    #[serde(default)]
    pub(crate) on: Vec<String>,
    /// Why.
    pub(crate) reason: String,
    /// The last day, as `YYYY-MM-DD`.
    pub(crate) until: Option<String>,
}
