//! What a `service.yaml` says, as nouns with defaults filled in. Finds what is wrong with single
//! values; rules over several services are [`crate::validate`]'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::event_from_file;
use crate::fault::Fault;
use crate::identities::{GivenNames, base_name};
use crate::names::{fit, relative_to};
use crate::node::Node;
use crate::outbox_from_file;
use crate::places::store_path;
use crate::read_model;
use crate::secret_ref::{holds_password, is_variable_name};
use crate::service::{Entity, Migrations, Run, Service, TableRule};
use crate::service_file::{
    CredentialsFile, IdentitiesFile, MigrationsFile, RunFile, ServiceFile, StoreFile, Tls,
};
use crate::store::{Deliver, Isolation, Store};
use crate::system::Server;
use crate::system_from_file::plain_name;

/// `root` is the whole file (with the environment merged in) that `file` was deserialised from;
/// `dir` its folder, relative to the system's root. Without a server names are fitted to the
/// widest limit; that the server is unknown is said elsewhere.
pub(crate) fn service(
    file: ServiceFile,
    root: &Node,
    dir: &Path,
    servers: &BTreeMap<String, Server>,
    faults: &mut Vec<Fault>,
) -> Service {
    let mut reader = Reader {
        name: &file.service,
        root,
        dir,
        servers,
        faults,
    };
    plain_name("service", &file.service, root, &["service"], reader.faults);
    reader.globs(&file.code);
    let stores = reader.stores(file.store, file.stores, file.identities);
    let deliver = reader.credentials(file.credentials);
    let migrations = file
        .migrations
        .map(|it| reader.migrations(it, &["migrations"]));
    let run = file.run.map(|run| reader.run(run));
    let publishes = event_from_file::publishes(&file.service, file.publishes, root, dir, faults);
    let outboxes = outbox_from_file::outboxes(&file.service, file.outbox, &publishes, root, faults);
    let copies = event_from_file::copies(&file.service, file.copies, root, faults);
    let read_models = read_model::from_files(&file.service, file.read_models, root, faults);
    Service {
        dir: dir.to_path_buf(),
        team: file.team,
        code: file.code,
        stores,
        entities: (file.entities.into_iter())
            .map(|(name, entity)| {
                (
                    name,
                    Entity {
                        tables: entity.tables,
                        why: entity.why,
                    },
                )
            })
            .collect(),
        extensions: file.extensions,
        tables: (file.tables.into_iter())
            .map(|(name, table)| {
                (
                    name,
                    TableRule {
                        append_only: table.append_only,
                    },
                )
            })
            .collect(),
        migrations: migrations.unwrap_or_else(|| Migrations::Folder(dir.join("migrations"))),
        require_down: file.require_down,
        seeds: file
            .seeds
            .map_or_else(|| dir.join("seeds"), |path| relative_to(dir, &path)),
        deliver,
        run,
        publishes,
        outboxes,
        copies,
        read_models,
        sagas: (file.sagas.iter())
            .map(|path| relative_to(dir, path))
            .collect(),
        name: file.service,
    }
}

