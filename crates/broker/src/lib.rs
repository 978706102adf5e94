//! The contract between freehold and what distributes events.
//!
//! Begin at [`Broker`]; what a message is stands in [`Message`], where it stands in its source's
//! order in [`Position`]. Brokers are crates below `crates/brokers/`; the embedded one lives here.
//! What drivers share: [`dial`] connects, [`call`] looks at what is published, [`tailed`] publishes to
//! a log without conditional appends, [`Lost`] tells everybody that a session has ended.

#![warn(missing_docs)]

pub mod call;
mod check;
pub mod cloudevents;
mod contract;
pub mod dial;
pub mod embedded;
mod error;
mod lost;
mod message;
mod position;
pub mod tailed;
mod timestamp;
mod topic;

pub use check::valid;
pub use contract::{
    AccountWant, Admin, Broker, BrokerInfo, Change, Delivered, Limits, Login, Malformed, Session,
    Settled, Start, Stop, Subscription, Tail, TopicLive, TopicWant,
};
pub use error::{Error, ErrorKind, Rejection, Result};
pub use freehold_engine::{BoxFuture, Retry, Secret, Verifier};
pub use lost::Lost;
pub use message::{Base, Body, EventId, Heads, History, Message, MessageId};
pub use position::{Incarnation, ParseError, Position};
pub use timestamp::Timestamp;
pub use topic::{Compression, LANES, Lane, Partition, Partitions, To, Topic};
