//! Topics, lanes and partitions: where a message goes. Pure.

use std::fmt;
use std::sync::Arc;

use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::position::ParseError;

/// How many lanes there are, in every topic, for ever.
pub const LANES: u8 = 64;

/// The event type with its version: `order.confirmed.v2`. Cheap to clone.
///
/// 1 to 120 characters of `a–z A–Z 0–9 . _ -`, beginning and ending with a letter or a digit,
/// without `..`: so it is a file name, a NATS subject and a Kafka topic as it stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, ParseError> {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = name.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let good = bytes.len() <= 120
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(plain)
            && !name.contains("..");
        if good {
            Ok(Self(name.into()))
        } else {
            Err(ParseError::new("a topic such as order.confirmed.v2", name))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Which of the 64 lanes of a topic a key belongs to. Order is kept per lane. In JSON its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Lane(u8);

impl Lane {
    /// The lane of a key: the MD5 digest of its UTF-8 bytes as a 128-bit big-endian number, mod 64.
    /// That is the low six bits of the digest's *last* byte; in SQL:
    /// `('x' || right(md5(key), 2))::bit(8)::int & 63`,
    /// `conv(right(md5(key), 2), 16, 10) & 63`.
    pub fn of(key: &str) -> Self {
        Self(Md5::digest(key.as_bytes())[15] & (LANES - 1))
    }

    /// A lane by its number; `None` from 64 on.
    pub fn new(number: u8) -> Option<Self> {
        (number < LANES).then_some(Self(number))
    }

    /// 0 to 63.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Where this lane goes: lane mod partitions.
    pub fn partition(self, partitions: Partitions) -> Partition {
        Partition(self.0 % partitions.0)
    }
}

impl TryFrom<u8> for Lane {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("a lane is 0 to 63")
    }
}

impl From<Lane> for u8 {
    fn from(lane: Lane) -> Self {
        lane.0
    }
}

/// How many partitions a topic has: 1 to 64, fixed when the topic is made. Need not be a power of
/// two: then some partitions carry one lane more than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partitions(u8);

impl Partitions {
    /// One.
    pub const ONE: Self = Self(1);

    /// A count; `None` for 0 and from 65 on.
    pub fn new(count: u8) -> Option<Self> {
        (1..=LANES).contains(&count).then_some(Self(count))
    }

    /// 1 to 64.
    pub fn count(self) -> u8 {
        self.0
    }

    /// Each of them, in order.
    pub fn each(self) -> impl Iterator<Item = Partition> {
        (0..self.0).map(Partition)
    }

    /// The lanes that go to this partition, in order.
    pub fn lanes_of(self, partition: Partition) -> impl Iterator<Item = Lane> {
        (partition.0..LANES).step_by(usize::from(self.0)).map(Lane)
    }
}

/// One partition of a topic, counted from 0. A broker keeps order within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u8);

impl Partition {
    /// A partition by its number; `None` from 64 on.
    pub fn new(number: u8) -> Option<Self> {
        (number < LANES).then_some(Self(number))
    }

    /// 0 to 63.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// Where in its topic a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum To {
    /// What belongs to a key: the key's lane.
    Lane(Lane),
    /// What is said to everybody, once in each partition: heartbeats, a new incarnation.
    Partition(Partition),
}

impl To {
    /// The partition in a topic with so many of them.
    pub fn partition(self, partitions: Partitions) -> Partition {
        match self {
            Self::Lane(lane) => lane.partition(partitions),
            Self::Partition(partition) => partition,
        }
    }
}

/// How a broker may keep messages on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// Compressed with what the broker has; one that has nothing says so in [`crate::Admin::ensure_topic`].
    On,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_the_low_bits_of_the_last_byte() {
        // The digests end in 7e, 61 and 72.
        assert_eq!(Lane::of("").number(), 0x7e & 63);
        assert_eq!(Lane::of("a").number(), 0x61 & 63);
        assert_eq!(Lane::of("abc").number(), 0x72 & 63);
    }

    #[test]
    fn each_lane_is_in_exactly_one_partition() {
        for count in 1..=LANES {
            let partitions = Partitions::new(count).expect("1 to 64");
            let mut lanes: Vec<Lane> = Vec::new();
            for partition in partitions.each() {
                for lane in partitions.lanes_of(partition) {
                    assert_eq!(lane.partition(partitions), partition);
                    lanes.push(lane);
                }
            }
            lanes.sort();
            lanes.dedup();
            assert_eq!(lanes.len(), usize::from(LANES));
        }
        assert!(Partitions::new(0).is_none() && Partitions::new(65).is_none());
    }

    #[test]
    fn names_fit_every_broker() {
        for good in ["a", "order.confirmed.v2", "Order_Confirmed-3"] {
            assert!(Topic::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(121);
        for bad in [
            "", ".", "..", "a..b", ".a", "a.", "a b", "a/b", "a*", "a>", "ü", "_a", &long,
        ] {
            assert!(Topic::new(bad).is_err(), "{bad}");
        }
    }
}
