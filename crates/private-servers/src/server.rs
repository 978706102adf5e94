//! A private server that answers, as a caller holds it.

use std::fmt;
use std::path::Path;

use crate::error::Error;
use crate::folder::Folder;
use crate::process::Process;
use crate::start::start;
use crate::stop::stop;
use crate::{Kind, Settings};

/// A private server. Dropping it leaves the server running: [`PrivateServer::stop`] ends it.
pub struct PrivateServer {
    pub(crate) settings: Settings,
    pub(crate) folder: Folder,
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) version: String,
    pub(crate) url: String,
    pub(crate) started_now: bool,
}

impl PrivateServer {
    /// The admin's URL **with its password**: `postgres://freehold_admin:…@127.0.0.1:PORT/postgres`
    /// or `mysql://freehold_admin:…@127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn kind(&self) -> Kind {
        self.settings.kind
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Of the binaries: `15.18`, `10.11.19`.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn dir(&self) -> &Path {
        self.folder.root()
    }

    /// What the server writes, all starts in a row.
    pub fn log_file(&self) -> std::path::PathBuf {
        self.folder.log()
    }

    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// `false` when it ran already and was joined.
    pub fn started_now(&self) -> bool {
        self.started_now
    }

    /// Stops it in good order, clients or not, and waits until it is gone.
    pub async fn stop(self) -> Result<(), Error> {
        stop(self.folder.root()).await.map(|_| ())
    }

    /// Ends it at once, as a crash would; returns before it is gone. Its folder stays, and
    /// [`PrivateServer::restart`] or [`start`] recovers it.
    pub fn kill(&self) {
        self.process.kill_with_children();
    }

    /// Stops it if it runs and starts it again with the same settings on the same port.
    pub async fn restart(&mut self) -> Result<(), Error> {
        stop(self.folder.root()).await?;
        let mut settings = self.settings.clone();
        settings.port = Some(self.port);
        let mut again = start(&settings).await?;
        again.settings = self.settings.clone();
        *self = again;
        Ok(())
    }
}

impl fmt::Debug for PrivateServer {
    /// Without the URL, which holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateServer")
            .field("kind", &self.settings.kind)
            .field("version", &self.version)
            .field("dir", &self.folder.root())
            .field("port", &self.port)
            .field("pid", &self.process.pid)
            .finish_non_exhaustive()
    }
}
