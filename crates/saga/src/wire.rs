//! A request and its reply as HTTP headers: the contract with participants in any language.
//!
//! Only a reply that echoes the request's key and carries an outcome is one. Whatever else comes
//! back (a bare 200, a 404 of an ingress, 401, 409, 5xx) says nothing of the action, so it counts
//! as unanswered. The status line is for people and proxies alone.

use crate::transition::{Kind, Millis, Outcome, Told};

/// Names the request, whatever is sent how often: saga, step, generation and kind.
pub const KEY: &str = "idempotency-key";
/// What is asked: one of [`kind_name`].
pub const KIND: &str = "freehold-kind";
/// Store time of the initiator in milliseconds since 1970; afterwards the request does nothing.
pub const EXPIRES: &str = "freehold-expires";
/// SHA-256 of the canonical body.
pub const DIGEST: &str = "freehold-body-digest";
/// What became of it: one of [`outcome_name`].
pub const OUTCOME: &str = "freehold-outcome";
/// Of the participant's store: another one after a restore.
pub const INCARNATION: &str = "freehold-incarnation";
/// Of an answer to a status: the highest generation, and the one that is done or `-`.
pub const GENERATIONS: &str = "freehold-generations";

/// Who asks: the service whose saga it is.
pub const CALLER: &str = "freehold-caller";
/// HMAC-SHA-256 over [`signed_text`], in hexadecimal digits.
pub const SIGNATURE: &str = "freehold-signature";
/// Where every participant answers for its barrier alone: a POST with the kind `status` for a step
/// whose own address is not known, and a DELETE that forgets a saga.
pub const BARRIER_PATH: &str = "/.freehold/barrier";

/// Names a request to forget a saga.
pub fn forget_key(saga: &str) -> String {
    format!("{saga}/-/0/forget")
}

/// What a signature is made over: whoever can make one is the caller.
pub fn signed_text(
    caller: &str,
    method: &str,
    path: &str,
    key: &str,
    expires: Millis,
    digest: &str,
) -> String {
    format!("{caller}\n{method}\n{path}\n{key}\n{expires}\n{digest}")
}

/// What a reply says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    pub said: Said,
    /// As the participant calls it.
    pub incarnation: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Outcome(Outcome),
    Told(Told),
}

/// `saga/step/generation/kind`.
pub fn key(saga: &str, step: &str, generation: u32, kind: Kind) -> String {
    format!("{saga}/{step}/{generation}/{}", kind_name(kind))
}

/// The parts of a key that a participant got; `None` where it is none.
pub fn parse_key(key: &str) -> Option<(&str, &str, u32, Kind)> {
    let mut parts = key.split('/');
    let (saga, step) = (parts.next()?, parts.next()?);
    let generation = parts.next()?;
    let kind = kind_named(parts.next()?)?;
    let plain = !generation.is_empty() && generation.bytes().all(|byte| byte.is_ascii_digit());
    let whole = parts.next().is_none() && !saga.is_empty() && !step.is_empty() && plain;
    whole.then_some((saga, step, generation.parse().ok()?, kind))
}

/// W3C's context of a request. An input may have a field of this name: the context of what started
/// the saga.
pub const TRACEPARENT: &str = "traceparent";

/// Where a request stands in a trace, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub trace: String,
    /// The span of what started the saga; empty where that is not known.
    pub parent: String,
    /// The span around the whole saga.
    pub saga: String,
    /// The span of this request: the same however often it is sent.
    pub span: String,
}

impl Context {
    /// As W3C writes it.
    pub fn header(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.span)
    }
}

/// Where the request with this key stands; `None` where the key is none. It is part of the trace of
/// what started the saga, if `began` is that one's context, or else of one that has the saga's id, so
/// that all who take part agree.
pub fn trace(key: &str, began: Option<&str>) -> Option<Context> {
    let (id, ..) = parse_key(key)?;
    let [saga, span] = [id, key].map(span);
    let own = || {
        let trace: String = id.chars().filter(|own| *own != '-').collect();
        is_hex(&trace, 32).then(|| (trace.to_lowercase(), String::new()))
    };
    let (trace, parent) = began.and_then(started_in).or_else(own)?;
    Some(Context {
        trace,
        parent,
        saga,
        span,
    })
}

