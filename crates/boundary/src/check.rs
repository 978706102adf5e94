//! The whole of a check: read the tree, join what its files say, judge.
//!
//! Owns the order: every file once for its statements, models and constants; then the texts that
//! waited for constants of other files; then the imports of models that belong to others.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aho_corasick::AhoCorasick;
use freehold_model::Fault;
use freehold_sql::{Access, ObjectName};
use serde::Serialize;

use crate::finding::{Finding, Kind};
use crate::imports::{self, Declared, Index};
use crate::judge::{Judge, ModelOwners};
use crate::language::Language;
use crate::models::{self, Model, Models};
use crate::ownership::{Allow, Code, Owner, Ownership, propose};
use crate::scan::{self, FileScan, Seen, Sureness};
use crate::source::symbols::Symbols;
use crate::spot::{Lines, Spot};
use crate::walk::{self, Skipped};

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    pub ownership: Ownership,
    /// By file and place.
    pub findings: Vec<Finding>,
    /// What `allow` or `access` covers.
    pub allowed: Vec<Finding>,
    pub unresolved: Vec<Unread>,
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

/// How much was read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    pub files: usize,
    pub bytes: u64,
    /// Files that were read as code, not only looked through for words.
    pub candidates: usize,
    pub candidate_bytes: u64,
    pub statements: usize,
}

/// Words without which a file holds neither SQL nor a model.
const WORDS: &[&str] = &[
    "select",
    "insert into",
    "insert overwrite",
    "update ",
    "delete ",
    "merge ",
    "truncate",
    "replace into",
    " join ",
    "join(",
    "from ",
    ".from(",
    "into(",
    ".table(",
    "table(",
    "references",
    "foreign_key",
    "foreignkey",
    "@entity",
    "@table",
    "tablename",
    "models.model",
    "applicationrecord",
    "activerecord",
    "extends model",
    "table!",
    "knex",
    "repository",
    "sequelize",
    "dbset",
    "totable",
    "create ",
    "alter ",
    "drop ",
    "sea_orm",
    "gorm",
    "__table",
    "prisma",
    "orm\\table",
    "[table(",
    "belongsto",
    "hasmany",
    "hasone",
];

/// Checks the tree below `root`, or the `paths` in it. Without `ownership` one is proposed.
/// `today` is a day, `YYYY-MM-DD`, that `allow` entries are held against.
pub fn check(
    root: &Path,
    paths: &[PathBuf],
    ownership: Option<Ownership>,
    today: &str,
) -> Result<Checked, Vec<Fault>> {
    let (scans, entities, skipped, counts) = read_all(root, paths, ownership.as_ref())?;
    let mut ownership = match ownership {
        Some(own) => own,
        None => propose::propose(&scans)?,
    };
    let unowned = adopt_migrations(&mut ownership, &scans);
    let mut scans = scans;
    settle_constants(root, &mut scans);
    let (owners, index) = owners_of_models(&ownership, &scans, &entities);
    let routines = routines(&ownership, &scans);
    let judge = Judge {
        own: &ownership,
        models: &owners,
        routines: &routines,
    };
    let mut findings: Vec<Finding> = scans.iter().flat_map(|scan| judge.file(scan)).collect();
    findings.extend(imported(root, paths, &judge, &index));
    findings.sort_by(|a, b| (&a.file, &a.spot, a.kind).cmp(&(&b.file, &b.spot, b.kind)));
    one_key_once(&mut findings);
    let (allowed, findings, expired) = allow(&ownership, findings, today);
    let unresolved = unread(&ownership, &scans);
    Ok(Checked {
        ownership,
        findings,
        allowed,
        unresolved,
        unowned,
        skipped,
        counts,
        expired,
    })
}

type Read = (Vec<FileScan>, Vec<Entity>, Vec<Skipped>, Counts);

/// A class of C# that its file is called after: an entity says nothing of its table itself.
struct Entity {
    class: String,
    namespace: String,
    path: PathBuf,
}

