//! How long a migration's statement waits for a lock, and what happens then.
//!
//! A statement that waits for a lock makes everybody else wait behind it. So it waits a short time,
//! gives up, lets the others through, and is tried again, a bounded number of times.

use std::time::Duration;

use freehold_engine::{Error, Retry};
use freehold_model::{Fault, Migration, Place};
use freehold_sql::Dialect;
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

/// The statements that set it, for the open transaction or for the session. SQLite locks its file
/// as a whole and waits when a transaction begins.
pub(crate) fn settings(dialect: Dialect, timeout: Duration, in_transaction: bool) -> Vec<String> {
    let seconds = timeout.as_millis().div_ceil(1000);
    match dialect {
        Dialect::Postgres => {
            let local = if in_transaction { "LOCAL " } else { "" };
            vec![format!("SET {local}lock_timeout = {}", timeout.as_millis())]
        }
        Dialect::Mysql | Dialect::Mariadb => vec![
            format!("SET SESSION lock_wait_timeout = {seconds}"),
            format!("SET SESSION innodb_lock_wait_timeout = {seconds}"),
        ],
        _ => Vec::new(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_own_settings() {
        let time = Duration::from_millis(1500);
        assert_eq!(
            settings(Dialect::Postgres, time, true),
            ["SET LOCAL lock_timeout = 1500"]
        );
        assert_eq!(
            settings(Dialect::Postgres, time, false),
            ["SET lock_timeout = 1500"]
        );
        assert_eq!(
            settings(Dialect::Mariadb, time, false),
            [
                "SET SESSION lock_wait_timeout = 2",
                "SET SESSION innodb_lock_wait_timeout = 2"
            ]
        );
    }
}
