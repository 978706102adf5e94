//! Waiting for what the cluster does in its own time: looking again after a moment, a minute at most.

use std::time::Duration;

use freehold_broker::Result;

use crate::errors::unavailable;
use crate::link::PATIENCE;

const MOMENT: Duration = Duration::from_millis(20);

/// From when on it is waited.
pub(crate) struct Patience(tokio::time::Instant);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Is any left?
    pub(crate) fn any(&self) -> bool {
        self.0.elapsed() < PATIENCE
    }

    /// Waits a moment; an error once it was enough.
    pub(crate) async fn moment(&self, what: &str) -> Result<()> {
        if !self.any() {
            return Err(unavailable(format!("{what} is not seen in time")));
        }
        tokio::time::sleep(MOMENT).await;
        Ok(())
    }
}
