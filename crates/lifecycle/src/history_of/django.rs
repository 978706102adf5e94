//! Django: `app/migrations/0001_initial.py`, and `django_migrations`. The files are Python, so the
//! present schema stands for them; one that is not applied has to be applied by Django first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{History, Trouble, cell};

/// Rows: app, name; in the order of their running.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    let applied: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (cell(row, 0), cell(row, 1)))
        .collect();
    let pending: Vec<String> = files
        .iter()
        .filter_map(|(path, _)| migration(path))
        .filter(|found| !applied.contains(found))
        .map(|(app, name)| format!("{app}.{name}"))
        .collect();
    if !pending.is_empty() {
        return Err(Trouble::Pending(pending));
    }
    Ok(History {
        last: rows.last().map_or(String::new(), |row| {
            format!("{}.{}", cell(row, 0), cell(row, 1))
        }),
        applied: rows.len(),
        files: None,
    })
}

/// `orders/migrations/0001_initial.py` → `orders`, `0001_initial`.
fn migration(path: &Path) -> Option<(&str, &str)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".py")?;
    let folder = path.parent()?;
    let numbered = name.len() > 4 && name.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    let app = folder.parent()?.file_name()?.to_str()?;
    (numbered && folder.file_name()? == "migrations").then_some((app, name))
}
