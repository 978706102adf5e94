//! The topics with their logs, and the catalog that says which there are.
//!
//! Blocking; the server calls it from threads made for that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::watch;

use super::catalog::{Catalog, TopicEntry};
use super::disk::Disk;
use super::fault::{StoreError, StoreResult};
use super::partition::Partition;
use super::rules::Rules;
use crate::contract::{Change, TopicLive, TopicWant};
use crate::topic::{self, Partitions, Topic};

const FOLDER: &str = "topics";

/// The broker's disk.
pub(crate) struct Store {
    pub(crate) disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_bytes: u64,
    catalog: Mutex<Catalog>,
    topics: RwLock<BTreeMap<Topic, Arc<TopicLog>>>,
}

/// A topic's logs.
pub(crate) struct TopicLog {
    pub(crate) topic: Topic,
    pub(crate) partitions: Partitions,
    pub(crate) logs: Vec<Log>,
}

/// A partition's log, and the offset behind its last readable record for whoever waits.
pub(crate) struct Log {
    partition: Mutex<Partition>,
    pub(crate) readable: watch::Sender<u64>,
}

impl Log {
    fn new(partition: Partition) -> Self {
        let (readable, _) = watch::channel(partition.tail().1);
        Self {
            partition: Mutex::new(partition),
            readable,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Partition> {
        locked(&self.partition)
    }
}

/// A panic elsewhere does not make the disk's content wrong: what a log says is checked when it is
/// opened, and the committer ends with its panic.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TopicLog {
    pub(crate) fn log(&self, partition: topic::Partition) -> Option<&Log> {
        self.logs.get(usize::from(partition.number()))
    }
}

impl Store {
    /// Opens a broker's folder, or makes it with what `first` says.
    pub(crate) fn open<R: Rules>(
        disk: Arc<dyn Disk>,
        folder: &Path,
        segment_bytes: u64,
        first: impl FnOnce() -> Catalog,
    ) -> StoreResult<Self> {
        let loaded = Catalog::load(disk.as_ref(), folder)?;
        disk.make_folder(&folder.join(FOLDER))?;
        let catalog = if let Some(catalog) = loaded {
            catalog
        } else {
            let catalog = first();
            catalog.save::<R>(disk.as_ref(), folder)?;
            catalog
        };
        let store = Self {
            disk,
            folder: folder.to_owned(),
            segment_bytes,
            catalog: Mutex::new(catalog.clone()),
            topics: RwLock::new(BTreeMap::new()),
        };
        for (topic, entry) in &catalog.topics {
            let log = store.open_topic::<R>(topic, entry)?;
            store.write_topics().insert(topic.clone(), Arc::new(log));
        }
        Ok(store)
    }

    fn open_topic<R: Rules>(&self, topic: &Topic, entry: &TopicEntry) -> StoreResult<TopicLog> {
        let odd = || StoreError::Damaged(format!("the topic {topic} cannot be"));
        let want = entry.want(topic).ok_or_else(odd)?;
        let folder = self.topic_folder(topic);
        let open = |partition: topic::Partition| {
            let folder = folder.join(format!("{:02}", partition.number()));
            Partition::open::<R>(&self.disk, folder, self.segment_bytes(&want)).map(Log::new)
        };
        Ok(TopicLog {
            topic: topic.clone(),
            partitions: want.partitions,
            logs: want
                .partitions
                .each()
                .map(open)
                .collect::<StoreResult<_>>()?,
        })
    }

    fn topic_folder(&self, topic: &Topic) -> PathBuf {
        self.folder.join(FOLDER).join(topic.as_str())
    }

    /// A topic that must stay small has small segments, since they go as a whole.
    fn segment_bytes(&self, want: &TopicWant) -> u64 {
        let share = want.keep_bytes.map_or(u64::MAX, |bytes| {
            bytes / (4 * u64::from(want.partitions.count()))
        });
        self.segment_bytes.min(share.max(4 << 10))
    }

    fn write_topics(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<Topic, Arc<TopicLog>>> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn topic(&self, topic: &Topic) -> Option<Arc<TopicLog>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).cloned()
    }

    /// What there is now.
    pub(crate) fn catalog(&self) -> Catalog {
        locked(&self.catalog).clone()
    }

    /// Changes the catalog; durable when it returns.
    pub(crate) fn change<R: Rules>(&self, to: impl FnOnce(&mut Catalog)) -> StoreResult<Catalog> {
        let mut catalog = locked(&self.catalog);
        let mut changed = catalog.clone();
        to(&mut changed);
        changed.save::<R>(self.disk.as_ref(), &self.folder)?;
        catalog.clone_from(&changed);
        Ok(changed)
    }

