//! The newest spans of a running system, in memory and bounded: what traces, and requests with their
//! latency, are made of. Off where nobody made one: in production traces go elsewhere.

mod tell;
mod tree;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use freehold_look::number::real;

use tree::Tree;

use crate::moment::{Span, SpanKind, Trace};
use crate::otlp::{self, Received, Side};

/// So many traces are kept, and so many spans of each.
const MOST_TRACES: usize = 1000;
const MOST_SPANS: usize = 200;
/// Requests are counted over a minute, in so many steps.
const WINDOW_MS: u64 = 60_000;
const STEPS: usize = 30;
/// So many requests of a service are remembered.
const MOST_REQUESTS: usize = 20_000;

/// The ring.
#[derive(Debug, Default)]
pub struct Spans(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    traces: HashMap<String, Vec<Received>>,
    /// Oldest first.
    order: VecDeque<String>,
    /// By service: when a request ended, and how long it took, in microseconds.
    requests: HashMap<String, VecDeque<(u64, u64)>>,
}

/// What a service was asked lately.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requests {
    pub per_second: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// Requests per second, oldest first.
    pub trend: Vec<f64>,
}

impl Spans {
    /// Takes an export in OTLP's JSON form; how many spans there were.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&self, body: &[u8]) -> Result<usize, String> {
        let all = otlp::read(body).map_err(|error| error.to_string())?;
        let count = all.len();
        let mut kept = self.kept();
        for own in all {
            kept.add(own);
        }
        Ok(count)
    }

    /// The newest traces, newest first.
    #[must_use]
    pub fn traces(&self, most: usize) -> Vec<Trace> {
        let kept = self.kept();
        let newest = kept.order.iter().rev().take(most);
        newest
            .filter_map(|id| Some(trace(id, kept.traces.get(id)?)))
            .collect()
    }

    /// What a service was asked in the minute before `now` (milliseconds since 1970); nothing: no
    /// request of it was ever told.
    #[must_use]
    pub fn requests(&self, service: &str, now: u64) -> Option<Requests> {
        let kept = self.kept();
        let all = kept.requests.get(service)?;
        let since = now.saturating_sub(WINDOW_MS);
        let lately = all.iter().filter(|(at, _)| at / 1000 > since);
        let mut took: Vec<u64> = lately.clone().map(|(_, took)| *took).collect();
        took.sort_unstable();
        let step = WINDOW_MS / STEPS as u64;
        let mut trend = vec![0_u64; STEPS];
        for (at, _) in lately {
            let slot = usize::try_from((at / 1000 - since) / step).unwrap_or(STEPS);
            trend[slot.min(STEPS - 1)] += 1;
        }
        let last = (took.len() * 99 / 100).min(took.len().saturating_sub(1));
        Some(Requests {
            per_second: real(took.len() as u64) / real(WINDOW_MS) * 1000.0,
            p99_ms: took.get(last).map_or(0.0, |own| real(*own) / 1000.0),
            trend: trend
                .into_iter()
                .map(|own| real(own) / real(step) * 1000.0)
                .collect(),
        })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Whoever died with it has at worst not added a span.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, own: Received) {
        if own.kind == Side::Server {
            let requests = self.requests.entry(own.service.clone()).or_default();
            if requests.len() == MOST_REQUESTS {
                requests.pop_front();
            }
            requests.push_back((own.to, own.to - own.from));
        }
        if !self.traces.contains_key(&own.trace) {
            self.order.push_back(own.trace.clone());
            if self.order.len() > MOST_TRACES
                && let Some(oldest) = self.order.pop_front()
            {
                self.traces.remove(&oldest);
            }
        }
        let spans = self.traces.entry(own.trace.clone()).or_default();
        // A bracket that has grown since.
        if let Some(known) = spans
            .iter_mut()
            .find(|it| it.id == own.id && it.service == own.service)
        {
            // An event that is read again was readable the first time.
            if own.kind != Side::Consumer {
                known.from = known.from.min(own.from);
                known.to = known.to.max(own.to);
                known.failed = own.failed;
            }
            return;
        }
        if spans.len() < MOST_SPANS {
            spans.push(own);
        }
    }
}

