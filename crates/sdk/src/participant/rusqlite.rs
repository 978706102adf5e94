//! The barrier over a `rusqlite` transaction. Begin it with `TransactionBehavior::Immediate`, so that
//! duplicates wait at its beginning; `synchronous` should be FULL.

use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ::rusqlite::types::ValueRef;
use ::rusqlite::{Error, Transaction as Begun, params_from_iter};
use serde_json::Value as Json;

use super::Call;
use super::barrier::{self, Acted, Business, Dialect, Given, Taken, Transaction};

/// A step whose business is plain, waiting functions.
pub trait Step {
    /// Does it.
    ///
    /// # Errors
    /// The store's.
    fn act(&self, tx: &Begun<'_>) -> Result<Acted, Error>;

    /// Takes back what was done.
    ///
    /// # Errors
    /// The store's.
    fn take_back(&self, tx: &Begun<'_>, output: &Json) -> Result<(), Error>;
}

/// [`super::take_part`] on this transaction, without an executor.
///
/// # Errors
/// The store's: roll back, and answer without an outcome.
pub fn take_part(
    tx: &Begun<'_>,
    caller: &str,
    call: &Call,
    step: &impl Step,
    now_ms: u64,
) -> Result<Taken, Error> {
    let mut over = Over(tx);
    at_once(barrier::take_part(
        &mut over,
        caller,
        call,
        &Plain(step),
        now_ms,
    ))
}

/// [`super::forget`] on this transaction.
///
/// # Errors
/// The store's.
pub fn forget(tx: &Begun<'_>, caller: &str, key: &str) -> Result<bool, Error> {
    at_once(barrier::forget(&mut Over(tx), caller, key))
}

struct Over<'t, 'c>(&'t Begun<'c>);
struct Plain<'s, S>(&'s S);

impl Transaction for Over<'_, '_> {
    type Error = Error;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn rows(
        &mut self,
        sql: &str,
        given: &[Given<'_>],
    ) -> impl Future<Output = Result<Vec<Vec<Option<String>>>, Error>> + Send {
        ready(rows(self.0, sql, given))
    }

    fn execute(
        &mut self,
        sql: &str,
        given: &[Given<'_>],
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        let changed = self
            .0
            .execute(sql, params_from_iter(given.iter().map(value)));
        ready(changed.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX)))
    }
}

impl<S: Step> Business<Over<'_, '_>> for Plain<'_, S> {
    fn act(&self, tx: &mut Over<'_, '_>) -> impl Future<Output = Result<Acted, Error>> + Send {
        answered(self.0.act(tx.0))
    }

    fn take_back(
        &self,
        tx: &mut Over<'_, '_>,
        output: &Json,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        answered(self.0.take_back(tx.0, output))
    }
}

fn answered<T>(result: Result<T, Error>) -> Ready<Result<T, Error>> {
    ready(result)
}

fn rows(tx: &Begun<'_>, sql: &str, given: &[Given<'_>]) -> Result<Vec<Vec<Option<String>>>, Error> {
    let mut statement = tx.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(given.iter().map(value)))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut texts = Vec::with_capacity(columns);
        for at in 0..columns {
            texts.push(match row.get_ref(at)? {
                ValueRef::Null => None,
                ValueRef::Integer(whole) => Some(whole.to_string()),
                ValueRef::Real(number) => Some(number.to_string()),
                ValueRef::Text(text) | ValueRef::Blob(text) => {
                    Some(String::from_utf8_lossy(text).into_owned())
                }
            });
        }
        all.push(texts);
    }
    Ok(all)
}

fn value(given: &Given<'_>) -> ::rusqlite::types::Value {
    match given {
        Given::Text(text) => (*text).to_owned().into(),
        Given::Whole(whole) => (*whole).into(),
    }
}

