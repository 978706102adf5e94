//! Liquibase: change sets in SQL, XML or YAML, and `databasechangelog`. A change set that is no SQL
//! is written for every kind of database, so the present schema stands for all of them; one that
//! is not applied has to be applied by Liquibase first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{History, Trouble, cell};

/// Rows: id, author, file, how it ended; in the order of their running.
pub(super) fn history(
    files: &[(PathBuf, String)],
    rows: &[Vec<String>],
) -> Result<History, Trouble> {
    for row in rows {
        if cell(row, 3) == "FAILED" {
            return Err(Trouble::Unclean(format!(
                "{}:{}",
                cell(row, 1),
                cell(row, 0)
            )));
        }
    }
    let applied: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (cell(row, 1), cell(row, 0)))
        .collect();
    let sets = files
        .iter()
        .flat_map(|(path, text)| change_sets(path, text));
    let pending: Vec<String> = sets
        .filter(|(author, id)| !applied.contains(&(author.as_str(), id.as_str())))
        .map(|(author, id)| format!("{author}:{id}"))
        .collect();
    if !pending.is_empty() {
        return Err(Trouble::Pending(pending));
    }
    Ok(History {
        last: rows.last().map_or(String::new(), |row| {
            format!("{}:{}", cell(row, 1), cell(row, 0))
        }),
        applied: rows.len(),
        files: None,
    })
}

/// Author and id of each change set that the text declares.
fn change_sets(path: &Path, text: &str) -> Vec<(String, String)> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("sql") => text.lines().filter_map(in_sql).collect(),
        Some("xml") => text
            .split("<changeSet")
            .skip(1)
            .filter_map(in_xml)
            .collect(),
        Some("yaml" | "yml") => text
            .split("changeSet:")
            .skip(1)
            .filter_map(in_yaml)
            .collect(),
        _ => Vec::new(),
    }
}

/// `--changeset ana:1 labels:x`
fn in_sql(line: &str) -> Option<(String, String)> {
    let rest = line.trim_start().strip_prefix("--")?.trim_start();
    let word = rest
        .get(..10)
        .filter(|word| word.eq_ignore_ascii_case("changeset "))?;
    let (author, id) = rest[word.len()..]
        .split_whitespace()
        .next()?
        .split_once(':')?;
    Some((author.to_owned(), id.to_owned()))
}

fn in_xml(after: &str) -> Option<(String, String)> {
    let tag = after.split('>').next()?;
    let value = |name: &str| {
        let rest = tag
            .split(&format!(" {name}="))
            .nth(1)
            .or_else(|| tag.split(&format!("\n{name}=")).nth(1))?;
        let quote = rest.chars().next()?;
        rest[1..].split(quote).next().map(str::to_owned)
    };
    Some((value("author")?, value("id")?))
}

fn in_yaml(after: &str) -> Option<(String, String)> {
    let value = |name: &str| {
        let line = after
            .lines()
            .map(str::trim)
            .find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    Some((value("author:")?, value("id:")?))
}
