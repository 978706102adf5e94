//! How far each group said that it is, and who reads for it. Only hints: kept in memory, written
//! to `groups.json` now and then; a damaged or missing file is an empty one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Mutex;

use tokio::sync::{Notify, watch};

use super::disk::Disk;
use super::fault::StoreResult;
use super::segment;
use super::store::locked;
use crate::topic::{Partition, Topic};

const FILE: &str = "groups.json";
const NEW: &str = "groups.json.new";

/// Group, topic, partition.
type Place = (String, Topic, u8);
type Offsets = BTreeMap<String, BTreeMap<Topic, BTreeMap<u8, u64>>>;

/// All groups.
pub(crate) struct Groups {
    offsets: Mutex<Offsets>,
    readers: Mutex<HashMap<Place, watch::Sender<u64>>>,
    /// Something is to be written.
    pub(crate) moved: Notify,
}

impl Groups {
    pub(crate) fn load(disk: &dyn Disk, folder: &Path) -> Self {
        let read = || {
            let file = disk.open(&folder.join(FILE)).ok()?;
            let bytes = segment::read(file.as_ref(), 0, file.len().ok()?).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        Self {
            offsets: Mutex::new(read().unwrap_or_default()),
            readers: Mutex::default(),
            moved: Notify::new(),
        }
    }

    pub(crate) fn save(&self, disk: &dyn Disk, folder: &Path) -> StoreResult<()> {
        let bytes = serde_json::to_vec(&*locked(&self.offsets)).unwrap_or_default();
        let file = disk.create(&folder.join(NEW))?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        Ok(disk.rename(&folder.join(NEW), &folder.join(FILE))?)
    }

    /// What the group acknowledged last.
    pub(crate) fn acknowledged(&self, group: &str, topic: &Topic, at: Partition) -> Option<u64> {
        let offsets = locked(&self.offsets);
        offsets.get(group)?.get(topic)?.get(&at.number()).copied()
    }

    pub(crate) fn acknowledge(&self, group: &str, topic: &Topic, at: Partition, offset: u64) {
        let mut offsets = locked(&self.offsets);
        let topics = offsets.entry(group.to_owned()).or_default();
        let known = topics
            .entry(topic.clone())
            .or_default()
            .entry(at.number())
            .or_insert(offset);
        *known = offset.max(*known);
        self.moved.notify_one();
    }

    /// A removed topic begins again at its beginning if it is made again.
    pub(crate) fn forget(&self, topic: &Topic) {
        for topics in locked(&self.offsets).values_mut() {
            topics.remove(topic);
        }
        self.moved.notify_one();
    }

    /// From now on this reader is the group's only one: its lease.
    pub(crate) fn lease(&self, group: &str, topic: &Topic, at: Partition) -> u64 {
        let place = (group.to_owned(), topic.clone(), at.number());
        let mut readers = locked(&self.readers);
        let sender = readers.entry(place).or_insert_with(|| watch::channel(0).0);
        sender.send_modify(|lease| *lease += 1);
        *sender.borrow()
    }

    /// Tells when another lease is given.
    pub(crate) fn watch(
        &self,
        group: &str,
        topic: &Topic,
        at: Partition,
    ) -> Option<watch::Receiver<u64>> {
        let place = (group.to_owned(), topic.clone(), at.number());
        locked(&self.readers)
            .get(&place)
            .map(watch::Sender::subscribe)
    }
}
