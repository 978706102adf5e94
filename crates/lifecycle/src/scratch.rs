//! A scratch copy of a store: the same description and files under names of its own, on the same
//! server, in a database of its own. Made and removed by the steps that every store is made by.
//!
//! Its mark holds a `~`, which no service's name can: nothing of a real store is ever taken for it.

use freehold_engine::{Connection, Keep, Want};
use freehold_model::{AppIdentity, Fault, Identities, Isolation, fit};

use crate::destroy::destroy;
use crate::history::Contract;
use crate::reach::{Reach, connect_for_lock, locked, take};
use crate::target::Target;
use crate::{Result, engine_fault};

/// The target of a store's scratch copy.
///
/// # Errors
/// A migration names the store's own database or schema, which the copy does not have (FH3213).
pub(crate) fn of(target: &Target) -> Result<Target> {
    names_no_place(target)?;
    let want = &target.want;
    let limit = target.kind.name_limit();
    let base = match want.store.as_str() {
        "main" => format!("{}_scratch", want.service),
        key => format!("{}_{key}_scratch", want.service),
    };
    let name = fit(&base, limit);
    let of = |what: &str| fit(&format!("{base}_{what}"), limit);
    let identities = Identities {
        owner: of("owner"),
        app: AppIdentity {
            role: of("app"),
            logins: [of("app_1"), of("app_2")],
        },
        sidecar: of("sidecar"),
        backup: of("backup"),
        migrator: of("migrator"),
        issuer: of("issuer"),
    };
    let want = Want {
        service: format!("{}~scratch", want.service),
        isolation: Isolation::Database,
        spot: target
            .engine
            .spot(&target.admin, Isolation::Database, &name),
        identities,
        access: Vec::new(),
        prune: true,
        server_wide: false,
        ..want.clone()
    };
    Ok(Target {
        name,
        admin: target.admin.clone(),
        server: target.server.clone(),
        want,
        migrations: target.migrations.clone(),
        seeds: target.seeds.clone(),
        tables: target.tables.clone(),
        foreign_tool: None,
        prune_described: true,
        contract: Contract::Applied,
        planner: false,
        engine: target.engine,
        kind: target.kind,
    })
}

/// Keeps other runs away from the scratch copy as long as the connection lives.
pub(crate) async fn hold(scratch: &Target) -> Result<Box<dyn Connection>> {
    let fault = |error: freehold_engine::Error| engine_fault(&scratch.label(), &error);
    let mut connection = connect_for_lock(scratch).await?;
    let name = format!("{}/scratch", scratch.want.mark());
    if take(&mut *connection, &name).await.map_err(fault)? {
        Ok(connection)
    } else {
        Err(vec![locked(&scratch.label())])
    }
}

/// Removes the scratch copy, also what a run that was cut off left of it.
pub(crate) async fn remove(scratch: &Target) -> Result<()> {
    let targets = std::slice::from_ref(scratch);
    destroy(targets, Keep::default(), true, false)
        .await
        .map(|_| ())
}

/// Makes all of it that comes before the first migration.
pub(crate) async fn make<'t>(reach: &mut Reach<'t>) -> Result<()> {
    reach.lock().await?;
    let live = reach.look().await?;
    let target: &'t Target = reach.target;
    let diff = target.engine.diff(reach.probe(), &target.want, &live);
    if !diff.refused.is_empty() {
        return Err(diff.refused);
    }
    crate::steps::run_all(reach, &diff.steps).await.map(|_| ())
}

/// `orders.items` in a migration of the store `orders` is another table than the copy's `items`.
fn names_no_place(target: &Target) -> Result<()> {
    let spot = &target.want.spot;
    let own = |schema: &Option<String>| {
        let own = [&spot.database, &spot.schema];
        schema
            .as_ref()
            .is_some_and(|schema| schema != "public" && own.contains(&schema))
    };
    let scripts = target.migrations.iter();
    let lines = scripts.flat_map(|script| script.up.iter().chain(script.down.iter().flatten()));
    let faults: Vec<_> = lines
        .filter_map(|line| {
            let facts = &line.facts;
            let renamed = facts.renames.iter().flat_map(|(from, to)| [from, to]);
            let referenced = facts.foreign_keys.iter().map(|key| &key.references);
            let mut names = facts.creates.iter().chain(&facts.drops).chain(renamed).chain(referenced);
            let name = names.find(|name| own(&name.schema))?;
            let fault = Fault::new(
                "FH3213",
                format!("{}: `{name}` names its own place, so this migration cannot be tried on a scratch copy", target.label()),
            );
            Some(fault.at(line.place.clone()).help(format!(
                "write `{}`: names resolve to the service's own store",
                name.name
            )))
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}
