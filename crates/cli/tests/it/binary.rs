//! Runs the binary in a copy of an example and looks at what it says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A copy of an example that a test may change.
pub(crate) struct Example {
    folder: TempDir,
    pub(crate) variables: BTreeMap<String, String>,
}

/// What a call said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    /// Refused with this exit code; the codes of its errors, in order.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32) -> Vec<String> {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        let codes = self
            .err
            .lines()
            .filter_map(|line| line.strip_prefix("error[")?.split(']').next());
        codes.map(str::to_owned).collect()
    }
}

impl Example {
    pub(crate) fn copy(name: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("freehold-test-")
            .tempdir()
            .expect("a temporary folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(name);
        copy(&from, folder.path());
        Self {
            folder,
            variables: BTreeMap::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freehold"));
        command
            .current_dir(self.path())
            .args(arguments)
            .envs(&self.variables)
            .env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("the binary runs");
        Said {
            code: output.status.code().expect("an exit code"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).expect("the file");
        fs::write(path, change(text)).expect("written");
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).expect("written");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the example") {
        let entry = entry.expect("an entry");
        let (source, target): (PathBuf, _) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == ".freehold" {
            continue;
        }
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("copied");
        }
    }
}
