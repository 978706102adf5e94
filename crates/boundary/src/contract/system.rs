//! The contracts of a described system: read, held against their earlier states, and against what
//! consumers take of them.
//!
//! Owns the faults FH2501 to FH2505. Files are read through the caller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_model::{CopyOf, Fault, Files, Publish, System, is_of_item, nearest};
use serde_json::Value;

use super::versions::{Hurt, holds, is_transitive};
use super::{Break, Schema};
use crate::lints::{Lint, WHOLE};
use crate::spot::Spot;

/// Fewer fields are not worth a word when a copy takes all of them.
const MANY: usize = 8;

/// The contract of one event.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The service that publishes it.
    pub service: String,
    /// Relative to the system's root.
    pub file: PathBuf,
    /// As the file says it.
    pub json: Value,
    pub schema: Schema,
}

/// By event.
pub type Contracts = BTreeMap<String, Contract>;

/// Reads and checks all contracts of the system.
///
/// # Errors
/// Everything that is wrong with them.
pub fn contracts(root: &Path, system: &System, files: &dyn Files) -> Result<Contracts, Vec<Fault>> {
    let mut all = Contracts::new();
    let mut faults = Vec::new();
    for service in system.services.values() {
        for (event, publish) in &service.publishes {
            match read(root, &publish.schema, files) {
                Ok((json, schema)) => {
                    let contract = Contract {
                        service: service.name.clone(),
                        file: publish.schema.clone(),
                        json,
                        schema,
                    };
                    faults.extend(key_is_there(event, publish, &contract));
                    faults.extend(changed(root, event, publish, &contract, files));
                    all.insert(event.clone(), contract);
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    for service in system.services.values() {
        for (table, copy) in &service.copies {
            if let Some(contract) = all.get(&copy.event) {
                faults.extend(taken(&service.name, table, copy, contract));
            }
        }
    }
    if faults.is_empty() {
        Ok(all)
    } else {
        Err(faults)
    }
}

fn read(root: &Path, file: &Path, files: &dyn Files) -> Result<(Value, Schema), Fault> {
    let shown = file.display();
    let refused = |why: String| {
        Fault::new("FH2501", format!("{shown}: {why}"))
            .help("a contract is a file of JSON Schema, named by `schema` below `publishes`")
    };
    let text = files
        .read(&root.join(file))
        .map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let json: Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("it is no JSON: {error}")))?;
    let schema =
        Schema::of(&json).map_err(|why| refused(format!("it is no JSON Schema: {why}")))?;
    Ok((json, schema))
}

fn key_is_there(event: &str, publish: &Publish, contract: &Contract) -> Option<Fault> {
    let file = contract.file.display();
    let missing = format!("{file}: the key of `{event}`, `{}`,", publish.key);
    let found = walk(&contract.schema, &publish.key);
    let (what, help) = match found {
        Found::Always | Found::NotTold => return None,
        Found::Sometimes => (
            "may be missing from an event",
            "list it below `required`, each part of its path",
        ),
        Found::Never => ("is no field of it", "`key` is a path of fields: order.id"),
    };
    Some(Fault::new("FH2505", format!("{missing} {what}")).help(help))
}

/// What a schema says of a field.
enum Found {
    Always,
    Sometimes,
    Never,
    /// It does not name its fields.
    NotTold,
}

/// What each item of this array is.
fn items_of<'a>(schema: &'a Schema, path: &str) -> Option<&'a Schema> {
    let array = path.split('.').try_fold(schema, Schema::named)?;
    array.items.as_deref()
}

/// Follows a path of fields.
fn walk(schema: &Schema, path: &str) -> Found {
    let mut at = schema;
    let mut always = true;
    for name in path.split('.') {
        if !at.names_fields() {
            return Found::NotTold;
        }
        let Some(next) = at.named(name) else {
            return Found::Never;
        };
        always &= at.requires(name);
        at = next;
    }
    if always {
        Found::Always
    } else {
        Found::Sometimes
    }
}

/// The contract's earlier states, oldest first: `order.confirmed.v2.1.json` beside the file.
fn earlier(root: &Path, event: &str, contract: &Contract, files: &dyn Files) -> Vec<PathBuf> {
    let folder = contract.file.parent().unwrap_or(Path::new(""));
    let names = files.list(&root.join(folder)).unwrap_or_default();
    let number = |name: &String| -> Option<(u32, PathBuf)> {
        let number = name.strip_prefix(event)?.strip_prefix('.')?;
        let number = number.strip_suffix(".json")?.parse().ok()?;
        Some((number, folder.join(name)))
    };
    let mut all: Vec<(u32, PathBuf)> = names.iter().filter_map(number).collect();
    all.sort();
    all.into_iter().map(|(_, file)| file).collect()
}