/// Spans of one trace in the order of a tree, relative to the first.
fn trace(id: &str, all: &[Received]) -> Trace {
    let begin = all.iter().map(|own| own.from).min().unwrap_or(0);
    let end = all.iter().map(|own| own.to).max().unwrap_or(0);
    let ms = |at: u64| real(at.saturating_sub(begin)) / 1000.0;
    let mut tree = Tree::of(all);
    tree.walk();
    let first = tree.order.first().map(|(at, _)| &all[*at]);
    let answered = all
        .iter()
        .filter(|own| own.kind == Side::Server)
        .min_by_key(|own| own.from)
        .or(first);
    let said = |of: fn(&Received) -> &String| {
        let mut said = all.iter().map(of).filter(|own| !own.is_empty());
        said.next().cloned().unwrap_or_default()
    };
    let spans = tree.order.iter().map(|(at, depth)| {
        let own = &all[*at];
        Span {
            service: own.service.clone(),
            name: own.name.clone(),
            detail: if own.event.is_empty() {
                own.detail.clone()
            } else {
                own.event.clone()
            },
            depth: *depth,
            from_ms: ms(own.from),
            to_ms: ms(own.to),
            disk_ms: 0.0,
            kind: match own.kind {
                Side::Consumer if !own.event.is_empty() => SpanKind::Event,
                Side::Inside if !own.saga.is_empty() => SpanKind::Saga,
                _ => SpanKind::Work,
            },
            longest: tree.longest[*at] > 0,
            failed: own.failed,
        }
    });
    let mut made = Trace {
        id: id.to_owned(),
        name: first.map(|own| own.name.clone()).unwrap_or_default(),
        about: said(|own| &own.about),
        at: begin / 1000,
        answered_ms: answered.map_or(0.0, |own| ms(own.to)),
        answer: answered.map(|own| own.status.clone()).unwrap_or_default(),
        done_ms: ms(end),
        readable_ms: None,
        readable_in: String::new(),
        failed: all.iter().any(|own| own.failed),
        saga: said(|own| &own.saga),
        event: String::new(),
        spans: spans.collect(),
        shares: tree.shares(),
    };
    made.settle(&[]);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, (from, to): (u64, u64)) -> Received {
        Received {
            trace: "t".to_owned(),
            id: id.to_owned(),
            parent: parent.to_owned(),
            service: id.to_owned(),
            name: id.to_owned(),
            kind: Side::Server,
            from,
            to,
            ..Received::default()
        }
    }

    #[test]
    fn the_longest_path_is_what_was_waited_for() {
        let all = [
            span("a", "", (0, 100_000)),
            span("b", "a", (10_000, 40_000)),
            span("c", "a", (15_000, 90_000)),
            span("d", "c", (20_000, 30_000)),
        ];
        let made = trace("t", &all);
        let names: Vec<_> = made
            .spans
            .iter()
            .map(|own| (own.name.as_str(), own.depth, own.longest))
            .collect();
        // `b` ran beside `c`, which ended later.
        assert_eq!(
            names,
            [
                ("a", 0, true),
                ("b", 1, false),
                ("c", 1, true),
                ("d", 2, true)
            ]
        );
        let sum: f64 = made.shares.iter().map(|own| own.ms).sum();
        assert!((sum - 100.0).abs() < 0.1, "{:?}", made.shares);
        assert!((made.answered_ms - 100.0).abs() < 0.01);
    }

    #[test]
    fn what_is_set_off_is_on_the_longest_path() {
        let all = [
            span("post", "", (0, 30_000)),
            span("ask", "post", (5_000, 10_000)),
            // Begun a moment before its request was answered.
            span("saga", "post", (29_000, 90_000)),
            span("step", "saga", (40_000, 80_000)),
        ];
        let made = trace("t", &all);
        assert!(made.spans.iter().all(|own| own.longest), "{:?}", made.spans);
        let depths: Vec<_> = made.spans.iter().map(|own| own.depth).collect();
        assert_eq!(depths, [0, 1, 1, 2]);
        let sum: f64 = made.shares.iter().map(|own| own.ms).sum();
        assert!((sum - 90.0).abs() < 0.1, "{:?}", made.shares);
    }

    #[test]
    fn an_event_is_readable_when_its_last_reader_has_it() {
        let spans = Spans::default();
        let taken = |id: &str, (from, to)| Received {
            kind: Side::Consumer,
            event: "book.changed.v1 7".to_owned(),
            ..span(id, "a", (from, to))
        };
        let all = [
            span("a", "", (0, 40_000)),
            taken("orders", (10_000, 60_000)),
            taken("search", (10_000, 90_000)),
            // Read again.
            taken("orders", (10_000, 900_000)),
        ];
        for own in all {
            spans.kept().add(own);
        }
        let made = &spans.traces(1)[0];
        assert_eq!(made.readable_ms, Some(90.0));
        assert_eq!(made.readable_in, "search");
        assert!((made.answered_ms - 40.0).abs() < 0.01);
        let kinds: Vec<_> = made.spans.iter().map(|own| own.kind).collect();
        assert_eq!(kinds, [SpanKind::Work, SpanKind::Event, SpanKind::Event]);
        let alone = trace("t", &[span("a", "", (0, 40_000))]);
        assert_eq!((alone.readable_ms, alone.readable_in.as_str()), (None, ""));
    }

    #[test]
    fn parents_in_a_circle_do_no_harm() {
        let all = [
            span("a", "b", (0, 5)),
            span("b", "a", (0, 5)),
            span("c", "c", (1, 2)),
        ];
        assert_eq!(trace("t", &all).spans.len(), 1);
    }

    #[test]
    fn the_ring_is_bounded() {
        let spans = Spans::default();
        for at in 0..MOST_TRACES + 7 {
            let mut own = span("a", "", (0, 1000));
            own.trace = at.to_string();
            spans.kept().add(own);
        }
        for at in 0..MOST_SPANS * 2 {
            let own = span(&at.to_string(), "", (0, 1));
            spans.kept().add(own);
        }
        let kept = spans.kept();
        assert_eq!(
            (kept.order.len(), kept.traces.len()),
            (MOST_TRACES, MOST_TRACES)
        );
        assert_eq!(kept.traces["t"].len(), MOST_SPANS);
    }

    #[test]
    fn requests_are_those_of_the_last_minute() {
        let spans = Spans::default();
        let now = 1_000_000;
        for at in 0..120 {
            // One a second, each a millisecond longer.
            let to = (now - at * 1000) * 1000;
            spans.kept().add(span("a", "", (to - at * 1000, to)));
        }
        let told = spans.requests("a", now).expect("told");
        assert!((told.per_second - 1.0).abs() < 0.001, "{told:?}");
        assert!((told.p99_ms - 59.0).abs() < 0.001, "{told:?}");
        assert_eq!(told.trend.len(), STEPS);
        assert_eq!(spans.requests("b", now), None);
    }
}
