//! Tables that are said to be append-only, and foreign keys that delete or change their rows.

use freehold_sql::{ObjectName, Statement, facts};

use super::{Lint, Rule, SqlFile};
use crate::judge::Judge;
use crate::scan::FileScan;
use crate::spot::Spot;

pub(super) const RULE: Rule = Rule {
    code: "FH2122",
    name: "append-only-cascade",
    way_out: "let the foreign key do nothing (NO ACTION), or keep the id as a plain value",
};

/// A foreign key that reaches into its table's rows.
#[derive(Debug, Clone)]
pub(crate) struct Cascade {
    table: ObjectName,
    references: String,
    spot: Spot,
}

pub(super) fn read(file: &SqlFile, statements: &[Statement]) -> Vec<Cascade> {
    statements
        .iter()
        .flat_map(|own| {
            facts(file.dialect, &own.text)
                .foreign_keys
                .into_iter()
                .filter(freehold_sql::ForeignKey::rewrites_rows)
                .map(|key| Cascade {
                    table: ObjectName {
                        parts: key
                            .table
                            .schema
                            .iter()
                            .cloned()
                            .chain([key.table.name.clone()])
                            .collect(),
                        link: None,
                    },
                    references: key.references.to_string(),
                    spot: Spot {
                        line: own.line,
                        column: own.column,
                        length: 1,
                        symbol: key.table.name,
                    },
                })
        })
        .collect()
}

pub(super) fn settle(judge: &Judge, scan: &FileScan) -> Vec<Lint> {
    scan.cascades
        .iter()
        .filter(|own| {
            let owner = judge.owner(&own.table, None, None);
            owner.is_some_and(|owner| {
                judge.own.contexts[owner]
                    .append_only
                    .iter()
                    .any(|table| table.eq_ignore_ascii_case(own.table.table()))
            })
        })
        .map(|own| {
            let message = format!(
                "{} is append-only, and a change of {} deletes or changes its rows",
                own.table, own.references
            );
            Lint::new(&RULE, &scan.path, own.spot.clone(), message)
        })
        .collect()
}
