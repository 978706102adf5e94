//! The broker's process: its folder, its one writer, its socket.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc as async_mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::catalog::Catalog;
use super::commit::{self, Publish};
use super::connection;
use super::disk::{Disk, RealDisk};
use super::fault::{StoreError, StoreResult};
use super::groups::Groups;
use super::protocol::Answer;
use super::rules::Sound;
use super::store::Store;
use crate::contract::{Limits, Login};
use crate::embedded::account;
use crate::error::{Error, ErrorKind, Result};

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Holds everything; made (0700) if it is not there. One server at a time.
    pub folder: PathBuf,
    /// Where it listens; a socket that a dead server left is replaced.
    pub socket: PathBuf,
    /// The administrator, with this secret from now on: whoever may open the folder says who.
    pub admin: Login,
    /// A segment is full at so many bytes. Smaller for topics that must stay small.
    pub segment_bytes: u64,
    /// The largest message.
    pub message_bytes: usize,
}

impl Settings {
    /// Segments of 64 MiB, messages up to 1 MiB.
    pub fn new(folder: impl Into<PathBuf>, socket: impl Into<PathBuf>, admin: Login) -> Self {
        Self {
            folder: folder.into(),
            socket: socket.into(),
            admin,
            segment_bytes: 64 << 20,
            message_bytes: 1 << 20,
        }
    }
}

/// The embedded broker, open and not yet listening.
pub struct Server {
    shared: Arc<Shared>,
    settings: Settings,
    requests: mpsc::Receiver<Request>,
    /// Held as long as the server lives.
    _lock: File,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) groups: Groups,
    pub(crate) catalog: watch::Sender<Arc<Catalog>>,
    pub(crate) limits: Limits,
    /// Bytes of publish requests that are under way.
    pub(crate) budget: Arc<Semaphore>,
    /// Fetches that hold what they have read.
    pub(crate) readers: Arc<Semaphore>,
    to_writer: mpsc::Sender<Request>,
}

/// A publish request on its way to the writer.
pub(crate) struct Request {
    pub(crate) publish: Publish,
    pub(crate) number: u32,
    pub(crate) answer: async_mpsc::UnboundedSender<Vec<u8>>,
    /// Given back when it is answered.
    pub(crate) permit: tokio::sync::OwnedSemaphorePermit,
}

/// What may be under way at once, over all connections.
const BUDGET: usize = 64 << 20;
const READERS: usize = 32;
/// How long acknowledgements of groups and retention may wait.
const SAVE_AFTER: Duration = Duration::from_secs(1);
const RETAIN_EACH: Duration = Duration::from_mins(1);

impl Shared {
    pub(crate) fn send(&self, request: Request) -> Result<()> {
        self.to_writer
            .send(request)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the broker stops"))
    }
}

impl Server {
    /// Opens the folder: takes its lock, recovers every log. Blocking; may read whole segments.
    pub fn open(settings: Settings) -> Result<Self> {
        let what = format!("open the broker's folder {}", settings.folder.display());
        open(settings).map_err(|error| error.tell().during(what))
    }

    /// Listens until `stop` is ready, then finishes what is under way. Everything acknowledged is
    /// durable at any time; stopping is only politer than killing.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let socket = self.settings.socket.clone();
        let at = |error: &io::Error| {
            Error::new(ErrorKind::Unknown, format!("{}: {error}", socket.display()))
                .during("listen")
        };
        let listener = listen(&socket).map_err(|error| at(&error))?;
        let (shared, folder) = (self.shared, self.settings.folder);
        let requests = self.requests;
        let (alive, mut gone) = oneshot::channel::<()>();
        let store = shared.store.clone();
        let writer = std::thread::Builder::new()
            .name("broker-writer".to_owned())
            .spawn(move || {
                // Dropped when the writer ends, which it does only by a panic while we serve.
                let _alive = alive;
                write(&store, &requests);
            })
            .map_err(|error| at(&error))?;
        let keeper = tokio::spawn(keep(shared.clone(), folder.clone()));
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        let ended = loop {
            tokio::select! {
                () = &mut stop => break Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection::serve(shared.clone(), stream));
                    }
                    // Out of file descriptors, as a rule: others may go on and free some.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
                _ = &mut gone => {
                    break Err(Error::new(ErrorKind::Unknown, "the broker's writer ended"));
                }
            }
        };
        connections.shutdown().await;
        keeper.abort();
        let _ = keeper.await;
        let _ = shared.groups.save(shared.store.disk.as_ref(), &folder);
        let _ = std::fs::remove_file(&socket);
        // With the last sender gone the writer finishes what it has and ends.
        drop(shared);
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        ended
    }
}

