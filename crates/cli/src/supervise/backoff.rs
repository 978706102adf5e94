//! How long to wait before a program that ended is started again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);
/// Having run for so long, it counts as well again.
const WELL_AFTER: Duration = Duration::from_secs(20);

/// Doubles from start to start, and begins anew after a good while.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    ended: u32,
}

impl Backoff {
    /// After it ran for `ran`.
    pub(crate) fn wait(&mut self, ran: Duration) -> Duration {
        if ran >= WELL_AFTER {
            self.ended = 0;
        }
        self.ended = self.ended.saturating_add(1);
        let doublings = (self.ended - 1).min(16);
        FIRST.saturating_mul(1 << doublings).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_to_a_bound_and_forgets() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9).map(|_| backoff.wait(Duration::ZERO)).collect();
        assert_eq!(waits[0], FIRST);
        assert_eq!(waits[1], FIRST * 2);
        assert_eq!(waits[8], LONGEST);
        assert_eq!(backoff.wait(WELL_AFTER), FIRST);
    }
}
