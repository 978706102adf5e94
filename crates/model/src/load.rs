//! From files to a [`System`]: reads, checks each file, merges the environment, validates the
//! whole. The one place that knows the order of these; what each does is in its own module.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::check::{Completeness, check};
use crate::fault::Fault;
use crate::files::Files;
use crate::identities::{base_name, refit};
use crate::nearest::nearest;
use crate::node::{self, Node};
use crate::places::Places;
use crate::service::Service;
use crate::service_dirs::{self, Pattern};
use crate::service_file::ServiceFile;
use crate::service_from_file::{named_folders, service};
use crate::shape::{self, Shape};
use crate::system::{Broker, Exercises, Server, System};
use crate::system_file::{ServersFile, SystemFile};
use crate::system_from_file::{access, broker, servers};
use crate::validate::validate;
use crate::yaml;

const SYSTEM_FILE: &str = "freehold.yaml";

/// The system that `freehold.yaml` in `root` describes, with `environments/<environment>.yaml`
/// merged over it.
///
/// On failure: everything that is wrong, sorted by file and line, as far as files could be read;
/// paths in faults are relative to `root`. Paths in the system are, too.
pub fn load(
    root: &Path,
    environment: Option<&str>,
    files: &dyn Files,
) -> Result<System, Vec<Fault>> {
    let mut loader = Loader::new(root, files);
    let system = loader.system(environment);
    if loader.faults.is_empty() {
        return Ok(system);
    }
    Err(sorted(loader.faults))
}

/// The servers that a file of `--servers FILE` names: one key, `servers:`, in the shape that it
/// has in `freehold.yaml`. `path` is read as it is; `file:` references in it come back joined
/// onto its folder, so give an absolute one.
pub fn load_servers(
    path: &Path,
    files: &dyn Files,
) -> Result<BTreeMap<String, Server>, Vec<Fault>> {
    let mut loader = Loader::new(Path::new(""), files);
    let node = loader.read(path).unwrap_or_else(|fault| Err(vec![fault]))?;
    let faults = check(&node, &shape::SERVERS, Completeness::Whole);
    if !faults.is_empty() {
        return Err(faults);
    }
    let file: ServersFile = deserialise(&node).map_err(|fault| vec![fault])?;
    let servers = servers(file.servers, &node, &mut loader.faults);
    if loader.faults.is_empty() {
        Ok(servers)
    } else {
        Err(sorted(loader.faults))
    }
}

impl System {
    /// The same system on other servers (`--servers`): generated names are fitted to the new
    /// engines, and every rule over the system is checked again. Stores name the same server
    /// keys as before; faults have no place, since no file is wrong.
    pub fn with_servers(mut self, servers: BTreeMap<String, Server>) -> Result<System, Vec<Fault>> {
        for service in self.services.values_mut() {
            for store in service.stores.values_mut() {
                let (old, new) = (self.servers.get(&store.server), servers.get(&store.server));
                if let (Some(old), Some(new)) = (old, new) {
                    let base = base_name(&service.name, &store.key);
                    store.identities =
                        refit(store.identities.clone(), &base, old.engine, new.engine);
                }
            }
        }
        self.servers = servers;
        let faults = validate(&self, &Places::default(), true);
        if faults.is_empty() {
            Ok(self)
        } else {
            Err(faults)
        }
    }
}

struct Loader<'a> {
    root: &'a Path,
    files: &'a dyn Files,
    /// Of `services:`, as far as it is known.
    patterns: Vec<Pattern>,
    faults: Vec<Fault>,
}

impl<'a> Loader<'a> {
    fn new(root: &'a Path, files: &'a dyn Files) -> Self {
        Self {
            root,
            files,
            patterns: Pattern::guess(),
            faults: Vec::new(),
        }
    }

