//! Steps of migrations that destroy rows, or that others wait for.

use std::collections::HashSet;

use freehold_sql::{Access, Statement, facts, impacts, uses};

use super::{Lint, Rule, SqlFile, is_migration};
use crate::spot::Spot;

pub(super) const DESTRUCTIVE: Rule = Rule {
    code: "FH2125",
    name: "destructive-step",
    way_out: "take it out of use first, and drop it in a later migration that says `-- phase: contract`",
};

pub(super) const LOCKING: Rule = Rule {
    code: "FH2126",
    name: "locking-step",
    way_out: "see the step's own advice; while rows are few, nobody will notice",
};

pub(super) fn read(file: &SqlFile, statements: &[Statement]) -> Vec<Lint> {
    if !is_migration(file.path) {
        return Vec::new();
    }
    let contract = file
        .text
        .lines()
        .take(20)
        .any(|line| line.trim_start().starts_with("--") && line.contains("phase: contract"));
    let mut fresh: HashSet<String> = HashSet::new();
    let mut found = Vec::new();
    for own in statements {
        let spot = || Spot {
            line: own.line,
            column: own.column,
            length: 1,
            symbol: String::new(),
        };
        let said = facts(file.dialect, &own.text);
        fresh.extend(
            said.creates
                .iter()
                .map(|table| table.name.to_ascii_lowercase()),
        );
        let is_fresh = |name: &str| fresh.contains(&name.to_ascii_lowercase());
        if !contract {
            for what in destroys(file, own) {
                if !is_fresh(&what.0) {
                    found.push(Lint::new(&DESTRUCTIVE, file.path, spot(), what.1));
                }
            }
        }
        for impact in impacts(file.dialect, &own.text) {
            if !is_fresh(&impact.table.name) {
                let message = format!(
                    "{} on {} keeps others waiting while it runs: {}",
                    impact.because, impact.table, impact.instead
                );
                found.push(Lint::new(&LOCKING, file.path, spot(), message));
            }
        }
    }
    found
}

/// The table, and what is lost of it.
fn destroys(file: &SqlFile, statement: &Statement) -> Vec<(String, String)> {
    let read = uses(file.dialect, &statement.text);
    let whole = !statement.text.to_ascii_uppercase().contains("WHERE");
    let mut found: Vec<(String, String)> = read
        .tables
        .iter()
        .filter_map(|own| {
            let view = statement.text.to_ascii_uppercase().contains("VIEW");
            let what = match own.access {
                Access::Drop if !view => "is dropped with all its rows",
                Access::Truncate => "is emptied",
                Access::Delete if whole => "loses all its rows",
                _ => return None,
            };
            Some((own.name.table().to_owned(), format!("{} {what}", own.name)))
        })
        .collect();
    found.extend(read.dropped.iter().filter(|own| own.column).map(|own| {
        let said = format!(
            "the column {} of {} is dropped with what it holds",
            own.name, own.table
        );
        (own.table.table().to_owned(), said)
    }));
    found
}