/// Nothing in it waits for anybody: this driver answers before it returns.
fn at_once<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::InvalidQuery),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ::rusqlite::{Connection, TransactionBehavior};
    use serde_json::json;

    use super::*;
    use crate::participant::{DIGEST, EXPIRES, GENERATIONS, KEY, OUTCOME};

    /// As `apply` makes it, and a business of one number.
    const TABLES: &str = "CREATE TABLE freehold_barrier (caller TEXT NOT NULL, saga TEXT NOT NULL,
        step TEXT NOT NULL, generation INTEGER NOT NULL, kind TEXT NOT NULL, ran TEXT NOT NULL,
        result TEXT, digest TEXT NOT NULL, PRIMARY KEY (caller, saga, step, generation, kind));
        CREATE TABLE freehold_saga_life (token TEXT NOT NULL);
        INSERT INTO freehold_saga_life VALUES ('life');
        CREATE TABLE stock (pieces INTEGER NOT NULL); INSERT INTO stock VALUES (10);";

    struct Take {
        pieces: i64,
        given_back: Cell<i64>,
    }

    impl Step for Take {
        fn act(&self, tx: &Begun<'_>) -> Result<Acted, Error> {
            tx.execute("UPDATE stock SET pieces = pieces - ?", [self.pieces])?;
            let left: i64 = tx.query_row("SELECT pieces FROM stock", [], |row| row.get(0))?;
            Ok(if left < 0 {
                Err("not enough".to_owned())
            } else {
                Ok(json!({ "pieces": self.pieces }))
            })
        }

        fn take_back(&self, tx: &Begun<'_>, output: &Json) -> Result<(), Error> {
            self.given_back.set(output["pieces"].as_i64().unwrap_or(0));
            tx.execute(
                "UPDATE stock SET pieces = pieces + ?",
                [self.given_back.get()],
            )
            .map(drop)
        }
    }

    struct Shop(Connection);

    impl Shop {
        fn open() -> Self {
            let store = Connection::open_in_memory().expect("a store");
            store.execute_batch(TABLES).expect("tables");
            Self(store)
        }

        /// The outcome (or generations) and what is on the shelf then.
        fn ask(&mut self, caller: &str, key: &str, pieces: i64, digest: &str) -> (String, i64) {
            let call = Call::read(|name| match name {
                KEY => Some(key),
                EXPIRES => Some("1000"),
                DIGEST => Some(digest),
                _ => None,
            });
            let step = Take {
                pieces,
                given_back: Cell::new(0),
            };
            let tx = self
                .0
                .transaction_with_behavior(TransactionBehavior::Immediate);
            let tx = tx.expect("begun");
            let taken = take_part(&tx, caller, &call.expect("a call"), &step, 999);
            let said = match taken.expect("taken") {
                Taken::Said { headers, .. } => {
                    tx.commit().expect("committed");
                    let told = |it: &&(&str, String)| it.0 == OUTCOME || it.0 == GENERATIONS;
                    headers.iter().find(told).expect("said").1.clone()
                }
                other => {
                    tx.rollback().expect("rolled back");
                    format!("{other:?}")
                }
            };
            let left = self
                .0
                .query_row("SELECT pieces FROM stock", [], |row| row.get(0));
            (said, left.expect("a shelf"))
        }

        fn says(&mut self, key: &str, pieces: i64) -> (String, i64) {
            self.ask("orders", key, pieces, "d")
        }
    }

    fn is(said: &str, left: i64) -> (String, i64) {
        (said.to_owned(), left)
    }

    #[test]
    fn whatever_comes_how_often_has_one_effect() {
        let mut shop = Shop::open();
        for _ in 0..3 {
            assert_eq!(shop.says("s/take/1/action", 4), is("done", 6));
            assert_eq!(shop.says("s/take/1/resolve", 4), is("done", 6));
        }
        assert_eq!(shop.says("s/take/1/status", 4), is("1 1", 6));
        for _ in 0..3 {
            // The number comes from what the action said, not from the request at hand.
            assert_eq!(shop.says("s/take/1/undo", 9), is("undone", 10));
        }
        assert_eq!(shop.says("s/take/1/action", 4), is("cancelled", 10));
        assert_eq!(shop.says("s/take/1/status", 4), is("1 -", 10));
    }

    #[test]
    fn an_undo_that_comes_first_leaves_nothing_to_do() {
        let mut shop = Shop::open();
        assert_eq!(shop.says("s/take/1/resolve", 4), is("not-found", 10));
        assert_eq!(shop.says("s/take/1/undo", 4), is("undone", 10));
        assert_eq!(shop.says("s/take/1/action", 4), is("cancelled", 10));
        assert_eq!(shop.says("t/take/1/cancel", 4), is("never", 10));
        assert_eq!(shop.says("t/take/1/action", 4), is("cancelled", 10));
    }

    #[test]
    fn a_refusal_is_kept_and_its_effects_are_not() {
        let mut shop = Shop::open();
        assert_eq!(shop.says("s/take/1/action", 40), is("refused", 10));
        // The shelf is full meanwhile; the answer stays.
        shop.0
            .execute("UPDATE stock SET pieces = 90", [])
            .expect("filled");
        assert_eq!(shop.says("s/take/1/action", 40), is("refused", 90));
        assert_eq!(shop.says("s/take/2/action", 40), is("done", 50));
    }

    #[test]
    fn callers_bodies_and_times_are_told_apart() {
        let mut shop = Shop::open();
        assert_eq!(shop.ask("orders", "s/take/1/action", 4, "d"), is("done", 6));
        assert_eq!(
            shop.ask("orders", "s/take/1/action", 5, "e"),
            is("OtherBody", 6)
        );
        assert_eq!(
            shop.ask("returns", "s/take/1/action", 4, "d"),
            is("done", 2)
        );
        let late = Call::read(|name| match name {
            KEY => Some("u/take/1/action"),
            EXPIRES => Some("998"),
            _ => None,
        });
        let step = Take {
            pieces: 1,
            given_back: Cell::new(0),
        };
        let tx = shop.0.transaction().expect("begun");
        let taken = take_part(&tx, "orders", &late.expect("a call"), &step, 999);
        assert_eq!(taken.expect("taken"), Taken::Expired);
    }

    #[test]
    fn a_saga_is_forgotten_by_its_own_caller() {
        let mut shop = Shop::open();
        for key in ["s/take/1/action", "t/take/1/action"] {
            assert_eq!(shop.says(key, 1).0, "done");
        }
        let forgot = |shop: &mut Shop, caller, key| {
            let tx = shop.0.transaction().expect("begun");
            let asked = forget(&tx, caller, key).expect("asked");
            tx.commit().expect("committed");
            asked
        };
        assert!(forgot(&mut shop, "returns", "s/-/0/forget"));
        assert_eq!(shop.says("s/take/1/resolve", 1), is("done", 8));
        assert!(forgot(&mut shop, "orders", "s/-/0/forget"));
        assert_eq!(shop.says("s/take/1/resolve", 1), is("not-found", 8));
        assert_eq!(shop.says("t/take/1/resolve", 1), is("done", 8));
        assert!(!forgot(&mut shop, "orders", "t/take/1/action"));
        assert!(!forgot(&mut shop, "orders", "/-/0/forget"));
    }
}
