//! One file, read: the tables that it touches, the models that it makes, the constants it has.
//!
//! Owns the way from bytes to [`FileScan`]. Pure, and knows no owner: [`crate::judge`] does.

use std::path::{Path, PathBuf};

use freehold_sql::{
    Access, Container, ContainerKind, Dialect, Dropped, HOLE, Key, ObjectName, Uses, Why, uses,
};

use crate::builders::{self, Named};
use crate::config;
use crate::language::Language;
use crate::lints::{self, Cascade, Exposed, Lint, SqlFile};
use crate::models::{self, Models};
use crate::paths::{self, Walk, Way};
use crate::prefilter::holds_models;
use crate::shape::{Shape, dialect_of, shape};
use crate::source::Code;
use crate::source::assemble::{Assembled, MadeOf, assemble};
use crate::source::mapped::Mapped;
use crate::source::symbols::Symbols;
use crate::spot::{Lines, Spot};
use crate::transactions::{self, Transactions};
use crate::xml::{self, ForeignKey};

/// How a use was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// "a template string", "a query builder", …
    pub(crate) place: &'static str,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) sureness: Sureness,
}

/// How sure a use is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sureness {
    Parsed,
    /// The statement is cut or holed; this name in it is whole.
    Recovered,
    /// Put together over statements, or taken from custom: likely, not proven.
    Inferred,
}

/// One table named in a query.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub(crate) name: ObjectName,
    pub(crate) access: Access,
    pub(crate) joined: bool,
    pub(crate) statement: usize,
    pub(crate) container: Option<usize>,
    pub(crate) within: Option<String>,
    pub(crate) spot: Spot,
    /// Of a foreign key: which one it is.
    pub(crate) key: Option<Key>,
    /// All its columns are read: `SELECT *`.
    pub(crate) whole: bool,
}

/// A text of SQL, or a chain of a builder.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) touches: Vec<Touch>,
    pub(crate) containers: Vec<Container>,
    pub(crate) seen: Seen,
    /// It goes on from another text, whose tables it joins.
    pub(crate) piece: bool,
}

/// A place where a table could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    pub(crate) spot: Spot,
    pub(crate) why: Why,
}

/// A text with a name of another file where a table belongs.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) text: Assembled,
    pub(crate) dialect: Dialect,
}

/// What a file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileScan {
    pub(crate) path: PathBuf,
    pub(crate) queries: Vec<Query>,
    pub(crate) gaps: Vec<Gap>,
    /// Routines that triggers call, and the triggers' tables.
    pub(crate) triggered: Vec<(ObjectName, ObjectName)>,
    /// Constraints and columns that are taken away, and where.
    pub(crate) dropped: Vec<(Dropped, Spot)>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) constants: Vec<(String, String)>,
    pub(crate) models: Models,
    pub(crate) transactions: Transactions,
    pub(crate) lints: Vec<Lint>,
    /// Foreign keys that delete or change rows of their table.
    pub(crate) cascades: Vec<Cascade>,
    /// Types that methods of an API return.
    pub(crate) exposed: Vec<Exposed>,
    /// By relation: its place.
    pub(crate) relation_spots: Vec<Spot>,
    pub(crate) walks: Vec<Walk>,
}

/// Reads one file's text.
pub(crate) fn scan(
    path: &Path,
    language: Language,
    text: &str,
    dialect: Option<Dialect>,
) -> FileScan {
    let mut out = FileScan {
        path: path.to_path_buf(),
        ..FileScan::default()
    };
    let lines = Lines::new(text);
    match language {
        Language::Sql => sql_file(&mut out, path, text, dialect, &lines),
        Language::Xml => xml_file(&mut out, text, dialect, &lines),
        Language::Yaml | Language::Properties => {
            config_file(&mut out, language, text, dialect, &lines);
        }
        _ => code_file(&mut out, language, text, dialect, &lines),
    }
    out
}

