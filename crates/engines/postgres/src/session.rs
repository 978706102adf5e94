//! One session: statements, transactions, the lock, and what the contract asks of a connection.
//!
//! Keeps two facts about itself: is a call under way (then a dropped future made it unusable), and
//! is a transaction open (then it may have failed, and COMMIT would quietly roll it back).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use freehold_engine::{
    Alarm, BoxFuture, Commit, Connection, Error, ErrorKind, Live, Peer, Piece, Polled, Probe,
    Result, Rows, Step, TxMode, Value, Verifier, Verifiers, Want,
};
use tokio::sync::Notify;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};

use crate::connect::APPLICATION;
use crate::errors::from_driver;
use crate::names::{ident, literal, name_array};
use crate::values::{Argument, from_row, is_plain};
use crate::{identities, inspect, issuer, outbox, schema};

/// How long a session that is told to end may take, in milliseconds.
const ENDING_MS: i64 = 5_000;
/// So many prepared statements are kept; the event plane has about thirty.
const PREPARED: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tx {
    None,
    Open,
    /// A statement failed in it. Only rolling back to a savepoint could have saved it.
    Failed,
}

/// A session with a server, connected to one of its databases.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own; together they are no state"
)]
pub(crate) struct Session {
    client: Client,
    probe: Probe,
    /// Statements with arguments, by their text: prepared once.
    prepared: HashMap<String, Statement>,
    /// Does it keep them? A sidecar's does, whose thirty statements come again and again.
    keeps: bool,
    /// Rung by notifications, and by the end of the connection.
    bell: Arc<Notify>,
    /// The lock by which writers know that the relay sleeps is held.
    armed: bool,
    tx: Tx,
    /// A call is under way, or was dropped in its middle.
    busy: bool,
    /// The open transaction is the one that holds the lock.
    locked: bool,
}

impl Session {
    pub(crate) fn new(client: Client, probe: Probe, bell: Arc<Notify>) -> Self {
        Self {
            client,
            probe,
            prepared: HashMap::new(),
            keeps: false,
            bell,
            armed: false,
            tx: Tx::None,
            busy: false,
            locked: false,
        }
    }

