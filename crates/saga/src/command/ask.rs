//! The caller's side: requests go out as messages, replies come back to whoever waits for their key.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_broker::{Body, Message, Partition, Partitions, Start};
use freehold_engine::{BoxFuture, Secret};
use freehold_model::Fault;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::outgoing::{Letter, publish, queue};
use super::{METHOD, PATH, answered, asked, header};
use crate::by_event::{Enter, Told};
use crate::http;
use crate::participants::{Answer, Ask};
use crate::wire;

const PAUSE: Duration = Duration::from_millis(500);
const BATCH: usize = 256;

/// Who waits for the reply to a key.
type Waiting = Arc<Mutex<HashMap<String, Waits>>>;

/// The number of an attempt, and where its answer goes.
type Waits = (u64, oneshot::Sender<Answer>);

/// Asks services over the broker.
#[derive(Clone)]
pub struct Commands {
    caller: String,
    key: Option<Secret>,
    out: Arc<BTreeMap<String, mpsc::Sender<Letter>>>,
    waiting: Waiting,
    attempts: Arc<AtomicU64>,
}

/// What is asked over the broker, and by whom.
pub struct Asking {
    pub caller: String,
    /// Whom it asks.
    pub services: Vec<String>,
    /// What requests are signed with.
    pub key: Option<Secret>,
    pub partitions: Partitions,
}

impl Commands {
    /// Begins to ask, until `stop` says so.
    pub fn start(
        asking: Asking,
        enter: &Enter,
        told: &Told,
        stop: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let waiting = Waiting::default();
        let mut out = BTreeMap::new();
        for service in asking.services {
            let (sender, receiver) = queue();
            let (enter, told) = (Arc::clone(enter), Arc::clone(told));
            let link = Link {
                caller: asking.caller.clone(),
                service: service.clone(),
                enter,
                told,
                waiting: Arc::clone(&waiting),
            };
            tasks.spawn(link.keep(asking.partitions, receiver, stop.clone()));
            out.insert(service, sender);
        }
        Self {
            caller: asking.caller,
            key: asking.key,
            out: Arc::new(out),
            waiting,
            attempts: Arc::default(),
        }
    }

    /// Asks. Dropped at its time-out, it waits for nothing any more.
    pub fn ask(&self, ask: Ask) -> BoxFuture<'static, Answer> {
        let this = self.clone();
        Box::pin(async move {
            let Some(out) = this.out.get(&ask.service) else {
                return Answer::Nothing(format!("no way over the broker to {}", ask.service));
            };
            let (replying, reply) = oneshot::channel();
            let attempt = this.attempts.fetch_add(1, Ordering::Relaxed);
            lock(&this.waiting).insert(ask.key.clone(), (attempt, replying));
            let _forgotten = Forget(&this.waiting, &ask.key, attempt);
            let (stored, heard) = oneshot::channel();
            let letter = this.letter(&ask, stored);
            if out.send(letter).await.is_err() {
                return Answer::Nothing("the way over the broker is closed".to_owned());
            }
            match heard.await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => return Answer::Nothing(why),
                Err(_) => return Answer::Nothing("the broker is not there".to_owned()),
            }
            // Replaced by the next attempt of the same request: that one hears it.
            let none = || Answer::Nothing("no reply came over the broker".to_owned());
            reply.await.unwrap_or_else(|_| none())
        })
    }

    fn letter(&self, ask: &Ask, stored: oneshot::Sender<Result<(), String>>) -> Letter {
        let method = ask.method.name();
        let mut headers = vec![
            (wire::KEY, ask.key.clone()),
            (wire::KIND, wire::kind_name(ask.kind).to_owned()),
            (wire::EXPIRES, ask.expires.to_string()),
            (wire::DIGEST, ask.digest.clone()),
            (wire::CALLER, self.caller.clone()),
            (METHOD, method.to_owned()),
            (PATH, ask.path.clone()),
        ];
        if let Some(context) = ask.context() {
            headers.push((wire::TRACEPARENT, context.header()));
        }
        if let Some(key) = &self.key {
            headers.push((wire::SIGNATURE, http::sign(key, &self.caller, ask)));
        }
        let named = headers.into_iter();
        Letter {
            key: ask.key.clone(),
            headers: named
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            body: ask.body.clone(),
            stored,
        }
    }
}

