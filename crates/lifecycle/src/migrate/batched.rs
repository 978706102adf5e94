//! Running a batched migration: each range of keys, and how far it came, in one transaction.
//!
//! The ledger's `upto` is the last key that is done, so that a run that is cut off at any point goes
//! on behind it, and no range takes effect twice. The walk ends when a look finds no key beyond.

use freehold_bookkeeping::{Entry, State};
use freehold_engine::{Commit, Error, TxMode, Value};
use freehold_model::{Fault, Migration};

use super::{Migrating, Way, entry_of};
use crate::Result;
use crate::batches::Walk;
use crate::lock_wait;
use crate::rows::quote;
use crate::script::Script;
use crate::target::Target;

impl Migrating<'_> {
    pub(super) async fn in_batches(
        &mut self,
        script: &Script<Migration>,
        walk: &Walk<'_>,
        way: Way,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let state = match way {
            Way::Up => State::Applying,
            Way::Down => State::Undoing,
        };
        let begun = entry.filter(|entry| entry.state == state);
        let mut upto = begun.and_then(|entry| entry.upto);
        if let Some(fault) = self.no_walk(walk).await {
            return Err(vec![fault]);
        }
        let mut in_vain = 0;
        while let Some((from, to)) = self.next(walk, upto).await? {
            in_vain += self.patiently(script, walk, state, (from, to)).await?;
            upto = Some(to);
        }
        self.note_waits(script, in_vain);
        let done = match way {
            Way::Up => self.write(Entry {
                upto,
                ..entry_of(script)
            }),
            Way::Down => return self.recorded(script, way).await,
        };
        done.await.map_err(|error| self.fault(&error))
    }

    /// The keys of the next range.
    async fn next(&mut self, walk: &Walk<'_>, upto: Option<i64>) -> Result<Option<(i64, i64)>> {
        let sql = range(self.target, walk, upto)?;
        let rows = self.connection.query(&sql, &[]).await;
        let rows = rows.map_err(|error| {
            self.fault(&error.during(format!("read the next keys of {}", walk.table)))
        })?;
        let key = |at: usize| rows.first().and_then(|row| row.get(at)?.int());
        Ok(key(0).zip(key(1)))
    }

    /// Why the keys cannot be walked.
    async fn no_walk(&mut self, walk: &Walk<'_>) -> Option<Fault> {
        not_walkable(self.target, &mut *self.connection, walk).await
    }

    /// One range. How often a lock was waited for in vain.
    async fn patiently(
        &mut self,
        script: &Script<Migration>,
        walk: &Walk<'_>,
        state: State,
        range: (i64, i64),
    ) -> Result<usize> {
        let mut in_vain = 0;
        let error = loop {
            let Err(error) = self.one_batch(script, walk, state, range).await else {
                break None;
            };
            let _ = self.connection.rollback().await;
            let again = lock_wait::is_a_lock(&error) && !self.connection.broken();
            if !again || in_vain + 1 == lock_wait::TRIES {
                break Some(error);
            }
            in_vain += 1;
            tokio::time::sleep(lock_wait::pause(in_vain)).await;
        };
        let error = match error {
            Some(error) => error,
            None => match self.connection.commit().await {
                Commit::Done => return Ok(in_vain),
                Commit::Refused(error) => error,
                Commit::Unknown(error) => return Err(vec![self.commit_unknown(script, &error)]),
            },
        };
        Err(vec![self.stopped_at(script, walk, range, &error)])
    }

    /// All of a batch but its commit.
    async fn one_batch(
        &mut self,
        script: &Script<Migration>,
        walk: &Walk<'_>,
        state: State,
        (from, to): (i64, i64),
    ) -> freehold_engine::Result<()> {
        self.connection.begin(TxMode::Write).await?;
        self.set_lock_timeout(script, true).await?;
        let sql = walk.fill(self.target.engine.dialect(), from, to);
        self.connection.execute(&sql).await?;
        let entry = Entry {
            state,
            progress: 0,
            upto: Some(to),
            ..entry_of(script)
        };
        self.write(entry).await
    }

    fn stopped_at(
        &self,
        script: &Script<Migration>,
        walk: &Walk<'_>,
        (from, to): (i64, i64),
        error: &Error,
    ) -> Fault {
        let place = script.up.first().map(|line| line.place.clone());
        let fault = Fault::new(
            "FH3225",
            format!(
                "{}: migration {} stopped in the batch of {} {from} to {to}",
                self.target.label(),
                script.id,
                walk.key
            ),
        );
        let fault = match place {
            Some(place) => fault.at(place),
            None => fault,
        };
        fault
            .help(format!("done:     every batch before it; not done: {} from {from} on", walk.key))
            .help(format!("cause:    {error}"))
            .help(format!("go on:    mend the data or the statement, then `freehold apply` goes on at {} {from}", walk.key))
    }
}

/// The first and last key of the next rows beyond `upto`.
fn range(target: &Target, walk: &Walk<'_>, upto: Option<i64>) -> Result<String> {
    let (table, key) = (quote(target, &walk.table)?, quote(target, walk.key)?);
    let beyond = upto.map_or_else(String::new, |upto| format!(" WHERE {key} > {upto}"));
    Ok(format!(
        "SELECT min(k), max(k) FROM (SELECT {key} AS k FROM {table}{beyond} ORDER BY {key} LIMIT {}) AS batch",
        walk.size
    ))
}

/// Why the keys of this table cannot be walked: rows without a key would be left out, and what is no
/// whole number has no next one.
pub(crate) async fn not_walkable(
    target: &Target,
    connection: &mut dyn freehold_engine::Connection,
    walk: &Walk<'_>,
) -> Option<Fault> {
    let found = async {
        let (table, key) = (quote(target, &walk.table)?, quote(target, walk.key)?);
        let sql = format!(
            "SELECT min({key}), (SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {key} IS NULL LIMIT 1) AS gone) FROM {table}"
        );
        let rows = connection.query(&sql, &[]).await;
        rows.map_err(|error| vec![cannot(target, walk, &error.to_string())])
    };
    let rows = match found.await {
        Ok(rows) => rows,
        Err(faults) => return faults.into_iter().next(),
    };
    let row = rows.first()?;
    if row.get(1).and_then(Value::int) != Some(0) {
        return Some(cannot(target, walk, "some rows have no value in it"));
    }
    match row.first() {
        None | Some(Value::Null | Value::I64(_)) => None,
        Some(_) => Some(cannot(target, walk, "it is no whole number")),
    }
}

fn cannot(target: &Target, walk: &Walk<'_>, why: &str) -> Fault {
    Fault::new(
        "FH3226",
        format!(
            "{}: {}.{} cannot be gone through in batches: {why}",
            target.label(),
            walk.table,
            walk.key
        ),
    )
    .help("name a column that is a whole number in every row, best the primary key")
}
