//! The live stream: "there is news", and lines of logs as they are written.
//!
//! A page that hears of news asks for itself again and changes its figures in place, so there is one
//! way in which a page is made.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use freehold_model::Fault;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::{Shared, answer};
use crate::moment::LogLine;
use crate::page::log_line;

/// How often is looked for news.
const EVERY: Duration = Duration::from_secs(1);
/// More streams than this are not opened: browsers that forgot to close them.
const MOST_STREAMS: usize = 64;

/// How many streams are open.
#[derive(Default, Clone)]
pub(super) struct Count(Arc<AtomicUsize>);

/// One of them, for as long as it is held.
struct Seat(Arc<AtomicUsize>);

impl Count {
    fn take(&self) -> Option<Seat> {
        let taken = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < MOST_STREAMS).then_some(n + 1)
            });
        taken.ok().map(|_| Seat(Arc::clone(&self.0)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Stream {
    shared: Arc<Shared>,
    lines: Option<broadcast::Receiver<LogLine>>,
    stopping: watch::Receiver<bool>,
    tick: Interval,
    told: Option<u64>,
    _seat: Seat,
}

/// `/live`, with `?logs=1` lines too.
pub(super) async fn stream(State(shared): State<Arc<Shared>>, asked: answer::Asked) -> Response {
    let Some(seat) = shared.live.take() else {
        let fault = Fault::new("FH4005", "too many pages of this console are open at once")
            .help("close some of them");
        return answer::refuse(StatusCode::SERVICE_UNAVAILABLE, &fault, true);
    };
    let logs = asked.is_ok_and(|Query(own)| own.contains_key("logs"));
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = Stream {
        lines: logs.then(|| shared.source.lines()),
        stopping: shared.stopping.clone(),
        tick,
        told: None,
        _seat: seat,
        shared,
    };
    let events = unfold(begun, |mut own| async {
        let event = own.next().await?;
        Some((Ok::<_, Infallible>(event), own))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response()
}

impl Stream {
    /// The next event; nothing: the console stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                _ = self.stopping.wait_for(|own| *own) => return None,
                line = next_line(&mut self.lines) => {
                    if let Some(line) = line {
                        let data = serde_json::json!({ "from": line.from, "level": line.level, "text": line.text, "html": log_line(&line).into_string() });
                        return Some(Event::default().event("line").data(data.to_string()));
                    }
                }
                _ = self.tick.tick() => {
                    let at = self.shared.source.moment().at;
                    if self.told.replace(at) != Some(at) {
                        return Some(Event::default().event("moment").data(at.to_string()));
                    }
                }
            }
        }
    }
}

/// A line; lines that were missed are passed over, the page has them when it is asked for again.
async fn next_line(lines: &mut Option<broadcast::Receiver<LogLine>>) -> Option<LogLine> {
    let Some(open) = lines else {
        return std::future::pending().await;
    };
    match open.recv().await {
        Ok(line) => Some(line),
        Err(RecvError::Lagged(_)) => None,
        Err(RecvError::Closed) => {
            *lines = None;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_counted() {
        let count = Count::default();
        let seats: Vec<_> = std::iter::from_fn(|| count.take()).collect();
        assert_eq!(seats.len(), MOST_STREAMS);
        drop(seats);
        assert!(count.take().is_some());
    }
}
