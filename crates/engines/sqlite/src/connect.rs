//! Connecting, and the contract's session over a folder or a store's file.
//!
//! Blocking work moves to a thread of the runtime's pool together with the session. A call whose
//! future is dropped takes the session with it: the statement is interrupted, the transaction
//! rolled back, and [`Connection::broken`] says so.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use freehold_engine::{
    Address, BoxFuture, Change, Commit, Connection, Endpoint, Error, ErrorKind, Live, Peer, Polled,
    Probe, Result, Rows, Step, Subject, TxMode, Value, Verifier, Verifiers, Want,
};
use rusqlite::InterruptHandle;

use crate::files::{self, Found, STORE};
use crate::lock::Lock;
use crate::session::{Session, unusable};
use crate::{adopt, inspect, outbox, peers, probe, schema};

/// Opens a store's file (any path that ends in `store.db`), making it where it is not there; or
/// stands at a folder of stores, touching nothing.
pub(crate) async fn connect(at: &Endpoint) -> Result<Box<dyn Connection>> {
    let Address::Path(path) = &at.address else {
        return Err(Error::new(
            ErrorKind::Invalid,
            "SQLite takes `sqlite:FOLDER`",
        ));
    };
    let path = path.clone();
    let as_owner = at.user.is_empty();
    let user = at.user.clone();
    let opened = tokio::task::spawn_blocking(move || open(&path, as_owner, &user)).await;
    let connection = opened.map_err(|_| unusable())??;
    Ok(Box::new(connection))
}

fn open(path: &Path, as_owner: bool, user: &str) -> Result<Sqlite> {
    if path.file_name().is_none_or(|name| name != STORE) {
        if path.exists() && !path.is_dir() {
            let message = format!(
                "{} is a file; SQLite's server is a folder that holds the stores",
                path.display()
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        return Ok(Sqlite::new(
            path,
            Place::Folder,
            probe::probe(path, user),
            as_owner,
        ));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let dir = folder.parent().unwrap_or(Path::new(""));
    let place = match files::look(folder)? {
        Found::Foreign(what) => Place::Foreign(what, folder.to_owned()),
        Found::Made => Place::Store(Some(Session::open(path)?)),
        Found::Nothing | Found::Leftover => {
            files::make(folder)?;
            Place::Store(Some(Session::open(path)?))
        }
    };
    Ok(Sqlite::new(dir, place, probe::probe(dir, user), as_owner))
}

/// What a connection stands at.
enum Place {
    /// The folder that holds the stores.
    Folder,
    /// A store; `None`: given up.
    Store(Option<Session>),
    /// A file that freehold did not make, and its folder. It is opened read-only, to look whether
    /// it can be taken over.
    Foreign(String, PathBuf),
}

struct Sqlite {
    /// The folder that holds the stores.
    dir: PathBuf,
    place: Place,
    probe: Probe,
    /// No login was named, or the owner was assumed: triggers let the owner through.
    as_owner: bool,
    locks: BTreeMap<String, Lock>,
}

impl Sqlite {
    fn new(dir: &Path, place: Place, probe: Probe, as_owner: bool) -> Self {
        Self {
            dir: dir.to_owned(),
            place,
            probe,
            as_owner,
            locks: BTreeMap::new(),
        }
    }

    /// Does blocking work with the session, away from the runtime's own threads.
    async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let slot = match &mut self.place {
            Place::Store(slot) => slot,
            Place::Folder => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "no store is open here, only the folder of stores",
                ));
            }
            Place::Foreign(what, _) => {
                return Err(Error::new(
                    ErrorKind::Denied,
                    format!("this file is not freehold's: {what}"),
                ));
            }
        };
        let mut session = slot.take().ok_or_else(unusable)?;
        let mut interrupt = InterruptOnDrop(Some(session.interrupt_handle()));
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut session);
            (session, result)
        });
        let done = done.await;
        interrupt.0 = None;
        let (session, result) = done.map_err(|_| unusable())?;
        *slot = Some(session);
        result
    }

    /// Steps that are about files, not SQL.
    fn apply_to_files(&self, step: &Step) -> Result<()> {
        let folder = self.dir.join(&step.name);
        let mut parts = Path::new(&step.name).components();
        if !matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(_)), None)
        ) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is not a store's name", step.name),
            ));
        }
        match (step.change, step.subject) {
            (Change::Remove, Subject::Database) => files::remove(&folder),
            (Change::Change, Subject::Access) => files::make_private(&folder),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!("the step on `{}` has no statements", step.name),
            )),
        }
    }
}

impl Connection for Sqlite {
    fn probe(&self) -> &Probe {
        &self.probe
    }

