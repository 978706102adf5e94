//! The same thing for every store, eight at a time: what the stores share is their server, and a
//! server gains nothing from more.

use std::future::Future;

use futures_util::{StreamExt as _, stream};

use crate::{Faults, Result};

/// How many stores are looked at or changed at the same time.
const AT_ONCE: usize = 8;

/// Runs `one` for every store and returns values in the stores' order, or every fault of all of
/// them. A store that fails does not stop the others.
pub(crate) async fn each<S, T, F>(
    stores: impl IntoIterator<Item = S>,
    one: impl Fn(S) -> F,
) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>>,
{
    let results: Vec<Result<T>> = stream::iter(stores)
        .map(one)
        .buffered(AT_ONCE)
        .collect()
        .await;
    all_or_faults(results)
}

/// Every value, or every fault.
pub(crate) fn all_or_faults<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let mut faults = Faults::new();
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}
