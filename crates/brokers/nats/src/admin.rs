//! Streams for topics. Nothing is made by publishing or reading.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{
    Compression as Codec, Config, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use freehold_broker::{
    AccountWant, Admin, BoxFuture, Change, Compression, Error, ErrorKind, Partitions, Result,
    Topic, TopicLive, TopicWant,
};
use futures_util::TryStreamExt as _;

use crate::connect::Link;
use crate::{accounts, errors, names};

/// How long the server remembers message ids.
const DUPLICATES: Duration = Duration::from_mins(2);

pub(crate) struct NatsAdmin(Arc<Link>);

impl NatsAdmin {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self(link)
    }

    async fn groups(&self) -> Result<()> {
        let config = Config {
            name: names::GROUPS.to_owned(),
            subjects: vec![format!("{}.>", names::GROUPS)],
            max_messages_per_subject: 1,
            allow_direct: true,
            storage: StorageType::File,
            ..Config::default()
        };
        let made = self.0.jetstream.get_or_create_stream(config).await;
        made.map(|_| ()).map_err(errors::other)
    }
}

/// A topic's stream and its partitions.
pub(crate) async fn stream(link: &Link, topic: &Topic) -> Result<(Stream, Partitions)> {
    let name = names::stream(topic);
    let since = link.so_far();
    let ask = async {
        link.jetstream.get_stream(&name).await.map_err(|error| {
            if let GetStreamErrorKind::JetStream(error) = error.kind() {
                return errors::jetstream(&error);
            }
            errors::unavailable(error)
        })
    };
    let stream = link.guard(since, &[&name], ask).await?;
    let want = want(&stream.cached_info().config).ok_or_else(|| {
        Error::new(
            ErrorKind::Protocol,
            format!("the stream {name} was not made by freehold"),
        )
    })?;
    Ok((stream, want.partitions))
}

/// The partitions stand in the description: 2.9 has no metadata.
fn config(want: &TopicWant) -> Config {
    Config {
        name: names::stream(&want.topic),
        subjects: vec![names::subjects(&want.topic)],
        description: Some(format!("freehold: {} partitions", want.partitions.count())),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        duplicate_window: want.keep_for.unwrap_or(DUPLICATES).min(DUPLICATES),
        max_age: want.keep_for.unwrap_or_default(),
        max_bytes: want
            .keep_bytes
            .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        compression: (want.compression == Compression::On).then_some(Codec::S2),
        ..Config::default()
    }
}

/// The reverse of [`config`].
fn want(config: &Config) -> Option<TopicWant> {
    let partitions = config.description.as_deref()?;
    let partitions = partitions
        .strip_prefix("freehold: ")?
        .strip_suffix(" partitions")?;
    Some(TopicWant {
        topic: names::topic(&config.name)?,
        partitions: Partitions::new(partitions.parse().ok()?)?,
        keep_for: Some(config.max_age).filter(|age| !age.is_zero()),
        keep_bytes: u64::try_from(config.max_bytes).ok(),
        compression: match config.compression {
            Some(Codec::S2) => Compression::On,
            _ => Compression::None,
        },
    })
}

impl Admin for NatsAdmin {
    fn ensure_topic<'a>(&'a self, wanted: &'a TopicWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            let link = &self.0;
            if wanted.compression == Compression::On && !link.client.is_server_compatible(2, 10, 0)
            {
                let version = link.client.server_info().version;
                let what =
                    format!("nats-server {version} does not compress streams: 2.10 or later does");
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
            self.groups().await?;
            match stream(link, &wanted.topic).await {
                Ok((found, partitions)) if partitions != wanted.partitions => {
                    let what = format!(
                        "{} has {} partitions",
                        found.cached_info().config.name,
                        partitions.count()
                    );
                    Err(Error::new(ErrorKind::Conflict, what))
                }
                Ok((found, _)) if want(&found.cached_info().config).as_ref() == Some(wanted) => {
                    Ok(Change::None)
                }
                Ok(_) => {
                    let changed = link.jetstream.update_stream(config(wanted)).await;
                    changed.map(|_| Change::Changed).map_err(errors::other)
                }
                Err(error) if error.kind == ErrorKind::Missing => {
                    let made = link.jetstream.create_stream(config(wanted)).await;
                    made.map(|_| Change::Made).map_err(errors::other)
                }
                Err(error) => Err(error),
            }
        })
    }

    fn remove_topic<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            match stream(&self.0, topic).await {
                Err(error) if error.kind == ErrorKind::Missing => Ok(Change::None),
                Err(error) => Err(error),
                Ok(_) => {
                    let removed = self.0.jetstream.delete_stream(names::stream(topic)).await;
                    removed.map(|_| Change::Removed).map_err(errors::other)
                }
            }
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicLive>>> {
        Box::pin(async move {
            let all: Vec<_> = self
                .0
                .jetstream
                .streams()
                .try_collect()
                .await
                .map_err(errors::other)?;
            let live = |info: &async_nats::jetstream::stream::Info| {
                Some(TopicLive {
                    want: want(&info.config)?,
                    bytes: Some(info.state.bytes),
                    messages: info.state.messages,
                })
            };
            let mut topics: Vec<TopicLive> = all.iter().filter_map(live).collect();
            topics.sort_by(|left, right| left.want.topic.cmp(&right.want.topic));
            Ok(topics)
        })
    }

    fn ensure_account<'a>(&'a self, want: &'a AccountWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move {
            let needs = || Error::new(ErrorKind::Invalid, "NATS needs the service's public key");
            let verifier = want.verifier.as_ref().ok_or_else(needs)?;
            Ok(Change::ByHand(accounts::entry(want, verifier)))
        })
    }

    fn remove_account<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Change>> {
        Box::pin(async move { Ok(Change::ByHand(accounts::removed(service))) })
    }

    fn accounts(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
