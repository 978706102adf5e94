//! Migrations without a way back, where ways back are kept.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::{Lint, Rule, is_way_back};
use crate::ownership::{Code, Ownership};
use crate::spot::Spot;

pub(super) const RULE: Rule = Rule {
    code: "FH2123",
    name: "no-way-back",
    way_out: "write its `.down.sql`, or one that says why there is none",
};

/// A folder requires downs if its service does, or if most of its migrations have one.
pub(super) fn read(own: &Ownership, paths: &[&Path]) -> Vec<Lint> {
    let mut folders: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    let mut downs: HashSet<String> = HashSet::new();
    for path in paths {
        let name = path.to_string_lossy();
        if let Some(stem) = name.strip_suffix(".up.sql") {
            let _ = stem;
            if let Some(folder) = path.parent() {
                folders.entry(folder).or_default().push(path);
            }
        } else if is_way_back(path) {
            downs.insert(name.into_owned());
        }
    }
    let mut found = Vec::new();
    for (_, ups) in folders {
        let down = |path: &Path| {
            let name = path.to_string_lossy();
            name.strip_suffix(".up.sql")
                .is_some_and(|stem| downs.contains(&format!("{stem}.down.sql")))
        };
        let with = ups.iter().filter(|path| down(path)).count();
        let required = ups.first().is_some_and(|path| match own.code(path) {
            Code::Of(context) => own.contexts[context].require_down,
            _ => false,
        });
        if !required && with * 2 <= ups.len() {
            continue;
        }
        found.extend(ups.iter().filter(|path| !down(path)).map(|path| {
            let spot = Spot {
                line: 1,
                column: 1,
                length: 1,
                symbol: String::new(),
            };
            let message = "this migration has no way back, and its neighbours have one".to_owned();
            Lint::new(&RULE, path, spot, message)
        }));
    }
    found
}
