//! Names that an engine does not take: too long, or its own.

use crate::fault::Fault;
use crate::identities;
use crate::places::{Places, at};
use crate::service::Service;
use crate::store::{EngineKind, Isolation, Store};

/// FH1121 for each name of `store` that cannot be used on `engine`.
pub(crate) fn check(
    service: &Service,
    store: &Store,
    engine: EngineKind,
    places: &Places,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    // 63 for all: what MySQL limits to 32 is the names of users.
    if let Some(why) = unusable(&store.name, 63).or_else(|| taken(store, engine)) {
        let message = format!(
            "{}: store `{}` cannot be called `{}`: {why}",
            service.name, store.key, store.name
        );
        let place = places.in_store(&service.name, &store.key, &["name"]);
        faults.push(at(Fault::new("FH1121", message), place).help("give it another `name`"));
    }
    if engine == EngineKind::Sqlite {
        return faults;
    }
    for (what, name) in identities::each(&store.identities) {
        let reserved = match engine {
            EngineKind::Postgres if is_postgres_role(name) => {
                Some("PostgreSQL keeps this name for itself".to_owned())
            }
            EngineKind::Mysql | EngineKind::Mariadb if is_mysql_user(name) => {
                Some(format!("{engine} keeps this name for itself"))
            }
            _ => None,
        };
        if let Some(why) = unusable(name, engine.name_limit()).or(reserved) {
            let message = format!(
                "{}: the {what} of store `{}` cannot be called `{name}`: {why}",
                service.name, store.key
            );
            let place = places.of_identities(&service.name, &store.key);
            faults.push(
                at(Fault::new("FH1121", message), place)
                    .help("give it another name below `identities`"),
            );
        }
    }
    faults
}

fn unusable(name: &str, limit: usize) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".into());
    }
    if name.chars().any(char::is_control) {
        return Some("it holds a control character".into());
    }
    (name.len() > limit).then(|| format!("it has {} bytes, and {limit} is the limit", name.len()))
}

/// Databases and schemas that belong to the engine.
fn taken(store: &Store, engine: EngineKind) -> Option<String> {
    let name = store.name.as_str();
    let taken = match (engine, store.isolation) {
        (EngineKind::Postgres, Isolation::Schema) => {
            matches!(name, "public" | "information_schema") || name.starts_with("pg_")
        }
        (EngineKind::Postgres, Isolation::Database | Isolation::Instance) => {
            matches!(name, "postgres" | "template0" | "template1")
        }
        (EngineKind::Mysql | EngineKind::Mariadb, _) => {
            matches!(
                name,
                "mysql" | "sys" | "information_schema" | "performance_schema"
            )
        }
        _ => false,
    };
    taken.then(|| format!("{engine} has its own of this name"))
}

fn is_postgres_role(name: &str) -> bool {
    name.starts_with("pg_") || matches!(name, "public" | "none" | "postgres")
}

fn is_mysql_user(name: &str) -> bool {
    name.starts_with("mysql.") || matches!(name, "root" | "mariadb.sys")
}
