//! Alembic: `versions/1975ea83b712_orders.py`, and `alembic_version`, which holds the heads only. The
//! files are Python, so the present schema stands for them; the heads of the files have to be the
//! store's.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{History, Trouble, cell};

/// Rows: version.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    let here: BTreeSet<&str> = rows.iter().map(|row| cell(row, 0)).collect();
    let mut revisions = BTreeSet::new();
    let mut followed = BTreeSet::new();
    for (path, text) in files {
        if path.extension().is_none_or(|ending| ending != "py") {
            continue;
        }
        revisions.extend(assigned(text, "revision"));
        followed.extend(assigned(text, "down_revision"));
    }
    let pending: Vec<String> = revisions
        .difference(&followed)
        .filter(|head| !here.contains(*head))
        .map(|head| (*head).to_owned())
        .collect();
    if !pending.is_empty() {
        return Err(Trouble::Pending(pending));
    }
    if let Some(unknown) = here
        .iter()
        .find(|version| !revisions.is_empty() && !revisions.contains(*version))
    {
        return Err(Trouble::NoFile((*unknown).to_owned()));
    }
    Ok(History {
        last: here.into_iter().collect::<Vec<_>>().join(", "),
        applied: revisions.len().max(rows.len()),
        files: None,
    })
}

/// The texts that a line `name = 'a'`, `name: str = 'a'`, `name = ('a', 'b')` assigns.
fn assigned<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', ':', '=']))
    });
    let Some((_, value)) = line.and_then(|line| line.split_once('=')) else {
        return Vec::new();
    };
    let quote = if value.contains('"') { '"' } else { '\'' };
    value.split(quote).skip(1).step_by(2).collect()
}
