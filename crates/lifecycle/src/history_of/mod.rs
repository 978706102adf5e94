//! What another tool applied to a store, read from its own table, and its files as migrations.
//!
//! One file per tool. Pure but for [`take`], which asks the store. Tools whose files are SQL hand
//! them over one by one; for the others the present schema is written down, and their history is
//! kept in the ledger as where it came from.

use std::path::{Path, PathBuf};

use freehold_engine::{ErrorKind, Rows, Value, Want};
use freehold_model::{Fault, Migration};
use freehold_sql::Dialect;
use serde::Serialize;

use crate::Result;
use crate::reach::Reach;

mod alembic;
mod atlas;
mod django;
mod flyway;
mod liquibase;
mod prisma;
mod sqlx;

/// A tool that changes schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    Flyway,
    Liquibase,
    Sqlx,
    Atlas,
    Prisma,
    Django,
    Alembic,
}

impl Tool {
    /// Each tool.
    pub const ALL: [Self; 7] = [
        Self::Flyway,
        Self::Liquibase,
        Self::Sqlx,
        Self::Atlas,
        Self::Prisma,
        Self::Django,
        Self::Alembic,
    ];

    /// As people and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flyway => "flyway",
            Self::Liquibase => "liquibase",
            Self::Sqlx => "sqlx",
            Self::Atlas => "atlas",
            Self::Prisma => "prisma",
            Self::Django => "django",
            Self::Alembic => "alembic",
        }
    }

    /// The tool of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Where its files usually are, below the service's folder; the first that is there counts.
    pub fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Flyway => &[
                "src/main/resources/db/migration",
                "db/migration",
                "sql",
                "migrations",
            ],
            Self::Liquibase => &[
                "src/main/resources/db/changelog",
                "db/changelog",
                "changelog",
                "migrations",
            ],
            Self::Prisma => &["prisma/migrations", "migrations"],
            Self::Alembic => &["alembic/versions", "migrations/versions"],
            Self::Django => &["."],
            Self::Sqlx | Self::Atlas => &["migrations"],
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Flyway => "flyway_schema_history",
            Self::Liquibase => "databasechangelog",
            Self::Sqlx => "_sqlx_migrations",
            Self::Atlas => "atlas_schema_revisions",
            Self::Prisma => "_prisma_migrations",
            Self::Django => "django_migrations",
            Self::Alembic => "alembic_version",
        }
    }
}

/// A tool and the text files of its folder.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The tool.
    pub tool: Tool,
    /// Its files with their paths below its folder.
    pub files: Vec<(PathBuf, String)>,
}

/// What was read of a tool's own record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Took {
    /// The tool.
    pub tool: Tool,
    /// Its table.
    pub table: String,
    /// How many migrations it had applied.
    pub applied: usize,
    /// The newest, in its own words.
    pub last: String,
}

/// A tool's migration: its name, and its files where they are SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    version: String,
    name: String,
    up: String,
    down: Option<String>,
    applied: bool,
}

/// What a tool's record says together with its files.
#[derive(Debug, PartialEq, Eq)]
struct History {
    /// The newest, in the tool's words.
    last: String,
    /// How many are applied.
    applied: usize,
    /// In order; `None`: its files are no SQL.
    files: Option<Vec<Found>>,
}

/// Reads a tool's record from the store. The migrations come with whether they are applied; `None`:
/// the present schema has to stand for them.
pub(crate) async fn take(
    reach: &mut Reach<'_>,
    origin: &Origin,
) -> Result<(Took, Option<Vec<(Migration, bool)>>)> {
    let target = reach.target;
    let (rows, table) = rows(reach, origin.tool).await?;
    let history = history(origin, &rows);
    let history = history.map_err(|trouble| vec![trouble.fault(&target.label(), origin.tool)])?;
    let took = Took {
        tool: origin.tool,
        table,
        applied: history.applied,
        last: history.last,
    };
    Ok((
        took,
        history.files.map(|files| numbered(origin.tool, files)),
    ))
}

