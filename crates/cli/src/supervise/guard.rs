//! Ends what is left when `freehold up` is killed: a small process of its own that holds the other
//! end of a pipe. When the pipe closes without a word, it ends every process that carries the
//! system's mark in its environment, and stops the private servers.
//!
//! The mark is the folder, so that the next `up` finds what a killed guard left.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use freehold_model::Fault;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

/// The variable that marks a process as started for a folder.
pub(crate) const MARK: &str = "FREEHOLD_UP";
/// How long a marked process may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);
/// What the guard is told when nothing is left to do.
const DONE: u8 = b'.';

/// The pipe's end that `up` holds.
#[derive(Debug)]
pub(crate) struct Guard {
    pipe: ChildStdin,
    process: Child,
}

impl Guard {
    /// Starts the guard of this folder.
    pub(crate) fn start(state: &Path) -> Result<Self, Fault> {
        let fault = |error: std::io::Error| {
            Fault::new(
                "FH3705",
                format!("the process that cleans up after a kill cannot be started ({error})"),
            )
            .help("see the limits of processes and open files (ulimit -u, ulimit -n)")
        };
        let program = std::env::current_exe().map_err(fault)?;
        let mut process = Command::new(program)
            .arg("guard")
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Neither Ctrl-C nor what ends the terminal's group reaches it.
            .process_group(0)
            .spawn()
            .map_err(fault)?;
        let pipe = process.stdin.take();
        let pipe = pipe.ok_or_else(|| fault(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { pipe, process })
    }

    /// Everything has ended in order.
    pub(crate) async fn dismiss(mut self) {
        // A guard that is gone already has nothing to be told.
        let _ = self.pipe.write_all(&[DONE]).await;
        drop(self.pipe);
        let _ = self.process.wait().await;
    }
}

/// The guard's own work: waits, and cleans up if it was not dismissed.
pub(crate) async fn watch(state: &Path) {
    let said = tokio::task::spawn_blocking(|| {
        let mut said = Vec::new();
        // A pipe that cannot be read says nothing, as one that was closed.
        let _ = std::io::stdin().lock().read_to_end(&mut said);
        said
    });
    let said = said.await.unwrap_or_default();
    if said.contains(&DONE) {
        return;
    }
    sweep(state).await;
    for folder in server_folders(state) {
        // Another command may have stopped it, or started it anew for itself.
        let _ = freehold_private_servers::stop(folder).await;
    }
}

/// Folders of private servers.
pub(crate) fn server_folders(state: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(state.join("servers"));
    let entries = entries.into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Ends every process that carries this folder's mark; how many there were.
pub(crate) async fn sweep(state: &Path) -> usize {
    let mark = mark(state);
    let begun = Instant::now();
    let (mut most, mut quiet) = (0, 0);
    // Twice nothing: one that was just being started carries its mark only a moment later.
    while quiet < 2 {
        let marked = marked(&mark);
        most = most.max(marked.len());
        quiet = if marked.is_empty() { quiet + 1 } else { 0 };
        for pid in marked {
            let signal = if begun.elapsed() < GRACE {
                Signal::TERM
            } else {
                Signal::KILL
            };
            end(pid, signal, &mark);
        }
        tokio::time::sleep(POLL).await;
    }
    most
}

/// `FREEHOLD_UP=/folder/.freehold`
fn mark(state: &Path) -> Vec<u8> {
    let state = std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    format!("{MARK}={}", state.display()).into_bytes()
}

fn marked(mark: &[u8]) -> Vec<u32> {
    let own = std::process::id();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != own && carries(*pid, mark))
        .collect()
}

fn carries(pid: u32, mark: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == mark))
}

/// Held by a descriptor while it is looked at again, so that an id given out anew is never hit.
fn end(pid: u32, signal: Signal, mark: &[u8]) {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(raw) = raw
        && let Ok(held) = pidfd_open(raw, PidfdFlags::empty())
        && carries(pid, mark)
    {
        // It may have ended in between: then there is nothing to signal.
        let _ = pidfd_send_signal(held.as_fd(), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_carries_the_mark_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = std::fs::canonicalize(folder.path()).expect("a path");
        let sleeper = |mark: &str| {
            Command::new("sleep")
                .arg("600")
                .env(MARK, mark)
                .spawn()
                .expect("it starts")
        };
        let mut ours = sleeper(&state.display().to_string());
        let mut other = sleeper(&format!("{}x", state.display()));
        // Before its exec a child has our environment, not yet its own.
        while marked(&mark(&state)).is_empty() {
            tokio::time::sleep(POLL).await;
        }
        assert_eq!(sweep(&state).await, 1);
        ours.wait().await.expect("it ended");
        assert!(other.try_wait().expect("looked at").is_none(), "spared");
        other.kill().await.expect("killed");
    }
}
