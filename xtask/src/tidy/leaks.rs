//! Nothing of the machine that it was written on stands in the repository.

use std::path::Path;

use super::Finding;
use super::tree::Tree;

/// Where people's own files are. Written apart, so that this file does not find itself.
const PERSONAL: [&str; 3] = [
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn leaks(tree: &Tree, root: &Path) -> Vec<Finding> {
    let root = format!("{}/", root.display());
    let mut findings = Vec::new();
    for (path, text) in &tree.files {
        for (at, line) in text.lines().enumerate() {
            // Error pages show what stands on the machine of whoever met the error.
            let personal = if path.starts_with("docs/errors") {
                &[][..]
            } else {
                &PERSONAL
            };
            let found = personal
                .iter()
                .copied()
                .chain([root.as_str()])
                .find(|place| line.contains(place));
            if let Some(place) = found {
                findings.push(Finding::new(
                    path,
                    at + 1,
                    format!("names a place of one machine: {place}"),
                ));
            }
            if path == Path::new("Cargo.lock")
                && line.starts_with("source = ")
                && !line.contains(REGISTRY)
            {
                findings.push(Finding::new(
                    path,
                    at + 1,
                    format!("a crate that is not from crates.io: {line}"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_registries() {
        let personal = format!("see {}alice/notes", PERSONAL[0]);
        for (path, text, found) in [
            ("README.md", personal.as_str(), 1),
            ("docs/errors/FH3603.md", personal.as_str(), 0),
            ("README.md", "built in /srv/checkout/freehold/target", 1),
            ("README.md", "see /usr/lib/postgresql", 0),
            (
                "Cargo.lock",
                "source = \"registry+https://mirror.example/index\"",
                1,
            ),
            (
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\"",
                0,
            ),
        ] {
            let found_here = leaks(
                &Tree::from([(path, text)]),
                Path::new("/srv/checkout/freehold"),
            );
            assert_eq!(found_here.len(), found, "{text}");
        }
    }
}
