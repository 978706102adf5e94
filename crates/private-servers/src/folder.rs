//! The folder of a private server, and what lies in it.
//!
//! | entry | what | owner, mode |
//! |---|---|---|
//! | `private-server.lock` | says that the folder is ours; held while starting or stopping | caller |
//! | `made.json` | kind and version; written when the server has answered for the first time | caller |
//! | `running.json` | process, port, settings of the running server | caller |
//! | `admin.url` | the admin's URL with its password | caller, 0600 |
//! | `server.log` | what the server wrote, all starts in a row | caller, 0600 |
//! | `data/`, `run/`, `tmp/` | the server's data, its socket, its temporary files | server's user |
//! | `tls/` | copies of certificate and key | files: server's user |
//!
//! The folder itself belongs to the caller: root never writes where the server's user could plant
//! a link. A folder without `made.json` was left in the middle of its making and is made anew.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Kind;
use crate::account::Account;
use crate::error::Error;
use crate::password::{self, Password};
use crate::process::{POLL, Process};

const LOCK: &str = "private-server.lock";
const ADMIN: &str = "freehold_admin";

/// Of a unix socket's path, in bytes (`sun_path` without its final zero).
const SOCKET_PATH_BYTES: usize = 107;
/// `/.s.PGSQL.65535.lock`, the longest name that a server puts into its socket folder.
const SOCKET_NAME_BYTES: usize = 20;

/// Of the socket folders under `/tmp`, for folders whose own path is too long.
const SHORT_PREFIX: &str = "freehold-socket-";

/// How long another command may hold the lock before we give up.
const LOCK_LIMIT: Duration = Duration::from_mins(3);

/// What a folder was made for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) kind: Kind,
    pub(crate) version: String,
    /// Kept at the next start if it is free then.
    pub(crate) port: u16,
}

/// The server that was last started in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) socket_dir: PathBuf,
    /// Where its part of the log begins, in bytes.
    pub(crate) log_from: u64,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) tls: bool,
}

