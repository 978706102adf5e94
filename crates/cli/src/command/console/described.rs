//! A described system as a moment of the console: what the description says, and what was seen of
//! its stores. Pure.

use freehold_console::Moment;
use freehold_console::moment::{Drift, EventKind, Reader, Server, Service, Store};
use freehold_engine::Enforcement;
use freehold_lifecycle::StoreStatus;
use freehold_model::{Broker, System};

/// What is known at a time. A store that was not seen yet is not shown as well.
pub(in crate::command) fn moment(system: &System, seen: &[StoreStatus], at: u64) -> Moment {
    Moment {
        system: system.name.clone(),
        environment: system.environment.clone().unwrap_or_default(),
        at,
        since: at,
        servers: system
            .servers
            .iter()
            .map(|(key, own)| Server {
                key: key.clone(),
                engine: own.engine,
                version: seen
                    .iter()
                    .find(|it| it.server == *key)
                    .map_or_else(|| own.engine.to_string(), |it| it.version.clone()),
                address: String::new(),
            })
            .collect(),
        broker: match &system.broker {
            Broker::Embedded => "embedded".to_owned(),
            Broker::External { kind, .. } => kind.clone(),
        },
        services: system
            .services
            .values()
            .map(|own| service(own, system, seen, at))
            .collect(),
        events: events(system),
        ..Moment::default()
    }
}

fn service(
    own: &freehold_model::Service,
    system: &System,
    seen: &[StoreStatus],
    at: u64,
) -> Service {
    let label = |key: &str| {
        if key == "main" {
            own.name.clone()
        } else {
            format!("{}.{key}", own.name)
        }
    };
    let stores = own.stores.values().map(|store| {
        let status = seen.iter().find(|it| it.store == label(&store.key));
        let engine = system.servers[&store.server].engine;
        let drift = status
            .filter(|it| it.exists && it.drift > 0)
            .map(|it| Drift {
                what: format!(
                    "`{}/{}` is not what is described: {} to make.",
                    it.server,
                    it.name,
                    changes(it.drift)
                ),
                brief: changes(it.drift),
                since: None,
            });
        Store {
            key: store.key.clone(),
            server: store.server.clone(),
            engine,
            name: store.name.clone(),
            isolation: store.isolation,
            advisory: status
                .is_some_and(|it| matches!(it.enforcement, Some(Enforcement::Advisory))),
            bytes: None,
            exists: status.is_none_or(|it| it.exists),
            pending: status.map_or(0, |it| it.pending),
            seen_at: status.map(|_| at),
            tables: Vec::new(),
            identities: Vec::new(),
            drift: drift.into_iter().collect(),
            migrations: Vec::new(),
            notes: status
                .map(|it| {
                    it.notes
                        .iter()
                        .map(|own| (own.code.to_owned(), own.message.clone()))
                        .collect()
                })
                .unwrap_or_default(),
        }
    });
    Service {
        name: own.name.clone(),
        team: own.team.clone().unwrap_or_default(),
        stores: stores.collect(),
        ..Service::default()
    }
}

fn changes(n: usize) -> String {
    if n == 1 {
        "1 change".to_owned()
    } else {
        format!("{n} changes")
    }
}

/// Every published event with the copies that it feeds.
fn events(system: &System) -> Vec<EventKind> {
    let readers = |from: &str, event: &str| {
        system
            .services
            .values()
            .flat_map(|own| {
                own.copies
                    .iter()
                    .map(move |(table, copy)| (own, table, copy))
            })
            .filter(|(_, _, copy)| copy.service == from && copy.event == event)
            .map(|(own, table, _)| Reader {
                service: own.name.clone(),
                copy: table.clone(),
                ..Reader::default()
            })
            .collect()
    };
    system
        .services
        .values()
        .flat_map(|own| own.publishes.keys().map(move |event| (own, event)))
        .map(|(own, event)| EventKind {
            name: event.clone(),
            from: own.name.clone(),
            per_second: None,
            readers: readers(&own.name, event),
        })
        .collect()
}
