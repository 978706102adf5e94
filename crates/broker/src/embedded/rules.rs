//! The rules that make the log safe, as constants: [`Sound`] ships; each of the others is broken
//! by a mutant in the tests, which must die on the simulated disk.

/// What the log does to be safe.
pub trait Rules: Send + Sync + 'static {
    /// Sync a partition's file before anything in it is acknowledged or read.
    const SYNC_BEFORE_ACKNOWLEDGING: bool = true;
    /// Compare checksums when a log is opened.
    const COMPARE_CHECKSUMS: bool = true;
    /// Sync the folder when a file is made in it or renamed into it.
    const SYNC_FOLDERS: bool = true;
    /// Sync what was found when a log is opened: it may only be in the page cache.
    const SYNC_WHEN_OPENED: bool = true;
    /// Write again what may not be durable before it is synced at opening: after a sync that failed
    /// the page cache shows as clean what never reached the disk.
    const REWRITE_WHEN_OPENED: bool = true;
    /// Cut off what is torn, so that nothing of it comes back behind what is written next.
    const CUT_TORN_TAIL: bool = true;
    /// Sync a segment before the next one is begun.
    const SYNC_BEFORE_NEXT_SEGMENT: bool = true;
    /// After a failed sync take nothing more: the page cache may have dropped what it says it has.
    const STOP_AFTER_FAILED_SYNC: bool = true;
}

/// The rules as they should be.
#[derive(Debug, Clone, Copy)]
pub struct Sound;

impl Rules for Sound {}
