//! The contract's session over one connection.
//!
//! Owns the order of calls, transactions, the lock and the ending of sessions. Values and broken
//! connections are `wire`'s, catalogs are `inspect`'s.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use freehold_engine::{
    Alarm, BoxFuture, Commit, Connection, Endpoint, Error, ErrorKind, Live, Peer, Polled, Probe,
    Result, Rows, Sql, Step, TxMode, Value, Verifier, Verifiers, Want,
};
use sha2::{Digest, Sha256};

use crate::inspect::{inspect, text};
use crate::names::accounts_host;
use crate::outbox::{self, Sweeps};
use crate::plane::TRIGGERS_UNSEEN;
use crate::probe::{holds_on, is_mysql};
use crate::wire::Wire;
use crate::{issuer, schema, verifier};

/// How soon to look at the outbox again while rows below its end are missing.
const SOON: Duration = Duration::from_millis(2);
/// Nothing wakes a relay here: asleep, it asks so often whether there is something new.
const ASKS: Duration = Duration::from_millis(20);

pub(crate) struct Session {
    wire: Wire,
    probe: Probe,
    in_transaction: bool,
    /// For a second connection, when the outbox is swept.
    at: Endpoint,
    sweeps: Sweeps,
    /// Where the last look ended, if nothing below is missing. Then a row above is all that can be
    /// new, and asking for one is enough.
    whole_up_to: Option<i64>,
}

impl Session {
    pub(crate) fn new(wire: Wire, probe: Probe, at: Endpoint) -> Self {
        Self {
            wire,
            probe,
            in_transaction: false,
            at,
            sweeps: Sweeps::default(),
            whole_up_to: None,
        }
    }

    async fn poll_now(&mut self, want: &Want, cursor: &str, page: usize) -> Result<Polled> {
        let swept = self.sweeps.ended().await;
        let polled = outbox::poll(&mut self.wire, want, cursor, page, swept.as_ref()).await?;
        self.sweeps.begin(&self.at, want, &polled.cursor);
        self.whole_up_to = outbox::whole_up_to(&polled.cursor);
        Ok(polled)
    }

    async fn wait_now(&mut self, want: &Want, most: Duration) -> Result<()> {
        let until = Instant::now() + most;
        while let Some(high) = self.whole_up_to {
            let left = until.saturating_duration_since(Instant::now());
            tokio::time::sleep(left.min(ASKS)).await;
            if Instant::now() >= until || outbox::is_behind(&mut self.wire, want, high).await? {
                break;
            }
        }
        Ok(())
    }

    async fn begin_now(&mut self, mode: TxMode) -> Result<()> {
        let sql = match mode {
            TxMode::Write | TxMode::Durable | TxMode::Relay => "START TRANSACTION READ WRITE",
            TxMode::ReadOnly => "START TRANSACTION READ ONLY",
        };
        self.wire.execute(sql).await?;
        self.in_transaction = true;
        Ok(())
    }

    async fn end(&mut self, sql: &str) -> Result<()> {
        self.in_transaction = false;
        self.wire.execute(sql).await.map(|_| ())
    }

    async fn inspect_now(&mut self, want: &Want) -> Result<Live> {
        let (mysql, host) = (is_mysql(&self.probe), accounts_host(&self.probe).to_owned());
        let begins = !self.in_transaction;
        if begins {
            self.begin_now(TxMode::ReadOnly).await?;
        }
        let live = inspect(&mut self.wire, want, mysql, &host).await;
        let ended = if begins {
            self.end("COMMIT").await
        } else {
            Ok(())
        };
        let mut live = live?;
        if !holds_on(&self.probe.rights, "trigger", &want.spot.database) {
            live.facts.insert(TRIGGERS_UNSEEN.to_owned(), String::new());
        }
        ended.map(|()| live)
    }

