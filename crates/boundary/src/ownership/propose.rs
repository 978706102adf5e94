//! Contexts for a repository that nobody described.
//!
//! Owns the guess: by schemas where tables name several, by the folders of modules that declare
//! models and tables, else by the beginnings of tables' names. It says which, and is only ever
//! called a proposal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use freehold_model::Fault;
use freehold_sql::Access;

use super::system::tests;
use super::{Context, Origin, Ownership, is_common};
use crate::scan::FileScan;

/// Folders that say how code is layered or where it lies, not what it is about.
const LAYERS: &[&str] = &[
    "src",
    "main",
    "java",
    "kotlin",
    "lib",
    "app",
    "apps",
    "services",
    "service",
    "modules",
    "packages",
    "domain",
    "domains",
    "models",
    "model",
    "entities",
    "entity",
    "repositories",
    "repository",
    "dao",
    "db",
    "database",
    "migrations",
    "migration",
    "schema",
    "sql",
    "internal",
    "pkg",
    "cmd",
    "server",
    "backend",
    "api",
    "core",
    "com",
    "org",
    "io",
    "net",
    "contexts",
    "features",
    "persistence",
    "infrastructure",
    "data",
    "resources",
    "typescript",
    "python",
    "prisma",
    "typeorm",
    "tests",
    "test",
    "shared",
    "common",
    "scripts",
    "seeds",
    "seed",
];

/// A table and where it is declared.
struct Table {
    name: String,
    schema: Option<String>,
    /// The folders above, outermost first.
    folders: Vec<String>,
}

pub(crate) fn propose(scans: &[FileScan]) -> Result<Ownership, Vec<Fault>> {
    let tables = declared(scans);
    let (contexts, why) = by_schema(&tables)
        .or_else(|| by_folder(&tables, scans))
        .unwrap_or_else(|| by_prefix(&tables, scans));
    Ownership::new(contexts, Origin::Proposal { why }, &[], &tests())
}

fn folders(path: &Path) -> Vec<String> {
    path.parent()
        .into_iter()
        .flat_map(Path::components)
        .filter_map(|part| part.as_os_str().to_str().map(str::to_owned))
        .collect()
}

fn declared(scans: &[FileScan]) -> Vec<Table> {
    let mut found = Vec::new();
    for scan in scans {
        let folders = folders(&scan.path);
        for touch in scan.queries.iter().flat_map(|query| &query.touches) {
            if touch.access == Access::Create {
                found.push(Table {
                    name: touch.name.table().to_owned(),
                    schema: touch
                        .name
                        .qualifiers()
                        .next()
                        .map(str::to_owned)
                        .filter(|schema| !is_common(schema)),
                    folders: folders.clone(),
                });
            }
        }
        for model in &scan.models.classes {
            let Some(table) = model.tables.first().filter(|table| !table.contains('*')) else {
                continue;
            };
            let (schema, name) = match table.rsplit_once('.') {
                Some((schema, name)) => (Some(schema.to_owned()), name.to_owned()),
                None => (None, table.clone()),
            };
            found.push(Table {
                name,
                schema: schema.filter(|schema| !is_common(schema)),
                folders: folders.clone(),
            });
        }
    }
    found
}

fn by_schema(tables: &[Table]) -> Option<(Vec<Context>, Vec<String>)> {
    let mut schemas: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in tables {
        if let Some(schema) = &table.schema {
            schemas
                .entry(schema.to_ascii_lowercase())
                .or_default()
                .insert(table.name.clone());
        }
    }
    let qualified: usize = schemas.values().map(BTreeSet::len).sum();
    let all: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    if schemas.len() < 2 || qualified * 2 < all.len() {
        return None;
    }
    let why = vec![format!(
        "{} of {} tables name one of {} schemas: a context for each",
        qualified,
        all.len(),
        schemas.len()
    )];
    let contexts = schemas
        .into_iter()
        .map(|(name, tables)| Context {
            code: named_folders(&name),
            schemas: vec![name.clone()],
            tables: tables
                .into_iter()
                .map(|table| format!("{name}.{table}"))
                .collect(),
            name,
            ..Context::default()
        })
        .collect();
    Some((contexts, why))
}