fn sql_file(out: &mut FileScan, path: &Path, text: &str, dialect: Option<Dialect>, lines: &Lines) {
    let dialect = dialect_by_path(path)
        .or(dialect)
        .unwrap_or_else(|| dialect_by_content(text));
    let blanked = without_copied_rows(text);
    let found = uses(dialect, blanked.as_deref().unwrap_or(text));
    out.transactions = transactions::of_sql(text, lines);
    (out.lints, out.cascades) = lints::sql(&SqlFile {
        path,
        text: blanked.as_deref().unwrap_or(text),
        dialect,
        lines,
    });
    let spot = |start: usize, end: usize, container: Option<usize>| {
        let symbol = container
            .and_then(|own| found.containers.get(own))
            .map_or_else(String::new, |own| own.name.to_string());
        lines.spot(start, end, symbol)
    };
    take(
        out,
        &found,
        Seen {
            place: "a file of SQL",
            dialect: Some(dialect),
            sureness: Sureness::Parsed,
        },
        spot,
    );
}

fn xml_file(out: &mut FileScan, text: &str, dialect: Option<Dialect>, lines: &Lines) {
    values(out, xml::texts(text), "XML", dialect, lines);
    keys(out, xml::foreign_keys(text), lines);
}

fn config_file(
    out: &mut FileScan,
    language: Language,
    text: &str,
    dialect: Option<Dialect>,
    lines: &Lines,
) {
    if language == Language::Properties {
        values(out, config::properties(text), "properties", dialect, lines);
        return;
    }
    values(out, config::yaml(text), "YAML", dialect, lines);
    keys(out, config::foreign_keys(text), lines);
    out.lints = lints::yaml(&out.path, text, lines);
}

/// Values of a file of settings, each with its key.
fn values(
    out: &mut FileScan,
    values: Vec<(Mapped, String)>,
    place: &'static str,
    dialect: Option<Dialect>,
    lines: &Lines,
) {
    for (mapped, symbol) in values {
        let whole = xml::is_statement(&symbol) || shape(&mapped.text, None) == Shape::Statement;
        if !whole {
            continue;
        }
        let dialect = dialect_of(&mapped.text, dialect.unwrap_or(Dialect::Postgres));
        let found = uses(dialect, &mapped.text);
        let seen = Seen {
            place,
            dialect: Some(dialect),
            sureness: Sureness::Parsed,
        };
        take(out, &found, seen, |start, end, _| {
            lines.spot(
                mapped.origin(start),
                mapped.origin(end.saturating_sub(1)) + 1,
                symbol.clone(),
            )
        });
    }
}

/// Foreign keys that changes of Liquibase make.
fn keys(out: &mut FileScan, keys: Vec<ForeignKey>, lines: &Lines) {
    for key in keys {
        let named = |name: &str| ObjectName {
            parts: name.split('.').map(str::to_owned).collect(),
            link: None,
        };
        out.queries.push(Query {
            touches: vec![Touch {
                name: named(&key.references),
                access: Access::Reference,
                joined: false,
                statement: 0,
                container: Some(0),
                within: None,
                spot: lines.spot(key.start, key.start + key.length, key.table.clone()),
                key: Some(Key {
                    constraint: key.constraint,
                    columns: key.columns,
                }),
                whole: false,
            }],
            containers: vec![Container {
                kind: ContainerKind::Table,
                name: named(&key.table),
            }],
            seen: Seen {
                place: "a change of Liquibase",
                dialect: None,
                sureness: Sureness::Parsed,
            },
            piece: false,
        });
    }
}

