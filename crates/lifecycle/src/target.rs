//! A store to act on: what is wanted, where, as whom, with which files. Resolved once per command.

use std::collections::{BTreeMap, BTreeSet};

use std::path::PathBuf;

use freehold_bookkeeping::Ledger;
use freehold_engine::{AccessWant, Endpoint, Engine, Want};
use freehold_model::{EngineKind, Fault, Migration, Migrations, Seed, Service, Store, System};

use crate::Faults;
use crate::history::{self, Contract, Pending};
use crate::plane;
use crate::script::{self, Script};

/// One store of one service, ready to be planned or changed.
pub struct Target {
    /// The engine that serves it.
    pub engine: &'static dyn Engine,
    /// Its kind as described (`mariadb` and `mysql` share an engine).
    pub kind: EngineKind,
    /// The key of its server.
    pub server: String,
    /// The database, schema or prefix, as described.
    pub name: String,
    /// The server, as the administrator.
    pub admin: Endpoint,
    /// What it should be.
    pub want: Want,
    /// Its migrations, ordered by number.
    pub migrations: Vec<Script<Migration>>,
    /// Its seeds, ordered by number.
    pub seeds: Vec<Script<Seed>>,
    /// The tables that are there when all migrations are applied.
    pub tables: BTreeSet<String>,
    /// Another tool applies the schema's changes.
    pub foreign_tool: Option<ForeignTool>,
    /// Does the description itself say `prune`? Else a store that was adopted keeps what it had.
    pub prune_described: bool,
    /// Are migrations of phase contract applied?
    pub contract: Contract,
    /// Is `admin` a login that may only read? Then nothing but a look is to be had.
    pub planner: bool,
}

/// A tool that goes on applying its own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignTool {
    /// As the description names it: `flyway`.
    pub name: String,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// Where it runs, relative to the system's root: the service's folder.
    pub dir: PathBuf,
}

impl Target {
    /// `orders`, or `orders.search`.
    pub fn label(&self) -> String {
        self.want.label()
    }

    /// What of its migrations the ledger does not have.
    ///
    /// # Errors
    /// The ledger does not fit the files.
    pub(crate) fn pending(&self, ledger: &Ledger) -> Result<Pending<'_>, Faults> {
        history::pending(&self.label(), &self.migrations, ledger, self.contract)
    }
}

/// Resolves one store. `admin` is the server's URL with its secret; files were read before.
///
/// # Errors
/// Faults of the migrations' and seeds' text, all of them.
pub fn target(
    system: &System,
    service: &Service,
    store: &Store,
    engine: &'static dyn Engine,
    admin: Endpoint,
    migrations: Vec<Migration>,
    seeds: Vec<Seed>,
) -> Result<Target, Faults> {
    let spot = engine.spot(&admin, store.isolation, &store.name);
    let mut faults = Vec::new();
    let plane = plane::of(service, store, admin.kind, engine.dialect(), &mut faults);
    let want = Want {
        system: system.name.clone(),
        service: service.name.clone(),
        store: store.key.clone(),
        isolation: store.isolation,
        spot,
        identities: store.identities.clone(),
        append_only: append_only(service, store),
        extensions: service.extensions.clone(),
        access: access(system, service, store),
        prune: store.prune.unwrap_or(true),
        require_tls: store.require_tls,
        server_wide: false,
        plane,
    };
    let dialect = engine.dialect();
    faults.extend(plane::unsupported(engine, &want));
    let migrations = script::migrations(dialect, &want, migrations, &mut faults);
    let seeds = script::seeds(dialect, seeds, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let tables = script::tables_after(&migrations);
    let foreign_tool = match service.migrations_of(store) {
        Some(Migrations::By { tool, command }) => Some(ForeignTool {
            name: tool.clone(),
            command: command.clone(),
            dir: service.dir.clone(),
        }),
        _ => None,
    };
    let kind = admin.kind;
    Ok(Target {
        engine,
        kind,
        server: store.server.clone(),
        name: store.name.clone(),
        admin,
        want,
        migrations,
        seeds,
        tables,
        foreign_tool,
        prune_described: store.prune.is_some(),
        contract: Contract::default(),
        planner: false,
    })
}

/// What can only be seen with all targets at hand: a foreign key into another service's table,
/// an append-only rule for a table that no migration makes.
///
/// # Errors
/// All faults found.
pub fn check_targets(targets: &[Target]) -> Result<(), Faults> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for target in targets {
        for table in &target.tables {
            owners.insert(table, &target.want.service);
        }
    }
    let mut faults = Vec::new();
    for target in targets {
        faults.extend(script::foreign_keys_out(
            &target.want,
            &target.migrations,
            &target.tables,
            &owners,
        ));
        if target.foreign_tool.is_none() {
            faults.extend(target.want.append_only.difference(&target.tables).map(|table| {
                Fault::new(
                    "FH3109",
                    format!("{}: `{table}` is declared append_only, and no migration makes a table of this name", target.label()),
                )
                .help("correct the name below `tables:` in service.yaml, or add the migration that makes the table")
            }));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// `tables:` speaks of the main store; a table of another store is named `store.table`.
fn append_only(service: &Service, store: &Store) -> BTreeSet<String> {
    let rules = service.tables.iter().filter(|(_, rule)| rule.append_only);
    rules
        .filter_map(|(name, _)| match name.split_once('.') {
            Some((key, table)) => (key == store.key).then(|| table.to_owned()),
            None => (store.key == "main").then(|| name.clone()),
        })
        .collect()
}

fn access(system: &System, service: &Service, store: &Store) -> Vec<AccessWant> {
    let names = [
        store.server.clone(),
        service.name.clone(),
        format!("{}.{}", service.name, store.key),
    ];
    let here = |on: &[String]| on.is_empty() || on.iter().any(|name| names.contains(name));
    let declared = system.access.iter().filter(|access| here(&access.on));
    declared
        .map(|access| AccessWant {
            who: access.who.clone(),
            right: access.rights,
        })
        .collect()
}
