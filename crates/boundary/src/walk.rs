//! The files of a tree: which they are, and their bytes, in parallel.
//!
//! Owns what is read and what is passed over, with the reason. Follows no link, honours
//! `.gitignore`, executes nothing.

use std::collections::HashMap;
use std::fs::{File as Handle, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ignore::{WalkBuilder, WalkState};
use serde::{Deserialize, Serialize};

use crate::language::Language;

/// Larger files are dumps or made by machines.
const BYTES_LIMIT: usize = 16 * 1024 * 1024;
/// What a thread has room for at first: more than most files.
const ROOM: usize = 256 * 1024;
const TOO_LARGE: &str = "larger than 16 MB";
/// So many files are taken at once by a thread that reads.
const BATCH: usize = 16;

/// A file that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    pub file: PathBuf,
    pub why: String,
}

/// A file of a known language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the root, where it lies below.
    pub(crate) path: PathBuf,
    pub(crate) language: Language,
    /// `None`: nobody asked.
    pub(crate) stat: Option<Stat>,
}

/// Are the records of files asked for, too? It costs as much as listing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stats {
    Asked,
    Left,
}

/// What changes when a file does. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) size: u64,
    pub(crate) modified: i128,
    /// When the file's own record was changed last; not everywhere known.
    pub(crate) changed: i128,
    pub(crate) inode: u64,
}

/// The files of known languages below `paths` (all by default) in no order, and what could not
/// be looked at.
pub(crate) fn files(root: &Path, paths: &[PathBuf], stats: Stats) -> (Vec<File>, Vec<Skipped>) {
    let whole = [root.to_path_buf()];
    let all = if paths.is_empty() { &whole[..] } else { paths };
    let Some((first, rest)) = all.split_first() else {
        return (Vec::new(), Vec::new());
    };
    let mut builder = WalkBuilder::new(first);
    for path in rest {
        builder.add(path);
    }
    builder
        .require_git(false)
        .threads(threads())
        .filter_entry(|entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name().to_str().unwrap_or("");
            !(folder
                && entry.depth() > 0
                && matches!(
                    name,
                    "node_modules" | "vendor" | "bower_components" | "__pycache__"
                ))
        });
    let all = Mutex::new((Vec::new(), Vec::new()));
    builder.build_parallel().run(|| {
        let mut own = Batch {
            files: Vec::new(),
            skipped: Vec::new(),
            all: &all,
        };
        Box::new(move |entry| {
            match entry {
                Ok(entry) => own.take(root, &entry, stats),
                Err(error) => own.skipped.push(Skipped {
                    file: relative(root, path_of(&error).unwrap_or(root)),
                    why: reason(&error),
                }),
            }
            WalkState::Continue
        })
    });
    let (files, mut skipped) = all.into_inner().unwrap_or_default();
    skipped.sort();
    (files, skipped)
}

/// What one thread found; given to all when the thread is done.
struct Batch<'a> {
    files: Vec<File>,
    skipped: Vec<Skipped>,
    all: &'a Mutex<(Vec<File>, Vec<Skipped>)>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if let Ok(mut all) = self.all.lock() {
            all.0.append(&mut self.files);
            all.1.append(&mut self.skipped);
        }
    }
}

impl Batch<'_> {
    fn take(&mut self, root: &Path, entry: &ignore::DirEntry, stats: Stats) {
        let path = entry.path();
        let Some(language) = Language::of(path) else {
            return;
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            return;
        }
        let stat = match stats {
            Stats::Left => None,
            Stats::Asked => match entry.metadata() {
                Ok(data) => Some(Stat::of(&data)),
                Err(error) => {
                    return self.skipped.push(Skipped {
                        file: relative(root, path),
                        why: reason(&error),
                    });
                }
            },
        };
        self.files.push(File {
            path: relative(root, path),
            language,
            stat,
        });
    }
}

impl Stat {
    fn of(data: &Metadata) -> Self {
        #[cfg(unix)]
        let (changed, inode) = {
            use std::os::unix::fs::MetadataExt as _;
            let changed = i128::from(data.ctime()) * 1_000_000_000 + i128::from(data.ctime_nsec());
            (changed, data.ino())
        };
        #[cfg(not(unix))]
        let (changed, inode) = (0, 0);
        Self {
            size: data.len(),
            modified: data.modified().map_or(0, nanoseconds),
            changed,
            inode,
        }
    }