/// Takes a key out of what is waited for, however the waiting ends.
struct Forget<'w>(&'w Waiting, &'w str, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(self.0);
        // Another attempt may wait for the same key by now.
        if waiting
            .get(self.1)
            .is_some_and(|(attempt, _)| *attempt == self.2)
        {
            waiting.remove(self.1);
        }
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<String, Waits>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// To one service and back.
struct Link {
    caller: String,
    service: String,
    enter: Enter,
    told: Told,
    waiting: Waiting,
}

impl Link {
    async fn keep(
        self,
        partitions: Partitions,
        letters: mpsc::Receiver<Letter>,
        mut stop: watch::Receiver<bool>,
    ) {
        let letters = Arc::new(tokio::sync::Mutex::new(letters));
        while !*stop.borrow() {
            let ended = tokio::select! {
                ended = self.work(partitions, &letters) => ended,
                _ = stop.changed() => return,
            };
            if let Err(fault) = ended {
                (self.told)(Some(fault));
            }
            let _ = tokio::time::timeout(PAUSE, stop.changed()).await;
        }
    }

    /// Ends in an error only.
    async fn work(
        &self,
        partitions: Partitions,
        letters: &Arc<tokio::sync::Mutex<mpsc::Receiver<Letter>>>,
    ) -> Result<(), Fault> {
        let fault = |error: freehold_broker::Error| error.fault();
        let session = (self.enter)().await.map_err(fault)?;
        let no_topic = |_| Fault::new("FH3811", "a service's name makes no topic");
        let asked = asked(&self.caller, &self.service).map_err(no_topic)?;
        let answered = answered(&self.caller, &self.service).map_err(no_topic)?;
        let group = format!("{}.replies.{}", self.caller, std::process::id());
        let mut readers = JoinSet::new();
        for partition in partitions.each() {
            let reading = subscribe(&*session, &group, &answered, partition).await;
            let (mut reading, waiting) = (reading.map_err(fault)?, Arc::clone(&self.waiting));
            readers.spawn(async move {
                loop {
                    for it in reading.next(BATCH).await? {
                        if let Ok(message) = it.message {
                            hear(&waiting, &message);
                        }
                    }
                }
                #[expect(unreachable_code, reason = "says what the loop ends in")]
                Ok::<(), freehold_broker::Error>(())
            });
        }
        (self.told)(None);
        let source: Arc<str> = self.caller.as_str().into();
        let (sender, receiver) = queue();
        let publishing = publish(session, asked, source, receiver);
        // What is not taken over stays in the queue for the next session.
        let handing = async {
            let mut letters = letters.lock().await;
            while let Some(letter) = letters.recv().await {
                if sender.send(letter).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            ended = publishing => ended.map_err(fault),
            () = handing => Ok(()),
            ended = readers.join_next() => match ended {
                Some(Ok(Err(error))) => Err(fault(error)),
                _ => Ok(()),
            },
        }
    }
}

async fn subscribe(
    session: &dyn freehold_broker::Session,
    group: &str,
    topic: &freehold_broker::Topic,
    partition: Partition,
) -> freehold_broker::Result<Box<dyn freehold_broker::Subscription>> {
    // Nobody waits for what was answered before.
    session
        .subscribe(group, topic, partition, Start::Tail)
        .await
}

fn hear(waiting: &Waiting, message: &Message) {
    let Some(key) = header(message, wire::KEY) else {
        return;
    };
    let Some(replied) = wire::reply(key, |name| header(message, name)) else {
        return;
    };
    let Body::Event { payload, .. } = &message.body else {
        return;
    };
    let value = if payload.is_empty() {
        Ok(Value::Object(serde_json::Map::new()))
    } else {
        serde_json::from_slice(payload)
    };
    let answer = match value {
        Ok(value) => Answer::Said(replied.said, value),
        Err(error) => Answer::Nothing(format!("the reply is no JSON: {error}")),
    };
    if let Some((_, replying)) = lock(waiting).remove(key) {
        // Its asker may have given up this moment.
        let _ = replying.send(answer);
    }
}
