//! What can end a relay or an applier, and whether it goes on by itself.

use std::fmt;

use freehold_model::Fault;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a relay or an applier stopped.
#[derive(Debug)]
pub enum Error {
    /// The store's, while doing this. Reconnect, lead, recover.
    Store(freehold_engine::Error),
    /// The broker's. Reconnect and send again what was not acknowledged.
    Broker(freehold_broker::Error),
    /// Somebody else leads now.
    Lost,
    /// What stands in the store contradicts what was recorded: an operator has to look.
    Mismatch(String),
    /// The sidecar of a service that publishes could not be asked, or could not answer.
    Peer(String),
    /// A row of freehold's own tables that this version cannot read.
    Unreadable(&'static str),
}

impl Error {
    /// Will trying again by itself help?
    pub fn heals(&self) -> bool {
        !matches!(self, Self::Mismatch(_) | Self::Unreadable(_))
    }

    /// As a user meets it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(error) => error.fault(),
            Self::Broker(error) => error.fault(),
            Self::Lost => Fault::new("FH3901", self.to_string())
                .help("nothing is wrong: this sidecar stands by"),
            Self::Mismatch(_) => Fault::new("FH3902", self.to_string())
                .help("nothing more is sent until this is looked at: `freehold explain FH3902`"),
            Self::Peer(_) => Fault::new("FH3904", self.to_string())
                .help("start the sidecar of the service that publishes; this goes on by itself"),
            Self::Unreadable(_) => Fault::new("FH3903", self.to_string())
                .help("run the version of freehold that wrote it, or a later one"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Broker(error) => error.fmt(f),
            Self::Lost => f.write_str("another sidecar leads"),
            Self::Mismatch(what) | Self::Peer(what) => f.write_str(what),
            Self::Unreadable(table) => write!(f, "{table} has a row that cannot be read"),
        }
    }
}

impl std::error::Error for Error {}

impl From<freehold_engine::Error> for Error {
    fn from(error: freehold_engine::Error) -> Self {
        Self::Store(error)
    }
}

impl From<freehold_broker::Error> for Error {
    fn from(error: freehold_broker::Error) -> Self {
        Self::Broker(error)
    }
}
