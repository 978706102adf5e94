//! Being woken by a commit: the kernel tells when the store's log is written to. Costs the programs
//! nothing, and while nobody commits nobody looks. Where it cannot be had, the relay looks by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tells when a store's log was written to.
pub(crate) struct Wake {
    events: imp::Wake,
    /// What is written from now on is not forgotten.
    armed: bool,
}

impl Wake {
    /// `None`: this machine does not tell.
    pub(crate) fn new(store: &Path) -> Option<Self> {
        let events = imp::Wake::new(store.with_file_name("store.db-wal"))?;
        let armed = false;
        Some(Self { events, armed })
    }

    /// From now on commits are noticed, until one was waited for; false: there is nothing to watch
    /// yet. By its name each time, since a store that is put back has another log.
    pub(crate) fn arm(&mut self) -> bool {
        self.armed = self.armed || self.events.arm();
        self.armed
    }

    /// Until something is written, or for so long.
    pub(crate) async fn wait(&mut self, most: Duration) {
        // Whoever cannot hear looks again soon.
        if let Ok(Err(_)) = tokio::time::timeout(most, self.events.written()).await {
            tokio::time::sleep(most.min(Duration::from_millis(20))).await;
        }
        self.armed = false;
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;

    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    use tokio::net::unix::pipe::Receiver;

    use super::PathBuf;

    pub(super) struct Wake {
        log: PathBuf,
        /// No pipe, but read like one.
        events: Receiver,
    }

    impl Wake {
        pub(super) fn new(log: PathBuf) -> Option<Self> {
            let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            let events = Receiver::from_owned_fd_unchecked(events).ok()?;
            Some(Self { log, events })
        }

        pub(super) fn arm(&self) -> bool {
            let watched = add_watch(&self.events, &self.log, WatchFlags::MODIFY);
            // What was written before is seen by the look that comes next.
            while self.drain().is_ok() {}
            watched.is_ok()
        }

        pub(super) async fn written(&self) -> io::Result<()> {
            loop {
                self.events.readable().await?;
                match self.drain() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    drained => return drained,
                }
            }
        }

        fn drain(&self) -> io::Result<()> {
            match self.events.try_read(&mut [0; 4_096])? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;

    use super::PathBuf;

    pub(super) struct Wake;

    impl Wake {
        pub(super) fn new(_log: PathBuf) -> Option<Self> {
            None
        }

        pub(super) fn arm(&self) -> bool {
            false
        }

        pub(super) async fn written(&self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more than any machine needs.
    const LONG: Duration = Duration::from_mins(3);

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_write_behind_the_arming_wakes_and_one_before_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, log) = (
            folder.path().join("store.db"),
            folder.path().join("store.db-wal"),
        );
        let mut wake = Wake::new(&store).expect("the kernel tells");
        assert!(!wake.arm(), "there is no log yet");
        std::fs::write(&log, "before").expect("written");
        assert!(wake.arm());
        let early = tokio::time::timeout(Duration::from_millis(50), wake.wait(LONG)).await;
        assert!(
            early.is_err(),
            "what was there when it was armed is not news"
        );
        // Whoever arms it twice before it waits hears of what came in between.
        std::fs::write(&log, "behind").expect("written");
        assert!(wake.arm());
        let told = tokio::time::timeout(LONG, wake.wait(LONG * 2)).await;
        assert!(told.is_ok(), "it was not told");
    }
}
