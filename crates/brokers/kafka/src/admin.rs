//! Topics. Nothing is made by publishing or reading.

use std::collections::BTreeMap;
use std::time::Duration;

use freehold_broker::{
    AccountWant, Admin, BoxFuture, Change, Compression, Error, ErrorKind, Partitions, Result,
    Topic, TopicLive, TopicWant,
};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest, DescribeLogDirsRequest,
    IncrementalAlterConfigsRequest,
};

use crate::cluster::Cluster;
use crate::errors::{answer, checked, code, nonsense};
use crate::log::{self, Log};
use crate::patience::Patience;
use crate::wire::{self, version};

/// The largest message with all that is around it. Topics are made so.
pub(crate) const MESSAGE_BYTES: usize = 1 << 20;
/// What the server may think about it.
const TIMEOUT_MS: i32 = 30_000;
const TOPIC: i8 = 2;
const SET: i8 = 0;

/// Retention takes whole segments: so many make up what is kept. They have at least this size.
const SEGMENTS: u64 = 8;
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 30;

pub(crate) struct KafkaAdmin {
    pub(crate) cluster: Cluster,
}

/// A topic's settings, as they are wanted.
fn settings(want: &TopicWant) -> BTreeMap<&'static str, String> {
    let each = want
        .keep_bytes
        .map(|all| (all / u64::from(want.partitions.count())).max(1));
    let segment = each.map_or(*SEGMENT_BYTES.end(), |each| {
        (each / SEGMENTS).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end())
    });
    let unbounded = || "-1".to_owned();
    BTreeMap::from([
        ("cleanup.policy", "delete".to_owned()),
        // Acknowledged is durable: synced before it is.
        ("flush.messages", "1".to_owned()),
        ("max.message.bytes", (MESSAGE_BYTES + 12).to_string()),
        // Clocks of services say nothing about what may go, nor what is taken.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        (
            "retention.bytes",
            each.map_or_else(unbounded, |each| each.to_string()),
        ),
        (
            "retention.ms",
            want.keep_for
                .map_or_else(unbounded, |age| age.as_millis().to_string()),
        ),
        ("segment.bytes", segment.to_string()),
        (
            "compression.type",
            match want.compression {
                Compression::None => "producer",
                Compression::On => "snappy",
            }
            .to_owned(),
        ),
    ])
}

/// The reverse, as far as it is asked for.
fn wanted(topic: Topic, partitions: Partitions, live: &BTreeMap<String, String>) -> TopicWant {
    let number = |name: &str| live.get(name).and_then(|text| text.parse::<u64>().ok());
    let compressed = live
        .get("compression.type")
        .is_some_and(|kind| kind == "snappy");
    TopicWant {
        topic,
        partitions,
        keep_for: number("retention.ms").map(Duration::from_millis),
        keep_bytes: number("retention.bytes").map(|each| each * u64::from(partitions.count())),
        compression: if compressed {
            Compression::On
        } else {
            Compression::None
        },
    }
}

impl KafkaAdmin {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    /// Settings of these topics, by name.
    async fn live(&self, topics: &[Topic]) -> Result<BTreeMap<Topic, BTreeMap<String, String>>> {
        let resources = topics.iter().map(|topic| {
            DescribeConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(wire::name(topic).0)
                .with_configuration_keys(None)
        });
        let question = DescribeConfigsRequest::default().with_resources(resources.collect());
        let answered = self
            .cluster
            .front()
            .ask(version::DESCRIBE_CONFIGS, &question)
            .await?;
        let mut all = BTreeMap::new();
        for one in answered.results {
            checked(one.error_code, &one.resource_name)?;
            let Some(topic) = wire::topic(&one.resource_name) else {
                continue;
            };
            let settings = one
                .configs
                .into_iter()
                .filter_map(|setting| Some((setting.name.to_string(), setting.value?.to_string())));
            all.insert(topic, settings.collect());
        }
        Ok(all)
    }

