//! An event before it is in the outbox: topic, key, payload, headers. Pure.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::token::{CAUSES, Token};
use crate::{Error, Result};

/// Longer ones are refused by the outbox.
const TOPIC_BYTES: usize = 120;
const KEY_BYTES: usize = 1024;

/// A fact with a type: the topic is the type's, the key is the value's.
///
/// ```
/// # use serde::Serialize;
/// #[derive(Serialize)]
/// #[serde(rename_all = "camelCase")]
/// struct BookChanged { book_id: i64, title: String, version: i64 }
///
/// impl freehold::Fact for BookChanged {
///     const TOPIC: &'static str = "book.changed.v1";
///     fn key(&self) -> String { self.book_id.to_string() }
/// }
/// # let fact = BookChanged { book_id: 5, title: "Emma".into(), version: 7 };
/// let event = freehold::Event::of(&fact)?;
/// assert_eq!(event.key(), "5");
/// # Ok::<_, freehold::Error>(())
/// ```
pub trait Fact: Serialize {
    /// `book.changed.v1`, as the service's `publishes:` names it.
    const TOPIC: &'static str;

    /// Events of one key arrive in the order of their commits.
    fn key(&self) -> String;
}

/// What is written into the outbox. Made once, written as often as its transaction is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    topic: String,
    key: String,
    payload: Option<String>,
    headers: Map<String, Value>,
}

impl Event {
    /// From a typed fact.
    pub fn of<F: Fact>(fact: &F) -> Result<Self> {
        Self::new(F::TOPIC, fact.key(), fact)
    }

    /// From parts.
    pub fn new(topic: &str, key: impl Into<String>, payload: &impl Serialize) -> Result<Self> {
        let payload = serde_json::to_string(payload).map_err(|source| Error::Payload {
            topic: topic.to_owned(),
            source,
        })?;
        Self::checked(topic, key.into(), Some(payload))
    }

    /// The entity of this key is gone: copies drop their row, and nothing older brings it back.
    pub fn gone(topic: &str, key: impl Into<String>) -> Result<Self> {
        Self::checked(topic, key.into(), None)
    }

    /// Adds a header, such as `traceparent`.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers
            .insert(name.to_owned(), Value::String(value.into()));
        self
    }

    /// Says on what it stands: who waits for this event waits for that, too.
    #[must_use]
    pub fn caused_by(self, token: &Token) -> Self {
        self.header(CAUSES, token.to_string())
    }

    /// With an id of its own and the header by which readers note it, and what makes its token.
    #[cfg(any(
        feature = "mysql_async",
        feature = "rusqlite",
        feature = "tokio-postgres"
    ))]
    pub(crate) fn named(&self) -> Result<(Self, crate::Written)> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        // A random UUID, as RFC 9562 writes it.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = |range: std::ops::Range<usize>| {
            let digits = bytes[range].iter().map(|byte| format!("{byte:02x}"));
            digits.collect::<String>()
        };
        let parts = [hex(0..4), hex(4..6), hex(6..8), hex(8..10), hex(10..16)];
        let causes = self.headers.get(CAUSES).and_then(Value::as_str);
        let causes: Token = causes.and_then(|it| it.parse().ok()).unwrap_or_default();
        let written = crate::Written {
            topic: self.topic.clone(),
            event: parts.join("-"),
            causes,
        };
        Ok((self.clone().caused_by(&written.causes), written))
    }

    /// As `publishes:` names it.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// What orders it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// JSON; `None` for [`Event::gone`].
    pub fn payload(&self) -> Option<&str> {
        self.payload.as_deref()
    }

    /// A JSON object of texts; `None` without headers.
    pub fn headers(&self) -> Option<String> {
        (!self.headers.is_empty()).then(|| Value::Object(self.headers.clone()).to_string())
    }

    /// A row of an outbox.
    #[cfg(any(feature = "rusqlite", feature = "tokio-postgres"))]
    pub(crate) fn read(
        topic: &str,
        key: String,
        payload: Option<String>,
        headers: Option<String>,
    ) -> Self {
        let headers = headers.map_or_else(Map::new, |text| match serde_json::from_str(&text) {
            Ok(Value::Object(headers)) => headers,
            _ => panic!("the outbox has headers that are no object: {text}"),
        });
        match Self::checked(topic, key, payload) {
            Ok(event) => Self { headers, ..event },
            Err(error) => panic!("the outbox has a row that is no event: {error}"),
        }
    }

    fn checked(topic: &str, key: String, payload: Option<String>) -> Result<Self> {
        if !is_topic(topic) {
            return Err(Error::Topic(topic.to_owned()));
        }
        let what = match key.len() {
            0 => Some("no key"),
            bytes if bytes > KEY_BYTES => Some("a key of more than 1024 bytes"),
            _ => None,
        };
        if let Some(what) = what {
            return Err(Error::Key {
                topic: topic.to_owned(),
                what,
            });
        }
        Ok(Self {
            topic: topic.to_owned(),
            key,
            payload,
            headers: Map::new(),
        })
    }
}

/// Lower-case words with dots, then `.v` and a number from 1 on.
fn is_topic(topic: &str) -> bool {
    let Some((name, version)) = topic.rsplit_once(".v") else {
        return false;
    };
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    topic.len() <= TOPIC_BYTES
        && name.split('.').all(word)
        && version.starts_with(|first: char| ('1'..='9').contains(&first))
        && version.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn topics() {
        for (topic, good) in [
            ("order.confirmed.v2", true),
            ("a.v1", true),
            ("a_b.c9.v10", true),
            ("a.v0", false),
            ("a.v", false),
            ("a", false),
            ("A.v1", false),
            ("a..b.v1", false),
            (".v1", false),
            ("a.v1x", false),
        ] {
            assert_eq!(Event::gone(topic, "k").is_ok(), good, "{topic}");
        }
        assert!(Event::gone(&format!("{}.v1", "a".repeat(120)), "k").is_err());
    }

    #[test]
    fn keys_are_there_and_short() {
        assert!(Event::gone("a.v1", "").is_err());
        assert!(Event::gone("a.v1", "x".repeat(1025)).is_err());
        assert!(Event::gone("a.v1", "x".repeat(1024)).is_ok());
    }

    #[test]
    fn what_is_written() {
        let event = Event::new("a.v1", "k", &json!({ "n": 1 })).expect("an event");
        assert_eq!(event.payload(), Some(r#"{"n":1}"#));
        assert_eq!(event.headers(), None);
        let traced = event.header("traceparent", "00-ab");
        assert_eq!(
            traced.headers().as_deref(),
            Some(r#"{"traceparent":"00-ab"}"#)
        );
        assert_eq!(Event::gone("a.v1", "k").expect("gone").payload(), None);
    }
}