    fn system(&mut self, environment: Option<&str>) -> System {
        let environment_node = environment.and_then(|name| self.environment(name));
        let overrides = environment_node
            .as_ref()
            .and_then(|node| node.entry("override"))
            .cloned();
        let node = self.system_file(environment, environment_node);
        let file: Option<SystemFile> = node.as_ref().and_then(|node| self.typed(node));

        let mut places = Places::default();
        let mut system = System {
            name: String::new(),
            environment: environment.map(str::to_owned),
            protect: false,
            servers: BTreeMap::new(),
            broker: Broker::Embedded,
            services: BTreeMap::new(),
            access: Vec::new(),
            exercises: Exercises::default(),
        };
        let understood = file.is_some();
        if let (Some(file), Some(node)) = (file, &node) {
            crate::system_from_file::plain_name(
                "system",
                &file.system,
                node,
                &["system"],
                &mut self.faults,
            );
            system.name = file.system;
            system.protect = file.protect;
            system.servers = servers(file.servers, node, &mut self.faults);
            system.broker = broker(file.broker, node, &mut self.faults);
            system.access = access(file.access, node, &mut self.faults);
            let exercises = file.exercises.map(|file| Exercises {
                once: file.once,
                load: file.load,
            });
            system.exercises = exercises.unwrap_or_default();
        }
        let overrides = overrides.map(|entry| entry.node);
        let complete = self.services(overrides.as_ref(), &mut system, &mut places);
        places.system = node;
        if understood {
            self.faults.extend(validate(&system, &places, complete));
        }
        system
    }

