//! The server's codes → ours.

use freehold_broker::{Error, ErrorKind};

use crate::wire::code;

/// What the server answered instead of [`code::OK`].
pub(crate) fn answer(code: u16, about: &str) -> Error {
    let (kind, what) = match code {
        code::NO_STREAM => (ErrorKind::Missing, "the stream is not there"),
        code::NO_LEADER => (ErrorKind::Unavailable, "the stream has no leader"),
        code::DENIED => (ErrorKind::Denied, "access to the stream is denied"),
        code::NO_PUBLISHER => (ErrorKind::Unavailable, "the stream's leader has moved"),
        code::PRECONDITION => (ErrorKind::Conflict, "the stream is there, and another one"),
        code if code::REFUSED.contains(&code) => (
            ErrorKind::LoginRefused,
            "the server does not let this login in",
        ),
        _ => (ErrorKind::Unknown, "the server refused"),
    };
    Error::new(kind, format!("{about}: {what}")).native(code.to_string())
}

pub(crate) fn unavailable(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, what.to_string())
}
