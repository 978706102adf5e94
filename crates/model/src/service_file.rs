//! `service.yaml` as it is written: the serde types behind its JSON Schema.
//!
//! Doc comments here are what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::event::Compatibility;
use crate::store::{EngineKind, Isolation};

/// A bounded context: owns its stores, its tables, its migrations and seeds; has a team.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceFile {
    /// The service's name: lower-case letters, digits and `_`.
    pub(crate) service: String,
    /// The team that owns the service.
    pub(crate) team: Option<String>,
    /// Globs of its code, relative to this file.
    #[serde(default)]
    pub(crate) code: Vec<String>,
    /// The service's own database, where it has one: short for `stores: { main: … }`.
    pub(crate) store: Option<StoreFile>,
    /// The service's databases by name; `main` is the truth.
    pub(crate) stores: Option<BTreeMap<String, StoreFile>>,
    /// Things of the business and the tables that hold them.
    #[serde(default)]
    pub(crate) entities: BTreeMap<String, EntityFile>,
    /// Extensions of the engine that the migrations need.
    #[serde(default)]
    pub(crate) extensions: Vec<String>,
    /// Rules for single tables.
    #[serde(default)]
    pub(crate) tables: BTreeMap<String, TableFile>,
    /// Names of the logins and roles of the store `main`; `<service>_app` and so on by default.
    pub(crate) identities: Option<IdentitiesFile>,
    /// How the service's program gets its credential.
    pub(crate) credentials: Option<CredentialsFile>,
    /// The folder of the migrations of the store `main`, `migrations/` by default; or the
    /// existing tool that stays in charge of its files.
    pub(crate) migrations: Option<MigrationsFile>,
    /// Refuse migrations without a down.
    #[serde(default)]
    pub(crate) require_down: bool,
    /// The folder of the seeds of the store `main`, `seeds/` by default.
    pub(crate) seeds: Option<String>,
    /// The service's own program.
    pub(crate) run: Option<RunFile>,
    /// Events that this service publishes, by name and version: `order.confirmed.v2`.
    #[serde(default)]
    pub(crate) publishes: BTreeMap<String, PublishesFile>,
    /// Outbox tables that the service has already, by table: what is inserted there is published.
    #[serde(default)]
    pub(crate) outbox: BTreeMap<String, OutboxFile>,
    /// Local copies of chosen fields of other services' entities.
    #[serde(default)]
    pub(crate) copies: BTreeMap<String, CopyFile>,
    /// Query-shaped tables fed by several services' events.
    #[serde(default)]
    pub(crate) read_models: BTreeMap<String, ReadModelFile>,
    /// Files of multi-service transactions, relative to this file.
    #[serde(default)]
    pub(crate) sagas: Vec<String>,
}

/// A database of the service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreFile {
    /// One of the `servers` of `freehold.yaml`.
    pub(crate) server: String,
    /// The database, schema or prefix on the server; `<service>` by default, `<service>_<store>`
    /// for a store that is not `main`.
    pub(crate) name: Option<String>,
    /// How far apart from others; `database` by default.
    pub(crate) isolation: Option<Isolation>,
    /// The engines that migrations exist for; by default whatever the server is.
    #[serde(default)]
    pub(crate) engines: Vec<EngineKind>,
    /// Rebuilt from other stores, never the truth.
    #[serde(default)]
    pub(crate) derived: bool,
    /// Take away rights that the description does not name; by default true for stores that
    /// freehold made and false for adopted ones.
    pub(crate) prune: Option<bool>,
    /// `required`: the service's identities are refused without TLS, where the engine can.
    pub(crate) tls: Option<Tls>,
    /// Names of this store's logins and roles.
    pub(crate) identities: Option<IdentitiesFile>,
    /// The folder of this store's migrations, or the tool in charge. A store that is not `main`
    /// has none by default.
    pub(crate) migrations: Option<MigrationsFile>,
    /// The folder of this store's seeds. A store that is not `main` has none by default.
    pub(crate) seeds: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    Required,
    Optional,
}

/// A thing of the business.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntityFile {
    /// The tables that hold it; no other service may own them.
    pub(crate) tables: Vec<String>,
    /// Why it belongs here.
    pub(crate) why: Option<String>,
}

/// What is declared of one table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableFile {
    /// The app may read and insert, and neither update, delete nor truncate.
    #[serde(default)]
    pub(crate) append_only: bool,
}

/// Names of a store's logins and roles; each has a default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentitiesFile {
    /// Owns the objects, cannot log in.
    pub(crate) owner: Option<String>,
    /// The program's identity.
    pub(crate) app: Option<AppFile>,
    /// The login of `freehold run`.
    pub(crate) sidecar: Option<String>,
    /// The login that reads everything, for backups.
    pub(crate) backup: Option<String>,
    /// Prefix of the logins that exist while migrations run.
    pub(crate) migrator: Option<String>,
    /// Owns the functions that change the passwords of this store's logins.
    pub(crate) issuer: Option<String>,
}

