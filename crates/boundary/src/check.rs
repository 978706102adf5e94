//! The whole of a check: read the tree, join what its files say, judge.
//!
//! Owns the order: every file once for its statements, models and constants; then the texts that
//! waited for constants of other files; then the imports of models that belong to others; then
//! the policy.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use freehold_model::Fault;
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Kept};
use crate::finding::{Finding, Kind};
use crate::gather::{Gathered, Memory, gather, text_of};
use crate::imports::{self, Index};
use crate::judge::Judge;
use crate::lints::{self, Lint};
use crate::ownership::{Allow, Code, Ownership, propose};
use crate::paths::Fields;
use crate::scan::{FileScan, Seen, Sureness};
use crate::search::Search;
use crate::source::symbols::Symbols;
use crate::spot::{Lines, Spot};
use crate::walk::{self, File, Skipped, Stats, Tree};
use crate::{constants, declared, net, policy, transactions};

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    pub ownership: Ownership,
    /// By file and place.
    pub findings: Vec<Finding>,
    /// What `allow` or `access` covers.
    pub allowed: Vec<Finding>,
    pub unresolved: Vec<Unread>,
    /// What crosses nothing and will hurt all the same: warnings.
    pub lints: Vec<Lint>,
    /// Created by a migration or a model, and nobody's.
    pub unowned: Vec<String>,
    pub skipped: Vec<Skipped>,
    pub counts: Counts,
    /// `allow` entries whose last day has passed; they count no more.
    pub expired: Vec<Allow>,
}

/// A place that names a table and could not be read.
#[derive(Debug, Clone, Serialize)]
pub struct Unread {
    pub file: PathBuf,
    #[serde(flatten)]
    pub spot: Spot,
    pub why: &'static str,
}

impl Unread {
    pub(crate) const REASONS: [&'static str; 2] = [
        "the table's name is only known at run time",
        "the text ends where a table's name should stand",
    ];

    fn reason(why: freehold_sql::Why) -> &'static str {
        match why {
            freehold_sql::Why::Hole => Self::REASONS[0],
            freehold_sql::Why::Cut => Self::REASONS[1],
        }
    }
}

/// How much was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub files: usize,
    pub bytes: u64,
    /// Files that were read as code, not only looked through for words.
    pub candidates: usize,
    pub candidate_bytes: u64,
    pub statements: usize,
}

/// Checks the tree below `root`, or the `paths` in it. Without `ownership` one is proposed.
/// `today` is a day, `YYYY-MM-DD`, that `allow` entries are held against.
pub fn check(
    root: &Path,
    paths: &[PathBuf],
    ownership: Option<Ownership>,
    today: &str,
) -> Result<Checked, Vec<Fault>> {
    Checker::default().check(root, paths, ownership, today)
}

/// What makes checks faster, and texts that are not on the disk.
#[derive(Debug, Default)]
pub struct Checker {
    cache: Option<Cache>,
    memory: Option<Memory>,
    open: HashMap<PathBuf, String>,
}

impl Checker {
    /// One that looks into `cache` first.
    #[must_use]
    pub fn cached(cache: Cache) -> Self {
        Self {
            cache: Some(cache),
            ..Self::default()
        }
    }

    /// One that remembers what files said, for checking again and again.
    #[must_use]
    pub fn remembering() -> Self {
        Self {
            memory: Some(Memory::default()),
            ..Self::default()
        }
    }

    /// From now on `text` stands for the file at `path`, which is relative to the root.
    pub fn open(&mut self, path: PathBuf, text: String) {
        self.open.insert(path, text);
    }

    /// From now on the files on the disk count again.
    pub fn close_all(&mut self) {
        self.open.clear();
    }

    /// As [`check()`].
    pub fn check(
        &mut self,
        root: &Path,
        paths: &[PathBuf],
        ownership: Option<Ownership>,
        today: &str,
    ) -> Result<Checked, Vec<Fault>> {
        let stats = if self.cache.is_some() || self.memory.is_some() {
            Stats::Asked
        } else {
            Stats::Left
        };
        let (files, skipped) = walk::files(root, paths, stats);
        let key = self
            .cache
            .as_ref()
            .map(|cache| cache.key(root, paths, ownership.as_ref(), &files, &skipped));
        let kept = match (&self.cache, &key) {
            (Some(cache), Some(key)) => cache.load(key),
            _ => None,
        };
        let (kept, ownership) = if let Some(kept) = kept {
            let own = ownership.map_or_else(|| kept.proposal(), Ok)?;
            (kept, own)
        } else {
            let (kept, own) = self.fresh(root, &files, skipped, ownership)?;
            if let (Some(cache), Some(key)) = (&self.cache, &key) {
                cache.save(key, &files, &kept);
            }
            (kept, own)
        };
        let sorted = policy::sort(&ownership, kept.findings, today);
        Ok(Checked {
            ownership,
            findings: sorted.findings,
            allowed: sorted.allowed,
            unresolved: kept.unresolved,
            lints: kept.lints,
            unowned: kept.unowned,
            skipped: kept.skipped,
            counts: kept.counts,
            expired: sorted.expired,
        })
    }

