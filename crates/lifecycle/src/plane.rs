//! A store's part of the event plane, from what the description says of events and copies.

use std::collections::BTreeMap;

use freehold_engine::{CopyWant, Engine, Plane, ReadModelPlan, SagaWant, Want};
use freehold_model::{CopyOf, EngineKind, Fault, Service, Store, System};
use freehold_readmodel::{CopyShape, Definition};
use freehold_sql::Dialect;

use crate::Faults;

/// The outbox and the copies are in the store `main`: business changes are, too.
pub(crate) fn of(
    service: &Service,
    store: &Store,
    kind: EngineKind,
    dialect: Dialect,
    faults: &mut Vec<Fault>,
) -> Plane {
    if store.key != "main" {
        return Plane::default();
    }
    let snapshots = service.publishes.iter().filter_map(|(event, publish)| {
        let select = publish.snapshot.as_ref()?.on(kind)?;
        Some((event.clone(), select.to_owned()))
    });
    Plane {
        publishes: !service.publishes.is_empty(),
        snapshots: snapshots.collect(),
        adopted: service.outboxes.clone(),
        copies: service
            .copies
            .iter()
            .map(|(table, copy)| (table.clone(), copy_want(copy)))
            .collect(),
        read_models: read_models(service, kind, dialect, faults),
        // Whom sagas call is found out by those who read sagas.
        sagas: SagaWant {
            starts: !service.sagas.is_empty(),
            takes_part: false,
        },
    }
}

/// What is wrong with the read models of a whole system, on every engine that their stores are meant
/// for: the same that [`crate::target`] says of one. Asks nobody.
///
/// # Errors
/// All faults found.
pub fn check_read_models(
    system: &System,
    dialect_of: &dyn Fn(EngineKind) -> Option<Dialect>,
) -> Result<(), Faults> {
    let mut faults = Vec::new();
    for service in system.services.values() {
        let Some(store) = service.stores.get("main") else {
            continue;
        };
        let server = system.servers.get(&store.server).map(|it| it.engine);
        let mut kinds: Vec<EngineKind> = store.engines.iter().copied().chain(server).collect();
        kinds.sort_by_key(|kind| kind.name());
        kinds.dedup();
        for kind in kinds {
            let mut found = Vec::new();
            if let Some(dialect) = dialect_of(kind) {
                read_models(service, kind, dialect, &mut found);
            }
            faults.extend(found);
        }
    }
    faults.dedup();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Plans of the service's read models; what has none is told.
fn read_models(
    service: &Service,
    kind: EngineKind,
    dialect: Dialect,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, ReadModelPlan> {
    let copies = service.copies.iter().map(|(table, copy)| {
        let copy = copy_want(copy);
        let columns = copy.filled().into_iter().map(str::to_owned).collect();
        let entity = copy.entity().to_vec();
        let key = copy.key;
        (
            table.clone(),
            CopyShape {
                key,
                entity,
                columns,
            },
        )
    });
    let copies: BTreeMap<String, CopyShape> = copies.collect();
    let mut plans = BTreeMap::new();
    for (name, model) in &service.read_models {
        let whose = format!("{}: read model `{name}`", service.name);
        let Some((select, place)) = model.select.on(kind) else {
            let message = format!("{whose}: it has no query for {kind}");
            let help = "add one below `select`, named as the folder of migrations is";
            faults.push(Fault::new("FH4201", message).help(help));
            continue;
        };
        let definition = Definition {
            name,
            whose: &whose,
            from: &model.from,
            select,
            defaults: &model.default,
            place: Some(place),
        };
        match freehold_readmodel::plan(dialect, &definition, &copies) {
            Ok(plan) => {
                plans.insert(name.clone(), plan);
            }
            Err(fault) => faults.push(*fault),
        }
    }
    plans
}

/// Why this engine cannot have it.
pub(crate) fn unsupported(engine: &dyn Engine, want: &Want) -> Option<Fault> {
    let name = engine.info().kinds[0].name();
    let events = engine.events(want);
    let without = events.as_ref().is_some_and(|it| it.read_models.is_empty());
    if !want.plane.read_models.is_empty() && without {
        let message = format!("{}: read models are not there yet on {name}", want.label());
        let help = "place the store on another engine: `freehold engines` tells which";
        return Some(Fault::new("FH4204", message).help(help));
    }
    if want.plane.is_empty() || events.is_some() {
        return None;
    }
    let message = format!(
        "{}: events and copies are not there yet on {name}",
        want.label()
    );
    Some(
        Fault::new("FH3134", message)
            .help("place the store on another engine: `freehold engines` tells which"),
    )
}

fn copy_want(copy: &CopyOf) -> CopyWant {
    let origin = &copy.provenance;
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let several = copy.each.as_ref().map(|_| copy.entity_columns());
    CopyWant {
        service: copy.service.clone(),
        event: copy.event.clone(),
        key: names(copy.key_columns()),
        several: several.map(names),
        columns: copy.columns.keys().cloned().collect(),
        version: origin.version.as_ref().map(|(column, _)| column.clone()),
        position: origin.position.clone(),
        source: origin.source.clone(),
        occurred_at: origin.occurred_at.clone(),
    }
}
