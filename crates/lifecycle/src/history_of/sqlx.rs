//! sqlx: `20240101120000_orders.sql` or `.up.sql` with `.down.sql`, and `_sqlx_migrations`.
//!
//! The checksum is SHA-384 of the file.

use std::path::PathBuf;

use sha2::{Digest as _, Sha384};

use super::{Found, History, Trouble, cell, file_name};

/// Rows: version, description, success, checksum in hex; by version.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    let mut found = scripts(files);
    for row in rows {
        let [version, description, success, checksum] = [0, 1, 2, 3].map(|at| cell(row, at));
        let name = format!("{version} {description}");
        if success != "1" {
            return Err(Trouble::Unclean(name));
        }
        let number = version.parse::<i64>().ok();
        let file = found
            .iter_mut()
            .find(|file| file.version.parse::<i64>().ok() == number)
            .ok_or_else(|| Trouble::NoFile(name.clone()))?;
        if freehold_engine::hex(&Sha384::digest(file.up.as_bytes())) != checksum {
            return Err(Trouble::Changed(name));
        }
        file.applied = true;
    }
    Ok(History {
        last: rows
            .last()
            .map_or(String::new(), |row| cell(row, 0).to_owned()),
        applied: rows.len(),
        files: Some(found),
    })
}

fn scripts(files: &[(PathBuf, String)]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (path, text) in files {
        let Some(stem) = file_name(path).strip_suffix(".sql") else {
            continue;
        };
        let stem = match stem.strip_suffix(".up") {
            Some(stem) => stem,
            None if stem.strip_suffix(".down").is_some() => continue,
            None => stem,
        };
        let (version, name) = stem.split_once('_').unwrap_or((stem, "migration"));
        if version.parse::<i64>().is_err() {
            continue;
        }
        let down = format!("{stem}.down.sql");
        let down = files.iter().find(|(other, _)| file_name(other) == down);
        found.push(Found {
            version: version.to_owned(),
            name: name.to_owned(),
            up: text.clone(),
            down: down.map(|(_, text)| text.clone()),
            applied: false,
        });
    }
    found.sort_by_key(|file| file.version.parse::<i64>().unwrap_or_default());
    found
}
