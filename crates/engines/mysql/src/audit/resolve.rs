//! Which entries of the grant tables count for somebody, as the server decides.
//!
//! Pure. A role's rights are its own and those of all roles given to it, merged entry by entry. Of
//! the entries on databases whose pattern fits, only the most specific one counts: for each
//! principal one, never the sum.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::audit::Rights;

use crate::names;

/// Rights of one principal, as the tables hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries {
    pub(super) global: Rights,
    /// Pattern (and the host that it was given for) → rights.
    pub(super) databases: BTreeMap<(String, String), Rights>,
    /// Database and table.
    pub(super) tables: BTreeMap<(String, String), Rights>,
    /// Database, table and column.
    pub(super) columns: BTreeMap<(String, String, String), Rights>,
    /// Database, routine.
    pub(super) routines: BTreeMap<(String, String), Rights>,
}

impl Entries {
    fn add(&mut self, other: &Self) {
        self.global |= other.global;
        merge(&mut self.databases, &other.databases);
        merge(&mut self.tables, &other.tables);
        merge(&mut self.columns, &other.columns);
        merge(&mut self.routines, &other.routines);
    }

    /// The entry that counts for a database, and whether it was written with a wildcard.
    pub(super) fn on_database(&self, database: &str) -> Option<(Rights, bool)> {
        let fitting = self
            .databases
            .iter()
            .filter(|((pattern, _), _)| names::matches(pattern, database));
        let best =
            fitting.max_by_key(|((pattern, host), _)| (specific(host), specific(pattern)))?;
        let wild = specific(&best.0.0) < EXACT;
        Some((*best.1, wild))
    }
}

fn merge<K: Ord + Clone>(into: &mut BTreeMap<K, Rights>, from: &BTreeMap<K, Rights>) {
    for (key, rights) in from {
        *into.entry(key.clone()).or_default() |= *rights;
    }
}

const EXACT: usize = 128;

/// How specific a pattern is: where its first wildcard stands.
fn specific(pattern: &str) -> usize {
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '%' | '_' => return (at + 1).min(EXACT - 1),
            _ => {}
        }
    }
    if pattern.is_empty() { 0 } else { EXACT }
}

/// A principal's entries with those of every role given to it, and to those.
pub(super) fn flattened(
    own: &BTreeMap<u32, Entries>,
    roles_of: &BTreeMap<u32, BTreeSet<u32>>,
    role: u32,
) -> Entries {
    let mut seen = BTreeSet::from([role]);
    let mut queue = vec![role];
    let mut sum = Entries::default();
    while let Some(at) = queue.pop() {
        if let Some(entries) = own.get(&at) {
            sum.add(entries);
        }
        for next in roles_of.get(&at).into_iter().flatten() {
            if seen.insert(*next) {
                queue.push(*next);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_most_specific_entry_counts() {
        let entry = |pattern: &str| (pattern.to_owned(), "%".to_owned());
        let entries = Entries {
            databases: BTreeMap::from([
                (entry("%"), Rights::DELETE),
                (entry("svc_a"), Rights::SELECT),
                (entry("svc\\_a"), Rights::INSERT),
            ]),
            ..Entries::default()
        };
        assert_eq!(entries.on_database("svc_a"), Some((Rights::INSERT, false)));
        assert_eq!(entries.on_database("svcXa"), Some((Rights::SELECT, true)));
        assert_eq!(entries.on_database("other"), Some((Rights::DELETE, true)));
    }
}
