//! Processes by their id: is it still the one that we started, end it, wait until it is gone.
//!
//! A process is known by its id *and* its start time, so that an id given out anew is never
//! taken for ours; that it serves a certain folder is read from its arguments.

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

    /// Whether it is the server of this data folder: a server program, started with its path.
    pub(crate) fn serves(self, data: &Path) -> bool {
        self.is_alive() && is_server(self.pid) && is_told(self.pid, data)
    }

    /// The servers of this data folder; more than one only while one makes way for the next.
    pub(crate) fn servers_of(data: &Path) -> Vec<Self> {
        every_pid()
            .filter_map(Self::living)
            .filter(|process| process.serves(data))
            .collect()
    }

    /// Every server program at work in this data folder: servers, what they started, and what is
    /// left of either. These stand in the folder, whatever they call themselves.
    pub(crate) fn all_in(data: &Path) -> Vec<Self> {
        every_pid()
            .filter(|pid| is_server(*pid))
            .filter(|pid| is_told(*pid, data) || stands_in(*pid, data))
            .filter_map(Self::living)
            .collect()
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

/// Programs that work on a data folder; so `less …/data` is never taken for a server.
const PROGRAMS: [&str; 6] = [
    "postgres",
    "initdb",
    "mariadbd",
    "mysqld",
    "mariadb-install-db",
    "mysql_install_db",
];

/// The kernel keeps this much of a program's name.
const NAME_BYTES: usize = 15;

fn is_server(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .is_ok_and(|name| is_server_name(name.trim_end()))
}

fn is_server_name(name: &str) -> bool {
    PROGRAMS
        .iter()
        .any(|program| &program[..program.len().min(NAME_BYTES)] == name)
}

fn is_told(pid: u32, data: &Path) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| tells(&line, data))
}

/// Whether one of these arguments, each ended by a zero, is the data folder.
fn tells(line: &[u8], data: &Path) -> bool {
    let data = data.as_os_str().as_bytes();
    line.split(|byte| *byte == 0)
        .any(|argument| argument == data || argument.strip_prefix(b"--datadir=") == Some(data))
}

fn stands_in(pid: u32, data: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir == data)
}

fn raw(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_name_and_its_folder() {
        let data = Path::new("/v/data");
        assert!(tells(
            b"/usr/lib/postgresql/15/bin/postgres\0-D\0/v/data\0",
            data
        ));
        assert!(tells(
            b"/usr/sbin/mariadbd\0--no-defaults\0--datadir=/v/data\0",
            data
        ));
        assert!(!tells(
            b"/usr/lib/postgresql/15/bin/postgres\0-D\0/v/data2\0",
            data
        ));
        for name in ["postgres", "mariadbd", "mariadb-install"] {
            assert!(is_server_name(name), "{name}");
        }
        for name in ["less", "postgres-tail", ""] {
            assert!(!is_server_name(name), "{name}");
        }
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