fn code_file(
    out: &mut FileScan,
    language: Language,
    text: &str,
    dialect: Option<Dialect>,
    lines: &Lines,
) {
    let code = Code::new(language, text);
    let symbols = Symbols::of(&code);
    let otherwise = dialect.unwrap_or_else(|| dialect_by_imports(text));
    let texts = assemble(&code, &symbols);
    for text in &texts.texts {
        one_text(out, text, otherwise, lines, &symbols, true);
    }
    out.constants = texts.constants;
    chains(out, &builders::read(&code), lines, &symbols);
    let mut models = models::read(&code, &symbols);
    if !holds_models(&out.path) {
        // Elsewhere a class derived from a model is a form of it, not another table.
        models.classes.retain(|model| model.bases.is_empty());
    }
    for model in &mut models.classes {
        // SeaORM calls each entity `Model`; the module tells them apart.
        if language == Language::Rust
            && model.class == "Model"
            && let Some(module) = out.path.file_stem().and_then(|own| own.to_str())
        {
            module.clone_into(&mut model.class);
        }
        // Django puts the name of the app before the class, and the folder is the app.
        if let Some(class) = model
            .tables
            .first()
            .and_then(|table| table.strip_prefix("*_"))
            && let Some(app) = app_of(&out.path)
        {
            model.tables = vec![format!("{app}_{class}")];
        }
    }
    out.relation_spots = models
        .relations
        .iter()
        .map(|relation| lines.spot(relation.start, relation.end, relation.class.clone()))
        .collect();
    out.models = models;
    out.walks.extend(paths::read(&code).into_iter().map(|way| {
        let spot = |start: usize, end: usize| lines.spot(start, end, symbols.at(start));
        walk(way, "a path along relations", spot)
    }));
    out.transactions = transactions::read(&code, &symbols, lines);
    out.exposed = lints::read_exposed(&code, &symbols, lines);
}

/// Reads a text of a program; `first`: names of other files may still be put in.
fn one_text(
    out: &mut FileScan,
    text: &Assembled,
    otherwise: Dialect,
    lines: &Lines,
    symbols: &Symbols,
    first: bool,
) {
    let found_shape = shape(&text.mapped.text, text.sink.as_deref());
    if found_shape == Shape::Other || takes_back(&out.path, &symbols.at(text.start)) {
        return;
    }
    let dialect = dialect_of(&text.mapped.text, otherwise);
    let mut found = uses(dialect, &text.mapped.text);
    // A piece is cut by nature.
    if found_shape == Shape::Piece {
        found.unresolved.retain(|gap| gap.why != Why::Cut);
    }
    if first && waits(&found, &text.mapped) {
        out.pending.push(Pending {
            text: text.clone(),
            dialect,
        });
        return;
    }
    let sureness = match text.made_of {
        MadeOf::Building => Sureness::Inferred,
        _ if found.recovered || found_shape == Shape::Piece => Sureness::Recovered,
        _ => Sureness::Parsed,
    };
    let place = match text.made_of {
        MadeOf::Literal => "a string",
        MadeOf::Template => "a template string",
        MadeOf::Concatenation => "concatenated strings",
        MadeOf::Building => "a string built over several statements",
    };
    let mapped = &text.mapped;
    let spot = |start: usize, end: usize| {
        let from = mapped.origin(start);
        let to = mapped.origin(end.saturating_sub(1)) + 1;
        lines.spot(
            from,
            if to > from { to } else { from + 1 },
            symbols.at(from),
        )
    };
    if queries_models(&out.path) {
        let ways = paths::read_query(&mapped.text);
        out.walks.extend(
            ways.into_iter()
                .map(|way| walk(way, "a query over models", spot)),
        );
    }
    let before = out.queries.len();
    take(
        out,
        &found,
        Seen {
            place,
            dialect: Some(dialect),
            sureness,
        },
        |start, end, _| spot(start, end),
    );
    let joins = found_shape == Shape::Piece && begins_with_join(&mapped.text);
    for query in &mut out.queries[before..] {
        query.piece = joins;
    }
}

/// `LEFT JOIN c ON …`: what it is joined to stands in another text.
fn begins_with_join(text: &str) -> bool {
    let words = ["join", "left", "right", "inner", "full", "cross", "outer"];
    text.split(|c: char| !c.is_ascii_alphabetic())
        .find(|word| !word.is_empty())
        .is_some_and(|first| words.iter().any(|word| first.eq_ignore_ascii_case(word)))
}

/// May a text of this file be a query over models?
fn queries_models(path: &Path) -> bool {
    matches!(
        Language::of(path),
        Some(Language::Java | Language::Kotlin | Language::Php)
    )
}