fn open(settings: Settings) -> StoreResult<Server> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    disk.make_folder(&settings.folder)?;
    let lock = File::create(settings.folder.join("lock"))?;
    if lock.try_lock().is_err() {
        return Err(StoreError::Disk(io::Error::other(
            "another broker has it open",
        )));
    }
    let first = || {
        let verifier = account::verifier(&settings.admin.secret);
        Catalog::new(&settings.admin.name, verifier)
    };
    let store = Store::open::<Sound>(
        disk.clone(),
        &settings.folder,
        settings.segment_bytes,
        first,
    )?;
    let verifier = account::verifier(&settings.admin.secret);
    if !store.catalog().is_admin(&settings.admin.name, &verifier) {
        store.change::<Sound>(|catalog| catalog.set_admin(&settings.admin.name, &verifier))?;
    }
    if let Some(parent) = settings.folder.parent() {
        disk.sync_folder(parent)?;
    }
    let (to_writer, requests) = mpsc::channel();
    let shared = Arc::new(Shared {
        catalog: watch::channel(Arc::new(store.catalog())).0,
        groups: Groups::load(disk.as_ref(), &settings.folder),
        store: Arc::new(store),
        limits: Limits {
            message_bytes: settings.message_bytes,
            batch: 16_384,
        },
        budget: Arc::new(Semaphore::new(BUDGET)),
        readers: Arc::new(Semaphore::new(READERS)),
        to_writer,
    });
    Ok(Server {
        shared,
        settings,
        requests,
        _lock: lock,
    })
}

/// The lock on the folder says that no other server lives here: a socket in the way is a dead one's.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

/// The writer: whatever came while the last group was being synced is the next group.
fn write(store: &Store, requests: &mpsc::Receiver<Request>) {
    while let Ok(first) = requests.recv() {
        let mut waiting = vec![first];
        while let Ok(request) = requests.try_recv() {
            waiting.push(request);
        }
        let (group, replies): (Vec<Publish>, Vec<_>) = waiting
            .into_iter()
            .map(|request| {
                let reply = (request.number, request.answer, request.permit);
                (request.publish, reply)
            })
            .unzip();
        let outcomes = commit::commit::<Sound>(store, &group, now_ms());
        for (outcome, (request, answer, permit)) in outcomes.into_iter().zip(replies) {
            let acknowledged = u32::try_from(outcome.acknowledged).unwrap_or(u32::MAX);
            let published = Answer::Published {
                acknowledged,
                stop: outcome.stop,
            };
            // Whoever is gone does not want to know.
            let _ = answer.send(published.frame(request));
            drop(permit);
        }
    }
}

/// Writes down acknowledgements and removes what is too old, without waking up when idle but for
/// retention once a minute.
async fn keep(shared: Arc<Shared>, folder: PathBuf) {
    let mut retain = tokio::time::interval(RETAIN_EACH);
    loop {
        let save = tokio::select! {
            _ = retain.tick() => false,
            () = shared.groups.moved.notified() => true,
        };
        if save {
            tokio::time::sleep(SAVE_AFTER).await;
        }
        let (shared, folder) = (shared.clone(), folder.clone());
        let work = move || {
            // Both are tried again later; neither can lose an event.
            let _ = if save {
                shared.groups.save(shared.store.disk.as_ref(), &folder)
            } else {
                shared.store.retain(now_ms())
            };
        };
        let _ = tokio::task::spawn_blocking(work).await;
    }
}
