//! `--verify-rollback`: up, down and up again on a scratch copy, looking after each step whether
//! the schema is what it was, and at the end whether the seeded rows are.
//!
//! The scratch copy is removed whatever happens; what a killed run left, the next one removes.

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::{Fault, Migration, Place};
use serde::Serialize;

use crate::each::each;
use crate::migrate::Migrating;
use crate::reach::Reach;
use crate::rows::{RowDigests, row_digests};
use crate::script::Script;
use crate::seed;
use crate::target::Target;
use crate::{Result, scratch};

/// What was proven of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Migrations whose down gave back what was before, oldest first.
    pub migrations: Vec<String>,
    /// Migrations that were not taken back: they have no down, or stand below one that has none.
    pub irreversible: Vec<String>,
    /// Seeds that gave the same rows both times.
    pub seeds: Vec<String>,
}

type Schema = BTreeMap<String, String>;

/// Proves the downs of all stores, eight stores at a time. The stores themselves are not touched.
///
/// # Errors
/// A down that does not give back what was (FH3212), an up that gives something else the second
/// time (FH3214), rows that differ (FH3215), or a script that fails.
pub async fn verify_rollback(targets: &[Target]) -> Result<Vec<Verified>> {
    each(targets, verify_one).await
}

async fn verify_one(target: &Target) -> Result<Verified> {
    let copy = scratch::of(target)?;
    let held = scratch::hold(&copy).await?;
    scratch::remove(&copy).await?;
    let verified = there_and_back(&copy).await;
    let removed = scratch::remove(&copy).await;
    drop(held);
    let verified = verified?;
    removed?;
    Ok(Verified {
        store: target.label(),
        ..verified
    })
}

async fn there_and_back(copy: &Target) -> Result<Verified> {
    let irreversible = copy
        .migrations
        .iter()
        .rposition(|script| script.down.is_none());
    let floor = irreversible.map_or(0, |at| at + 1);
    let mut rows = Vec::new();
    try_it(copy, floor, &mut rows).await?;
    if let [once, again] = &rows[..]
        && once != again
    {
        // What differs between two clean runs as well (the time, a random number) is not the down's.
        let mut control = Vec::new();
        scratch::remove(copy).await?;
        try_it(copy, copy.migrations.len(), &mut control).await?;
        same_rows(copy, once, again, &control[0])?;
    }
    let ids = |scripts: &[Script<Migration>]| scripts.iter().map(|it| it.id.clone()).collect();
    Ok(Verified {
        store: copy.label(),
        migrations: ids(&copy.migrations[floor..]),
        irreversible: ids(&copy.migrations[..floor]),
        seeds: copy.seeds.iter().map(|seed| seed.id.clone()).collect(),
    })
}

/// Makes the copy, then up, seeds, down to `floor`, up, seeds. `rows` gets what stands there after
/// the seeds, each time.
async fn try_it(copy: &Target, floor: usize, rows: &mut Vec<RowDigests>) -> Result<()> {
    let mut reach = Reach::open(copy).await?;
    scratch::make(&mut reach).await?;
    let mut migrating = Migrating::open_for_change(&mut reach).await?;
    let tried = try_as(&mut migrating, copy, floor, rows).await;
    let closed = migrating.close(&mut reach).await;
    tried?;
    closed
}

async fn try_as(
    migrating: &mut Migrating<'_>,
    copy: &Target,
    floor: usize,
    rows: &mut Vec<RowDigests>,
) -> Result<()> {
    let mut schemas = vec![migrating.schema().await?];
    for script in &copy.migrations {
        migrating.up(script, None).await?;
        schemas.push(migrating.schema().await?);
    }
    rows.push(seeded(migrating, copy).await?);
    if floor == copy.migrations.len() {
        return Ok(());
    }
    for at in (floor..copy.migrations.len()).rev() {
        let script = &copy.migrations[at];
        migrating.down(script, None).await?;
        let now = migrating.schema().await?;
        if let Some(found) = difference(&schemas[at], &now) {
            return Err(vec![not_restored(copy, script, &found)]);
        }
    }
    for at in floor..copy.migrations.len() {
        let script = &copy.migrations[at];
        migrating.up(script, None).await?;
        let now = migrating.schema().await?;
        if let Some(found) = difference(&schemas[at + 1], &now) {
            return Err(vec![not_repeated(copy, script, &found)]);
        }
    }
    rows.push(seeded(migrating, copy).await?);
    Ok(())
}

async fn seeded(migrating: &mut Migrating<'_>, copy: &Target) -> Result<RowDigests> {
    let seeds: Vec<_> = copy.seeds.iter().collect();
    seed::in_transaction(copy, migrating.connection(), &seeds, seed::Way::Up).await?;
    let live = migrating.look().await?;
    row_digests(copy, &live, migrating.connection()).await
}

/// One object that is not the same, and how.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    object: String,
    /// `missing:  constraint …`, `left over: column …`
    how: Vec<String>,
}