    /// The environment's file, where it is without fault.
    fn environment(&mut self, name: &str) -> Option<Node> {
        let folder = Path::new("environments");
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            let message = format!("`{name}` cannot be the name of an environment");
            self.faults.push(
                Fault::new("FH1101", message)
                    .help("-e takes the name of a file in environments/, without .yaml"),
            );
            return None;
        }
        let path = folder.join(format!("{name}.yaml"));
        let read = self.read(&path).map_err(|mut fault| {
            let names = self.files.list(&self.root.join(folder)).unwrap_or_default();
            let known: Vec<&str> = names
                .iter()
                .filter_map(|it| it.strip_suffix(".yaml"))
                .collect();
            if !known.is_empty() {
                fault = fault.help(format!("environments here: {}", known.join(", ")));
            }
            fault
        });
        let node = self.noted(read)?;
        self.checked(node, &shape::ENVIRONMENT, Completeness::Part)
    }

    /// `freehold.yaml` with the environment merged in, where both are without fault.
    fn system_file(&mut self, environment: Option<&str>, over: Option<Node>) -> Option<Node> {
        let read = self.read(Path::new(SYSTEM_FILE)).map_err(|fault| {
            fault.help("`freehold init` makes one; -C DIR names the folder that has one")
        });
        let node = self.noted(read)?;
        self.patterns = Pattern::all_in(&node);
        let completeness = if environment.is_some() {
            Completeness::Part
        } else {
            Completeness::Whole
        };
        let mut node = self.checked(node, &shape::SYSTEM, completeness)?;
        if environment.is_none() {
            return Some(node);
        }
        let mut over = over?;
        over.remove("override");
        node::merge(&mut node, &over);
        self.patterns = Pattern::all_in(&node);
        self.checked(node, &shape::SYSTEM, Completeness::Whole)
    }

    /// Reads all services into `system`. False when one could not be.
    fn services(
        &mut self,
        overrides: Option<&Node>,
        system: &mut System,
        places: &mut Places,
    ) -> bool {
        let mut overridden = BTreeSet::new();
        let before = self.faults.len();
        let dirs = service_dirs::find(self.root, &self.patterns, self.files, &mut self.faults);
        let mut complete = self.faults.len() == before;
        for dir in dirs {
            let Some((file, node)) = self.service_file(&dir, overrides, &mut overridden) else {
                complete = false;
                continue;
            };
            let service = service(file, &node, &dir, &system.servers, &mut self.faults);
            self.folders_exist(&service, &node);
            if let Some(first) = system.services.get(&service.name) {
                let first = places.in_service(&first.name, &["service"]);
                let first = first.map_or_else(String::new, |place| place.to_string());
                self.faults.push(
                    Fault::new(
                        "FH1111",
                        format!("service `{}` is described twice", service.name),
                    )
                    .at(node.place(&["service"]))
                    .help(format!("the other one: {first}")),
                );
                continue;
            }
            places.services.insert(service.name.clone(), node);
            system.services.insert(service.name.clone(), service);
        }
        if complete {
            self.unknown_overrides(overrides, system, &overridden);
        }
        complete
    }

    /// One service's file with its override merged in; `None` after a fault.
    fn service_file(
        &mut self,
        dir: &Path,
        overrides: Option<&Node>,
        overridden: &mut BTreeSet<String>,
    ) -> Option<(ServiceFile, Node)> {
        let read = self
            .read(&dir.join("service.yaml"))
            .map_err(|fault| fault.help("`services` in freehold.yaml names this folder"));
        let node = self.noted(read)?;
        let name = node.entry("service").and_then(|entry| entry.node.text());
        let over = name.and_then(|name| overrides?.entry(name));
        let completeness = if over.is_some() {
            Completeness::Part
        } else {
            Completeness::Whole
        };
        let mut node = self.checked(node, &shape::SERVICE, completeness)?;
        if let Some(over) = over {
            overridden.insert(over.key.clone());
            node::merge(&mut node, &over.node);
            node = self.checked(node, &shape::SERVICE, Completeness::Whole)?;
        }
        Some((self.typed(&node)?, node))
    }

    fn unknown_overrides(
        &mut self,
        overrides: Option<&Node>,
        system: &System,
        overridden: &BTreeSet<String>,
    ) {
        for entry in overrides.map(Node::entries).unwrap_or_default() {
            if overridden.contains(&entry.key) {
                continue;
            }
            let known: Vec<&str> = system.services.keys().map(String::as_str).collect();
            let help = match nearest(&entry.key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("services here: {}", known.join(", ")),
            };
            self.faults.push(
                Fault::new(
                    "FH1120",
                    format!(
                        "`override` names a service `{}`, which is not described",
                        entry.key
                    ),
                )
                .at(entry.mark.place())
                .help(help),
            );
        }
    }

    fn folders_exist(&mut self, service: &Service, node: &Node) {
        for (path, folder) in named_folders(service, node) {
            if self.files.is_dir(&self.root.join(&folder)) {
                continue;
            }
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let message = format!("{}: there is no folder {}", service.name, folder.display());
            self.faults.push(
                Fault::new("FH1207", message)
                    .at(node.place(&path))
                    .help("make it, or mend the path; it is relative to the service's folder"),
            );
        }
    }

    fn read(&self, path: &Path) -> Result<Result<Node, Vec<Fault>>, Fault> {
        match self.files.read(&self.root.join(path)) {
            Ok(text) => Ok(yaml::parse(&text, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::new(
                "FH1101",
                format!("there is no file {}", path.display()),
            )),
            Err(error) => Err(Fault::new(
                "FH1101",
                format!("{} cannot be read: {error}", path.display()),
            )),
        }
    }

    fn noted(&mut self, read: Result<Result<Node, Vec<Fault>>, Fault>) -> Option<Node> {
        match read {
            Ok(Ok(node)) => return Some(node),
            Ok(Err(faults)) => self.faults.extend(faults),
            Err(fault) => self.faults.push(fault),
        }
        None
    }

    fn checked(&mut self, node: Node, shape: &Shape, completeness: Completeness) -> Option<Node> {
        let faults = check(&node, shape, completeness);
        let fits = faults.is_empty();
        self.faults.extend(faults);
        fits.then_some(node)
    }

    fn typed<T: DeserializeOwned>(&mut self, node: &Node) -> Option<T> {
        deserialise(node)
            .map_err(|fault| self.faults.push(fault))
            .ok()
    }
}

pub(crate) fn deserialise<T: DeserializeOwned>(node: &Node) -> Result<T, Fault> {
    // What fits the schema deserialises; a message of serde's is better than a panic if not.
    serde_json::from_value(node.to_json())
        .map_err(|error| Fault::new("FH1105", error.to_string()).at(node.mark.place()))
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    faults.dedup();
    faults
}
