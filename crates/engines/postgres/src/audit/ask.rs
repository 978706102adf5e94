//! Sending the audit's questions: one transaction that cannot write, each question bounded in time.

use std::time::{Duration, Instant};

use freehold_engine::audit::{Limits, Sent};
use freehold_engine::{Error, ErrorKind, Result};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::GRACE;
use crate::errors::from_driver;

/// The code of an error that stands for the audit's own end.
pub(super) const BUDGET: &str = "budget";

/// A connection in the audit's transaction.
pub(super) struct Ask {
    client: Client,
    pub(super) limits: Limits,
    started: Instant,
    sent: Sent,
    /// Nothing can be asked any more, and why.
    lost: bool,
}

impl Ask {
    pub(super) fn new(client: Client, limits: Limits) -> Self {
        Self {
            client,
            limits,
            started: Instant::now(),
            sent: Sent::default(),
            lost: false,
        }
    }

    /// Opens the transaction. REPEATABLE READ: all parts tell of one moment.
    pub(super) async fn begin(&mut self) -> Result<()> {
        let ms = |time: Duration| time.as_millis().max(1);
        let limits = &self.limits;
        let sql = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL search_path = pg_catalog; \
             SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}",
            ms(limits.statement),
            ms(limits.lock),
            ms(limits.total + GRACE),
        );
        self.send(&sql, 5).await.map(|_| ())
    }

    /// The rows of one SELECT. A question that fails leaves the transaction usable.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        let left = self.limits.total.saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return Err(
                Error::new(ErrorKind::Unknown, "the audit's time has ended before").native(BUDGET),
            );
        }
        let timeout = self.limits.statement.min(left).as_millis().max(1);
        let whole = format!(
            "SAVEPOINT part; SET LOCAL statement_timeout = {timeout}; {sql}; RELEASE SAVEPOINT part"
        );
        match self.send(&whole, 4).await {
            Ok(messages) => Ok(messages
                .into_iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(Row(row)),
                    _ => None,
                })
                .collect()),
            Err(error) => {
                if !self.lost {
                    self.send("ROLLBACK TO SAVEPOINT part", 1).await?;
                }
                Err(error)
            }
        }
    }

    /// Ends the transaction; there is nothing to keep.
    pub(super) async fn end(&mut self) -> Result<()> {
        self.send("ROLLBACK", 1).await.map(|_| ())
    }

    pub(super) fn sent(&self) -> Sent {
        Sent {
            elapsed_ms: millis(self.started.elapsed()),
            ..self.sent
        }
    }

    async fn send(&mut self, sql: &str, statements: u32) -> Result<Vec<SimpleQueryMessage>> {
        if self.lost {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the connection was lost",
            ));
        }
        let began = Instant::now();
        // The server ends a statement in time; this is for a server that is not there any more.
        let patience = self.limits.statement + self.limits.lock + GRACE;
        let answer = tokio::time::timeout(patience, self.client.simple_query(sql)).await;
        self.sent.statements += statements;
        self.sent.longest_ms = self.sent.longest_ms.max(millis(began.elapsed()));
        let answer = match answer {
            Ok(answer) => answer.map_err(|error| from_driver(&error)),
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                "the server does not answer",
            )),
        };
        if let Err(error) = &answer {
            self.lost |= error.kind == ErrorKind::Unavailable || self.client.is_closed();
        }
        answer
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A row as text, read by place.
pub(super) struct Row(SimpleQueryRow);

impl Row {
    /// The text there; NULL is none.
    pub(super) fn text(&self, at: usize) -> Option<&str> {
        self.0.get(at)
    }

    /// The text there; NULL is empty.
    pub(super) fn word(&self, at: usize) -> String {
        self.text(at).unwrap_or_default().to_owned()
    }

    pub(super) fn oid(&self, at: usize) -> u32 {
        self.number(at).unwrap_or_default()
    }

    pub(super) fn number<T: std::str::FromStr>(&self, at: usize) -> Option<T> {
        self.text(at)?.parse().ok()
    }

    pub(super) fn yes(&self, at: usize) -> bool {
        self.text(at) == Some("t")
    }
}