    async fn make(&self, want: &TopicWant) -> Result<()> {
        let configs = settings(want).into_iter().map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(wire::text(name))
                .with_value(Some(wire::text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(wire::name(&want.topic))
            .with_num_partitions(want.partitions.count().into())
            // As the cluster does by itself.
            .with_replication_factor(-1)
            .with_configs(configs.collect());
        let question = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(TIMEOUT_MS);
        let answered = self
            .cluster
            .front()
            .ask(version::CREATE_TOPICS, &question)
            .await?;
        for one in answered.topics {
            if one.error_code != code::EXISTS {
                let about = format!(
                    "make {}: {}",
                    want.topic,
                    told(one.error_message.as_deref())
                );
                checked(one.error_code, &about)?;
            }
        }
        let patience = Patience::new();
        while self.find(&want.topic).await?.is_none() {
            patience.moment("the new topic").await?;
        }
        Ok(())
    }

    async fn alter(&self, want: &TopicWant, changed: Vec<(&'static str, String)>) -> Result<()> {
        let configs = changed.into_iter().map(|(name, value)| {
            AlterableConfig::default()
                .with_name(wire::text(name))
                .with_config_operation(SET)
                .with_value(Some(wire::text(value)))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(wire::name(&want.topic).0)
            .with_configs(configs.collect());
        let question = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answered = self
            .cluster
            .front()
            .ask(version::ALTER_CONFIGS, &question)
            .await?;
        for one in answered.responses {
            let about = format!(
                "change {}: {}",
                want.topic,
                told(one.error_message.as_deref())
            );
            checked(one.error_code, &about)?;
        }
        Ok(())
    }

    async fn find(&self, topic: &Topic) -> Result<Option<Partitions>> {
        match self.cluster.leaders(topic).await {
            Ok(leaders) => Ok(Some(leaders.partitions)),
            Err(error) if error.kind == ErrorKind::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Bytes on the disks of one replica of each topic, as far as this server holds them.
    async fn bytes(&self, topics: &BTreeMap<Topic, Partitions>) -> Result<BTreeMap<Topic, u64>> {
        let asked = topics.iter().map(|(topic, partitions)| {
            DescribableLogDirTopic::default()
                .with_topic(wire::name(topic))
                .with_partitions((0..i32::from(partitions.count())).collect())
        });
        let question = DescribeLogDirsRequest::default().with_topics(Some(asked.collect()));
        let answered = self
            .cluster
            .front()
            .ask(version::LOG_DIRS, &question)
            .await?;
        checked(answered.error_code, "ask for sizes")?;
        let mut bytes = BTreeMap::new();
        for topic in answered
            .results
            .into_iter()
            .flat_map(|folder| folder.topics)
        {
            if let Some(name) = wire::topic(&topic.name.0) {
                let sizes = topic.partitions.iter().map(|one| one.partition_size);
                let size = u64::try_from(sizes.sum::<i64>()).unwrap_or(0);
                *bytes.entry(name).or_default() += size;
            }
        }
        Ok(bytes)
    }

    async fn messages(&self, topic: &Topic) -> Result<u64> {
        let log = Log::open(&self.cluster, topic).await?;
        let mut messages = 0;
        for (partition, link) in &log.links {
            let (first, next) = log::bounds(link, topic, *partition).await?;
            messages += next - first;
        }
        Ok(messages)
    }

    async fn ensure(&self, want: &TopicWant) -> Result<Change> {
        let Some(partitions) = self.find(&want.topic).await? else {
            self.make(want).await?;
            return Ok(Change::Made);
        };
        if partitions != want.partitions {
            let what = format!("{} has {} partitions", want.topic, partitions.count());
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        let live = self.live(std::slice::from_ref(&want.topic)).await?;
        let live = live
            .get(&want.topic)
            .ok_or_else(|| nonsense("no topic in the answer"))?;
        let settings = settings(want).into_iter();
        let changed = settings.filter(|(name, value)| live.get(*name) != Some(value));
        let changed: Vec<_> = changed.collect();
        if changed.is_empty() {
            return Ok(Change::None);
        }
        self.alter(want, changed).await?;
        Ok(Change::Changed)
    }

    async fn remove(&self, topic: &Topic) -> Result<Change> {
        let gone = DeleteTopicState::default().with_name(Some(wire::name(topic)));
        let question = DeleteTopicsRequest::default()
            .with_topics(vec![gone])
            .with_timeout_ms(TIMEOUT_MS);
        let answered = self
            .cluster
            .front()
            .ask(version::DELETE_TOPICS, &question)
            .await?;
        let removed = answered
            .responses
            .first()
            .map_or(code::OK, |one| one.error_code);
        match removed {
            code::OK => {
                let patience = Patience::new();
                while self.find(topic).await?.is_some() {
                    patience.moment("that the topic is gone").await?;
                }
                Ok(Change::Removed)
            }
            code::NO_TOPIC => Ok(Change::None),
            other => Err(answer(other, topic.as_str())),
        }
    }

    async fn all(&self) -> Result<Vec<TopicLive>> {
        let metadata = self.cluster.metadata(None).await?;
        let mut counts = BTreeMap::new();
        for one in metadata.topics {
            let name = one.name.as_ref().and_then(|name| wire::topic(&name.0));
            let count = u8::try_from(one.partitions.len())
                .ok()
                .and_then(Partitions::new);
            if let (Some(name), Some(count)) = (name, count) {
                counts.insert(name, count);
            }
        }
        if counts.is_empty() {
            return Ok(Vec::new());
        }
        let topics: Vec<Topic> = counts.keys().cloned().collect();
        let mut live = self.live(&topics).await?;
        let bytes = self.bytes(&counts).await?;
        let mut all = Vec::new();
        for (topic, partitions) in counts {
            let settings = live.remove(&topic).unwrap_or_default();
            all.push(TopicLive {
                messages: self.messages(&topic).await?,
                bytes: bytes.get(&topic).copied(),
                want: wanted(topic, partitions, &settings),
            });
        }
        Ok(all)
    }
}

pub(crate) fn told(message: Option<&str>) -> &str {
    message.unwrap_or("the server does not say why")
}

impl Admin for KafkaAdmin {
    fn ensure_topic<'a>(&'a self, want: &'a TopicWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.ensure(want))
    }

    fn remove_topic<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.remove(topic))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicLive>>> {
        Box::pin(self.all())
    }

    fn ensure_account<'a>(&'a self, want: &'a AccountWant) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.account(want))
    }

    fn remove_account<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Change>> {
        Box::pin(self.dismiss(service))
    }

    fn accounts(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back() {
        let topic = Topic::new("order.placed.v1").expect("a topic");
        let partitions = Partitions::new(4).expect("four");
        for (keep_for, keep_bytes, compression) in [
            (None, None, Compression::None),
            (
                Some(Duration::from_hours(24)),
                Some(60_000),
                Compression::On,
            ),
        ] {
            let want = TopicWant {
                topic: topic.clone(),
                partitions,
                keep_for,
                keep_bytes,
                compression,
            };
            let live = settings(&want).into_iter();
            let live = live.map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(wanted(topic.clone(), partitions, &live), want);
        }
    }
}
