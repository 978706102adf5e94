//! The barrier over a `tokio-postgres` transaction. Begin it READ COMMITTED, as it comes: a stricter
//! one fails where duplicates meet, and is to be begun again.

use std::future::Future;

use ::tokio_postgres::types::{ToSql, Type};
use ::tokio_postgres::{Error, Row, Transaction as Begun};
use serde_json::Value as Json;

use super::Call;
use super::barrier::{self, Acted, Business, Dialect, Given, Taken, Transaction};

/// A step whose business speaks to this driver.
pub trait Step: Sync {
    /// Does it.
    ///
    /// # Errors
    /// The store's.
    fn act(&self, tx: &Begun<'_>) -> impl Future<Output = Result<Acted, Error>> + Send;

    /// Takes back what was done.
    ///
    /// # Errors
    /// The store's.
    fn take_back(
        &self,
        tx: &Begun<'_>,
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
    tx: &Begun<'_>,
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
pub async fn forget(tx: &Begun<'_>, caller: &str, key: &str) -> Result<bool, Error> {
    barrier::forget(&mut Over(tx), caller, key).await
}

struct Over<'t, 'c>(&'t Begun<'c>);
struct Around<'s, S>(&'s S);

impl Transaction for Over<'_, '_> {
    type Error = Error;

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn rows(
        &mut self,
        sql: &str,
        given: &[Given<'_>],
    ) -> Result<Vec<Vec<Option<String>>>, Error> {
        let given = values(given);
        let rows = self.0.query(&numbered(sql), &borrowed(&given)).await?;
        rows.iter().map(texts).collect()
    }

    async fn execute(&mut self, sql: &str, given: &[Given<'_>]) -> Result<u64, Error> {
        let given = values(given);
        self.0.execute(&numbered(sql), &borrowed(&given)).await
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

type Sent<'v> = Box<dyn ToSql + Sync + Send + 'v>;

fn values<'v>(given: &[Given<'v>]) -> Vec<Sent<'v>> {
    let value = |given: &Given<'v>| match *given {
        Given::Text(text) => Box::new(text) as Sent<'v>,
        Given::Whole(whole) => Box::new(whole),
    };
    given.iter().map(value).collect()
}

fn borrowed<'b>(values: &'b [Sent<'_>]) -> Vec<&'b (dyn ToSql + Sync)> {
    let borrow = |value: &'b Sent<'_>| &**value as &(dyn ToSql + Sync);
    values.iter().map(borrow).collect()
}

/// `?` as `$1`, `$2` and so on; no statement of the barrier has one in a text.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    (1..)
        .zip(parts)
        .fold(first, |sql, (number, part)| format!("{sql}${number}{part}"))
}

fn texts(row: &Row) -> Result<Vec<Option<String>>, Error> {
    let text = |at: usize| match *row.columns()[at].type_() {
        Type::INT8 => Ok(row.try_get::<_, Option<i64>>(at)?.map(|it| it.to_string())),
        _ => row.try_get(at),
    };
    (0..row.len()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn placeholders_are_numbered() {
        assert_eq!(numbered("a = ? AND b = ?"), "a = $1 AND b = $2");
        assert_eq!(numbered("SAVEPOINT business"), "SAVEPOINT business");
    }
}
