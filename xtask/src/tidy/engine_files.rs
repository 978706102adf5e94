//! Parallel things have parallel names: every engine folder has the same files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Finding;
use super::tree::Tree;

const ENGINES: &str = "crates/engines";

/// What every engine has.
const EVERY: [&str; 10] = [
    "lib", "connect", "probe", "inspect", "wanted", "diff", "drop", "ledger", "schema", "errors",
];

/// What an engine has beyond the others, and why. A file that no engine has any more is a finding too.
const ALONE: &[(&str, &str, &str)] = &[
    (
        "mysql",
        "accounts",
        "rights are spread over a dozen grant tables",
    ),
    ("mysql", "test_want", "its unit tests share descriptions"),
    (
        "mysql",
        "wire",
        "the driver's results come in two protocols",
    ),
    (
        "mysql",
        "test_plans",
        "whole plans are held still over states made by hand",
    ),
    (
        "postgres",
        "half_made",
        "an index made outside a transaction may be left unusable",
    ),
    (
        "postgres",
        "rows",
        "one catalog query gives rows of many kinds",
    ),
    ("postgres", "acl", "access lists come as one text"),
    (
        "postgres",
        "case",
        "what a plain administrator may depends on the version",
    ),
    ("postgres", "catalog", "the catalog is read in one message"),
    (
        "postgres",
        "facts",
        "its diff needs to know more than the contract carries",
    ),
    (
        "postgres",
        "membership",
        "roles are members of each other, with options of their own",
    ),
    (
        "postgres",
        "server_wide",
        "everybody may enter every database by default",
    ),
    (
        "postgres",
        "values",
        "values travel in a text and a binary form",
    ),
    (
        "postgres",
        "words",
        "rights have more words than a plan has room for",
    ),
    (
        "sqlite",
        "files",
        "the store is files, and their modes are its only rights",
    ),
    (
        "sqlite",
        "held",
        "only here does closing a file drop locks of others in the process",
    ),
    ("sqlite", "lock", "there is no server to hold a lock"),
    (
        "sqlite",
        "peers",
        "there is no server to ask who is connected",
    ),
];

pub(crate) fn engine_files(tree: &Tree) -> Vec<Finding> {
    let engines = modules(tree);
    let mut findings = Vec::new();
    for (engine, files) in &engines {
        let folder = Path::new(ENGINES).join(engine).join("src");
        for missing in EVERY.iter().filter(|name| !files.contains(**name)) {
            findings.push(Finding::new(
                &folder,
                0,
                format!("has no {missing}.rs, which every engine has"),
            ));
        }
        for file in files {
            let shared = engines
                .iter()
                .any(|(other, files)| other != engine && files.contains(file));
            if !shared && !explained(engine, file) {
                let what = "only this engine has it: name it as the others do, or explain it in xtask/src/tidy/engine_files.rs";
                findings.push(Finding::new(
                    folder.join(file).with_extension("rs"),
                    0,
                    what,
                ));
            }
        }
    }
    for (engine, file, _) in ALONE {
        if engines
            .get(*engine)
            .is_some_and(|files| !files.contains(*file))
        {
            let what = format!(
                "{engine} has no {file}.rs any more: take it out of xtask/src/tidy/engine_files.rs"
            );
            findings.push(Finding::new(Path::new(ENGINES).join(engine), 0, what));
        }
    }
    findings
}

fn explained(engine: &str, file: &str) -> bool {
    ALONE
        .iter()
        .any(|(of, name, _)| *of == engine && *name == file)
}

/// The modules right below `src` of each engine, whether files or folders.
fn modules(tree: &Tree) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut engines: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, _) in tree.rust() {
        let Ok(below) = path.strip_prefix(ENGINES) else {
            continue;
        };
        let parts: Vec<&str> = below.iter().filter_map(|part| part.to_str()).collect();
        if let [engine, "src", module, ..] = parts[..] {
            engines
                .entry(engine)
                .or_default()
                .insert(module.strip_suffix(".rs").unwrap_or(module));
        }
    }
    engines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(extra: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        let every = ["one", "two"]
            .into_iter()
            .flat_map(|engine| EVERY.into_iter().map(move |file| (engine, file)));
        for (engine, file) in every.chain(extra.iter().copied()) {
            tree.files.insert(
                format!("{ENGINES}/{engine}/src/{file}.rs").into(),
                String::new(),
            );
        }
        tree
    }

    #[test]
    fn the_same_files_everywhere() {
        assert_eq!(engine_files(&tree(&[])), []);
        assert_eq!(
            engine_files(&tree(&[("one", "issuer"), ("two", "issuer")])),
            []
        );
    }

    #[test]
    fn a_file_of_one_engine_only() {
        let found = engine_files(&tree(&[("one", "magic")]));
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .to_string()
                .starts_with("crates/engines/one/src/magic.rs: only this engine"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_file_that_is_missing() {
        let mut tree = tree(&[]);
        tree.files
            .remove(Path::new("crates/engines/two/src/probe.rs"));
        let found: Vec<_> = engine_files(&tree)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            found.iter().any(|what| what.contains("has no probe.rs")),
            "{found:?}"
        );
    }

    #[test]
    fn an_explanation_that_outlived_its_file() {
        let found = engine_files(&tree(&[("sqlite", "lib")]));
        assert!(
            found
                .iter()
                .any(|what| what.to_string().contains("sqlite has no lock.rs any more")),
            "{found:?}"
        );
    }
}
