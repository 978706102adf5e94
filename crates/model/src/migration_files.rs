//! Migration and seed files of one store: which exist, in what order, with what headers.
//!
//! Looks at names and headers only; SQL is the `sql` crate's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Place};
use crate::files::Files;
use crate::headers::{self, Headers};
use crate::migration::{Migration, Seed};
use crate::nearest::nearest;
use crate::service::{Migrations, Service};
use crate::store::{EngineKind, Store};
use crate::system::System;

/// The migrations of one store, by number, of the engine that the store's server has.
///
/// Empty where an existing tool is in charge, and where the folder does not exist (one that the
/// description names itself was refused by [`crate::load()`]). Paths are relative to `root`.
pub fn load_migrations(
    system: &System,
    service: &Service,
    store: &Store,
    files: &dyn Files,
    root: &Path,
) -> Result<Vec<Migration>, Vec<Fault>> {
    let Some(Migrations::Folder(folder)) = service.migrations_of(store) else {
        return Ok(Vec::new());
    };
    let mut reader = Reader {
        kind: &MIGRATIONS,
        service,
        files,
        root,
        faults: Vec::new(),
    };
    let pairs = reader.pairs(system, store, folder);
    let mut migrations = Vec::new();
    for Pair {
        number,
        name,
        up,
        down,
    } in pairs
    {
        let Headers {
            phase,
            no_transaction,
            lock_timeout,
            batch,
        } = headers::read(&up.text, &up.path, &mut reader.faults);
        if let Some(down) = &down {
            let why = "headers stand in the up file and count for both directions";
            headers::refuse(&down.text, &down.path, why, &mut reader.faults);
        } else if service.require_down {
            reader.faults.push(
                Fault::new(
                    "FH1205",
                    format!("{}: migration {} has no down", service.name, stem(&up.path)),
                )
                .at(beginning(&up.path))
                .help("write its `.down.sql`, or take `require_down` out of the service's file"),
            );
        }
        let (down, down_file) = down.map(|file| (file.text, file.path)).unzip();
        migrations.push(Migration {
            number,
            name,
            up: up.text,
            up_file: up.path,
            down,
            down_file,
            phase,
            no_transaction,
            lock_timeout,
            batch,
        });
    }
    reader.finish(migrations)
}

/// The seeds of one store, by number, of the engine that the store's server has. Empty where the
/// folder does not exist. Paths are relative to `root`.
pub fn load_seeds(
    system: &System,
    service: &Service,
    store: &Store,
    files: &dyn Files,
    root: &Path,
) -> Result<Vec<Seed>, Vec<Fault>> {
    let Some(folder) = service.seeds_of(store) else {
        return Ok(Vec::new());
    };
    let mut reader = Reader {
        kind: &SEEDS,
        service,
        files,
        root,
        faults: Vec::new(),
    };
    let pairs = reader.pairs(system, store, folder);
    let mut seeds = Vec::new();
    for Pair {
        number,
        name,
        up,
        down,
    } in pairs
    {
        let environments = headers::environments(&up.text, &up.path, &mut reader.faults);
        if let Some(down) = &down {
            let why = "headers stand in the up file and count for both directions";
            headers::refuse(&down.text, &down.path, why, &mut reader.faults);
        }
        let (down, down_file) = down.map(|file| (file.text, file.path)).unzip();
        seeds.push(Seed {
            number,
            name,
            up: up.text,
            up_file: up.path,
            down,
            down_file,
            environments,
        });
    }
    reader.finish(seeds)
}

/// What differs between the two kinds of numbered files.
struct Kind {
    noun: &'static str,
    min_digits: usize,
    form: &'static str,
}

const MIGRATIONS: Kind = Kind {
    noun: "migration",
    min_digits: 4,
    form: "NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql",
};
const SEEDS: Kind = Kind {
    noun: "seed",
    min_digits: 2,
    form: "NN_name.up.sql and NN_name.down.sql: 01_books.up.sql",
};

