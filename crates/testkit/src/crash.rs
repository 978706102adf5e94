//! An engine that dies at call number k: every call that reaches a database is a crash point,
//! without a list kept by hand.
//!
//! When it dies, that call and all later ones fail, on every connection, as for a process that was
//! killed: what was sent may have taken effect ([`Death::After`]) or not ([`Death::Before`]). The
//! connections themselves close when the test drops them, and the server rolls back what was open.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use freehold_engine::{
    Adoption, Alarm, BoxFuture, Commit, Connection, Diff, Drop, Ejection, Endpoint, Engine,
    EngineInfo, Error, ErrorKind, Keep, LedgerSql, Live, Migrator, Peer, Polled, Probe, Result,
    Rows, Secret, Spot, Step, TxMode, Value, Verifier, Verifiers, Want,
};
use freehold_model::Isolation;

/// Did the last call take effect?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It was not sent.
    Before,
    /// It was, and nobody heard the answer.
    After,
}

/// Counts calls over all connections of an engine, and says when it is over.
#[derive(Debug)]
struct Fate {
    calls: AtomicUsize,
    at: usize,
    death: Death,
    /// The whole process goes, as by SIGKILL.
    kills: bool,
}

enum Verdict {
    Pass,
    Lose,
    Dead,
}

impl Fate {
    fn next(&self) -> Verdict {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match (call.cmp(&self.at), self.death) {
            (std::cmp::Ordering::Less, _) => Verdict::Pass,
            (std::cmp::Ordering::Equal, Death::After) => Verdict::Lose,
            _ => {
                self.die();
                Verdict::Dead
            }
        }
    }

    fn die(&self) {
        if self.kills {
            let me = rustix::process::getpid();
            let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
            std::process::abort();
        }
    }

    async fn through<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.next() {
            Verdict::Pass => call.await,
            Verdict::Lose => {
                // Whatever it said, nobody heard it.
                let _ = call.await;
                self.die();
                Err(gone())
            }
            Verdict::Dead => Err(gone()),
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the process was killed here (test)")
}

/// An engine that dies.
pub struct Crashing {
    inner: &'static dyn Engine,
    fate: Arc<Fate>,
}

impl Crashing {
    /// Dies at call `at`, counted from 1 over all its connections. Lives as long as the test binary.
    pub fn at(inner: &'static dyn Engine, at: usize, death: Death) -> &'static Self {
        Self::dying(inner, at, death, false)
    }

    /// The same, and the whole process dies with it, by SIGKILL.
    pub fn kills_at(inner: &'static dyn Engine, at: usize, death: Death) -> &'static Self {
        Self::dying(inner, at, death, true)
    }

    fn dying(inner: &'static dyn Engine, at: usize, death: Death, kills: bool) -> &'static Self {
        let fate = Arc::new(Fate {
            calls: AtomicUsize::new(0),
            at,
            death,
            kills,
        });
        Box::leak(Box::new(Self { inner, fate }))
    }

    /// Another call that is a crash point, of something that is no engine: a request over the
    /// network. `None`: it was not sent, or nobody heard the answer.
    pub async fn around<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        self.fate.through(async { Ok(call.await) }).await.ok()
    }

    /// Never dies, only counts.
    pub fn never(inner: &'static dyn Engine) -> &'static Self {
        Self::at(inner, usize::MAX, Death::Before)
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.fate.calls.load(Ordering::SeqCst)
    }
}

// A method that is not passed on would be the contract's default, and no engine's.
#[deny(clippy::missing_trait_methods)]
impl Engine for Crashing {
    fn info(&self) -> &'static EngineInfo {
        self.inner.info()
    }

    fn dialect(&self) -> freehold_sql::Dialect {
        self.inner.dialect()
    }

    fn spot(&self, server: &Endpoint, isolation: Isolation, name: &str) -> Spot {
        self.inner.spot(server, isolation, name)
    }

    fn at_store(&self, server: &Endpoint, spot: &Spot) -> Endpoint {
        self.inner.at_store(server, spot)
    }

    fn at_lock(&self, server: &Endpoint) -> Endpoint {
        self.inner.at_lock(server)
    }

    fn connect<'a>(&'a self, at: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Connection>>> {
        Box::pin(async move {
            let inner = self.fate.through(self.inner.connect(at)).await?;
            Ok(Box::new(Dying {
                inner,
                fate: Arc::clone(&self.fate),
            }) as Box<dyn Connection>)
        })
    }

    fn diff(&self, probe: &Probe, want: &Want, live: &Live) -> Diff {
        self.inner.diff(probe, want, live)
    }

    fn migrator(&self, probe: &Probe, want: &Want) -> Migrator {
        self.inner.migrator(probe, want)
    }

    fn unbind(&self, want: &Want) -> Vec<Step> {
        self.inner.unbind(want)
    }

    fn drop_steps(&self, probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop {
        self.inner.drop_steps(probe, want, live, keep)
    }

    fn adopt(&self, probe: &Probe, want: &Want, live: &Live) -> Adoption {
        self.inner.adopt(probe, want, live)
    }

    fn eject_steps(&self, probe: &Probe, want: &Want, live: &Live) -> Ejection {
        self.inner.eject_steps(probe, want, live)
    }

    fn reclaim(&self, probe: &Probe, want: &Want, live: &Live) -> Adoption {
        self.inner.reclaim(probe, want, live)
    }

    fn as_administrator(&self, probe: &Probe) -> Probe {
        self.inner.as_administrator(probe)
    }

    fn as_planner_sees(&self, live: &Live) -> Live {
        self.inner.as_planner_sees(live)
    }

    fn unseen(&self, probe: &Probe, want: &Want, live: &Live) -> Vec<String> {
        self.inner.unseen(probe, want, live)
    }

    fn verifier(&self, probe: &Probe, login: &str, password: &Secret) -> Verifier {
        self.inner.verifier(probe, login, password)
    }

    fn ledger(&self, want: &Want) -> LedgerSql {
        self.inner.ledger(want)
    }

    fn events(&self, want: &Want) -> Option<freehold_engine::EventSql> {
        self.inner.events(want)
    }

    fn sagas(&self, want: &Want) -> Option<freehold_engine::SagaSql> {
        self.inner.sagas(want)
    }

    /// One call, as it has a connection of its own.
    fn audit<'a>(
        &'a self,
        at: &'a Endpoint,
        limits: &'a freehold_engine::audit::Limits,
    ) -> BoxFuture<'a, Result<freehold_engine::audit::Facts>> {
        Box::pin(self.fate.through(self.inner.audit(at, limits)))
    }
}

struct Dying {
    inner: Box<dyn Connection>,
    fate: Arc<Fate>,
}

#[deny(clippy::missing_trait_methods)]
impl Connection for Dying {
    fn probe(&self) -> &Probe {
        self.inner.probe()
    }

