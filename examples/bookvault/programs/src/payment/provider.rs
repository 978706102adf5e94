//! The stand-in for a payment provider: it approves, and on demand declines, stalls, answers late or
//! crashes together with the program. Delays are never inside a transaction.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use crate::log;

/// Longer than any caller waits.
const STALL: Duration = Duration::from_secs(20);
/// Longer than a caller's first attempt.
const LATE: Duration = Duration::from_secs(3);

/// How one charge goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Behaviour {
    #[default]
    Approve,
    Decline,
    /// Thinks for long, then approves.
    Stall,
    /// Approves at once and says so late.
    Late,
    /// Approves, and the program dies before it can say so.
    Crash,
}

/// What is to come.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    /// The next charges, one by one.
    #[serde(default)]
    next: VecDeque<Behaviour>,
    /// After them: every so many orders is declined; 0: none.
    #[serde(default)]
    decline_every: i64,
}

#[derive(Default)]
pub(super) struct Provider(Mutex<Plan>);

impl Provider {
    pub(super) fn plan(&self, plan: Plan) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    pub(super) fn next(&self, order: i64) -> Behaviour {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let every = plan.decline_every;
        plan.next.pop_front().unwrap_or({
            if every > 0 && order % every == 0 {
                Behaviour::Decline
            } else {
                Behaviour::Approve
            }
        })
    }

    /// Before the charge is recorded.
    pub(super) async fn before(&self, behaviour: Behaviour) {
        if behaviour == Behaviour::Stall {
            tokio::time::sleep(STALL).await;
        }
    }

    /// After it was, before anybody hears of it.
    pub(super) async fn after(&self, behaviour: Behaviour) {
        match behaviour {
            Behaviour::Late => tokio::time::sleep(LATE).await,
            Behaviour::Crash => {
                log::line("the provider takes this program down, as asked");
                std::process::abort();
            }
            _ => {}
        }
    }
}
