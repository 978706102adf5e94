//! Where an event stands in its source's order, and the text form in which that travels.
//!
//! Pure. What becomes of positions after a restore is told by [`crate::History`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One uninterrupted life of a source's store. A restore or a failover begins a new one.
///
/// Ordered by number, then by the random part, which keeps two restores of one backup apart even
/// within a second. While clocks are sane the later life is the larger one; where they are not, a
/// consumer asks the owner.
/// Text: `3-00c0ffee` (number in decimal, random part as eight lower-case hexadecimal digits).
/// Both parts fit a signed 64-bit column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation {
    /// When it began, in seconds since 1970 by the store's clock; at least one more than the largest
    /// number that store and broker know.
    pub number: u32,
    /// Chosen at random when the incarnation begins.
    pub random: u32,
}

/// Where an event stands in its source's order, over all of the source's topics.
///
/// The derived order is the order: incarnation, then batch, then id. It is total, and within one
/// source no two events have the same position.
/// Text: `3-00c0ffee.17.4711`: incarnation, batch, id (which may be negative).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The life of the store in which it was published.
    pub incarnation: Incarnation,
    /// The relay's batch that published it.
    pub batch: u64,
    /// The outbox row's id; rises within a batch.
    pub id: i64,
}

/// A text that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What was expected: `a position`.
    pub wanted: &'static str,
    /// What came instead, cut to 80 characters.
    pub text: String,
}

impl ParseError {
    pub(crate) fn new(wanted: &'static str, text: &str) -> Self {
        Self {
            wanted,
            text: text.chars().take(80).collect(),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.text.escape_debug(), self.wanted)
    }
}

impl std::error::Error for ParseError {}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.number, self.random)
    }
}

impl FromStr for Incarnation {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parse = || {
            let (number, random) = text.split_once('-')?;
            let plain = digits(number) && random.len() == 8 && lower_hex(random);
            plain.then_some(())?;
            Some(Self {
                number: number.parse().ok()?,
                random: u32::from_str_radix(random, 16).ok()?,
            })
        };
        parse().ok_or_else(|| ParseError::new("an incarnation such as 3-00c0ffee", text))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.incarnation, self.batch, self.id)
    }
}

impl FromStr for Position {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parse = || {
            let mut parts = text.split('.');
            let (incarnation, batch, id) = (parts.next()?, parts.next()?, parts.next()?);
            let plain = digits(batch) && digits(id.strip_prefix('-').unwrap_or(id));
            (plain && parts.next().is_none()).then_some(())?;
            Some(Self {
                incarnation: incarnation.parse().ok()?,
                batch: batch.parse().ok()?,
                id: id.parse().ok()?,
            })
        };
        parse().ok_or_else(|| ParseError::new("a position such as 3-00c0ffee.17.4711", text))
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Incarnation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Incarnation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(number: u32, random: u32, batch: u64, id: i64) -> Position {
        Position {
            incarnation: Incarnation { number, random },
            batch,
            id,
        }
    }

    #[test]
    fn order_is_incarnation_batch_id() {
        let rising = [
            position(1, 9, 9, 9),
            position(2, 0, 0, i64::MIN),
            position(2, 0, 0, 5),
            position(2, 0, 1, -3),
            position(2, 1, 0, 0),
            position(10, 0, 0, 0),
        ];
        assert!(rising.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn text_is_strict() {
        assert_eq!(
            position(3, 0x00c0_ffee, 17, -4711).to_string(),
            "3-00c0ffee.17.-4711"
        );
        for wrong in [
            "",
            "3",
            "3-00c0ffee",
            "3-00c0ffee.17",
            "3-00c0ffee.17.1.1",
            "3-00C0FFEE.17.1",
            "3-c0ffee.17.1",
            "+3-00c0ffee.17.1",
            "3-00c0ffee.+17.1",
            "3-00c0ffee.17.+1",
            "3-00c0ffee.17.--1",
            "3-00c0ffee.17.",
            "3-00c0ffee.17.1 ",
            "4294967296-00c0ffee.1.1",
        ] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn text_comes_back(number: u32, random: u32, batch: u64, id: i64) {
            let position = position(number, random, batch, id);
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }
    }
}