/// Any folder of that name, in singular and plural, is its code.
fn named_folders(name: &str) -> Vec<String> {
    let stem = name.strip_suffix('s').unwrap_or(name);
    let mut names = BTreeSet::from([name.to_owned(), stem.to_owned(), format!("{stem}s")]);
    if let Some(short) = name
        .strip_suffix("_svc")
        .or_else(|| name.strip_suffix("_service"))
    {
        names.insert(short.to_owned());
    }
    names
        .into_iter()
        .map(|name| format!("**/{name}/**"))
        .collect()
}

/// The first folder that tells modules apart, of each table.
fn module(folders: &[String], common: usize) -> Option<&str> {
    folders
        .iter()
        .skip(common)
        .map(String::as_str)
        .find(|folder| !LAYERS.contains(&folder.to_ascii_lowercase().as_str()))
}

fn by_folder(tables: &[Table], scans: &[FileScan]) -> Option<(Vec<Context>, Vec<String>)> {
    // Above where all paths part there is only the project's own name.
    let all: Vec<Vec<String>> = scans.iter().map(|scan| folders(&scan.path)).collect();
    let first = all.first()?;
    let common = (0..first.len())
        .take_while(|&depth| all.iter().all(|own| own.get(depth) == first.get(depth)))
        .count();
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
    for table in tables {
        if let Some(module) = module(&table.folders, common) {
            // The first that declares it keeps it; a copy elsewhere is a question for a person.
            let module = *owner.entry(&table.name).or_insert(module);
            modules
                .entry(module.to_owned())
                .or_default()
                .insert(table.name.clone());
        }
    }
    let placed = owner.len();
    let all: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    if modules.len() < 2 || placed * 2 < all.len() {
        return None;
    }
    let why = vec![format!(
        "{placed} of {} tables are declared below {} folders that look like modules",
        all.len(),
        modules.len()
    )];
    let contexts = modules
        .into_iter()
        .map(|(name, tables)| Context {
            code: vec![format!("**/{name}/**")],
            tables: tables.into_iter().collect(),
            name,
            ..Context::default()
        })
        .collect();
    Some((contexts, why))
}

/// `order_items` and `orders` begin alike.
fn stem(table: &str) -> String {
    let first = table
        .split('_')
        .find(|part| part.len() > 1)
        .unwrap_or(table)
        .to_ascii_lowercase();
    if let Some(stem) = first.strip_suffix("ies") {
        return format!("{stem}y");
    }
    first
        .strip_suffix('s')
        .filter(|stem| stem.len() > 2)
        .unwrap_or(&first)
        .to_owned()
}

fn by_prefix(tables: &[Table], scans: &[FileScan]) -> (Vec<Context>, Vec<String>) {
    let mut stems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in tables {
        stems
            .entry(stem(&table.name))
            .or_default()
            .insert(table.name.clone());
    }
    // Folders of the code that are called like a group are its code.
    let code: BTreeSet<String> = scans.iter().flat_map(|scan| folders(&scan.path)).collect();
    let why = vec![format!(
        "tables are grouped by how their names begin: {} groups",
        stems.len()
    )];
    let contexts = stems
        .into_iter()
        .map(|(name, tables)| Context {
            code: named_folders(&name)
                .into_iter()
                .filter(|pattern| {
                    code.iter()
                        .any(|folder| pattern == &format!("**/{folder}/**"))
                })
                .collect(),
            tables: tables.into_iter().collect(),
            name,
            ..Context::default()
        })
        .collect();
    (contexts, why)
}

#[cfg(test)]
mod tests_of_proposals {
    use super::*;

    #[test]
    fn names_group_by_their_stems() {
        assert_eq!(stem("orders"), "order");
        assert_eq!(stem("order_items"), "order");
        assert_eq!(stem("categories"), "category");
        assert_eq!(stem("m_client"), "client");
    }

    #[test]
    fn modules_are_the_first_folder_that_says_something() {
        let folders = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            module(&folders("src/modules/orders/entities"), 0),
            Some("orders")
        );
        assert_eq!(
            module(&folders("shop/src/main/java/com/x/customers"), 6),
            Some("customers")
        );
        assert_eq!(module(&folders("src/models"), 0), None);
    }
}
