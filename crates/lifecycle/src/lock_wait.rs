//! How long a migration's statement waits for a lock, and what happens then.
//!
//! A statement that waits for a lock makes everybody else wait behind it. So it waits a short time,
//! gives up, lets the others through, and is tried again, a bounded number of times.

use std::time::Duration;

use freehold_engine::{EngineInfo, Error, Retry};
use freehold_model::{Fault, Migration, Place};
use serde::Serialize;

use crate::script::Script;

/// What a statement waits for a lock unless its file says otherwise.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often it is tried in all.
pub(crate) const TRIES: usize = 6;

/// A migration that had to be tried more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockWait {
    /// `0003_status`
    pub migration: String,
    /// How often a lock was waited for in vain before it went through.
    pub in_vain: usize,
}

/// What its file says, or [`LOCK_TIMEOUT`].
pub(crate) fn timeout(script: &Script<Migration>) -> Duration {
    script.file.lock_timeout.unwrap_or(LOCK_TIMEOUT)
}

/// The statements that set it, for the open transaction or for the session.
pub(crate) fn settings(info: &EngineInfo, timeout: Duration, in_transaction: bool) -> Vec<String> {
    let millis = timeout.as_millis();
    let filled = info.lock_timeout.iter().map(|sql| {
        sql.replace("{local}", if in_transaction { "LOCAL " } else { "" })
            .replace("{ms}", &millis.to_string())
            .replace("{s}", &millis.div_ceil(1000).to_string())
    });
    filled.collect()
}

/// Was it a lock that could not be had, or a deadlock?
pub(crate) fn is_a_lock(error: &Error) -> bool {
    error.kind.retry() == Retry::Again
}

/// How long the others are let through before try number `next`.
pub(crate) fn pause(next: usize) -> Duration {
    Duration::from_millis(100 << next.min(5))
}

/// All tries were in vain.
pub(crate) fn gave_up(
    label: &str,
    script: &Script<Migration>,
    at: usize,
    place: &Place,
    error: &Error,
) -> Fault {
    Fault::new(
        "FH3216",
        format!(
            "{label}: migration {} could not get a lock for statement {} in {TRIES} tries of {:?}",
            script.id,
            at + 1,
            timeout(script)
        ),
    )
    .at(place.clone())
    .help(format!("cause:    {error}"))
    .help("go on:    `freehold apply` when the long transaction that holds it has ended")
    .help("or let it wait longer, and everybody else behind it: -- freehold: lock_timeout: 10s")
}
