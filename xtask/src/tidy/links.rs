//! Relative links in Markdown lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::tree::Tree;

pub(crate) fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("md") {
        let mut fenced = false;
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(line) {
                if is_relative(target) && !leads_somewhere(tree, path, target) {
                    findings.push(Finding::new(
                        path,
                        at + 1,
                        format!("the link to {target} leads nowhere"),
                    ));
                }
            }
        }
    }
    findings
}

/// What stands in `](…)`, outside code.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for (at, part) in line.split('`').enumerate() {
        // Every second part stands between backquotes.
        if at % 2 == 0 {
            targets.extend(
                part.split("](")
                    .skip(1)
                    .filter_map(|rest| rest.split([')', ' ']).next()),
            );
        }
    }
    targets
}

fn is_relative(target: &str) -> bool {
    !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
}

fn leads_somewhere(tree: &Tree, from: &Path, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        from.to_owned()
    } else {
        resolve(from, file)
    };
    if heading.is_empty() {
        return path.as_os_str().is_empty()
            || tree.paths.contains(&path)
            || tree.files.contains_key(&path);
    }
    tree.files.get(&path).is_some_and(|text| {
        text.lines()
            .any(|line| anchor(line).as_deref() == Some(heading))
    })
}

/// As Markdown hosts make anchors: lower case, spaces to hyphens, other signs left out.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    Some(kept.replace(' ', "-"))
}

fn resolve(from: &Path, target: &str) -> PathBuf {
    let mut path = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_and_links_that_do_not() {
        for (line, found) in [
            ("[a](other.md) and [b](../README.md)", 0),
            ("[a](missing.md)", 1),
            ("[a](other.md#what-it-means) [b](#top)", 0),
            ("[a](other.md#nothing)", 1),
            (
                "[a](https://example.org/missing.md) [b](mailto:a@example.org)",
                0,
            ),
            ("`[a](missing.md)`", 0),
            ("![picture](missing.png \"title\")", 1),
            ("```\n[a](missing.md)\n```", 0),
            ("[folder](../docs)", 0),
        ] {
            let here = format!("# Top\n{line}\n");
            let tree = Tree::from([
                ("docs/here.md", here.as_str()),
                ("docs/other.md", "## What it *means*"),
                ("README.md", ""),
            ]);
            assert_eq!(links(&tree).len(), found, "{line}");
        }
    }
}
