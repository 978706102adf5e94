//! What freehold asks of a broker. The comments are the contract: whoever relies on more is wrong,
//! whoever gives less fails the conformance suite (`crates/testkit/src/broker_conformance.rs`).

use std::fmt;
use std::time::Duration;

use freehold_engine::{BoxFuture, Secret, Verifier};

use crate::error::{Error, Rejection, Result};
use crate::message::{EventId, Message};
use crate::position::Position;
use crate::topic::{Compression, Partition, Partitions, Topic};

/// A kind of broker: what the code can do.
pub trait Broker: Send + Sync {
    /// Static facts.
    fn info(&self) -> &BrokerInfo;

    /// Opens a session as a service. `address` is a URL: `nats://host:4222`, `unix:/path/socket`.
    fn connect<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>>>;

    /// Opens a session that may make topics and accounts. Used while `apply` runs.
    fn administer<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Admin>>>;

    /// The form in which this broker stores a login's secret; all that is ever handed to
    /// [`Admin::ensure_account`].
    fn verifier(&self, secret: &Secret) -> Result<Verifier>;

    /// A new random secret of this broker's form.
    fn generate(&self) -> Secret {
        Secret::generate()
    }
}

/// Static facts of a kind of broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerInfo {
    /// As in `broker: { kind: … }`.
    pub name: &'static str,
    /// Can accounts be made over the wire? If not, [`Admin::ensure_account`] answers with what to
    /// put where ([`Change::ByHand`]).
    pub makes_accounts: bool,
    /// Can a topic's retention be changed over the wire? If not, [`Admin::ensure_topic`] answers in
    /// the same way.
    pub changes_retention: bool,
    /// Does it refuse what is behind a partition's tail ([`crate::ErrorKind::Backwards`])?
    pub refuses_backwards: bool,
}

/// Who connects.
#[derive(Debug, Clone)]
pub struct Login {
    /// The account's name; a service's account has the service's name.
    pub name: String,
    /// What it proves itself with.
    pub secret: Secret,
}

/// How much a broker takes, as it said when the session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, headers and all, as this broker counts.
    pub message_bytes: usize,
    /// The most messages that one call of [`Session::publish`] should carry.
    pub batch: usize,
}

/// A service's session: publishing, reading, tails.
///
/// Calls run concurrently. A session never reconnects by itself: once the connection is lost,
/// everything under way and everything later ends in [`crate::ErrorKind::Unavailable`], and
/// [`Session::broken`] says so; open a new one. Dropping it closes the connection.
pub trait Session: Send + Sync {
    /// What it takes.
    fn limits(&self) -> Limits;

    /// What an operator should know about this broker's promises, as faults that are not errors:
    /// for example that its acknowledgement does not mean durable.
    fn warnings(&self) -> Vec<freehold_model::Fault>;

    /// Is the session unusable?
    fn broken(&self) -> bool;

    /// Can this message be published here, as far as the sender can tell? Pure and cheap.
    /// [`Session::publish`] asks the same before it sends.
    fn check(&self, message: &Message) -> Result<(), Rejection>;

    /// Publishes messages of **one topic**, in order, and waits until all have settled.
    ///
    /// - *Durable*: the first [`Settled::acknowledged`] messages survive the death of the broker's
    ///   process and machine (as far as [`Session::warnings`] does not say otherwise).
    /// - *Order*: within a partition they are stored in the given order. Of what is stored from one
    ///   call nothing is missing in between: if message n of a partition is stored, all before it
    ///   in that partition are. Positions must rise within a partition, over all calls.
    /// - *Stop*: at the first message that cannot be stored the rest is not stored either. After
    ///   [`Stop::Failed`] the messages from `acknowledged` on may or may not be stored; send them
    ///   again, in order, from there. Nothing is outstanding when this returns.
    /// - *Duplicates*: sending again is harmless: known [`crate::MessageId`]s are acknowledged
    ///   without being stored twice, as long as the broker remembers them; consumers must bear
    ///   duplicates.
    /// - *Separate*: calls for different topics do not wait for each other. Calls for one topic
    ///   must not overlap.
    /// - *Cancellation*: a dropped future leaves it open what was stored. The next call for this
    ///   topic is ordered behind what was under way.
    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled>;

    /// The last message of each partition, in order of partitions: all that was acknowledged is in
    /// it or before it. [`crate::ErrorKind::Missing`] without the topic. May be asked by whoever
    /// may write or read the topic.
    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>>;

    /// Opens a partition for reading, as a group. One group reads a partition in one place only:
    /// the newest subscription wins, the older one ends in an error or goes silent.
    fn subscribe<'a>(
        &'a self,
        group: &'a str,
        topic: &'a Topic,
        partition: Partition,
        start: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>>;
}