    fn fresh(
        &mut self,
        root: &Path,
        files: &[File],
        mut skipped: Vec<Skipped>,
        ownership: Option<Ownership>,
    ) -> Result<(Kept, Ownership), Vec<Fault>> {
        let tree = Tree {
            root,
            open: &self.open,
        };
        let gathered = gather(tree, files, ownership.as_ref(), self.memory.as_mut())?;
        let Gathered {
            mut scans,
            entities,
            counts,
            ..
        } = gathered;
        skipped.extend(gathered.skipped);
        skipped.sort();
        let mut own = match ownership {
            Some(own) => own,
            None => propose::propose(&scans, files)?,
        };
        constants::settle(tree, &mut scans);
        let unowned = declared::adopt_migrations(&mut own, &scans);
        net::settle(&own, &mut scans);
        let (owners, index) = declared::models(&own, &scans, &entities);
        let routines = declared::routines(&own, &scans);
        let fields = Fields::of(&scans);
        let judge = Judge {
            own: &own,
            models: &owners,
            routines: &routines,
            fields: &fields,
        };
        let mut findings: Vec<Finding> = scans.iter().flat_map(|scan| judge.file(scan)).collect();
        findings.extend(transactions::verdicts(&judge, &scans));
        findings.extend(imported(tree, files, &judge, &index));
        let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        let lints = lints::settle(&judge, &scans, &paths);
        findings.sort_by(|a, b| (&a.file, &a.spot, a.kind).cmp(&(&b.file, &b.spot, b.kind)));
        last_view(&mut findings);
        let kept = Kept {
            findings,
            unresolved: unread(&own, &scans),
            lints,
            unowned,
            skipped,
            counts,
            proposal: Kept::proposed(&own),
        };
        Ok((kept, own))
    }
}

/// Of a view or routine that is defined anew, the last definition stands.
fn last_view(findings: &mut Vec<Finding>) {
    let last: HashMap<String, PathBuf> = findings
        .iter()
        .filter(|own| own.kind == Kind::View)
        .map(|own| (own.fingerprint.clone(), own.file.clone()))
        .collect();
    findings.retain(|own| {
        own.kind != Kind::View
            || last
                .get(&own.fingerprint)
                .is_none_or(|file| *file == own.file)
    });
}

/// The second reading: files of contexts that name a model of another.
fn imported(tree: Tree, files: &[File], judge: &Judge, index: &Index) -> Vec<Finding> {
    if index.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = index.keys().map(String::as_str).collect();
    let Ok(search) = Search::new(&names, false) else {
        return Vec::new();
    };
    let files: Vec<&File> = files
        .iter()
        .filter(|file| file.language.imports() && matches!(judge.own.code(&file.path), Code::Of(_)))
        .collect();
    let found = Mutex::new(Vec::new());
    tree.read_each(&files, &|file, content| {
        let path = file.path.as_path();
        let Code::Of(here) = judge.own.code(path) else {
            return;
        };
        let foreign = |word: usize| index[names[word]].iter().any(|own| own.owner != here);
        if !names_one(&search, &foreign, content) {
            return;
        }
        let text = text_of(content);
        let code = crate::source::Code::new(file.language, &text);
        let bound = imports::read(&code, path, here, index);
        if bound.is_empty() {
            return;
        }
        let lines = Lines::new(&text);
        let symbols = Symbols::of(&code);
        for own in bound {
            // An import at the top of a file is remembered by the first class of the file.
            let mut symbol = symbols.at(own.start);
            if symbol.is_empty() {
                symbol = symbols
                    .0
                    .first()
                    .map(|first| first.name.clone())
                    .unwrap_or_default();
            }
            let spot = lines.spot(own.start, own.end, symbol);
            let seen = Seen {
                place: "an import",
                dialect: None,
                sureness: Sureness::Parsed,
            };
            let kind = if own.type_only {
                Kind::TypeImport
            } else {
                Kind::Import
            };
            let made = judge.made(path, kind, here, own.owner, own.class, &spot, &seen, false);
            if let Ok(mut found) = found.lock() {
                found.push(made);
            }
        }
    });
    found.into_inner().unwrap_or_default()
}

/// Is one of the names that `counts` there as a word of its own?
fn names_one(names: &Search, counts: &dyn Fn(usize) -> bool, content: &[u8]) -> bool {
    let word = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
    };
    names.any(content, &mut |found| {
        let before = found.start.checked_sub(1).and_then(|at| content.get(at));
        !word(before) && !word(content.get(found.end)) && counts(found.word)
    })
}

fn unread(own: &Ownership, scans: &[FileScan]) -> Vec<Unread> {
    let mut seen = HashSet::new();
    scans
        .iter()
        .filter(|scan| !matches!(own.code(&scan.path), Code::Tests | Code::Shared))
        .flat_map(|scan| {
            scan.gaps.iter().map(|gap| Unread {
                file: scan.path.clone(),
                spot: gap.spot.clone(),
                why: Unread::reason(gap.why),
            })
        })
        .filter(|gap: &Unread| seen.insert((gap.file.clone(), gap.spot.line, gap.spot.column)))
        .collect()
}