fn walk(way: Way, place: &'static str, spot: impl Fn(usize, usize) -> Spot) -> Walk {
    Walk {
        steps: way
            .steps
            .into_iter()
            .map(|step| (step.name, spot(step.start, step.end)))
            .collect(),
        from: way.from,
        by_name: way.by_name,
        place,
    }
}

/// A hole where a table belongs has a name that a constant of another file may have.
fn waits(found: &Uses, mapped: &Mapped) -> bool {
    found.unresolved.iter().any(|gap| {
        mapped
            .holes
            .iter()
            .any(|hole| hole.at >= gap.span.start && hole.at <= gap.span.end && hole.name.is_some())
    })
}

/// Reads the texts again that waited for constants of other files.
pub(crate) fn settle(
    out: &mut FileScan,
    text: &str,
    language: Language,
    constant: &dyn Fn(&str) -> Option<String>,
) {
    let lines = Lines::new(text);
    let code = Code::new(language, text);
    let symbols = Symbols::of(&code);
    for pending in std::mem::take(&mut out.pending) {
        let mut filled = pending.text.clone();
        filled.mapped = fill(&pending.text.mapped, constant);
        one_text(out, &filled, pending.dialect, &lines, &symbols, false);
    }
}

fn fill(mapped: &Mapped, constant: &dyn Fn(&str) -> Option<String>) -> Mapped {
    let mut filled = Mapped::default();
    let mut at = 0;
    for hole in &mapped.holes {
        filled.append_part(mapped, at, hole.at);
        match hole.name.as_deref().and_then(constant) {
            // All of it is at the place of the name that stands for it.
            Some(text) => filled.push_at(&text, mapped.origin(hole.at)),
            None => filled.push_hole(mapped.origin(hole.at), None),
        }
        at = hole.at + HOLE.len_utf8();
    }
    filled.append_part(mapped, at, mapped.text.len());
    filled
}

fn take(
    out: &mut FileScan,
    found: &Uses,
    seen: Seen,
    spot: impl Fn(usize, usize, Option<usize>) -> Spot,
) {
    out.gaps.extend(found.unresolved.iter().map(|gap| Gap {
        spot: spot(gap.span.start, gap.span.end.max(gap.span.start + 1), None),
        why: gap.why,
    }));
    out.triggered.extend(found.triggered.iter().cloned());
    out.dropped.extend(found.dropped.iter().map(|own| {
        let place = spot(own.start, own.start + own.name.len(), None);
        (own.clone(), place)
    }));
    if found.tables.is_empty() {
        return;
    }
    let touches = found
        .tables
        .iter()
        .map(|table| Touch {
            name: table.name.clone(),
            access: table.access,
            joined: table.joined,
            statement: table.statement,
            container: table.container,
            within: table.within.clone(),
            spot: spot(table.span.start, table.span.end, table.container),
            key: table.key.clone(),
            whole: table.whole,
        })
        .collect();
    out.queries.push(Query {
        touches,
        containers: found.containers.clone(),
        seen,
        piece: false,
    });
}

/// The calls of one chain are one query.
fn chains(out: &mut FileScan, named: &[Named], lines: &Lines, symbols: &Symbols) {
    let back = |own: &Named| takes_back(&out.path, &symbols.at(own.start));
    let mut named: Vec<&Named> = named.iter().filter(|own| !back(own)).collect();
    named.sort_by_key(|own| (own.chain, own.start));
    for chain in named.chunk_by(|a, b| a.chain == b.chain) {
        let several = chain.iter().any(|own| own.joined);
        let object = |name: &str| ObjectName {
            parts: name.split('.').map(str::to_owned).collect(),
            link: None,
        };
        let mut containers = Vec::new();
        let touches = chain
            .iter()
            .map(|own| Touch {
                name: object(&own.table),
                access: own.access,
                joined: own.joined || several,
                statement: 0,
                container: own.holder.as_deref().map(|holder| {
                    containers.push(Container {
                        kind: ContainerKind::Table,
                        name: object(holder),
                    });
                    containers.len() - 1
                }),
                within: None,
                // A foreign key is remembered by its table, as in a file of SQL.
                spot: lines.spot(
                    own.start,
                    own.end,
                    own.holder.clone().unwrap_or_else(|| symbols.at(own.start)),
                ),
                key: own.holder.as_ref().map(|_| Key {
                    constraint: None,
                    columns: own.column.iter().cloned().collect(),
                }),
                whole: false,
            })
            .collect();
        let seen = Seen {
            place: "a query builder",
            dialect: None,
            sureness: Sureness::Parsed,
        };
        out.queries.push(Query {
            touches,
            containers,
            seen,
            piece: false,
        });
    }
}

