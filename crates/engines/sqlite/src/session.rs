//! One open SQLite connection and its transaction; everything here blocks.
//!
//! Triggers that keep append-only tables must not stop the owner (a seed taken back, a migration
//! that fills a column). The owner's transactions therefore set `owner_at_work` in the mark's row
//! first and clear it before they commit: no other connection ever sees it set.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use freehold_engine::{Commit, Error, ErrorKind, Result, Rows, TxMode, Value};
use freehold_sql::Dialect;
use freehold_sql::lexer::Lexer;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{InterruptHandle, OpenFlags, Statement, ToSql};

use crate::errors::{from_driver, refused_control};
use crate::files::{self, APPLICATION_ID};
use crate::held::Hold;
use crate::outbox::relay_file;
use crate::plane::RELAY;

/// How long a statement waits for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// How long it sleeps between two looks. SQLite's own handler comes to look ten times a second
/// only, and nobody stands in a queue: beside writers that commit back to back it finds the store
/// taken each time, and gives up although it was free hundreds of times.
const LOOK: Duration = Duration::from_millis(2);

/// So many prepared statements are kept.
const PREPARED: usize = 100;

/// An open store.
pub(crate) struct Session {
    db: rusqlite::Connection,
    /// Set while a transaction of ours is open: statements may not end it.
    held: Arc<AtomicBool>,
    /// Is the open transaction marked as the owner's?
    owner_at_work: bool,
    read_only: bool,
    store: PathBuf,
    /// The relay's file is attached.
    relays: bool,
    /// The store's file and the relay's. Let go of after `db`, which is why they stand behind it.
    holds: Vec<Hold>,
}

