//! One integration binary per crate, and no module that is named after nothing.

use std::path::Path;

use super::Finding;
use super::tree::Tree;

const NAMELESS: [&str; 6] = ["utils", "util", "common", "helpers", "types", "misc"];

pub(crate) fn layout(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _) in tree.rust() {
        let parent = path
            .parent()
            .and_then(|parent| parent.file_name())
            .unwrap_or_default();
        if parent == "tests" && !below_src(path) {
            findings.push(Finding::new(
                path,
                0,
                "is a test binary of its own: make it a module of tests/it/main.rs",
            ));
        }
        let stem = path.file_stem().unwrap_or_default();
        let folder = if stem == "mod" { parent } else { stem };
        if NAMELESS.iter().any(|name| folder == *name) {
            findings.push(Finding::new(
                path,
                0,
                "is named after nothing: name it after the noun that it owns",
            ));
        }
    }
    findings
}

fn below_src(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "src")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_test_binaries_and_nameless_modules() {
        for (path, found) in [
            ("crates/a/tests/it/main.rs", 0),
            ("crates/a/src/diff/tests.rs", 0),
            ("crates/a/src/tests/one.rs", 0),
            ("crates/a/tests/more.rs", 1),
            ("crates/a/src/utils.rs", 1),
            ("crates/a/src/common/mod.rs", 1),
        ] {
            assert_eq!(layout(&Tree::from([(path, "")])).len(), found, "{path}");
        }
    }
}
