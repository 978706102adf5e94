//! The repository's files, read once; every rule looks at this and at nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are made, not written.
const MADE: [&str; 5] = ["target", ".git", ".freehold", "node_modules", "__pycache__"];

/// Paths are relative to the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Text files and what is in them.
    pub(crate) files: BTreeMap<PathBuf, String>,
    /// Every path there is, folders included.
    pub(crate) paths: BTreeSet<PathBuf>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut tree = Self::default();
        tree.walk(root, Path::new(""))?;
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, below: &Path) -> Result<(), String> {
        let folder = root.join(below);
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let path = below.join(&name);
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                if !MADE.iter().any(|made| name == *made) {
                    self.paths.insert(path.clone());
                    self.walk(root, &path)?;
                }
                continue;
            }
            // What is not UTF-8 is no text, and no rule looks at it.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                self.files.insert(path.clone(), text);
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// Files whose name ends so.
    pub(crate) fn with_extension<'a>(
        &'a self,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a Path, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.extension().is_some_and(|found| found == extension))
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// Rust files of our crates.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.with_extension("rs")
            .filter(|(path, _)| path.starts_with("crates") || path.starts_with("xtask"))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.files.insert(path.into(), text.to_owned());
            tree.paths
                .extend(Path::new(path).ancestors().map(Path::to_owned));
        }
        tree
    }
}
