//! What to do when a copy has no row: ask the owner's API. Bounded in every direction: a time-out,
//! a circuit breaker, and a memory of what is not there either. The call itself is the caller's.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Breaker;

/// How far a fallback goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one call.
    pub timeout: Duration,
    /// Failures in a row after which the owner is left alone.
    pub failures: u32,
    /// For how long.
    pub rest: Duration,
    /// How long "there is no such thing" is believed. The event that makes it true reaches the copy
    /// by itself; this only stops a flood of questions.
    pub absent_for: Duration,
    /// How many of those are remembered.
    pub absent_at_most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(500),
            failures: 5,
            rest: Duration::from_secs(2),
            absent_for: Duration::from_secs(5),
            absent_at_most: 10_000,
        }
    }
}

/// What the owner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<V> {
    /// It is there.
    Found(V),
    /// There is no such thing, now or a moment ago.
    Absent,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub enum Miss<E> {
    /// The owner failed lately and is left alone.
    #[error("the owner is not asked now: it failed several times in a row")]
    Resting,
    /// No answer in time.
    #[error("the owner did not answer within {0:?}")]
    TimedOut(Duration),
    /// It could not be asked.
    #[error("the owner could not be asked")]
    Failed(#[source] E),
}

/// Shared by all who ask one owner for one kind of thing.
///
/// ```
/// # async fn ask(_: i64) -> Result<Option<String>, std::io::Error> { Ok(Some("Emma".into())) }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let books = freehold::Fallback::new(freehold::Limits::default());
/// let book = books.ask(&5, || ask(5)).await;
/// assert_eq!(book.unwrap(), freehold::Answer::Found("Emma".to_owned()));
/// # });
/// ```
#[derive(Debug)]
pub struct Fallback<K> {
    limits: Limits,
    breaker: Breaker,
    absent: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq + Clone> Fallback<K> {
    /// With these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            breaker: Breaker::new(limits.failures, limits.rest),
            absent: Mutex::new(HashMap::new()),
        }
    }

    /// Asks the owner through `call`: `Ok(None)` means that there is no such thing. Not called at
    /// all when the answer is remembered or the owner rests.
    pub async fn ask<V, E, F>(
        &self,
        key: &K,
        call: impl FnOnce() -> F,
    ) -> Result<Answer<V>, Miss<E>>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        if self.is_absent(key, Instant::now()) {
            return Ok(Answer::Absent);
        }
        let permit = self.breaker.permit().ok_or(Miss::Resting)?;
        match tokio::time::timeout(self.limits.timeout, call()).await {
            Ok(Ok(found)) => {
                permit.answered();
                let Some(value) = found else {
                    self.remember(key, Instant::now());
                    return Ok(Answer::Absent);
                };
                Ok(Answer::Found(value))
            }
            Ok(Err(error)) => {
                permit.failed();
                Err(Miss::Failed(error))
            }
            Err(_) => {
                permit.failed();
                Err(Miss::TimedOut(self.limits.timeout))
            }
        }
    }

    /// How the circuit stands.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    fn is_absent(&self, key: &K, now: Instant) -> bool {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent
            .get(key)
            .is_some_and(|since| now.saturating_duration_since(*since) < self.limits.absent_for)
    }

    fn remember(&self, key: &K, now: Instant) {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if absent.len() >= self.limits.absent_at_most {
            absent
                .retain(|_, since| now.saturating_duration_since(*since) < self.limits.absent_for);
        }
        if absent.len() < self.limits.absent_at_most {
            absent.insert(key.clone(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn limits() -> Limits {
        Limits {
            timeout: Duration::from_millis(20),
            failures: 2,
            rest: Duration::from_mins(1),
            absent_for: Duration::from_mins(1),
            absent_at_most: 2,
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_asked_for_once() {
        let books = Fallback::new(limits());
        let asked = AtomicUsize::new(0);
        for _ in 0..3 {
            let call = || async {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok::<Option<()>, ()>(None)
            };
            assert_eq!(
                books.ask(&1, call).await.expect("an answer"),
                Answer::Absent
            );
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_memory_is_bounded() {
        let books = Fallback::new(limits());
        for key in 0..10 {
            let call = || async { Ok::<Option<()>, ()>(None) };
            books.ask(&key, call).await.expect("an answer");
        }
        assert_eq!(books.absent.lock().expect("free").len(), 2);
    }

    #[tokio::test]
    async fn an_owner_that_hangs_or_fails_is_left_alone() {
        let books = Fallback::new(limits());
        let hangs = books
            .ask(&1, std::future::pending::<Result<Option<()>, ()>>)
            .await;
        assert!(matches!(hangs, Err(Miss::TimedOut(_))));
        let fails = books.ask(&1, || async { Err::<Option<()>, _>(()) }).await;
        assert!(matches!(fails, Err(Miss::Failed(()))));
        let rests = books
            .ask(&1, || async { Ok::<_, ()>(Some(unreachable_call())) })
            .await;
        assert!(matches!(rests, Err(Miss::Resting)));
    }

    fn unreachable_call() -> u8 {
        panic!("the owner was asked while it rests");
    }
}
