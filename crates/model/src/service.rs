//! A bounded context: owns its stores, its tables, its migrations and seeds; has a team.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::event::{AdoptedOutbox, CopyOf, Publish};
use crate::read_model::ReadModel;
use crate::store::{Deliver, Store};

/// One service as described, defaults filled in. Paths are relative to the system's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    /// The folder of its `service.yaml`.
    pub dir: PathBuf,
    pub team: Option<String>,
    /// Globs of its code, relative to `dir`.
    pub code: Vec<String>,
    /// By key; `main` first of all.
    pub stores: BTreeMap<String, Store>,
    pub entities: BTreeMap<String, Entity>,
    /// Engine extensions that the migrations need.
    pub extensions: Vec<String>,
    pub tables: BTreeMap<String, TableRule>,
    pub migrations: Migrations,
    /// Refuse migrations without a down.
    pub require_down: bool,
    pub seeds: PathBuf,
    pub deliver: Deliver,
    pub run: Option<Run>,
    /// Events by name; its outbox is in the store `main`.
    pub publishes: BTreeMap<String, Publish>,
    /// Outbox tables of its own that are adopted, by table of the store `main`.
    pub outboxes: BTreeMap<String, AdoptedOutbox>,
    /// By table of the store `main`.
    pub copies: BTreeMap<String, CopyOf>,
    /// By name of the view, in the store `main`.
    pub read_models: BTreeMap<String, ReadModel>,
    /// The files of its multi-service transactions, relative to the system's root.
    pub sagas: Vec<PathBuf>,
}

impl Service {
    /// Who applies the schema's changes of this store; `None`: nobody, it has no migrations.
    pub fn migrations_of<'a>(&'a self, store: &'a Store) -> Option<&'a Migrations> {
        store
            .migrations
            .as_ref()
            .or_else(|| (store.key == "main").then_some(&self.migrations))
    }

    /// The folder of this store's seeds, relative to the system's root; `None`: it has none.
    pub fn seeds_of<'a>(&'a self, store: &'a Store) -> Option<&'a Path> {
        store
            .seeds
            .as_deref()
            .or_else(|| (store.key == "main").then_some(self.seeds.as_path()))
    }
}

/// A thing of the business and the tables that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    pub tables: Vec<String>,
    pub why: Option<String>,
}

/// What is declared of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableRule {
    /// The app may read and insert, and neither update, delete nor truncate.
    pub append_only: bool,
}

/// Who applies the schema's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Migrations {
    /// Files in this folder (relative to the system's root), applied by freehold.
    Folder(PathBuf),
    /// An existing tool stays in charge of its files.
    By { tool: String, command: Vec<String> },
}

/// The service's own program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub command: Vec<String>,
    /// Names of variables that the child keeps from our environment, or `NAME=value`.
    pub env: Vec<String>,
    /// The variable that tells it its port.
    pub port: String,
    pub health: Option<String>,
    pub openapi: Option<String>,
    /// Folders besides its own (relative to the system's root) in which it may write under `up`.
    pub writes: Vec<PathBuf>,
}
