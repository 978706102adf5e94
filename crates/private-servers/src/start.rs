//! Starting the server of a folder, or joining the one that runs there.
//!
//! Order: find the binaries, take the folder's lock, join what runs; else make the folder if it
//! is new, start, wait until it answers. A start that is broken off anywhere is mended by the
//! next one: what runs without a record is ended, what was not finished is made anew.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::Error;
use crate::folder::{Folder, Made, Running};
use crate::making::{Making, last_lines};
use crate::password::Password;
use crate::process::{POLL, Process};
use crate::stop::{serving, stop_locked};
use crate::{Kind, PrivateServer, Settings, mariadb, mysql, port, postgres};

/// For making a folder, and for a start, which may have to recover from a crash first.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// A port that was free may be taken before the server binds it.
const PORT_ATTEMPTS: usize = 5;

/// What a server's arguments are made of.
pub(crate) struct Launch<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) own_binaries: bool,
    pub(crate) data: &'a Path,
    pub(crate) socket_dir: &'a Path,
    pub(crate) port: u16,
    pub(crate) tls: Option<&'a (PathBuf, PathBuf)>,
    pub(crate) settings: &'a [(String, String)],
}

/// Starts a private server, or joins the one of ours that already runs in that folder, and
/// returns when it answers (after at most a few minutes, else `FH3606`).
///
/// A new folder is initialised first. The server outlives the caller and the terminal's Ctrl-C.
/// May be called again after it failed or was cancelled.
pub async fn start(settings: &Settings) -> Result<PrivateServer, Error> {
    let binaries = Binaries::of(settings)?;
    let account = Account::for_kind(settings.kind)?;
    if let Some(bin) = binaries.server.parent() {
        account.must_reach(bin)?;
    }
    let folder = Folder::open_or_make(&settings.dir, &account)?;
    account.must_reach(folder.root())?;
    let _lock = folder.lock().await?;
    let starting = Starting {
        settings,
        binaries: &binaries,
        account: &account,
        folder: &folder,
    };
    let Some(made) = folder.made()? else {
        stop_locked(&folder, None).await?;
        return starting.make_and_launch().await;
    };
    must_hold(&folder, &made, &binaries)?;
    if serving(&folder)?.is_some()
        && let Some(running) = folder.running()?
    {
        must_be_same(&folder, settings, &running)?;
        starting.wait(&running).await?;
        return starting.server(&running, &folder.password()?, false);
    }
    stop_locked(&folder, Some(made.kind)).await?;
    starting.launch(&folder.password()?, Some(made.port)).await
}

struct Starting<'a> {
    settings: &'a Settings,
    binaries: &'a Binaries,
    account: &'a Account,
    folder: &'a Folder,
}