    fn enter(&mut self) -> Result<()> {
        if self.broken() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the connection is not usable any more",
            ));
        }
        self.busy = true;
        Ok(())
    }

    fn leave<T>(&mut self, result: std::result::Result<T, tokio_postgres::Error>) -> Result<T> {
        self.busy = false;
        result.map_err(|error| {
            if self.tx == Tx::Open {
                self.tx = Tx::Failed;
            }
            from_driver(&error)
        })
    }

    async fn send(&mut self, sql: &str) -> Result<()> {
        self.enter()?;
        let sent = self.client.batch_execute(sql).await;
        self.leave(sent)
    }

    /// Several statements at once, each SELECT's rows as text. One round trip.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Vec<Vec<Vec<Option<String>>>>> {
        self.enter()?;
        let answer = self.client.simple_query(sql).await;
        let mut tables: Vec<Vec<Vec<Option<String>>>> = Vec::new();
        for message in self.leave(answer)? {
            match message {
                SimpleQueryMessage::RowDescription(_) => tables.push(Vec::new()),
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                    if let Some(table) = tables.last_mut() {
                        table.push(values.collect());
                    }
                }
                _ => {}
            }
        }
        Ok(tables)
    }

    /// Like [`Session::ask`], in a read-only transaction or in the open one, with nothing but the
    /// system's own functions and operators in reach.
    pub(crate) async fn look(&mut self, sql: &str) -> Result<Vec<Vec<Vec<Option<String>>>>> {
        if self.tx != Tx::None {
            let sql = format!(
                "SELECT pg_catalog.set_config('freehold.path', pg_catalog.current_setting('search_path'), true);
                 SET LOCAL search_path = pg_catalog;
                 {sql}
                 ;SELECT set_config('search_path', current_setting('freehold.path'), true)"
            );
            let mut tables = self.ask(&sql).await?;
            tables.pop();
            tables.remove(0);
            return Ok(tables);
        }
        let sql = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog; {sql}; COMMIT"
        );
        let answer = self.ask(&sql).await;
        if answer.is_err() && !self.broken() {
            self.send("ROLLBACK").await?;
        }
        answer
    }

    /// Prepares a statement, or finds it prepared. A plan that a later change of a table made
    /// invalid is forgotten with the error that says so.
    async fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        self.enter()?;
        let prepared = self.client.prepare(sql).await;
        let statement = self.leave(prepared)?;
        if self.keeps {
            if self.prepared.len() >= PREPARED {
                self.prepared.clear();
            }
            self.prepared.insert(sql.to_owned(), statement.clone());
        }
        Ok(statement)
    }

    fn forget_if_stale<T>(&mut self, result: &Result<T>) {
        let stale = |error: &Error| matches!(error.native.as_deref(), Some("0A000" | "26000"));
        if result.as_ref().is_err_and(stale) {
            self.prepared.clear();
        }
    }

    /// Rows in the driver's own form.
    pub(crate) async fn rows(
        &mut self,
        sql: &str,
        args: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let statement = self.prepare(sql).await?;
        self.enter()?;
        let rows = self.client.query(&statement, args).await;
        let rows = self.leave(rows);
        self.forget_if_stale(&rows);
        rows
    }

    pub(crate) fn armed(&mut self) {
        self.armed = true;
    }

    pub(crate) fn disarmed(&mut self) {
        self.armed = false;
    }

    /// Until a notification, or for so long at most.
    pub(crate) async fn notified(&self, most: Duration) {
        let _ = tokio::time::timeout(most, self.bell.notified()).await;
    }

    async fn fetch(&mut self, sql: &str, args: &[Value]) -> Result<Rows> {
        let statement = self.prepare(sql).await?;
        let odd = statement.columns().iter().find(|c| !is_plain(c.type_()));
        if let Some(column) = odd {
            if args.is_empty() {
                return self.fetch_text(sql).await;
            }
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "column {} has the type {}: cast it to text in the query",
                    column.name(),
                    column.type_()
                ),
            ));
        }
        self.enter()?;
        let rows = collected(&self.client, &statement, args).await;
        let rows: Result<Vec<Row>> = self.leave(rows);
        self.forget_if_stale(&rows);
        rows?.iter().map(from_row).collect()
    }

    async fn fetch_text(&mut self, sql: &str) -> Result<Rows> {
        let tables = self.ask(sql).await?;
        let rows = tables.into_iter().next_back().unwrap_or_default();
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().map(Value::from).collect())
            .collect())
    }

    /// One round trip.
    async fn fetch_as_owner(&mut self, want: &Want, sql: &str) -> Result<Rows> {
        if self.tx != Tx::None {
            return self.fetch(sql, &[]).await;
        }
        // Before 16 every member may act as its group.
        let right = if self.probe.version_num >= 160_000 {
            "SET"
        } else {
            "MEMBER"
        };
        let read = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL search_path = {};
             SELECT pg_catalog.set_config('role', rolname, true) FROM pg_catalog.pg_roles
             WHERE rolname = {} AND pg_catalog.pg_has_role(session_user, oid, '{right}');
             {sql};
             COMMIT",
            identities::search_path(want),
            literal(&want.identities.owner)
        );
        let rows = self.fetch_text(&read).await;
        if rows.is_err() && !self.broken() {
            self.send("ROLLBACK").await?;
        }
        rows
    }

    async fn change(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        let statement = if args.is_empty() {
            None
        } else {
            Some(self.prepare(sql).await?)
        };
        self.enter()?;
        let args: Vec<Argument<'_>> = args.iter().map(Argument).collect();
        let changed = match &statement {
            Some(statement) => self.client.execute_raw(statement, &args).await,
            None => self.client.execute_raw(sql, &args).await,
        };
        let changed = self.leave(changed);
        self.forget_if_stale(&changed);
        changed
    }

    /// Can the open transaction still be committed? After an error only a savepoint can have
    /// saved it, and only the server knows.
    async fn is_committable(&mut self) -> Result<()> {
        if self.tx == Tx::Failed {
            self.send("SELECT 1").await?;
        }
        Ok(())
    }

    async fn end(&mut self) -> Commit {
        if let Err(error) = self.is_committable().await {
            let rolled_back = self.send("ROLLBACK").await;
            self.tx = Tx::None;
            return match rolled_back {
                Ok(()) => Commit::Refused(error),
                Err(lost) => Commit::Refused(lost),
            };
        }
        let sent = self.send("COMMIT").await;
        self.tx = Tx::None;
        match sent {
            Ok(()) => Commit::Done,
            Err(error) if error.native.is_none() || error.kind == ErrorKind::Unavailable => {
                Commit::Unknown(error)
            }
            Err(error) => Commit::Refused(error),
        }
    }

    fn none_is_open(&self) -> Result<()> {
        if self.tx == Tx::None {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            "a transaction is open on this connection already",
        ))
    }

    /// Begins, and sends everything before the first answer has come. An error ends the
    /// transaction on the server, so that nothing behind it takes effect.
    async fn open_with(
        &mut self,
        how: &str,
        statements: &[(&str, Vec<Value>)],
    ) -> Result<Vec<Rows>> {
        self.none_is_open()?;
        let mut prepared = Vec::with_capacity(statements.len());
        for (sql, args) in statements {
            prepared.push((self.prepare(sql).await?, args));
        }
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED {how}");
        self.enter()?;
        let sent = prepared
            .iter()
            .map(|(statement, args)| collected(&self.client, statement, args));
        // Polled, and by that sent, in this order.
        let (opened, answers) = futures_util::future::join(
            self.client.batch_execute(&begin),
            futures_util::future::join_all(sent),
        )
        .await;
        if opened.is_ok() {
            self.tx = Tx::Open;
        }
        let answers = opened.and_then(|()| answers.into_iter().collect());
        let answers: Result<Vec<Vec<Row>>> = self.leave(answers);
        self.forget_if_stale(&answers);
        let rows = answers?;
        rows.iter()
            .map(|rows| rows.iter().map(from_row).collect())
            .collect()
    }

    async fn open(&mut self, how: &str) -> Result<()> {
        self.none_is_open()?;
        self.send(&format!("BEGIN ISOLATION LEVEL READ COMMITTED {how}"))
            .await?;
        self.tx = Tx::Open;
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.locked = false;
        if self.tx == Tx::None {
            return Ok(());
        }
        self.tx = Tx::None;
        self.send("ROLLBACK").await
    }

    /// A failed statement with a verifier in it would stand in the server's log.
    async fn be_quiet(&mut self) -> Result<()> {
        if self.tx == Tx::None {
            return Ok(());
        }
        if self.probe.may("superuser") {
            self.send("SET LOCAL ROLE NONE; SET LOCAL log_min_error_statement = panic; SET LOCAL log_statement = none; SET LOCAL log_min_duration_statement = -1")
                .await?;
        } else if self.probe.may("quiet_log") {
            self.send("SET LOCAL ROLE NONE; SET LOCAL log_min_error_statement = panic")
                .await?;
        }
        Ok(())
    }

    async fn run_step(&mut self, step: &Step, verifiers: &Verifiers) -> Result<()> {
        let has_slot = |piece: &Piece| matches!(piece, Piece::Verifier(_));
        if step.sql.iter().flat_map(|sql| &sql.0).any(has_slot) {
            self.be_quiet().await?;
        }
        for sql in &step.sql {
            let statement = sql.fill(verifiers, literal)?;
            self.send(&statement).await?;
        }
        Ok(())
    }

    async fn lock(&mut self, name: &str) -> Result<bool> {
        if self.locked {
            return Ok(true);
        }
        self.open("READ WRITE").await?;
        let timeout = if self.probe.version_num >= 170_000 {
            "SET LOCAL transaction_timeout = 0;"
        } else {
            ""
        };
        let answer = self
            .ask(&format!(
                "SET LOCAL idle_in_transaction_session_timeout = 0; {timeout}
                 SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended({}, 0))",
                literal(name)
            ))
            .await;
        let held = match &answer {
            Ok(tables) => cell(tables) == Some("t"),
            Err(_) => false,
        };
        if held {
            self.locked = true;
        } else {
            self.close().await?;
        }
        answer.map(|_| held)
    }

    /// The sidecar may call the function; an admin may act as the owner, who may.
    async fn call_issuer(&mut self, want: &Want, login: &str, verifier: &Value) -> Result<()> {
        let function = issuer::function(&want.spot);
        let before = self
            .ask(&format!(
                "SELECT pg_catalog.current_setting('role'), pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
                 AND pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE')
                 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname = {} AND p.proname = {}",
                literal(&want.spot.schema),
                literal(&want.spot.own("issue"))
            ))
            .await?;
        let role = cell(&before).unwrap_or("none").to_owned();
        let may = before
            .first()
            .and_then(|rows| rows.first())
            .and_then(|row| row[1].as_deref());
        let change = may == Some("f");
        if change {
            self.send(&format!("SET ROLE {}", ident(&want.identities.owner)))
                .await?;
        }
        let call = format!("SELECT {function}($1, $2)");
        let called = self
            .change(&call, &[Value::from(login), verifier.clone()])
            .await;
        if change && !self.broken() && self.tx != Tx::Failed {
            self.send(&format!(
                "SELECT pg_catalog.set_config('role', {}, false)",
                literal(&role)
            ))
            .await?;
        }
        called.map(|_| ())
    }
}

