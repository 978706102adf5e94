//! A live session with a server, or with one database of it where the engine wants that.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;

use crate::adopt::Dump;
use crate::error::{Error, ErrorKind, Result};
use crate::live::Live;
use crate::plane::{Alarm, Polled};
use crate::probe::Probe;
use crate::secret::{Verifier, Verifiers};
use crate::step::Step;
use crate::value::{Rows, Value};
use crate::want::Want;
use std::collections::BTreeMap;

/// A boxed future, as the contract's methods return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a transaction begins. Always READ COMMITTED or the engine's nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxMode {
    /// May write; SQLite takes its write lock at once (`BEGIN IMMEDIATE`).
    Write,
    /// The same, and durable once it is committed, whatever the session's default is. Statements
    /// that are sent again and again are kept prepared from then on.
    Durable,
    /// Cannot write.
    ReadOnly,
    /// Writes only the relay's own tables. The same as `Write` but on SQLite, where they stand in a
    /// second file, so that a busy program and the relay do not wait for each other.
    Relay,
}

/// How a commit ended.
#[derive(Debug)]
pub enum Commit {
    /// It is durable.
    Done,
    /// The server said no; nothing took effect.
    Refused(Error),
    /// The connection broke after COMMIT was sent: it may or may not have taken effect.
    Unknown(Error),
}

impl Commit {
    /// Done or an error, for callers that find out by looking again.
    pub fn done(self) -> Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Refused(error) => Err(error.during("commit")),
            Self::Unknown(error) => {
                Err(error.during("commit (whether it took effect is not known)"))
            }
        }
    }
}

/// Somebody else's open session on the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The server's id of the session.
    pub id: i64,
    /// Its login.
    pub user: String,
    /// What it calls itself, or its program; may be empty.
    pub application: String,
    /// Where it comes from; empty for a local socket.
    pub address: String,
}

/// One session. Calls are serial.
///
/// A future that is dropped in the middle of a call leaves the session unusable: [`Connection::broken`]
/// says so, and the server ends the open transaction when the connection closes. Dropping a
/// connection rolls back what was not committed.
pub trait Connection: Send {
    /// What was found when the connection was made.
    fn probe(&self) -> &Probe;

    /// Begins a transaction.
    fn begin(&mut self, mode: TxMode) -> BoxFuture<'_, Result<()>>;

    /// Sends one statement with arguments (the engine's own placeholders) and returns the affected
    /// rows: all that matched, changed or not.
    fn run<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<u64>>;

    /// Sends one statement as it is, without preparing it. Results are thrown away. For migrations
    /// and steps, some of which cannot be prepared.
    fn execute<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Sends one query and returns all rows.
    fn query<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<Rows>>;

    /// Begins a transaction and sends these statements in it, each with its arguments, one after the
    /// other: as one message where the engine can, so that nobody waits for an answer in between.
    /// Returns the rows of each. After an error roll back.
    fn begin_with<'a>(
        &'a mut self,
        mode: TxMode,
        statements: &'a [(&'a str, Vec<Value>)],
    ) -> BoxFuture<'a, Result<Vec<Rows>>> {
        Box::pin(async move {
            self.begin(mode).await?;
            let mut answers = Vec::with_capacity(statements.len());
            for (sql, args) in statements {
                answers.push(self.query(sql, args).await?);
            }
            Ok(answers)
        })
    }

    /// Commits.
    fn commit(&mut self) -> BoxFuture<'_, Commit>;

    /// Rolls back; harmless when no transaction is open.
    fn rollback(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Is the session unusable?
    fn broken(&self) -> bool;

    /// Reads the store's state, and sends no change: engines do it in a read-only transaction,
    /// or in the open one. Connected to the server only, [`Live::looked_inside`] is false.
    fn inspect<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Live>>;

    /// Runs a step's statements in order, without a transaction of its own (the caller opens one
    /// where [`Step::atomic`] says so). Slots are filled from `verifiers`; failing statements are
    /// not logged by the server where that can be asked for.
    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        verifiers: &'a Verifiers,
    ) -> BoxFuture<'a, Result<()>>;

    /// From now on acts as the store's owner with the store's names in reach (`SET ROLE`, search
    /// path, default database), whatever the login was. Not needed by the migrator's own login.
    fn assume_owner<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<()>>;

    /// Rows of one query, read as the store's owner with its names in reach where this login may act
    /// as it, else as the login itself; afterwards the session is as it was. Sends no change.
    fn read_as_owner<'a>(
        &'a mut self,
        _want: &'a Want,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Rows>> {
        self.query(sql, &[])
    }

    /// Every object of the store that is not freehold's own → its full definition, in the engine's
    /// words, the same on each call as long as nothing changed. Counters (next id) are left out.
    fn schema<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<BTreeMap<String, String>>>;

    /// The same objects as statements that make and remove them, whoever owns them now. Changes
    /// nothing, and opens a store that is not freehold's yet.
    fn dump<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Dump>>;

    /// Tries to take the lock of this name, held until the connection ends or [`Connection::unlock`].
    /// It survives DDL, and goes with the client's death. False: somebody else holds it.
    fn try_lock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Gives the lock back. Harmless without one.
    fn unlock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Removes what this statement left half made when it was cut off outside a transaction, so
    /// that it can be sent again: an index that was being built concurrently. Nothing else; where
    /// there is no such thing, nothing at all.
    fn clear_half_made<'a>(
        &'a mut self,
        _want: &'a Want,
        _sql: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// The server's id of this session, to find or end it from another one; 0 without a server.
    fn session_id(&mut self) -> BoxFuture<'_, Result<i64>>;

    /// Sessions of other clients on the store (any login), without this one.
    fn peers<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<Peer>>>;

    /// Ends a session by its id. True: it was there. False also where the id is this session's own or
    /// that of somebody whom this login may not end: ids are given out anew, so it is another's by now.
    fn terminate(&mut self, id: i64) -> BoxFuture<'_, Result<bool>>;

    /// In the open [`TxMode::Relay`] transaction: what the outbox has that was not to be seen before
    /// `cursor` (empty: from the very beginning), at most `page` rows, in publishing order. A row is
    /// given by exactly one look of a chain of cursors, whenever its transaction commits. Rows are
    /// durable once the caller's transaction has committed, not before. As the sidecar.
    fn poll_outbox<'a>(
        &'a mut self,
        _want: &'a Want,
        _cursor: &'a str,
        _page: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unsupported,
                "this engine has no outbox yet",
            ))
        })
    }

    /// Asks to be woken by the next commit to the outbox. Look once more between this and
    /// [`Connection::wait_outbox`], which ends it. Outside a transaction.
    fn arm_outbox<'a>(&'a mut self, _want: &'a Want) -> BoxFuture<'a, Result<Alarm>> {
        Box::pin(async { Ok(Alarm::Deaf(Duration::from_millis(20))) })
    }

    /// Sleeps until a commit to the outbox or for this long at most, and disarms. Only after
    /// [`Alarm::Armed`]. Cancel-safe: a dropped wait is disarmed by the next call.
    fn wait_outbox<'a>(
        &'a mut self,
        _want: &'a Want,
        _most: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Calls the store's issuer function, as the sidecar or an admin: gives `login` this verifier,
    /// or with `None` takes its password away (it cannot log in any more; open sessions go on).
    fn issue<'a>(
        &'a mut self,
        want: &'a Want,
        login: &'a str,
        verifier: Option<&'a Verifier>,
    ) -> BoxFuture<'a, Result<()>>;
}
