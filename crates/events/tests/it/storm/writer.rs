//! One of many programs that change books and say so: with rollbacks, pauses before the commit,
//! several events in a transaction, inserts before and after the row's lock, transactions prepared
//! and settled later, and commits that a stopped server forgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use freehold_engine::{Connection, Endpoint, Engine, Error, Result, TxMode, Value};
use freehold_model::EngineKind;
use freehold_testkit::Random;

use crate::world::{payload, publish};

/// Books that everybody changes.
const HOT: usize = 64;
/// All others: most of them are changed a few times only.
const COLD: usize = 20_000;

/// A program.
pub(crate) struct Writer {
    pub(crate) number: u32,
    pub(crate) engine: &'static dyn Engine,
    pub(crate) at: Endpoint,
    /// Events that were told to be committed, of all writers.
    pub(crate) told: Arc<AtomicI64>,
    pub(crate) wanted: i64,
}

/// Names of prepared transactions are a server's.
static PREPARED: AtomicU32 = AtomicU32::new(0);

impl Writer {
    /// Writes until all together have told of enough.
    pub(crate) async fn work(self) {
        let mut random = Random::from(u64::from(self.number) + 1);
        while self.told.load(Ordering::Relaxed) < self.wanted {
            let Ok(mut program) = self.enter().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            while self.told.load(Ordering::Relaxed) < self.wanted {
                match self.one(&mut *program, &mut random).await {
                    Ok(events) => {
                        self.told.fetch_add(events, Ordering::Relaxed);
                    }
                    // A deadlock, as documented: slots collide. Or the server stopped.
                    Err(_) if !program.broken() && program.rollback().await.is_ok() => {}
                    Err(_) => break,
                }
            }
        }
    }

    async fn enter(&self) -> Result<Box<dyn Connection>> {
        let mut program = self.engine.connect(&self.at).await?;
        // A third of the programs do not wait for the disk.
        if self.number.is_multiple_of(3) {
            match self.at.kind {
                EngineKind::Postgres => program.execute("SET synchronous_commit = off").await?,
                EngineKind::Sqlite => program.execute("PRAGMA synchronous = NORMAL").await?,
                _ => {}
            }
        }
        Ok(program)
    }

    /// One transaction; how many events it told.
    async fn one(&self, program: &mut dyn Connection, random: &mut Random) -> Result<i64> {
        let kind = self.at.kind;
        let prepares = kind != EngineKind::Sqlite && random.below(20) == 0;
        let name = prepares.then(|| {
            let number = PREPARED.fetch_add(1, Ordering::Relaxed);
            format!("storm-{}-{number}", std::process::id())
        });
        match (&name, kind) {
            (Some(name), EngineKind::Mariadb) => {
                program.execute(&format!("XA START '{name}'")).await?;
            }
            _ => program.begin(TxMode::Write).await?,
        }
        let told = self.change_books(program, random).await;
        let Some(name) = name else {
            let told = told?;
            if random.below(10) == 0 {
                program.rollback().await?;
                return Ok(0);
            }
            program.commit().await.done()?;
            return Ok(told);
        };
        let Ok(told) = told else {
            // Whatever state it is in, it goes with its session.
            return Err(gone());
        };
        self.settle(&name, program, random).await?;
        Ok(told)
    }

