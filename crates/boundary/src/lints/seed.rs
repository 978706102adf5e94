//! Seeds that cannot be run twice.

use freehold_sql::{Kind, Statement, facts};

use super::{Lint, Rule, SqlFile, is_way_back};
use crate::spot::Spot;

pub(super) const RULE: Rule = Rule {
    code: "FH2124",
    name: "seed",
    way_out: "say what happens to a row that is there: ON CONFLICT, ON DUPLICATE KEY UPDATE, MERGE",
};

pub(super) fn read(file: &SqlFile, statements: &[Statement]) -> Vec<Lint> {
    let seeds = file.path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy().to_ascii_lowercase();
        part == "seeds" || part == "seed" || part.starts_with("seed.") || part.starts_with("seed_")
    });
    if !seeds || is_way_back(file.path) {
        return Vec::new();
    }
    statements
        .iter()
        .filter(|own| {
            let upper = own.text.to_ascii_uppercase();
            facts(file.dialect, &own.text).kind == Kind::Dml
                && upper.trim_start().starts_with("INSERT")
                && ![
                    "ON CONFLICT",
                    "ON DUPLICATE",
                    "NOT EXISTS",
                    "INSERT IGNORE",
                    "INSERT OR",
                    "IGNORE_ROW_ON_DUPKEY",
                ]
                .iter()
                .any(|mind| upper.contains(mind))
        })
        .map(|own| {
            let spot = Spot {
                line: own.line,
                column: own.column,
                length: 6,
                symbol: String::new(),
            };
            let message =
                "this INSERT of a seed fails, or doubles its rows, when it is run again".to_owned();
            Lint::new(&RULE, file.path, spot, message)
        })
        .collect()
}