/// Do statements of such transactions come again and again?
fn keeps(mode: TxMode) -> bool {
    matches!(mode, TxMode::Relay | TxMode::Durable)
}

fn how(mode: TxMode) -> &'static str {
    match mode {
        TxMode::Write => "READ WRITE",
        TxMode::Durable => "READ WRITE; SET LOCAL synchronous_commit = on",
        TxMode::ReadOnly => "READ ONLY",
        // Whatever the default: what the relay reads is sent only once its own commit, and with
        // it every commit before, is on disk. Statistics of a queue are always wrong; and a plan
        // that is forbidden costs so much that it would be compiled first.
        TxMode::Relay => {
            "READ WRITE; SET LOCAL synchronous_commit = on; SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
        }
    }
}

/// One statement's rows, in the driver's own form. Sent when it is first polled.
async fn collected(
    client: &Client,
    statement: &Statement,
    args: &[Value],
) -> std::result::Result<Vec<Row>, tokio_postgres::Error> {
    let args: Vec<Argument<'_>> = args.iter().map(Argument).collect();
    let stream = client.query_raw(statement, &args).await?;
    futures_util::TryStreamExt::try_collect(stream).await
}

fn cell(tables: &[Vec<Vec<Option<String>>>]) -> Option<&str> {
    tables.last()?.first()?.first()?.as_deref()
}