    /// The later of its times.
    pub(crate) fn latest(&self) -> i128 {
        self.modified.max(self.changed)
    }
}

pub(crate) fn nanoseconds(time: SystemTime) -> i128 {
    let count = |duration: std::time::Duration| i128::try_from(duration.as_nanos());
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => count(since).unwrap_or(i128::MAX),
        Err(before) => count(before.duration()).map_or(i128::MIN, |own| -own),
    }
}

/// Where files are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree<'a> {
    pub(crate) root: &'a Path,
    /// Texts that stand before what is on the disk, by path: what an editor has open.
    pub(crate) open: &'a HashMap<PathBuf, String>,
}

impl Tree<'_> {
    /// One file's bytes.
    pub(crate) fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if let Some(text) = self.open.get(path) {
            return Ok(text.clone().into_bytes());
        }
        let mut bytes = Vec::new();
        let length = read(&self.root.join(path), &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Calls `visit` with each file's bytes, from several threads; gives back what could not be
    /// read.
    pub(crate) fn read_each(
        &self,
        files: &[&File],
        visit: &(dyn Fn(&File, &[u8]) + Sync),
    ) -> Vec<Skipped> {
        let skipped = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let work = || {
            // One buffer for all files of a thread: it grows to the largest.
            let mut bytes = vec![0; ROOM];
            loop {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                let Some(batch) = files.get(from..files.len().min(from + BATCH)) else {
                    return;
                };
                if batch.is_empty() {
                    return;
                }
                for file in batch {
                    if let Some(text) = self.open.get(&file.path) {
                        visit(file, text.as_bytes());
                        continue;
                    }
                    match read(&self.root.join(&file.path), &mut bytes) {
                        Ok(length) => visit(file, &bytes[..length]),
                        Err(error) => {
                            if let Ok(mut skipped) = skipped.lock() {
                                skipped.push(Skipped {
                                    file: file.path.clone(),
                                    why: error.to_string(),
                                });
                            }
                        }
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads() {
                scope.spawn(work);
            }
            work();
        });
        let mut skipped: Vec<Skipped> = skipped.into_inner().unwrap_or_default();
        skipped.sort();
        skipped
    }
}

/// Puts the file at the beginning of `bytes`, which grow where they are too few; gives its length.
/// Reads no more than a file may have.
fn read(path: &Path, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut handle = Handle::open(path)?;
    let mut length = 0;
    loop {
        if length > BYTES_LIMIT {
            return Err(std::io::Error::other(TOO_LARGE));
        }
        if length == bytes.len() {
            bytes.resize((length * 2).clamp(ROOM, BYTES_LIMIT + 1), 0);
        }
        match handle.read(&mut bytes[length..]) {
            Ok(0) => return Ok(length),
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

/// The reason without the path, which stands beside it.
fn reason(error: &ignore::Error) -> String {
    match error.io_error() {
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file may go between the look and the reading: it is told, and the others are read.
    #[test]
    fn what_cannot_be_read_is_told() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["a.sql", "b.sql", "c.sql"] {
            std::fs::write(root.path().join(name), name).expect("a file");
        }
        let (files, skipped) = files(root.path(), &[], Stats::Left);
        assert_eq!((files.len(), skipped.len()), (3, 0));
        std::fs::remove_file(root.path().join("b.sql")).expect("removed");
        let tree = Tree {
            root: root.path(),
            open: &HashMap::new(),
        };
        let read = Mutex::new(Vec::new());
        let skipped = tree.read_each(&files.iter().collect::<Vec<_>>(), &|file, bytes| {
            assert_eq!(file.path.to_string_lossy().as_bytes(), bytes);
            read.lock().expect("no panic").push(file.path.clone());
        });
        assert_eq!(read.into_inner().expect("no panic").len(), 2);
        assert_eq!(skipped.len(), 1);
        assert_eq!(skipped[0].file, Path::new("b.sql"));
    }
}
