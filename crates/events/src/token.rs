//! Read your own writes: a token names what was written, and tells whether a store shows it yet.
//!
//! A token is a JSON array, one row for each event, which travels as text: `[{"s": "orders", "t":
//! 1763772000000000, "o": "order.confirmed.v2", "e": "…"}]` is the service, a time of its store's
//! clock *after* the commit, the topic and the event's id. A row with neither topic nor event stands
//! for all that the service committed before that time. What an event stands on is a token in its
//! header `causes`; events with that header, be it `[]`, are the ones that are noted one by one.
//!
//! Waiting ends within its time whatever happens, and never early.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_broker::EventId;
use freehold_engine::TxMode;
use freehold_model::Fault;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::ground::Ground;
use crate::peer::Open;

/// The header in which an event says on what it stands.
pub const CAUSES: &str = "causes";
/// More rows are no token.
const ROWS: usize = 64;
/// Connections for all who wait at one store.
const WAITERS: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// What was written, as those have it who want to see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    s: String,
    t: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    o: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    e: String,
}

impl Token {
    /// From its text.
    ///
    /// # Errors
    /// FH3940: it is no token.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let no = |why: String| {
            Err(Fault::new("FH3940", format!("this is no token: {why}"))
                .help("take what the library made, or see the guide \"Read your own writes\""))
        };
        let mut token: Self = match serde_json::from_str(text) {
            Ok(token) => token,
            Err(error) => return no(error.to_string()),
        };
        if token.0.len() > ROWS {
            return no(format!("{} rows, and {ROWS} at most", token.0.len()));
        }
        for row in &mut token.0 {
            if row.s.is_empty() || row.o.is_empty() != row.e.is_empty() {
                return no("a row names a service, and topic and event or neither".to_owned());
            }
            if let Some(id) = written(&row.e) {
                row.e = id.to_string();
            } else if !row.e.is_empty() {
                return no(format!("`{}` is no event's id", row.e));
            }
        }
        Ok(token)
    }

    /// As it travels.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// With or without dashes, in either case.
fn written(id: &str) -> Option<EventId> {
    let digits: String = id.chars().filter(|it| *it != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(EventId(bytes))
}

/// How it stands with a token at one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// All that it names is to be seen, or was overtaken by what is to be seen.
    Yes,
    /// Not yet.
    Waiting,
    /// An event stands still, itself or behind another one of its key.
    Parked {
        /// The service that published it.
        source: String,
        /// Its key; empty where the token does not name events.
        key: String,
    },
    /// An operator left the event out.
    Skipped {
        /// The service that published it.
        source: String,
        /// The event.
        event: String,
    },
    /// Everything that the service had published by then came, and this event was not among it: the
    /// service's store was put back to an earlier state. Or the event has no header `causes`.
    Lost {
        /// The service that published it.
        source: String,
        /// The event.
        event: String,
    },
}

impl Reached {
    /// What does not get better by waiting, as a user meets it.
    pub fn fault(&self, service: &str, waited: Duration) -> Option<Fault> {
        let (code, message, help) = match self {
            Self::Yes => return None,
            Self::Waiting => (
                "FH3941",
                format!("{service} did not show it within {} ms", waited.as_millis()),
                "ask again, answer from what is there, or see why: `freehold events list`",
            ),
            Self::Parked { source, key } if key.is_empty() => (
                "FH3942",
                format!("{service} has keys of {source} that stand still, perhaps this one"),
                "see `freehold events dead`",
            ),
            Self::Parked { source, key } => (
                "FH3942",
                format!("{service} cannot show it: the key {key} of {source} stands still"),
                "see `freehold events dead`, then retry, edit or skip it",
            ),
            Self::Skipped { source, event } => (
                "FH3943",
                format!("{service} never shows the event {event} of {source}: it was left out"),
                "who did it stands in freehold_note",
            ),
            Self::Lost { source, event } => (
                "FH3943",
                format!("{service} has all of {source} up to then, and not the event {event}"),
                "was the source's store put back? or has the event no header `causes`?",
            ),
        };
        Some(Fault::new(code, message).help(help))
    }
}