struct Reader<'a> {
    name: &'a str,
    root: &'a Node,
    dir: &'a Path,
    servers: &'a BTreeMap<String, Server>,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(
        &mut self,
        code: &'static str,
        message: impl std::fmt::Display,
        path: &[&str],
        help: impl Into<String>,
    ) {
        let message = format!("{}: {message}", self.name);
        self.faults.push(
            Fault::new(code, message)
                .at(self.root.place(path))
                .help(help),
        );
    }

    fn globs(&mut self, globs: &[String]) {
        for (index, glob) in globs.iter().enumerate() {
            if let Err(error) = globset::Glob::new(glob) {
                let message = format!("`{glob}` is no pattern of files: {}", error.kind());
                self.fault(
                    "FH1109",
                    message,
                    &["code", &index.to_string()],
                    "patterns look like src/**",
                );
            }
        }
    }

    fn stores(
        &mut self,
        store: Option<StoreFile>,
        stores: Option<BTreeMap<String, StoreFile>>,
        identities: Option<IdentitiesFile>,
    ) -> BTreeMap<String, Store> {
        let stores = match (store, stores) {
            (Some(_), Some(_)) => {
                self.fault(
                    "FH1122",
                    "`store` and `stores` are both given",
                    &["store"],
                    "move what `store` says to `main` below `stores`",
                );
                return BTreeMap::new();
            }
            (Some(store), None) => BTreeMap::from([("main".to_owned(), store)]),
            (None, Some(stores)) => stores,
            (None, None) => BTreeMap::new(),
        };
        if !stores.contains_key("main") {
            let help = "each service owns a database: add `store: { server: … }`, or `main` below `stores`";
            self.fault("FH1122", "there is no store `main`", &["stores"], help);
        }
        let mut identities = identities;
        let mut all = BTreeMap::new();
        for (key, file) in stores {
            let beside = if key == "main" {
                identities.take()
            } else {
                None
            };
            let store = self.store(&key, file, beside);
            all.insert(key, store);
        }
        all
    }

    /// `beside`: the `identities` of the service itself.
    fn store(&mut self, key: &str, file: StoreFile, beside: Option<IdentitiesFile>) -> Store {
        let path = store_path(self.root, key);
        let below = |key: &'static str| [path.as_slice(), &[key]].concat();
        plain_name("store", key, self.root, &path, self.faults);
        let limit = self
            .servers
            .get(&file.server)
            .map_or(63, |server| server.engine.name_limit());
        let base = base_name(self.name, key);
        if let Some(name) = &file.name {
            plain_name(
                "store on a server",
                name,
                self.root,
                &below("name"),
                self.faults,
            );
        }
        let identities = match (file.identities, beside) {
            (Some(_), Some(_)) => {
                let help = "keep those beside the store, or those within it";
                self.fault(
                    "FH1122",
                    "`identities` of `main` are given twice",
                    &["identities"],
                    help,
                );
                None
            }
            (Some(inside), None) => Some((inside, below("identities"))),
            (None, beside) => beside.map(|beside| (beside, vec!["identities"])),
        };
        if let Some((identities, path)) = &identities {
            self.logins(identities, path);
        }
        let identities = identities
            .map(|(it, _)| GivenNames::new(it))
            .unwrap_or_default();
        let migrations = file
            .migrations
            .map(|it| self.migrations(it, &below("migrations")));
        Store {
            key: key.to_owned(),
            name: file.name.unwrap_or_else(|| fit(&base, 63)),
            isolation: file.isolation.unwrap_or(Isolation::Database),
            engines: file.engines,
            derived: file.derived,
            prune: file.prune,
            require_tls: file.tls == Some(Tls::Required),
            migrations,
            seeds: file.seeds.map(|path| relative_to(self.dir, &path)),
            identities: identities.complete(&base, limit),
            server: file.server,
        }
    }

    fn logins(&mut self, identities: &IdentitiesFile, path: &[&str]) {
        let logins = identities.app.as_ref().and_then(|app| app.logins.as_ref());
        let Some(logins) = logins.filter(|logins| logins.len() != 2) else {
            return;
        };
        let message = format!("`logins` of `app` takes two names, not {}", logins.len());
        let path = [path, &["app", "logins"]].concat();
        self.fault(
            "FH1123",
            message,
            &path,
            "passwords rotate by alternating between the two",
        );
    }

    fn migrations(&mut self, file: MigrationsFile, path: &[&str]) -> Migrations {
        match file {
            MigrationsFile::Folder(folder) => Migrations::Folder(relative_to(self.dir, &folder)),
            MigrationsFile::Tool(tool) => {
                self.command(&tool.command, &[path, &["command"]].concat());
                Migrations::By {
                    tool: tool.by,
                    command: tool.command,
                }
            }
        }
    }

    fn command(&mut self, command: &[String], path: &[&str]) {
        if command.first().is_none_or(String::is_empty) {
            self.fault(
                "FH1124",
                "`command` names no program",
                path,
                "write the program and its arguments as a list",
            );
        }
        if command.iter().any(|argument| holds_password(argument)) {
            let help = "arguments are seen by everybody on the machine; let the program read it from its environment";
            self.fault(
                "FH1301",
                "an argument in `command` holds a password",
                path,
                help,
            );
        }
    }

    fn credentials(&mut self, file: Option<CredentialsFile>) -> Deliver {
        let Some(file) = file else {
            return Deliver::Env;
        };
        if let Some(text) = file.sidecar.and_then(|sidecar| sidecar.deliver) {
            // Held to its form only: `run` is what will use it.
            let _ = self.deliver(&text, &["credentials", "sidecar", "deliver"]);
        }
        match file.deliver {
            Some(text) => self.deliver(&text, &["credentials", "deliver"]),
            None => Deliver::Env,
        }
    }

    fn deliver(&mut self, text: &str, path: &[&str]) -> Deliver {
        match text.split_once(':') {
            None if text == "fd" => return Deliver::Fd,
            None if text == "env" => return Deliver::Env,
            Some(("file", folder)) if !folder.is_empty() => {
                return Deliver::File(relative_to(self.dir, folder));
            }
            Some((scheme @ ("k8s" | "vault"), rest)) => {
                return Deliver::Later {
                    scheme: scheme.to_owned(),
                    rest: rest.to_owned(),
                };
            }
            _ => {}
        }
        let message = format!("`deliver` does not take `{text}`");
        self.fault(
            "FH1107",
            message,
            path,
            "it takes fd, env, file:FOLDER, k8s:… or vault:…",
        );
        Deliver::Env
    }

    fn run(&mut self, file: RunFile) -> Run {
        self.command(&file.command, &["run", "command"]);
        for (index, variable) in file.env.iter().enumerate() {
            let index = index.to_string();
            let path = ["run", "env", index.as_str()];
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            if !is_variable_name(name) {
                let help = "an item is NAME, kept from freehold's own environment, or NAME=value";
                self.fault("FH1125", "an item of `env` names no variable", &path, help);
            }
            if holds_password(value) {
                let message = format!("`{name}` in `env` holds a password");
                let help =
                    "name the variable alone: it is then kept from freehold's own environment";
                self.fault("FH1301", message, &path, help);
            }
        }
        let port = file.port.unwrap_or_else(|| "PORT".to_owned());
        if !is_variable_name(&port) {
            let help = "name a variable, such as PORT";
            self.fault("FH1125", "`port` names no variable", &["run", "port"], help);
        }
        Run {
            command: file.command,
            env: file.env,
            port,
            health: file.health,
            openapi: file.openapi,
            writes: file
                .writes
                .iter()
                .map(|folder| relative_to(self.dir, folder))
                .collect(),
        }
    }
}

/// Folders that the file names itself, with the path of the key; a default one may be missing.
pub(crate) fn named_folders(service: &Service, root: &Node) -> Vec<(Vec<String>, PathBuf)> {
    let mut named = Vec::new();
    let mut add = |path: Vec<&str>, folder: &Path, default: &str| {
        if root.find(&path).is_some() && folder != service.dir.join(default) {
            named.push((
                path.into_iter().map(str::to_owned).collect(),
                folder.to_path_buf(),
            ));
        }
    };
    if let Migrations::Folder(folder) = &service.migrations {
        add(vec!["migrations"], folder, "migrations");
    }
    add(vec!["seeds"], &service.seeds, "seeds");
    for (key, store) in &service.stores {
        let below = |last: &'static str| [store_path(root, key), vec![last]].concat();
        if let Some(Migrations::Folder(folder)) = &store.migrations {
            add(below("migrations"), folder, "migrations");
        }
        if let Some(folder) = &store.seeds {
            add(below("seeds"), folder, "seeds");
        }
    }
    named
}
