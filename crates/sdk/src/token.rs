//! Read your own writes: a [`Token`] names what was written, travels with the answer to the user, and
//! is asked of whoever reads next. Pure: the question is an HTTP path of the reader's sidecar, the
//! call is the caller's.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The header in which an event says on what it stands.
pub const CAUSES: &str = "causes";
/// Beyond so many events of one service a token names only the time.
const EVENTS: usize = 8;

/// An event that is in the outbox once its transaction has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it makes the token, once the transaction has committed"]
pub struct Written {
    pub(crate) topic: String,
    pub(crate) event: String,
    pub(crate) causes: Token,
}

impl Written {
    /// What was written, and all that it stands on. `service` is the one that wrote, `clock` its
    /// store's clock *after* the commit, as the driver's module gives it.
    pub fn token(&self, service: &str, clock: i64) -> Token {
        let row = Row {
            s: service.to_owned(),
            t: clock,
            o: self.topic.clone(),
            e: self.event.clone(),
        };
        Token(vec![row]).and(&self.causes)
    }
}

/// What was written, for who wants to see it. As text it goes into a header or a cookie.
///
/// ```
/// let written: freehold::Token = r#"[{"s":"orders","t":1763772000000000}]"#.parse()?;
/// let path = written.question("search", std::time::Duration::from_millis(500));
/// assert!(path.starts_with("/token?service=search&wait=500&token=%5B%7B"));
/// # Ok::<_, freehold::NoToken>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    s: String,
    t: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    o: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    e: String,
}

impl Token {
    /// All that this service committed before this time of its store's clock, without naming it.
    pub fn of_all(service: &str, clock: i64) -> Self {
        Self(vec![Row {
            s: service.to_owned(),
            t: clock,
            o: String::new(),
            e: String::new(),
        }])
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for row in &other.0 {
            if !self.0.contains(row) {
                self.0.push(row.clone());
            }
        }
        let services: Vec<String> = self.0.iter().map(|row| row.s.clone()).collect();
        for service in services {
            let of = self.0.iter().filter(|row| row.s == service);
            let (count, last) = of.fold((0, i64::MIN), |(n, t), row| (n + 1, t.max(row.t)));
            if count > EVENTS {
                self.0.retain(|row| row.s != service);
                self = self.and(&Self::of_all(&service, last));
            }
        }
        self
    }

    /// What to GET from the address that `freehold run --listen` was given: answered once this
    /// service shows all of it, or why it does not, or when the time is over.
    pub fn question(&self, service: &str, wait: Duration) -> String {
        format!(
            "/token?service={}&wait={}&token={}",
            escaped(service),
            wait.as_millis(),
            escaped(&self.to_string())
        )
    }
}

/// The answer to [`Token::question`]: its status and its body.
///
/// # Errors
/// What is not to be seen, and why: the body's code and message.
pub fn answered(status: u16, body: &str) -> Result<(), NotSeen> {
    if status == 200 {
        return Ok(());
    }
    Err(serde_json::from_str(body).unwrap_or_else(|_| NotSeen {
        code: status.to_string(),
        message: body.to_owned(),
    }))
}

/// Why what a token names is not to be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Deserialize)]
#[error("{message} [{code}]")]
pub struct NotSeen {
    /// `FH3941`: not in time; `FH3942`: its key stands still; `FH3943`: it never will.
    pub code: String,
    /// The sentence.
    pub message: String,
}

/// This is no token.
#[derive(Debug, thiserror::Error)]
#[error("this is no token")]
pub struct NoToken(#[source] serde_json::Error);

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        serde_json::from_str(text).map_err(NoToken)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// Everything but letters, digits, `-`, `.` and `_` as RFC 3986 says.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(service: &str, clock: i64, event: &str) -> Token {
        let written = Written {
            topic: "a.v1".to_owned(),
            event: event.to_owned(),
            causes: Token::default(),
        };
        written.token(service, clock)
    }

    #[test]
    fn a_token_of_much_names_the_time() {
        let mut all = named("catalog", 1, "x");
        for at in 0..8 {
            all = all.and(&named("orders", at, &at.to_string()));
        }
        assert_eq!(all.0.len(), 9);
        assert_eq!(all.clone().and(&all.clone()), all);
        let all = all.and(&named("orders", 5, "another"));
        assert_eq!(
            all,
            named("catalog", 1, "x").and(&Token::of_all("orders", 7))
        );
    }

    #[test]
    fn what_it_stands_on_goes_along() {
        let cause = named("catalog", 1, "x");
        let written = Written {
            topic: "b.v1".to_owned(),
            event: "y".to_owned(),
            causes: cause.clone(),
        };
        let token = written.token("orders", 9);
        let text = token.to_string();
        assert_eq!(
            text,
            r#"[{"s":"orders","t":9,"o":"b.v1","e":"y"},{"s":"catalog","t":1,"o":"a.v1","e":"x"}]"#
        );
        assert_eq!(text.parse::<Token>().expect("a token"), token);
        assert!("nothing".parse::<Token>().is_err());
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(answered(200, "{}"), Ok(()));
        let late = answered(504, r#"{"code": "FH3941", "message": "not in time"}"#);
        assert_eq!(late.expect_err("late").code, "FH3941");
        assert_eq!(answered(502, "bad gateway").expect_err("odd").code, "502");
    }
}
