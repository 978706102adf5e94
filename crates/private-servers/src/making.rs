//! Making a new data folder: what it needs, and running the program that fills it.
//!
//! Which program and with which arguments is each kind's own (`postgres.rs`, `mariadb.rs`, …).

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::Error;
use crate::folder::Folder;
use crate::password::Password;
use crate::start::LIMIT;

/// How much of what a failed program said is shown.
const SHOWN_LINES: usize = 8;

/// What the making of a folder needs. The caller's own server settings have no say in it.
pub(crate) struct Making<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) account: &'a Account,
    pub(crate) binaries: &'a Binaries,
    /// Not the package's, but those of a folder that the caller named.
    pub(crate) own_binaries: bool,
    pub(crate) password: &'a Password,
}

impl Making<'_> {
    /// Runs a program as the server's user, within bounds, with `input` on its standard input.
    pub(crate) async fn run(
        &self,
        program: &Path,
        arguments: &[OsString],
        input: &str,
    ) -> Result<(), Error> {
        let library_dir = self.binaries.library_dir.as_deref();
        let mut command = self.account.command(program.as_os_str(), library_dir);
        command
            .args(arguments)
            .env("TMPDIR", self.folder.fresh_tmp(self.account)?)
            .current_dir(self.folder.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io("run", program))?;
        if let Some(mut pipe) = child.stdin.take() {
            // A few hundred bytes fit into the pipe; who does not read them fails below.
            let _ = pipe.write_all(input.as_bytes()).await;
        }
        let output = tokio::time::timeout(LIMIT, child.wait_with_output())
            .await
            .map_err(|_| self.failed(format!("it did not end within {} s", LIMIT.as_secs())))?
            .map_err(Error::io("run", program))?;
        if output.status.success() {
            return Ok(());
        }
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        Err(self.failed(last_lines(&said)))
    }

    fn failed(&self, said: String) -> Error {
        let kind = self.binaries.kind;
        Error::Initialise {
            kind,
            dir: self.folder.root().to_owned(),
            said,
        }
    }
}

/// The end of what a program said.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_text_is_shown() {
        let lines: Vec<String> = (1..=20).map(|n| format!("line {n}\n")).collect();
        let shown = last_lines(&lines.join("\n"));
        assert_eq!(shown.lines().count(), SHOWN_LINES);
        assert!(shown.ends_with("line 20"));
    }
}