    async fn apply_now(&mut self, step: &Step, verifiers: &Verifiers) -> Result<()> {
        for sql in &step.sql {
            let shown = sql.shown();
            if let Some(user) = shown
                .strip_prefix("KILL USER ")
                .filter(|_| is_mysql(&self.probe))
            {
                self.end_sessions_of(user.trim_matches('`')).await?;
            } else if let Err(error) = self.apply_one(sql, verifiers).await {
                // A step may have begun a transaction for some of its statements.
                if !self.wire.broken() {
                    self.wire.execute("ROLLBACK").await?;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn apply_one(&mut self, sql: &Sql, verifiers: &Verifiers) -> Result<()> {
        let mysql = is_mysql(&self.probe);
        if verifiers
            .values()
            .any(|verifier| verifier::literal(verifier.expose(), mysql).is_none())
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a verifier has not the form that this server takes",
            ));
        }
        let statement = sql.fill(verifiers, |text| {
            verifier::literal(text, mysql).unwrap_or_default()
        })?;
        // Nobody to end; an index of a run that was cut off.
        let done_before = |code: &str| code.starts_with("1094 ") || code.starts_with("1061 ");
        match self.wire.execute(&statement).await {
            Err(error) if error.native.as_deref().is_some_and(done_before) => Ok(()),
            result => result
                .map(|_| ())
                .map_err(|error| scrubbed(error, verifiers)),
        }
    }

    /// What `KILL USER` does on `MariaDB`.
    async fn end_sessions_of(&mut self, user: &str) -> Result<()> {
        let sql = "SELECT id FROM information_schema.processlist WHERE user = ? AND id <> CONNECTION_ID()";
        for row in self.wire.query_with(sql, &[user.into()]).await? {
            if let Some(id) = row.first().and_then(Value::int) {
                self.terminate_now(id).await?;
            }
        }
        Ok(())
    }

    async fn terminate_now(&mut self, id: i64) -> Result<bool> {
        match self.wire.execute(&format!("KILL CONNECTION {id}")).await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .native
                    .as_deref()
                    .is_some_and(|code| code.starts_with("1094 ")) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.during(format!("end session {id}"))),
        }
    }

    async fn peers_now(&mut self, want: &Want) -> Result<Vec<Peer>> {
        let names = &want.identities;
        let sql = "SELECT id, user, COALESCE(host, '') FROM information_schema.processlist \
             WHERE id <> CONNECTION_ID() AND command <> 'Daemon' AND ((db = ? AND ?) OR user IN (?, ?, ?, ?, ?, ?))";
        let whole_database = want.spot.prefix.is_empty();
        let mut args: Vec<Value> = vec![
            want.spot.database.as_str().into(),
            Value::Bool(whole_database),
        ];
        args.extend(
            want.logins()
                .into_iter()
                .chain([names.owner.as_str(), &names.issuer])
                .map(Value::from),
        );
        let rows = self.wire.query_with(sql, &args).await?;
        Ok(rows
            .iter()
            .map(|row| Peer {
                id: row.first().and_then(Value::int).unwrap_or_default(),
                user: text(row, 1),
                // These servers do not tell other sessions' names of programs.
                application: String::new(),
                address: text(row, 2),
            })
            .collect())
    }

    async fn truth(&mut self, sql: &str, name: &str) -> Result<bool> {
        let rows = self.wire.query_with(sql, &[lock_name(name).into()]).await?;
        Ok(rows
            .first()
            .and_then(|row| row.first())
            .and_then(Value::truth)
            .unwrap_or(false))
    }
}

/// Locks share one name space per server, and their names have at most 64 characters.
fn lock_name(name: &str) -> String {
    format!(
        "freehold.{}",
        &verifier::hex(&Sha256::digest(name.as_bytes()), false)[..40]
    )
}

/// The server quotes what it did not understand.
fn scrubbed(mut error: Error, verifiers: &Verifiers) -> Error {
    for (login, verifier) in verifiers {
        let hex = verifier::hex(verifier.expose().as_bytes(), false);
        let shown = format!("‹verifier of {login}›");
        error.message = error
            .message
            .replace(verifier.expose(), &shown)
            .replace(&hex, &shown);
        // Cut short by the server, it is still most of a verifier.
        if error.message.contains(&verifier.expose()[..8]) || error.message.contains(&hex[..16]) {
            "the server refused a statement that holds a verifier".clone_into(&mut error.message);
        }
    }
    error
}

impl Connection for Session {
    fn probe(&self) -> &Probe {
        &self.probe
    }

