//! Which files this process has open through SQLite.
//!
//! SQLite locks with POSIX locks, and closing *any* descriptor of a file drops all locks that the
//! process has on it (<https://www.sqlite.org/howtocorrupt.html>, section 2.2). A program of the
//! service that closes the store then believes that it was the last, and removes the log that a
//! session here goes on to write: commits are lost at the next kill. So a file that is held here is
//! never opened past SQLite, and one that is opened past it is not held until that is closed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Inode = (u64, u64);

static HELD: Mutex<BTreeMap<Inode, usize>> = Mutex::new(BTreeMap::new());

fn held() -> MutexGuard<'static, BTreeMap<Inode, usize>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inode(file: &Path) -> Option<Inode> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A file that SQLite has open here for as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold(Option<Inode>);

impl Hold {
    /// To be had before the file is opened.
    pub(crate) fn of(file: &Path) -> Self {
        let mut held = held();
        let inode = inode(file);
        if let Some(inode) = inode {
            *held.entry(inode).or_default() += 1;
        }
        Self(inode)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = held();
        if let Some(inode) = self.0
            && let Some(count) = held.get_mut(&inode)
        {
            *count -= 1;
            if *count == 0 {
                held.remove(&inode);
            }
        }
    }
}

/// Opens and closes the file past SQLite, unless it is held: then `None`. Nobody comes to hold it
/// meanwhile.
pub(crate) fn past_sqlite<T>(file: &Path, work: impl FnOnce() -> T) -> Option<T> {
    let held = held();
    if inode(file).is_some_and(|inode| held.contains_key(&inode)) {
        return None;
    }
    Some(work())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_file_is_not_opened_past_sqlite() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("store.db");
        fs::write(&file, "").expect("written");
        let (one, two) = (Hold::of(&file), Hold::of(&file));
        drop(one);
        assert_eq!(past_sqlite(&file, || 1), None);
        drop(two);
        assert_eq!(past_sqlite(&file, || 1), Some(1));
    }
}
