//! Whose code a folder is that is not called like any context: by the tables that it uses.
//!
//! Owns that part of the guess of [`super::propose`]. A folder of which nothing is sure stays
//! nobody's: what it reads is then held against the owner of each statement's first table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path};

use freehold_sql::Access;

use super::propose::is_layer;
use super::{Code, Context, Ownership};
use crate::scan::FileScan;

/// Gives the folders of nobody to those contexts whose tables they use most; a context that was
/// only called by the beginning of its tables' names is called by its only folder. Gives how many
/// folders found a context.
pub(super) fn place(
    contexts: &mut [Context],
    own: &Ownership,
    scans: &[FileScan],
    by_prefix: bool,
) -> usize {
    let owner: HashMap<String, usize> = contexts
        .iter()
        .enumerate()
        .flat_map(|(at, context)| context.tables.iter().map(move |table| (table, at)))
        .map(|(table, at)| {
            let name = table.rsplit('.').next().unwrap_or(table);
            (name.to_ascii_lowercase(), at)
        })
        .collect();
    let mut held: HashMap<String, usize> = HashMap::new();
    for scan in scans {
        let folders = folders(&scan.path);
        for end in 1..=folders.len() {
            *held.entry(folders[..end].join("/")).or_default() += 1;
        }
    }
    let mut uses: BTreeMap<String, BTreeSet<(usize, &str, u32)>> = BTreeMap::new();
    for scan in scans {
        let Some(folder) =
            module(&scan.path, &held, scans.len()).filter(|_| own.code(&scan.path) == Code::Nobody)
        else {
            continue;
        };
        for touch in scan.queries.iter().flat_map(|query| &query.touches) {
            let Some(weight) = weight(touch.access) else {
                continue;
            };
            let table = touch.name.table();
            if let Some(at) = owner.get(&table.to_ascii_lowercase()) {
                uses.entry(folder.clone())
                    .or_default()
                    .insert((*at, table, weight));
            }
        }
    }
    let mut folders: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (folder, uses) in uses {
        if let Some(at) = most(&uses, contexts.len()) {
            folders.entry(at).or_default().push(folder);
        }
    }
    let placed = folders.values().map(Vec::len).sum();
    for (at, folders) in folders {
        let only = (folders.len() == 1 && contexts[at].code.is_empty() && by_prefix)
            .then(|| folders[0].rsplit('/').next().unwrap_or_default().to_owned());
        let taken = |name: &String| contexts.iter().any(|own| own.name == *name);
        if let Some(name) =
            only.filter(|name| abbreviates(&contexts[at].name, name) && !taken(name))
        {
            contexts[at].name = name;
        }
        contexts[at]
            .code
            .extend(folders.into_iter().map(|folder| format!("{folder}/**")));
    }
    placed
}

/// `bil` of `billing`, `whs` of `warehouse`: the same beginning, and its letters in their order.
fn abbreviates(short: &str, name: &str) -> bool {
    let mut letters = name.chars();
    short.chars().next() == name.chars().next()
        && short.chars().all(|own| letters.any(|letter| letter == own))
}

/// Who makes rows owns them; who changes them may; who reads them may be anybody.
fn weight(access: Access) -> Option<u32> {
    Some(match access {
        Access::Insert => 3,
        Access::Update | Access::Delete | Access::Merge => 2,
        Access::Read => 1,
        _ => return None,
    })
}

/// The context that is used twice as much as all others together. A folder that uses most of many
/// contexts is a program over all of them, and nobody's.
fn most(uses: &BTreeSet<(usize, &str, u32)>, contexts: usize) -> Option<usize> {
    let mut sums: BTreeMap<usize, u32> = BTreeMap::new();
    for (context, _, weight) in uses {
        *sums.entry(*context).or_default() += weight;
    }
    if contexts > 3 && sums.len() * 2 > contexts {
        return None;
    }
    let all: u32 = sums.values().sum();
    sums.into_iter()
        .find(|(_, sum)| *sum >= (all - sum) * 2)
        .map(|(at, _)| at)
}

/// The path down to the first folder that says what it is about, and that is not all about it:
/// `com/acme` of everything is none.
fn module(path: &Path, held: &HashMap<String, usize>, all: usize) -> Option<String> {
    let folders = folders(path);
    (1..=folders.len())
        .filter(|&end| !is_layer(folders[end - 1]))
        .map(|end| folders[..end].join("/"))
        .find(|folder| held.get(folder).is_some_and(|held| held * 2 <= all))
}

fn folders(path: &Path) -> Vec<&str> {
    let parts = path.parent().into_iter().flat_map(Path::components);
    parts
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect()
}