/// A tool's record as one text, to tell whether it ran something; empty where it has none yet.
pub(crate) async fn record(reach: &mut Reach<'_>, tool: Tool) -> Result<String> {
    match rows(reach, tool).await {
        Ok((rows, _)) => Ok(rows.iter().map(|row| row.join("\t") + "\n").collect()),
        Err(faults) if faults.iter().all(|fault| fault.code == "FH3238") => Ok(String::new()),
        Err(faults) => Err(faults),
    }
}

fn history(origin: &Origin, rows: &[Vec<String>]) -> std::result::Result<History, Trouble> {
    match origin.tool {
        Tool::Flyway => flyway::history(&origin.files, rows),
        Tool::Liquibase => liquibase::history(&origin.files, rows),
        Tool::Sqlx => sqlx::history(&origin.files, rows),
        Tool::Atlas => atlas::history(&origin.files, rows),
        Tool::Prisma => prisma::history(&origin.files, rows),
        Tool::Django => django::history(&origin.files, rows),
        Tool::Alembic => alembic::history(&origin.files, rows),
    }
}

/// What keeps a history from being taken over.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// A migration of the tool failed or is half applied.
    Unclean(String),
    /// Applied, and its file is not there, or is no SQL.
    NoFile(String),
    /// Its file was changed after it was applied.
    Changed(String),
    /// Not applied, and its file is no SQL.
    Pending(Vec<String>),
    /// What stood before the tool's first migration is in no file.
    Baseline(String),
}

impl Trouble {
    fn fault(self, label: &str, tool: Tool) -> Fault {
        let tool = tool.name();
        let schema =
            "or leave `--from` out: the present schema is then written as 0001_adopted.up.sql";
        match self {
            Self::Unclean(what) => {
                Fault::new("FH3239", format!("{label}: {tool} did not finish {what}")).help(
                    format!("mend it with {tool} first, then run the command again"),
                )
            }
            Self::NoFile(what) => Fault::new(
                "FH3240",
                format!("{label}: {tool} applied {what}, and there is no SQL file of it"),
            )
            .help("name the folder with its files: --files DIR")
            .help(schema),
            Self::Changed(what) => Fault::new(
                "FH3241",
                format!("{label}: {what} was changed after {tool} applied it"),
            )
            .help("bring the file back as it was")
            .help(schema),
            Self::Pending(what) => Fault::new(
                "FH3242",
                format!(
                    "{label}: {tool} has not applied {} yet, and freehold cannot: it is no SQL",
                    what.join(", ")
                ),
            )
            .help(format!(
                "apply it with {tool} first, then run the command again"
            )),
            Self::Baseline(what) => Fault::new(
                "FH3243",
                format!(
                    "{label}: {tool} began at the baseline {what}: what stood before is in no file"
                ),
            )
            .help("leave `--from` out: the present schema is then written as 0001_adopted.up.sql"),
        }
    }
}

/// The rows of the tool's table as text, and its name as found.
async fn rows(reach: &mut Reach<'_>, tool: Tool) -> Result<(Vec<Vec<String>>, String)> {
    let target = reach.target;
    let dialect = target.engine.dialect();
    for table in tables(dialect, &target.want, tool) {
        let sql = query(dialect, tool, &table);
        let store = reach.store().await?;
        match store.query(&sql, &[]).await {
            Ok(rows) => return Ok((texts(&rows), tool.table().to_owned())),
            Err(error) if error.kind == ErrorKind::Missing => {}
            Err(error) => return Err(reach.fault(&error.during(format!("read {table}")))),
        }
    }
    Err(vec![
        Fault::new(
            "FH3238",
            format!(
                "{}: there is no table {} in {}: {} never ran here",
                target.label(),
                tool.table(),
                target.name,
                tool.name()
            ),
        )
        .help("see which tool made the schema, or leave `--from` out"),
    ])
}

/// Where the table may stand, as SQL.
fn tables(dialect: Dialect, want: &Want, tool: Tool) -> Vec<String> {
    let quote = |name: &str| freehold_sql::quote_ident(dialect, name).unwrap_or_default();
    let name = quote(tool.table());
    let upper = quote(&tool.table().to_uppercase());
    match dialect {
        Dialect::Postgres => vec![
            format!("{}.{name}", quote(&want.spot.schema)),
            format!("{name}.{name}"),
        ],
        Dialect::Sqlite => vec![name],
        _ => [name, upper]
            .map(|name| format!("{}.{name}", quote(&want.spot.database)))
            .into(),
    }
}

