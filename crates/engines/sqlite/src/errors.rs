//! Errors of the driver and of the file system as the contract's errors.
//!
//! SQLite's messages name tables and columns, never values, so they pass as they are.

use std::io;
use std::path::Path;

use freehold_engine::{Error, ErrorKind};
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// A driver's error, with SQLite's extended result code as the native one.
pub(crate) fn from_driver(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            from_code(failure, &message)
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => from_code(error, &msg),
        rusqlite::Error::MultipleStatement => Error::new(
            ErrorKind::Invalid,
            "one statement at a time: this text holds several",
        ),
        other => Error::new(ErrorKind::Invalid, other.to_string()),
    }
}

/// A statement that would take a transaction, or a file, out of the caller's hands.
pub(crate) fn refused_control() -> Error {
    let message =
        "a statement here may neither begin nor end a transaction, nor attach another file";
    Error::new(ErrorKind::Denied, message)
}

/// A file system's error, naming the file.
pub(crate) fn from_io(error: &io::Error, what: &str, path: &Path) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        io::ErrorKind::NotFound => ErrorKind::Missing,
        io::ErrorKind::AlreadyExists => ErrorKind::Exists,
        _ => ErrorKind::Unknown,
    };
    Error::new(kind, error.to_string()).during(format!("{what} {}", path.display()))
}

fn from_code(failure: ffi::Error, message: &str) -> Error {
    let native = format!("SQLite {}", failure.extended_code);
    if failure.code == ErrorCode::AuthorizationForStatementDenied {
        return refused_control().native(native);
    }
    Error::new(kind(failure, message), message).native(native)
}

fn kind(failure: ffi::Error, message: &str) -> ErrorKind {
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SchemaChanged => {
            ErrorKind::Conflict
        }
        ErrorCode::ConstraintViolation => match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => ErrorKind::Unique,
            // Raised by a trigger: ours refuse what a login's rights refuse elsewhere.
            ffi::SQLITE_CONSTRAINT_TRIGGER if message.starts_with("FH3130") => ErrorKind::Denied,
            _ => ErrorKind::Invalid,
        },
        ErrorCode::DiskFull => ErrorKind::DiskFull,
        ErrorCode::PermissionDenied | ErrorCode::ReadOnly => ErrorKind::Denied,
        ErrorCode::TooBig => ErrorKind::TooLarge,
        ErrorCode::CannotOpen => ErrorKind::Unavailable,
        // SQLite has one code for everything that a statement can be wrong in.
        ErrorCode::Unknown if message.starts_with("no such ") => ErrorKind::Missing,
        ErrorCode::Unknown if message.ends_with(" already exists") => ErrorKind::Exists,
        ErrorCode::Unknown if message.starts_with("duplicate column name") => ErrorKind::Exists,
        ErrorCode::Unknown
        | ErrorCode::NotADatabase
        | ErrorCode::TypeMismatch
        | ErrorCode::ParameterOutOfRange => ErrorKind::Invalid,
        _ => ErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: i32, message: &str) -> ErrorKind {
        from_driver(rusqlite::Error::SqliteFailure(
            ffi::Error::new(code),
            Some(message.to_owned()),
        ))
        .kind
    }

    #[test]
    fn codes_become_kinds() {
        assert_eq!(
            kind_of(ffi::SQLITE_BUSY, "database is locked"),
            ErrorKind::Conflict
        );
        assert_eq!(
            kind_of(ffi::SQLITE_BUSY_SNAPSHOT, "database is locked"),
            ErrorKind::Conflict
        );
        assert_eq!(
            kind_of(ffi::SQLITE_FULL, "database or disk is full"),
            ErrorKind::DiskFull
        );
        assert_eq!(
            kind_of(
                ffi::SQLITE_CONSTRAINT_UNIQUE,
                "UNIQUE constraint failed: t.a"
            ),
            ErrorKind::Unique
        );
        assert_eq!(
            kind_of(ffi::SQLITE_CONSTRAINT_CHECK, "CHECK constraint failed: a"),
            ErrorKind::Invalid
        );
        assert_eq!(
            kind_of(ffi::SQLITE_CONSTRAINT_TRIGGER, "FH3130: t is append-only"),
            ErrorKind::Denied
        );
        assert_eq!(
            kind_of(ffi::SQLITE_CONSTRAINT_TRIGGER, "no more than five"),
            ErrorKind::Invalid
        );
        assert_eq!(
            kind_of(ffi::SQLITE_READONLY, "attempt to write a readonly database"),
            ErrorKind::Denied
        );
        assert_eq!(
            kind_of(ffi::SQLITE_NOTADB, "file is not a database"),
            ErrorKind::Invalid
        );
        assert_eq!(
            kind_of(ffi::SQLITE_CORRUPT, "database disk image is malformed"),
            ErrorKind::Unknown
        );
        assert_eq!(
            kind_of(ffi::SQLITE_ERROR, "no such table: t"),
            ErrorKind::Missing
        );
        assert_eq!(
            kind_of(ffi::SQLITE_ERROR, "table t already exists"),
            ErrorKind::Exists
        );
        assert_eq!(
            kind_of(ffi::SQLITE_ERROR, "near \"x\": syntax error"),
            ErrorKind::Invalid
        );
    }

    #[test]
    fn a_files_error_names_the_file() {
        let error = from_io(
            &io::Error::from(io::ErrorKind::PermissionDenied),
            "make",
            Path::new("/srv/orders"),
        );
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(
            error.to_string().starts_with("make /srv/orders: "),
            "{error}"
        );
    }
}
