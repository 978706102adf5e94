//! A circuit breaker: when another service fails several times in a row it is left alone for a
//! while, then asked once. The decision is pure; the clock is passed in.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// Calls are refused at once.
    Open,
    /// One call is under way to find out.
    Trying,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    failures: u32,
    /// While open: since when.
    open_since: Option<Instant>,
    /// While one call finds out: since when.
    trying_since: Option<Instant>,
}

/// Shared by all calls to one service.
#[derive(Debug)]
pub struct Breaker {
    threshold: u32,
    rest: Duration,
    standing: Mutex<Standing>,
}

/// Permission for one call; say how it ended. Dropped without a word (a cancelled call), it counts
/// as a failure: nobody knows.
#[derive(Debug)]
#[must_use = "say how the call ended"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    told: bool,
}

impl Breaker {
    /// Opens after `threshold` failures in a row, and tries again after `rest`.
    pub fn new(threshold: u32, rest: Duration) -> Self {
        Self {
            threshold: threshold.max(1),
            rest,
            standing: Mutex::new(Standing {
                failures: 0,
                open_since: None,
                trying_since: None,
            }),
        }
    }

    /// May a call be made? `None`: not now.
    pub fn permit(&self) -> Option<Permit<'_>> {
        self.permit_at(Instant::now())
    }

    /// How it stands.
    pub fn state(&self) -> State {
        let standing = self.standing();
        match (standing.open_since, standing.trying_since) {
            (None, _) => State::Closed,
            (Some(_), None) => State::Open,
            (Some(_), Some(_)) => State::Trying,
        }
    }

    fn permit_at(&self, now: Instant) -> Option<Permit<'_>> {
        let mut standing = self.standing();
        if let Some(since) = standing.open_since {
            // A trial that never ended is given up after another rest.
            let since = standing.trying_since.unwrap_or(since);
            if now.saturating_duration_since(since) < self.rest {
                return None;
            }
            standing.trying_since = Some(now);
        }
        Some(Permit {
            breaker: self,
            told: false,
        })
    }

    fn ended_at(&self, well: bool, now: Instant) {
        let mut standing = self.standing();
        if well {
            *standing = Standing {
                failures: 0,
                open_since: None,
                trying_since: None,
            };
            return;
        }
        standing.failures = standing.failures.saturating_add(1);
        if standing.failures >= self.threshold {
            standing.open_since = Some(now);
            standing.trying_since = None;
        }
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        // Nothing that holds it can panic halfway through a change.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The other service answered; also with "there is no such thing".
    pub fn answered(mut self) {
        self.told = true;
        self.breaker.ended_at(true, Instant::now());
    }

    /// It did not, or not in time.
    pub fn failed(mut self) {
        self.told = true;
        self.breaker.ended_at(false, Instant::now());
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.breaker.ended_at(false, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(5);

    #[test]
    fn it_opens_rests_tries_once_and_closes() {
        let breaker = Breaker::new(2, REST);
        let begun = Instant::now();
        breaker.ended_at(false, begun);
        assert_eq!(breaker.state(), State::Closed);
        breaker.ended_at(false, begun);
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.permit_at(begun + REST / 2).is_none());
        let trial = breaker.permit_at(begun + REST);
        assert_eq!(breaker.state(), State::Trying);
        assert!(breaker.permit_at(begun + REST).is_none(), "one at a time");
        trial.expect("a trial").answered();
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let breaker = Breaker::new(2, REST);
        let now = Instant::now();
        for _ in 0..5 {
            breaker.ended_at(false, now);
            breaker.ended_at(true, now);
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_failed_trial_rests_again() {
        let breaker = Breaker::new(1, REST);
        let begun = Instant::now();
        breaker.ended_at(false, begun);
        let trial = breaker.permit_at(begun + REST).expect("a trial");
        trial.failed();
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.permit_at(begun + REST).is_none());
    }

    #[test]
    fn a_call_given_up_counts_as_failed() {
        let breaker = Breaker::new(1, REST);
        drop(breaker.permit().expect("closed"));
        assert_eq!(breaker.state(), State::Open);
    }
}
