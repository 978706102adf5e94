//! Errors of a broker: kind, retry class, the native code, what was being done.

use std::fmt;

use freehold_engine::Retry;
use freehold_model::Fault;

/// Shorthand for results of this contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection, it was lost, or no answer in time.
    Unavailable,
    /// The broker is there and does not let this login in, or not any more.
    LoginRefused,
    /// This login may not write or read this topic, or use this group.
    Denied,
    /// The topic, partition or account is not there. Never made on the way.
    Missing,
    /// The topic is there with another number of partitions.
    Conflict,
    /// The partition holds a later position: an old leader, or a store that went back
    /// (a discontinuity). Nothing of the call's rest was stored.
    Backwards,
    /// No space left at the broker; it takes nothing more until there is.
    DiskFull,
    /// What the broker has stored is damaged.
    Corrupt,
    /// The other side speaks another protocol or version, or sent nonsense.
    Protocol,
    /// This broker or version cannot.
    Unsupported,
    /// The request is wrong.
    Invalid,
    /// Anything else.
    Unknown,
}

impl ErrorKind {
    /// The one place where a kind becomes a retry policy.
    pub fn retry(self) -> Retry {
        match self {
            Self::DiskFull => Retry::Again,
            Self::Unavailable => Retry::Reconnect,
            _ => Retry::Never,
        }
    }
}

/// An error of a broker. Holds no payload and no secret.
#[derive(Debug, Clone)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The broker's own code.
    pub native: Option<String>,
    /// The broker's own words.
    pub message: String,
    /// What was being done, outermost first: `publish to order.confirmed.v2`.
    pub context: Vec<String>,
}

impl Error {
    /// An error of this kind with the broker's words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            native: None,
            message: message.into(),
            context: Vec::new(),
        }
    }

    /// Adds the broker's own code.
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
            ErrorKind::Unavailable => ("FH3801", "see that the broker runs and can be reached"),
            ErrorKind::LoginRefused => (
                "FH3802",
                "run `freehold apply`: it makes the service's login at the broker",
            ),
            ErrorKind::Denied => (
                "FH3803",
                "say what the service publishes and consumes in its service.yaml, then `freehold apply`",
            ),
            ErrorKind::Missing => (
                "FH3804",
                "run `freehold apply`: topics are made there and never on the way",
            ),
            ErrorKind::Conflict => (
                "FH3805",
                "partitions are fixed when a topic is made: publish a new version of the event",
            ),
            ErrorKind::Backwards => (
                "FH3806",
                "the source went back or an old leader still sends: see `freehold explain FH3806`",
            ),
            ErrorKind::DiskFull => (
                "FH3807",
                "free space on the broker's disk or lower the topics' retention",
            ),
            ErrorKind::Corrupt => (
                "FH3808",
                "see `freehold explain FH3808` before anything else",
            ),
            ErrorKind::Protocol => (
                "FH3809",
                "see that the address is the broker's and that both sides have the same version",
            ),
            ErrorKind::Unsupported => (
                "FH3810",
                "use a broker version that `freehold engines` names",
            ),
            ErrorKind::Invalid | ErrorKind::Unknown => {
                ("FH3811", "the broker's own message says what it refused")
            }
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

/// Why one message can never be taken as it is; sending it again cannot help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Larger on this broker's wire than it takes.
    TooLarge {
        /// Its size there.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// Something in it cannot be carried: a control character in a header, a reserved header, the
    /// lane of another key.
    Invalid(String),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(
                    f,
                    "{bytes} bytes are more than the {limit} that the broker takes"
                )
            }
            Self::Invalid(why) => f.write_str(why),
        }
    }
}