impl Session {
    /// Opens a file that is there, and signs it where nothing is in it yet.
    pub(crate) fn open(store: &Path) -> Result<Self> {
        let holds = vec![Hold::of(store)];
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = rusqlite::Connection::open_with_flags(store, flags).map_err(from_driver)?;
        db.busy_handler(Some(look_again)).map_err(from_driver)?;
        // A run that was killed while it signed leaves a header that the journal takes back now.
        let pages: i64 = db
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .map_err(from_driver)?;
        if pages == 0 {
            // Before the log is switched on, so that the header itself has it and can be read without SQLite.
            db.pragma_update(None, "application_id", APPLICATION_ID)
                .map_err(from_driver)?;
        }
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .map_err(from_driver)?;
        db.pragma_update(None, "synchronous", "FULL")
            .map_err(from_driver)?;
        db.pragma_update(None, "foreign_keys", true)
            .map_err(from_driver)?;
        // INSERT OR REPLACE deletes rows; only so do triggers notice.
        db.pragma_update(None, "recursive_triggers", true)
            .map_err(from_driver)?;
        db.set_prepared_statement_cache_capacity(PREPARED);
        let held = Arc::new(AtomicBool::new(false));
        let gate = Arc::clone(&held);
        db.authorizer(Some(move |context: AuthContext<'_>| may(&context, &gate)))
            .map_err(from_driver)?;
        Ok(Self {
            db,
            held,
            owner_at_work: false,
            read_only: false,
            store: store.to_owned(),
            relays: false,
            holds,
        })
    }

    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    /// Attaches the relay's own file, made where it is not there. Statements themselves may not
    /// attach anything.
    fn attach_relay(&mut self) -> Result<()> {
        if self.relays {
            return Ok(());
        }
        let file = relay_file(&self.store);
        files::make_file(&file)?;
        self.holds.push(Hold::of(&file));
        let none: Option<fn(AuthContext<'_>) -> Authorization> = None;
        self.db.authorizer(none).map_err(from_driver)?;
        let attached = self
            .db
            .execute("ATTACH DATABASE ?1 AS relay", [file.to_string_lossy()])
            .and_then(|_| {
                self.db.execute_batch(
                    "PRAGMA relay.journal_mode = WAL; PRAGMA relay.synchronous = FULL",
                )
            })
            .and_then(|()| self.db.execute_batch(RELAY));
        let gate = Arc::clone(&self.held);
        self.db
            .authorizer(Some(move |context: AuthContext<'_>| may(&context, &gate)))
            .map_err(from_driver)?;
        attached.map_err(from_driver)?;
        self.relays = true;
        Ok(())
    }

    pub(crate) fn interrupt_handle(&self) -> InterruptHandle {
        self.db.get_interrupt_handle()
    }

    /// Is the open transaction the owner's, so that the mark's row says so?
    pub(crate) fn owner_at_work(&self) -> bool {
        self.owner_at_work
    }

    /// Begins. As the owner, the triggers on append-only tables let through what it writes.
    pub(crate) fn begin(&mut self, mode: TxMode, as_owner: bool) -> Result<()> {
        match mode {
            TxMode::ReadOnly => {
                self.control("BEGIN")?;
                self.set_read_only(true)?;
            }
            TxMode::Relay => {
                self.attach_relay()?;
                // Takes the relay's file for writing, and leaves the store's alone.
                self.control("BEGIN")?;
                self.run(
                    "UPDATE relay.freehold_leadership SET epoch = epoch WHERE false",
                    &[],
                )?;
            }
            TxMode::Write | TxMode::Durable => {
                self.control("BEGIN IMMEDIATE")?;
                if as_owner {
                    self.owner_at_work = self.set_owner_at_work(true)?;
                }
            }
        }
        Ok(())
    }

    /// Runs one statement to its end; affected rows are those that it matched itself.
    pub(crate) fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        if says_nothing(sql) {
            return Ok(0);
        }
        let before = self.db.total_changes();
        self.prepared(sql, args, |statement| drain(statement, args))?;
        if !self.db.is_autocommit() && !self.held.load(Ordering::Relaxed) {
            self.control("ROLLBACK")?;
            return Err(refused_control());
        }
        // changes() keeps the last number through statements that change no rows.
        Ok(if self.db.total_changes() == before {
            0
        } else {
            self.db.changes()
        })
    }

    pub(crate) fn query(&self, sql: &str, args: &[Value]) -> Result<Rows> {
        self.prepared(sql, args, |statement| {
            let width = statement.column_count();
            let mut cursor = statement
                .query(rusqlite::params_from_iter(args.iter().map(Bound)))
                .map_err(from_driver)?;
            let mut rows = Rows::new();
            while let Some(row) = cursor.next().map_err(from_driver)? {
                let cells = (0..width).map(|at| row.get_ref(at).map(value).map_err(from_driver));
                rows.push(cells.collect::<Result<_>>()?);
            }
            Ok(rows)
        })
    }

    /// A statement with arguments comes again and again, so it is kept prepared; SQLite prepares it
    /// anew when a table has changed. Without arguments it is a migration's, a step's or a person's,
    /// and whether it may end a transaction is asked when it is prepared: each time.
    fn prepared<T>(
        &self,
        sql: &str,
        args: &[Value],
        work: impl FnOnce(&mut Statement<'_>) -> Result<T>,
    ) -> Result<T> {
        if args.is_empty() {
            return work(&mut self.db.prepare(sql).map_err(from_driver)?);
        }
        work(&mut *self.db.prepare_cached(sql).map_err(from_driver)?)
    }

    pub(crate) fn commit(&mut self) -> Commit {
        let cleared = if self.owner_at_work {
            self.set_owner_at_work(false).map(|_| ())
        } else {
            Ok(())
        };
        let result = cleared.and_then(|()| self.control("COMMIT"));
        match result {
            Ok(()) => {
                self.owner_at_work = false;
                match self.set_read_only(false) {
                    Ok(()) => Commit::Done,
                    Err(error) => Commit::Unknown(error),
                }
            }
            // A deferred constraint leaves the transaction open; nothing of it may stay.
            Err(error) => match self.rollback() {
                Ok(()) => Commit::Refused(error),
                Err(_) => Commit::Unknown(error),
            },
        }
    }

    pub(crate) fn rollback(&mut self) -> Result<()> {
        self.owner_at_work = false;
        if !self.db.is_autocommit() {
            self.control("ROLLBACK")?;
        }
        self.set_read_only(false)
    }

    /// Reads in the open transaction, or in a read-only one of its own: one state, and no change.
    pub(crate) fn reading<T>(&mut self, read: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        if !self.db.is_autocommit() {
            return read(self);
        }
        self.begin(TxMode::ReadOnly, false)?;
        let result = read(self);
        self.rollback()?;
        result
    }

    /// Begins or ends a transaction, which only we do.
    fn control(&self, sql: &str) -> Result<()> {
        self.held.store(false, Ordering::Relaxed);
        let done = self.db.execute_batch(sql).map_err(from_driver);
        self.held.store(!self.db.is_autocommit(), Ordering::Relaxed);
        done
    }

    fn set_read_only(&mut self, read_only: bool) -> Result<()> {
        if self.read_only != read_only {
            self.db
                .pragma_update(None, "query_only", read_only)
                .map_err(from_driver)?;
            self.read_only = read_only;
        }
        Ok(())
    }

    /// False: there is no mark yet, thus no trigger that asks for it.
    fn set_owner_at_work(&mut self, at_work: bool) -> Result<bool> {
        match self.run(
            "UPDATE freehold_mark SET owner_at_work = ?1",
            &[Value::Bool(at_work)],
        ) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::Missing => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Called when the store is taken, with how often it was before; false gives up.
fn look_again(looked: i32) -> bool {
    let waits = patient(looked);
    if waits {
        std::thread::sleep(LOOK);
    }
    waits
}

fn patient(looked: i32) -> bool {
    LOOK * u32::try_from(looked).unwrap_or(u32::MAX) < BUSY
}

/// Statements neither end our transactions nor reach into another store's file. An empty name is
/// what VACUUM attaches for itself.
fn may(context: &AuthContext<'_>, held: &AtomicBool) -> Authorization {
    match context.action {
        AuthAction::Transaction { .. } if held.load(Ordering::Relaxed) => Authorization::Deny,
        AuthAction::Attach { filename } if !filename.is_empty() => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

/// SQLite calls it misuse to run a text of comments only.
fn says_nothing(sql: &str) -> bool {
    Lexer::new(Dialect::Sqlite, sql).all(|token| token.is_trivia() || token.text(sql) == ";")
}

fn drain(statement: &mut Statement<'_>, args: &[Value]) -> Result<()> {
    let mut rows = statement
        .query(rusqlite::params_from_iter(args.iter().map(Bound)))
        .map_err(from_driver)?;
    while rows.next().map_err(from_driver)?.is_some() {}
    Ok(())
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Value::I64(number) => ValueRef::Integer(*number),
            Value::F64(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Text that is not UTF-8 is given as bytes: nothing is lost or changed.
pub(crate) fn value(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::I64(number),
        ValueRef::Real(number) => Value::F64(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(text.to_owned()),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
    }
}

/// A session that was given up in the middle of a call.
pub(crate) fn unusable() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the connection was given up in the middle of a call: open a new one",
    )
}
