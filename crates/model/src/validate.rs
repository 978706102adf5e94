//! Rules over a whole system: what no single file can break alone.
//!
//! Pure and repeatable: run after loading, and again when the servers are others.

use std::collections::BTreeMap;

use crate::fault::{Fault, Place};
use crate::identities;
use crate::nearest::nearest;
use crate::places::{Places, at};
use crate::secret_ref::SecretRef;
use crate::service::Service;
use crate::shape::alternatives;
use crate::store::{EngineKind, Isolation, Store};
use crate::system::{Server, System};

/// Everything that is wrong between the parts of `system`. `complete`: whether all services are
/// in it; if some could not be read, nothing is said of names that may be theirs.
pub(crate) fn validate(system: &System, places: &Places, complete: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (service, store) in each_store(system) {
        match system.servers.get(&store.server) {
            None => faults.push(unknown_server(system, service, store, places)),
            Some(server) => {
                faults.extend(isolation(service, store, server, places));
                faults.extend(engine(service, store, server, places));
                faults.extend(crate::engine_names::check(
                    service,
                    store,
                    server.engine,
                    places,
                ));
            }
        }
    }
    tables_owned_twice(system, places, &mut faults);
    names_used_twice(system, places, &mut faults);
    crate::grounds::check(system, places, &mut faults);
    crate::validate_events::check(system, places, complete, &mut faults);
    if complete {
        access(system, places, &mut faults);
    }
    faults
}

pub(crate) fn each_store(system: &System) -> impl Iterator<Item = (&Service, &Store)> {
    system
        .services
        .values()
        .flat_map(|it| it.stores.values().map(move |store| (it, store)))
}

/// The server as a machine: two keys with one URL are one.
pub(crate) fn machine<'a>(system: &'a System, key: &'a str) -> &'a str {
    let url = |server: &Server| server.url.clone().filter(|url| *url != SecretRef::Prompt);
    let Some(wanted) = system.servers.get(key).and_then(url) else {
        return key;
    };
    let same = system
        .servers
        .iter()
        .find(|(_, server)| url(server).as_ref() == Some(&wanted));
    same.map_or(key, |(first, _)| first)
}

fn unknown_server(system: &System, service: &Service, store: &Store, places: &Places) -> Fault {
    let Store { key, server, .. } = store;
    let known: Vec<&str> = system.servers.keys().map(String::as_str).collect();
    let help = match nearest(server, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "name one below `servers:` in freehold.yaml".to_owned(),
        None => format!("there is {}", alternatives(&known)),
    };
    let message = format!(
        "{}: store `{key}` is placed on server `{server}`, which is not described",
        service.name
    );
    at(
        Fault::new("FH1112", message),
        places.in_store(&service.name, key, &["server"]),
    )
    .help(help)
}

fn isolation(service: &Service, store: &Store, server: &Server, places: &Places) -> Option<Fault> {
    let lacks = matches!(server.engine, EngineKind::Mysql | EngineKind::Mariadb)
        && store.isolation == Isolation::Schema;
    lacks.then(|| {
        let message = format!(
            "{}: {} has no isolation `schema`: a schema is the same as a database there",
            service.name, server.engine
        );
        let place = places.in_store(&service.name, &store.key, &["isolation"]);
        at(Fault::new("FH1116", message), place).help("say `isolation: database`")
    })
}

fn engine(service: &Service, store: &Store, server: &Server, places: &Places) -> Option<Fault> {
    let folders = server.engine.migration_folders();
    let fits =
        store.engines.is_empty() || store.engines.iter().any(|it| folders.contains(&it.name()));
    (!fits).then(|| {
        let engines: Vec<&str> = store.engines.iter().map(|it| it.name()).collect();
        let message = format!(
            "{}: store `{}` has migrations for {}, and its server `{}` is {}",
            service.name, store.key, engines.join(", "), store.server, server.engine
        );
        let place = places.in_store(&service.name, &store.key, &["engines"]);
        at(Fault::new("FH1117", message), place)
            .help(format!("write migrations for {0} and add it to `engines`, or place the store on another server", server.engine))
    })
}

