//! No lint is silenced for good and no test is switched off.

use super::Finding;
use super::tree::Tree;

const FORBIDDEN: [(&str, &str); 3] = [
    (
        "[allow(",
        "use expect with a reason: it says so when it is no longer needed",
    ),
    (
        "[ignore",
        "a test that does not run proves nothing: mend it or delete it",
    ),
    (
        "[should_panic",
        "assert on the error instead: a panic elsewhere would pass too",
    ),
];

pub(crate) fn attributes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        for (at, line) in text.lines().enumerate() {
            let Some(attribute) = line.trim_start().strip_prefix('#') else {
                continue;
            };
            let attribute = attribute.strip_prefix('!').unwrap_or(attribute);
            let forbidden = FORBIDDEN
                .iter()
                .find(|(begins, _)| attribute.starts_with(begins));
            findings.extend(forbidden.map(|(_, why)| Finding::new(path, at + 1, *why)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_where_it_is_an_attribute() {
        for (line, found) in [
            ("#[allow(dead_code)]", 1),
            ("    #![allow(missing_docs)]", 1),
            ("#[ignore = \"slow\"]", 1),
            ("#[ignore]", 1),
            ("#[should_panic]", 1),
            ("#[expect(dead_code, reason = \"x\")]", 0),
            ("// #[ignore]", 0),
        ] {
            assert_eq!(
                attributes(&Tree::from([("crates/a/src/lib.rs", line)])).len(),
                found,
                "{line}"
            );
        }
    }
}
