//! A disk in memory that keeps what was synced and drops, tears or keeps the rest when the power
//! goes. Seeded: the same seed does the same.
//!
//! A file's bytes and a folder's names are durable apart from each other. Bytes that were not
//! synced may be lost, come in any order, or sector by sector. After a failed sync the page cache
//! shows what will never be on the disk, as Linux does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::disk::{Disk, DiskFile};
use super::super::store::locked;

const SECTOR: usize = 512;

/// Splitmix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` − 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

#[derive(Debug, Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Pending {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => put(bytes, *at, new),
            Self::Cut(len) => bytes.truncate(*len),
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = at + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(new);
}

#[derive(Debug, Default, Clone)]
struct Content {
    /// What is read.
    now: Vec<u8>,
    /// What is on the disk for certain.
    synced: Vec<u8>,
    /// What may be.
    pending: Vec<Pending>,
}

/// A file, or `None`: a folder.
type Entry = Option<usize>;

#[derive(Debug, Clone)]
enum Naming {
    Set(PathBuf, Entry),
    Removed(PathBuf),
    Renamed(PathBuf, PathBuf),
}

impl Naming {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Set(path, _) | Self::Removed(path) | Self::Renamed(path, _) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Self::Set(path, entry) => {
                names.insert(path.clone(), *entry);
            }
            Self::Removed(path) => names.retain(|name, _| !name.starts_with(path)),
            Self::Renamed(from, to) => {
                if let Some(entry) = names.remove(from) {
                    names.insert(to.clone(), entry);
                }
            }
        }
    }
}

#[derive(Debug)]
struct State {
    random: Random,
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Entry>,
    synced_names: BTreeMap<PathBuf, Entry>,
    pending_names: Vec<Naming>,
    /// Once in so many times a sync, a write fails; 0: never.
    failing_syncs: usize,
    failing_writes: usize,
    /// Rises when the machine dies: handles of before are dead.
    life: u64,
    /// The power goes after so many more changes.
    fuse: Option<usize>,
    /// It went, and nobody has started the machine again.
    off: bool,
    counters: Counters,
}

/// That the rare things did happen.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) dropped: u64,
    pub(crate) torn: u64,
    pub(crate) names_lost: u64,
    pub(crate) failed_syncs: u64,
    pub(crate) failed_writes: u64,
}

/// The disk.
#[derive(Debug, Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random(seed),
            files: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            pending_names: Vec::new(),
            failing_syncs: 0,
            failing_writes: 0,
            life: 0,
            fuse: None,
            off: false,
            counters: Counters::default(),
        })))
    }

    pub(crate) fn failing(&self, syncs: usize, writes: usize) {
        let mut state = locked(&self.0);
        (state.failing_syncs, state.failing_writes) = (syncs, writes);
    }

    pub(crate) fn counters(&self) -> Counters {
        locked(&self.0).counters
    }

    /// The process dies: everything stays as it is read.
    pub(crate) fn kill(&self) {
        locked(&self.0).life += 1;
    }

    /// The power goes: what was not synced is kept, dropped or torn.
    pub(crate) fn power_loss(&self) {
        locked(&self.0).power_loss();
    }

    /// The power will go in the middle of something, after so many changes.
    pub(crate) fn light_fuse(&self, changes: usize) {
        locked(&self.0).fuse = Some(changes);
    }

    /// Starts the machine again if the power went; says whether it did.
    pub(crate) fn power_on(&self) -> bool {
        let mut state = locked(&self.0);
        state.fuse = None;
        std::mem::take(&mut state.off)
    }
}

impl State {
    fn power_loss(&mut self) {
        self.life += 1;
        let mut names = std::mem::take(&mut self.synced_names);
        for naming in std::mem::take(&mut self.pending_names) {
            if self.random.once_in(2) {
                naming.apply(&mut names);
            } else {
                self.counters.names_lost += 1;
            }
        }
        // What is in a folder whose own name is lost is lost with it.
        let folders: Vec<PathBuf> = names.keys().cloned().collect();
        names.retain(|name, _| {
            name.ancestors()
                .skip(1)
                .all(|above| above == Path::new("/") || folders.iter().any(|one| one == above))
        });
        (self.names, self.synced_names) = (names.clone(), names);
        for file in &mut self.files {
            let mut bytes = std::mem::take(&mut file.synced);
            for pending in std::mem::take(&mut file.pending) {
                match (self.random.below(4), &pending) {
                    (0, _) => self.counters.dropped += 1,
                    (1 | 2, Pending::Write(at, new)) => {
                        self.counters.torn += 1;
                        for (index, sector) in new.chunks(SECTOR).enumerate() {
                            let part = match self.random.below(4) {
                                0 => &sector[..0],
                                1 => &sector[..self.random.below(sector.len())],
                                _ => sector,
                            };
                            put(&mut bytes, at + index * SECTOR, part);
                        }
                    }
                    _ => pending.apply(&mut bytes),
                }
            }
            file.now.clone_from(&bytes);
            file.synced = bytes;
        }
    }

