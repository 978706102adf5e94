//! What a consumer's sidecar asks of a publisher's: events that the broker lost, and today's rows.
//!
//! Questions change nothing and may be asked again. How they travel is in `socket`, what is
//! answered in `owner`.

mod owner;
mod socket;

use std::collections::BTreeMap;

use bytes::Bytes;
use freehold_broker::{History, Lane, Message, Partition, Position, Topic, cloudevents};
use freehold_engine::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use owner::{Open, Owner};
pub use socket::{Sockets, serve};

/// Sidecars of other services.
pub trait Peers: Send + Sync {
    /// Asks the sidecar of this service.
    ///
    /// # Errors
    /// [`Error::Peer`]: it could not be asked, or could not answer. Ask again later.
    fn ask<'a>(&'a self, service: &'a str, ask: Ask) -> BoxFuture<'a, Result<Answer>>;
}

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Where does the source stand?
    Standing {
        /// Of which topic the lanes are wanted.
        topic: Topic,
    },
    /// Events of a lane that did not arrive.
    Missed {
        /// The topic.
        topic: Topic,
        /// The lane.
        lane: Lane,
        /// What arrived last.
        after: Option<Position>,
        /// The last that is missing.
        upto: Position,
        /// Go on with this batch, as the answer before said.
        batch: u64,
    },
    /// Today's rows above a key.
    Today {
        /// The event, as a topic.
        topic: Topic,
        /// Empty: from the beginning.
        above: String,
        /// At most so many.
        most: u32,
    },
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Of [`Ask::Standing`].
    Standing(Standing),
    /// Of [`Ask::Missed`]: events in order, and where to go on. Some may be gone: see whether each
    /// follows the one before it.
    Missed {
        /// What was found.
        events: Vec<Carried>,
        /// There is more behind this batch.
        next: Option<u64>,
    },
    /// Of [`Ask::Today`].
    Today(Range),
    /// The source has no relay yet, or no `snapshot:` for this event.
    Nothing,
    /// It could not be answered: why.
    Failed(String),
}

/// How far a source has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its lives.
    pub history: History,
    /// The last position of each lane of the topic.
    pub heads: BTreeMap<Lane, Position>,
    /// Can the event be asked for by [`Ask::Today`]?
    pub snapshot: bool,
    /// The source's clock, in microseconds since 1970.
    #[serde(default)]
    pub clock: Option<i64>,
}

/// Today's rows in a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Everything up to here is in the rows.
    pub stamp: Position,
    /// Nothing behind this is in the rows.
    pub until: Position,
    /// Keys and payloads, by the keys' bytes.
    pub rows: Vec<(String, String)>,
    /// No key is above the last of these.
    pub last: bool,
    /// When they were read, by the source's clock, in microseconds since 1970. `None`: a sidecar of
    /// an earlier version.
    #[serde(default)]
    pub read_at: Option<i64>,
}

/// A message on its way between sidecars, as on other brokers' wires.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Carried {
    headers: Vec<(String, String)>,
    payload: String,
}

impl Carried {
    pub(crate) fn of(message: &Message) -> Self {
        let (headers, payload) = cloudevents::encode(message);
        Self {
            headers,
            payload: String::from_utf8_lossy(&payload).into_owned(),
        }
    }

    pub(crate) fn message(self, topic: &Topic, partition: Partition) -> Result<Message> {
        let payload = Bytes::from(self.payload);
        cloudevents::decode(topic, partition, self.headers, payload)
            .map_err(|error| Error::Peer(format!("an event cannot be read: {error}")))
    }
}
