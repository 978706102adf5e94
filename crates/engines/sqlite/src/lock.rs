//! The lock of a run: a file that the operating system unlocks when its holder dies.
//!
//! The file is there only while the lock is held; after a crash an empty, unlocked one may remain
//! and is taken over. It stands in `DIR`, since the store's own folder may not be there yet.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use freehold_engine::{Error, ErrorKind, Result};

use crate::errors::from_io;

/// How often somebody else may remove the file between opening and locking it.
const TRIES: usize = 100;

/// A lock that is held. Dropped, it is given back and its file removed.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
    /// Folders that were made for it, the deepest first.
    made: Vec<PathBuf>,
}

impl Lock {
    /// `None`: somebody else holds it.
    pub(crate) fn take(dir: &Path, name: &str) -> Result<Option<Self>> {
        let path = dir.join(file_name(name));
        let mut made = Vec::new();
        for _ in 0..TRIES {
            made.extend(make_folders(dir)?);
            let file = match OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
            {
                Ok(file) => file,
                // Its last holder has just removed the folder that it had made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(from_io(&error, "make the lock file", &path)),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(from_io(&error, "lock", &path)),
            }
            // Its last holder may have removed it after we opened it: then the lock is worth nothing.
            if is_at(&file, &path) {
                return Ok(Some(Self {
                    path,
                    _file: file,
                    made,
                }));
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "others take and leave the lock all the time",
        )
        .during(format!("lock {}", path.display())))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A file that cannot be removed is harmless: the lock itself goes with the handle.
        let _ = fs::remove_file(&self.path);
        for folder in &self.made {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// `.freehold.bookvault.orders.main.lock`: different names stay different.
fn file_name(name: &str) -> String {
    let plain = name.chars().map(|c| match c {
        'a'..='z' | '0'..='9' | '_' => c.to_string(),
        ':' | '/' => ".".to_owned(),
        other => format!("%{:x}", u32::from(other)),
    });
    format!(".{}.lock", plain.collect::<String>())
}

fn make_folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made: Vec<_> = dir
        .ancestors()
        .take_while(missing)
        .map(Path::to_owned)
        .collect();
    let done = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    done.map_err(|error| from_io(&error, "make the folder", dir))?;
    Ok(made)
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata()
        .is_ok_and(|ours| fs::symlink_metadata(path).is_ok_and(|there| same(ours, there)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_and_nothing_left_behind() {
        let dir = tempfile::tempdir().expect("a folder");
        let stores = dir.path().join("deep/stores");
        let lock = Lock::take(&stores, "freehold:b/orders/main")
            .expect("tried")
            .expect("taken");
        assert!(stores.join(".freehold.b.orders.main.lock").exists());
        assert!(
            Lock::take(&stores, "freehold:b/orders/main")
                .expect("tried")
                .is_none()
        );
        let other = Lock::take(&stores, "freehold:b/catalog/main")
            .expect("tried")
            .expect("another name");
        drop(lock);
        let again = Lock::take(&stores, "freehold:b/orders/main")
            .expect("tried")
            .expect("free again");
        drop((other, again));
        assert!(!stores.exists() || fs::read_dir(&stores).expect("read").next().is_none());
    }

    #[test]
    fn a_file_left_by_a_crash_is_taken_over() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join(".x.lock"), "").expect("written");
        let lock = Lock::take(dir.path(), "x").expect("tried").expect("taken");
        drop(lock);
        assert!(!dir.path().join(".x.lock").exists());
    }

    #[test]
    fn names_stay_apart() {
        assert_eq!(file_name("freehold:a/b/c"), ".freehold.a.b.c.lock");
        assert_ne!(file_name("a.b"), file_name("a/b"));
        assert_ne!(file_name("A"), file_name("a"));
        assert_eq!(file_name("../x"), ".%2e%2e.x.lock");
    }
}
