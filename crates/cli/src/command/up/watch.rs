//! Which files of a description have changed since they were last looked at: descriptions, migrations,
//! seeds, contracts, sagas. Looks by itself, as `check --watch` does: that works on every file system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Endings of what a description is made of.
const ENDINGS: [&str; 4] = ["yaml", "yml", "json", "sql"];
/// Folders in which nothing of it is.
const ELSEWHERE: [&str; 3] = ["target", "node_modules", "venv"];

type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// The files of a folder.
pub(super) struct Watch {
    root: PathBuf,
    /// As they were when they were last told.
    known: Files,
    /// As they were a look ago.
    before: Files,
}

impl Watch {
    pub(super) fn new(root: &Path) -> Self {
        let known = files(root);
        Self {
            root: root.to_owned(),
            before: known.clone(),
            known,
        }
    }

    /// What has changed, once it has stood still for a look: an editor writes several files, and one in
    /// several pieces.
    pub(super) fn changed(&mut self) -> Vec<PathBuf> {
        let now = files(&self.root);
        let still = now == self.before;
        self.before = now;
        if !still || self.before == self.known {
            return Vec::new();
        }
        let (new, old) = (&self.before, &self.known);
        let gone = old.keys().filter(|own| !new.contains_key(*own));
        let changed = new
            .iter()
            .filter(|(own, state)| old.get(*own) != Some(state));
        let all = changed.map(|(own, _)| own).chain(gone);
        let all = all.map(|own| own.strip_prefix(&self.root).unwrap_or(own).to_owned());
        let all = all.collect();
        self.known.clone_from(&self.before);
        all
    }
}

fn files(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that has just gone holds nothing.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || ELSEWHERE.contains(&name.as_ref()) {
                continue;
            }
            // What a link leads to belongs to somebody else.
            let Ok(about) = entry.metadata() else {
                continue;
            };
            let ending = path
                .extension()
                .and_then(|own| own.to_str())
                .unwrap_or_default();
            if about.is_dir() {
                folders.push(path);
            } else if ENDINGS.contains(&ending) {
                files.insert(path, (about.modified().ok(), about.len()));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_stands_still() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text).expect("written");
        };
        write("freehold.yaml", "a");
        write("services/orders/service.yaml", "a");
        let mut watch = Watch::new(folder.path());
        assert!(watch.changed().is_empty());
        write("services/orders/service.yaml", "ab");
        write("services/orders/migrations/0001_a.up.sql", "a");
        write(".freehold/state.json", "a");
        write("services/orders/main.rs", "a");
        assert!(watch.changed().is_empty(), "not yet still");
        let told = watch.changed();
        assert_eq!(
            told,
            [
                PathBuf::from("services/orders/migrations/0001_a.up.sql"),
                PathBuf::from("services/orders/service.yaml")
            ]
        );
        assert!(watch.changed().is_empty());
        std::fs::remove_file(folder.path().join("freehold.yaml")).expect("gone");
        watch.changed();
        assert_eq!(watch.changed(), [PathBuf::from("freehold.yaml")]);
    }
}