impl Connection for Session {
    fn probe(&self) -> &Probe {
        &self.probe
    }

    fn begin(&mut self, mode: TxMode) -> BoxFuture<'_, Result<()>> {
        self.keeps |= keeps(mode);
        Box::pin(self.open(how(mode)))
    }

    fn begin_with<'a>(
        &'a mut self,
        mode: TxMode,
        statements: &'a [(&'a str, Vec<Value>)],
    ) -> BoxFuture<'a, Result<Vec<Rows>>> {
        self.keeps |= keeps(mode);
        Box::pin(self.open_with(how(mode), statements))
    }

    fn run<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.change(sql, args))
    }

    fn execute<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.send(sql))
    }

    fn query<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(self.fetch(sql, args))
    }

    fn commit(&mut self) -> BoxFuture<'_, Commit> {
        Box::pin(self.end())
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.close())
    }

    fn broken(&self) -> bool {
        self.busy || self.client.is_closed()
    }

    fn inspect<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Live>> {
        Box::pin(inspect::inspect(self, want))
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        verifiers: &'a Verifiers,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let ran = self.run_step(step, verifiers).await;
            ran.map_err(|error| error.during(format!("{:?} {}", step.subject, step.name)))
        })
    }

    fn assume_owner<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<()>> {
        let sql = format!(
            "SET ROLE {}; SET search_path = {}",
            ident(&want.identities.owner),
            identities::search_path(want)
        );
        Box::pin(async move {
            let assumed = self.send(&sql).await;
            assumed.map_err(|error| error.during(format!("act as {}", want.identities.owner)))
        })
    }

    fn read_as_owner<'a>(
        &'a mut self,
        want: &'a Want,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(self.fetch_as_owner(want, sql))
    }

    fn schema<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(async move {
            let tables = self.look(&schema::query(want)).await?;
            Ok(schema::definitions(want, &tables))
        })
    }

    fn dump<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<freehold_engine::Dump>> {
        Box::pin(async move {
            let tables = self.look(&crate::dump::query(want)).await;
            let tables = tables.map_err(|error| error.during("read the schema"))?;
            Ok(crate::dump::dump(&tables))
        })
    }

    fn clear_half_made<'a>(
        &'a mut self,
        want: &'a Want,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let cleared = crate::half_made::clear(self, want, sql).await;
            cleared.map_err(|error| error.during("remove an index that was left unfinished"))
        })
    }

    fn try_lock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.lock(name))
    }

    fn unlock<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.locked {
                self.close().await?;
            }
            Ok(())
        })
    }

    fn poll_outbox<'a>(
        &'a mut self,
        want: &'a Want,
        cursor: &'a str,
        page: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(async move {
            let polled = outbox::poll(self, want, cursor, page).await;
            polled.map_err(|error| error.during("read the outbox"))
        })
    }

    fn arm_outbox<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Alarm>> {
        Box::pin(async move {
            if self.armed {
                return Ok(Alarm::Armed);
            }
            outbox::arm(self, want).await
        })
    }

    fn wait_outbox<'a>(&'a mut self, want: &'a Want, most: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(outbox::wait(self, want, most))
    }

    fn session_id(&mut self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move {
            let rows = self
                .fetch("SELECT pg_catalog.pg_backend_pid()", &[])
                .await?;
            Ok(rows.first().and_then(|row| row[0].int()).unwrap_or(0))
        })
    }

    fn peers<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<Peer>>> {
        // In a database of its own everybody is a peer; in a shared one our own logins are. Our
        // own runs are not: the store's lock keeps a second one away. A plain administrator is not
        // told the kind of others' sessions.
        let whose = if identities::own_database(want.isolation) {
            String::new()
        } else {
            format!("AND usename = ANY ({})", name_array(identities::all(want)))
        };
        let sql = format!(
            "SELECT pid, usename, application_name, pg_catalog.host(client_addr) FROM pg_catalog.pg_stat_activity
             WHERE datname = {} AND pid <> pg_catalog.pg_backend_pid() AND usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
             AND NOT (usename = session_user AND application_name = '{APPLICATION}') {whose} ORDER BY pid",
            literal(&want.spot.database)
        );
        Box::pin(async move {
            let rows = self.fetch(&sql, &[]).await?;
            let text = |value: &Value| value.text().unwrap_or_default().to_owned();
            Ok(rows
                .iter()
                .map(|row| Peer {
                    id: row[0].int().unwrap_or(0),
                    user: text(&row[1]),
                    application: text(&row[2]),
                    address: text(&row[3]),
                })
                .collect())
        })
    }

    fn terminate(&mut self, id: i64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let sql = "SELECT pg_catalog.pg_terminate_backend(pid, $2::bigint)
                       FROM pg_catalog.pg_stat_activity
                       WHERE pid = $1::integer AND pid <> pg_catalog.pg_backend_pid()";
            let ended = self
                .fetch(sql, &[Value::I64(id), Value::I64(ENDING_MS)])
                .await;
            match ended {
                // The number is another process's by now.
                Err(error) if error.kind == ErrorKind::Denied => Ok(false),
                ended => Ok(ended?
                    .first()
                    .and_then(|row| row[0].truth())
                    .unwrap_or(false)),
            }
        })
    }

    fn issue<'a>(
        &'a mut self,
        want: &'a Want,
        login: &'a str,
        verifier: Option<&'a Verifier>,
    ) -> BoxFuture<'a, Result<()>> {
        let verifier = Value::from(verifier.map(|verifier| verifier.expose().to_owned()));
        Box::pin(async move {
            let issued = self.call_issuer(want, login, &verifier).await;
            issued.map_err(|error| error.during(format!("issue a password for {login}")))
        })
    }
}