    /// Before each change.
    fn burn(&mut self) -> io::Result<()> {
        if let Some(left) = self.fuse {
            self.fuse = left.checked_sub(1);
            if left == 0 {
                self.power_loss();
                self.off = true;
            }
        }
        self.on()
    }

    fn on(&self) -> io::Result<()> {
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.on()?;
        let missing = || io::Error::new(io::ErrorKind::NotFound, path.display().to_string());
        self.names.get(path).copied().flatten().ok_or_else(missing)
    }

    fn name(&mut self, naming: Naming) -> io::Result<()> {
        self.burn()?;
        naming.apply(&mut self.names);
        self.pending_names.push(naming);
        Ok(())
    }
}

impl Disk for SimDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = locked(&self.0);
        if !state.names.contains_key(path) {
            state.name(Naming::Set(path.to_owned(), None))?;
        }
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = locked(&self.0);
        state.on()?;
        let inside = state
            .names
            .keys()
            .filter(|name| name.parent() == Some(folder));
        let name = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
        Ok(inside.filter_map(name).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = locked(&self.0);
        state.on()?;
        let file = if let Ok(file) = state.file(path) {
            state.burn()?;
            let content = &mut state.files[file];
            content.now.clear();
            content.pending.push(Pending::Cut(0));
            file
        } else {
            let file = state.files.len();
            state.name(Naming::Set(path.to_owned(), Some(file)))?;
            state.files.push(Content::default());
            file
        };
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            file,
            life: state.life,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = locked(&self.0);
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            file: state.file(path)?,
            life: state.life,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = locked(&self.0);
        state.file(from)?;
        state.name(Naming::Renamed(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = locked(&self.0);
        state.file(path)?;
        state.name(Naming::Removed(path.to_owned()))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        locked(&self.0).name(Naming::Removed(path.to_owned()))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = locked(&self.0);
        state.burn()?;
        let pending = std::mem::take(&mut state.pending_names);
        for naming in pending {
            if naming.folder() == Some(folder) {
                naming.apply(&mut state.synced_names);
            } else {
                state.pending_names.push(naming);
            }
        }
        Ok(())
    }
}

struct SimFile {
    disk: SimDisk,
    file: usize,
    life: u64,
}

impl SimFile {
    fn with<T>(&self, act: impl FnOnce(&mut State, usize) -> io::Result<T>) -> io::Result<T> {
        let mut state = locked(&self.disk.0);
        if state.life != self.life {
            return Err(io::Error::other("a handle of a dead process"));
        }
        act(&mut state, self.file)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|state, file| Ok(state.files[file].now.len() as u64))
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|state, file| {
            let bytes = &state.files[file].now;
            let from = size(at).min(bytes.len());
            let count = buffer.len().min(bytes.len() - from);
            buffer[..count].copy_from_slice(&bytes[from..from + count]);
            Ok(count)
        })
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|state, file| {
            state.burn()?;
            let fails = state.failing_writes > 0 && state.random.once_in(state.failing_writes);
            let count = if fails {
                state.counters.failed_writes += 1;
                state.random.below(bytes.len())
            } else {
                bytes.len()
            };
            let pending = Pending::Write(size(at), bytes[..count].to_vec());
            pending.apply(&mut state.files[file].now);
            state.files[file].pending.push(pending);
            if fails {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            Ok(())
        })
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.with(|state, file| {
            state.burn()?;
            let pending = Pending::Cut(size(len));
            pending.apply(&mut state.files[file].now);
            state.files[file].pending.push(pending);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|state, file| {
            state.burn()?;
            if state.failing_syncs > 0 && state.random.once_in(state.failing_syncs) {
                state.counters.failed_syncs += 1;
                // Clean for the page cache, and never written.
                state.files[file].pending.clear();
                return Err(io::Error::other("input/output error"));
            }
            let content = &mut state.files[file];
            for pending in std::mem::take(&mut content.pending) {
                pending.apply(&mut content.synced);
            }
            Ok(())
        })
    }
}
