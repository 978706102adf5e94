//! Prisma Migrate: `20240101120000_orders/migration.sql`, and `_prisma_migrations`.
//!
//! The checksum is SHA-256 of the file, in hex.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{Found, History, Trouble, cell};

/// Rows: name, finished, rolled back, checksum; by time.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    let mut found: Vec<(String, Found)> = files.iter().filter_map(script).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut applied = Vec::new();
    for row in rows {
        let [name, finished, rolled_back, checksum] = [0, 1, 2, 3].map(|at| cell(row, at));
        if !rolled_back.is_empty() {
            continue;
        }
        if finished.is_empty() {
            return Err(Trouble::Unclean(name.to_owned()));
        }
        let (_, file) = found
            .iter_mut()
            .find(|(of, _)| of == name)
            .ok_or_else(|| Trouble::NoFile(name.to_owned()))?;
        if freehold_engine::hex(&Sha256::digest(file.up.as_bytes())) != checksum {
            return Err(Trouble::Changed(name.to_owned()));
        }
        file.applied = true;
        applied.push(name);
    }
    Ok(History {
        last: applied
            .last()
            .map_or(String::new(), |name| (*name).to_owned()),
        applied: applied.len(),
        files: Some(found.into_iter().map(|(_, file)| file).collect()),
    })
}

fn script((path, text): &(PathBuf, String)) -> Option<(String, Found)> {
    if path.file_name()? != "migration.sql" {
        return None;
    }
    let folder = path.parent()?.file_name()?.to_str()?;
    let (version, name) = folder.split_once('_').unwrap_or((folder, "migration"));
    Some((
        folder.to_owned(),
        Found {
            version: version.to_owned(),
            name: name.to_owned(),
            up: text.clone(),
            down: None,
            applied: false,
        },
    ))
}
