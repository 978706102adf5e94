//! Who owns the models, repositories and routines that the files declare.

use std::collections::{BTreeSet, HashMap};

use freehold_sql::{Access, ObjectName};

use crate::gather::Entity;
use crate::imports::{Declared, Index};
use crate::judge::ModelOwners;
use crate::language::Language;
use crate::models::Model;
use crate::ownership::{Code, Owner, Ownership};
use crate::scan::FileScan;

/// Who owns each model: the owner of its table, else of the file that declares it.
pub(crate) fn models(
    own: &Ownership,
    scans: &[FileScan],
    entities: &[Entity],
) -> (ModelOwners, Index) {
    let mut owners = ModelOwners::new();
    let mut index = Index::new();
    for scan in scans {
        let code = own.code(&scan.path);
        let here = match code {
            Code::Of(context) => Some(context),
            Code::Tests => continue,
            _ => None,
        };
        let Some(language) = Language::of(&scan.path) else {
            continue;
        };
        for model in &scan.models.classes {
            let by_table = model
                .tables
                .iter()
                .find_map(|table| owner_of_table(own, table, here));
            if language == Language::CSharp && model.package.is_empty() {
                declare_entities(own, model, by_table, entities, &mut owners, &mut index);
                continue;
            }
            let Some(owner) = by_table.or(here) else {
                continue;
            };
            let list = owners.entry(model.class.clone()).or_default();
            if !list.contains(&owner) {
                list.push(owner);
            }
            index
                .entry(model.class.clone())
                .or_default()
                .push(Declared {
                    path: scan.path.clone(),
                    package: model.package.clone(),
                    owner,
                    language,
                });
        }
    }
    for scan in scans {
        let Some(language) = Language::of(&scan.path) else {
            continue;
        };
        for repository in &scan.models.repositories {
            let here = match own.code(&scan.path) {
                Code::Of(context) => Some(context),
                _ => owners
                    .get(&repository.model)
                    .and_then(|owners| owners.first().copied()),
            };
            // What is only called like a repository is one of a model of the same context.
            let known = |owner| {
                owners
                    .get(&repository.model)
                    .is_some_and(|owners| owners.contains(&owner))
            };
            if let Some(owner) = here.filter(|owner| repository.sure || known(*owner)) {
                index
                    .entry(repository.class.clone())
                    .or_default()
                    .push(Declared {
                        path: scan.path.clone(),
                        package: repository.package.clone(),
                        owner,
                        language,
                    });
            }
        }
    }
    (owners, index)
}

/// Whose tables the triggers are on that call a routine.
pub(crate) fn routines(own: &Ownership, scans: &[FileScan]) -> HashMap<String, usize> {
    scans
        .iter()
        .flat_map(|scan| &scan.triggered)
        .filter_map(|(routine, table)| match own.owner(table, None, None) {
            Owner::One(owner) => Some((routine.table().to_ascii_lowercase(), owner)),
            _ => None,
        })
        .collect()
}

/// Tables that a context's own migrations or models make, and nobody claims, are its own. The rest that is
/// made somewhere and nobody's is given back.
pub(crate) fn adopt_migrations(own: &mut Ownership, scans: &[FileScan]) -> Vec<String> {
    let mut unowned = BTreeSet::new();
    for scan in scans {
        let code = own.code(&scan.path);
        let made = scan
            .queries
            .iter()
            .flat_map(|query| &query.touches)
            .filter(|touch| touch.access == Access::Create && touch.within.is_none());
        // What a model says is made somewhere, be it by the library.
        let said = scan
            .models
            .classes
            .iter()
            .filter(|model| model.explicit)
            .flat_map(|model| &model.tables)
            .map(|table| named(table));
        let all: Vec<ObjectName> = made.map(|touch| touch.name.clone()).chain(said).collect();
        for made in all {
            let name = made.to_string();
            if own.is_claimed(made.table()) || own.owner(&made, None, None) != Owner::Nobody {
                continue;
            }
            match code {
                Code::Of(context) => {
                    // A plain name: it cannot fail as a pattern.
                    let _ = own.claim(context, &name);
                }
                Code::Nobody | Code::Shared => {
                    unowned.insert(name);
                }
                Code::Tests => {}
            }
        }
    }
    unowned.into_iter().collect()
}

/// Entity Framework names a class where the context is configured; the class itself lies with
/// the code that it belongs to.
fn declare_entities(
    own: &Ownership,
    model: &Model,
    by_table: Option<usize>,
    entities: &[Entity],
    owners: &mut ModelOwners,
    index: &mut Index,
) {
    for entity in entities.iter().filter(|entity| entity.class == model.class) {
        let owner = by_table.or(match own.code(&entity.path) {
            Code::Of(context) => Some(context),
            _ => None,
        });
        let Some(owner) = owner else { continue };
        let list = owners.entry(model.class.clone()).or_default();
        if !list.contains(&owner) {
            list.push(owner);
        }
        index
            .entry(model.class.clone())
            .or_default()
            .push(Declared {
                path: entity.path.clone(),
                package: entity.namespace.clone(),
                owner,
                language: Language::CSharp,
            });
    }
}

fn owner_of_table(own: &Ownership, table: &str, here: Option<usize>) -> Option<usize> {
    match own.owner(&named(table), None, here) {
        Owner::One(context) => Some(context),
        _ => None,
    }
}

fn named(table: &str) -> ObjectName {
    ObjectName {
        parts: table.split('.').map(str::to_owned).collect(),
        link: None,
    }
}
