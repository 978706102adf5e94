//! A small file system in memory, to be full. Mounting takes root; without it, a loud skip.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::must::Must as _;

const PIECE: usize = 4 * 1024;

/// Mounted until it is dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`: this user may not mount (a loud skip was printed).
    pub fn of_megabytes(size: usize) -> Option<Self> {
        let folder = tempfile::Builder::new()
            .prefix("freehold-disk-")
            .tempdir()
            .must("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={size}m,mode=755"),
            "tmpfs",
        ]);
        let mounted = mount.arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        #[expect(clippy::print_stderr, reason = "a skip has to be seen")]
        {
            eprintln!("SKIPPED: a small disk cannot be mounted here (it takes root)");
        }
        None
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it up to the last `left` kilobytes.
    pub fn fill(&self, left: usize) {
        let mut file = File::create(self.ballast()).must("the ballast");
        let mut written: u64 = 0;
        while file.write_all(&[7; PIECE]).is_ok() {
            written += PIECE as u64;
        }
        let left = left as u64 * 1024;
        file.set_len(written.saturating_sub(left))
            .must("some of it is given back");
    }

    /// Makes room again.
    pub fn empty(&self) {
        fs::remove_file(self.ballast()).must("the ballast goes");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still stands in it does not keep it from going.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