/// The half of a migration that takes it back says again what the other half said.
fn takes_back(path: &Path, symbol: &str) -> bool {
    let last = symbol.rsplit('.').next().unwrap_or_default();
    matches!(last, "down" | "Down" | "downgrade" | "safeDown" | "revert")
        && path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy().to_ascii_lowercase();
            part.contains("migrat") || part == "versions"
        })
}

/// The app of `app/models.py` and `app/models/order.py`.
fn app_of(path: &Path) -> Option<&str> {
    path.ancestors()
        .skip(1)
        .filter_map(|folder| folder.file_name()?.to_str())
        .find(|folder| *folder != "models")
}

fn dialect_by_path(path: &Path) -> Option<Dialect> {
    path.components().rev().find_map(|part| {
        let part = part.as_os_str().to_str()?.to_ascii_lowercase();
        let stem = part.split('.').next().unwrap_or(&part);
        dialect_named(stem)
    })
}

/// `postgres`, `mysql`, … as people call them.
pub(crate) fn dialect_named(name: &str) -> Option<Dialect> {
    Some(match name {
        "postgres" | "postgresql" | "pg" | "pgsql" | "psql" => Dialect::Postgres,
        "mysql" => Dialect::Mysql,
        "mariadb" => Dialect::Mariadb,
        "sqlite" | "sqlite3" => Dialect::Sqlite,
        "sqlserver" | "mssql" | "tsql" => Dialect::Sqlserver,
        "oracle" | "plsql" => Dialect::Oracle,
        _ => return None,
    })
}

fn dialect_by_content(text: &str) -> Dialect {
    let head = &text[..floor(text, 40_000)];
    let has = |what: &str| head.contains(what);
    if has("ENGINE=InnoDB")
        || has("AUTO_INCREMENT")
        || has("DELIMITER ")
        || head.matches('`').count() > 3
    {
        Dialect::Mysql
    } else if has("\nGO\r") || has("\nGO\n") || has("[dbo]") || has("NVARCHAR") || has("IDENTITY(1")
    {
        Dialect::Sqlserver
    } else if has("VARCHAR2") || has("NUMBER(") || has("\n/\n") {
        Dialect::Oracle
    } else {
        Dialect::Postgres
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// By the drivers that a file imports; PostgreSQL's rules where it imports none.
fn dialect_by_imports(text: &str) -> Dialect {
    let head = &text[..floor(text, 6_000)];
    let has = |what: &str| head.contains(what);
    if has("mysql") || has("MySql") || has("mariadb") {
        Dialect::Mysql
    } else if has("mssql") || has("SqlClient") || has("tedious") || has("pyodbc") {
        Dialect::Sqlserver
    } else if has("oracledb") || has("cx_Oracle") || has("OracleClient") {
        Dialect::Oracle
    } else {
        Dialect::Postgres
    }
}

/// Rows between `COPY … FROM stdin;` and `\.` are data: blanks in their place.
fn without_copied_rows(text: &str) -> Option<String> {
    if !text.contains("FROM stdin;") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rows = false;
    for line in text.split_inclusive('\n') {
        if rows && line.trim_end() == "\\." {
            rows = false;
            out.extend(line.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else if rows {
            out.extend(
                line.bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
            );
        } else {
            rows = line.starts_with("COPY ") && line.trim_end().ends_with("FROM stdin;");
            out.push_str(line);
        }
    }
    Some(out)
}
