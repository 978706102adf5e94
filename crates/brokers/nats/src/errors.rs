//! The driver's errors → ours.

use std::fmt;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use freehold_broker::{Error, ErrorKind};

/// Anything that has no kind of its own here.
pub(crate) fn other(error: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Unknown, error.to_string())
}

/// No answer, or no connection.
pub(crate) fn unavailable(error: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, error.to_string())
}

/// An answer of JetStream's own.
pub(crate) fn jetstream(error: &async_nats::jetstream::Error) -> Error {
    let kind = match error.error_code() {
        ErrorCode::STREAM_NOT_FOUND | ErrorCode::NO_MESSAGE_FOUND => ErrorKind::Missing,
        ErrorCode::INSUFFICIENT_RESOURCES | ErrorCode::STORAGE_RESOURCES_EXCEEDED => {
            ErrorKind::DiskFull
        }
        _ => ErrorKind::Unknown,
    };
    Error::new(kind, error.to_string()).native(error.error_code().0.to_string())
}

/// A publish that was not acknowledged.
pub(crate) fn publish(error: &PublishError) -> Error {
    use std::error::Error as _;
    let from = error
        .source()
        .and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    if let Some(from) = from {
        return jetstream(from);
    }
    let kind = match error.kind() {
        PublishErrorKind::StreamNotFound => ErrorKind::Missing,
        // Somebody else published in between, or something before it was not stored.
        PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::WrongLastSequence => ErrorKind::Unavailable,
        _ => ErrorKind::Unknown,
    };
    Error::new(kind, error.to_string())
}
