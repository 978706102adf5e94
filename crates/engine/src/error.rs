//! Errors of an engine: kind, retry class, the native code, what was being done.

use std::fmt;

use freehold_model::Fault;

/// Shorthand for results of this contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection, or it was lost.
    Unavailable,
    /// The server is there and does not let this login in.
    LoginRefused,
    /// TLS could not be had, or the certificate is not trusted.
    Tls,
    /// Serialization failure, deadlock, lock timeout, concurrent catalog update.
    Conflict,
    /// A unique or exclusion constraint.
    Unique,
    /// Not enough rights.
    Denied,
    /// The object is not there.
    Missing,
    /// The object is there already.
    Exists,
    /// Row, packet, name or value too large.
    TooLarge,
    /// No space left.
    DiskFull,
    /// The statement or a value is wrong.
    Invalid,
    /// This engine, version or flavour cannot.
    Unsupported,
    /// Anything else.
    Unknown,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call again, after a pause.
    Again,
    /// Over a new connection; what was under way may or may not have happened.
    Reconnect,
    /// Not without a change by somebody.
    Never,
}

impl ErrorKind {
    /// The one place where a kind becomes a retry policy.
    pub fn retry(self) -> Retry {
        match self {
            Self::Conflict => Retry::Again,
            Self::Unavailable => Retry::Reconnect,
            _ => Retry::Never,
        }
    }
}

/// An error of an engine. Values are scrubbed from its message where the engine would show them.
#[derive(Debug)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The engine's own code: SQLSTATE, errno, extended result code.
    pub native: Option<String>,
    /// The engine's own words. Never holds a password or a verifier.
    pub message: String,
    /// What was being done, outermost first: `create role orders_app`.
    pub context: Vec<String>,
}

impl Error {
    /// An error of this kind with the engine's words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            native: None,
            message: message.into(),
            context: Vec::new(),
        }
    }

    /// Adds the engine's own code.
    #[must_use]
    pub fn native(mut self, code: impl Into<String>) -> Self {
        self.native = Some(code.into());
        self
    }

    /// Says what was being done; the outermost caller comes first.
    #[must_use]
    pub fn during(mut self, what: impl Into<String>) -> Self {
        self.context.insert(0, what.into());
        self
    }

    /// As a user meets it.
    pub fn fault(&self) -> Fault {
        let (code, help) = match self.kind {
            ErrorKind::Unavailable => (
                "FH3001",
                "see that the server runs and that host and port are right",
            ),
            ErrorKind::LoginRefused => (
                "FH3002",
                "see that user and password behind the server's `url:` are right",
            ),
            ErrorKind::Denied => (
                "FH3003",
                "use an admin login with the rights that `freehold explain FH3003` lists",
            ),
            ErrorKind::Tls => (
                "FH3004",
                "see `sslmode` and `sslrootcert` in the server's URL",
            ),
            ErrorKind::Conflict => (
                "FH3005",
                "somebody else changes the same objects or holds a lock: run the command again",
            ),
            ErrorKind::DiskFull => (
                "FH3006",
                "free space on the server's disk, then run the command again",
            ),
            ErrorKind::Unsupported => (
                "FH3007",
                "use a server version that `freehold engines` names",
            ),
            _ => ("FH3008", "the engine's own message says what it refused"),
        };
        Fault::new(code, self.to_string()).help(help)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for what in &self.context {
            write!(f, "{what}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.native {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