/// Looks once.
///
/// # Errors
/// The store's.
pub async fn look(ground: &mut Ground, token: &Token) -> Result<Reached> {
    let sql = ground.sql.reached.clone();
    if sql.is_empty() || token.0.is_empty() {
        return Ok(Reached::Yes);
    }
    ground.begin(TxMode::ReadOnly).await?;
    let rows = ground.connection.query(&sql, &[token.text().into()]).await;
    ground.rollback().await?;
    let mut reached = Reached::Yes;
    for row in &rows? {
        let text = |at: usize| row.get(at).and_then(|it| it.text()).map(str::to_owned);
        let read = (text(0), text(2), text(3), text(4));
        let (Some(source), Some(event), Some(state), Some(key)) = read else {
            return Err(Error::Unreadable("freehold_passed"));
        };
        let one = match state.as_str() {
            "applied" | "covered" | "elsewhere" => continue,
            "waiting" => Reached::Waiting,
            "parked" => Reached::Parked { source, key },
            "skipped" => Reached::Skipped { source, event },
            "lost" => Reached::Lost { source, event },
            _ => return Err(Error::Unreadable("freehold_passed")),
        };
        if one != Reached::Waiting {
            return Ok(one);
        }
        reached = one;
    }
    Ok(reached)
}

/// Those who wait at one store, over a few connections.
pub struct Waiting {
    open: Open,
    free: Semaphore,
    kept: Mutex<Vec<Ground>>,
}

impl Waiting {
    /// Connects when somebody waits.
    pub fn new(open: Open) -> Arc<Self> {
        Arc::new(Self {
            open,
            free: Semaphore::new(WAITERS),
            kept: Mutex::default(),
        })
    }

    /// Until it is reached, or never will be, or the time is over: then [`Reached::Waiting`], also
    /// where the store does not answer.
    ///
    /// # Errors
    /// The store's, where it answers with one.
    pub async fn until(&self, token: &Token, patience: Duration) -> Result<Reached> {
        let end = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let looked = tokio::time::timeout_at(end, self.look(token)).await;
            let Ok(looked) = looked else {
                return Ok(Reached::Waiting);
            };
            let reached = looked?;
            if reached != Reached::Waiting || Instant::now() + pause >= end {
                return Ok(reached);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A connection whose question was given up is not used again.
    async fn look(&self, token: &Token) -> Result<Reached> {
        let Ok(_permit) = self.free.acquire().await else {
            return Ok(Reached::Waiting);
        };
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut ground = match kept.filter(|it| !it.connection.broken()) {
            Some(ground) => ground,
            None => (self.open)().await?,
        };
        let reached = look(&mut ground, token).await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(ground);
        Ok(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_was_said() {
        let event = "0123456789ABCDEF0123456789ABCDEF";
        let text = format!(
            r#"[{{"s":"orders","t":5,"o":"order.confirmed.v2","e":"{event}"}},{{"s":"catalog","t":7}}]"#
        );
        let token = Token::parse(&text).expect("a token");
        assert_eq!(token.0[0].e, "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(Token::parse(&token.text()).expect("again"), token);
        assert_eq!(Token::parse("[]").expect("nothing"), Token::default());
        let many = format!("[{}]", vec![r#"{"s":"a","t":1}"#; ROWS + 1].join(","));
        for odd in [
            "",
            "{}",
            r#"[{"s":"","t":1}]"#,
            r#"[{"s":"a"}]"#,
            r#"[{"s":"a","t":1,"e":"01234567-89ab-cdef-0123-456789abcdef"}]"#,
            r#"[{"s":"a","t":1,"o":"a.v1","e":"1"}]"#,
            r#"[{"s":"a","t":1,"x":2}]"#,
            &many,
        ] {
            let fault = Token::parse(odd).expect_err(odd);
            assert_eq!(fault.code, "FH3940", "{odd}");
        }
    }
}
