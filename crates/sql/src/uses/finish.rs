//! The end of a statement: what UPDATE and DELETE named by alias finds its table.

use super::Access;
use super::state::{Level, Verb, Walk};

/// A new statement begins on this level.
pub(super) fn begin(walk: &mut Walk, level: &mut Level) {
    statement(walk, level);
    if level.cte_taken {
        level.ctes.clear();
    }
    level.cte_taken = true;
}

/// The statement on this level has ended.
pub(super) fn statement(walk: &mut Walk, level: &mut Level) {
    for target in std::mem::take(&mut level.targets) {
        let by_alias = level.sources.iter().find(|source| {
            !target.name.is_qualified()
                && source
                    .alias
                    .as_deref()
                    .is_some_and(|alias| alias.eq_ignore_ascii_case(target.name.table()))
        });
        let source = by_alias.or_else(|| {
            level
                .sources
                .iter()
                .find(|source| source.name.eq_ignore_ascii_case(target.name.table()))
        });
        match source {
            Some(source) => {
                if let Some(table) = source.table {
                    walk.out.tables[table].access = target.access;
                }
            }
            // A CTE that is updated stands for its table, which its query has named.
            None if level.is_cte(target.name.table()) => {}
            None => {
                walk.found(target.name, target.span, target.access, false);
            }
        }
    }
    stars(walk, level);
    level.sources.clear();
    level.verb = Verb::None;
    level.listing = false;
}

/// When something was joined, the first table of the statement is joined as well.
pub(super) fn joins_first(walk: &mut Walk, level: &Level, mark: usize) {
    let first = level.sources.iter().find_map(|source| source.table);
    if let Some(first) = first
        && (walk.out.tables.len() > mark || level.sources.len() > 1)
        && first < mark
        && walk.out.tables[first].access == Access::Read
    {
        walk.out.tables[first].joined = true;
    }
}

/// The tables of a query whose columns a star takes are read whole.
pub(super) fn stars(walk: &mut Walk, level: &mut Level) {
    for star in std::mem::take(&mut level.stars) {
        for source in &level.sources {
            let label = source.alias.as_deref().unwrap_or(&source.name);
            let meant = star
                .as_deref()
                .is_none_or(|star| star.eq_ignore_ascii_case(label));
            if let (true, Some(table)) = (meant, source.table) {
                walk.out.tables[table].whole = true;
            }
        }
    }
}
