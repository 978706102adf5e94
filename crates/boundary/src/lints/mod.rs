//! Lints: what in a schema or a deployment will hurt, though it crosses no boundary.
//!
//! Owns the table of rules. A rule is a file; a hit is a warning and fails nothing. What a rule
//! needs of ownership is looked up behind it, in `settle`.

mod cascade;
mod columns;
mod exposed;
mod image;
mod money;
mod secret;
mod seed;
mod step;
mod way_back;

use std::path::{Path, PathBuf};

use freehold_sql::Dialect;
use serde::{Deserialize, Serialize};

use crate::finding::mark;
use crate::judge::Judge;
use crate::ownership::Code;
use crate::scan::FileScan;
use crate::spot::{Lines, Spot};

pub(crate) use cascade::Cascade;
pub(crate) use exposed::{Exposed, read as read_exposed};

/// A rule and what is said of all its hits.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub code: &'static str,
    pub name: &'static str,
    pub way_out: &'static str,
}

/// All rules.
pub const RULES: &[&Rule] = &[
    &money::RULE,
    &secret::RULE,
    &cascade::RULE,
    &way_back::RULE,
    &seed::RULE,
    &step::DESTRUCTIVE,
    &step::LOCKING,
    &image::RULE,
    &exposed::RULE,
    &WHOLE,
];

/// Its hits are found with the crossings, by the judge.
pub(crate) const WHOLE: Rule = Rule {
    code: "FH2129",
    name: "whole-entity",
    way_out: "name the columns that are needed: they are what a copy has to hold",
};

/// One hit of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    pub code: String,
    pub name: String,
    pub file: PathBuf,
    #[serde(flatten)]
    pub spot: Spot,
    /// What is wrong here, in one sentence.
    pub message: String,
}

impl Lint {
    pub(crate) fn new(rule: &Rule, file: &Path, spot: Spot, message: String) -> Self {
        Self {
            code: rule.code.to_owned(),
            name: rule.name.to_owned(),
            file: file.to_path_buf(),
            spot,
            message,
        }
    }

    /// What stays the same when code is moved or reformatted.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        mark(&[&self.code, &self.spot.symbol, &self.message])
    }

    /// The way out of its rule.
    #[must_use]
    pub fn way_out(&self) -> &'static str {
        RULES
            .iter()
            .find(|rule| rule.code == self.code)
            .map_or("", |rule| rule.way_out)
    }
}

/// A file of SQL, as rules look at it.
pub(crate) struct SqlFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) lines: &'a Lines<'a>,
}

/// Larger files are dumps: what they hold is the history of another file.
const BYTES: usize = 1_000_000;

/// The hits in a file of SQL, and the foreign keys that rewrite their table's rows.
pub(crate) fn sql(file: &SqlFile) -> (Vec<Lint>, Vec<Cascade>) {
    if file.text.len() > BYTES {
        return (Vec::new(), Vec::new());
    }
    let columns = columns::read(file);
    let mut found = money::read(file, &columns);
    found.extend(secret::read(file, &columns));
    let statements = freehold_sql::split(file.dialect, file.text).unwrap_or_default();
    found.extend(seed::read(file, &statements));
    found.extend(step::read(file, &statements));
    (found, cascade::read(file, &statements))
}

/// The hits in a file of YAML.
pub(crate) fn yaml(path: &Path, text: &str, lines: &Lines) -> Vec<Lint> {
    image::read(path, text, lines)
}

/// All hits of a tree: those of the files, and those that take ownership to see.
pub(crate) fn settle(judge: &Judge, scans: &[FileScan], paths: &[&Path]) -> Vec<Lint> {
    let judged = |path: &Path| judge.own.code(path) != Code::Tests;
    let mut found: Vec<Lint> = scans
        .iter()
        .filter(|scan| judged(&scan.path))
        .flat_map(|scan| scan.lints.iter().cloned())
        .collect();
    for scan in scans.iter().filter(|scan| judged(&scan.path)) {
        found.extend(cascade::settle(judge, scan));
        found.extend(exposed::settle(judge, scan));
        found.extend(whole(judge, scan));
    }
    found.extend(
        way_back::read(judge.own, paths)
            .into_iter()
            .filter(|own| judged(&own.file)),
    );
    found.sort_by(|a, b| (&a.file, &a.spot, &a.code).cmp(&(&b.file, &b.spot, &b.code)));
    found.dedup();
    found
}

