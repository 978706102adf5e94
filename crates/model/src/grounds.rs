//! The ground that each store stands on: no two stores on one.

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::places::{Places, at};
use crate::service::Service;
use crate::store::{EngineKind, Isolation, Store};
use crate::system::System;
use crate::validate::{each_store, machine, of_store};

type Placed<'a> = (&'a Service, &'a Store);

/// FH1115 for each store that shares its ground with an earlier one.
pub(crate) fn check(system: &System, places: &Places, faults: &mut Vec<Fault>) {
    let mut machines: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for placed in each_store(system) {
        if system.servers.contains_key(&placed.1.server) {
            machines
                .entry(machine(system, &placed.1.server))
                .or_default()
                .push(placed);
        }
    }
    for (key, stores) in machines {
        let Some(server) = system.servers.get(key) else {
            continue;
        };
        same_name(&stores, server.engine, places, faults);
        // One file each: SQLite's stores are instances anyway, and have no prefixes.
        if server.engine != EngineKind::Sqlite {
            same_prefix(&stores, places, faults);
            shared_instance(&stores, places, faults);
        }
    }
}

fn same_name(stores: &[Placed<'_>], engine: EngineKind, places: &Places, faults: &mut Vec<Fault>) {
    let mut taken: BTreeMap<(&str, &str), Placed<'_>> = BTreeMap::new();
    for &(service, store) in stores {
        let kind = match store.isolation {
            _ if engine == EngineKind::Sqlite => "file",
            Isolation::Database | Isolation::Instance => "database",
            Isolation::Schema => "schema",
            Isolation::Tables => "prefix",
        };
        let Some(&(other, other_store)) = taken.get(&(kind, store.name.as_str())) else {
            taken.insert((kind, &store.name), (service, store));
            continue;
        };
        let message = format!(
            "{}: store `{}` is placed in the {kind} `{}` on server `{}`, where {} is already",
            service.name,
            store.key,
            store.name,
            store.server,
            of_store(other, other_store)
        );
        let place = places.in_store(&service.name, &store.key, &["name"]);
        faults
            .push(at(Fault::new("FH1115", message), place).help("give one of them another `name`"));
    }
}

/// With prefix `order_`, the tables of `order_items` would be seen as one's own.
fn same_prefix(stores: &[Placed<'_>], places: &Places, faults: &mut Vec<Fault>) {
    let mut prefixes: Vec<(String, Placed<'_>)> = (stores.iter())
        .filter(|(_, store)| store.isolation == Isolation::Tables)
        .map(|&(service, store)| (format!("{}_", store.name), (service, store)))
        .collect();
    prefixes.sort_by(|(a, _), (b, _)| a.cmp(b));
    // What begins with a prefix comes right after it in this order.
    for (at_index, (prefix, (service, store))) in prefixes.iter().enumerate() {
        let Some((longer, (other, other_store))) = prefixes.get(at_index + 1) else {
            continue;
        };
        if !longer.starts_with(prefix.as_str()) || longer == prefix {
            continue;
        }
        let message = format!(
            "{}: the prefix `{longer}` of store `{}` begins with `{prefix}`, the prefix of {}",
            other.name,
            other_store.key,
            of_store(service, store)
        );
        let place = places.in_store(&other.name, &other_store.key, &["name"]);
        faults.push(
            at(Fault::new("FH1115", message), place)
                .help("tables could not be told apart; give one of them another `name`"),
        );
    }
}

fn shared_instance(stores: &[Placed<'_>], places: &Places, faults: &mut Vec<Fault>) {
    let alone = stores
        .iter()
        .find(|(_, store)| store.isolation == Isolation::Instance);
    let Some(&(service, store)) = alone else {
        return;
    };
    let other = stores
        .iter()
        .find(|(it, its)| (&it.name, &its.key) != (&service.name, &store.key));
    let Some((other, other_store)) = other else {
        return;
    };
    let message = format!(
        "{}: store `{}` wants server `{}` for itself, and {} is placed there too",
        service.name,
        store.key,
        store.server,
        of_store(other, other_store)
    );
    let place = places.in_store(&service.name, &store.key, &["isolation"]);
    faults.push(
        at(Fault::new("FH1115", message), place)
            .help("describe a server of its own, or say `isolation: database`"),
    );
}