/// A span's id that whoever knows the text can make.
pub fn span(of: &str) -> String {
    format!("{:016x}", fnv(of.as_bytes()))
}

/// Trace and span of `00-TRACE-SPAN-FLAGS`.
pub fn started_in(context: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = context.split('-').collect();
    let [version, trace, span, _] = parts[..] else {
        return None;
    };
    let whole = version == "00" && is_hex(trace, 32) && is_hex(span, 16);
    whole.then(|| (trace.to_lowercase(), span.to_lowercase()))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|own| own.is_ascii_hexdigit())
}

/// Fowler, Noll and Vo's hash, 1a with 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What the reply to the request `sent` says; `None`: nothing that may be acted on.
///
/// `header` gives a header's value by its lower-case name.
pub fn reply<'h>(sent: &str, header: impl Fn(&str) -> Option<&'h str>) -> Option<Replied> {
    if header(KEY)? != sent {
        return None;
    }
    let (_, _, _, kind) = parse_key(sent)?;
    let said = if kind == Kind::Status {
        Said::Told(told(header(GENERATIONS)?)?)
    } else {
        Said::Outcome(outcome_named(header(OUTCOME)?).filter(|it| answers(kind, *it))?)
    };
    Some(Replied {
        said,
        incarnation: header(INCARNATION).map(str::to_owned),
    })
}

/// Is this an answer to that question? An undo cannot be refused, an action does not end undone.
fn answers(kind: Kind, outcome: Outcome) -> bool {
    match kind {
        Kind::Action => matches!(
            outcome,
            Outcome::Done | Outcome::Refused | Outcome::Cancelled
        ),
        Kind::Undo => outcome == Outcome::Undone,
        Kind::Resolve => matches!(
            outcome,
            Outcome::Done | Outcome::Never | Outcome::NotFound | Outcome::Unknown
        ),
        Kind::Cancel => matches!(outcome, Outcome::Done | Outcome::Never | Outcome::Unknown),
        Kind::Status => false,
    }
}

fn told(text: &str) -> Option<Told> {
    let (highest, done) = text.split_once(' ')?;
    let highest = highest.parse().ok()?;
    let done = match done {
        "-" => None,
        done => Some(done.parse().ok().filter(|done| *done <= highest)?),
    };
    Some(Told { highest, done })
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Action, "action"),
    (Kind::Undo, "undo"),
    (Kind::Resolve, "resolve"),
    (Kind::Cancel, "cancel"),
    (Kind::Status, "status"),
];

const OUTCOMES: [(Outcome, &str); 7] = [
    (Outcome::Done, "done"),
    (Outcome::Refused, "refused"),
    (Outcome::Cancelled, "cancelled"),
    (Outcome::Undone, "undone"),
    (Outcome::Never, "never"),
    (Outcome::NotFound, "not-found"),
    (Outcome::Unknown, "unknown"),
];

/// The kind as it is written.
pub fn kind_name(kind: Kind) -> &'static str {
    let found = KINDS.iter().find(|(it, _)| *it == kind);
    found.map_or("", |(_, name)| name)
}

fn kind_named(name: &str) -> Option<Kind> {
    let found = KINDS.iter().find(|(_, it)| *it == name);
    found.map(|(kind, _)| *kind)
}

/// The outcome as it is written.
pub fn outcome_name(outcome: Outcome) -> &'static str {
    let found = OUTCOMES.iter().find(|(it, _)| *it == outcome);
    found.map_or("", |(_, name)| name)
}

