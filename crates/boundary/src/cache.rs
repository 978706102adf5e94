//! What a check found, kept for a tree that is as it was: it can only make a check faster.
//!
//! Owns the key, which changes with every file's stat, the description, the arguments and the
//! program, and the file's form, whose first line is a digest of the rest. Whatever cannot be
//! read, or does not fit, is no cache; whatever cannot be written is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use freehold_model::Fault;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::check::{Counts, Unread};
use crate::finding::{Finding, Kind};
use crate::lints::Lint;
use crate::ownership::{Context, Origin, Ownership};
use crate::scan::dialect_named;
use crate::spot::Spot;
use crate::walk::{self, File, Skipped, Stats, nanoseconds};

/// Clocks of file systems are coarse: a file changed so shortly before the check may change again
/// without a later time. Nanoseconds.
const FRESH: i128 = 2_000_000_000;
/// So many trees are remembered.
const TREES: usize = 64;

/// A folder for what checks found.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    program: String,
    now: SystemTime,
}

/// What a check finds before the policy and the baseline are asked.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) findings: Vec<Finding>,
    pub(crate) unresolved: Vec<Unread>,
    pub(crate) lints: Vec<Lint>,
    pub(crate) unowned: Vec<String>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) counts: Counts,
    pub(crate) proposal: Option<Proposal>,
}

/// The contexts that were proposed, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Proposal {
    why: Vec<String>,
    contexts: Vec<ProposedContext>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ProposedContext {
    name: String,
    team: Option<String>,
    tables: Vec<String>,
    schemas: Vec<String>,
    code: Vec<String>,
    dialect: Option<String>,
}

/// Which check it was: the file that holds it, and what must be equal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    place: String,
    state: String,
}

impl Cache {
    /// Keeps its files in `folder`. `program` names the build exactly: another one's files are
    /// not read. `now` is when the check began.
    #[must_use]
    pub fn new(folder: PathBuf, program: String, now: SystemTime) -> Self {
        Self {
            folder,
            program,
            now,
        }
    }

    pub(crate) fn key(
        &self,
        root: &Path,
        paths: &[PathBuf],
        own: Option<&Ownership>,
        files: &[File],
        skipped: &[Skipped],
    ) -> Key {
        let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
        let place = hex(&Sha256::digest(format!("{} {paths:?}", root.display())));
        let mut state = Sha256::new();
        let own = own.map_or_else(String::new, Ownership::identity);
        for part in [&self.program, &place, &own, &format!("{skipped:?}")] {
            state.update(part.len().to_le_bytes());
            state.update(part.as_bytes());
        }
        state.update(sum(files));
        Key {
            place,
            state: hex(&state.finalize()),
        }
    }

    /// What is kept of this very state of the tree.
    pub(crate) fn load(&self, key: &Key) -> Option<Kept> {
        let bytes = fs::read(self.file(key)).ok()?;
        let split = bytes.iter().position(|byte| *byte == b'\n')?;
        let (digest, body) = (&bytes[..split], &bytes[split + 1..]);
        if digest != hex(&Sha256::digest(body)).as_bytes() {
            return None;
        }
        let stored: Stored = serde_json::from_slice(body).ok()?;
        (stored.state == key.state).then(|| stored.kept())?
    }

    pub(crate) fn save(&self, key: &Key, files: &[File], kept: &Kept) {
        let fresh = |file: &File| {
            file.stat
                .is_none_or(|stat| stat.latest() > nanoseconds(self.now) - FRESH)
        };
        if files.iter().any(fresh) {
            return;
        }
        // A cache that cannot be kept is none: the check is as good without.
        let _ = self.write(key, kept);
    }

    fn write(&self, key: &Key, kept: &Kept) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let body = serde_json::to_vec(&Stored::of(&key.state, kept))?;
        let mut bytes = hex(&Sha256::digest(&body)).into_bytes();
        bytes.push(b'\n');
        bytes.extend(body);
        // Two checks at once each write a file of their own; the last one's stays.
        let aside = self
            .folder
            .join(format!("{}.{}", key.place, std::process::id()));
        fs::write(&aside, bytes)?;
        let renamed = fs::rename(&aside, self.file(key));
        if renamed.is_err() {
            let _ = fs::remove_file(&aside);
        }
        self.forget_old();
        renamed
    }

    /// Removes the trees that were not checked for longest.
    fn forget_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        for (_, file) in files.iter().rev().skip(TREES) {
            let _ = fs::remove_file(file);
        }
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.json", key.place))
    }
}

/// The state of the files of a tree and of what is said of it: equal as long as nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    files: [u8; 24],
    skipped: Vec<Skipped>,
    said: String,
}

impl Watched {
    /// Looks at the files below `paths`, or at all below `root`. `said` is whatever else a check
    /// depends on.
    #[must_use]
    pub fn look(root: &Path, paths: &[PathBuf], said: String) -> Self {
        let (files, skipped) = walk::files(root, paths, Stats::Asked);
        Self {
            files: sum(&files),
            skipped,
            said,
        }
    }
}

