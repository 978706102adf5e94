//! What an operator left out of a copy for ever: an event that could not be applied, or a range that
//! nobody has any more. Until a later event says the key's whole state, or the copy is filled anew,
//! the copy is not what its source says. Pure.

use std::fmt;
use std::str::FromStr;

use freehold_broker::{Lane, Position, Topic};
use freehold_engine::Value;
use serde::Serialize;

use crate::copy::stamp;

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The event's place in the source's order, or the last of the range, as text that sorts.
    pub position: String,
    /// The event's name.
    pub topic: String,
    /// Its key; empty of a range, whose keys nobody knows.
    pub key: String,
    /// Who left it out, and why it could not be applied.
    pub cause: String,
}

impl LeftOut {
    pub(crate) fn from_row(row: &[Value]) -> Option<Self> {
        let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
        Some(Self {
            position: text(0)?,
            topic: text(1)?,
            key: text(2)?,
            cause: text(3)?,
        })
    }

    /// Is it this key's, or this very range?
    pub(crate) fn is(&self, which: &Which<'_>) -> bool {
        match which {
            Which::Key(key) => !self.key.is_empty() && self.key == *key,
            Which::Range(range) => {
                let same = self.topic == range.topic.as_str();
                same && self.key.is_empty() && self.position == stamp(range.upto)
            }
        }
    }
}

/// What an operator means.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All of a key.
    Key(&'a str),
    /// A range of a lane.
    Range(&'a LostRange),
}

/// Events of one lane that neither the broker nor their owner has any more: what is behind the
/// lane's watermark, up to this position. As text `book.changed.v1/7..1-00c0ffee.17.4711`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRange {
    /// The event's name.
    pub topic: Topic,
    /// The lane.
    pub lane: Lane,
    /// The last that is lost.
    pub upto: Position,
}

impl fmt::Display for LostRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}..{}", self.topic, self.lane.number(), self.upto)
    }
}

impl FromStr for LostRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = || {
            let (topic, rest) = text.split_once('/')?;
            let (lane, upto) = rest.split_once("..")?;
            Some(Self {
                topic: Topic::new(topic).ok()?,
                lane: Lane::new(lane.parse().ok()?)?,
                upto: upto.parse().ok()?,
            })
        };
        parts().ok_or("a range is written EVENT/LANE..POSITION, as the alarm says it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_comes_back_as_it_was_said() {
        let said = "book.changed.v1/7..1-00c0ffee.17.4711";
        let range: LostRange = said.parse().expect("a range");
        assert_eq!(range.to_string(), said);
        for wrong in [
            "",
            "book.changed.v1",
            "book.changed.v1/64..1-00c0ffee.17.4711",
            "book.changed.v1/7..17",
            "/7..1-00c0ffee.17.4711",
        ] {
            assert!(wrong.parse::<LostRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_range_is_no_key_and_no_key_is_a_range() {
        let range: LostRange = "book.changed.v1/7..1-00c0ffee.17.4711"
            .parse()
            .expect("a range");
        let of = |key: &str| LeftOut {
            position: stamp(range.upto),
            topic: range.topic.to_string(),
            key: key.to_owned(),
            cause: String::new(),
        };
        assert!(of("").is(&Which::Range(&range)) && !of("").is(&Which::Key("")));
        assert!(of("5").is(&Which::Key("5")) && !of("5").is(&Which::Range(&range)));
    }
}
