//! The driver's errors as the contract's: SQLSTATE → kind, and a message without values.
//!
//! DETAIL and the statement are never passed on: the first shows rows, the second verifiers.

use std::error::Error as _;

use freehold_engine::{Error, ErrorKind};
use tokio_postgres::error::{DbError, ErrorPosition};

/// An error of a statement or of the connection while it was in use.
pub(crate) fn from_driver(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(db) => from_server(db),
        None if error.is_closed() => {
            Error::new(ErrorKind::Unavailable, "the connection was closed")
        }
        None => Error::new(kind_of_driver(&error.to_string()), with_sources(error)),
    }
}

fn from_server(db: &DbError) -> Error {
    let code = db.code().code();
    let mut message = scrub(code, db.message());
    // Two sessions changed one catalog entry at the same time; it has no code of its own.
    if code == "XX000" && message.starts_with("tuple concurrently") {
        return Error::new(ErrorKind::Conflict, message).native(code);
    }
    if let (Some(ErrorPosition::Original(at)), "42") = (db.position(), &code[..2]) {
        message = format!("{message} at character {at}");
    }
    if let Some(hint) = db.hint().filter(|_| code.starts_with("42")) {
        message = format!("{message} ({})", scrub(code, hint).trim_end_matches('.'));
    }
    Error::new(kind(code), message).native(code)
}

/// The one table from SQLSTATE to kind: exact codes first, then classes.
pub(crate) fn kind(code: &str) -> ErrorKind {
    match code {
        "28000" | "28P01" => ErrorKind::LoginRefused,
        "42501" => ErrorKind::Denied,
        "40001" | "40P01" | "55P03" | "55006" => ErrorKind::Conflict,
        "23505" | "23P01" => ErrorKind::Unique,
        "3D000" | "3F000" | "42P01" | "42703" | "42704" | "42883" => ErrorKind::Missing,
        "42P04" | "42P06" | "42P07" | "42701" | "42710" | "42723" => ErrorKind::Exists,
        "53100" => ErrorKind::DiskFull,
        "53300" | "57P01" | "57P02" | "57P03" | "57P05" => ErrorKind::Unavailable,
        "0A000" => ErrorKind::Unsupported,
        _ => match &code[..2] {
            "08" => ErrorKind::Unavailable,
            "54" => ErrorKind::TooLarge,
            "22" | "23" | "42" | "25" | "2B" | "55" => ErrorKind::Invalid,
            _ => ErrorKind::Unknown,
        },
    }
}

/// Messages of class 22 quote the value that was wrong; a syntax error quotes the text near it,
/// which may be part of a verifier.
fn scrub(code: &str, message: &str) -> String {
    let message = match message.find("SCRAM-SHA-256$") {
        Some(at) => format!("{}‹verifier›", &message[..at]),
        None => message.to_owned(),
    };
    match message.find(": \"") {
        Some(at) if code.starts_with("22") => format!("{}: ‹value›", &message[..at]),
        _ => message,
    }
}

/// Of errors that the server did not make. The driver tells them apart only by their words.
fn kind_of_driver(message: &str) -> ErrorKind {
    let begins = |word: &str| message.starts_with(word);
    if begins("error performing TLS handshake") {
        ErrorKind::Tls
    } else if begins("authentication error") || begins("invalid configuration") {
        ErrorKind::LoginRefused
    } else if begins("error communicating")
        || begins("error connecting")
        || begins("timeout waiting")
        || begins("connection closed")
    {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Invalid
    }
}

fn with_sources(error: &tokio_postgres::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !message.contains(&cause_text) {
            message = format!("{message}: {cause_text}");
        }
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_kind_that_callers_act_on() {
        assert_eq!(kind("28P01"), ErrorKind::LoginRefused);
        assert_eq!(kind("40001"), ErrorKind::Conflict);
        assert_eq!(kind("57P01"), ErrorKind::Unavailable);
        assert_eq!(kind("22P02"), ErrorKind::Invalid);
        assert_eq!(kind("XX000"), ErrorKind::Unknown);
    }

    #[test]
    fn values_and_verifiers_stay_out_of_messages() {
        let value = scrub(
            "22P02",
            "invalid input syntax for type integer: \"4111-1111\"",
        );
        assert_eq!(value, "invalid input syntax for type integer: ‹value›");
        let near = scrub(
            "42601",
            "syntax error at or near \"'SCRAM-SHA-256$4096:c2FsdA==$a:b'\"",
        );
        assert_eq!(near, "syntax error at or near \"'‹verifier›");
    }
}
