//! Every Rust file opens by saying what it owns.

use super::Finding;
use super::tree::Tree;

pub(crate) fn file_heads(tree: &Tree) -> Vec<Finding> {
    let headless = tree.rust().filter(|(_, text)| {
        let head = text.lines().next().unwrap_or_default();
        // A word is not yet a sentence: "//! Stub." is what this is for.
        head.strip_prefix("//! ")
            .is_none_or(|said| said.split_whitespace().count() < 2)
    });
    headless
        .map(|(path, _)| {
            Finding::new(
                path,
                1,
                "does not open with a `//!` sentence that says what it owns",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        for (text, found) in [
            ("//! What a store is.\nfn x() {}", 0),
            ("//! Stub.\n", 1),
            ("// What a store is.\n", 1),
            ("use std::fs;\n//! Too late for it.\n", 1),
            ("", 1),
        ] {
            assert_eq!(
                file_heads(&Tree::from([("crates/a/src/lib.rs", text)])).len(),
                found,
                "{text}"
            );
        }
        assert_eq!(file_heads(&Tree::from([("examples/a/main.rs", "")])), []);
    }
}
