//! What a service publishes and what it keeps of others' events: contracts and copies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::store::EngineKind;

/// An event that a service publishes: its versioned schema and what orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// The file of its JSON Schema, relative to the system's root.
    pub schema: PathBuf,
    /// The field of the payload that the outbox row's key repeats, as a path: `order.id`.
    pub key: String,
    /// Today's rows as (key, payload).
    pub snapshot: Option<Snapshot>,
    /// What a changed schema owes to those who read the event.
    pub compatibility: Compatibility,
}

/// What a changed schema owes to those who read the event. `…Transitive`: held against every state
/// that was kept, not only the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compatibility {
    /// It may be anything.
    None,
    /// Who knows the new schema reads what was written before.
    Backward,
    BackwardTransitive,
    /// Who knows the old schema reads what is written from now on.
    Forward,
    ForwardTransitive,
    /// Both.
    #[default]
    Full,
    FullTransitive,
}

/// A SELECT over the service's own tables that gives today's rows of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// Every engine understands it.
    Every(String),
    /// By engine, named as the folders of migrations are.
    ByEngine(BTreeMap<String, String>),
}

impl Snapshot {
    /// The one for this engine, if there is one.
    pub fn on(&self, engine: EngineKind) -> Option<&str> {
        match self {
            Self::Every(select) => Some(select),
            Self::ByEngine(selects) => {
                let mut names = engine.migration_folders().iter();
                names
                    .find_map(|name| selects.get(*name))
                    .map(String::as_str)
            }
        }
    }
}

/// An outbox table that a service had before: what is inserted there is published, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdoptedOutbox {
    /// Column that tells what happened.
    pub kind: String,
    /// Column of the key.
    pub key: String,
    /// Column of the payload, JSON.
    pub payload: String,
    /// Column that orders the rows that are there already; without it they are not published.
    pub id: Option<String>,
    /// Column that says whether somebody else has published the row.
    pub published: Option<String>,
    /// What the first of these columns may say → the event that it is.
    pub events: BTreeMap<String, String>,
}

impl AdoptedOutbox {
    /// Every column that is read, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        let some = [&self.id, &self.published];
        let named = [&self.kind, &self.key, &self.payload];
        for column in named.into_iter().chain(some.into_iter().flatten()) {
            if !all.contains(&column.as_str()) {
                all.push(column);
            }
        }
        all
    }
}

/// A local copy of chosen fields of another service's entity, kept by its events. The table is
/// made by the service's own migrations; the sidecar writes it, the program reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOf {
    /// The service that publishes.
    pub service: String,
    /// The event: `book.changed.v1`.
    pub event: String,
    /// Where an event makes several rows: the path of an array, each item of which is one. A field
    /// `@.sku` is of the item, `@` the item itself, `@index` its place, counted from 0.
    pub each: Option<String>,
    /// Column → field, for the key. The columns are the table's primary key, or unique.
    pub key: BTreeMap<String, String>,
    /// Column → field.
    pub columns: BTreeMap<String, String>,
    pub provenance: Provenance,
    /// What is asked when the copy has no row: `GET ${catalog}/books/{key}`.
    pub fallback: Option<String>,
    /// How old what one sees in it may be; `None`: nothing is said.
    pub freshness: Option<std::time::Duration>,
}

/// Is this field of a copy one of an array's item, and not of the event?
pub fn is_of_item(field: &str) -> bool {
    field.starts_with('@')
}

impl CopyOf {
    /// Columns of the key, those first that name the entity: all, but where an event makes several
    /// rows.
    pub fn key_columns(&self) -> Vec<&str> {
        let (own, item): (Vec<_>, Vec<_>) =
            self.key.iter().partition(|(_, field)| !is_of_item(field));
        let columns = own.into_iter().chain(item);
        columns.map(|(column, _)| column.as_str()).collect()
    }

    /// Columns of the key that name the entity.
    pub fn entity_columns(&self) -> Vec<&str> {
        let own = self.key.iter().filter(|(_, field)| !is_of_item(field));
        own.map(|(column, _)| column.as_str()).collect()
    }
}

/// The columns of a copy that tell where a row comes from. `version` or `position` is always there:
/// by it the newer of two rows wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Column and field of the source's own version, a whole number that grows with each change.
    pub version: Option<(String, String)>,
    /// Column of the event's position, as text that sorts.
    pub position: Option<String>,
    /// Column of the source's name.
    pub source: Option<String>,
    /// Column of the time at which the event occurred.
    pub occurred_at: Option<String>,
}

/// Is this a name of an event: words in lower case, parted by dots, the last a version?
/// `order.confirmed.v2`.
pub fn is_event_name(name: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let Some((rest, version)) = name.rsplit_once(".v") else {
        return false;
    };
    name.len() <= 120
        && !version.is_empty()
        && !version.starts_with('0')
        && version.chars().all(|c| c.is_ascii_digit())
        && rest.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use super::is_event_name;

    #[test]
    fn names_have_a_version() {
        for good in [
            "order.confirmed.v2",
            "book.changed.v1",
            "a.v10",
            "login_audit.row.v3",
        ] {
            assert!(is_event_name(good), "{good}");
        }
        for bad in [
            "order.confirmed",
            "v1",
            "Order.v1",
            "order..v1",
            "order.v0",
            "order.v",
            "order.v1x",
            "ö.v1",
            ".v1",
        ] {
            assert!(!is_event_name(bad), "{bad}");
        }
    }
}
