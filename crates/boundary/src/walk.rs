//! The files of a tree, read in parallel.
//!
//! Owns what is read and what is passed over, with the reason. Follows no link, honours
//! `.gitignore`, executes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ignore::{WalkBuilder, WalkState};

use crate::language::Language;

/// Larger files are dumps or made by machines.
const BYTES_LIMIT: u64 = 16 * 1024 * 1024;

/// A file that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    pub file: PathBuf,
    pub why: String,
}

/// Calls `visit` for each file of a known language below `paths`, from several threads, with its
/// path relative to `root` and its bytes.
pub(crate) fn walk(
    root: &Path,
    paths: &[PathBuf],
    visit: &(dyn Fn(&Path, Language, Vec<u8>) + Sync),
) -> Vec<Skipped> {
    let skipped = Mutex::new(Vec::new());
    let skip = |file: &Path, why: String| {
        if let Ok(mut skipped) = skipped.lock() {
            skipped.push(Skipped {
                file: relative(root, file),
                why,
            });
        }
    };
    let whole = [root.to_path_buf()];
    let starts = if paths.is_empty() { &whole[..] } else { paths };
    let Some((first, rest)) = starts.split_first() else {
        return Vec::new();
    };
    let mut builder = WalkBuilder::new(first);
    for path in rest {
        builder.add(path);
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    builder
        .require_git(false)
        .threads(threads)
        .filter_entry(|entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name().to_str().unwrap_or("");
            !(folder
                && entry.depth() > 0
                && matches!(
                    name,
                    "node_modules" | "vendor" | "bower_components" | "__pycache__"
                ))
        });
    builder.build_parallel().run(|| {
        Box::new(|entry| {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    skip(root, error.to_string());
                    return WalkState::Continue;
                }
            };
            let path = entry.path();
            let Some(language) = Language::of(path) else {
                return WalkState::Continue;
            };
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                return WalkState::Continue;
            }
            if entry.metadata().is_ok_and(|data| data.len() > BYTES_LIMIT) {
                skip(
                    path,
                    format!("larger than {} MB", BYTES_LIMIT / 1024 / 1024),
                );
                return WalkState::Continue;
            }
            match fs::read(path) {
                Ok(bytes) => visit(&relative(root, path), language, bytes),
                Err(error) => skip(path, error.to_string()),
            }
            WalkState::Continue
        })
    });
    let mut skipped = skipped.into_inner().unwrap_or_default();
    skipped.sort_by(|a, b| a.file.cmp(&b.file));
    skipped
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_path_buf()
}
