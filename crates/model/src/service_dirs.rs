//! The folders of services: what `services:` names, found through [`Files`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::fault::{Fault, Place};
use crate::files::Files;
use crate::names::relative_to;
use crate::node::{Node, Value};
use crate::places::at;

/// Folders below which `**` looks for services; deeper is a loop or not ours.
const DEPTH_LIMIT: usize = 8;

/// An item of `services:`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    place: Option<Place>,
    /// Taken because the file could not be understood: it may name nothing.
    guessed: bool,
}

impl Pattern {
    /// What holds where the system's file cannot be read.
    pub(crate) fn guess() -> Vec<Self> {
        vec![Self {
            text: "services/*".to_owned(),
            place: None,
            guessed: true,
        }]
    }

    /// The items that a system's file has, or the default; a guess where they do not fit, which
    /// [`crate::check`] tells.
    pub(crate) fn all_in(system: &Node) -> Vec<Self> {
        let Some(entry) = system.entry("services") else {
            return vec![Self {
                guessed: false,
                ..Self::guess().remove(0)
            }];
        };
        match &entry.node.value {
            Value::List(items) => items.iter().filter_map(Self::of_item).collect(),
            _ => Self::guess(),
        }
    }

    fn of_item(item: &Node) -> Option<Self> {
        let text = item.text()?.to_owned();
        Some(Self {
            text,
            place: Some(item.mark.place()),
            guessed: false,
        })
    }
}

/// Folders that hold a `service.yaml`, and those that are named without a pattern; relative to
/// `root`, sorted, each once. An item that names nothing is a fault.
pub(crate) fn find(
    root: &Path,
    patterns: &[Pattern],
    files: &dyn Files,
    faults: &mut Vec<Fault>,
) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        match find_one(root, &pattern.text, files) {
            Ok(dirs) => found.extend(dirs),
            Err(_) if pattern.guessed => {}
            Err(fault) => faults.push(at(fault, pattern.place.clone())),
        }
    }
    found.into_iter().collect()
}

fn find_one(root: &Path, pattern: &str, files: &dyn Files) -> Result<Vec<PathBuf>, Fault> {
    if pattern.contains("://") || pattern.starts_with("git+") || pattern.starts_with("oci:") {
        return Err(Fault::new(
            "FH1104",
            format!("`{pattern}`: services in other repositories are not there yet"),
        )
        .help("check the service out below this folder, and name that"));
    }
    let pattern = pattern.trim_end_matches('/');
    if !is_glob(pattern) {
        let dir = relative_to(Path::new(""), pattern);
        if pattern.is_empty() || !files.is_dir(&root.join(&dir)) {
            return Err(Fault::new(
                "FH1109",
                format!("`services` names `{pattern}`, and there is no such folder"),
            )
            .help("paths are relative to freehold.yaml"));
        }
        return Ok(vec![dir]);
    }
    let mut search = Search {
        root,
        files,
        found: Vec::new(),
        misnamed: None,
    };
    let components: Vec<&str> = pattern.split('/').collect();
    search.walk(PathBuf::new(), &components, 0)?;
    if let Some(misnamed) = search.misnamed {
        return Err(Fault::new(
            "FH1109",
            format!(
                "{} is not read: the file is called service.yaml",
                misnamed.display()
            ),
        )
        .help("rename it"));
    }
    if search.found.is_empty() {
        return Err(Fault::new("FH1109", format!("`services` says `{pattern}`, and no folder there has a service.yaml"))
            .help("make a service's folder with a service.yaml, or mend the pattern; it is relative to freehold.yaml"));
    }
    Ok(search.found)
}

struct Search<'a> {
    root: &'a Path,
    files: &'a dyn Files,
    found: Vec<PathBuf>,
    misnamed: Option<PathBuf>,
}

impl Search<'_> {
    fn walk(&mut self, dir: PathBuf, pattern: &[&str], depth: usize) -> Result<(), Fault> {
        let Some((first, rest)) = pattern.split_first() else {
            self.visit(dir);
            return Ok(());
        };
        if depth > DEPTH_LIMIT {
            return Ok(());
        }
        if *first == "**" {
            self.walk(dir.clone(), rest, depth)?;
            for name in self.folders(&dir) {
                self.walk(dir.join(name), pattern, depth + 1)?;
            }
        } else if is_glob(first) {
            let matcher = matcher(first)?;
            for name in self
                .folders(&dir)
                .into_iter()
                .filter(|name| matcher.is_match(name))
            {
                self.walk(dir.join(name), rest, depth + 1)?;
            }
        } else {
            self.walk(relative_to(&dir, first), rest, depth + 1)?;
        }
        Ok(())
    }

    fn visit(&mut self, dir: PathBuf) {
        let names = self.files.list(&self.root.join(&dir)).unwrap_or_default();
        if names.iter().any(|name| name == "service.yaml") {
            self.found.push(dir);
        } else if names.iter().any(|name| name == "service.yml") {
            self.misnamed = Some(dir.join("service.yml"));
        }
    }

    /// Without hidden ones, as in a shell.
    fn folders(&self, dir: &Path) -> Vec<String> {
        let dir = self.root.join(dir);
        let mut names = self.files.list(&dir).unwrap_or_default();
        names.retain(|name| !name.starts_with('.') && self.files.is_dir(&dir.join(name)));
        names
    }
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn matcher(component: &str) -> Result<GlobMatcher, Fault> {
    GlobBuilder::new(component)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| {
            Fault::new(
                "FH1109",
                format!("`{component}` is no pattern of folders: {}", error.kind()),
            )
            .help("patterns look like services/*")
        })
}
