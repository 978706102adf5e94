//! One client of the server: reads its requests, hands them on, sends the answers.
//!
//! Denies by default; looks at the account with each request, and ends when the account changes
//! its token or goes. Nothing that a client sends makes it hold more than the budget allows.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use freehold_engine::Secret;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::account;
use super::administer;
use super::catalog::{Account, Catalog};
use super::commit::{Call, Publish};
use super::fetch;
use super::frames::Frames;
use super::protocol::{Answer, Ask, FRAME, FRAME_BEFORE_HELLO, WireStart};
use super::record;
use super::server::{Request, Shared};
use crate::contract::Tail;
use crate::error::{Error, ErrorKind, Result};
use crate::topic::{Partition, Topic};

/// Fetches of one connection that may wait at once.
const WAITING: usize = 16_384;

/// Where answers go: short ones never wait, long ones wait for the client to read.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) short: mpsc::UnboundedSender<Vec<u8>>,
    pub(crate) long: mpsc::Sender<Vec<u8>>,
}

/// Serves one client until it goes, sends nonsense, or loses its account.
pub(crate) async fn serve(shared: Arc<Shared>, stream: UnixStream) {
    let (read, write) = stream.into_split();
    let (short, short_frames) = mpsc::unbounded_channel();
    let (long, long_frames) = mpsc::channel(2);
    let mut tasks = JoinSet::new();
    let writer = tokio::spawn(send(write, short_frames, long_frames));
    let mut connection = Connection {
        catalog: shared.catalog.subscribe(),
        shared,
        read: Frames::new(read),
        answers: Answers { short, long },
        login: None,
        calls: HashMap::new(),
    };
    connection.run(&mut tasks).await;
    drop(connection);
    tasks.shutdown().await;
    // What was answered still goes out; the writer ends when nobody can answer any more.
    let _ = writer.await;
}

async fn send(
    mut write: OwnedWriteHalf,
    mut short: mpsc::UnboundedReceiver<Vec<u8>>,
    mut long: mpsc::Receiver<Vec<u8>>,
) {
    loop {
        let frame = tokio::select! {
            Some(frame) = short.recv() => frame,
            Some(frame) = long.recv() => frame,
            else => return,
        };
        if write.write_all(&frame).await.is_err() {
            return;
        }
    }
}

struct Connection {
    shared: Arc<Shared>,
    catalog: watch::Receiver<Arc<Catalog>>,
    read: Frames,
    answers: Answers,
    /// Name, and the verifier that it had then.
    login: Option<(String, String)>,
    /// The call that is under way per topic.
    calls: HashMap<Topic, (u32, Arc<Call>)>,
}

impl Connection {
    async fn run(&mut self, tasks: &mut JoinSet<()>) {
        loop {
            let most = if self.login.is_some() {
                FRAME
            } else {
                FRAME_BEFORE_HELLO
            };
            let frame = tokio::select! {
                frame = self.read.next(most) => frame,
                changed = self.catalog.changed() => {
                    if changed.is_err() || (self.login.is_some() && self.account().is_err()) {
                        return;
                    }
                    continue;
                }
            };
            let Some(frame) = frame else { return };
            while tasks.try_join_next().is_some() {}
            let (request, ask) = match Ask::read(frame) {
                Ok(asked) => asked,
                Err(nonsense) => {
                    let error = Error::new(ErrorKind::Protocol, nonsense.0);
                    self.answer(0, &Answer::Failed(error));
                    return;
                }
            };
            match self.take(request, ask, tasks).await {
                Ok(Some(answer)) => self.answer(request, &answer),
                Ok(None) => {}
                Err(error) => {
                    let over = matches!(
                        error.kind,
                        ErrorKind::LoginRefused | ErrorKind::Protocol | ErrorKind::Unavailable
                    );
                    self.answer(request, &Answer::Failed(error));
                    if over {
                        return;
                    }
                }
            }
        }
    }

