//! From arguments to targets: finds and loads the description, places it, resolves secrets, reads
//! migrations and seeds. Everything that is wrong with the input is found here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_credentials::resolve;
use freehold_engine::{Address, Endpoint, Secret};
use freehold_lifecycle::{Target, check_targets, target};
use freehold_model::{
    EngineKind, Fault, Migration, Seed, Service, Store, System, load, load_migrations, load_seeds,
    nearest,
};

use crate::args::Args;
use crate::files::DiskFiles;
use crate::servers::{Place, Placed, place};

type Result<T> = std::result::Result<T, Vec<Fault>>;

/// A loaded system, placed on its servers.
pub(crate) struct Context {
    pub(crate) root: PathBuf,
    pub(crate) system: System,
    pub(crate) started: Vec<(String, String, u16, bool)>,
    urls: BTreeMap<String, Secret>,
    /// Servers are entered by their `planner_url:` where they have one.
    only_looks: bool,
}

impl Context {
    /// Loads and places. Nothing is connected to, but private servers are started with
    /// `--servers local`.
    pub(crate) async fn load(args: &Args, default: Place) -> Result<Self> {
        let root = find_root(args.directory.as_deref())?;
        let system = load(&root, args.environment.as_deref(), &DiskFiles)?;
        let wanted = args
            .servers
            .as_deref()
            .map_or(default, |text| Place::parse(Some(text)));
        let Placed {
            system,
            urls,
            started,
        } = place(system, &wanted, &root).await?;
        Ok(Self {
            root,
            system,
            started,
            urls,
            only_looks: false,
        })
    }

    /// For a command that changes nothing: where a server has a `planner_url:`, that login looks, and
    /// the administrator's is not even resolved.
    pub(crate) fn only_look(&mut self) {
        self.only_looks = true;
    }

    fn by_planner(&self, key: &str) -> bool {
        self.only_looks && self.system.servers[key].planner_url.is_some()
    }

    /// The stores of these services (all when none is named), checked against each other. All
    /// services are resolved, since a boundary has two sides; secrets are asked for only once.
    pub(crate) fn targets(
        &mut self,
        services: &[String],
        server_wide: bool,
    ) -> Result<Vec<Target>> {
        for name in services {
            if !self.system.services.contains_key(name) {
                return Err(vec![unknown_service(&self.system, name)]);
            }
        }
        let system = self.system.clone();
        let mut targets = Vec::new();
        let mut faults = Vec::new();
        for service in system.services.values() {
            for store in service.stores.values() {
                match self.target(&system, service, store) {
                    Ok(mut target) => {
                        target.want.server_wide = server_wide;
                        targets.push(target);
                    }
                    Err(found) => faults.extend(found),
                }
            }
        }
        if !faults.is_empty() {
            faults.dedup();
            return Err(faults);
        }
        crate::sagas::place(&self.root, &system, &mut targets)?;
        check_targets(&targets)?;
        targets.retain(|target| services.is_empty() || services.contains(&target.want.service));
        Ok(targets)
    }

    /// `orders`, `orders.search`.
    pub(crate) fn store_named(&self, label: &str) -> Result<(Service, Store)> {
        let (name, key) = label.split_once('.').unwrap_or((label, "main"));
        let Some(service) = self.system.services.get(name) else {
            return Err(vec![unknown_service(&self.system, name)]);
        };
        let Some(store) = service.stores.get(key) else {
            let keys: Vec<_> = service.stores.keys().map(String::as_str).collect();
            return Err(vec![
                Fault::new("FH1307", format!("the service {name} has no store `{key}`"))
                    .help(format!("it has: {}", keys.join(", "))),
            ]);
        };
        Ok((service.clone(), store.clone()))
    }

    /// One store, to be adopted. `other_tool`: files that are none of freehold's may lie in its
    /// folder.
    pub(crate) fn adoptable(
        &mut self,
        service: &Service,
        store: &Store,
        other_tool: bool,
    ) -> Result<Target> {
        let system = self.system.clone();
        let migrations = load_migrations(&system, service, store, &DiskFiles, &self.root);
        let migrations = match migrations {
            Err(_) if other_tool => Vec::new(),
            migrations => migrations?,
        };
        self.target_of(&system, service, store, migrations, Vec::new())
    }