    fn begin(&mut self, mode: TxMode) -> BoxFuture<'_, Result<()>> {
        let as_owner = self.as_owner;
        Box::pin(self.call(move |session| session.begin(mode, as_owner)))
    }

    fn run<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<u64>> {
        let (sql, args) = (sql.to_owned(), args.to_vec());
        Box::pin(self.call(move |session| session.run(&sql, &args)))
    }

    fn execute<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        let sql = sql.to_owned();
        Box::pin(self.call(move |session| session.run(&sql, &[]).map(|_| ())))
    }

    fn query<'a>(&'a mut self, sql: &'a str, args: &'a [Value]) -> BoxFuture<'a, Result<Rows>> {
        let (sql, args) = (sql.to_owned(), args.to_vec());
        if let Place::Foreign(_, folder) = &self.place {
            return Box::pin(std::future::ready(adopt::query(folder, &sql)));
        }
        Box::pin(self.call(move |session| session.query(&sql, &args)))
    }

    /// In one visit to the thread that works.
    fn begin_with<'a>(
        &'a mut self,
        mode: TxMode,
        statements: &'a [(&'a str, Vec<Value>)],
    ) -> BoxFuture<'a, Result<Vec<Rows>>> {
        let as_owner = self.as_owner;
        let owned = statements
            .iter()
            .map(|(sql, args)| ((*sql).to_owned(), args.clone()));
        let statements: Vec<(String, Vec<Value>)> = owned.collect();
        Box::pin(self.call(move |session| {
            session.begin(mode, as_owner)?;
            let answers = statements.iter();
            answers
                .map(|(sql, args)| session.query(sql, args))
                .collect()
        }))
    }

    fn commit(&mut self) -> BoxFuture<'_, Commit> {
        Box::pin(async {
            let committed = self.call(|session| Ok(session.commit())).await;
            committed.unwrap_or_else(Commit::Unknown)
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.call(Session::rollback))
    }

    fn broken(&self) -> bool {
        matches!(self.place, Place::Store(None))
    }

    fn inspect<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Live>> {
        Box::pin(async move {
            let outside = inspect::outside(want)?;
            if !matches!(self.place, Place::Store(_)) || outside.database.is_none() {
                return Ok(outside);
            }
            let want = want.clone();
            self.call(move |session| {
                let masked = session.owner_at_work();
                session.reading(|session| inspect::inside(session, &want, outside, masked))
            })
            .await
        })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        verifiers: &'a Verifiers,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if adopt::is_mark(step) {
                return adopt::take_over(&self.dir.join(&step.name), step);
            }
            if step.sql.is_empty() {
                return self.apply_to_files(step);
            }
            for sql in &step.sql {
                // There are no logins, so no step has a slot for a verifier.
                let sql = sql.fill(verifiers, |_| String::new())?;
                self.execute(&sql).await?;
            }
            Ok(())
        })
    }

    fn assume_owner<'a>(&'a mut self, _want: &'a Want) -> BoxFuture<'a, Result<()>> {
        self.as_owner = true;
        Box::pin(async { Ok(()) })
    }

    fn schema<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        let spot = want.spot.clone();
        Box::pin(
            self.call(move |session| {
                session.reading(|session| schema::definitions(session, &spot))
            }),
        )
    }

    fn dump<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<freehold_engine::Dump>> {
        Box::pin(std::future::ready(adopt::dump(want)))
    }

    fn try_lock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if self.locks.contains_key(name) {
                return Ok(true);
            }
            let lock = Lock::take(&self.dir, name)?;
            let taken = lock.is_some();
            self.locks.extend(lock.map(|lock| (name.to_owned(), lock)));
            Ok(taken)
        })
    }

    fn unlock<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        self.locks.remove(name);
        Box::pin(async { Ok(()) })
    }

    fn poll_outbox<'a>(
        &'a mut self,
        _want: &'a Want,
        cursor: &'a str,
        page: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        let cursor = cursor.to_owned();
        Box::pin(self.call(move |session| outbox::poll(session, &cursor, page)))
    }

    fn session_id(&mut self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async { Ok(0) })
    }

    fn peers<'a>(&'a mut self, want: &'a Want) -> BoxFuture<'a, Result<Vec<Peer>>> {
        Box::pin(async move { Ok(peers::peers(&Path::new(&want.spot.database).join(STORE))) })
    }

    /// A process is not a session of ours to end; its file is gone when the store is removed.
    fn terminate(&mut self, _id: i64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    fn issue<'a>(
        &'a mut self,
        _want: &'a Want,
        _login: &'a str,
        _verifier: Option<&'a Verifier>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unsupported,
                "SQLite has no logins and no passwords",
            ))
        })
    }
}

/// Ends the statement under way when nobody waits for it any more.
struct InterruptOnDrop(Option<InterruptHandle>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }
}