/// The program's identity: a group that holds the rights, two logins that alternate.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppFile {
    /// The group; `<service>_app` by default.
    pub(crate) role: Option<String>,
    /// Exactly two; `<role>_1` and `<role>_2` by default.
    pub(crate) logins: Option<Vec<String>>,
}

/// How credentials are handed over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialsFile {
    /// `fd`, `env` (the default), `file:FOLDER`, `k8s:…` or `vault:…`.
    pub(crate) deliver: Option<String>,
    /// The same for `freehold run`, the service's sidecar.
    pub(crate) sidecar: Option<SidecarCredentialsFile>,
}

/// How the sidecar's credential is handed over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SidecarCredentialsFile {
    /// `fd`, `env`, `file:FOLDER`, `k8s:…` or `vault:…`.
    pub(crate) deliver: Option<String>,
}

/// Who applies the schema's changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum MigrationsFile {
    /// A folder, relative to this file.
    Folder(String),
    /// An existing tool.
    Tool(ToolFile),
}

/// An existing tool that stays in charge of its files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolFile {
    /// The tool's name: `flyway`, `liquibase`, `sqlx`, `atlas` …
    pub(crate) by: String,
    /// What runs it: program and arguments.
    pub(crate) command: Vec<String>,
}

/// The service's own program.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunFile {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Variables that it keeps from freehold's own environment, as `NAME`, or gets, as
    /// `NAME=value`.
    #[serde(default)]
    pub(crate) env: Vec<String>,
    /// The variable that tells it on which port of this machine to listen; `PORT` by default.
    pub(crate) port: Option<String>,
    /// Path of its health page.
    pub(crate) health: Option<String>,
    /// Path of its `OpenAPI` description.
    pub(crate) openapi: Option<String>,
    /// Folders besides this one in which it writes, relative to this file: where `up` confines
    /// programs it could not otherwise.
    #[serde(default)]
    pub(crate) writes: Vec<String>,
}

/// An event that the service publishes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishesFile {
    /// The file of its JSON Schema, relative to this file.
    pub(crate) schema: String,
    /// The field that orders it: events of one key keep their order.
    pub(crate) key: String,
    /// A SELECT that gives today's rows as events, for new copies: columns `key` and `payload`. Or
    /// several, by engine, named as folders of migrations are: `postgres`, `mysql`, `sqlite`.
    pub(crate) snapshot: Option<SnapshotFile>,
    /// What a changed schema owes to those who read the event, held against the states that are
    /// kept beside it (`order.confirmed.v2.1.json`): `full` by default.
    #[serde(default)]
    pub(crate) compatibility: Compatibility,
}

/// Today's rows as events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SnapshotFile {
    /// On every engine.
    Every(String),
    /// By engine.
    ByEngine(BTreeMap<String, String>),
}

/// An outbox table of the service's own, adopted as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboxFile {
    /// What is in it, to column: `type`, `key`, `payload`; where there are some `id`, which orders
    /// what is there already, and `published`, a truth value.
    pub(crate) columns: BTreeMap<String, String>,
    /// What the column of the type may say, to event: `order_created: order.created.v1`. Rows that
    /// say anything else are not published.
    pub(crate) events: BTreeMap<String, String>,
}

/// A local copy of chosen fields of another service's entity. The service's own migrations make
/// its table; the sidecar writes it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyFile {
    /// `service/event`: `catalog/book.changed.v1`.
    pub(crate) from: String,
    /// An array of the event, each item of which is a row: `$.order.items[*]`. Fields of the item are
    /// written `@.sku`, its place in the array, from 0, `@index`.
    pub(crate) each: Option<String>,
    /// Column to field, for the key.
    pub(crate) key: BTreeMap<String, String>,
    /// Column to field.
    #[serde(default)]
    pub(crate) columns: BTreeMap<String, String>,
    /// What is known of a row's origin, to column: `version` (the source's own; its field is the
    /// one that `columns` maps to that column, else `version`), `position`, `source`, `occurred_at`.
    #[serde(default)]
    pub(crate) provenance: BTreeMap<String, String>,
    /// What is asked when the copy has no row: `GET ${catalog}/books/{key}`.
    pub(crate) fallback: Option<String>,
    /// How old what one sees in it may be before that is told: `500ms`, `2s`, `1m`; five seconds if
    /// nothing is said.
    pub(crate) freshness: Option<String>,
}

/// A query-shaped table fed by several services' events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadModelFile {
    /// Copies by the name that the query uses: `{ o: order_copy, c: customer_copy }`.
    pub(crate) from: BTreeMap<String, String>,
    /// The query: joins of copies by equal columns, WHERE, GROUP BY with count, sum, avg, min, max.
    pub(crate) select: SelectFile,
    /// Column to what a missing value reads as.
    #[serde(default)]
    pub(crate) default: BTreeMap<String, String>,
}

/// The query of a read model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SelectFile {
    /// On every engine.
    Every(String),
    /// By engine, named as folders of migrations are: `postgres`, `mysql`, `sqlite`.
    ByEngine(BTreeMap<String, String>),
}