fn read_all(root: &Path, paths: &[PathBuf], own: Option<&Ownership>) -> Result<Read, Vec<Fault>> {
    let quoted = own
        .map(|own| {
            own.words()
                .flat_map(|word| {
                    [
                        format!("\"{word}\""),
                        format!("'{word}'"),
                        format!("`{word}`"),
                    ]
                })
                .collect::<Vec<_>>()
        })
        .unwrap_or_default();
    let words = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(WORDS.iter().map(|word| (*word).to_owned()).chain(quoted))
        .map_err(|error| {
            vec![Fault::new(
                "FH2203",
                format!("there are too many tables to look for: {error}"),
            )]
        })?;
    let (files, bytes, candidates, candidate_bytes) = (
        AtomicUsize::new(0),
        AtomicU64::new(0),
        AtomicUsize::new(0),
        AtomicU64::new(0),
    );
    let scans = Mutex::new(Vec::new());
    let entities = Mutex::new(Vec::new());
    let odd = Mutex::new(Vec::new());
    let mut skipped = walk::walk(root, paths, &|path, language, content| {
        files.fetch_add(1, Ordering::Relaxed);
        bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
        if content[..content.len().min(8_000)].contains(&0) && !content.starts_with(&[0xff, 0xfe]) {
            push(
                &odd,
                Skipped {
                    file: path.to_path_buf(),
                    why: "binary".to_owned(),
                },
            );
            return;
        }
        if language == Language::CSharp
            && let Some(entity) = entity(path, &content)
        {
            push(&entities, entity);
        }
        if language != Language::Sql && !words.is_match(&content) {
            return;
        }
        candidates.fetch_add(1, Ordering::Relaxed);
        candidate_bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
        let dialect = own.and_then(|own| match own.code(path) {
            Code::Of(context) => own.contexts[context].dialect.or(own.dialect),
            _ => own.dialect,
        });
        let text = text_of(content);
        let scan = scan::scan(path, language, &text, dialect);
        push(&scans, scan);
    });
    skipped.extend(odd.into_inner().unwrap_or_default());
    let mut scans = scans.into_inner().unwrap_or_default();
    scans.sort_by(|a: &FileScan, b: &FileScan| a.path.cmp(&b.path));
    let mut all: Vec<&mut Models> = scans.iter_mut().map(|scan| &mut scan.models).collect();
    models::settle(&mut all);
    let counts = Counts {
        files: files.into_inner(),
        bytes: bytes.into_inner(),
        candidates: candidates.into_inner(),
        candidate_bytes: candidate_bytes.into_inner(),
        statements: scans.iter().map(|scan| scan.queries.len()).sum(),
    };
    let mut entities = entities.into_inner().unwrap_or_default();
    entities.sort_by(|a: &Entity, b: &Entity| a.path.cmp(&b.path));
    Ok((scans, entities, skipped, counts))
}

/// The class that a file of C# is called after, and its namespace.
fn entity(path: &Path, content: &[u8]) -> Option<Entity> {
    let head = String::from_utf8_lossy(&content[..content.len().min(20_000)]);
    let line = head.lines().find_map(|line| {
        line.trim_start_matches('\u{feff}')
            .strip_prefix("namespace ")
    })?;
    Some(Entity {
        class: path.file_stem()?.to_str()?.to_owned(),
        namespace: line
            .trim_end_matches(|c: char| c == ';' || c == '{' || c.is_whitespace())
            .to_owned(),
        path: path.to_path_buf(),
    })
}

fn push<T>(list: &Mutex<Vec<T>>, item: T) {
    if let Ok(mut list) = list.lock() {
        list.push(item);
    }
}

