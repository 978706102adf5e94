//! What this SQLite is, and whether stores may be made in the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use freehold_engine::{Flavour, Probe};
use rustix::fs::{Access, access};

/// The right to make stores in the folder.
pub(crate) const MAKE: &str = "make stores";

/// Looks at the folder only; nothing is made.
pub(crate) fn probe(dir: &Path, user: &str) -> Probe {
    let number = u32::try_from(rusqlite::version_number()).unwrap_or_default();
    let (major, minor, patch) = (number / 1_000_000, number / 1_000 % 1_000, number % 1_000);
    Probe {
        product: "SQLite",
        version: rusqlite::version().to_owned(),
        version_num: major * 10_000 + minor * 100 + patch,
        flavour: Flavour::Vanilla,
        user: user.to_owned(),
        rights: may_make(dir)
            .then(|| MAKE.to_owned())
            .into_iter()
            .collect::<BTreeSet<_>>(),
        settings: BTreeMap::new(),
        tls: false,
    }
}

/// May this process make entries in `dir`, or in what of it is there already?
fn may_make(dir: &Path) -> bool {
    let there = dir
        .ancestors()
        .find(|folder| folder.as_os_str().is_empty() || folder.exists());
    let there = match there {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok() && there.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_can_be_made() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(probe(&dir.path().join("a/b"), "").may(MAKE));
        assert!(probe(Path::new("not-there-yet"), "").may(MAKE));
        assert!(!dir.path().join("a").exists());
        std::fs::write(dir.path().join("file"), "").expect("written");
        assert!(!probe(&dir.path().join("file/b"), "").may(MAKE));
        assert!(probe(dir.path(), "").version_num >= 35_000);
    }
}
