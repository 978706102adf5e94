//! Every error code that the code uses has a page, every page a code, and pages have one form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Finding;
use super::tree::Tree;

const PAGES: &str = "docs/errors";

pub(crate) fn error_pages(tree: &Tree) -> Vec<Finding> {
    let mut used: BTreeMap<&str, (&Path, usize)> = BTreeMap::new();
    for (path, text) in tree.rust().filter(|(path, _)| path.starts_with("crates")) {
        for (at, line) in text.lines().enumerate() {
            for code in codes(line) {
                used.entry(code).or_insert((path, at + 1));
            }
        }
    }
    let missing = used
        .iter()
        .filter(|(code, _)| !tree.files.contains_key(&page(code)))
        .map(|(code, (path, line))| {
            Finding::new(
                *path,
                *line,
                format!("{code} has no page {PAGES}/{code}.md"),
            )
        });
    let mut findings: Vec<_> = missing.collect();
    for (path, text) in tree
        .with_extension("md")
        .filter(|(path, _)| path.starts_with(PAGES))
    {
        let code = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !used.contains_key(code.as_str()) {
            findings.push(Finding::new(path, 0, format!("no code uses {code}")));
        }
        findings.extend(form(&code, text).map(|what| Finding::new(path, 0, what)));
    }
    findings
}

/// What is wrong with a page's form, if anything.
fn form(code: &str, text: &str) -> Option<String> {
    let title = format!("# {code}: ");
    if !text.starts_with(&title) {
        return Some(format!("the page does not begin with `{title}…`"));
    }
    let missing = ["## What it means", "## How to mend it"]
        .into_iter()
        .find(|head| !text.lines().any(|line| line == *head));
    missing.map(|head| format!("the page has no `{head}`"))
}

fn page(code: &str) -> PathBuf {
    Path::new(PAGES).join(code).with_extension("md")
}

/// `FH` and four digits, not part of a longer word.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| c.is_ascii_alphanumeric();
    line.split(move |c| !word(c)).filter(|word| {
        word.len() == 6
            && word.starts_with("FH")
            && word[2..].bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "# FH1103: unknown key\n\n## What it means\n\nText.\n\n## How to mend it\n\nText.\n";

    #[test]
    fn a_code_and_its_page() {
        let tree = Tree::from([
            ("crates/a/src/lib.rs", "Fault::new(\"FH1103\", x)"),
            ("docs/errors/FH1103.md", GOOD),
        ]);
        assert_eq!(error_pages(&tree), []);
    }

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code() {
        let tree = Tree::from([
            (
                "crates/a/src/lib.rs",
                "\n// FH1104 and FHnnnn, XFH1105, FH11066",
            ),
            ("docs/errors/FH1103.md", GOOD),
        ]);
        let shown: Vec<_> = error_pages(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "crates/a/src/lib.rs:2: FH1104 has no page docs/errors/FH1104.md",
                "docs/errors/FH1103.md: no code uses FH1103"
            ]
        );
    }

    #[test]
    fn a_page_without_its_form() {
        for text in [
            "# FH1104: other\n",
            "# FH1103: x\n\n## What it means\n",
            "# FH1103: x\n\n## How to mend it\n",
        ] {
            let tree = Tree::from([
                ("crates/a/src/lib.rs", "FH1103"),
                ("docs/errors/FH1103.md", text),
            ]);
            assert_eq!(error_pages(&tree).len(), 1, "{text}");
        }
    }
}