    fn begin(&mut self, mode: TxMode) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.fate.through(self.inner.begin(mode)))
    }

    fn run<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.fate.through(self.inner.run(sql, args)))
    }

    /// A step's statements reach the server one by one, so each is a crash point of its own.
    fn execute<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fate.through(self.inner.execute(sql)))
    }

    fn query<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(self.fate.through(self.inner.query(sql, args)))
    }

    /// One call, as it is one message: nothing of it has taken effect before the commit.
    fn begin_with<'a>(
        &'a mut self,
        mode: TxMode,
        statements: &'a [(&'a str, Vec<Value>)],
    ) -> BoxFuture<'a, Result<Vec<Rows>>> {
        Box::pin(self.fate.through(self.inner.begin_with(mode, statements)))
    }

    fn commit(&mut self) -> BoxFuture<'_, Commit> {
        Box::pin(async move {
            match self.fate.next() {
                Verdict::Pass => self.inner.commit().await,
                Verdict::Lose => {
                    let _ = self.inner.commit().await;
                    self.fate.die();
                    Commit::Unknown(gone())
                }
                Verdict::Dead => Commit::Refused(gone()),
            }
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.fate.through(self.inner.rollback()))
    }

    fn broken(&self) -> bool {
        self.inner.broken()
    }

    fn inspect<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Live>> {
        Box::pin(self.fate.through(self.inner.inspect(want)))
    }

    /// Outside a transaction, a step is cut between its statements too.
    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        verifiers: &'a Verifiers,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if step.atomic || step.sql.len() < 2 {
                return self.fate.through(self.inner.apply(step, verifiers)).await;
            }
            for sql in &step.sql {
                let one = Step {
                    sql: vec![sql.clone()],
                    ..step.clone()
                };
                self.fate.through(self.inner.apply(&one, verifiers)).await?;
            }
            Ok(())
        })
    }

    fn assume_owner<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fate.through(self.inner.assume_owner(want)))
    }

    fn read_as_owner<'a>(
        &'a mut self,
        want: &'a Want,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(self.fate.through(self.inner.read_as_owner(want, sql)))
    }

    fn schema<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(self.fate.through(self.inner.schema(want)))
    }

    fn dump<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<freehold_engine::Dump>> {
        Box::pin(self.fate.through(self.inner.dump(want)))
    }

    fn try_lock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.fate.through(self.inner.try_lock(name)))
    }

    fn unlock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fate.through(self.inner.unlock(name)))
    }

    fn clear_half_made<'a>(
        &'a mut self,
        want: &'a Want,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fate.through(self.inner.clear_half_made(want, sql)))
    }

    fn poll_outbox<'a>(
        &'a mut self,
        want: &'a Want,
        cursor: &'a str,
        page: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(
            self.fate
                .through(self.inner.poll_outbox(want, cursor, page)),
        )
    }

    fn arm_outbox<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Alarm>> {
        Box::pin(self.fate.through(self.inner.arm_outbox(want)))
    }

    fn wait_outbox<'a>(
        &'a mut self,
        want: &'a Want,
        most: std::time::Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fate.through(self.inner.wait_outbox(want, most)))
    }

    fn session_id(&mut self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(self.fate.through(self.inner.session_id()))
    }

    fn peers<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<Peer>>> {
        Box::pin(self.fate.through(self.inner.peers(want)))
    }

    fn terminate(&mut self, id: i64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.fate.through(self.inner.terminate(id)))
    }

    fn issue<'a>(
        &'a mut self,
        want: &'a Want,
        login: &'a str,
        verifier: Option<&'a Verifier>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fate.through(self.inner.issue(want, login, verifier)))
    }
}