/// The first object that differs. The order of columns does not count: a column that comes back
/// comes last.
fn difference(before: &Schema, after: &Schema) -> Option<Difference> {
    let objects: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    objects.into_iter().find_map(|object| {
        let how = match (before.get(object), after.get(object)) {
            (Some(_), None) => vec!["missing:  all of it".to_owned()],
            (None, _) => vec!["left over: all of it".to_owned()],
            (Some(before), Some(after)) => {
                let (before, after) = (parts(before), parts(after));
                let only = |one: &[String], other: &[String], word: &str| {
                    one.iter()
                        .filter(|part| !other.contains(part))
                        .map(|part| format!("{word} {part}"))
                        .collect::<Vec<_>>()
                };
                let mut how = only(&before, &after, "missing: ");
                how.extend(only(&after, &before, "left over:"));
                if how.is_empty() && before.len() != after.len() {
                    how.push("a part of it is there twice".to_owned());
                }
                how
            }
        };
        (!how.is_empty()).then(|| Difference {
            object: object.clone(),
            how,
        })
    })
}

/// A definition's parts in an order of ours: its lines, or what stands between commas.
fn parts(definition: &str) -> Vec<String> {
    let one_line = !definition.contains('\n') && definition.starts_with("CREATE TABLE");
    let pieces: Vec<&str> = match definition.split_once('(').filter(|_| one_line) {
        Some((head, rest)) => {
            let (body, tail) = rest.rsplit_once(')').unwrap_or((rest, ""));
            [head, tail].into_iter().chain(body.split(" , ")).collect()
        }
        None => definition.lines().collect(),
    };
    let mut parts: Vec<_> = pieces
        .into_iter()
        .map(|piece| piece.trim().trim_end_matches(',').to_owned())
        .filter(|piece| !piece.is_empty())
        .collect();
    parts.sort();
    parts
}

fn same_rows(
    copy: &Target,
    once: &RowDigests,
    again: &RowDigests,
    control: &RowDigests,
) -> Result<()> {
    let differ: Vec<_> = once
        .iter()
        .filter(|(key, digest)| {
            again.get(*key) != Some(digest) && control.get(*key) == Some(digest)
        })
        .map(|(key, _)| key.as_str())
        .collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(vec![
        Fault::new(
            "FH3215",
            format!("{}: after up, down and up the seeds give other rows: {}", store(copy), differ.join(", ")),
        )
        .help("a down leaves rows of its migration behind, or a seed does not put back what it finds changed"),
    ])
}

fn not_restored(copy: &Target, script: &Script<Migration>, found: &Difference) -> Fault {
    let fault = Fault::new(
        "FH3212",
        format!(
            "{}: the down of migration {} does not give back what was before: {} differs",
            store(copy),
            script.id,
            found.object
        ),
    );
    let file = script.file.down_file.as_ref();
    let fault = match file {
        Some(file) => fault.at(beginning(file)),
        None => fault,
    };
    told(fault, found)
        .help("go on:    mend the down; nothing was changed but the scratch copy, which is gone")
}

fn not_repeated(copy: &Target, script: &Script<Migration>, found: &Difference) -> Fault {
    let fault = Fault::new(
        "FH3214",
        format!(
            "{}: after its down, the up of migration {} gives something else than the first time: {} differs",
            store(copy),
            script.id,
            found.object
        ),
    );
    told(fault.at(beginning(&script.file.up_file)), found)
        .help("go on:    an up must not depend on what its own down left behind (IF NOT EXISTS, names made by the server)")
}

fn told(fault: Fault, found: &Difference) -> Fault {
    found
        .how
        .iter()
        .take(6)
        .fold(fault, |fault, line| fault.help(line.clone()))
}

fn beginning(file: &std::path::Path) -> Place {
    Place {
        file: file.to_owned(),
        line: 1,
        column: 1,
    }
}

/// The store that this is a copy of.
fn store(copy: &Target) -> String {
    copy.label().replace("~scratch", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(objects: &[(&str, &str)]) -> Schema {
        let objects = objects.iter();
        objects
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn found(before: &str, after: &str) -> Option<Vec<String>> {
        let found = difference(
            &schema(&[("table t", before)]),
            &schema(&[("table t", after)]),
        );
        found.map(|found| found.how)
    }

    #[test]
    fn the_order_of_columns_does_not_count() {
        assert_eq!(found("r\n  a int\n  b text", "r\n  b text\n  a int"), None);
        assert_eq!(
            found(
                "CREATE TABLE t ( a INTEGER , b TEXT )",
                "CREATE TABLE t ( b TEXT , a INTEGER )"
            ),
            None
        );
        assert_eq!(
            found(
                "CREATE TABLE `t` (\n  `a` int,\n  `b` int\n)",
                "CREATE TABLE `t` (\n  `b` int,\n  `a` int\n)"
            ),
            None
        );
    }

    #[test]
    fn what_is_missing_or_left_over_is_named() {
        assert_eq!(
            found("r\n  a int NOT NULL", "r\n  a int"),
            Some(vec![
                "missing:  a int NOT NULL".into(),
                "left over: a int".into()
            ])
        );
        assert_eq!(
            found(
                "CREATE TABLE t ( a INTEGER )",
                "CREATE TABLE t ( a INTEGER , b TEXT )"
            ),
            Some(vec!["left over: b TEXT".into()])
        );
        assert!(
            found(
                "CREATE TABLE t ( a INTEGER ) STRICT",
                "CREATE TABLE t ( a INTEGER )"
            )
            .is_some()
        );
        let gone = difference(&schema(&[("index i", "x")]), &schema(&[]));
        assert_eq!(gone.map(|gone| gone.object), Some("index i".into()));
    }
}
