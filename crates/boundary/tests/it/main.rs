//! Whole checks over trees of files.

use std::path::{Path, PathBuf};

use freehold_boundary::{Checked, Ownership, check};

mod audit;
mod baseline;
mod clean;
mod contracts;
mod corpus;
mod described_contracts;
mod kept;
mod monolith;
mod odd_files;
mod planted;
mod proposal;
mod reports;
mod transactions;

/// The folder of an example.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name)
}

/// Checks a tree that has a `boundaries.yaml`.
fn checked(root: &Path) -> Checked {
    let text = std::fs::read_to_string(root.join("boundaries.yaml")).expect("boundaries.yaml");
    let own = Ownership::of_file(&text, Path::new("boundaries.yaml")).expect("a good file");
    check(root, &[], Some(own), "2026-11-21").expect("a check")
}

/// `kind from to object file:line`, a line for each finding.
fn lines(checked: &Checked) -> Vec<String> {
    checked
        .findings
        .iter()
        .map(|own| {
            format!(
                "{}\t{}\t{}\t{}\t{}:{}",
                own.kind.name(),
                own.from,
                own.to,
                own.object,
                own.file.display(),
                own.spot.line
            )
        })
        .collect()
}

/// A tree in a temporary folder.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

const TWO: &str = "contexts:\n  orders: { tables: [orders], code: [orders/**] }\n  books: { tables: [books], code: [books/**] }\n";
