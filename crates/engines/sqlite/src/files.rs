//! The files of a store: where they are, whose they are as seen from outside, their modes.
//!
//! A store is the folder `DIR/orders` (0700) with `store.db` (0600) and what SQLite keeps beside
//! it. Whose it is stands in the file's header (`application_id`) as far as freehold goes, and in
//! the table `freehold_mark` inside it as far as the store goes (`inspect`). Nothing here opens a
//! database.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use freehold_engine::{Error, ErrorKind, Result};

use crate::errors::from_io;
use crate::held;

/// The file that holds a store.
pub(crate) const STORE: &str = "store.db";
/// What SQLite keeps beside it while it is open, or after a crash.
const BESIDE: [&str; 7] = [
    "store.db-wal",
    "store.db-shm",
    "store.db-journal",
    RELAY,
    "relay.db-wal",
    "relay.db-shm",
    "relay.db-journal",
];
/// What the relay keeps for itself, so that it and a busy program do not wait for each other.
pub(crate) const RELAY: &str = "relay.db";
/// `FRHD`, written into the header of every file that freehold makes.
pub(crate) const APPLICATION_ID: u32 = 0x4652_4844;

/// What stands where a store's folder should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, or an empty folder.
    Nothing,
    /// What a run left that was cut off while it made or removed the store.
    Leftover,
    /// Something that freehold did not make; the text says what.
    Foreign(String),
    /// A file that freehold made.
    Made,
}

/// Looks without opening the database.
pub(crate) fn look(folder: &Path) -> Result<Found> {
    let kind = match fs::symlink_metadata(folder) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(from_io(&error, "look at", folder)),
    };
    if !kind.is_dir() {
        let what = if kind.is_symlink() {
            "a symbolic link"
        } else {
            "a file, where the store's folder would be"
        };
        return Ok(Found::Foreign(what.to_owned()));
    }
    let names = names_in(folder)?;
    if names.is_empty() {
        return Ok(Found::Nothing);
    }
    if !names.iter().any(|name| name == STORE) {
        return Ok(match names.iter().find(|name| !is_ours(name)) {
            Some(other) => {
                Found::Foreign(format!("a folder with other files in it, such as {other}"))
            }
            None => Found::Leftover,
        });
    }
    header(&folder.join(STORE))
}

/// Files in the store's folder that are not of the store.
pub(crate) fn others(folder: &Path) -> Result<Vec<String>> {
    let mut names = names_in(folder)?;
    names.retain(|name| !is_ours(name));
    Ok(names)
}

/// Makes folder and file, both private, where they are not there yet. Repeatable.
pub(crate) fn make(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| from_io(&error, "make the folder", folder))?;
    make_file(&folder.join(STORE))?;
    make_private(folder)
}

/// An empty file for this user only, unless it is there.
pub(crate) fn make_file(path: &Path) -> Result<()> {
    let make = || {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    };
    match held::past_sqlite(path, || make().map(drop)) {
        Some(Err(error)) => Err(from_io(&error, "make", path)),
        _ => Ok(()),
    }
}

/// The folder and files of the store that other users of the machine may touch, with their modes.
pub(crate) fn open_to_others(folder: &Path) -> Result<Vec<(String, u32)>> {
    let mut open = Vec::new();
    for (name, path) in of_store(folder) {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                open.push((name, metadata.mode() & 0o777));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(from_io(&error, "look at", &path)),
        }
    }
    Ok(open)
}

/// Takes the store's folder and files back from other users of the machine. Repeatable.
pub(crate) fn make_private(folder: &Path) -> Result<()> {
    for (name, path) in of_store(folder) {
        let mode = if name.is_empty() { 0o700 } else { 0o600 };
        match fs::set_permissions(&path, Permissions::from_mode(mode)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(from_io(&error, "make private", &path));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the store's files, and its folder unless others put something there. Repeatable.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    if let Found::Foreign(what) = look(folder)? {
        let message = format!("{} is not freehold's: {what}", folder.display());
        return Err(Error::new(ErrorKind::Denied, message));
    }
    // The store goes first: what is left after a crash then holds nothing and is known by its name.
    for name in [STORE].into_iter().chain(BESIDE) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(from_io(&error, "remove", &path));
            }
            _ => {}
        }
    }
    match fs::remove_dir(folder) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(from_io(&error, "remove the folder", folder))
        }
        _ => Ok(()),
    }
}

