//! The newest spans of a running system, in memory and bounded: what traces, and requests with their
//! latency, are made of. Off where nobody made one: in production traces go elsewhere.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use freehold_look::number::real;

use crate::moment::{Share, Span, SpanKind, Trace};
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
            known.from = known.from.min(own.from);
            known.to = known.to.max(own.to);
            known.failed = own.failed;
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
            detail: own.detail.clone(),
            depth: *depth,
            from_ms: ms(own.from),
            to_ms: ms(own.to),
            disk_ms: 0.0,
            kind: if own.saga.is_empty() || own.kind != Side::Inside {
                SpanKind::Work
            } else {
                SpanKind::Saga
            },
            longest: tree.longest[*at] > 0,
            failed: own.failed,
        }
    });
    Trace {
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
    }
}

/// Who called whom, and where the time of the longest path went.
struct Tree<'a> {
    all: &'a [Received],
    children: HashMap<&'a str, Vec<usize>>,
    roots: Vec<usize>,
    /// Span and its depth, as they are shown.
    order: Vec<(usize, usize)>,
    /// Microseconds of each span that nothing below it explains, on the longest path.
    longest: Vec<u64>,
}

impl<'a> Tree<'a> {
    fn of(all: &'a [Received]) -> Self {
        let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut roots = Vec::new();
        let known = |id: &str| all.iter().any(|own| own.id == id);
        let mut by_time: Vec<usize> = (0..all.len()).collect();
        by_time.sort_by_key(|at| (all[*at].from, u64::MAX - all[*at].to));
        for at in by_time {
            let own = &all[at];
            if own.parent.is_empty() || own.parent == own.id || !known(&own.parent) {
                roots.push(at);
            } else {
                children.entry(own.parent.as_str()).or_default().push(at);
            }
        }
        Self {
            all,
            children,
            roots,
            order: Vec::new(),
            longest: vec![0; all.len()],
        }
    }

    fn walk(&mut self) {
        let mut seen = vec![false; self.all.len()];
        let mut left: Vec<(usize, usize)> = self.roots.iter().rev().map(|at| (*at, 0)).collect();
        // Spans that name each other as parents hang below no root: they are left out.
        while let Some((at, depth)) = left.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            self.order.push((at, depth));
            let below = self.children.get(self.all[at].id.as_str());
            left.extend(
                below
                    .into_iter()
                    .flatten()
                    .rev()
                    .map(|own| (*own, depth + 1)),
            );
        }
        let mut until = self.all.iter().map(|own| own.to).max().unwrap_or(0);
        let mut roots = self.roots.clone();
        roots.sort_by_key(|at| std::cmp::Reverse(self.all[*at].to));
        for at in roots {
            if self.all[at].to <= until {
                self.path(at, 0);
                until = self.all[at].from;
            }
        }
    }

    /// From its end backwards: what ended last is what was waited for.
    fn path(&mut self, at: usize, depth: usize) {
        let own = &self.all[at];
        let mut below = self
            .children
            .get(own.id.as_str())
            .cloned()
            .unwrap_or_default();
        below.sort_by_key(|it| std::cmp::Reverse(self.all[*it].to));
        let (mut until, mut alone) = (own.to, 1);
        for it in below {
            let child = &self.all[it];
            if child.to > until || depth > MOST_SPANS || self.longest[it] > 0 {
                continue;
            }
            alone += until - child.to;
            until = child.from.max(own.from);
            self.path(it, depth + 1);
        }
        self.longest[at] = alone + until.saturating_sub(own.from);
    }

    fn shares(&self) -> Vec<Share> {
        let mut by: Vec<Share> = Vec::new();
        for (own, us) in self
            .all
            .iter()
            .zip(&self.longest)
            .filter(|(_, us)| **us > 0)
        {
            let what = if own.kind == Side::Client {
                format!("{}, waiting", own.service)
            } else {
                own.service.clone()
            };
            let ms = real(*us) / 1000.0;
            match by.iter_mut().find(|it| it.what == what) {
                Some(share) => share.ms += ms,
                None => by.push(Share { what, ms }),
            }
        }
        by.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        by
    }
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