    fn answer(&self, request: u32, answer: &Answer) {
        // Whoever is gone does not want to know.
        let _ = self.answers.short.send(answer.frame(request));
    }

    /// The account as it is now. An error ends the session.
    fn account(&self) -> Result<Account> {
        let refused = |what: &str| Error::new(ErrorKind::LoginRefused, what);
        let (name, verifier) = self
            .login
            .as_ref()
            .ok_or_else(|| refused("say hello first"))?;
        let catalog = self.catalog.borrow();
        let account = catalog.accounts.get(name);
        match account {
            Some(account) if account.verifier == *verifier => Ok(account.clone()),
            _ => Err(refused("the account was removed or has a new token")),
        }
    }

    async fn take(
        &mut self,
        request: u32,
        ask: Ask,
        tasks: &mut JoinSet<()>,
    ) -> Result<Option<Answer>> {
        if let Ask::Hello { name, token } = ask {
            return self.hello(name, token).map(Some);
        }
        let account = self.account()?;
        match ask {
            Ask::Hello { .. } => Ok(None),
            Ask::Publish {
                call,
                begins,
                topic,
                records,
            } => {
                may(account.may_write(&topic), "write", &topic)?;
                let part = (call, begins);
                self.publish(request, part, topic, records).await?;
                Ok(None)
            }
            Ask::Tails { topic } => {
                let either = account.may_write(&topic) || account.may_read(&topic);
                may(either, "see the end of", &topic)?;
                self.tails(&topic).map(Some)
            }
            Ask::Subscribe {
                group,
                topic,
                partition,
                start,
            } => {
                self.may_read(&account, &group, &topic)?;
                self.subscribe(&group, &topic, partition, start).map(Some)
            }
            Ask::Fetch {
                lease,
                group,
                topic,
                partition,
                offset,
                bytes,
            } => {
                self.may_read(&account, &group, &topic)?;
                if tasks.len() >= WAITING {
                    let what = "too many fetches wait on this connection";
                    return Err(Error::new(ErrorKind::Protocol, what));
                }
                let wanted = fetch::Wanted {
                    lease,
                    group,
                    topic,
                    partition,
                    offset,
                    bytes,
                };
                let (shared, long) = (self.shared.clone(), self.answers.long.clone());
                tasks.spawn(fetch::fetch(shared, wanted, request, long));
                Ok(None)
            }
            Ask::Acknowledge {
                group,
                topic,
                partition,
                offset,
            } => {
                self.may_read(&account, &group, &topic)?;
                let groups = &self.shared.groups;
                groups.acknowledge(&group, &topic, partition, offset);
                Ok(Some(Answer::Done))
            }
            Ask::Administer(json) => {
                if !account.admin {
                    let what = "only an administrator makes topics and accounts";
                    return Err(Error::new(ErrorKind::Denied, what));
                }
                let shared = self.shared.clone();
                let work = move || administer::administer(&shared, &json);
                let done = tokio::task::spawn_blocking(work).await;
                let stops = |_| Error::new(ErrorKind::Unavailable, "the broker stops");
                done.map_err(stops)?.map(Some)
            }
        }
    }

    fn hello(&mut self, name: String, token: String) -> Result<Answer> {
        if self.login.is_some() {
            return Err(Error::new(ErrorKind::Protocol, "hello twice"));
        }
        let verifier = account::verifier(&Secret::new(token));
        let catalog = self.catalog.borrow_and_update().clone();
        let known = catalog.accounts.get(&name);
        // As long for a name that is not there.
        let stored = known.map_or("", |account| account.verifier.as_str());
        if !account::same(stored, &verifier) {
            let what = "the broker does not know this name with this token";
            return Err(Error::new(ErrorKind::LoginRefused, what));
        }
        self.login = Some((name, verifier));
        let limits = self.shared.limits;
        let number = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        Ok(Answer::Welcome {
            message_bytes: number(limits.message_bytes),
            batch: number(limits.batch),
        })
    }