struct SqlFile {
    path: PathBuf,
    text: String,
}

struct Pair {
    number: u32,
    name: String,
    up: SqlFile,
    down: Option<SqlFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

struct Reader<'a> {
    kind: &'a Kind,
    service: &'a Service,
    files: &'a dyn Files,
    root: &'a Path,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn finish<T>(mut self, read: Vec<T>) -> Result<Vec<T>, Vec<Fault>> {
        self.faults.sort_by(|a, b| a.place.cmp(&b.place));
        if self.faults.is_empty() {
            Ok(read)
        } else {
            Err(self.faults)
        }
    }

    /// In order of their numbers.
    fn pairs(&mut self, system: &System, store: &Store, folder: &Path) -> Vec<Pair> {
        let Some(server) = system.servers.get(&store.server) else {
            let message = format!(
                "{}: server `{}` is not described",
                self.service.name, store.server
            );
            self.faults
                .push(Fault::new("FH1112", message).help("name it below `servers:`"));
            return Vec::new();
        };
        let Some((folder, names)) = self.engine_folder(folder, server.engine) else {
            return Vec::new();
        };
        let mut ups: BTreeMap<u32, (String, PathBuf)> = BTreeMap::new();
        let mut downs: BTreeMap<(u32, String), PathBuf> = BTreeMap::new();
        let mut ambiguous = BTreeSet::new();
        for file in names {
            let path = folder.join(&file);
            match parse_name(&file, self.kind.min_digits) {
                Some((number, name, Direction::Up)) => {
                    if let Some((_, first)) = ups.get(&number) {
                        ambiguous.insert(number);
                        self.faults.push(self.twice(number, &path, first));
                    } else {
                        ups.insert(number, (name, path));
                    }
                }
                Some((number, name, Direction::Down)) => {
                    downs.insert((number, name), path);
                }
                None => self.faults.push(self.badly_named(&path)),
            }
        }
        let mut pairs = Vec::new();
        for (number, (name, up)) in &ups {
            let down = downs.remove(&(*number, name.clone()));
            let (up, down) = (self.read(up.clone()), down.map(|down| self.read(down)));
            if let (Some(up), down) = (up, down.flatten()) {
                pairs.push(Pair {
                    number: *number,
                    name: name.clone(),
                    up,
                    down,
                });
            }
        }
        for ((number, _), down) in downs.iter().filter(|((it, _), _)| !ambiguous.contains(it)) {
            let up = ups.get(number).map(|(_, up)| up.as_path());
            self.faults.push(self.down_alone(down, up));
        }
        pairs
    }

    /// The folder that serves `engine` and the names of SQL files in it; `None` where there is
    /// nothing, or after a fault.
    fn engine_folder(
        &mut self,
        folder: &Path,
        engine: EngineKind,
    ) -> Option<(PathBuf, Vec<String>)> {
        let names = self.list(folder)?;
        let (mut folders, mut sql) = (Vec::new(), Vec::new());
        for name in names {
            if self.files.is_dir(&self.root.join(folder).join(&name)) {
                folders.push(name);
            } else if is_sql(&name) {
                sql.push(name);
            }
        }
        let engines: Vec<&str> = EngineKind::ALL
            .iter()
            .map(|kind| kind.name())
            .filter(|name| folders.iter().any(|folder| folder == name))
            .collect();
        self.misspelt_engines(folder, &folders);
        if engines.is_empty() {
            return Some((folder.to_path_buf(), sql));
        }
        for name in &sql {
            let message = format!(
                "{}: {name} lies beside folders of engines",
                self.service.name
            );
            self.faults.push(
                Fault::new("FH1206", message)
                    .at(beginning(&folder.join(name)))
                    .help(format!("move it into {}/", engines.join("/ or "))),
            );
        }
        let Some(served) = engine
            .migration_folders()
            .iter()
            .find(|it| engines.contains(it))
        else {
            let message = format!(
                "{}: {} has {}s for {}, and none for {engine}",
                self.service.name,
                folder.display(),
                self.kind.noun,
                engines.join(", ")
            );
            self.faults.push(Fault::new("FH1206", message).help(format!(
                "write them in {}/{engine}/, or place the store on another server",
                folder.display()
            )));
            return None;
        };
        let folder = folder.join(served);
        let mut names = self.list(&folder)?;
        names.retain(|name| is_sql(name));
        Some((folder, names))
    }

    fn misspelt_engines(&mut self, folder: &Path, folders: &[String]) {
        for name in folders {
            let meant = nearest(name, EngineKind::ALL.iter().map(|kind| kind.name()));
            if let Some(meant) = meant.filter(|meant| meant != name) {
                let message = format!(
                    "{}: {} is no engine's folder",
                    self.service.name,
                    folder.join(name).display()
                );
                self.faults
                    .push(Fault::new("FH1206", message).help(format!("did you mean `{meant}`?")));
            }
        }
    }

    /// Sorted; without hidden files. `None`: no such folder, or a fault.
    fn list(&mut self, folder: &Path) -> Option<Vec<String>> {
        match self.files.list(&self.root.join(folder)) {
            Ok(mut names) => {
                names.retain(|name| !name.starts_with('.'));
                names.sort();
                Some(names)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.faults.push(unreadable(folder, &error));
                None
            }
        }
    }

    fn read(&mut self, path: PathBuf) -> Option<SqlFile> {
        match self.files.read(&self.root.join(&path)) {
            Ok(text) => Some(SqlFile { path, text }),
            Err(error) => {
                self.faults.push(unreadable(&path, &error));
                None
            }
        }
    }

    fn badly_named(&self, path: &Path) -> Fault {
        let message = format!(
            "{}: this is no name of a {}",
            self.service.name, self.kind.noun
        );
        Fault::new("FH1201", message)
            .at(beginning(path))
            .help(format!("names are {}", self.kind.form))
    }

    fn twice(&self, number: u32, path: &Path, first: &Path) -> Fault {
        let message = format!(
            "{}: number {number} is used by two {}s",
            self.service.name, self.kind.noun
        );
        Fault::new("FH1202", message)
            .at(beginning(path))
            .help(format!("the other one is {}", first.display()))
            .help("give the one that is not applied anywhere yet the next free number")
    }

    fn down_alone(&self, down: &Path, up: Option<&Path>) -> Fault {
        let message = format!("{}: this down belongs to no up", self.service.name);
        let fault = Fault::new("FH1203", message).at(beginning(down));
        match up {
            Some(up) => fault.help(format!(
                "{} has the same number; give both the same name",
                up.display()
            )),
            None => fault.help("write its `.up.sql`, or remove it"),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(
        "FH1208",
        format!("{} cannot be read: {error}", path.display()),
    )
    .help("it must be readable by you, and UTF-8")
}

/// Number, name and direction; the number has at least `min_digits` digits.
fn parse_name(file: &str, min_digits: usize) -> Option<(u32, String, Direction)> {
    let (stem, direction) = match file.strip_suffix(".up.sql") {
        Some(stem) => (stem, Direction::Up),
        None => (file.strip_suffix(".down.sql")?, Direction::Down),
    };
    let (digits, name) = stem.split_once('_')?;
    let numbered = digits.len() >= min_digits && digits.bytes().all(|b| b.is_ascii_digit());
    let named = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    (numbered && named).then_some(())?;
    Some((digits.parse().ok()?, name.to_owned(), direction))
}

/// Also what is meant to be SQL and is not spelt so.
fn is_sql(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("sql"))
}

/// `0001_orders` of `…/0001_orders.up.sql`
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

fn beginning(path: &Path) -> Place {
    Place {
        file: path.to_path_buf(),
        line: 1,
        column: 1,
    }
}
