//! Flyway: `V1__orders.sql`, `U1__orders.sql`, `R__views.sql`, and `flyway_schema_history`.
//!
//! Source of the checksum: Flyway's `ChecksumCalculator`: CRC-32 over the lines without their ends.

use std::cmp::Ordering;
use std::path::PathBuf;

use super::{Found, History, Trouble, cell, file_name};

/// Rows: version, description, type, script, checksum, success; in the order of their running.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    let mut found: Vec<Found> = Vec::new();
    let mut repeatable: Vec<(String, Found)> = Vec::new();
    for row in rows {
        let [version, description, kind, script, checksum, success] =
            [0, 1, 2, 3, 4, 5].map(|at| cell(row, at));
        if success != "1" {
            return Err(Trouble::Unclean(script.to_owned()));
        }
        match kind {
            "SQL" => {}
            "BASELINE" | "SQL_BASELINE" => return Err(Trouble::Baseline(version.to_owned())),
            "SCHEMA" => continue,
            "DELETE" => {
                found.retain(|file| file.version != version);
                continue;
            }
            undo if undo.starts_with("UNDO") => {
                found.retain(|file| file.version != version);
                continue;
            }
            other => return Err(Trouble::NoFile(format!("{script} ({other})"))),
        }
        let up = files
            .iter()
            .find(|(path, _)| file_name(path) == script.rsplit('/').next().unwrap_or(script))
            .map(|(_, text)| text)
            .ok_or_else(|| Trouble::NoFile(script.to_owned()))?;
        if !checksum.is_empty() && checksum.parse() != Ok(crc32_of_lines(up).cast_signed()) {
            return Err(Trouble::Changed(script.to_owned()));
        }
        placeholders(script, up)?;
        let file = Found {
            version: version.to_owned(),
            name: description.to_owned(),
            up: up.clone(),
            down: undo_of(files, version),
            applied: true,
        };
        if version.is_empty() {
            // Only its last run counts.
            repeatable.retain(|(known, _)| known != script);
            repeatable.push((script.to_owned(), file));
        } else {
            found.push(file);
        }
    }
    let last = found
        .last()
        .map_or(String::new(), |file| file.version.clone());
    let applied = found.len() + repeatable.len();
    let mut pending = pending(files, &found)?;
    pending.sort_by(|a, b| compare(&a.version, &b.version));
    found.sort_by(|a, b| compare(&a.version, &b.version));
    found.extend(repeatable.into_iter().map(|(_, file)| file));
    found.extend(pending);
    Ok(History {
        last,
        applied,
        files: Some(found),
    })
}

fn pending(files: &[(PathBuf, String)], found: &[Found]) -> Result<Vec<Found>, Trouble> {
    let mut pending = Vec::new();
    for (path, text) in files {
        let Some((version, name)) = versioned(file_name(path), 'V') else {
            continue;
        };
        if found
            .iter()
            .any(|file| compare(&file.version, &version) == Ordering::Equal)
        {
            continue;
        }
        placeholders(file_name(path), text)?;
        pending.push(Found {
            down: undo_of(files, &version),
            version,
            name,
            up: text.clone(),
            applied: false,
        });
    }
    Ok(pending)
}

fn placeholders(script: &str, text: &str) -> Result<(), Trouble> {
    if text.contains("${") {
        return Err(Trouble::NoFile(format!(
            "{script} (it has placeholders `${{…}}`)"
        )));
    }
    Ok(())
}

fn undo_of(files: &[(PathBuf, String)], version: &str) -> Option<String> {
    let undo = files.iter().find(|(path, _)| {
        versioned(file_name(path), 'U')
            .is_some_and(|(of, _)| compare(&of, version) == Ordering::Equal)
    });
    undo.map(|(_, text)| text.clone())
}

/// `V1_2__add_status.sql` → `1.2`, `add status`.
fn versioned(name: &str, prefix: char) -> Option<(String, String)> {
    let (version, rest) = name
        .strip_prefix(prefix)?
        .strip_suffix(".sql")?
        .split_once("__")?;
    let numeric = version
        .chars()
        .all(|c| c.is_ascii_digit() || c == '.' || c == '_');
    (numeric && !version.is_empty()).then(|| (version.replace('_', "."), rest.replace('_', " ")))
}

/// Part by part; `1` and `1.0` are the same version.
fn compare(a: &str, b: &str) -> Ordering {
    let parts = |version: &str| {
        let mut parts: Vec<u64> = version
            .split(['.', '_'])
            .map(|part| part.parse().unwrap_or(0))
            .collect();
        while parts.last() == Some(&0) {
            parts.pop();
        }
        parts
    };
    parts(a).cmp(&parts(b))
}

fn crc32_of_lines(text: &str) -> u32 {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let bytes = text
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).bytes());
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