/// UTF-8, or UTF-16 with its mark; what is neither is read as far as it goes.
fn text_of(content: Vec<u8>) -> String {
    let text = decoded(content);
    // Editors do not count a byte-order mark, and no language has it for a letter.
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

fn decoded(content: Vec<u8>) -> String {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = content[2..]
            .chunks_exact(2)
            .map(|pair| order([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    };
    match content.get(..2) {
        Some([0xff, 0xfe]) => wide(u16::from_le_bytes),
        Some([0xfe, 0xff]) => wide(u16::from_be_bytes),
        _ => String::from_utf8(content)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// Tables that a context's own migrations make, and nobody claims, are its own. The rest that is
/// made somewhere and nobody's is given back.
fn adopt_migrations(own: &mut Ownership, scans: &[FileScan]) -> Vec<String> {
    let mut unowned = std::collections::BTreeSet::new();
    for scan in scans {
        let code = own.code(&scan.path);
        let made = scan
            .queries
            .iter()
            .flat_map(|query| &query.touches)
            .filter(|touch| touch.access == Access::Create && touch.within.is_none());
        for touch in made {
            let name = touch.name.to_string();
            if own.is_claimed(touch.name.table())
                || own.owner(&touch.name, None, None) != Owner::Nobody
            {
                continue;
            }
            match code {
                Code::Of(context) => {
                    // A plain name: it cannot fail as a pattern.
                    let _ = own.claim(context, &name);
                }
                Code::Nobody | Code::Shared => {
                    unowned.insert(name);
                }
                Code::Tests => {}
            }
        }
    }
    unowned.into_iter().collect()
}

fn settle_constants(root: &Path, scans: &mut [FileScan]) {
    if scans.iter().all(|scan| scan.pending.is_empty()) {
        return;
    }
    let mut constants: HashMap<String, Option<String>> = HashMap::new();
    for (name, value) in scans.iter().flat_map(|scan| &scan.constants) {
        constants
            .entry(name.clone())
            .and_modify(|own| {
                // Two files mean different things by it: then nobody knows.
                if own.as_ref() != Some(value) {
                    *own = None;
                }
            })
            .or_insert_with(|| Some(value.clone()));
    }
    let constant = |name: &str| {
        let mut rest = name;
        loop {
            if let Some(Some(value)) = constants.get(rest) {
                return Some(value.clone());
            }
            rest = rest.split_once('.')?.1;
        }
    };
    for scan in scans.iter_mut().filter(|scan| !scan.pending.is_empty()) {
        let Some(language) = Language::of(&scan.path) else {
            continue;
        };
        if let Ok(content) = fs::read(root.join(&scan.path)) {
            scan::settle(scan, &text_of(content), language, &constant);
        }
    }
}

/// Who owns each model: the owner of its table, else of the file that declares it.
fn owners_of_models(
    own: &Ownership,
    scans: &[FileScan],
    entities: &[Entity],
) -> (ModelOwners, Index) {
    let mut owners = ModelOwners::new();
    let mut index = Index::new();
    for scan in scans {
        let code = own.code(&scan.path);
        let here = match code {
            Code::Of(context) => Some(context),
            Code::Tests => continue,
            _ => None,
        };
        let Some(language) = Language::of(&scan.path) else {
            continue;
        };
        for model in &scan.models.classes {
            let by_table = model
                .tables
                .iter()
                .find_map(|table| owner_of_table(own, table, here));
            if language == Language::CSharp && model.package.is_empty() {
                declare_entities(own, model, by_table, entities, &mut owners, &mut index);
                continue;
            }
            let Some(owner) = by_table.or(here) else {
                continue;
            };
            let list = owners.entry(model.class.clone()).or_default();
            if !list.contains(&owner) {
                list.push(owner);
            }
            index
                .entry(model.class.clone())
                .or_default()
                .push(Declared {
                    path: scan.path.clone(),
                    package: model.package.clone(),
                    owner,
                    language,
                });
        }
    }
    for scan in scans {
        let Some(language) = Language::of(&scan.path) else {
            continue;
        };
        for repository in &scan.models.repositories {
            let here = match own.code(&scan.path) {
                Code::Of(context) => Some(context),
                _ => owners
                    .get(&repository.model)
                    .and_then(|owners| owners.first().copied()),
            };
            if let Some(owner) = here {
                index
                    .entry(repository.class.clone())
                    .or_default()
                    .push(Declared {
                        path: scan.path.clone(),
                        package: repository.package.clone(),
                        owner,
                        language,
                    });
            }
        }
    }
    (owners, index)
}

/// History says a foreign key several times: in migrations for each engine, in dumps, in changes
/// that make a table anew. It is one. Of a view or routine that is defined anew, the last
/// definition stands.
fn one_key_once(findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    findings.retain(|own| own.kind != Kind::ForeignKey || seen.insert(own.fingerprint.clone()));
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

/// Whose tables the triggers are on that call a routine.
fn routines(own: &Ownership, scans: &[FileScan]) -> HashMap<String, usize> {
    scans
        .iter()
        .flat_map(|scan| &scan.triggered)
        .filter_map(|(routine, table)| match own.owner(table, None, None) {
            Owner::One(owner) => Some((routine.table().to_ascii_lowercase(), owner)),
            _ => None,
        })
        .collect()
}

/// Entity Framework names a class where the context is configured; the class itself lies with
/// the code that it belongs to.
fn declare_entities(
    own: &Ownership,
    model: &Model,
    by_table: Option<usize>,
    entities: &[Entity],
    owners: &mut ModelOwners,
    index: &mut Index,
) {
    for entity in entities.iter().filter(|entity| entity.class == model.class) {
        let owner = by_table.or(match own.code(&entity.path) {
            Code::Of(context) => Some(context),
            _ => None,
        });
        let Some(owner) = owner else { continue };
        let list = owners.entry(model.class.clone()).or_default();
        if !list.contains(&owner) {
            list.push(owner);
        }
        index
            .entry(model.class.clone())
            .or_default()
            .push(Declared {
                path: entity.path.clone(),
                package: entity.namespace.clone(),
                owner,
                language: Language::CSharp,
            });
    }
}

fn owner_of_table(own: &Ownership, table: &str, here: Option<usize>) -> Option<usize> {
    let name = ObjectName {
        parts: table.split('.').map(str::to_owned).collect(),
        link: None,
    };
    match own.owner(&name, None, here) {
        Owner::One(context) => Some(context),
        _ => None,
    }
}

/// The second walk: files of contexts that name a model of another.
fn imported(root: &Path, paths: &[PathBuf], judge: &Judge, index: &Index) -> Vec<Finding> {
    if index.is_empty() {
        return Vec::new();
    }
    let Ok(names) = AhoCorasick::new(index.keys()) else {
        return Vec::new();
    };
    let found = Mutex::new(Vec::new());
    walk::walk(root, paths, &|path, language, content| {
        let Code::Of(here) = judge.own.code(path) else {
            return;
        };
        if !names.is_match(&content) {
            return;
        }
        let text = text_of(content);
        let code = crate::source::Code::new(language, &text);
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
            push(
                &found,
                judge.made(
                    path,
                    Kind::Import,
                    here,
                    own.owner,
                    own.class,
                    &spot,
                    &seen,
                    false,
                ),
            );
        }
    });
    found.into_inner().unwrap_or_default()
}

fn allow(
    own: &Ownership,
    findings: Vec<Finding>,
    today: &str,
) -> (Vec<Finding>, Vec<Finding>, Vec<Allow>) {
    let ended = |allow: &Allow| allow.until.as_deref().is_some_and(|day| day < today);
    let fits = |wanted: &Option<String>, is: &str| {
        wanted
            .as_deref()
            .is_none_or(|wanted| wanted == is || wanted == "*")
    };
    let covers = |allow: &Allow, finding: &Finding| {
        let table = allow.table.as_deref().is_none_or(|pattern| {
            let bare = finding.object.rsplit('.').next().unwrap_or(&finding.object);
            pattern.eq_ignore_ascii_case(&finding.object)
                || pattern.eq_ignore_ascii_case(bare)
                || pattern.strip_suffix('*').is_some_and(|start| {
                    bare.to_ascii_lowercase()
                        .starts_with(&start.to_ascii_lowercase())
                })
        });
        !ended(allow)
            && fits(&allow.from, &finding.from)
            && fits(&allow.to, &finding.to)
            && table
            && (allow.kinds.is_empty() || allow.kinds.contains(&finding.kind))
    };
    let (allowed, rest) = findings
        .into_iter()
        .partition(|finding| own.allows.iter().any(|allow| covers(allow, finding)));
    (
        allowed,
        rest,
        own.allows
            .iter()
            .filter(|allow| ended(allow))
            .cloned()
            .collect(),
    )
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
                why: match gap.why {
                    freehold_sql::Why::Hole => "the table's name is only known at run time",
                    freehold_sql::Why::Cut => "the text ends where a table's name should stand",
                },
            })
        })
        .filter(|gap: &Unread| seen.insert((gap.file.clone(), gap.spot.line, gap.spot.column)))
        .collect()
}