fn tables_owned_twice(system: &System, places: &Places, faults: &mut Vec<Fault>) {
    let mut owners: BTreeMap<&str, (&Service, Option<Place>)> = BTreeMap::new();
    for service in system.services.values() {
        for (name, entity) in &service.entities {
            for (index, table) in entity.tables.iter().enumerate() {
                let path = ["entities", name, "tables", &index.to_string()];
                let place = places.in_service(&service.name, &path);
                match owners.get(table.as_str()) {
                    Some((first, at_first)) if first.name != service.name => {
                        faults.push(owned_twice(table, service, place, first, at_first.as_ref()));
                    }
                    Some(_) => {}
                    None => {
                        owners.insert(table, (service, place));
                    }
                }
            }
        }
    }
    for service in system.services.values() {
        for table in service.tables.keys() {
            match owners.get(table.as_str()) {
                Some((first, at_first)) if first.name != service.name && !owns(service, table) => {
                    let place = places.in_service(&service.name, &["tables", table]);
                    faults.push(owned_twice(table, service, place, first, at_first.as_ref()));
                }
                _ => {}
            }
        }
    }
}

fn owns(service: &Service, table: &str) -> bool {
    service
        .entities
        .values()
        .any(|entity| entity.tables.iter().any(|it| it == table))
}

fn owned_twice(
    table: &str,
    service: &Service,
    place: Option<Place>,
    first: &Service,
    at_first: Option<&Place>,
) -> Fault {
    let message = format!(
        "table `{table}` is claimed by {} and by {}",
        first.name, service.name
    );
    let also = match at_first {
        Some(at_first) => format!("{} claims it at {at_first}", first.name),
        None => format!("{} claims it too", first.name),
    };
    at(Fault::new("FH1113", message), place)
        .help(also)
        .help("one of them owns it; the other keeps a copy by events, or asks the owner")
}

fn names_used_twice(system: &System, places: &Places, faults: &mut Vec<Fault>) {
    let mut users: BTreeMap<(&str, &str), (&Service, &Store, &str)> = BTreeMap::new();
    for (service, store) in each_store(system) {
        // SQLite has no identities.
        let has_identities = system
            .servers
            .get(&store.server)
            .is_some_and(|it| it.engine != EngineKind::Sqlite);
        if !has_identities {
            continue;
        }
        for (what, name) in identities::each(&store.identities) {
            let key = (machine(system, &store.server), name);
            let Some((other, other_store, other_what)) = users.get(&key) else {
                users.insert(key, (service, store, what));
                continue;
            };
            let message = format!(
                "{}: `{name}` is the {what} of store `{}` and the {other_what} of {}",
                service.name,
                store.key,
                of_store(other, other_store)
            );
            let place = places.of_identities(&service.name, &store.key);
            faults.push(at(Fault::new("FH1114", message), place).help(format!(
                "both are on server `{}`; give one another name below `identities`",
                store.server
            )));
        }
    }
}

pub(crate) fn of_store(service: &Service, store: &Store) -> String {
    format!("store `{}` of {}", store.key, service.name)
}

fn access(system: &System, places: &Places, faults: &mut Vec<Fault>) {
    for (index, access) in system.access.iter().enumerate() {
        for (item, on) in access.on.iter().enumerate() {
            if is_known(system, on) {
                continue;
            }
            let path = ["access", &index.to_string(), "on", &item.to_string()];
            let message = format!(
                "access of {}: `{on}` is neither a server nor a store",
                access.who
            );
            let known = system
                .servers
                .keys()
                .chain(system.services.keys())
                .map(String::as_str);
            let help = match nearest(on, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "it takes servers, services, and `service.store`".to_owned(),
            };
            faults.push(at(Fault::new("FH1119", message), places.in_system(&path)).help(help));
        }
    }
}

fn is_known(system: &System, on: &str) -> bool {
    let is_store = |(service, store): (&str, &str)| {
        system
            .services
            .get(service)
            .is_some_and(|service| service.stores.contains_key(store))
    };
    system.servers.contains_key(on)
        || system.services.contains_key(on)
        || on.split_once('.').is_some_and(is_store)
}
