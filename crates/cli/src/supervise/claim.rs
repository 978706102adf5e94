//! A folder is run once: its lock, held as long as the process lives, and who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use freehold_model::Fault;

/// Ends with the process that holds it.
#[derive(Debug)]
pub(crate) struct Claim {
    _file: File,
}

const NAME: &str = "up.lock";

impl Claim {
    /// # Errors
    /// FH3704 somebody else runs this folder, FH3703 it cannot be written to.
    pub(crate) fn take(state: &Path) -> Result<Self, Fault> {
        let fault = |error: &std::io::Error| {
            Fault::new(
                "FH3703",
                format!("{} cannot be written to ({error})", state.display()),
            )
            .help("see that this user may write in the system's folder")
        };
        std::fs::create_dir_all(state).map_err(|error| fault(&error))?;
        let mut file = open(state).map_err(|error| fault(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(Fault::new(
                    "FH3704",
                    format!(
                        "{} is run already, by process {}",
                        state.display(),
                        holder.trim()
                    ),
                )
                .help("freehold down stops it; or press Ctrl-C where it runs"));
            }
            Err(TryLockError::Error(error)) => return Err(fault(&error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(|error| fault(&error))?;
        Ok(Self { _file: file })
    }

    /// Does somebody run this folder?
    pub(crate) fn is_taken(state: &Path) -> bool {
        state.join(NAME).exists()
            && open(state)
                .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

fn open(state: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(state.join(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_claimed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Claim::take(folder.path()).expect("free");
        assert!(Claim::is_taken(folder.path()));
        let second = Claim::take(folder.path()).expect_err("taken");
        assert_eq!(second.code, "FH3704");
        assert!(second.message.contains(&std::process::id().to_string()));
        drop(first);
        assert!(!Claim::is_taken(folder.path()));
        Claim::take(folder.path()).expect("free again");
    }
}