    async fn change_books(&self, program: &mut dyn Connection, random: &mut Random) -> Result<i64> {
        let mut books: Vec<i64> = (0..=random.below(6))
            .map(|_| match random.below(5) {
                0 | 1 => random.below(HOT),
                _ => HOT + random.below(COLD),
            })
            .map(|book| i64::try_from(book).unwrap_or(0))
            .collect();
        books.sort_unstable();
        books.dedup();
        for book in &books {
            self.change(program, random, *book).await?;
        }
        let may_pause = self.at.kind != EngineKind::Sqlite;
        if may_pause && random.below(20) == 0 {
            let pause = random.below(30) as u64;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(i64::try_from(books.len()).unwrap_or(0))
    }

    /// The version is counted under the book's lock, or under its slot's: so the order of versions
    /// is the order of commits.
    async fn change(
        &self,
        program: &mut dyn Connection,
        random: &mut Random,
        book: i64,
    ) -> Result<()> {
        let words = Words::of(self.at.kind);
        let key = [Value::I64(book)];
        let event_first = words.lock.filter(|_| random.below(3) == 0);
        if let Some(lock) = event_first {
            program.run(lock, &[book.to_string().into()]).await?;
            let rows = program.query(words.read, &key).await?;
            let version = rows.first().and_then(|row| row[0].int()).unwrap_or(0) + 1;
            publish(program, book, &payload(book, version)).await?;
            let row = [Value::I64(book), Value::I64(version)];
            program.run(words.put, &row).await?;
        } else {
            program.run(words.bump, &key).await?;
            let rows = program.query(words.read, &key).await?;
            let version = rows.first().and_then(|row| row[0].int()).unwrap_or(0);
            publish(program, book, &payload(book, version)).await?;
        }
        Ok(())
    }

    /// Prepared, left alone for a moment by a session that goes, and settled by another one,
    /// however long the server is away.
    async fn settle(
        &self,
        name: &str,
        program: &mut dyn Connection,
        random: &mut Random,
    ) -> Result<()> {
        let is_maria = self.at.kind == EngineKind::Mariadb;
        let prepare = if is_maria {
            program.execute(&format!("XA END '{name}'")).await?;
            format!("XA PREPARE '{name}'")
        } else {
            format!("PREPARE TRANSACTION '{name}'")
        };
        let prepared = program.execute(&prepare).await;
        let commits = random.below(3) > 0;
        tokio::time::sleep(Duration::from_millis(random.below(40) as u64)).await;
        let verb = if commits { "COMMIT" } else { "ROLLBACK" };
        let settle = if is_maria {
            format!("XA {verb} '{name}'")
        } else {
            format!("{verb} PREPARED '{name}'")
        };
        if prepared.is_ok() && program.execute(&settle).await.is_ok() {
            return if commits { Ok(()) } else { Err(gone()) };
        }
        loop {
            let Ok(mut other) = self.engine.connect(&self.at).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            match other.execute(&settle).await {
                Err(_) if other.broken() => {}
                // Settled, or never prepared: either way nobody waits for it.
                _ => return Err(gone()),
            }
        }
    }
}

/// Not to be counted; the session is given up.
fn gone() -> Error {
    Error::new(freehold_engine::ErrorKind::Unavailable, "a new session")
}

/// What a program says on one engine.
struct Words {
    /// Takes the key's slot; `None`: there is one writer at a time.
    lock: Option<&'static str>,
    bump: &'static str,
    put: &'static str,
    read: &'static str,
}

impl Words {
    fn of(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Mariadb => Self {
                lock: Some("SELECT freehold_lock(?)"),
                bump: "INSERT INTO books (book_id, title, version) VALUES (?, 'x', 1) ON DUPLICATE KEY UPDATE version = version + 1",
                put: "REPLACE INTO books (book_id, title, version) VALUES (?, 'x', ?)",
                read: "SELECT version FROM books WHERE book_id = ? FOR UPDATE",
            },
            kind => Self {
                lock: (kind == EngineKind::Postgres).then_some("SELECT freehold_lock($1)"),
                bump: "INSERT INTO books (book_id, title, version) VALUES ($1, 'x', 1)
 ON CONFLICT (book_id) DO UPDATE SET version = books.version + 1",
                put: "INSERT INTO books (book_id, title, version) VALUES ($1, 'x', $2)
 ON CONFLICT (book_id) DO UPDATE SET version = excluded.version",
                read: "SELECT version FROM books WHERE book_id = $1",
            },
        }
    }
}
