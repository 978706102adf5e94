//! Sending the audit's questions: transactions that cannot write, each question bounded in time.

use std::time::{Duration, Instant};

use freehold_engine::audit::{Limits, Sent};
use freehold_engine::{Error, ErrorKind, Result, Rows};

use crate::wire::Wire;

/// The code of an error that stands for the audit's own end.
pub(super) const BUDGET: &str = "budget";
const GRACE: Duration = Duration::from_secs(2);

/// A connection in the audit's transaction.
pub(super) struct Ask {
    wire: Wire,
    pub(super) limits: Limits,
    started: Instant,
    sent: Sent,
    lost: bool,
}

impl Ask {
    pub(super) fn new(wire: Wire, limits: Limits) -> Self {
        Self {
            wire,
            limits,
            started: Instant::now(),
            sent: Sent::default(),
            lost: false,
        }
    }

    /// Opens the transaction, after which nothing of this session can write.
    pub(super) async fn begin(&mut self, mariadb: bool) -> Result<()> {
        let limit = self.limits.statement;
        let time = if mariadb {
            format!("max_statement_time = {}", limit.as_secs_f64())
        } else {
            format!("max_execution_time = {}", limit.as_millis())
        };
        let lock = self.limits.lock.as_secs().max(1);
        let settings = format!(
            "SET SESSION {time}, lock_wait_timeout = {lock}, innodb_lock_wait_timeout = {lock}, time_zone = '+00:00'"
        );
        for sql in [
            settings.as_str(),
            "SET SESSION TRANSACTION READ ONLY",
            "START TRANSACTION READ ONLY",
        ] {
            self.send(sql).await?;
        }
        Ok(())
    }

    /// The rows of one SELECT.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Rows> {
        if self.started.elapsed() >= self.limits.total {
            return Err(
                Error::new(ErrorKind::Unknown, "the audit's time has ended before").native(BUDGET),
            );
        }
        self.send(sql).await
    }

    pub(super) async fn end(&mut self) {
        // There is nothing to keep.
        let _ = self.send("ROLLBACK").await;
    }

    pub(super) fn sent(&self) -> Sent {
        Sent {
            elapsed_ms: millis(self.started.elapsed()),
            ..self.sent
        }
    }

    async fn send(&mut self, sql: &str) -> Result<Rows> {
        if self.lost {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the connection was lost",
            ));
        }
        let began = Instant::now();
        let patience = self.limits.statement + self.limits.lock + GRACE;
        let answer = tokio::time::timeout(patience, self.wire.query(sql)).await;
        self.sent.statements += 1;
        self.sent.longest_ms = self.sent.longest_ms.max(millis(began.elapsed()));
        let answer = answer.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Unavailable,
                "the server does not answer",
            ))
        });
        if let Err(error) = &answer {
            self.lost |= error.kind == ErrorKind::Unavailable || self.wire.broken();
        }
        answer
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
