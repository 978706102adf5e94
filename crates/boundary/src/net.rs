//! What a history of migrations comes to: foreign keys that hold in the end, each once.
//!
//! Owns taking back what a later migration drops, and what several files say of the same key:
//! migrations for each engine, dumps, changes that make a table anew. Pure.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use freehold_sql::{Access, ObjectName};

use crate::ownership::{Code, Ownership};
use crate::scan::FileScan;

/// A foreign key's place: scan, query, touch.
type Place = (usize, usize, usize);

struct Held {
    place: Place,
    constraint: Option<String>,
    columns: Vec<String>,
    /// The table that it points to.
    target: String,
}

/// Takes foreign keys out of `scans` that a later migration of the same folder drops, and all but
/// the first of those that are said several times.
pub(crate) fn settle(own: &Ownership, scans: &mut [FileScan]) {
    let mut folders: HashMap<PathBuf, Vec<usize>> = HashMap::new();
    for (i, scan) in scans.iter().enumerate() {
        let speaks = !scan.dropped.is_empty()
            || scan.queries.iter().any(|query| {
                query
                    .touches
                    .iter()
                    .any(|touch| matches!(touch.access, Access::Reference | Access::Drop))
            });
        if speaks && own.code(&scan.path) != Code::Tests {
            let folder = scan.path.parent().unwrap_or(Path::new("")).to_path_buf();
            folders.entry(folder).or_default().push(i);
        }
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort();
    let mut gone: HashSet<Place> = HashSet::new();
    let mut said: HashSet<(String, String)> = HashSet::new();
    for (_, mut files) in folders {
        files.sort_by_key(|&i| order(&scans[i].path));
        let mut tables: HashMap<String, Vec<Held>> = HashMap::new();
        for i in files {
            if is_way_back(&scans[i].path) {
                gone.extend(references(&scans[i], i));
                continue;
            }
            replay(&scans[i], i, &mut tables, &mut gone);
        }
        let mut held: Vec<(String, Held)> = tables
            .into_iter()
            .flat_map(|(table, keys)| keys.into_iter().map(move |key| (table.clone(), key)))
            .collect();
        held.sort_by_key(|(_, key)| key.place);
        for (table, key) in held {
            if let Some(mark) = mark(&key)
                && !said.insert((format!("{table} {}", key.target), mark))
            {
                gone.insert(key.place);
            }
        }
    }
    for (i, scan) in scans.iter_mut().enumerate() {
        for (q, query) in scan.queries.iter_mut().enumerate() {
            let mut t = 0;
            query.touches.retain(|_| {
                t += 1;
                !gone.contains(&(i, q, t - 1))
            });
        }
    }
}

/// What happened in one file, in the order of its lines.
fn replay(
    scan: &FileScan,
    i: usize,
    tables: &mut HashMap<String, Vec<Held>>,
    gone: &mut HashSet<Place>,
) {
    enum Event<'a> {
        Key(Place, &'a ObjectName),
        Part(&'a freehold_sql::Dropped),
        Table(&'a ObjectName),
    }
    let mut events: Vec<((usize, usize), Event)> = Vec::new();
    for (q, query) in scan.queries.iter().enumerate() {
        for (t, touch) in query.touches.iter().enumerate() {
            let at = (touch.spot.line, touch.spot.column);
            let holder = touch.container.and_then(|own| query.containers.get(own));
            match (touch.access, holder, &touch.key) {
                (Access::Reference, Some(holder), Some(_)) => {
                    events.push((at, Event::Key((i, q, t), &holder.name)));
                }
                (Access::Drop, _, _) => events.push((at, Event::Table(&touch.name))),
                _ => {}
            }
        }
    }
    for (part, spot) in &scan.dropped {
        events.push(((spot.line, spot.column), Event::Part(part)));
    }
    events.sort_by_key(|(at, _)| *at);
    // Without a number nobody knows when a script runs: `drop.sql` is no migration.
    let numbered = !order(&scan.path).0.is_empty();
    let reaches = |key: &Held| numbered || key.place.0 == i;
    for (_, event) in events {
        match event {
            Event::Key(place, holder) => {
                let touch = &scan.queries[place.1].touches[place.2];
                let key = touch.key.clone().unwrap_or_default();
                tables.entry(name(holder)).or_default().push(Held {
                    place,
                    constraint: key.constraint.map(|own| own.to_ascii_lowercase()),
                    columns: key
                        .columns
                        .iter()
                        .map(|own| own.to_ascii_lowercase())
                        .collect(),
                    target: name(&touch.name),
                });
            }
            Event::Part(part) => {
                let table = name(&part.table);
                let dropped = part.name.to_ascii_lowercase();
                drop_where(tables.get_mut(&table), gone, |key| {
                    if !reaches(key) {
                        return false;
                    }
                    if part.column {
                        return key.columns.contains(&dropped);
                    }
                    // PostgreSQL calls a key that nobody named after its table and columns.
                    let custom = format!("{table}_{}_fkey", key.columns.join("_"));
                    key.constraint.as_ref().unwrap_or(&custom) == &dropped
                });
            }
            Event::Table(table) => {
                let table = name(table);
                drop_where(tables.get_mut(&table), gone, reaches);
                for keys in tables.values_mut() {
                    drop_where(Some(keys), gone, |key| key.target == table && reaches(key));
                }
            }
        }
    }
}

fn drop_where(
    keys: Option<&mut Vec<Held>>,
    gone: &mut HashSet<Place>,
    dropped: impl Fn(&Held) -> bool,
) {
    if let Some(keys) = keys {
        keys.retain(|key| {
            let drops = dropped(key);
            if drops {
                gone.insert(key.place);
            }
            !drops
        });
    }
}

fn references(scan: &FileScan, i: usize) -> Vec<Place> {
    scan.queries
        .iter()
        .enumerate()
        .flat_map(|(q, query)| {
            query
                .touches
                .iter()
                .enumerate()
                .filter(|(_, touch)| touch.access == Access::Reference && touch.key.is_some())
                .map(move |(t, _)| (i, q, t))
        })
        .collect()
}

fn name(table: &ObjectName) -> String {
    table.table().to_ascii_lowercase()
}

/// What two sayings of the same key have in common.
fn mark(key: &Held) -> Option<String> {
    if !key.columns.is_empty() {
        return Some(key.columns.join(","));
    }
    key.constraint.clone()
}

/// Migrations run by their numbers, not by their letters: 2 before 10.
fn order(path: &Path) -> (Vec<u128>, PathBuf) {
    let file = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let start = file.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let numbers = start
        .split(['.', '_', '-'])
        .map_while(|part| part.parse::<u128>().ok())
        .collect();
    (numbers, path.to_path_buf())
}

/// The script that takes a migration back.
#[expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the name is in small letters"
)]
pub(crate) fn is_way_back(path: &Path) -> bool {
    let file = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let lower = file.to_ascii_lowercase();
    let stem = lower.strip_suffix(".sql").unwrap_or(&lower);
    stem.ends_with(".down")
        || stem.ends_with("_down")
        || stem.ends_with("-down")
        || stem == "down"
        || stem.ends_with("rollback")
        || stem.ends_with(".undo")
        || stem.starts_with('u') && stem[1..].starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_by_number() {
        let mut names = ["V10__b.sql", "V2__a.sql", "0003_c.sql"].map(Path::new);
        names.sort_by_key(|path| order(path));
        assert_eq!(
            names,
            ["V2__a.sql", "0003_c.sql", "V10__b.sql"].map(Path::new)
        );
        assert!(is_way_back(Path::new("db/0001_x.down.sql")));
        assert!(!is_way_back(Path::new("db/users.sql")));
    }
}
