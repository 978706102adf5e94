//! Streams for topics. Nothing is made by publishing or reading.
//!
//! Over the stream protocol a stream's retention is fixed when it is made, and streams cannot be
//! listed: so topics are written down in a stream of their own, the newest word on each counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use freehold_broker::{
    AccountWant, Admin, BoxFuture, Change, Compression, Error, ErrorKind, LANES, Partition,
    Partitions, Result, Topic, TopicLive, TopicWant, tailed,
};
use serde::{Deserialize, Serialize};

use crate::link::Link;
use crate::seek::{Amount, Log, Reader, beginning};
use crate::wire::{From, Out, code, key};
use crate::{accounts, amqp, errors, names};

/// Only one stream at a time is written here.
const PUBLISHER: u8 = 0;

/// Retention takes whole segments: so many make up what is kept. They are no larger than this.
const SEGMENTS: u64 = 8;
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 4 << 10..=500 << 20;

pub(crate) struct RabbitAdmin {
    link: Arc<Link>,
    vhost: String,
}

/// What is written down of a topic.
#[derive(Serialize, Deserialize)]
struct Entry {
    topic: Topic,
    /// 0: it was removed.
    partitions: u8,
    keep_seconds: Option<u64>,
    keep_bytes: Option<u64>,
}

/// How many partitions a topic has.
pub(crate) async fn partitions(link: &Link, topic: &Topic) -> Result<Partitions> {
    find(link, topic).await?.ok_or_else(|| {
        let what = format!("there are no streams for {topic}");
        Error::new(ErrorKind::Missing, what)
    })
}

async fn find(link: &Link, topic: &Topic) -> Result<Option<Partitions>> {
    let zero = Partition::new(0);
    let counts = (1..=LANES).filter_map(Partitions::new);
    let each = counts.filter_map(|count| Some((names::stream(topic, zero?, count), count)));
    let each: BTreeMap<String, Partitions> = each.collect();
    let asked: Vec<String> = each.keys().cloned().collect();
    let there = link.streams(&asked).await?;
    let mut found = there.iter().filter_map(|name| each.get(name));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => Ok(Some(*one)),
        (Some(one), Some(other)) => {
            let (one, other) = (one.count(), other.count());
            let what = format!("{topic} is there with {one} and with {other} partitions");
            Err(Error::new(ErrorKind::Conflict, what))
        }
    }
}

/// As the streams are made.
fn arguments(want: &TopicWant) -> Vec<(&'static str, String)> {
    let mut arguments = Vec::new();
    if let Some(bytes) = want.keep_bytes {
        let each = (bytes / u64::from(want.partitions.count())).max(1);
        let segment = (each / SEGMENTS).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        arguments.push(("max-length-bytes", each.to_string()));
        arguments.push(("stream-max-segment-size-bytes", segment.to_string()));
    }
    if let Some(age) = want.keep_for {
        arguments.push(("max-age", format!("{}s", age.as_secs().max(1))));
    }
    arguments
}

impl RabbitAdmin {
    pub(crate) fn new(link: Arc<Link>, vhost: String) -> Self {
        Self { link, vhost }
    }

    /// Makes a stream that begins as streams do.
    async fn make(&self, stream: &str, arguments: &[(&str, String)]) -> Result<Made> {
        let ask = |number| {
            let out = Out::request(key::CREATE, number).text(stream);
            out.texts(arguments).frame()
        };
        let made = match self.link.ask(ask).await?.0 {
            code::OK => Made::Now,
            code::EXISTS => Made::Before,
            code::PRECONDITION => Made::Otherwise,
            other => return Err(errors::answer(other, stream)),
        };
        // A run that was killed may have made it and written nothing.
        if made == Made::Now || self.is_empty(stream).await? {
            self.write(stream, &[beginning()]).await?;
        }
        Ok(made)
    }

    /// Whether nothing is there as far as the server has answered so far: it delivers what there is
    /// before it answers what was asked later. Wrong at worst is one beginning more.
    async fn is_empty(&self, stream: &str) -> Result<bool> {
        let mut reader = Reader::open(&self.link, stream, From::First, Amount::One).await?;
        self.link.streams(&[stream.to_owned()]).await?;
        Ok(reader.waiting().transpose()?.is_none())
    }

    async fn write(&self, stream: &str, messages: &[Bytes]) -> Result<()> {
        self.link.declare(PUBLISHER, stream).await?;
        let mut rest = messages;
        while !rest.is_empty() {
            let sent = self.link.publish(PUBLISHER, rest)?;
            self.link.settle([PUBLISHER]).await?;
            if let Some(error) = self.link.refused(PUBLISHER) {
                return Err(error);
            }
            rest = &rest[sent..];
        }
        Ok(())
    }

    async fn note(&self, entry: &Entry) -> Result<()> {
        self.make(names::TOPICS, &[]).await?;
        let text = serde_json::to_vec(entry);
        let text = text.map_err(|error| Error::new(ErrorKind::Unknown, error.to_string()))?;
        self.write(names::TOPICS, &[amqp::encode(&[], &text)]).await
    }

