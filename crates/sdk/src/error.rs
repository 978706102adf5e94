//! What can go wrong in the library itself; a driver's own errors are passed on as they are.

/// Of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// An event that cannot be written, or a driver that did not write it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The topic is not `name.with.dots.vN`.
    #[error("`{0}` is no topic: lower-case words with dots and a version, as `order.confirmed.v2`")]
    Topic(String),
    /// An event without a key has no order.
    #[error("an event of {topic} has {what}")]
    Key {
        /// Of the event.
        topic: String,
        /// What is wrong with its key.
        what: &'static str,
    },
    /// The payload is not JSON when it is written down.
    #[error("the payload of an event of {topic} cannot be written as JSON")]
    Payload {
        /// Of the event.
        topic: String,
        /// serde's.
        source: serde_json::Error,
    },
    /// The system gave no random numbers for an id.
    #[error("there is no id for the event: {0}")]
    Random(getrandom::Error),
    /// The driver's. The transaction is to be rolled back.
    #[error("an event of {topic} could not be written to the outbox")]
    Store {
        /// Of the event.
        topic: String,
        /// The driver's own, to be downcast where it matters (a deadlock is tried again).
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