/// `SELECT *` from a table of another context.
fn whole(judge: &Judge, scan: &FileScan) -> Vec<Lint> {
    let Code::Of(here) = judge.own.code(&scan.path) else {
        return Vec::new();
    };
    scan.queries
        .iter()
        .flat_map(|query| &query.touches)
        .filter(|touch| touch.whole)
        .filter_map(|touch| {
            let owner = judge.owner(&touch.name, touch.within.as_deref(), Some(here))?;
            (owner != here).then(|| {
                let message = format!(
                    "all columns of {} are read, which belongs to {}",
                    touch.name,
                    judge.own.name(owner)
                );
                Lint::new(&WHOLE, &scan.path, touch.spot.clone(), message)
            })
        })
        .collect()
}

/// Does a file hold steps that change a schema in use?
fn is_migration(path: &Path) -> bool {
    let within = path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy().to_ascii_lowercase();
        part.starts_with("migrat") || part == "versions" || part == "changelog"
    });
    within && !is_way_back(path)
}

/// The script that takes another back.
fn is_way_back(path: &Path) -> bool {
    crate::net::is_way_back(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn said(path: &str, text: &str) -> Vec<String> {
        let lines = Lines::new(text);
        let file = SqlFile {
            path: Path::new(path),
            text,
            dialect: Dialect::Postgres,
            lines: &lines,
        };
        sql(&file)
            .0
            .iter()
            .map(|own| format!("{} {}:{}", own.name, own.spot.line, own.spot.column))
            .collect()
    }

    #[test]
    fn every_rule_has_its_own_code_and_name() {
        let mut codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        codes.sort_unstable();
        names.sort_unstable();
        codes.dedup();
        names.dedup();
        assert_eq!((codes.len(), names.len()), (RULES.len(), RULES.len()));
    }

    #[test]
    fn schemas_are_read() {
        let text = "CREATE TABLE orders (\n  id bigint PRIMARY KEY,\n  total numeric(10, 2) NOT NULL,\n  unit_price float,\n  price_cents bigint,\n  tax_rate numeric(5, 4),\n  password varchar(255),\n  token_hash text,\n  reset_token text,\n  token_expires_at timestamp,\n  CHECK (total > 0)\n);\nALTER TABLE orders ADD COLUMN discount_amount real, ADD api_key text;";
        assert_eq!(
            said("db/schema.sql", text),
            [
                "money 3:3",
                "money 4:3",
                "money 13:31",
                "secret 7:3",
                "secret 9:3",
                "secret 13:57"
            ]
        );
    }

    #[test]
    fn seeds_and_steps_are_read() {
        let seeds = "INSERT INTO roles VALUES (1);\nINSERT INTO roles VALUES (1) ON CONFLICT DO NOTHING;\nINSERT INTO roles SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM roles);";
        assert_eq!(said("seeds/01_roles.up.sql", seeds), ["seed 1:1"]);
        assert!(said("seeds/01_roles.down.sql", "INSERT INTO roles VALUES (1);").is_empty());
        let steps = "CREATE TABLE fresh (id int);\nCREATE INDEX i ON fresh (id);\nCREATE INDEX j ON orders (id);\nALTER TABLE orders DROP COLUMN a;\nDROP TABLE old;\nDELETE FROM orders;\nDELETE FROM orders WHERE a = 1;";
        assert_eq!(
            said("migrations/0002_x.up.sql", steps),
            [
                "locking-step 3:1",
                "destructive-step 4:1",
                "destructive-step 5:1",
                "destructive-step 6:1"
            ]
        );
        assert!(said("migrations/0002_x.down.sql", "DROP TABLE old;").is_empty());
        let header = format!("-- phase: contract\n{steps}");
        assert_eq!(
            said("migrations/0003_y.up.sql", &header),
            ["locking-step 4:1"]
        );
    }
}
