//! Processes by their id: is it still the one that we started, end it, wait until it is gone.
//!
//! A process is known by its id *and* its start time, so that an id given out anew is never
//! taken for ours; that it serves a certain folder is read from its arguments.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// How often a waiting loop looks again.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// One process, told apart from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Clock ticks from boot to its start.
    pub(crate) started_ticks: u64,
}

impl Process {
    /// The living process with this id. One that ended and was not yet waited for is not living.
    pub(crate) fn living(pid: u32) -> Option<Self> {
        let stat = Stat::of(pid)?;
        stat.living.then_some(Self {
            pid,
            started_ticks: stat.started_ticks,
        })
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::living(self.pid) == Some(self)
    }

    /// Whether it is a server program whose arguments name this data folder.
    pub(crate) fn serves(self, data: &Path) -> bool {
        self.is_alive() && arguments(self.pid).is_some_and(|arguments| names(&arguments, data))
    }

    /// The processes, living now, that work on this data folder, the oldest first.
    pub(crate) fn all_on(data: &Path) -> Vec<Self> {
        let mut found: Vec<Self> = every_pid()
            .filter_map(Self::living)
            .filter(|process| process.serves(data))
            .collect();
        found.sort_by_key(|process| (process.started_ticks, process.pid));
        found
    }

    /// Sends a signal, if it is still this process.
    pub(crate) fn signal(self, signal: Signal) {
        if let (true, Some(pid)) = (self.is_alive(), raw(self.pid)) {
            // It may have ended in between: then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends it and its children at once, without a chance to clean up.
    ///
    /// The parent is stopped first: it can then neither wait for a child (so no child's id is
    /// given out anew) nor make new ones.
    pub(crate) fn kill_with_children(self) {
        self.signal(Signal::STOP);
        for child in every_pid().filter(|pid| Stat::of(*pid).is_some_and(|s| s.parent == self.pid))
        {
            if let Some(pid) = raw(child) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        self.signal(Signal::KILL);
    }

    /// Waits until it is gone; `false` when it is still there after `limit`.
    pub(crate) async fn gone_within(self, limit: Duration) -> bool {
        let begin = Instant::now();
        while self.is_alive() {
            if begin.elapsed() > limit {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }
}

struct Stat {
    living: bool,
    parent: u32,
    started_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The fields of proc(5): 3 is the state, 4 the parent, 22 the start time. The second is the
    /// program's name in brackets, and may hold spaces and brackets itself.
    fn read(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let started_ticks = fields.nth(17)?.parse().ok()?;
        Some(Self {
            living: !matches!(state, "Z" | "X"),
            parent,
            started_ticks,
        })
    }
}

fn every_pid() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn arguments(pid: u32) -> Option<Vec<Vec<u8>>> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
}

/// Programs that work on a data folder; so `less …/data` is never taken for a server.
const PROGRAMS: [&str; 6] = [
    "postgres",
    "initdb",
    "mariadbd",
    "mysqld",
    "mariadb-install-db",
    "mysql_install_db",
];

fn names(arguments: &[Vec<u8>], data: &Path) -> bool {
    let data = data.as_os_str().as_bytes();
    // The second argument too: a script's first one is its interpreter.
    let is_server = arguments.iter().take(2).any(|argument| {
        let name = Path::new(OsStr::from_bytes(argument)).file_name();
        name.is_some_and(|name| PROGRAMS.iter().any(|program| name == *program))
    });
    is_server
        && arguments
            .iter()
            .any(|argument| argument == data || argument.strip_prefix(b"--datadir=") == Some(data))
}

fn raw(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_server_is_known_by_program_and_folder() {
        let data = Path::new("/v/data");
        assert!(names(
            &line(&["/usr/lib/postgresql/15/bin/postgres", "-D", "/v/data"]),
            data
        ));
        assert!(names(
            &line(&["/usr/sbin/mariadbd", "--no-defaults", "--datadir=/v/data"]),
            data
        ));
        assert!(names(
            &line(&[
                "/bin/sh",
                "/usr/bin/mariadb-install-db",
                "--datadir=/v/data"
            ]),
            data
        ));
        assert!(!names(
            &line(&["/usr/lib/postgresql/15/bin/postgres", "-D", "/v/data2"]),
            data
        ));
        assert!(!names(&line(&["less", "/v/data"]), data));
    }

    #[test]
    fn a_program_name_with_brackets_does_not_confuse_the_fields() {
        let text = "7 (a) b) S 3 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 4242 99 1\n";
        let stat = Stat::read(text).unwrap();
        assert_eq!(
            (stat.living, stat.parent, stat.started_ticks),
            (true, 3, 4242)
        );
    }

    #[test]
    fn an_id_given_out_anew_is_not_the_same_process() {
        let me = Process::living(std::process::id()).unwrap();
        let other = Process {
            started_ticks: me.started_ticks + 1,
            ..me
        };
        assert!(me.is_alive());
        assert!(!other.is_alive());
    }

    #[tokio::test]
    async fn a_child_that_was_not_waited_for_counts_as_gone() {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let process = Process::living(child.id()).unwrap();
        process.signal(Signal::KILL);
        assert!(process.gone_within(Duration::from_secs(20)).await);
        child.wait().unwrap();
    }
}