impl Starting<'_> {
    async fn make_and_launch(&self) -> Result<PrivateServer, Error> {
        let password = Password::random()?;
        let making = Making {
            folder: self.folder,
            account: self.account,
            binaries: self.binaries,
            own_binaries: self.settings.bin_dir.is_some(),
            password: &password,
        };
        match self.settings.kind {
            Kind::Postgres => postgres::initialise(&making).await?,
            Kind::Mariadb => mariadb::initialise(&making).await?,
            Kind::Mysql => mysql::initialise(&making).await?,
        }
        self.launch(&password, None).await
    }

    async fn launch(
        &self,
        password: &Password,
        last_port: Option<u16>,
    ) -> Result<PrivateServer, Error> {
        let mut port = port::choose(self.settings.port, last_port)?;
        let mut attempt = 1;
        loop {
            match self.launch_on(port).await {
                Ok(running) => return self.server(&running, password, true),
                Err(Error::PortTaken { .. })
                    if self.settings.port.is_none() && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                    port = port::any()?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn launch_on(&self, port: u16) -> Result<Running, Error> {
        let (mut child, running) = self.spawn(port)?;
        let ready = match self.folder.write_running(&running) {
            Ok(()) => self.wait(&running).await,
            Err(error) => Err(error),
        };
        if ready.is_err() {
            running.process.kill_with_children();
        }
        // Somebody has to wait for it, or it stays as a zombie while this process lives.
        std::thread::spawn(move || child.wait());
        if let Err(error) = ready {
            running.process.gone_within(LIMIT).await;
            self.folder.clear_running()?;
            return Err(error);
        }
        Ok(running)
    }

    fn spawn(&self, port: u16) -> Result<(Child, Running), Error> {
        let socket_dir = self.folder.fresh_socket_dir(self.account)?;
        let tls = match &self.settings.tls {
            Some(files) => Some(
                self.folder
                    .copy_tls(&files.cert, &files.key, self.account)?,
            ),
            None => None,
        };
        let launch = Launch {
            binaries: self.binaries,
            own_binaries: self.settings.bin_dir.is_some(),
            data: &self.folder.data(),
            socket_dir: &socket_dir,
            port,
            tls: tls.as_ref(),
            settings: &self.settings.settings,
        };
        let arguments = match self.settings.kind {
            Kind::Postgres => postgres::arguments(&launch),
            Kind::Mariadb => mariadb::arguments(&launch),
            Kind::Mysql => mysql::arguments(&launch),
        };
        let (log, log_from) = self.folder.open_log()?;
        let same_log = log
            .try_clone()
            .map_err(Error::io("open", self.folder.log()))?;
        let server = &self.binaries.server;
        let child = self
            .account
            .command(server.as_os_str(), self.binaries.library_dir.as_deref())
            .args(arguments)
            .env("TMPDIR", self.folder.fresh_tmp(self.account)?)
            .current_dir(self.folder.data())
            .stdin(Stdio::null())
            .stdout(same_log)
            .stderr(log)
            // So that the terminal's Ctrl-C does not reach it.
            .process_group(0)
            .spawn()
            .map_err(Error::io("run", server))?;
        // Not waited for yet, so /proc knows it even if it has ended: then with no start time.
        let process = Process::living(child.id()).unwrap_or(Process {
            pid: child.id(),
            started_ticks: 0,
        });
        let running = Running {
            process,
            port,
            socket_dir,
            log_from,
            settings: self.settings.settings.clone(),
            tls: tls.is_some(),
        };
        Ok((child, running))
    }

    /// Until the server takes clients.
    async fn wait(&self, running: &Running) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            let alive = running.process.is_alive();
            let log = || self.folder.log_since(running.log_from);
            let ready = match self.settings.kind {
                Kind::Postgres => postgres::is_ready(&self.folder.data(), running.process),
                Kind::Mariadb | Kind::Mysql => mariadb::is_ready(&log()),
            };
            if alive && ready {
                return Ok(());
            }
            if !alive {
                let log = log();
                if log.contains("Address already in use") {
                    return Err(Error::PortTaken { port: running.port });
                }
                return Err(self.not_ready("ended while it started", &log));
            }
            if begin.elapsed() > LIMIT {
                return Err(self.not_ready("did not answer in time", &log()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn server(
        &self,
        running: &Running,
        password: &Password,
        started_now: bool,
    ) -> Result<PrivateServer, Error> {
        let kind = self.settings.kind;
        let url = self.folder.write_url(kind, password, running.port)?;
        let version = self.binaries.version.clone();
        self.folder.write_made(&Made {
            kind,
            version: version.clone(),
            port: running.port,
        })?;
        Ok(PrivateServer {
            settings: self.settings.clone(),
            folder: self.folder.clone(),
            process: running.process,
            port: running.port,
            version,
            url,
            started_now,
        })
    }

    fn not_ready(&self, what: &str, log: &str) -> Error {
        Error::NotReady {
            kind: self.settings.kind,
            dir: self.folder.root().to_owned(),
            what: what.to_owned(),
            log: self.folder.log(),
            said: last_lines(log),
        }
    }
}

/// Refuses a folder of another kind, or of a version whose files these binaries do not read.
fn must_hold(folder: &Folder, made: &Made, binaries: &Binaries) -> Result<(), Error> {
    let same = match made.kind {
        _ if made.kind != binaries.kind => false,
        Kind::Postgres => {
            let path = folder.data().join("PG_VERSION");
            let major = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            major.trim() == binaries.major()
        }
        // They upgrade their files themselves, but never back.
        Kind::Mariadb | Kind::Mysql => !is_older(&binaries.version, &made.version),
    };
    if same {
        return Ok(());
    }
    Err(Error::OtherServer {
        dir: folder.root().to_owned(),
        holds: format!("data of {} {}", made.kind, made.version),
        wanted: format!("{} {}", binaries.kind, binaries.version),
    })
}

/// By the first two numbers: patch releases share their files.
fn is_older(one: &str, than: &str) -> bool {
    let series = |version: &str| -> Vec<u32> {
        version
            .split('.')
            .take(2)
            .map(|number| number.parse().unwrap_or(0))
            .collect()
    };
    series(one) < series(than)
}

fn must_be_same(folder: &Folder, wanted: &Settings, running: &Running) -> Result<(), Error> {
    let difference = if wanted.port.is_some_and(|port| port != running.port) {
        format!("its port is {}", running.port)
    } else if wanted.settings != running.settings {
        format!("its settings are {:?}", running.settings)
    } else if wanted.tls.is_some() != running.tls {
        format!("its TLS is {}", if running.tls { "on" } else { "off" })
    } else {
        return Ok(());
    };
    Err(Error::OtherSettings {
        kind: wanted.kind,
        dir: folder.root().to_owned(),
        difference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_older_by_number_not_by_letter() {
        assert!(is_older("9.7.4", "10.11.1"));
        assert!(!is_older("10.11.2", "10.11.19"));
        assert!(!is_older("11.4.5", "10.11.19"));
    }
}