    async fn publish(
        &mut self,
        request: u32,
        (call, begins): (u32, bool),
        topic: Topic,
        records: Vec<Bytes>,
    ) -> Result<()> {
        let name = self.login.as_ref().map_or("", |(name, _)| name.as_str());
        let mut placed = Vec::with_capacity(records.len());
        let mut bytes = 0;
        for record in records {
            let (head, source) = record::head_and_source(&record)
                .map_err(|nonsense| Error::new(ErrorKind::Protocol, nonsense.0))?;
            if record.len() > self.shared.limits.message_bytes || source != name.as_bytes() {
                let what = "a record that the client should have kept back";
                return Err(Error::new(ErrorKind::Protocol, what));
            }
            bytes += record.len();
            placed.push((head, record));
        }
        let log = self.log(&topic)?;
        let open = self.calls.get(&topic).filter(|(open, _)| *open == call);
        let state = match open {
            Some((_, state)) if !begins => state.clone(),
            _ if begins => {
                let state = Arc::new(Call::default());
                self.calls.insert(topic, (call, state.clone()));
                state
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    "a call without its beginning",
                ));
            }
        };
        let permits = u32::try_from(bytes.clamp(1, FRAME)).unwrap_or(1);
        let budget = self.shared.budget.clone();
        let stops = |_| Error::new(ErrorKind::Unavailable, "the broker stops");
        let permit = budget.acquire_many_owned(permits).await.map_err(stops)?;
        self.shared.send(Request {
            publish: Publish {
                topic: log,
                call: state,
                records: placed,
            },
            number: request,
            answer: self.answers.short.clone(),
            permit,
        })
    }

    fn log(&self, topic: &Topic) -> Result<Arc<super::store::TopicLog>> {
        let missing = || Error::new(ErrorKind::Missing, format!("there is no topic {topic}"));
        self.shared.store.topic(topic).ok_or_else(missing)
    }

    fn tails(&self, topic: &Topic) -> Result<Answer> {
        let topic = self.log(topic)?;
        let tail = |partition: Partition| {
            let (first, next, last) = topic.log(partition)?.lock().tail();
            Some(Tail {
                partition,
                first,
                next,
                last,
            })
        };
        let tails = topic.partitions.each().filter_map(tail).collect();
        Ok(Answer::Tails(tails))
    }

    fn may_read(&self, account: &Account, group: &str, topic: &Topic) -> Result<()> {
        may(account.may_read(topic), "read", topic)?;
        let name = self.login.as_ref().map_or("", |(name, _)| name.as_str());
        let own = group
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if own {
            return Ok(());
        }
        let what = format!("the group `{}` is not {name}'s", group.escape_debug());
        Err(Error::new(ErrorKind::Denied, what))
    }

    fn subscribe(
        &self,
        group: &str,
        topic: &Topic,
        partition: Partition,
        start: WireStart,
    ) -> Result<Answer> {
        let log = self.log(topic)?;
        let log = fetch::log(&log, partition)?;
        let mut content = log.lock();
        let (first, next, _) = content.tail();
        let offset = match start {
            WireStart::Tail => next,
            WireStart::Offset(offset) => offset.clamp(first, next),
            WireStart::Acknowledged => self
                .shared
                .groups
                .acknowledged(group, topic, partition)
                .map_or(first, |offset| offset.saturating_add(1).clamp(first, next)),
            WireStart::After(position) => content
                .find_position(position)
                .map_err(|error| error.tell())?
                .map_or(next, |place| place.offset),
        };
        drop(content);
        let lease = self.shared.groups.lease(group, topic, partition);
        Ok(Answer::Subscribed { lease, offset })
    }
}

fn may(may: bool, what: &str, topic: &Topic) -> Result<()> {
    if may {
        return Ok(());
    }
    let what = format!("this account may not {what} {topic}");
    Err(Error::new(ErrorKind::Denied, what))
}
