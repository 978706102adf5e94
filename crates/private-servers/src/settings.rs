//! What a caller asks for: kind, folder, port, extra server settings.

use std::path::PathBuf;

use crate::Kind;

/// How a private server is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub kind: Kind,
    /// The server's own folder: made when it is missing, refused when it holds something else.
    pub dir: PathBuf,
    /// `None`: the port of last time if it is free, else any free one.
    pub port: Option<u16>,
    /// Extra server settings in the server's own names: `log_statement=all`, `log_bin=binlog`.
    /// Arguments of the process, so nothing secret.
    pub settings: Vec<(String, String)>,
    /// Where the binaries lie, instead of [`crate::find`].
    pub bin_dir: Option<PathBuf>,
    /// `LD_LIBRARY_PATH` of the binaries, for builds that bring their own libraries.
    pub library_dir: Option<PathBuf>,
    /// With it, the server offers TLS (and still takes plain connections).
    pub tls: Option<TlsFiles>,
}

/// A server certificate and its key, PEM. Copied into the folder at each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Settings {
    /// The installed server of this kind in `dir`, on a free port.
    pub fn new(kind: Kind, dir: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            dir: dir.into(),
            port: None,
            settings: Vec::new(),
            bin_dir: None,
            library_dir: None,
            tls: None,
        }
    }

    /// Adds a server setting.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}
