//! Walls around a service's program: where it may write, and what it may not even read. By Landlock,
//! where the kernel has it; where it has not, the program runs without and its log says so.
//!
//! `up` starts `freehold confine … -- COMMAND`, which puts the walls around itself, for good, and then
//! becomes the command: nothing is done between a fork and an exec.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{
    ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use crate::args::ConfineArgs;
use crate::output::Output;

/// The newest rights that are asked for; an older kernel holds those that it knows.
const RIGHTS: ABI = ABI::V5;
/// A shell's statuses for a command that is not there, and for one that cannot be run.
const NOT_THERE: u8 = 127;
const NOT_RUN: u8 = 126;

/// What a program may touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walls {
    /// Folders in which it may do everything.
    pub(crate) write: Vec<PathBuf>,
    /// What it may read although it lies in a closed folder.
    pub(crate) read: Vec<PathBuf>,
    /// Folders that it may not look into. All others it may read.
    pub(crate) closed: Vec<PathBuf>,
}

impl Walls {
    /// The command line that runs `command` within them. `freehold`: this binary.
    pub(crate) fn around(&self, freehold: &Path, command: &[String]) -> Vec<String> {
        let mut line = vec![freehold.display().to_string(), "confine".to_owned()];
        let lists = [
            ("--write", &self.write),
            ("--read", &self.read),
            ("--closed", &self.closed),
        ];
        for (option, folders) in lists {
            for folder in folders {
                // As it is: rules are about places, not about ways to them.
                let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
                line.extend([option.to_owned(), folder.display().to_string()]);
            }
        }
        line.push("--".to_owned());
        line.extend_from_slice(command);
        line
    }
}

/// Becomes the command, within the walls; returns the exit status if it cannot.
pub(crate) fn enter(wanted: &ConfineArgs, output: &Output) -> u8 {
    let walls = Walls {
        write: wanted.write.clone(),
        read: wanted.read.clone(),
        closed: wanted.closed.clone(),
    };
    match restrict(&walls) {
        Ok(true) => {}
        Ok(false) => output.line_err("not confined: this kernel has no Landlock"),
        Err(error) => output.line_err(&format!("not confined: {error}")),
    }
    let (name, arguments) = match wanted.command.split_first() {
        Some((name, arguments)) => (name.clone(), arguments),
        None => (OsString::new(), &[][..]),
    };
    // Comes back only when it failed.
    let error = Command::new(&name).args(arguments).exec();
    output.line_err(&format!("`{}` cannot be started ({error})", name.display()));
    match error.kind() {
        std::io::ErrorKind::NotFound => NOT_THERE,
        _ => NOT_RUN,
    }
}

/// For this process and all that it starts, for good. `false`: the kernel cannot.
fn restrict(walls: &Walls) -> Result<bool, RulesetError> {
    let (all, reading) = (AccessFs::from_all(RIGHTS), AccessFs::from_read(RIGHTS));
    let status = Ruleset::default()
        .handle_access(all)?
        // Nor does it end what is none of its own.
        .scope(Scope::Signal)?
        .create()?
        // What is not there is left out.
        .add_rules(path_beneath_rules(open(&walls.closed), reading))?
        .add_rules(path_beneath_rules(&walls.read, reading))?
        .add_rules(path_beneath_rules(&walls.write, all))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Everything but what is closed. A rule opens all that lies below its folder and nothing can be taken
/// out again, so that beside the way to a closed folder each neighbour is opened for itself.
fn open(closed: &[PathBuf]) -> Vec<PathBuf> {
    let mut open = Vec::new();
    descend(Path::new("/"), closed, &mut open);
    open
}

fn descend(folder: &Path, closed: &[PathBuf], open: &mut Vec<PathBuf>) {
    if closed.iter().any(|own| own == folder) {
        return;
    }
    if !closed.iter().any(|own| own.starts_with(folder)) {
        open.push(folder.to_owned());
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Where a link leads to is open, or is not, for itself.
        if entry.file_type().is_ok_and(|own| !own.is_symlink()) {
            descend(&entry.path(), closed, open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_open_but_what_is_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a path");
        for name in [
            "services/orders",
            "services/catalog",
            "state/stores",
            "shared",
        ] {
            fs::create_dir_all(root.join(name)).expect("a folder");
        }
        std::os::unix::fs::symlink(root.join("state"), root.join("way-in")).expect("a link");
        let open = open(&[root.join("state"), root.join("services/catalog")]);
        let is_open = |own: &Path| open.iter().any(|it| own.starts_with(it));
        assert!(is_open(&root.join("services/orders/file")));
        assert!(is_open(&root.join("shared")));
        assert!(is_open(Path::new("/proc/self")));
        for closed in ["services/catalog/file", "state/stores", "way-in"] {
            assert!(!is_open(&root.join(closed)), "{closed}");
        }
        // Neither are the folders on the way: what lies in them would be, too.
        assert!(!open.contains(&root) && !open.contains(&root.join("services")));
    }

    #[test]
    fn the_command_line_names_places_and_ends_with_the_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a path");
        let walls = Walls {
            write: vec![root.join(".")],
            closed: vec![root.join("not-there")],
            ..Walls::default()
        };
        let line = walls.around(
            Path::new("/bin/freehold"),
            &["sh".to_owned(), "--write".to_owned()],
        );
        let root = root.display().to_string();
        let gone = format!("{root}/not-there");
        assert_eq!(
            line,
            [
                "/bin/freehold",
                "confine",
                "--write",
                &root,
                "--closed",
                &gone,
                "--",
                "sh",
                "--write"
            ]
        );
    }
}
