//! Questions over a Unix socket: one connection each, a length of four bytes and JSON both ways.
//! Who may open the socket's folder may ask; it is the user's own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freehold_engine::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use super::{Answer, Ask, Owner, Peers};
use crate::error::{Error, Result};

/// An answer is larger than this only if somebody else speaks.
const LARGEST: u32 = 256 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sidecars by their sockets in one folder.
#[derive(Debug, Clone)]
pub struct Sockets {
    folder: PathBuf,
}

impl Sockets {
    /// Sockets in this folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Where a service's sidecar listens.
    pub fn path(&self, service: &str) -> PathBuf {
        self.folder.join(format!("{service}.peer"))
    }
}

impl Peers for Sockets {
    fn ask<'a>(&'a self, service: &'a str, ask: Ask) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let path = self.path(service);
            let asked = tokio::time::timeout(PATIENCE, exchange(&path, &ask)).await;
            let failed = |why: &str| Error::Peer(format!("the sidecar of {service}: {why}"));
            match asked {
                Ok(Ok(Answer::Failed(why))) => Err(failed(&why)),
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(failed(&error.to_string())),
                Err(_) => Err(failed("no answer in 30 s")),
            }
        })
    }
}

async fn exchange(path: &Path, ask: &Ask) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(path).await?;
    write(&mut stream, ask).await?;
    read(&mut stream).await
}

/// Answers until `stop` says so. The socket is made anew; what was left of a killed process goes.
///
/// # Errors
/// The socket's.
pub async fn serve(
    path: &Path,
    owner: Arc<Owner>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        // A connection that could not be taken (no descriptors left) must not end the others.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let owner = Arc::clone(&owner);
        tokio::spawn(async move {
            // Whoever asked went away, or spoke nonsense: nobody to tell.
            let _ = tokio::time::timeout(PATIENCE, one(stream, &owner)).await;
        });
    }
    let _ = std::fs::remove_file(path);
    Ok(())
}

async fn one(mut stream: UnixStream, owner: &Owner) -> io::Result<()> {
    let ask: Ask = read(&mut stream).await?;
    let answer = owner.answer(ask).await;
    write(&mut stream, &answer).await
}

async fn write(stream: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(what).map_err(io::Error::other)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_le_bytes()).await?;
    stream.write_all(&json).await
}

async fn read<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length);
    if length > LARGEST {
        return Err(io::Error::other("this is no sidecar"));
    }
    let mut json = Vec::new();
    let most = u64::from(length);
    (&mut *stream).take(most).read_to_end(&mut json).await?;
    serde_json::from_slice(&json).map_err(io::Error::other)
}
