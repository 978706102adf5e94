//! What the files of a tree say, each for itself: read in parallel, or remembered.
//!
//! Owns the way from the list of files to [`FileScan`]s, and the memory of those who check again
//! and again. What the files mean together is decided behind it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use freehold_model::Fault;
use freehold_sql::Dialect;

use crate::check::Counts;
use crate::language::Language;
use crate::models::{self, Models};
use crate::ownership::{Code, Ownership};
use crate::prefilter::Prefilter;
use crate::scan::{self, FileScan};
use crate::walk::{File, Skipped, Stat, Tree};

/// What all files say.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// By path.
    pub(crate) scans: Vec<FileScan>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) counts: Counts,
}

/// A class of C# that its file is called after: an entity says nothing of its table itself.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) class: String,
    pub(crate) namespace: String,
    pub(crate) path: PathBuf,
}

/// What files said when they were read last, for those that are as they were.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The ownership under which they were read: it decides on dialects and words.
    ownership: String,
    files: HashMap<PathBuf, (Stat, Said)>,
}

/// What one file says.
#[derive(Debug, Clone, Default)]
struct Said {
    bytes: u64,
    binary: bool,
    entity: Option<Entity>,
    scan: Option<FileScan>,
}

/// Reads `files`; those that `memory` knows as they are only once.
pub(crate) fn gather(
    tree: Tree,
    files: &[File],
    own: Option<&Ownership>,
    memory: Option<&mut Memory>,
) -> Result<Gathered, Vec<Fault>> {
    let filter = Prefilter::new(own.iter().flat_map(|own| own.words()))?;
    let mut nothing = Memory::default();
    let remembers = memory.is_some();
    let memory = memory.unwrap_or(&mut nothing);
    let identity = own.map_or_else(String::new, Ownership::identity);
    if memory.ownership != identity {
        *memory = Memory {
            ownership: identity,
            ..Memory::default()
        };
    }
    let fresh: Vec<&File> = files
        .iter()
        .filter(|file| {
            let known = memory.files.get(&file.path);
            tree.open.contains_key(&file.path)
                || known.is_none_or(|(stat, _)| Some(*stat) != file.stat)
        })
        .collect();
    let said = Mutex::new(Vec::new());
    let skipped = tree.read_each(&fresh, &|file, bytes| {
        let one = one(file, bytes, own, &filter);
        if let Ok(mut said) = said.lock() {
            said.push((file.path.clone(), file.stat, one));
        }
    });
    let said = said.into_inner().unwrap_or_default();
    let mut out = Gathered {
        skipped,
        ..Gathered::default()
    };
    if remembers {
        // What is gone is forgotten; what an editor has open is not the file.
        let present: std::collections::HashSet<&Path> =
            files.iter().map(|file| file.path.as_path()).collect();
        for file in &fresh {
            memory.files.remove(&file.path);
        }
        memory
            .files
            .retain(|path, _| present.contains(path.as_path()));
        for (path, (_, said)) in &memory.files {
            out.add(path, said.clone());
        }
        for (path, stat, said) in said {
            out.add(&path, said.clone());
            if let Some(stat) = stat
                && !tree.open.contains_key(&path)
            {
                memory.files.insert(path, (stat, said));
            }
        }
    } else {
        for (path, _, said) in said {
            out.add(&path, said);
        }
    }
    out.settle();
    Ok(out)
}

fn one(file: &File, bytes: &[u8], own: Option<&Ownership>, filter: &Prefilter) -> Said {
    let mut said = Said {
        bytes: bytes.len() as u64,
        ..Said::default()
    };
    if bytes[..bytes.len().min(8_000)].contains(&0) && !is_wide(bytes) {
        said.binary = true;
        return said;
    }
    if file.language == Language::CSharp {
        said.entity = entity(&file.path, bytes);
    }
    if filter.wants(&file.path, file.language, bytes) {
        let dialect = own.and_then(|own| dialect(own, &file.path));
        said.scan = Some(scan::scan(
            &file.path,
            file.language,
            &text_of(bytes),
            dialect,
        ));
    }
    said
}

fn dialect(own: &Ownership, path: &Path) -> Option<Dialect> {
    match own.code(path) {
        Code::Of(context) => own.contexts[context].dialect.or(own.dialect),
        _ => own.dialect,
    }
}

impl Gathered {
    fn add(&mut self, path: &Path, said: Said) {
        self.counts.files += 1;
        self.counts.bytes += said.bytes;
        if said.binary {
            self.skipped.push(Skipped {
                file: path.to_path_buf(),
                why: "binary".to_owned(),
            });
        }
        self.entities.extend(said.entity);
        if let Some(scan) = said.scan {
            self.counts.candidates += 1;
            self.counts.candidate_bytes += said.bytes;
            self.counts.statements += scan.queries.len();
            self.scans.push(scan);
        }
    }

    /// Threads end as they like: the order is made here.
    fn settle(&mut self) {
        self.scans.sort_by(|a, b| a.path.cmp(&b.path));
        self.entities.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.sort();
        let mut all: Vec<&mut Models> =
            self.scans.iter_mut().map(|scan| &mut scan.models).collect();
        models::settle(&mut all);
    }
}

/// The class that a file of C# is called after, and its namespace.
fn entity(path: &Path, content: &[u8]) -> Option<Entity> {
    let head = &content[..content.len().min(20_000)];
    let line = head.split(|byte| *byte == b'\n').find_map(|line| {
        line.strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(line)
            .strip_prefix(b"namespace ")
    })?;
    Some(Entity {
        class: path.file_stem()?.to_str()?.to_owned(),
        namespace: String::from_utf8_lossy(line)
            .trim_end_matches(|c: char| c == ';' || c == '{' || c.is_whitespace())
            .to_owned(),
        path: path.to_path_buf(),
    })
}

fn is_wide(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

/// UTF-8, or UTF-16 with its mark; what is neither is read as far as it goes. Editors do not count
/// a byte-order mark, and no language has it for a letter.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|pair| order([pair[0], pair[1]]))
            .collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}
