//! One request through every service.

use serde::{Deserialize, Serialize};

use super::DeadLetter;

/// What a span is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    #[default]
    Work,
    /// Waits for something outside of the system.
    Outside,
    /// From the commit of an event to where it can be read.
    Event,
    /// A bracket around others.
    Saga,
}

/// A trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    pub id: String,
    /// `POST /orders`
    pub name: String,
    pub about: String,
    pub at: u64,
    /// When the caller had its answer, and what it was.
    pub answered_ms: f64,
    pub answer: String,
    /// When everything that it set off was done.
    pub done_ms: f64,
    /// When it could be read elsewhere, and where.
    pub readable_ms: Option<f64>,
    pub readable_in: String,
    pub failed: bool,
    pub saga: String,
    pub event: String,
    pub spans: Vec<Span>,
    /// Where the time of the longest path went.
    pub shares: Vec<Share>,
}

/// Times are cut to milliseconds, and some stores round theirs.
const ROUNDED_MS: f64 = 2.0;

impl Trace {
    /// Says when and where it was readable last. What its reader took and put aside for a person is
    /// not, and shown as failed.
    pub fn settle(&mut self, dead: &[DeadLetter]) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970")]
        let at = |time: u64| time as f64;
        let begin = at(self.at);
        let events = self.spans.iter_mut();
        let events = events.filter(|own| own.kind == SpanKind::Event);
        let mut last: Option<&Span> = None;
        for own in events {
            let parks = |letter: &&DeadLetter| {
                letter.service == own.service
                    && own.detail == format!("{} {}", letter.event, letter.key)
            };
            // Older ones of its key were taken before it.
            let mut parked = dead.iter().filter(parks).map(|it| at(it.since));
            let ended = begin + own.to_ms + ROUNDED_MS;
            own.failed |= parked.any(|since| ended >= since);
            if !own.failed && last.is_none_or(|it| it.to_ms < own.to_ms) {
                last = Some(own);
            }
        }
        self.readable_ms = last.map(|own| own.to_ms);
        self.readable_in = last.map_or_else(String::new, |own| own.service.clone());
    }
}

/// A piece of a trace, relative to its begin.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub detail: String,
    pub depth: usize,
    pub from_ms: f64,
    pub to_ms: f64,
    /// The last part of it waits for a disk.
    pub disk_ms: f64,
    pub kind: SpanKind,
    /// Without it the whole would have been faster.
    pub longest: bool,
    pub failed: bool,
}

/// A part of the longest path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Share {
    pub what: String,
    pub ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_person_is_not_readable() {
        let event = Span {
            service: "orders".to_owned(),
            detail: "book.changed.v1 5".to_owned(),
            to_ms: 20.0,
            kind: SpanKind::Event,
            ..Span::default()
        };
        let trace = Trace {
            at: 1_000_000,
            spans: vec![event],
            ..Trace::default()
        };
        let letter = |key: &str, since| DeadLetter {
            event: "book.changed.v1".to_owned(),
            service: "orders".to_owned(),
            key: key.to_owned(),
            since,
            ..DeadLetter::default()
        };
        let readable = |dead: &[DeadLetter]| {
            let mut own = trace.clone();
            own.settle(dead);
            own.readable_ms
        };
        assert_eq!(readable(&[]), Some(20.0));
        assert_eq!(readable(&[letter("5", 1_000_019)]), None);
        assert_eq!(readable(&[letter("6", 1_000_019)]), Some(20.0));
        // A later one of its key.
        assert_eq!(readable(&[letter("5", 1_000_500)]), Some(20.0));
    }
}