    fn target(&mut self, system: &System, service: &Service, store: &Store) -> Result<Target> {
        let migrations = load_migrations(system, service, store, &DiskFiles, &self.root);
        let seeds = load_seeds(system, service, store, &DiskFiles, &self.root);
        let (migrations, seeds) = match (migrations, seeds) {
            (Ok(migrations), Ok(seeds)) => (migrations, seeds),
            (migrations, seeds) => {
                return Err(migrations
                    .err()
                    .into_iter()
                    .chain(seeds.err())
                    .flatten()
                    .collect());
            }
        };
        self.target_of(system, service, store, migrations, seeds)
    }

    fn target_of(
        &mut self,
        system: &System,
        service: &Service,
        store: &Store,
        migrations: Vec<Migration>,
        seeds: Vec<Seed>,
    ) -> Result<Target> {
        let server = &system.servers[&store.server];
        let engine = freehold_builtin::engine(server.engine).ok_or_else(|| {
            vec![
                Fault::new("FH3007", format!("{}: the engine {} is not there yet", service.name, server.engine))
                    .help("freehold engines shows those that are; `--servers embedded` places stores on SQLite"),
            ]
        })?;
        let url = self.url(&store.server, system)?;
        let mut admin = endpoint(server.engine, &url, &format!("server {}", store.server))?;
        // A child may run in another folder: its URL has to hold there too.
        if let Address::Path(path) = &mut admin.address {
            *path = std::path::absolute(self.root.join(&*path)).unwrap_or_default();
        }
        let mut target = target(system, service, store, engine, admin, migrations, seeds)?;
        target.planner = self.by_planner(&store.server);
        if let Some(tool) = &mut target.foreign_tool {
            tool.dir = std::path::absolute(self.root.join(&tool.dir)).unwrap_or_default();
        }
        Ok(target)
    }

    /// The pooler that applications use in place of the server itself, where there is one.
    pub(crate) fn pooled(&self, target: &Target) -> Result<Option<Endpoint>> {
        let server = &self.system.servers[&target.server];
        let Some(reference) = &server.pooled else {
            return Ok(None);
        };
        let what = format!("`pooled` of server {}", target.server);
        let url = resolve(reference, &self.root, &what).map_err(|fault| vec![fault])?;
        endpoint(server.engine, &url, &what).map(Some)
    }

    /// A server's URL, resolved once.
    fn url(&mut self, key: &str, system: &System) -> Result<Secret> {
        if let Some(url) = self.urls.get(key) {
            return Ok(url.clone());
        }
        let what = format!("server {key}");
        let server = &system.servers[key];
        let reference = if self.by_planner(key) {
            &server.planner_url
        } else {
            &server.url
        };
        let Some(reference) = reference else {
            return Err(vec![
                Fault::new("FH1306", format!("{what}: the description names no `url:`"))
                    .help("add `url: \"env:NAME\"` to it, or choose `--servers embedded`, `local` or a file"),
            ]);
        };
        let url = resolve(reference, &self.root, &what).map_err(|fault| vec![fault])?;
        self.urls.insert(key.to_owned(), url.clone());
        Ok(url)
    }
}

fn endpoint(kind: EngineKind, url: &Secret, what: &str) -> Result<Endpoint> {
    Endpoint::parse(kind, url).map_err(|error| {
        vec![
            Fault::new("FH1305", format!("{what}: {}", error.message))
                .help("freehold explain FH1305 shows the forms"),
        ]
    })
}

fn unknown_service(system: &System, name: &str) -> Fault {
    let fault = Fault::new(
        "FH1307",
        format!("there is no service `{name}` in {}", system.name),
    );
    if let Some(near) = nearest(name, system.services.keys().map(String::as_str)) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    let names: Vec<_> = system.services.keys().map(String::as_str).collect();
    fault.help(format!("there are: {}", names.join(", ")))
}

/// The folder named, or the nearest from here upwards that has a `freehold.yaml`.
pub(crate) fn find_root(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = named {
        if folder.join("freehold.yaml").is_file() {
            return Ok(folder.to_owned());
        }
        let text = format!("there is no freehold.yaml in {}", folder.display());
        return Err(vec![
            Fault::new("FH1308", text).help("`freehold init DIR` makes a system to begin with"),
        ]);
    }
    let here = std::env::current_dir().unwrap_or_default();
    let found = here
        .ancestors()
        .find(|folder| folder.join("freehold.yaml").is_file());
    match found {
        Some(folder) if folder == here => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_owned()),
        None => Err(vec![
            Fault::new(
                "FH1308",
                "there is no freehold.yaml here or in a folder above",
            )
            .help("change into the system's folder, or name it: freehold -C DIR …"),
        ]),
    }
}
