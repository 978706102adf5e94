//! Which topics and accounts there are: one small file, replaced as a whole.
//!
//! `broker.json` in the broker's folder. Accounts hold digests of tokens, never tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::fault::{StoreError, StoreResult};
use super::rules::Rules;
use super::segment;
use crate::contract::{AccountWant, TopicWant};
use crate::topic::{Compression, Partitions, Topic};

const FILE: &str = "broker.json";
const NEW: &str = "broker.json.new";
const FORMAT: u32 = 1;

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalog {
    format: u32,
    pub(crate) topics: BTreeMap<Topic, TopicEntry>,
    pub(crate) accounts: BTreeMap<String, Account>,
}

/// A topic, as [`TopicWant`] without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopicEntry {
    partitions: u8,
    keep_for_ms: Option<u64>,
    keep_bytes: Option<u64>,
    compression: bool,
}

/// A login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// SHA-256 of the token, in hexadecimal digits.
    pub(crate) verifier: String,
    /// May make topics and accounts, and nothing else.
    pub(crate) admin: bool,
    pub(crate) writes: Vec<Topic>,
    pub(crate) reads: Vec<Topic>,
}

impl Account {
    pub(crate) fn of(want: &AccountWant, verifier: String) -> Self {
        let sorted = |topics: &[Topic]| {
            let mut topics = topics.to_vec();
            topics.sort();
            topics.dedup();
            topics
        };
        Self {
            verifier,
            admin: false,
            writes: sorted(&want.writes),
            reads: sorted(&want.reads),
        }
    }

    pub(crate) fn may_write(&self, topic: &Topic) -> bool {
        self.writes.binary_search(topic).is_ok()
    }

    pub(crate) fn may_read(&self, topic: &Topic) -> bool {
        self.reads.binary_search(topic).is_ok()
    }
}

impl TopicEntry {
    pub(crate) fn of(want: &TopicWant) -> Self {
        Self {
            partitions: want.partitions.count(),
            keep_for_ms: want
                .keep_for
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            keep_bytes: want.keep_bytes,
            compression: want.compression == Compression::On,
        }
    }

    pub(crate) fn want(&self, topic: &Topic) -> Option<TopicWant> {
        Some(TopicWant {
            topic: topic.clone(),
            partitions: Partitions::new(self.partitions)?,
            keep_for: self.keep_for_ms.map(Duration::from_millis),
            keep_bytes: self.keep_bytes,
            compression: if self.compression {
                Compression::On
            } else {
                Compression::None
            },
        })
    }
}

impl Catalog {
    /// Nothing but an administrator.
    pub(crate) fn new(admin: &str, verifier: String) -> Self {
        let account = Account {
            verifier,
            admin: true,
            writes: Vec::new(),
            reads: Vec::new(),
        };
        Self {
            format: FORMAT,
            topics: BTreeMap::new(),
            accounts: BTreeMap::from([(admin.to_owned(), account)]),
        }
    }

    /// Has this administrator this verifier?
    pub(crate) fn is_admin(&self, name: &str, verifier: &str) -> bool {
        let account = self.accounts.get(name);
        account.is_some_and(|account| account.admin && account.verifier == verifier)
    }

    /// Makes this the one administrator.
    pub(crate) fn set_admin(&mut self, name: &str, verifier: &str) {
        let Self { accounts, .. } = Self::new(name, verifier.to_owned());
        self.accounts.retain(|_, account| !account.admin);
        self.accounts.extend(accounts);
    }

    /// Reads it; `None` when there is none yet.
    pub(crate) fn load(disk: &dyn Disk, folder: &Path) -> StoreResult<Option<Self>> {
        if !disk.list(folder)?.iter().any(|name| name == FILE) {
            return Ok(None);
        }
        let path = folder.join(FILE);
        let file = disk.open(&path)?;
        let bytes = segment::read(file.as_ref(), 0, file.len()?)?;
        let damaged = |why: String| StoreError::Damaged(format!("{}: {why}", path.display()));
        let catalog: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let odd = catalog
            .topics
            .iter()
            .any(|(topic, entry)| entry.want(topic).is_none());
        if odd || catalog.format != FORMAT {
            return Err(damaged("it is of another version".to_owned()));
        }
        Ok(Some(catalog))
    }

    /// Replaces the file; durable when it returns.
    pub(crate) fn save<R: Rules>(&self, disk: &dyn Disk, folder: &Path) -> StoreResult<()> {
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        let file = disk.create(&folder.join(NEW))?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        disk.rename(&folder.join(NEW), &folder.join(FILE))?;
        if R::SYNC_FOLDERS {
            disk.sync_folder(folder)?;
        }
        Ok(())
    }
}