    /// Makes a topic or changes what can be changed. `None`: it has other partitions.
    pub(crate) fn ensure_topic<R: Rules>(&self, want: &TopicWant) -> StoreResult<Option<Change>> {
        let entry = TopicEntry::of(want);
        let there = locked(&self.catalog).topics.get(&want.topic).cloned();
        let same_partitions = there
            .as_ref()
            .and_then(|there| there.want(&want.topic))
            .is_none_or(|there| there.partitions == want.partitions);
        if !same_partitions {
            return Ok(None);
        }
        let change = match there {
            Some(there) if there == entry => return Ok(Some(Change::None)),
            Some(_) => Change::Changed,
            None => {
                let log = self.make_topic::<R>(want)?;
                self.write_topics()
                    .insert(want.topic.clone(), Arc::new(log));
                Change::Made
            }
        };
        self.change::<R>(|catalog| {
            catalog.topics.insert(want.topic.clone(), entry);
        })?;
        Ok(Some(change))
    }

    /// First the folders, durable; the catalog names the topic when they are.
    fn make_topic<R: Rules>(&self, want: &TopicWant) -> StoreResult<TopicLog> {
        let topics = self.folder.join(FOLDER);
        let folder = self.topic_folder(&want.topic);
        let left_over = self.disk.list(&topics)?;
        if left_over.iter().any(|name| name == want.topic.as_str()) {
            self.disk.remove_folder(&folder)?;
            self.disk.sync_folder(&topics)?;
        }
        self.disk.make_folder(&folder)?;
        let mut logs = Vec::new();
        for partition in want.partitions.each() {
            let folder = folder.join(format!("{:02}", partition.number()));
            self.disk.make_folder(&folder)?;
            let log = Partition::make::<R>(&self.disk, folder, self.segment_bytes(want))?;
            logs.push(Log::new(log));
        }
        if R::SYNC_FOLDERS {
            self.disk.sync_folder(&folder)?;
            self.disk.sync_folder(&topics)?;
            self.disk.sync_folder(&self.folder)?;
        }
        Ok(TopicLog {
            topic: want.topic.clone(),
            partitions: want.partitions,
            logs,
        })
    }

    /// Removes a topic: first its name, then its files.
    pub(crate) fn remove_topic<R: Rules>(&self, topic: &Topic) -> StoreResult<Change> {
        if self.write_topics().remove(topic).is_none() {
            return Ok(Change::None);
        }
        self.change::<R>(|catalog| {
            catalog.topics.remove(topic);
        })?;
        self.disk.remove_folder(&self.topic_folder(topic))?;
        Ok(Change::Removed)
    }

    /// All topics, with what they hold.
    pub(crate) fn topics(&self) -> Vec<TopicLive> {
        let live = |(topic, entry): (&Topic, &TopicEntry)| {
            let (log, want) = (self.topic(topic)?, entry.want(topic)?);
            let (mut bytes, mut messages) = (0, 0);
            for log in &log.logs {
                let log = log.lock();
                let (first, next, _) = log.tail();
                bytes += log.bytes();
                messages += next - first;
            }
            Some(TopicLive {
                want,
                bytes: Some(bytes),
                messages,
            })
        };
        self.catalog().topics.iter().filter_map(live).collect()
    }

    /// Removes what retention no longer keeps; whole segments only.
    pub(crate) fn retain(&self, now_ms: i64) -> StoreResult<()> {
        for (topic, entry) in &self.catalog().topics {
            if let (Some(log), Some(want)) = (self.topic(topic), entry.want(topic)) {
                retain(&log, &want, now_ms)?;
            }
        }
        Ok(())
    }
}

fn retain(topic: &TopicLog, want: &TopicWant, now_ms: i64) -> StoreResult<()> {
    let age = want.keep_for.map_or(i64::MAX, |age| {
        i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
    });
    let keep = want.keep_bytes.unwrap_or(u64::MAX);
    loop {
        let mut total = 0;
        let mut oldest: Option<(i64, &Log)> = None;
        for log in &topic.logs {
            let mut partition = log.lock();
            total += partition.bytes();
            if let Some((_, at)) = partition.oldest()?
                && oldest.is_none_or(|(other, _)| at < other)
            {
                oldest = Some((at, log));
            }
        }
        let Some((at, log)) = oldest else {
            return Ok(());
        };
        if total <= keep && now_ms.saturating_sub(at) <= age {
            return Ok(());
        }
        log.lock().remove_oldest()?;
    }
}