/// Threads list the files in any order: a sum of their digests does not mind.
fn sum(files: &[File]) -> [u8; 24] {
    let sums = files.iter().map(digest).fold([0_u64; 2], |sum, own| {
        [sum[0].wrapping_add(own[0]), sum[1].wrapping_add(own[1])]
    });
    let mut bytes = [0; 24];
    for (at, word) in [files.len() as u64, sums[0], sums[1]].iter().enumerate() {
        bytes[at * 8..at * 8 + 8].copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn digest(file: &File) -> [u64; 2] {
    let mut hash = Sha256::new();
    hash.update(file.path.as_os_str().as_encoded_bytes());
    hash.update([0]);
    if let Some(stat) = file.stat {
        hash.update(stat.size.to_le_bytes());
        hash.update(stat.modified.to_le_bytes());
        hash.update(stat.changed.to_le_bytes());
        hash.update(stat.inode.to_le_bytes());
    }
    let bytes = hash.finalize();
    [0, 8].map(|from| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[from..from + 8]);
        u64::from_le_bytes(word)
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Kept {
    pub(crate) fn proposed(own: &Ownership) -> Option<Proposal> {
        let Origin::Proposal { why } = &own.origin else {
            return None;
        };
        let contexts = own.contexts.iter().map(|context| ProposedContext {
            name: context.name.clone(),
            team: context.team.clone(),
            tables: context.tables.clone(),
            schemas: context.schemas.clone(),
            code: context.code.clone(),
            dialect: context.dialect.map(|own| own.to_string()),
        });
        Some(Proposal {
            why: why.clone(),
            contexts: contexts.collect(),
        })
    }

    /// The ownership that was proposed.
    pub(crate) fn proposal(&self) -> Result<Ownership, Vec<Fault>> {
        let (why, contexts) = match &self.proposal {
            Some(own) => (own.why.clone(), own.contexts.as_slice()),
            None => (Vec::new(), &[][..]),
        };
        let contexts = contexts.iter().map(|context| Context {
            name: context.name.clone(),
            team: context.team.clone(),
            tables: context.tables.clone(),
            schemas: context.schemas.clone(),
            code: context.code.clone(),
            dialect: context
                .dialect
                .as_deref()
                .and_then(|own| dialect_named(&own.to_ascii_lowercase())),
            append_only: Vec::new(),
            require_down: false,
        });
        Ownership::new(contexts.collect(), Origin::Proposal { why }, &[], &[])
    }
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Stored {
    state: String,
    findings: Vec<StoredFinding>,
    unresolved: Vec<StoredUnread>,
    lints: Vec<Lint>,
    unowned: Vec<String>,
    skipped: Vec<Skipped>,
    counts: Counts,
    proposal: Option<Proposal>,
}

#[derive(Serialize, Deserialize)]
struct StoredFinding {
    kind: String,
    from: String,
    to: String,
    object: String,
    file: PathBuf,
    spot: Spot,
    seen: String,
    confidence: String,
    assumed: bool,
    fingerprint: String,
    statements: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredUnread {
    file: PathBuf,
    spot: Spot,
    why: String,
}

impl Stored {
    fn of(state: &str, kept: &Kept) -> Self {
        let finding = |own: &Finding| StoredFinding {
            kind: own.kind.name().to_owned(),
            from: own.from.clone(),
            to: own.to.clone(),
            object: own.object.clone(),
            file: own.file.clone(),
            spot: own.spot.clone(),
            seen: own.seen.clone(),
            confidence: own.confidence.to_owned(),
            assumed: own.assumed,
            fingerprint: own.fingerprint.clone(),
            statements: own.statements.clone(),
        };
        let unread = |own: &Unread| StoredUnread {
            file: own.file.clone(),
            spot: own.spot.clone(),
            why: own.why.to_owned(),
        };
        Self {
            state: state.to_owned(),
            findings: kept.findings.iter().map(finding).collect(),
            unresolved: kept.unresolved.iter().map(unread).collect(),
            lints: kept.lints.clone(),
            unowned: kept.unowned.clone(),
            skipped: kept.skipped.clone(),
            counts: kept.counts.clone(),
            proposal: kept.proposal.clone(),
        }
    }

    /// `None`: it holds what this program does not say.
    fn kept(self) -> Option<Kept> {
        let finding = |own: StoredFinding| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == own.kind)?;
            Some(Finding {
                kind,
                code: kind.code(),
                from: own.from,
                to: own.to,
                object: own.object,
                file: own.file,
                spot: own.spot,
                seen: own.seen,
                confidence: Finding::CONFIDENCES
                    .into_iter()
                    .find(|known| *known == own.confidence)?,
                assumed: own.assumed,
                fingerprint: own.fingerprint,
                statements: own.statements,
                known: false,
            })
        };
        let unread = |own: StoredUnread| {
            Some(Unread {
                file: own.file,
                spot: own.spot,
                why: Unread::REASONS
                    .into_iter()
                    .find(|known| *known == own.why)?,
            })
        };
        Some(Kept {
            findings: self
                .findings
                .into_iter()
                .map(finding)
                .collect::<Option<_>>()?,
            unresolved: self
                .unresolved
                .into_iter()
                .map(unread)
                .collect::<Option<_>>()?,
            lints: self.lints,
            unowned: self.unowned,
            skipped: self.skipped,
            counts: self.counts,
            proposal: self.proposal,
        })
    }
}
