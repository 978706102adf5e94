//! What can go wrong in the store, and what a client is told of it.

use std::io;

use crate::error::{Error, ErrorKind};

pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// What can go wrong in the store.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// The disk said no.
    Disk(io::Error),
    /// Something durable is not what it was.
    Damaged(String),
    /// A sync of this partition failed before: nothing more is taken until the broker starts again.
    Failed,
}

impl From<io::Error> for StoreError {
    /// The store has one source of errors besides its own findings; what was being done is said by
    /// the request that it answers.
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl StoreError {
    pub(crate) fn tell(&self) -> Error {
        match self {
            Self::Disk(error) => {
                let kind = match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        ErrorKind::DiskFull
                    }
                    io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                    _ => ErrorKind::Unknown,
                };
                Error::new(kind, error.to_string())
            }
            Self::Damaged(what) => Error::new(ErrorKind::Corrupt, what.clone()),
            Self::Failed => Error::new(
                ErrorKind::Corrupt,
                "a sync to disk failed: this partition takes nothing until the broker starts again",
            ),
        }
    }
}