    fn begin(&mut self, mode: TxMode) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.begin_now(mode))
    }

    fn run<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.wire.run(sql, args))
    }

    fn execute<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.wire.execute(sql).await.map(|_| ()) })
    }

    fn query<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(self.wire.query_with(sql, args))
    }

    fn commit(&mut self) -> BoxFuture<'_, Commit> {
        Box::pin(async move {
            match self.end("COMMIT").await {
                Ok(()) => Commit::Done,
                Err(error) if self.wire.broken() => Commit::Unknown(error),
                Err(error) => Commit::Refused(error),
            }
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.end("ROLLBACK").await })
    }

    fn broken(&self) -> bool {
        self.wire.broken()
    }

    fn inspect<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Live>> {
        Box::pin(async move {
            self.inspect_now(want)
                .await
                .map_err(|error| error.during(format!("inspect {}", want.label())))
        })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        verifiers: &'a Verifiers,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.apply_now(step, verifiers))
    }

    /// The admin keeps its own account: there is no taking over of another one. Its rights on the
    /// database are those of the owner, and names are in reach by the default database.
    fn assume_owner<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.wire
                .execute(&format!("USE {}", crate::names::ident(&want.spot.database)))
                .await
                .map(|_| ())
        })
    }

    fn schema<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        let host = accounts_host(&self.probe).to_owned();
        Box::pin(async move { schema::schema(&mut self.wire, want, &host).await })
    }

    fn dump<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<freehold_engine::Dump>> {
        Box::pin(async move { crate::dump::dump(&mut self.wire, want).await })
    }

    fn try_lock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.truth("SELECT COALESCE(GET_LOCK(?, 0), 0)", name))
    }

    fn unlock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.truth("SELECT COALESCE(RELEASE_LOCK(?), 0)", name)
                .await
                .map(|_| ())
        })
    }

    fn session_id(&mut self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move {
            let rows = self.wire.query("SELECT CONNECTION_ID()").await?;
            Ok(rows
                .first()
                .and_then(|row| row.first())
                .and_then(Value::int)
                .unwrap_or_default())
        })
    }

    fn peers<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<Peer>>> {
        Box::pin(self.peers_now(want))
    }

    fn terminate(&mut self, id: i64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            // A server that was restarted numbers its sessions from the beginning.
            if self.session_id().await? == id {
                return Ok(false);
            }
            match self.terminate_now(id).await {
                Err(error) if error.kind == ErrorKind::Denied => Ok(false),
                ended => ended,
            }
        })
    }

    fn poll_outbox<'a>(
        &'a mut self,
        want: &'a Want,
        cursor: &'a str,
        page: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(async move {
            let polled = self.poll_now(want, cursor, page).await;
            polled.map_err(|error| error.during(format!("read the outbox of {}", want.label())))
        })
    }

    fn arm_outbox<'a>(&'a mut self, _want: &'a Want) -> BoxFuture<'a, Result<Alarm>> {
        let armed = self.whole_up_to.map_or(Alarm::Deaf(SOON), |_| Alarm::Armed);
        Box::pin(async move { Ok(armed) })
    }

    fn wait_outbox<'a>(&'a mut self, want: &'a Want, most: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.wait_now(want, most))
    }

    fn issue<'a>(
        &'a mut self,
        want: &'a Want,
        login: &'a str,
        verifier: Option<&'a Verifier>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let stored = verifier.map_or(Value::Null, |verifier| verifier.expose().into());
            let result = self
                .wire
                .run(&issuer::call(want), &[login.into(), stored])
                .await;
            let verifiers: Verifiers = verifier
                .map(|verifier| (login.to_owned(), verifier.clone()))
                .into_iter()
                .collect();
            result.map(|_| ()).map_err(|error| {
                scrubbed(error, &verifiers).during(format!("set the password of {login}"))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_quotes_of_a_verifier_is_not_told() {
        let verifier = verifier::native(&freehold_engine::Secret::new("x"));
        let verifiers = Verifiers::from([("app_1".to_owned(), verifier.clone())]);
        let whole = scrubbed(
            Error::new(
                ErrorKind::Invalid,
                format!("near '{}' at line 1", verifier.expose()),
            ),
            &verifiers,
        );
        assert_eq!(whole.message, "near '‹verifier of app_1›' at line 1");
        let part = scrubbed(
            Error::new(
                ErrorKind::Invalid,
                format!("near '{}", &verifier.expose()[..20]),
            ),
            &verifiers,
        );
        assert!(!part.message.contains(&verifier.expose()[..8]));
    }

    #[test]
    fn a_lock_has_a_short_name_of_its_own() {
        assert_eq!(lock_name("freehold:a/b/main").len(), 49);
        assert_ne!(
            lock_name("freehold:a/b/main"),
            lock_name("freehold:a/b/search")
        );
    }
}