fn changed(
    root: &Path,
    event: &str,
    publish: &Publish,
    contract: &Contract,
    files: &dyn Files,
) -> Vec<Fault> {
    let mode = publish.compatibility;
    let mut states = earlier(root, event, contract, files);
    if !is_transitive(mode) {
        states.drain(..states.len().saturating_sub(1));
    }
    let held = states.into_iter().filter_map(|file| {
        let old = match read(root, &file, files) {
            Ok((_, schema)) => schema,
            Err(fault) => return Some(fault),
        };
        let (hurt, found) = holds(mode, &old, &contract.schema).err()?;
        Some(broken(event, contract, &file, hurt, &found))
    });
    held.collect()
}

fn broken(event: &str, contract: &Contract, old: &Path, hurt: Hurt, found: &Break) -> Fault {
    let (now, old) = (contract.file.display(), old.display());
    let at = if found.at.is_empty() {
        "the event".to_owned()
    } else {
        format!("`{}`", found.at)
    };
    let Some(example) = &found.example else {
        let message = format!(
            "{now}: whether `{event}` still keeps to {old} cannot be told: at {at}, {}",
            found.reason
        );
        return Fault::new("FH2503", message)
            .help("say it in the part of JSON Schema that is compared, or say `compatibility: none` and why");
    };
    let whose = match hurt {
        Hurt::NewReaders => "who knows it now cannot read what was written by",
        Hurt::OldReaders => "what is written now cannot be read by who knows",
    };
    let message = format!("{now}: `{event}`: {whose} {old}: at {at}, {}", found.reason);
    Fault::new("FH2502", message)
        .help(format!("the smallest event that shows it: {example}"))
        .help("give it the next version, with a topic of its own, or make the change one that both can read")
}

/// Fields that a copy takes and nobody publishes.
fn taken(service: &str, table: &str, copy: &CopyOf, contract: &Contract) -> Vec<Fault> {
    let version = copy.provenance.version.iter().map(|(_, field)| field);
    let mut fields: Vec<&String> = copy.key.values().chain(copy.columns.values()).collect();
    fields.extend(version);
    fields.extend(&copy.each);
    fields.sort();
    fields.dedup();
    let items = copy.each.as_ref();
    let items = items.and_then(|each| items_of(&contract.schema, each));
    let never = |field: &&String| {
        let found = match field.strip_prefix("@.") {
            Some(own) => items.map_or(Found::NotTold, |items| walk(items, own)),
            None if is_of_item(field) => Found::Always,
            None => walk(&contract.schema, field),
        };
        matches!(found, Found::Never)
    };
    let missing = fields.into_iter().filter(never);
    let faults = missing.map(|field| {
        let message = format!(
            "{service}: copy `{table}` takes `{field}`, which `{}` of {} does not have",
            copy.event, copy.service
        );
        let (of, own) = match (field.strip_prefix("@."), items) {
            (Some(own), Some(items)) => (items, own),
            _ => (&contract.schema, field.as_str()),
        };
        let known = of.fields().map(|(name, _)| name);
        let help = match nearest(own, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("its fields are in {}", contract.file.display()),
        };
        Fault::new("FH2504", message).help(help)
    });
    faults.collect()
}

/// Copies that hold everything that an event says.
#[must_use]
pub fn whole_copies(root: &Path, system: &System, files: &dyn Files, all: &Contracts) -> Vec<Lint> {
    let mut found = Vec::new();
    for service in system.services.values() {
        for (table, copy) in &service.copies {
            let Some(contract) = all.get(&copy.event) else {
                continue;
            };
            let taken = |name: &str| {
                let mut fields = copy.key.values().chain(copy.columns.values());
                fields.any(|own| own == name)
            };
            let fields = contract.schema.fields().count();
            if fields < MANY || !contract.schema.fields().all(|(name, _)| taken(name)) {
                continue;
            }
            let file = service.dir.join("service.yaml");
            let text = files.read(&root.join(&file)).unwrap_or_default();
            let message = format!(
                "copy `{table}` holds all {fields} fields of `{}`: each change of it concerns {}",
                copy.event, service.name
            );
            found.push(Lint::new(&WHOLE, &file, spot_of(&text, table), message));
        }
    }
    found
}

/// Where a copy is described.
fn spot_of(text: &str, table: &str) -> Spot {
    let copies = text.lines().position(|line| line.starts_with("copies:"));
    let below = text.lines().enumerate().skip(copies.unwrap_or(0));
    let found = below
        .map(|(at, line)| (at, line, line.trim_start()))
        .find(|(_, _, word)| {
            word.strip_prefix(table)
                .is_some_and(|rest| rest.starts_with(':'))
        });
    let (line, column) = found.map_or((1, 1), |(at, line, word)| {
        (at + 1, line.len() - word.len() + 1)
    });
    Spot {
        line,
        column,
        length: table.chars().count().max(1),
        symbol: String::new(),
    }
}
