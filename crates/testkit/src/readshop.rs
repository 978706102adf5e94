//! A service that keeps read models over copies of its neighbour's events: tables and query as the
//! test wants them, on any engine.

use std::fmt::Write as _;
use std::path::Path;

use freehold_lifecycle::{Target, apply, check_targets, target};
use freehold_model::{EngineKind, Fault, MemoryFiles, load, load_migrations};

use crate::must::Must as _;
use crate::shape::Shape;

/// A copy: its table, columns of its key, other columns with their types.
#[derive(Debug, Clone)]
pub struct Copied {
    /// The table.
    pub table: String,
    /// (name, type).
    pub key: Vec<(String, &'static str)>,
    /// (name, type).
    pub columns: Vec<(String, &'static str)>,
    /// The last column of the key is the place of an item in the event's array `items`, the other
    /// columns are of the item, and a column `position` decides what is newer.
    pub items: bool,
}

/// A read model: its name, (alias, table), and the query.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The view.
    pub name: String,
    /// (alias, table).
    pub from: Vec<(String, String)>,
    /// The query.
    pub select: String,
}

/// The store `main` of a service with these copies and read models. Copies have a column
/// `version`, by which the newer row wins.
///
/// # Errors
/// What the description is refused for.
pub fn read_shop(
    shape: &Shape,
    service: &str,
    copies: &[Copied],
    models: &[Asked],
) -> Result<Target, Vec<Fault>> {
    let name = format!("{}_{service}", shape.name);
    let mut yaml = format!("service: {name}\nstore: {{ server: main }}\ncopies:\n");
    let mut events = String::new();
    let mut sql = String::new();
    for copy in copies {
        let event = format!("{}.changed.v1", copy.table);
        let _ = writeln!(events, "  {event}: {{ schema: a.json, key: id }}");
        let (each, of, origin) = if copy.items {
            ("each: \"$.items[*]\", ", "@.", "position: position")
        } else {
            ("", "", "version: version")
        };
        let pairs = |columns: &[(String, &str)], of: &str| {
            let pairs = columns
                .iter()
                .map(|(name, _)| format!("{name}: \"{of}{name}\""));
            pairs.collect::<Vec<_>>().join(", ")
        };
        let mut key = pairs(&copy.key, "");
        if let (true, Some((place, _))) = (copy.items, copy.key.last()) {
            key = format!(
                "{}, {place}: \"@index\"",
                pairs(&copy.key[..copy.key.len() - 1], "")
            );
        }
        let _ = writeln!(
            yaml,
            "  {}: {{ from: {name}_source/{event}, {each}key: {{ {key} }}, columns: {{ {} }}, provenance: {{ {origin} }} }}",
            copy.table,
            pairs(&copy.columns, of),
        );
        let columns = copy.key.iter().chain(&copy.columns);
        let columns: Vec<String> = columns
            .map(|(name, kind)| format!("{name} {kind}"))
            .collect();
        let key: Vec<&str> = copy.key.iter().map(|it| it.0.as_str()).collect();
        let _ = writeln!(
            sql,
            "CREATE TABLE {} ({}, {}, PRIMARY KEY ({}));",
            copy.table,
            columns.join(", "),
            if copy.items {
                "position VARCHAR(80) NOT NULL"
            } else {
                "version BIGINT NOT NULL"
            },
            key.join(", "),
        );
    }
    if !models.is_empty() {
        yaml.push_str("read_models:\n");
    }
    for model in models {
        let from = model
            .from
            .iter()
            .map(|(alias, table)| format!("{alias}: {table}"));
        let from: Vec<String> = from.collect();
        let (name, select) = (&model.name, model.select.replace('\n', "\n      "));
        let _ = writeln!(
            yaml,
            "  {name}:\n    from: {{ {} }}\n    select: |\n      {select}",
            from.join(", ")
        );
    }
    let system = format!(
        "system: reads\nservers:\n  main: {{ engine: {}, url: \"env:NOT_ASKED_FOR\" }}\nservices: [services/*]\n",
        shape.kind.name()
    );
    let source = format!("service: {name}_source\nstore: {{ server: main }}\npublishes:\n{events}");
    let files = MemoryFiles::new([
        ("freehold.yaml".to_owned(), system),
        ("services/source/service.yaml".to_owned(), source),
        ("services/reads/service.yaml".to_owned(), yaml),
        (
            "services/reads/migrations/0001_copies.up.sql".to_owned(),
            sql,
        ),
    ]);
    let system = load(Path::new(""), None, &files)?;
    let described = &system.services[&name];
    let store = &described.stores["main"];
    let migrations = load_migrations(&system, described, store, &files, Path::new(""))?;
    let engine = freehold_builtin::engine(shape.kind).must("an engine");
    let at = shape.endpoint.clone();
    target(
        &system,
        described,
        store,
        engine,
        at,
        migrations,
        Vec::new(),
    )
}

/// Applies it.
pub async fn open_read_shop(target: Target) -> Target {
    let targets = [target];
    check_targets(&targets).must("a target that fits");
    apply(&targets, &|_| {}).await.must("apply");
    let [target] = targets;
    target
}

/// Applies what has come to a target since.
pub async fn apply_again(target: &Target) {
    let targets = std::slice::from_ref(target);
    apply(targets, &|_| {}).await.must("apply");
}

/// How this engine calls a text that compares by bytes.
pub fn text_type(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Mariadb | EngineKind::Mysql => {
            "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        }
        EngineKind::Sqlite => "TEXT",
        _ => "VARCHAR(40)",
    }
}
