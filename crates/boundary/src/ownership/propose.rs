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
use super::{Context, Origin, Ownership, is_common, users};
use crate::scan::FileScan;
use crate::walk::File;

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
    /// A model says so, not a statement.
    model: bool,
    /// The folders above, outermost first.
    folders: Vec<String>,
}

/// Does a folder of this name say how code is layered, not what it is about?
pub(crate) fn is_layer(folder: &str) -> bool {
    // Steps of migrations are called by their time.
    folder.starts_with(|c: char| c.is_ascii_digit())
        || LAYERS.contains(&folder.to_ascii_lowercase().as_str())
}

/// From what the files say, and from where all files lie, also those that say nothing.
pub(crate) fn propose(scans: &[FileScan], files: &[File]) -> Result<Ownership, Vec<Fault>> {
    let tables = declared(scans);
    let paths: Vec<Vec<String>> = files.iter().map(|file| folders(&file.path)).collect();
    let common = common(&paths);
    let repeated = repeated(&paths);
    let first = |folders: &[String]| module(folders, common).map(str::to_owned);
    let again = |folders: &[String]| folders.iter().find(|own| repeated.contains(*own)).cloned();
    let found = by_schema(&tables)
        .or_else(|| by_folder(&tables, scans, &paths, &first))
        .or_else(|| by_folder(&tables, scans, &paths, &again));
    let prefixes = found.is_none();
    let (mut contexts, mut why) = found.unwrap_or_else(|| by_prefix(&tables, &paths));
    let named = Ownership::new(contexts.clone(), Origin::File, &[], &tests())?;
    let placed = users::place(&mut contexts, &named, scans, prefixes);
    if placed > 0 {
        why.push(format!(
            "code in {placed} folder{} is given to the context whose tables it uses most",
            if placed == 1 { "" } else { "s" }
        ));
    }
    Ownership::new(contexts, Origin::Proposal { why }, &[], &tests())
}

/// Those above a file; what lies below a folder of migrations is a step, not a module.
fn folders(path: &Path) -> Vec<String> {
    path.parent()
        .into_iter()
        .flat_map(Path::components)
        .filter_map(|part| part.as_os_str().to_str().map(str::to_owned))
        .take_while(|part| !part.to_ascii_lowercase().starts_with("migrat"))
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
                    model: false,
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
                model: true,
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
        .find(|folder| !is_layer(folder))
}

/// How deep all paths are the same: above there is only the project's own name.
fn common(paths: &[Vec<String>]) -> usize {
    let Some(first) = paths.first() else { return 0 };
    (0..first.len())
        .take_while(|&depth| paths.iter().all(|own| own.get(depth) == first.get(depth)))
        .count()
}

/// Folders of the same name below different ones, as where several programs are cut into the same
/// modules: `web/src/orders`, `jobs/orders`. Those that most paths hold are none.
fn repeated(paths: &[Vec<String>]) -> BTreeSet<String> {
    let mut parents: BTreeMap<&str, BTreeSet<&[String]>> = BTreeMap::new();
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in paths {
        for (depth, folder) in path.iter().enumerate() {
            parents.entry(folder).or_default().insert(&path[..depth]);
            *holders.entry(folder).or_default() += 1;
        }
    }
    parents
        .into_iter()
        .filter(|(name, parents)| {
            let layer = LAYERS.contains(&name.to_ascii_lowercase().as_str());
            parents.len() > 1
                && !layer
                && holders.get(name).is_some_and(|held| held * 2 < paths.len())
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn by_folder(
    tables: &[Table],
    scans: &[FileScan],
    paths: &[Vec<String>],
    module: &dyn Fn(&[String]) -> Option<String>,
) -> Option<(Vec<Context>, Vec<String>)> {
    let all: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let modules: BTreeSet<String> = paths.iter().filter_map(|path| module(path)).collect();
    let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
    // What a model stands for is its module's; a script may make the tables of everybody.
    for model in [true, false] {
        for table in tables.iter().filter(|table| table.model == model) {
            let own = module(&table.folders);
            if let Some(module) = own.and_then(|own| modules.get(&own)) {
                owner.entry(&table.name).or_insert(module);
            }
        }
    }
    let declared = owner.len();
    for &table in &all {
        let named = modules.iter().find(|module| stem(module) == stem(table));
        if let (Some(module), false) = (named, owner.contains_key(table)) {
            owner.insert(table, module);
        }
    }
    let named = owner.len() - declared;
    let near = by_neighbours(scans, &all, &mut owner);
    let mut contexts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (table, module) in &owner {
        contexts
            .entry(module)
            .or_default()
            .insert((*table).to_owned());
    }
    if contexts.len() < 2 || owner.len() * 2 < all.len() {
        return None;
    }
    let mut why = vec![format!(
        "folders that look like modules declare {declared} of {} tables; {named} more are called like one",
        all.len()
    )];
    if near > 0 {
        why.push(format!("{near} more hang on those by foreign keys"));
    }
    let contexts = contexts
        .into_iter()
        .map(|(name, tables)| Context {
            code: vec![format!("**/{name}/**")],
            tables: tables.into_iter().collect(),
            name: name.to_owned(),
            ..Context::default()
        })
        .collect();
    Some((contexts, why))
}

/// Tables without an owner go with those that they are tied to by most foreign keys; gives how
/// many. Keys from a table to its neighbours and back count alike.
fn by_neighbours<'a>(
    scans: &'a [FileScan],
    all: &BTreeSet<&'a str>,
    owner: &mut BTreeMap<&'a str, &'a str>,
) -> usize {
    let mut ties: BTreeSet<(&str, &str)> = BTreeSet::new();
    for query in scans.iter().flat_map(|scan| &scan.queries) {
        for touch in &query.touches {
            let holder = touch.container.and_then(|own| query.containers.get(own));
            if let (Access::Reference, Some(holder)) = (touch.access, holder) {
                let known = |name: &str| all.get(name).copied();
                if let (Some(a), Some(b)) = (known(holder.name.table()), known(touch.name.table()))
                {
                    ties.insert((a, b));
                    ties.insert((b, a));
                }
            }
        }
    }
    let before = owner.len();
    loop {
        let placed: Vec<(&str, &str)> = all
            .iter()
            .filter(|table| !owner.contains_key(**table))
            .filter_map(|table| {
                let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
                for (_, neighbour) in ties.iter().filter(|(own, _)| own == table) {
                    if let Some(module) = owner.get(neighbour) {
                        *votes.entry(module).or_default() += 1;
                    }
                }
                let best = votes.into_iter().max_by_key(|(_, count)| *count)?;
                Some((*table, best.0))
            })
            .collect();
        if placed.is_empty() {
            return owner.len() - before;
        }
        owner.extend(placed);
    }
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

fn by_prefix(tables: &[Table], paths: &[Vec<String>]) -> (Vec<Context>, Vec<String>) {
    let mut stems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in tables {
        stems
            .entry(stem(&table.name))
            .or_default()
            .insert(table.name.clone());
    }
    // Folders of the code that are called like a group are its code.
    let code: BTreeSet<&String> = paths.iter().flatten().collect();
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