fn outcome_named(name: &str) -> Option<Outcome> {
    let found = OUTCOMES.iter().find(|(_, it)| *it == name);
    found.map(|(outcome, _)| *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saga_is_a_trace() {
        let saga = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let of = |step| trace(&key(saga, step, 1, Kind::Action), None).expect("a trace");
        let (one, other) = (of("charge"), of("confirm"));
        assert_eq!(one.trace, "0f8fad5bd9cb469fa16570867728950e");
        assert_eq!((&one.trace, &one.saga), (&other.trace, &other.saga));
        assert!(one.span != other.span && one.span.len() == 16);
        assert_eq!(trace("saga/charge/1/action", None), None);
        assert_eq!(trace("rubbish", None), None);
    }

    #[test]
    fn a_saga_is_part_of_the_trace_that_started_it() {
        let key = key(
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "charge",
            1,
            Kind::Action,
        );
        let began = "00-7c1e5a90d2b84f3fa6e1b0c94d27f8a3-00f067aa0ba902b7-01";
        let within = trace(&key, Some(began)).expect("a trace");
        assert_eq!(within.trace, "7c1e5a90d2b84f3fa6e1b0c94d27f8a3");
        assert_eq!(within.parent, "00f067aa0ba902b7");
        let alone = trace(&key, None).expect("a trace");
        assert_eq!((&within.saga, &within.span), (&alone.saga, &alone.span));
        // It comes from outside: what is none is as if it were not there.
        for none in [
            "",
            "rubbish",
            "00-short-00f067aa0ba902b7-01",
            "00-x-y-z\r\n",
        ] {
            assert_eq!(trace(&key, Some(none)).as_ref(), Some(&alone), "{none}");
        }
    }

    fn said(sent: &str, headers: &[(&str, &str)]) -> Option<Said> {
        let header = |name: &str| {
            let found = headers.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| *value)
        };
        reply(sent, header).map(|replied| replied.said)
    }

    #[test]
    fn keys_come_back_as_they_were() {
        for (kind, _) in KINDS {
            let key = key("5f1c", "charge", 2, kind);
            assert_eq!(parse_key(&key), Some(("5f1c", "charge", 2, kind)));
        }
        for key in [
            "",
            "a/b/1",
            "a/b/1/do",
            "a/b/+1/action",
            "a//1/undo",
            "a/b/1/undo/x",
        ] {
            assert_eq!(parse_key(key), None, "{key}");
        }
    }

    #[test]
    fn only_an_echoed_key_with_an_outcome_is_a_reply() {
        let sent = key("s", "charge", 1, Kind::Action);
        let other = key("s", "charge", 2, Kind::Action);
        let done = Some(Said::Outcome(Outcome::Done));
        assert_eq!(said(&sent, &[(KEY, &sent), (OUTCOME, "done")]), done);
        assert_eq!(said(&sent, &[]), None, "a bare 200");
        assert_eq!(said(&sent, &[(OUTCOME, "done")]), None);
        assert_eq!(said(&sent, &[(KEY, &sent)]), None);
        assert_eq!(said(&sent, &[(KEY, &other), (OUTCOME, "done")]), None);
        assert_eq!(said(&sent, &[(KEY, &sent), (OUTCOME, "ok")]), None);
    }

    #[test]
    fn an_answer_fits_its_question() {
        let ask = |kind: Kind, outcome: &str| {
            let sent = key("s", "a", 1, kind);
            said(&sent, &[(KEY, &sent), (OUTCOME, outcome)]).is_some()
        };
        assert!(!ask(Kind::Undo, "refused"), "an undo cannot be refused");
        assert!(!ask(Kind::Action, "undone"));
        assert!(!ask(Kind::Action, "never"));
        assert!(!ask(Kind::Cancel, "not-found"));
        assert!(ask(Kind::Undo, "undone") && ask(Kind::Resolve, "not-found"));
    }

    #[test]
    fn a_status_tells_generations() {
        let sent = key("s", "a", 0, Kind::Status);
        let ask = |text: &str| said(&sent, &[(KEY, &sent), (GENERATIONS, text)]);
        let told = |highest, done| Some(Said::Told(Told { highest, done }));
        assert_eq!(ask("3 2"), told(3, Some(2)));
        assert_eq!(ask("0 -"), told(0, None));
        for text in ["", "3", "2 3", "x -", "1 x"] {
            assert_eq!(ask(text), None, "{text}");
        }
    }
}
