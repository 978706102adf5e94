//! Processes by their id: is it still the one that we started, end it, wait until it is gone.
//!
//! A process is known by its id *and* its start time, so that an id given out anew is never
//! taken for ours; that it serves a certain folder is read from its arguments.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
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

    /// Whether it was killed and is on its way out: what it ran is not to be seen any more then,
    /// but its port and files are not free yet.
    pub(crate) fn is_ending(self) -> bool {
        self.is_alive() && fs::read(cmdline(self.pid)).is_ok_and(|line| line.is_empty())
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

    /// The fields of proc(5): 3 is the state, 4 the parent, 20 the number of threads, 22 the start
    /// time. The second is the program's name in brackets, and may hold spaces and brackets itself.
    ///
    /// A process that was killed is a zombie as soon as its first thread is; while others are
    /// still ending, it holds its port and its files.
    fn read(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let threads: u32 = fields.nth(15)?.parse().ok()?;
        let started_ticks = fields.nth(1)?.parse().ok()?;
        let living = !matches!(state, "Z" | "X") || threads > 1;
        Some(Self {
            living,
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
    let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else {
        return false;
    };
    let name = name.trim_end();
    // A build with a C library of its own is run by that library's loader.
    is_server_name(name)
        || (name.starts_with("ld-linux")
            && fs::read(cmdline(pid)).is_ok_and(|line| runs_server(&line)))
}

/// Where a process's arguments are told, each ended by a zero.
fn cmdline(pid: u32) -> PathBuf {
    format!("/proc/{pid}/cmdline").into()
}

/// Whether one of these arguments is the path of a server program.
fn runs_server(line: &[u8]) -> bool {
    line.split(|byte| *byte == 0).any(|argument| {
        let name = Path::new(OsStr::from_bytes(argument)).file_name();
        name.is_some_and(|name| PROGRAMS.iter().any(|program| name == *program))
    })
}

fn is_server_name(name: &str) -> bool {
    PROGRAMS
        .iter()
        .any(|program| &program[..program.len().min(NAME_BYTES)] == name)
}

fn is_told(pid: u32, data: &Path) -> bool {
    fs::read(cmdline(pid)).is_ok_and(|line| tells(&line, data))
}

/// Whether one of these arguments is the data folder.
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
        assert!(runs_server(
            b"/lib64/ld-linux-x86-64.so.2\0--library-path\0/l\0/usr/sbin/mysqld\0"
        ));
        assert!(!runs_server(
            b"/lib64/ld-linux-x86-64.so.2\0/usr/bin/less\0/v/data\0"
        ));
        for name in ["less", "postgres-tail", ""] {
            assert!(!is_server_name(name), "{name}");
        }
    }

    fn stat(state: &str, threads: u32) -> Stat {
        // The program is called `a) b`.
        let text =
            format!("7 (a) b) {state} 3 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 {threads} 0 4242 9\n");
        Stat::read(&text).unwrap()
    }

    #[test]
    fn a_program_name_with_brackets_does_not_confuse_the_fields() {
        let stat = stat("S", 1);
        assert_eq!(
            (stat.living, stat.parent, stat.started_ticks),
            (true, 3, 4242)
        );
    }

    #[test]
    fn a_zombie_lives_until_its_last_thread_has_ended() {
        assert!(stat("Z", 2).living);
        assert!(!stat("Z", 1).living);
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