/// A folder that is ours.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// Held while a server is started or stopped; ends with the process that holds it.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Folder {
    /// Makes the folder, or takes an empty one, or opens one of ours.
    pub(crate) fn open_or_make(dir: &Path, account: &Account) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::io("make", dir))?;
        let root = fs::canonicalize(dir).map_err(Error::io("look at", dir))?;
        if !root.join(LOCK).exists() {
            if let Some(found) = first_entry(&root)? {
                return Err(Error::Foreign { dir: root, found });
            }
            // The server's user passes through to `data`; nobody but the caller lists it.
            let mode = if account.is_other() { 0o711 } else { 0o700 };
            fs::set_permissions(&root, Permissions::from_mode(mode))
                .map_err(Error::io("change the mode of", &root))?;
        }
        Ok(Self { root })
    }

    /// Opens one of ours; `None` when there is no such folder or it holds something else.
    pub(crate) fn open(dir: &Path) -> Option<Self> {
        let root = fs::canonicalize(dir).ok()?;
        root.join(LOCK).exists().then_some(Self { root })
    }

    /// Waits for other commands that start or stop this server.
    pub(crate) async fn lock(&self) -> Result<Lock, Error> {
        let path = self.root.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) if begin.elapsed() > LOCK_LIMIT => {
                    return Err(Error::Busy {
                        dir: self.root.clone(),
                    });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
            }
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// A new file that only `account` may read; the caller removes it after use.
    pub(crate) fn short_lived_file(
        &self,
        name: &str,
        text: &str,
        account: &Account,
    ) -> Result<ShortLived, Error> {
        let path = self.root.join(name);
        remove_file(&path)?;
        write_new(&path, text.as_bytes())?;
        let file = ShortLived(path);
        account.own(&file.0)?;
        Ok(file)
    }

    /// Removes what an interrupted making left, and makes the empty data folder.
    pub(crate) fn fresh_data(&self, account: &Account) -> Result<PathBuf, Error> {
        fresh_dir(self.data(), account)
    }

    /// An empty folder for the server's temporary files. Not `/tmp`: a MariaDB that starts
    /// removes there what looks like a temporary table, another server's too.
    pub(crate) fn fresh_tmp(&self, account: &Account) -> Result<PathBuf, Error> {
        fresh_dir(self.root.join("tmp"), account)
    }

    /// The folder for the server's socket: ours, or a short one when ours makes the path too long.
    pub(crate) fn fresh_socket_dir(&self, account: &Account) -> Result<PathBuf, Error> {
        let dir = self.root.join("run");
        if dir.as_os_str().len() + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES {
            return fresh_dir(dir, account);
        }
        let mut random = [0_u8; 6];
        password::fill(&mut random)?;
        let name = format!("{SHORT_PREFIX}{}", password::hex(&random));
        fresh_dir(Path::new("/tmp").join(name), account)
    }

    /// Copies certificate and key to where the server's user can read them; gives both paths.
    pub(crate) fn copy_tls(
        &self,
        cert: &Path,
        key: &Path,
        account: &Account,
    ) -> Result<(PathBuf, PathBuf), Error> {
        let dir = self.root.join("tls");
        remove_dir(&dir)?;
        make_dir(&dir, 0o711)?;
        let copy = |from: &Path, name: &str| {
            let to = dir.join(name);
            write_new(&to, &fs::read(from).map_err(Error::io("read", from))?)?;
            account.own(&to)?;
            Ok(to)
        };
        Ok((copy(cert, "cert.pem")?, copy(key, "key.pem")?))
    }

    /// The log, to append to, and how long it is already.
    pub(crate) fn open_log(&self) -> Result<(File, u64), Error> {
        let path = self.log();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        let length = file.metadata().map_err(Error::io("look at", &path))?.len();
        Ok((file, length))
    }

    /// What the server wrote to its log from byte `from` on; empty when it cannot be read.
    pub(crate) fn log_since(&self, from: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(self.log()).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        if read.is_err() {
            return String::new();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn made(&self) -> Result<Option<Made>, Error> {
        self.read_json("made.json")
    }

    pub(crate) fn write_made(&self, made: &Made) -> Result<(), Error> {
        self.write_json("made.json", made)
    }

    pub(crate) fn running(&self) -> Result<Option<Running>, Error> {
        self.read_json("running.json")
    }

    pub(crate) fn write_running(&self, running: &Running) -> Result<(), Error> {
        self.write_json("running.json", running)
    }

    /// Removes what only a running server needs.
    pub(crate) fn clear_running(&self) -> Result<(), Error> {
        // A folder that cannot be read as ours has no socket folder that we could name.
        if let Ok(Some(running)) = self.running()
            && is_short_dir(&running.socket_dir)
        {
            remove_dir(&running.socket_dir)?;
        }
        remove_dir(&self.root.join("run"))?;
        remove_dir(&self.root.join("tmp"))?;
        remove_file(&self.root.join("running.json"))
    }

    /// Writes `admin.url` if it says something else; gives the URL.
    pub(crate) fn write_url(
        &self,
        kind: Kind,
        password: &Password,
        port: u16,
    ) -> Result<String, Error> {
        let url = url(kind, password, port);
        let path = self.root.join("admin.url");
        if fs::read_to_string(&path).ok().as_deref().map(str::trim) != Some(url.as_str()) {
            replace(&path, format!("{url}\n").as_bytes())?;
        }
        Ok(url)
    }

    /// The admin's password, from `admin.url`.
    pub(crate) fn password(&self) -> Result<Password, Error> {
        let path = self.root.join("admin.url");
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        password_in(&text).ok_or_else(|| Error::Foreign {
            dir: self.root.clone(),
            found: "an admin.url without a password".to_owned(),
        })
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.root.join(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| Error::io("understand", &path)(e.into()))
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Error> {
        let path = self.root.join(name);
        let text = serde_json::to_vec_pretty(value)
            .map_err(|error| Error::io("write", &path)(error.into()))?;
        replace(&path, &text)
    }
}

/// A file that is removed when this goes out of scope.
#[derive(Debug)]
pub(crate) struct ShortLived(PathBuf);

impl ShortLived {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ShortLived {
    fn drop(&mut self) {
        // If this fails, the next making removes it.
        let _ = fs::remove_file(&self.0);
    }
}

/// The admin's URL. The password is hexadecimal, so nothing needs escaping.
fn url(kind: Kind, password: &Password, port: u16) -> String {
    let password = password.expose();
    match kind {
        Kind::Postgres => format!("postgres://{ADMIN}:{password}@127.0.0.1:{port}/postgres"),
        Kind::Mariadb | Kind::Mysql => format!("mysql://{ADMIN}:{password}@127.0.0.1:{port}"),
    }
}

fn password_in(url: &str) -> Option<Password> {
    let after = url
        .trim()
        .split_once("://")?
        .1
        .strip_prefix(ADMIN)?
        .strip_prefix(':')?;
    Some(Password::read(after.split_once('@')?.0))
}

fn is_short_dir(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent() == Some(Path::new("/tmp")) && name.is_some_and(|n| n.starts_with(SHORT_PREFIX))
}

fn first_entry(dir: &Path) -> Result<Option<String>, Error> {
    let mut entries = fs::read_dir(dir).map_err(Error::io("read", dir))?;
    match entries.next() {
        None => Ok(None),
        Some(Ok(entry)) => Ok(Some(entry.file_name().to_string_lossy().into_owned())),
        Some(Err(source)) => Err(Error::io("read", dir)(source)),
    }
}

/// An empty folder of this user's. The making fails when somebody else puts something there in
/// between, so a planted link is never followed.
fn fresh_dir(path: PathBuf, account: &Account) -> Result<PathBuf, Error> {
    remove_dir(&path)?;
    make_dir(&path, 0o700)?;
    account.own(&path)?;
    Ok(path)
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new()
        .mode(mode)
        .create(path)
        .map_err(Error::io("make", path))
}

fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(Error::io("write", path))
}

/// Replaces a file as a whole, so that a reader sees the old or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_extension("new");
    remove_file(&new)?;
    write_new(&new, bytes)?;
    fs::rename(&new, path).map_err(Error::io("write", path))
}