    /// The newest word on each topic.
    async fn noted(&self) -> Result<BTreeMap<Topic, Entry>> {
        let mut entries = BTreeMap::new();
        let stream = names::TOPICS.to_owned();
        if self
            .link
            .streams(std::slice::from_ref(&stream))
            .await?
            .is_empty()
        {
            return Ok(entries);
        }
        let last = Reader::open(&self.link, &stream, From::Last, Amount::One)
            .await?
            .patient()
            .await?;
        let mut reader = Reader::open(&self.link, &stream, From::First, Amount::All).await?;
        loop {
            let chunk = reader.next().await?;
            let end = chunk.next();
            for record in chunk.each().filter_map(|(_, record)| record) {
                let payload = amqp::decode(record).map(|(_, payload)| payload);
                // What cannot be read is none of ours, as the beginning is.
                let entry = payload
                    .ok()
                    .and_then(|payload| serde_json::from_slice(&payload).ok());
                if let Some(entry) = entry {
                    let entry: Entry = entry;
                    entries.insert(entry.topic.clone(), entry);
                }
            }
            if end >= last.next() {
                return Ok(entries);
            }
        }
    }

    async fn live(&self, entry: Entry, partitions: Partitions) -> Result<TopicLive> {
        let log = Log {
            link: self.link.clone(),
            topic: entry.topic.clone(),
            partitions,
        };
        let mut messages = 0;
        for partition in partitions.each() {
            let tail = tailed::tail(&log, partition).await?;
            messages += tail.next - tail.first;
        }
        Ok(TopicLive {
            want: TopicWant {
                topic: entry.topic,
                partitions,
                keep_for: entry.keep_seconds.map(Duration::from_secs),
                keep_bytes: entry.keep_bytes,
                compression: Compression::None,
            },
            bytes: None,
            messages,
        })
    }

    async fn remove(&self, stream: &str) -> Result<bool> {
        let ask = |number| Out::request(key::DELETE, number).text(stream).frame();
        match self.link.ask_led(ask).await?.0 {
            code::OK => Ok(true),
            code::NO_STREAM => Ok(false),
            other => Err(errors::answer(other, stream)),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Made {
    Now,
    Before,
    /// It is there with other arguments.
    Otherwise,
}

impl Admin for RabbitAdmin {
    fn ensure_topic<'a>(&'a self, want: &'a TopicWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            if want.compression == Compression::On {
                let what = "RabbitMQ does not compress what streams hold";
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
            if let Some(found) = find(&self.link, &want.topic).await?
                && found != want.partitions
            {
                let what = format!("{} has {} partitions", want.topic, found.count());
                return Err(Error::new(ErrorKind::Conflict, what));
            }
            let (arguments, mut change) = (arguments(want), Change::None);
            for stream in names::streams(&want.topic, want.partitions) {
                match self.make(&stream, &arguments).await? {
                    Made::Now if change == Change::None => change = Change::Made,
                    Made::Otherwise => change = Change::ByHand(accounts::policy(want, &self.vhost)),
                    _ => {}
                }
            }
            let noted = self.noted().await?;
            let noted = noted.get(&want.topic).map(|entry| entry.partitions);
            if change == Change::Made || noted != Some(want.partitions.count()) {
                let entry = Entry {
                    topic: want.topic.clone(),
                    partitions: want.partitions.count(),
                    keep_seconds: want.keep_for.map(|age| age.as_secs()),
                    keep_bytes: want.keep_bytes,
                };
                self.note(&entry).await?;
            }
            Ok(change)
        })
    }

    fn remove_topic<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            let Some(partitions) = find(&self.link, topic).await? else {
                return Ok(Change::None);
            };
            for stream in names::streams(topic, partitions) {
                self.remove(&stream).await?;
            }
            let gone = Entry {
                topic: topic.clone(),
                partitions: 0,
                keep_seconds: None,
                keep_bytes: None,
            };
            self.note(&gone).await?;
            Ok(Change::Removed)
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicLive>>> {
        Box::pin(async move {
            let mut topics = Vec::new();
            for (_, entry) in self.noted().await? {
                if let Some(partitions) = Partitions::new(entry.partitions) {
                    topics.push(self.live(entry, partitions).await?);
                }
            }
            Ok(topics)
        })
    }

    fn ensure_account<'a>(&'a self, want: &'a AccountWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            let needs = || Error::new(ErrorKind::Invalid, "RabbitMQ needs the password's hash");
            let verifier = want.verifier.as_ref().ok_or_else(needs)?;
            self.make(&names::groups(&want.service), &[]).await?;
            Ok(Change::ByHand(accounts::definitions(
                want,
                verifier,
                &self.vhost,
            )))
        })
    }

    fn remove_account<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            self.remove(&names::groups(service)).await?;
            Ok(Change::ByHand(accounts::removed(service)))
        })
    }

    fn accounts(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
