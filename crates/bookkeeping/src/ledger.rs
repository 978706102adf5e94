//! The ledger: what was applied to a store, made or adopted by freehold, kept in the store itself.
//!
//! One small table, read whole. Written only in the transaction of what it records, or (where DDL
//! commits by itself) as an intent before and a completion after. It never holds a secret.

use std::collections::BTreeMap;

use freehold_engine::{Connection, Error, ErrorKind, LedgerSql, Result, Value};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A migration, by its id `0003_status`.
    Migration,
    /// A seed, by its id `01_books`.
    Seed,
    /// The verifier last given to a login: its digest, never itself.
    Verifier,
    /// Anything that an engine keeps there for itself.
    Other,
}

impl EntryKind {
    fn name(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::Seed => "seed",
            Self::Verifier => "verifier",
            Self::Other => "other",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "migration" => Self::Migration,
            "seed" => Self::Seed,
            "verifier" => Self::Verifier,
            _ => Self::Other,
        }
    }
}

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its first `progress` statements are done; the next may be.
    Applying,
    /// The first `progress` statements of its down are done; the next may be.
    Undoing,
    /// All of it.
    Done,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Applying => "applying",
            Self::Undoing => "undoing",
            Self::Done => "done",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Applying, Self::Undoing, Self::Done]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub kind: EntryKind,
    /// Unique within its kind.
    pub id: String,
    /// Fingerprint of the text (migration, seed), or the digest (verifier).
    pub checksum: String,
    /// Fingerprint of the down; `None`: irreversible.
    pub down_checksum: Option<String>,
    /// How far it got.
    pub state: State,
    /// Statements done.
    pub progress: usize,
    /// Statements in all.
    pub total: usize,
    /// What is needed to go on after a crash; empty when done.
    pub detail: String,
    /// The largest key that a batched migration has done. `None`: none, or it is not batched.
    pub upto: Option<i64>,
    /// When the row was written, RFC 3339, by the server's clock. Ignored by [`put`].
    pub at: String,
}

/// All rows of one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<(EntryKind, String), Entry>);

impl Ledger {
    /// The row of this kind and id.
    pub fn get(&self, kind: EntryKind, id: &str) -> Option<&Entry> {
        self.0.get(&(kind, id.to_owned()))
    }

    /// All rows.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.0.values()
    }

    /// Rows of a kind, ordered by id.
    pub fn of(&self, kind: EntryKind) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.values().filter(move |entry| entry.kind == kind)
    }
}

impl FromIterator<Entry> for Ledger {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self(
            entries
                .into_iter()
                .map(|entry| ((entry.kind, entry.id.clone()), entry))
                .collect(),
        )
    }
}

/// Reads the ledger. The connection acts as the owner, or as somebody who may read it.
pub async fn read(connection: &mut dyn Connection, sql: &LedgerSql) -> Result<Ledger> {
    let rows = connection.query(&sql.read, &[]).await;
    from_rows(&rows.map_err(|error| error.during("read the ledger"))?)
}

/// The ledger from the rows of [`LedgerSql::read`] or [`LedgerSql::read_first`].
pub fn from_rows(rows: &[Vec<Value>]) -> Result<Ledger> {
    rows.iter().map(|row| entry(row)).collect()
}

/// Inserts or replaces a row, in the open transaction if there is one. Idempotent.
pub async fn put(connection: &mut dyn Connection, sql: &LedgerSql, entry: &Entry) -> Result<()> {
    let number = |n: usize| Value::I64(i64::try_from(n).unwrap_or(i64::MAX));
    let mut args = vec![
        entry.kind.name().into(),
        entry.id.clone().into(),
        entry.checksum.clone().into(),
        entry.down_checksum.clone().into(),
        entry.state.name().into(),
        number(entry.progress),
        number(entry.total),
        entry.detail.clone().into(),
    ];
    let put = match entry.upto {
        None => &sql.put,
        Some(key) => {
            args.push(Value::I64(key));
            &sql.put_upto
        }
    };
    connection
        .run(put, &args)
        .await
        .map_err(|error| error.during("write the ledger"))?;
    Ok(())
}

/// Deletes a row, in the open transaction if there is one. Idempotent.
pub async fn delete(
    connection: &mut dyn Connection,
    sql: &LedgerSql,
    kind: EntryKind,
    id: &str,
) -> Result<()> {
    let args = [kind.name().into(), id.into()];
    connection
        .run(&sql.delete, &args)
        .await
        .map_err(|error| error.during("write the ledger"))?;
    Ok(())
}

fn entry(row: &[Value]) -> Result<Entry> {
    let text = |at: usize| row.get(at).and_then(Value::text).map(str::to_owned);
    // Read as the owner, PostgreSQL's numbers come as text.
    let number = |at: usize| row.get(at).and_then(Value::whole);
    let count = |at: usize| number(at).and_then(|n| usize::try_from(n).ok());
    (|| {
        Some(Entry {
            kind: EntryKind::from_name(&text(0)?),
            id: text(1)?,
            checksum: text(2)?,
            down_checksum: text(3),
            state: State::from_name(&text(4)?)?,
            progress: count(5)?,
            total: count(6)?,
            detail: text(7)?,
            at: text(8)?,
            upto: number(9),
        })
    })()
    .ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!(
                "the ledger has a row that cannot be read: {:?}",
                row.get(..2)
            ),
        )
    })
}
