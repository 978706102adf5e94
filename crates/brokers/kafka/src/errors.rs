//! The server's codes → ours.

use freehold_broker::{Error, ErrorKind, Result};

/// Codes of the protocol, as far as more is done than telling them.
pub(crate) mod code {
    pub(crate) const OK: i16 = 0;
    pub(crate) const OUT_OF_RANGE: i16 = 1;
    pub(crate) const NO_TOPIC: i16 = 3;
    pub(crate) const NO_LEADER: i16 = 5;
    pub(crate) const LOADING: i16 = 14;
    pub(crate) const NO_COORDINATOR: i16 = 15;
    pub(crate) const NOT_COORDINATOR: i16 = 16;
    pub(crate) const NO_MECHANISM: i16 = 33;
    pub(crate) const NO_LOGINS: i16 = 34;
    pub(crate) const EXISTS: i16 = 36;
    pub(crate) const LOGIN_REFUSED: i16 = 58;
    pub(crate) const NO_CREDENTIAL: i16 = 91;
}

/// What the server answered instead of [`code::OK`].
pub(crate) fn answer(code: i16, about: &str) -> Error {
    let (kind, what) = match code {
        code::NO_TOPIC | 100 => (ErrorKind::Missing, "the topic is not there"),
        29 => (ErrorKind::Denied, "access to the topic is denied"),
        30 => (ErrorKind::Denied, "access to the group is denied"),
        31 | 65 => (ErrorKind::Denied, "it may not do that in the cluster"),
        code::LOGIN_REFUSED => (
            ErrorKind::LoginRefused,
            "the server does not let this login in",
        ),
        2 => (ErrorKind::Corrupt, "what is stored there is damaged"),
        10 | 18 => (ErrorKind::Invalid, "it is larger than the server takes"),
        56 => (ErrorKind::DiskFull, "the server cannot write to its disk"),
        19 | 20 => (ErrorKind::Unavailable, "too few replicas are in step"),
        code::NO_LEADER | 6 | 7 | 8 | 9 | 13 | 72..=76 => {
            (ErrorKind::Unavailable, "its leader is not there")
        }
        code::LOADING | code::NO_COORDINATOR | code::NOT_COORDINATOR => {
            (ErrorKind::Unavailable, "its coordinator is not there")
        }
        35 => (ErrorKind::Unsupported, "the server is too old or too new"),
        _ => (ErrorKind::Unknown, "the server refused"),
    };
    Error::new(kind, format!("{about}: {what}")).native(code.to_string())
}

/// `Ok` where the code is.
pub(crate) fn checked(code: i16, about: &str) -> Result<()> {
    if code == code::OK {
        Ok(())
    } else {
        Err(answer(code, about))
    }
}

pub(crate) fn unavailable(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, what.to_string())
}

pub(crate) fn nonsense(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Protocol, what.to_string())
}
