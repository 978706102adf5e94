//! Migrations and seeds as statements: split, fingerprinted, and checked before anything is sent.
//!
//! Pure. What a statement does is asked of `freehold_sql`; here is what a migration may not do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use freehold_engine::Want;
use freehold_model::{Fault, Isolation, Migration, Place, Seed};
use freehold_sql::{Action, Dialect, Facts, Kind, facts, fingerprint, split};

use crate::{batches, phase};

/// One statement of a script.
#[derive(Debug, Clone)]
pub struct Line {
    /// The statement without its terminator.
    pub sql: String,
    /// Where it begins.
    pub place: Place,
    /// What it says about itself.
    pub facts: Facts,
}

/// A migration or seed, split; `down` likewise.
#[derive(Debug, Clone)]
pub struct Script<T> {
    /// The file's noun.
    pub file: T,
    /// `0003_status`
    pub id: String,
    /// Its statements.
    pub up: Vec<Line>,
    /// Fingerprint of the up, comments and white space ignored.
    pub checksum: String,
    /// The reverse; `None`: irreversible.
    pub down: Option<Vec<Line>>,
    /// Fingerprint of the down.
    pub down_checksum: Option<String>,
}

impl Script<Migration> {
    /// Does it have to run outside a transaction?
    pub fn outside_transaction(&self, lines: &[Line]) -> bool {
        self.file.no_transaction || lines.iter().any(|line| line.facts.outside_transaction)
    }
}

/// Splits and checks migrations; what is wrong is added to `faults`.
pub fn migrations(
    dialect: Dialect,
    want: &Want,
    files: Vec<Migration>,
    faults: &mut Vec<Fault>,
) -> Vec<Script<Migration>> {
    let scripts = files.into_iter().map(|file| {
        let up = lines(dialect, &file.up, &file.up_file, faults);
        let down = file.down.as_deref().zip(file.down_file.as_deref());
        let down = down.map(|(text, path)| lines(dialect, text, path, faults));
        for line in up.iter().chain(down.iter().flatten()) {
            faults.extend(refused_anywhere(line));
        }
        for line in &up {
            faults.extend(refused_in_migration(want, line));
        }
        faults.extend(phase::faults(dialect, &file, &up));
        faults.extend(batches::faults(dialect, &file, &up, down.as_deref()));
        if dialect.is_mysql_like() {
            let all = up.iter().chain(down.iter().flatten());
            faults.extend(all.filter_map(refused_where_ddl_commits));
        }
        Script {
            id: file.id(),
            checksum: fingerprint(dialect, &file.up).to_string(),
            down_checksum: file
                .down
                .as_deref()
                .map(|text| fingerprint(dialect, text).to_string()),
            up,
            down,
            file,
        }
    });
    scripts.collect()
}

/// Splits and checks seeds; what is wrong is added to `faults`.
pub fn seeds(dialect: Dialect, files: Vec<Seed>, faults: &mut Vec<Fault>) -> Vec<Script<Seed>> {
    let scripts = files.into_iter().map(|file| {
        let up = lines(dialect, &file.up, &file.up_file, faults);
        let down = file.down.as_deref().zip(file.down_file.as_deref());
        let down = down.map(|(text, path)| lines(dialect, text, path, faults));
        for line in up.iter().chain(down.iter().flatten()) {
            faults.extend(refused_anywhere(line));
            faults.extend(refused_in_seed(line));
        }
        Script {
            id: format!("{:02}_{}", file.number, file.name),
            checksum: fingerprint(dialect, &file.up).to_string(),
            down_checksum: file
                .down
                .as_deref()
                .map(|text| fingerprint(dialect, text).to_string()),
            up,
            down,
            file,
        }
    });
    scripts.collect()
}

/// The tables that are there after these migrations, by name.
pub fn tables_after(migrations: &[Script<Migration>]) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for line in migrations.iter().flat_map(|migration| &migration.up) {
        for table in &line.facts.drops {
            tables.remove(&table.name);
        }
        for (from, to) in &line.facts.renames {
            if tables.remove(&from.name) {
                tables.insert(to.name.clone());
            }
        }
        tables.extend(line.facts.creates.iter().map(|table| table.name.clone()));
    }
    tables
}

