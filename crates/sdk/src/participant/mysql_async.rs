//! The barrier over a `mysql_async` transaction, on MySQL and MariaDB.
//! `innodb_flush_log_at_trx_commit` should be 1, or an acknowledged effect may be lost with the
//! machine's power.

use std::future::Future;

use ::mysql_async::prelude::Queryable as _;
use ::mysql_async::{Error, Params, Row, Transaction as Begun, Value};
use serde_json::Value as Json;

use super::Call;
use super::barrier::{self, Acted, Business, Dialect, Given, Taken, Transaction};

/// A unique key has this value already.
const ALREADY_THERE: u16 = 1062;

/// A step whose business speaks to this driver.
pub trait Step: Sync {
    /// Does it.
    ///
    /// # Errors
    /// The store's.
    fn act(&self, tx: &mut Begun<'_>) -> impl Future<Output = Result<Acted, Error>> + Send;

    /// Takes back what was done.
    ///
    /// # Errors
    /// The store's.
    fn take_back(
        &self,
        tx: &mut Begun<'_>,
        output: &Json,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// [`super::take_part`] on this transaction.
///
/// # Errors
/// The store's: roll back, and answer without an outcome.
///
/// # Cancel safety
/// Not cancel safe: roll the transaction back.
pub async fn take_part(
    tx: &mut Begun<'_>,
    caller: &str,
    call: &Call,
    step: &impl Step,
    now_ms: u64,
) -> Result<Taken, Error> {
    barrier::take_part(&mut Over(tx), caller, call, &Around(step), now_ms).await
}

/// [`super::forget`] on this transaction.
///
/// # Errors
/// The store's.
pub async fn forget(tx: &mut Begun<'_>, caller: &str, key: &str) -> Result<bool, Error> {
    barrier::forget(&mut Over(tx), caller, key).await
}

struct Over<'t, 'c>(&'t mut Begun<'c>);
struct Around<'s, S>(&'s S);

impl Transaction for Over<'_, '_> {
    type Error = Error;

    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn rows(
        &mut self,
        sql: &str,
        given: &[Given<'_>],
    ) -> Result<Vec<Vec<Option<String>>>, Error> {
        let rows: Vec<Row> = self.0.exec(sql, params(given)).await?;
        Ok(rows.into_iter().map(texts).collect())
    }

    async fn execute(&mut self, sql: &str, given: &[Given<'_>]) -> Result<u64, Error> {
        // Not every server prepares a savepoint.
        let ran = if given.is_empty() {
            self.0.query_drop(sql).await
        } else {
            self.0.exec_drop(sql, params(given)).await
        };
        match ran {
            Ok(()) => Ok(self.0.affected_rows()),
            Err(Error::Server(told)) if told.code == ALREADY_THERE => Ok(0),
            Err(error) => Err(error),
        }
    }
}

impl<S: Step> Business<Over<'_, '_>> for Around<'_, S> {
    async fn act(&self, tx: &mut Over<'_, '_>) -> Result<Acted, Error> {
        self.0.act(tx.0).await
    }

    async fn take_back(&self, tx: &mut Over<'_, '_>, output: &Json) -> Result<(), Error> {
        self.0.take_back(tx.0, output).await
    }
}

fn params(given: &[Given<'_>]) -> Params {
    if given.is_empty() {
        return Params::Empty;
    }
    let value = |given: &Given<'_>| match given {
        Given::Text(text) => Value::from(*text),
        Given::Whole(whole) => Value::from(*whole),
    };
    Params::Positional(given.iter().map(value).collect())
}

fn texts(row: Row) -> Vec<Option<String>> {
    let text = |value: Value| match value {
        Value::Int(whole) => Some(whole.to_string()),
        Value::UInt(whole) => Some(whole.to_string()),
        Value::Bytes(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    row.unwrap().into_iter().map(text).collect()
}
