//! Who else has the store's file open, as far as the operating system tells.
//!
//! An open connection in WAL mode holds a shared lock on the file for as long as it is open, and
//! Linux lists every lock in `/proc/locks`. Reading that list disturbs nobody; trying for a lock
//! would. Elsewhere nobody is found.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use freehold_engine::Peer;

/// The bytes on which SQLite locks: <https://www.sqlite.org/src/file/src/os.h>, `PENDING_BYTE`.
const FIRST: u64 = 0x4000_0000;
const LAST: u64 = FIRST + 1 + 510;

/// Processes other than this one that have the file open.
pub(crate) fn peers(store: &Path) -> Vec<Peer> {
    let Ok(metadata) = fs::metadata(store) else {
        return Vec::new();
    };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut pids = holders(&locks, metadata.ino());
    pids.remove(&i64::from(std::process::id()));
    pids.into_iter()
        .map(|pid| Peer {
            id: pid,
            user: user(pid),
            application: program(pid),
            address: String::new(),
        })
        .collect()
}

/// A line is `1: POSIX  ADVISORY  READ 4242 fe:00:131 1073741826 1073742335`. The device is not
/// compared: some file systems show another one here than to `stat`.
fn holders(locks: &str, inode: u64) -> BTreeSet<i64> {
    let holder = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, _, _, pid, file, first, last] = fields[..] else {
            return None;
        };
        let of_file = file.rsplit(':').next()?.parse::<u64>().ok()? == inode;
        let first: u64 = first.parse().ok()?;
        let last = if last == "EOF" {
            u64::MAX
        } else {
            last.parse().ok()?
        };
        let pid: i64 = pid.parse().ok()?;
        (kind == "POSIX" && of_file && first <= LAST && last >= FIRST && pid > 0).then_some(pid)
    };
    locks.lines().filter_map(holder).collect()
}

fn program(pid: i64) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}

fn user(pid: i64) -> String {
    fs::metadata(format!("/proc/{pid}"))
        .map(|metadata| format!("uid {}", metadata.uid()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sqlites_locks_on_this_file_count() {
        let locks = "\
1: POSIX  ADVISORY  READ 4242 fe:00:131 1073741826 1073742335
2: POSIX  ADVISORY  READ 4243 fe:00:132 1073741826 1073742335
3: FLOCK  ADVISORY  WRITE 4244 fe:00:131 0 EOF
4: POSIX  ADVISORY  WRITE 4245 fe:00:131 0 10
5: OFDLCK ADVISORY  READ -1 fe:00:131 1073741826 1073742335
5: -> POSIX  ADVISORY  WRITE 4246 fe:00:131 1073741824 1073741824
6: POSIX  ADVISORY  WRITE 4247 fe:00:131 0 EOF
";
        assert_eq!(holders(locks, 131), BTreeSet::from([4242, 4247]));
        assert_eq!(holders(locks, 7), BTreeSet::new());
        assert_eq!(holders("", 131), BTreeSet::new());
    }
}