/// Foreign keys that leave the service: the boundary does not end at the schema's edge.
pub fn foreign_keys_out(
    want: &Want,
    migrations: &[Script<Migration>],
    own: &BTreeSet<String>,
    owners: &BTreeMap<&str, &str>,
) -> Vec<Fault> {
    let lines = migrations.iter().flat_map(|migration| &migration.up);
    let keys = lines.flat_map(|line| line.facts.foreign_keys.iter().map(move |key| (line, key)));
    keys.filter_map(|(line, key)| {
        let target = &key.references;
        let elsewhere = target.schema.as_ref().is_some_and(|schema| *schema != want.spot.schema && *schema != want.spot.database);
        let owner = owners.get(target.name.as_str()).copied();
        if !elsewhere && (own.contains(&target.name) || owner.is_none() || owner == Some(want.service.as_str())) {
            return None;
        }
        let whose = owner.map_or_else(|| "somebody else".to_owned(), |service| format!("service {service}"));
        let fault = Fault::new(
            "FH1240",
            format!("{}: `{}` has a foreign key to `{target}`, which belongs to {whose}", want.label(), key.table.name),
        );
        Some(
            fault
                .at(line.place.clone())
                .help("keep the other service's id as a plain column; what has to be known of it comes as a copy of its events"),
        )
    })
    .collect()
}

pub(crate) fn lines(
    dialect: Dialect,
    text: &str,
    file: &Path,
    faults: &mut Vec<Fault>,
) -> Vec<Line> {
    match split(dialect, text) {
        Ok(statements) => statements
            .into_iter()
            .map(|statement| Line {
                facts: facts(dialect, &statement.text),
                place: Place {
                    file: file.to_owned(),
                    line: statement.line,
                    column: statement.column,
                },
                sql: statement.text,
            })
            .collect(),
        Err(error) => {
            faults.push(error.fault(file));
            Vec::new()
        }
    }
}

/// A transaction of the file's own would commit half of ours.
fn refused_anywhere(line: &Line) -> Option<Fault> {
    (line.facts.kind == Kind::Transaction).then(|| {
        Fault::new("FH1241", format!("`{}` in a script that runs in a transaction of ours", first_words(&line.sql)))
            .at(line.place.clone())
            .help("take it out; a migration that cannot run in a transaction says `-- freehold: no_transaction` at its top")
    })
}

/// Such a drop may be cut off between two tables, and then nobody can tell how far it came.
fn refused_where_ddl_commits(line: &Line) -> Option<Fault> {
    (line.facts.drops.len() > 1).then(|| {
        Fault::new(
            "FH1246",
            "one DROP of several tables cannot be resumed after a crash",
        )
        .at(line.place.clone())
        .help("write one DROP statement for each table")
    })
}

fn refused_in_seed(line: &Line) -> Option<Fault> {
    (line.facts.kind == Kind::Ddl && line.facts.implicit_commit || line.facts.outside_transaction)
        .then(|| {
            Fault::new(
                "FH1242",
                format!(
                    "`{}` in a seed: it would commit half of it",
                    first_words(&line.sql)
                ),
            )
            .at(line.place.clone())
            .help("seeds hold data only; move it into a migration")
        })
}

fn refused_in_migration(want: &Want, line: &Line) -> Vec<Fault> {
    let mut faults = Vec::new();
    for table in &line.facts.creates {
        if want.isolation == Isolation::Tables
            && !want.spot.prefix.is_empty()
            && !table.name.starts_with(&want.spot.prefix)
        {
            faults.push(
                Fault::new("FH1243", format!("{}: table `{}` does not begin with `{}`", want.label(), table.name, want.spot.prefix))
                    .at(line.place.clone())
                    .help("at isolation `tables` a service is told apart by its prefix; rename the table, or choose `schema` or `database`"),
            );
        }
        if want.spot.is_own(&table.name) {
            faults.push(
                Fault::new(
                    "FH1244",
                    format!(
                        "{}: the name `{}` is kept for freehold's own tables",
                        want.label(),
                        table.name
                    ),
                )
                .at(line.place.clone())
                .help("choose another name"),
            );
        }
        let here = [want.spot.schema.as_str(), want.spot.database.as_str()];
        if let Some(schema) = table
            .schema
            .as_deref()
            .filter(|schema| !here.contains(schema))
        {
            faults.push(
                Fault::new(
                    "FH1245",
                    format!(
                        "{}: `{table}` is made in `{schema}`, outside the service's store",
                        want.label()
                    ),
                )
                .at(line.place.clone())
                .help("leave the schema out: names resolve to the service's own store"),
            );
        }
    }
    for key in &line.facts.foreign_keys {
        let hole = [key.on_delete, key.on_update].iter().any(|action| {
            matches!(
                action,
                Action::Cascade | Action::SetNull | Action::SetDefault
            )
        });
        if hole && want.append_only.contains(&key.table.name) {
            faults.push(
                Fault::new(
                    "FH3104",
                    format!(
                        "{}: `{}` is append-only, and its foreign key to `{}` would delete or rewrite its rows",
                        want.label(),
                        key.table.name,
                        key.references
                    ),
                )
                .at(line.place.clone())
                .help("use ON DELETE RESTRICT (or NO ACTION), or take `append_only` back"),
            );
        }
    }
    faults
}

fn first_words(sql: &str) -> String {
    sql.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