/// The folder (with an empty name) and all files of a store.
fn of_store(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let files = [STORE]
        .into_iter()
        .chain(BESIDE)
        .map(|name| (name.to_owned(), folder.join(name)));
    std::iter::once((String::new(), folder.to_owned())).chain(files)
}

fn is_ours(name: &str) -> bool {
    name == STORE || BESIDE.contains(&name)
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    };
    read().map_err(|error| from_io(&error, "look into", folder))
}

/// Magic and `application_id` of the format: <https://www.sqlite.org/fileformat.html#the_database_header>.
fn header(store: &Path) -> Result<Found> {
    let metadata =
        fs::symlink_metadata(store).map_err(|error| from_io(&error, "look at", store))?;
    if !metadata.is_file() {
        return Ok(Found::Foreign(format!("{STORE} is not a plain file")));
    }
    if metadata.len() == 0 {
        return Ok(Found::Leftover);
    }
    let mut head = Vec::with_capacity(72);
    let mut read = || File::open(store).and_then(|file| file.take(72).read_to_end(&mut head));
    let Some(read) = held::past_sqlite(store, &mut read) else {
        // Only what was looked at before, and found to be ours, is held.
        return Ok(Found::Made);
    };
    read.map_err(|error| from_io(&error, "read", store))?;
    if !head.starts_with(b"SQLite format 3\0") {
        return Ok(Found::Foreign(
            "a file that is not a SQLite database".to_owned(),
        ));
    }
    Ok(match head.get(68..72) {
        Some(id) if id == APPLICATION_ID.to_be_bytes() => Found::Made,
        _ => Found::Foreign("a SQLite database that freehold did not make".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(folder: &Path) -> String {
        match look(folder).expect("looked") {
            Found::Foreign(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whose_a_folder_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("orders");
        assert_eq!(look(&folder).expect("looked"), Found::Nothing);
        fs::create_dir(&folder).expect("made");
        assert_eq!(look(&folder).expect("looked"), Found::Nothing);
        fs::write(folder.join("store.db-wal"), "x").expect("written");
        assert_eq!(look(&folder).expect("looked"), Found::Leftover);
        fs::write(folder.join("notes.txt"), "x").expect("written");
        assert!(foreign(&folder).contains("notes.txt"));
        fs::write(folder.join(STORE), "").expect("written");
        assert_eq!(look(&folder).expect("looked"), Found::Leftover);
        fs::write(folder.join(STORE), "dear diary").expect("written");
        assert_eq!(foreign(&folder), "a file that is not a SQLite database");
        let mut head = b"SQLite format 3\0".to_vec();
        head.resize(100, 0);
        fs::write(folder.join(STORE), &head).expect("written");
        assert_eq!(
            foreign(&folder),
            "a SQLite database that freehold did not make"
        );
        head[68..72].copy_from_slice(b"FRHD");
        fs::write(folder.join(STORE), &head).expect("written");
        assert_eq!(look(&folder).expect("looked"), Found::Made);
        std::os::unix::fs::symlink(&folder, dir.path().join("link")).expect("linked");
        assert_eq!(foreign(&dir.path().join("link")), "a symbolic link");
    }

    #[test]
    fn made_private_whatever_was_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("deep/er/orders");
        make(&folder).expect("made");
        assert_eq!(open_to_others(&folder).expect("looked"), []);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("opened");
        fs::set_permissions(folder.join(STORE), Permissions::from_mode(0o644)).expect("opened");
        let open = open_to_others(&folder).expect("looked");
        assert_eq!(open, [(String::new(), 0o755), (STORE.to_owned(), 0o644)]);
        make(&folder).expect("made again");
        assert_eq!(open_to_others(&folder).expect("looked"), []);
    }

    #[test]
    fn only_the_stores_own_files_are_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("orders");
        make(&folder).expect("made");
        fs::write(folder.join("notes.txt"), "x").expect("written");
        remove(&folder).expect("removed");
        assert!(!folder.join(STORE).exists() && folder.join("notes.txt").exists());
        remove(&folder).expect_err("now it is somebody else's folder");
        fs::remove_file(folder.join("notes.txt")).expect("removed");
        remove(&folder).expect("removed");
        remove(&folder).expect("twice is once");
        assert!(!folder.exists());
    }
}
