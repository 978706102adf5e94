//! A connection to the embedded broker: requests out, answers in, by number. And the door to it,
//! [`Embedded`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::account;
use super::frames::Frames;
use super::protocol::{Administer, Administered, Answer, Ask, FRAME};
use super::session::EmbeddedSession;
use super::store::locked;
use crate::contract::{
    AccountWant, Admin, Broker, BrokerInfo, Change, Limits, Login, Session, TopicLive, TopicWant,
};
use crate::error::{Error, ErrorKind, Result};
use crate::topic::{Compression, Partitions, Topic};
use crate::{BoxFuture, Secret, Verifier};

/// The embedded broker as a client sees it. Address: `unix:/path/of/the/socket`.
#[derive(Debug, Clone, Copy)]
pub struct Embedded;

const INFO: BrokerInfo = BrokerInfo {
    name: "embedded",
    makes_accounts: true,
    changes_retention: true,
    refuses_backwards: true,
};

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

impl Broker for Embedded {
    fn info(&self) -> &BrokerInfo {
        &INFO
    }

    fn connect<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>>> {
        Box::pin(async move {
            let (link, limits) = connect(address, login).await?;
            let source = login.name.as_str().into();
            let session = EmbeddedSession::new(link, limits, source);
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn administer<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Admin>>> {
        Box::pin(async move {
            let (link, _) = connect(address, login).await?;
            Ok(Box::new(EmbeddedAdmin(link)) as Box<dyn Admin>)
        })
    }

    fn verifier(&self, secret: &Secret) -> Result<Verifier> {
        Ok(Verifier::new(account::verifier(secret)))
    }
}

async fn connect(address: &str, login: &Login) -> Result<(Arc<Link>, Limits)> {
    let what = format!("connect to the broker at {address}");
    let Some(path) = address.strip_prefix("unix:") else {
        let odd = "the embedded broker's address is unix:/path/of/the/socket";
        return Err(Error::new(ErrorKind::Invalid, odd).during(what));
    };
    let hello = async {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?;
        let link = Link::new(stream);
        let hello = Ask::Hello {
            name: login.name.clone(),
            token: login.secret.expose().to_owned(),
        };
        match link.ask(&hello).await? {
            Answer::Welcome {
                message_bytes,
                batch,
            } => {
                let limits = Limits {
                    message_bytes: usize::try_from(message_bytes).unwrap_or(usize::MAX),
                    batch: usize::try_from(batch).unwrap_or(usize::MAX),
                };
                Ok((link, limits))
            }
            other => Err(unexpected(&other)),
        }
    };
    let late = |_| Error::new(ErrorKind::Unavailable, "no answer in 10 seconds");
    let answer = tokio::time::timeout(CONNECT, hello).await.map_err(late);
    answer
        .and_then(|answer| answer)
        .map_err(|error| error.during(what))
}

/// An answer that does not belong to its request.
pub(crate) fn unexpected(answer: &Answer) -> Error {
    if let Answer::Failed(error) = answer {
        return error.clone();
    }
    Error::new(
        ErrorKind::Protocol,
        "an answer that does not fit its request",
    )
}

/// Answers that are waited for; `None` when the connection is lost.
type Waiting = Mutex<Option<HashMap<u32, oneshot::Sender<Answer>>>>;

/// An open connection.
pub(crate) struct Link {
    out: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Waiting>,
    next: AtomicU32,
    tasks: [AbortHandle; 2],
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Link {
    fn new(stream: UnixStream) -> Arc<Self> {
        let (read, write) = stream.into_split();
        let (out, frames) = mpsc::channel(4);
        let waiting: Arc<Waiting> = Arc::new(Mutex::new(Some(HashMap::new())));
        let reader = tokio::spawn(receive(Frames::new(read), waiting.clone()));
        let writer = tokio::spawn(send(write, frames, waiting.clone()));
        Arc::new(Self {
            out,
            waiting,
            next: AtomicU32::new(1),
            tasks: [reader.abort_handle(), writer.abort_handle()],
        })
    }

    pub(crate) fn broken(&self) -> bool {
        locked(&self.waiting).is_none()
    }

    /// A number that no request under way has.
    pub(crate) fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a frame that has this number; its answer comes later. Frames go out in the order of
    /// the calls. Cancellation: the frame is sent as a whole or not at all.
    pub(crate) async fn send(
        &self,
        number: u32,
        frame: Vec<u8>,
    ) -> Result<oneshot::Receiver<Answer>> {
        let lost = || {
            Error::new(
                ErrorKind::Unavailable,
                "the connection to the broker is lost",
            )
        };
        let place = self.out.reserve().await.map_err(|_| lost())?;
        let (tell, answer) = oneshot::channel();
        locked(&self.waiting)
            .as_mut()
            .ok_or_else(lost)?
            .insert(number, tell);
        place.send(frame);
        Ok(answer)
    }

    /// Waits for an answer.
    pub(crate) async fn answer(&self, answer: oneshot::Receiver<Answer>) -> Result<Answer> {
        let lost = |_| {
            Error::new(
                ErrorKind::Unavailable,
                "the connection to the broker is lost",
            )
        };
        answer.await.map_err(lost)
    }

    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Answer> {
        let number = self.number();
        let answer = self.send(number, ask.frame(number)).await?;
        match self.answer(answer).await? {
            Answer::Failed(error) => Err(error),
            answer => Ok(answer),
        }
    }
}

async fn receive(mut frames: Frames, waiting: Arc<Waiting>) {
    while let Some(frame) = frames.next(FRAME).await {
        let Ok((number, answer)) = Answer::read(frame) else {
            break;
        };
        let mut waiting = locked(&waiting);
        let Some(tell) = waiting.as_mut().and_then(|all| all.remove(&number)) else {
            continue;
        };
        // Whoever does not wait any more does not want to know.
        let _ = tell.send(answer);
    }
    locked(&waiting).take();
}

async fn send(mut write: OwnedWriteHalf, mut out: mpsc::Receiver<Vec<u8>>, waiting: Arc<Waiting>) {
    while let Some(frame) = out.recv().await {
        if write.write_all(&frame).await.is_err() {
            break;
        }
    }
    locked(&waiting).take();
}

struct EmbeddedAdmin(Arc<Link>);

impl EmbeddedAdmin {
    async fn ask(&self, ask: &Administer) -> Result<Administered> {
        let odd = |error: serde_json::Error| Error::new(ErrorKind::Protocol, error.to_string());
        let json = serde_json::to_vec(ask).map_err(odd)?;
        match self.0.ask(&Ask::Administer(json.into())).await? {
            Answer::Administered(json) => serde_json::from_slice(&json).map_err(odd),
            other => Err(unexpected(&other)),
        }
    }

    async fn change(&self, ask: Administer) -> Result<Change> {
        match self.ask(&ask).await? {
            Administered::NoChange => Ok(Change::None),
            Administered::Made => Ok(Change::Made),
            Administered::Changed => Ok(Change::Changed),
            Administered::Removed => Ok(Change::Removed),
            Administered::Topics(_) | Administered::Accounts(_) => Err(Error::new(
                ErrorKind::Protocol,
                "an answer that does not fit its request",
            )),
        }
    }
}

impl Admin for EmbeddedAdmin {
    fn ensure_topic<'a>(&'a self, want: &'a TopicWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(
            self.change(Administer::EnsureTopic {
                topic: want.topic.clone(),
                partitions: want.partitions.count(),
                keep_for_ms: want
                    .keep_for
                    .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
                keep_bytes: want.keep_bytes,
                compression: want.compression == Compression::On,
            }),
        )
    }

    fn remove_topic<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.change(Administer::RemoveTopic {
            topic: topic.clone(),
        }))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicLive>>> {
        Box::pin(async {
            let odd = || Error::new(ErrorKind::Protocol, "topics that cannot be");
            let Administered::Topics(topics) = self.ask(&Administer::Topics).await? else {
                return Err(odd());
            };
            let live = |live: super::protocol::LiveTopic| {
                Some(TopicLive {
                    want: TopicWant {
                        topic: live.topic,
                        partitions: Partitions::new(live.partitions)?,
                        keep_for: live.keep_for_ms.map(Duration::from_millis),
                        keep_bytes: live.keep_bytes,
                        compression: if live.compression {
                            Compression::On
                        } else {
                            Compression::None
                        },
                    },
                    bytes: Some(live.bytes),
                    messages: live.messages,
                })
            };
            topics
                .into_iter()
                .map(live)
                .collect::<Option<_>>()
                .ok_or_else(odd)
        })
    }

    fn ensure_account<'a>(&'a self, want: &'a AccountWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.change(Administer::EnsureAccount {
            service: want.service.clone(),
            verifier: want.verifier.as_ref().map(|v| v.expose().to_owned()),
            writes: want.writes.clone(),
            reads: want.reads.clone(),
        }))
    }

    fn remove_account<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.change(Administer::RemoveAccount {
            service: service.to_owned(),
        }))
    }

    fn accounts(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async {
            match self.ask(&Administer::Accounts).await? {
                Administered::Accounts(names) => Ok(names),
                _ => Err(Error::new(ErrorKind::Protocol, "accounts that cannot be")),
            }
        })
    }
}
