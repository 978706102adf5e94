//! Atlas: `20240101120000_orders.sql`, and `atlas_schema_revisions`, which stands in a schema of its
//! own name where Atlas was given a whole database.
//!
//! A revision's hash goes over all files up to it: SHA-256 of their names and texts, base64.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{Found, History, Trouble, cell, file_name};

/// Rows: version, description, applied, total, error, hash, type; by version.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    let mut found = scripts(files);
    // Rows with a dot are notes of its cloud service.
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| !cell(row, 0).starts_with('.'))
        .collect();
    for row in &rows {
        let [version, description, applied, total, error, hash, kind] =
            [0, 1, 2, 3, 4, 5, 6].map(|at| cell(row, at));
        let name = format!("{version} {description}").trim().to_owned();
        if kind == "1" {
            return Err(Trouble::Baseline(name));
        }
        if !error.is_empty() || applied != total {
            return Err(Trouble::Unclean(name));
        }
        let (file, sum) = found
            .iter_mut()
            .find(|(file, _)| file.version == version)
            .ok_or_else(|| Trouble::NoFile(name.clone()))?;
        if !hash.is_empty() && hash != sum {
            return Err(Trouble::Changed(name));
        }
        file.applied = true;
    }
    Ok(History {
        last: rows
            .last()
            .map_or(String::new(), |row| cell(row, 0).to_owned()),
        applied: rows.len(),
        files: Some(found.into_iter().map(|(file, _)| file).collect()),
    })
}

/// By name, each with the hash up to it.
fn scripts(files: &[(PathBuf, String)]) -> Vec<(Found, String)> {
    let mut files: Vec<_> = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    let mut sum = Sha256::new();
    files
        .into_iter()
        .map(|(path, text)| {
            let name = file_name(path);
            sum.update(name.as_bytes());
            sum.update(text.as_bytes());
            let stem = name.strip_suffix(".sql").unwrap_or(name);
            let (version, rest) = stem.split_once('_').unwrap_or((stem, ""));
            let found = Found {
                version: version.to_owned(),
                name: rest.to_owned(),
                up: text.clone(),
                down: None,
                applied: false,
            };
            (found, STANDARD.encode(sum.clone().finalize()))
        })
        .collect()
}