/// How a call of [`Session::publish`] ended.
#[derive(Debug)]
#[must_use]
pub struct Settled {
    /// So many messages, from the first on, are durable.
    pub acknowledged: usize,
    /// Why not all.
    pub stop: Option<Stop>,
}

/// Why the message at index [`Settled::acknowledged`] and those behind it were not acknowledged.
#[derive(Debug)]
pub enum Stop {
    /// This one can never be taken as it is. Neither it nor anything behind it is stored: send a
    /// void in its place, then the rest.
    Rejected(Rejection),
    /// The broker, the connection or the rights. Those messages may or may not be stored.
    Failed(Error),
}

/// Where a partition ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Which one.
    pub partition: Partition,
    /// The oldest offset that can still be read; equal to `next` when there is none.
    pub first: u64,
    /// Greater than every offset stored so far.
    pub next: u64,
    /// Position and id of the last message; `None` when the partition holds none, also because
    /// retention took them all.
    pub last: Option<(Position, EventId)>,
}

/// Where a subscription begins. Offsets are hints: the consumer's own watermark is the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest message there is.
    Beginning,
    /// With what comes after this call.
    Tail,
    /// With the first message of this offset or a later one.
    Offset(u64),
    /// With the first message whose position is greater; in a partition positions rise.
    After(Position),
    /// Behind what this group acknowledged last; at the beginning if it never did.
    Acknowledged,
}

/// One partition, being read.
///
/// Messages come in the order in which they are stored, none left out that retention has not
/// removed (what it removed shows as a broken `prev` chain). After a new subscription messages may
/// come again; order holds again from its start.
pub trait Subscription: Send {
    /// The next messages: at least one, at most `most`, or fewer as buffers allow. Waits for as
    /// long as there is none, at no cost. Never waits to fill up a batch.
    ///
    /// Cancellation safe: what a dropped future had received comes with the next call.
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>>;

    /// Remembers for the group that everything up to and including this offset is done. Call it
    /// after the consumer's own commit. May be lost in a crash, never runs ahead; older offsets
    /// than acknowledged before are ignored.
    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>>;
}

/// A message as it was stored.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Where it stands in its partition; rises, with gaps.
    pub offset: u64,
    /// What it says, or why that cannot be read. The second is poison: nobody of freehold wrote it.
    pub message: Result<Message, Malformed>,
}

/// A stored message that is none of freehold's, or was damaged before it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a topic should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicWant {
    /// Its name.
    pub topic: Topic,
    /// Fixed for ever when it is made.
    pub partitions: Partitions,
    /// Messages older than this may go; `None`: no bound.
    pub keep_for: Option<Duration>,
    /// Oldest messages go when the topic is larger, over all partitions; `None`: no bound.
    pub keep_bytes: Option<u64>,
    /// Whether the broker compresses what it stores.
    pub compression: Compression,
}

/// A topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicLive {
    /// What it was made as.
    pub want: TopicWant,
    /// Bytes on disk; `None` where the broker does not tell.
    pub bytes: Option<u64>,
    /// Messages that can be read.
    pub messages: u64,
}

/// What a service may do at the broker. Everything else is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountWant {
    /// The service; its login has this name, and its consumer groups begin with it (`orders` or
    /// `orders.…`).
    pub service: String,
    /// The stored form of its secret; `None` leaves the present one.
    pub verifier: Option<Verifier>,
    /// Topics that it may write (and ask the tails of).
    pub writes: Vec<Topic>,
    /// Topics that it may read.
    pub reads: Vec<Topic>,
}

/// What a call of [`Admin`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is so already.
    None,
    /// It was made.
    Made,
    /// It was there and was changed.
    Changed,
    /// It was removed.
    Removed,
    /// This broker cannot do it over the wire: what to put where. Holds verifiers, no secrets.
    ByHand(String),
}

/// Topics and accounts. Each call is idempotent and durable when it returns.
pub trait Admin: Send + Sync {
    /// Makes the topic or changes retention and compression. Another number of partitions than it
    /// has is refused ([`crate::ErrorKind::Conflict`]).
    fn ensure_topic<'a>(&'a self, want: &'a TopicWant) -> BoxFuture<'a, Result<Change>>;

    /// Removes the topic with all that it holds.
    fn remove_topic<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Change>>;

    /// All of freehold's topics, by name.
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicLive>>>;

    /// Makes the account or changes it. Rights hold from now on, also for open sessions, which end
    /// when the verifier changes.
    fn ensure_account<'a>(&'a self, want: &'a AccountWant) -> BoxFuture<'a, Result<Change>>;

    /// Removes the account and ends its sessions.
    fn remove_account<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Change>>;

    /// Names of all accounts that may be asked for; empty where accounts are made by hand.
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<String>>>;
}
