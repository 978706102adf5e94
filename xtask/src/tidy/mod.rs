//! The repository's own rules. To add one: a file with a pure function, and a line in [`findings`].

mod attributes;
mod engine_files;
mod error_pages;
mod file_heads;
mod layers;
mod layout;
mod leaks;
mod links;
mod tree;

use std::fmt;
use std::path::{Path, PathBuf};

use tree::Tree;

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    file: PathBuf,
    /// 0: the file as a whole.
    line: usize,
    what: String,
}

impl Finding {
    fn new(file: impl Into<PathBuf>, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

/// Runs all rules over the workspace and prints what they find.
pub(crate) fn tidy(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec();
    let metadata = metadata.map_err(|error| error.to_string())?;
    let findings = findings(&tree, &layers::members(&metadata), root);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("1 finding".to_owned()),
        n => Err(format!("{n} findings")),
    }
}

fn findings(tree: &Tree, members: &[layers::Member], root: &Path) -> Vec<Finding> {
    let mut findings = layers::layers(members);
    findings.extend(error_pages::error_pages(tree));
    findings.extend(file_heads::file_heads(tree));
    findings.extend(engine_files::engine_files(tree));
    findings.extend(attributes::attributes(tree));
    findings.extend(layout::layout(tree));
    findings.extend(links::links(tree));
    findings.extend(leaks::leaks(tree, root));
    findings.sort();
    findings
}
