//! Why an executor stops for the moment, or for good.

use freehold_model::Fault;

/// An executor's trouble.
#[derive(Debug)]
pub enum Error {
    /// The store's.
    Store(freehold_engine::Error),
    /// It holds something that this version cannot read.
    Unreadable(String),
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Will it be well by itself?
    pub fn heals(&self) -> bool {
        match self {
            Self::Store(error) => !matches!(
                error.kind,
                freehold_engine::ErrorKind::Denied
                    | freehold_engine::ErrorKind::Missing
                    | freehold_engine::ErrorKind::Unsupported
            ),
            Self::Unreadable(_) => false,
        }
    }

    /// As a user meets it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(error) if error.kind == freehold_engine::ErrorKind::Missing => Fault::new(
                "FH4120",
                format!("the tables of sagas are not there: {error}"),
            )
            .help("freehold apply makes them"),
            Self::Store(error) => error.fault(),
            Self::Unreadable(what) => Fault::new("FH4121", what.clone())
                .help("a later version of freehold wrote it: run that one"),
        }
    }
}

impl From<freehold_engine::Error> for Error {
    fn from(error: freehold_engine::Error) -> Self {
        Self::Store(error)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Unreadable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