fn query(dialect: Dialect, tool: Tool, table: &str) -> String {
    let text = |column: &str| match dialect {
        Dialect::Postgres | Dialect::Sqlite => format!("CAST({column} AS TEXT)"),
        _ => format!("CAST({column} AS CHAR)"),
    };
    let hex = |column: &str| match dialect {
        Dialect::Postgres => format!("encode({column}, 'hex')"),
        _ => format!("lower(hex({column}))"),
    };
    let truth = |column: &str| format!("CASE WHEN {column} THEN '1' ELSE '0' END");
    let (columns, order) = match tool {
        Tool::Flyway => (
            [
                text("version"),
                text("description"),
                text("type"),
                text("script"),
                text("checksum"),
                truth("success"),
            ]
            .join(", "),
            "installed_rank",
        ),
        Tool::Liquibase => (
            ["id", "author", "filename", "exectype"]
                .map(text)
                .join(", "),
            "orderexecuted",
        ),
        Tool::Sqlx => (
            [
                text("version"),
                text("description"),
                truth("success"),
                hex("checksum"),
            ]
            .join(", "),
            "version",
        ),
        Tool::Atlas => (
            [
                "version",
                "description",
                "applied",
                "total",
                "error",
                "hash",
                "type",
            ]
            .map(text)
            .join(", "),
            "version",
        ),
        Tool::Prisma => (
            [
                "migration_name",
                "finished_at",
                "rolled_back_at",
                "checksum",
            ]
            .map(text)
            .join(", "),
            "started_at",
        ),
        Tool::Django => (["app", "name"].map(text).join(", "), "id"),
        Tool::Alembic => (text("version_num"), "version_num"),
    };
    format!("SELECT {columns} FROM {table} ORDER BY {order}")
}

/// NULL is an empty text: no tool here tells the two apart.
fn texts(rows: &Rows) -> Vec<Vec<String>> {
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::I64(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::F64(number) => number.to_string(),
        Value::Null => String::new(),
    };
    rows.iter()
        .map(|row| row.iter().map(text).collect())
        .collect()
}

/// The tool's own numbers where they fit into four digits, so that people still find theirs; else
/// by position.
fn numbered(tool: Tool, files: Vec<Found>) -> Vec<(Migration, bool)> {
    let own: Option<Vec<u32>> = files
        .iter()
        .map(|file| {
            file.version
                .parse()
                .ok()
                .filter(|number| (1..=9999).contains(number))
        })
        .collect();
    let own = own.filter(|numbers| numbers.is_sorted_by(|a, b| a < b));
    let numbers = own.unwrap_or_else(|| (1..).take(files.len()).collect());
    let both = numbers.into_iter().zip(files);
    both.map(|(number, file)| {
        let head = format!(
            "-- {} {} {}, taken over by freehold.\n",
            tool.name(),
            file.version,
            file.name
        );
        let migration = migration(number, &plain(&file.name), head + &file.up, file.down);
        (migration, file.applied)
    })
    .collect()
}

/// A name as files have it: small letters, digits, underscores.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.ends_with('_') && !plain.is_empty() {
            plain.push('_');
        }
    }
    let plain = plain.trim_end_matches('_');
    if plain.is_empty() {
        "migration".to_owned()
    } else {
        plain.to_owned()
    }
}

/// A migration that is no file yet.
pub(crate) fn migration(number: u32, name: &str, up: String, down: Option<String>) -> Migration {
    let file = |way: &str| PathBuf::from(format!("{number:04}_{name}.{way}.sql"));
    Migration {
        number,
        name: name.to_owned(),
        up,
        up_file: file("up"),
        down_file: down.is_some().then(|| file("down")),
        down,
        phase: None,
        no_transaction: false,
        batch: None,
        lock_timeout: None,
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn cell(row: &[String], at: usize) -> &str {
    row.get(at).map_or("", String::as_str)
}
