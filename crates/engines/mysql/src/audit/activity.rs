//! Who is connected, and what was run.

use std::time::Duration;

use freehold_engine::audit::{Outcome, Part, Session, Statement};
use freehold_engine::{Result, Value};

use super::ask::Ask;
use super::{Gathered, number, word};
use crate::names;

/// Statements that are read at most.
const STATEMENTS: usize = 10_000;
/// A session that ended with its login, as a migrator's does, is listed until the server's thread
/// has noticed. One that goes on is still there after this.
const ENDING: Duration = Duration::from_millis(500);

impl Gathered {
    pub(super) async fn sessions(&mut self, ask: &mut Ask) {
        let sql = "SELECT USER, SUBSTRING_INDEX(HOST, ':', 1), COALESCE(DB, ''), COMMAND LIKE 'Binlog Dump%', COUNT(*) \
             FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon' \
               AND USER NOT IN ('system user', 'event_scheduler') GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 5000";
        let mut answer = ask.rows(sql).await;
        let is_gone = |row: &Vec<Value>| {
            let (user, host) = (word(row, 0), word(row, 1));
            !user.is_empty() && self.principal(&user, &host).is_none()
        };
        if !self.account.is_empty() && answer.iter().flatten().any(is_gone) {
            tokio::time::sleep(ENDING).await;
            answer = ask.rows(sql).await;
        }
        for row in answer.iter().flatten() {
            let (user, host) = (word(row, 0), word(row, 1));
            let principal = self.principal(&user, &host);
            self.facts.sessions.push(Session {
                principal,
                login: (!user.is_empty()).then_some(user),
                // These servers do not tell other sessions' names of programs here.
                application: String::new(),
                address: host,
                database: word(row, 2),
                tls: None,
                replication: number(row, 3) == Some(1),
                count: number(row, 4)
                    .and_then(|count| u32::try_from(count).ok())
                    .unwrap_or(1),
            });
        }
        self.ended(
            Part::Sessions,
            answer.as_ref().err(),
            "GRANT PROCESS ON *.* TO this login",
        );
        if answer.is_ok() && !self.sees_processes {
            let why = "sessions of others are not shown to this login: GRANT PROCESS ON *.* TO this login";
            self.facts
                .say(Part::Sessions, Outcome::Partial(why.to_owned()));
        }
    }

    /// The account that a session of this user from there has: the most exact host that fits.
    fn principal(&self, user: &str, host: &str) -> Option<u32> {
        let fitting = self.account.iter().filter(|((name, from), _)| {
            let fits = from == host
                || names::matches(from, host)
                || matches!(
                    (from.as_str(), host),
                    ("localhost", "127.0.0.1" | "::1") | ("127.0.0.1" | "::1", "localhost")
                );
            name == user && fits
        });
        fitting
            .max_by_key(|((_, from), _)| from.trim_matches('%').len())
            .map(|(_, at)| *at)
    }

    pub(super) async fn statements(&mut self, ask: &mut Ask) {
        self.facts.window.until = self.facts.server.clock;
        // What runs inside of routines is counted as statements of its own.
        self.facts.window.nested = true;
        let counted = ask
            .rows("SELECT @@performance_schema")
            .await
            .map(|rows| rows.first().and_then(|row| number(row, 0)) == Some(1));
        match counted {
            Ok(true) => {}
            Ok(false) => {
                self.facts.say(
                    Part::Statements,
                    Outcome::NotSeen {
                        why: "this server does not count statements".to_owned(),
                        needs: "performance_schema = ON in its configuration, and a restart"
                            .to_owned(),
                    },
                );
                return;
            }
            Err(error) => {
                self.ended(Part::Statements, Some(&error), "");
                return;
            }
        }
        let done = self.digests(ask).await;
        self.ended(
            Part::Statements,
            done.as_ref().err(),
            "GRANT SELECT ON performance_schema.* TO this login",
        );
        if let Ok(true) = done {
            let why = format!("only the {STATEMENTS} that took longest were read");
            self.facts.say(Part::Statements, Outcome::Partial(why));
        }
    }

    async fn digests(&mut self, ask: &mut Ask) -> Result<bool> {
        let within = match &self.only {
            Some(only) => format!("SCHEMA_NAME = {}", names::literal(only)),
            None => "COALESCE(SCHEMA_NAME, '') NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')".to_owned(),
        };
        let sql = format!(
            "SELECT SCHEMA_NAME, LEFT(DIGEST_TEXT, {}), COUNT_STAR, SUM_TIMER_WAIT / 1e9, SUM_ROWS_SENT + SUM_ROWS_AFFECTED, \
               UNIX_TIMESTAMP(FIRST_SEEN), DIGEST IS NULL \
             FROM performance_schema.events_statements_summary_by_digest WHERE {within} OR DIGEST IS NULL \
             ORDER BY SUM_TIMER_WAIT DESC LIMIT {}",
            ask.limits.text,
            STATEMENTS + 1
        );
        let rows = ask.rows(&sql).await?;
        let mut since: Option<i64> = None;
        for row in rows.iter().take(STATEMENTS) {
            let calls = number(row, 2)
                .and_then(|calls| u64::try_from(calls).ok())
                .unwrap_or_default();
            #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
            let first = word(row, 5).parse::<f64>().ok().map(|first| first as i64);
            if let Some(first) = first.filter(|first| *first > 0) {
                since = Some(since.map_or(first, |since: i64| since.min(first)));
            }
            if number(row, 6) == Some(1) {
                self.facts.window.evicted = Some(calls);
                continue;
            }
            let schema = word(row, 0);
            self.facts.statements.push(Statement {
                principal: None,
                text: word(row, 1),
                schema: (!schema.is_empty()).then_some(schema),
                calls,
                total_ms: word(row, 3).parse().unwrap_or_default(),
                rows: number(row, 4)
                    .and_then(|rows| u64::try_from(rows).ok())
                    .unwrap_or_default(),
                applications: Vec::new(),
            });
        }
        // Counting began at the start or when it was last emptied; the first statement that is
        // left is the latest that it can have been.
        self.facts.window.since = since;
        Ok(rows.len() > STATEMENTS)
    }
}
