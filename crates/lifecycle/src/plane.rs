//! A store's part of the event plane, from what the description says of events and copies.

use freehold_engine::{CopyWant, Engine, Plane, SagaWant, Want};
use freehold_model::{CopyOf, EngineKind, Fault, Service, Store};

/// The outbox and the copies are in the store `main`: business changes are, too.
pub(crate) fn of(service: &Service, store: &Store, kind: EngineKind) -> Plane {
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
        copies: service
            .copies
            .iter()
            .map(|(table, copy)| (table.clone(), copy_want(copy)))
            .collect(),
        // Whom sagas call is found out by those who read sagas.
        sagas: SagaWant {
            starts: !service.sagas.is_empty(),
            takes_part: false,
        },
    }
}

/// Why this engine cannot have it.
pub(crate) fn unsupported(engine: &dyn Engine, want: &Want) -> Option<Fault> {
    if want.plane.is_empty() || engine.events(want).is_some() {
        return None;
    }
    let name = engine.info().kinds[0].name();
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
    CopyWant {
        key: copy.key.keys().cloned().collect(),
        columns: copy.columns.keys().cloned().collect(),
        version: origin.version.as_ref().map(|(column, _)| column.clone()),
        position: origin.position.clone(),
        source: origin.source.clone(),
        occurred_at: origin.occurred_at.clone(),
    }
}
