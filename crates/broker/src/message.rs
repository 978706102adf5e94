//! What travels: an event, or one of the few things that a relay says besides.
//!
//! Pure. How a message looks on a broker's wire is told in `cloudevents.rs` (others' brokers) and
//! in the embedded broker's `record.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::position::{Incarnation, ParseError, Position};
use crate::timestamp::Timestamp;
use crate::topic::{Lane, Partition, To, Topic};

/// The random UUID in the event's outbox row. Text: the usual 36 characters, lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

/// What one source says to the consumers of one topic, at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The row's own id; the same in every copy of this message.
    pub event: EventId,
    /// Where it goes.
    pub topic: Topic,
    /// Where in the topic. For events and voids always the lane of `key`.
    pub to: To,
    /// What order is kept for. Any text, up to 1,024 bytes; empty for heartbeats and incarnations.
    pub key: String,
    /// The service that publishes; with [`Message::event`] unique in the system.
    pub source: Arc<str>,
    /// Where it stands in its source's order. Rises within a partition.
    pub position: Position,
    /// The position of the event (or void) before it in the same topic and lane; `None`: there was
    /// none, or it is no event.
    pub prev: Option<Position>,
    /// By the source's clock. Shown; decides nothing.
    pub occurred_at: Timestamp,
    /// `traceparent` and what the program added. Names in lower case, `a–z 0–9 - _`; not `ce-…`,
    /// `fh…`, `nats-…`, `content-type`. Values without control characters. A broker may hand them out
    /// sorted by name.
    pub headers: Vec<(String, String)>,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A fact, as its contract says.
    Event {
        /// Usually `application/json`.
        content_type: Arc<str>,
        /// The event itself.
        payload: Bytes,
    },
    /// Stands at the position of an event that could not be sent as it is, and parks its key
    /// downstream. Carries the event's id, key and `prev`.
    Void {
        /// Why, as an `FHnnnn` code.
        code: String,
        /// Why, as a sentence.
        why: String,
    },
    /// The source is alive, and this is how far it has come. In every partition of every topic.
    Heartbeat(Heads),
    /// A new incarnation has begun: the source was restored or failed over. In every partition of
    /// every topic, before anything else of it.
    Incarnation(History),
}

/// The last position per topic and lane that the source has published. Those of the message's own
/// topic are always whole: a lane that is missing has had no event.
/// JSON: `{"order.confirmed.v2":{"17":"3-00c0ffee.17.4711"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heads(pub BTreeMap<Topic, BTreeMap<Lane, Position>>);

/// One incarnation and where it went on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The incarnation.
    pub incarnation: Incarnation,
    /// The last position of those before it that its store still contains; `None` for the first one,
    /// and where nothing survived.
    pub after: Option<Position>,
}

/// The incarnations that lead to the present one, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History(pub Vec<Base>);

impl History {
    /// Is the event at this position still a fact of the source? True if its incarnation is in
    /// this history and every later one went on from there or from later: a store may be put back
    /// to before the incarnation that it is in.
    pub fn survives(&self, position: Position) -> bool {
        let mut rest = self.0.iter();
        let known = rest.any(|base| base.incarnation == position.incarnation);
        known && rest.all(|later| later.after.is_some_and(|after| position <= after))
    }

    /// Is this incarnation one of those that lead to the present one?
    pub fn contains(&self, incarnation: Incarnation) -> bool {
        self.0.iter().any(|base| base.incarnation == incarnation)
    }
}

/// What a broker knows duplicates by: incarnation and event id, and for what is said in every
/// partition the partition too. Text: `3-00c0ffee:UUID` or `3-00c0ffee:UUID:17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// In which it was published.
    pub incarnation: Incarnation,
    /// The row's id.
    pub event: EventId,
    /// Of a heartbeat or an incarnation.
    pub partition: Option<Partition>,
}

impl Message {
    /// What a broker knows duplicates by.
    pub fn id(&self) -> MessageId {
        MessageId {
            incarnation: self.position.incarnation,
            event: self.event,
            partition: match self.to {
                To::Lane(_) => None,
                To::Partition(partition) => Some(partition),
            },
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.incarnation, self.event)?;
        match self.partition {
            Some(partition) => write!(f, ":{}", partition.number()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for EventId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parse = || {
            let dashes = [8, 13, 18, 23].map(|at| text.as_bytes().get(at) == Some(&b'-'));
            (text.len() == 36 && dashes == [true; 4]).then_some(())?;
            let mut digits = text.chars().filter(|c| *c != '-');
            let mut bytes = [0; 16];
            for byte in &mut bytes {
                let (high, low) = (digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?);
                *byte = u8::try_from(high * 16 + low).ok()?;
            }
            digits.next().is_none().then_some(Self(bytes))
        };
        parse().ok_or_else(|| ParseError::new("a UUID", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u32, batch: u64) -> Position {
        Position {
            incarnation: Incarnation { number, random: 7 },
            batch,
            id: 1,
        }
    }

    fn base(number: u32, after: Option<Position>) -> Base {
        let incarnation = Incarnation { number, random: 7 };
        Base { incarnation, after }
    }

    #[test]
    fn what_the_next_incarnation_went_on_from_survives() {
        let history = History(vec![
            base(1, None),
            base(2, Some(at(1, 50))),
            base(4, Some(at(2, 9))),
        ]);
        let alive = [at(1, 1), at(1, 50), at(2, 9), at(4, 1), at(4, 1_000)];
        assert!(alive.into_iter().all(|position| history.survives(position)));
        let ghosts = [at(1, 51), at(2, 10), at(3, 1), at(5, 1)];
        assert!(
            !ghosts
                .into_iter()
                .any(|position| history.survives(position))
        );
        let twice = History(vec![
            base(1, None),
            base(2, Some(at(1, 50))),
            base(3, Some(at(1, 40))),
        ]);
        assert!(twice.survives(at(1, 40)) && !twice.survives(at(1, 45)));
        assert!(!twice.survives(at(2, 51)));
        let lost = History(vec![base(1, None), base(2, None)]);
        assert!(!lost.survives(at(1, 1)) && lost.survives(at(2, 1)));
    }

    #[test]
    fn event_ids_are_uuids() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(
            text.parse::<EventId>().map(|id| id.to_string()),
            Ok(text.to_owned())
        );
        for wrong in [
            "",
            "00112233445566778899aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefg",
            "0011223-34455-6677-8899-aabbccddeeff",
            "001122-3-4455-6677-8899-aabbccddeeff",
        ] {
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }
}
