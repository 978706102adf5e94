//! Where the text of a description comes from: the caller reads, this crate never does.
//!
//! Owns the reading contract and a double that lives in memory, for tests here and in other
//! crates. The one on disk is the CLI's. What is read with it: [`crate::load()`].

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Read access to files. Paths come as they are: [`crate::load()`] joins them onto its `root`.
///
/// Nothing is written, and the answers are expected not to change during one call.
pub trait Files {
    /// The whole text of a file. `NotFound` where there is none; `InvalidData` where it is not
    /// UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The names (not paths) of files and folders directly in `dir`, in any order. `NotFound`
    /// where there is no such folder.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Is there a folder here? Errors count as no.
    fn is_dir(&self, path: &Path) -> bool;
}

/// Files that exist in memory only, by path. A folder exists when a file lies below it.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, String>);

impl MemoryFiles {
    /// From pairs of path and text.
    pub fn new<P: Into<PathBuf>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        Self(
            files
                .into_iter()
                .map(|(path, text)| (path.into(), text.into()))
                .collect(),
        )
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self
            .below(dir)
            .filter_map(|rest| rest.components().next())
            .map(|first| first.as_os_str().to_string_lossy().into_owned())
            .collect();
        names.dedup();
        if names.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(names)
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.below(path).next().is_some()
    }
}

impl MemoryFiles {
    /// What lies below `dir`, relative to it. Neighbours in the map stay neighbours here: paths
    /// are ordered by component.
    fn below<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.0
            .range(dir.to_path_buf()..)
            .map_while(move |(path, _)| path.strip_prefix(dir).ok())
            .filter(|rest| rest.components().next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_what_lies_above_files() {
        let files = MemoryFiles::new([("/r/a/x", "1"), ("/r/a/y/z", "2"), ("/r/ab", "3")]);
        assert_eq!(files.list(Path::new("/r")).expect("a folder"), ["a", "ab"]);
        assert_eq!(
            files.list(Path::new("/r/a/")).expect("a folder"),
            ["x", "y"]
        );
        assert!(files.is_dir(Path::new("/r/a/y")));
        assert!(!files.is_dir(Path::new("/r/ab")));
        assert!(files.list(Path::new("/r/b")).is_err());
        assert_eq!(files.read(Path::new("/r/ab")).expect("a file"), "3");
    }
}
