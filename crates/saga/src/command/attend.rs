//! The participant's side: commands go to the service's own program, what it answers goes back.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freehold_broker::{Body, Message, Partition, Partitions, Start};
use freehold_model::Fault;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::outgoing::{Letter, publish, queue};
use super::{METHOD, PATH, answered, asked, header};
use crate::by_event::{Enter, Told};
use crate::http::{Door, Opened};
use crate::wire;

/// Commands that are handed over at once, of each partition.
const AT_ONCE: usize = 32;
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whose commands a service attends to.
#[derive(Clone)]
pub struct Attended {
    /// The service whose program is asked.
    pub service: String,
    /// Where it answers.
    pub door: Arc<Door>,
    pub callers: Vec<String>,
    pub partitions: Partitions,
}

/// Attends until `stop` says so. A command is done with when its reply is stored, or when the
/// program answered something that is none; while the program is away, it waits for it until the
/// command expires.
pub async fn attend(attended: Attended, enter: Enter, told: Told, stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    for caller in attended.callers.clone() {
        let one = One {
            attended: attended.clone(),
            caller,
            enter: Arc::clone(&enter),
            told: Arc::clone(&told),
        };
        tasks.spawn(one.keep(stop.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

/// The commands of one caller.
struct One {
    attended: Attended,
    caller: String,
    enter: Enter,
    told: Told,
}

impl One {
    async fn keep(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let ended = tokio::select! {
                ended = self.work() => ended,
                _ = stop.changed() => return,
            };
            if let Err(fault) = ended {
                (self.told)(Some(fault));
            }
            let _ = tokio::time::timeout(LONGEST_PAUSE, stop.changed()).await;
        }
    }

    /// Ends in an error only.
    async fn work(&self) -> Result<(), Fault> {
        let fault = |error: freehold_broker::Error| error.fault();
        let no_topic = |_| Fault::new("FH3811", "a service's name makes no topic");
        let service = &self.attended.service;
        let asked = asked(&self.caller, service).map_err(no_topic)?;
        let answered = answered(&self.caller, service).map_err(no_topic)?;
        let session = (self.enter)().await.map_err(fault)?;
        let (out, letters) = queue();
        let group = format!("{service}.commands");
        let mut readers = JoinSet::new();
        for partition in self.attended.partitions.each() {
            let (session, group) = (Arc::clone(&session), group.clone());
            let (topic, out) = (asked.clone(), out.clone());
            let door = Arc::clone(&self.attended.door);
            readers.spawn(
                async move { read(&*session, &group, &topic, partition, &door, &out).await },
            );
        }
        drop(out);
        (self.told)(None);
        let source: Arc<str> = service.as_str().into();
        tokio::select! {
            ended = publish(session, answered, source, letters) => ended.map_err(fault),
            ended = readers.join_next() => match ended {
                Some(Ok(Err(error))) => Err(fault(error)),
                _ => Ok(()),
            },
        }
    }
}

async fn read(
    session: &dyn freehold_broker::Session,
    group: &str,
    topic: &freehold_broker::Topic,
    partition: Partition,
    door: &Arc<Door>,
    out: &tokio::sync::mpsc::Sender<Letter>,
) -> freehold_broker::Result<()> {
    let mut commands = session
        .subscribe(group, topic, partition, Start::Acknowledged)
        .await?;
    loop {
        let delivered = commands.next(AT_ONCE).await?;
        let last = delivered.last().map(|it| it.offset);
        let mut handing = JoinSet::new();
        for message in delivered.into_iter().filter_map(|it| it.message.ok()) {
            let (door, out) = (Arc::clone(door), out.clone());
            handing.spawn(async move { hand_over(&door, &message, &out).await });
        }
        while handing.join_next().await.is_some() {}
        if let Some(offset) = last {
            commands.acknowledge(offset).await?;
        }
    }
}

/// Asks the program, and waits until its reply is stored.
async fn hand_over(door: &Door, message: &Message, out: &tokio::sync::mpsc::Sender<Letter>) {
    let (Some(key), Some(method), Some(path), Body::Event { payload, .. }) = (
        header(message, wire::KEY),
        header(message, METHOD),
        header(message, PATH),
        &message.body,
    ) else {
        return;
    };
    let expires: u64 = header(message, wire::EXPIRES)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let carried = message
        .headers
        .iter()
        .filter(|(name, _)| CARRIED.contains(&name.as_str()));
    let carried: Vec<(String, String)> = carried.cloned().collect();
    let mut pause = PAUSE;
    let answer = loop {
        // Its caller has given it up, and the program would refuse it.
        if now_ms() > expires {
            return;
        }
        match door.open(method, path, &carried, payload.clone()).await {
            Opened::Replied(headers, body) => break (headers, body),
            Opened::Nothing => return,
            Opened::Away => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    let (mut headers, body) = answer;
    headers.retain(|(name, _)| ANSWERED.contains(&name.as_str()));
    let echoes = headers
        .iter()
        .any(|(name, value)| name == wire::KEY && value == key);
    if !echoes {
        return;
    }
    let (stored, heard) = oneshot::channel();
    let letter = Letter {
        key: key.to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        stored,
    };
    if out.send(letter).await.is_ok() {
        // Not stored: the caller asks again.
        let _ = heard.await;
    }
}

/// What the program gets of a command.
const CARRIED: [&str; 7] = [
    wire::KEY,
    wire::KIND,
    wire::EXPIRES,
    wire::DIGEST,
    wire::CALLER,
    wire::SIGNATURE,
    wire::TRACEPARENT,
];

/// What a caller gets of an answer.
const ANSWERED: [&str; 4] = [
    wire::KEY,
    wire::OUTCOME,
    wire::INCARNATION,
    wire::GENERATIONS,
];

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
