//! Which entries of the grant tables count for somebody, as the server decides.
//!
//! Pure. A role's rights are its own and those of all roles given to it, merged entry by entry. Of
//! the entries on databases whose pattern fits, only one counts, never the sum; which one differs
//! by server ([`Pick`]).

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::audit::Rights;

use crate::names;

/// Which of the entries that fit a database counts. Tried on MariaDB 10.11 and MySQL 9.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// The most specific one.
    Mariadb,
    /// The most specific one; of equal ones the first by name.
    Mysql,
    /// While a role is active: the first by name, be it the account's or a role's. An entry on `%`
    /// takes the place of all others then.
    MysqlWithRoles,
}

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
    pub(super) fn on_database(&self, database: &str, pick: Pick) -> Option<(Rights, bool)> {
        let mut fitting = self
            .databases
            .iter()
            .filter(|((pattern, _), _)| names::matches(pattern, database));
        let exact = |((pattern, host), _): &(&(String, String), &Rights)| {
            (specific(host), specific(pattern))
        };
        let (pattern, rights) = match pick {
            Pick::Mariadb => fitting.max_by_key(exact).map(|own| (&own.0.0, *own.1))?,
            // Of equal ones, the last that is seen is taken.
            Pick::Mysql => fitting
                .rev()
                .max_by_key(exact)
                .map(|own| (&own.0.0, *own.1))?,
            Pick::MysqlWithRoles => {
                let ((pattern, _), rights) = fitting.next()?;
                let same = fitting.filter(|own| own.0.0 == *pattern);
                (pattern, same.fold(*rights, |sum, own| sum | *own.1))
            }
        };
        Some((rights, specific(pattern) < EXACT))
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
        let on = |database| entries.on_database(database, Pick::Mariadb);
        assert_eq!(on("svc_a"), Some((Rights::INSERT, false)));
        assert_eq!(on("svcXa"), Some((Rights::SELECT, true)));
        assert_eq!(on("other"), Some((Rights::DELETE, true)));
    }

    #[test]
    fn an_active_role_changes_which_entry_counts_on_mysql() {
        let entry = |pattern: &str, host: &str| (pattern.to_owned(), host.to_owned());
        let entries = Entries {
            databases: BTreeMap::from([
                (entry("svc%", "%"), Rights::DELETE),
                (entry("svc_a", "%"), Rights::SELECT),
                (entry("svc\\_a", "%"), Rights::INSERT),
            ]),
            ..Entries::default()
        };
        let on = |database, pick| entries.on_database(database, pick).map(|own| own.0);
        assert_eq!(on("svc_a", Pick::Mysql), Some(Rights::INSERT));
        assert_eq!(on("svcXa", Pick::Mysql), Some(Rights::DELETE));
        assert_eq!(on("svc_a", Pick::MysqlWithRoles), Some(Rights::DELETE));
        let hosts = Entries {
            databases: BTreeMap::from([
                (entry("svc", "%"), Rights::DELETE),
                (entry("svc", "127.0.0.1"), Rights::SELECT),
            ]),
            ..Entries::default()
        };
        let both = hosts.on_database("svc", Pick::MysqlWithRoles);
        assert_eq!(both, Some((Rights::DELETE | Rights::SELECT, false)));
    }
}
