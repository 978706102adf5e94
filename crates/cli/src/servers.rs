//! `--servers`: where the stores of this call are placed, whatever the description says.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use freehold_engine::Secret;
use freehold_model::{Broker, EngineKind, Fault, SecretRef, Server, System};
use freehold_private_servers::{Kind, Settings, start};

use crate::files::DiskFiles;

/// Everything that freehold keeps beside the description on this machine.
pub(crate) fn state_folder(root: &Path) -> PathBuf {
    root.join(".freehold")
}

/// A place for stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// As the description says.
    Described,
    /// SQLite files below `.freehold/stores`.
    Embedded,
    /// Private servers below `.freehold/servers`.
    Local,
    /// As this file says.
    File(PathBuf),
}

impl Place {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        match text {
            None => Self::Described,
            Some("embedded") => Self::Embedded,
            Some("local") => Self::Local,
            Some(file) => Self::File(PathBuf::from(file)),
        }
    }
}

/// The system on those servers, and the URLs that are known already (private servers).
pub(crate) struct Placed {
    pub(crate) system: System,
    pub(crate) urls: BTreeMap<String, Secret>,
    /// A line per server that was started or joined: key, product and version, port, was it started now.
    pub(crate) started: Vec<(String, String, u16, bool)>,
}

/// Places a system. Private servers are started when they do not run yet.
pub(crate) async fn place(
    system: System,
    place: &Place,
    root: &Path,
) -> Result<Placed, Vec<Fault>> {
    let mut placed = Placed {
        system,
        urls: BTreeMap::new(),
        started: Vec::new(),
    };
    match place {
        Place::Described => {}
        Place::Embedded => {
            let servers = placed.system.servers.keys().map(|key| {
                let folder = state_folder(Path::new("")).join("stores").join(key);
                let url = SecretRef::Plain(format!("sqlite:{}", folder.display()));
                (
                    key.clone(),
                    Server {
                        engine: EngineKind::Sqlite,
                        url: Some(url),
                        planner_url: None,
                        pooled: None,
                    },
                )
            });
            let servers = servers.collect();
            placed.system = placed.system.with_servers(servers)?;
            placed.system.broker = Broker::Embedded;
        }
        Place::File(file) => {
            let servers = freehold_model::load_servers(file, &DiskFiles)?;
            placed.system = placed.system.with_servers(servers)?;
        }
        Place::Local => start_private(&mut placed, root).await?,
    }
    Ok(placed)
}

/// The servers' own users pass through here to their folders; they see nothing else of it.
fn let_servers_pass(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let passing = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder, passing)
}

async fn start_private(placed: &mut Placed, root: &Path) -> Result<(), Vec<Fault>> {
    for folder in [state_folder(root), state_folder(root).join("servers")] {
        let_servers_pass(&folder).map_err(|error| vec![not_made(&folder, &error)])?;
    }
    let mut servers = placed.system.servers.clone();
    for (key, server) in &mut servers {
        let Some(kind) = private_kind(server.engine) else {
            if server.engine == EngineKind::Sqlite {
                continue;
            }
            return Err(vec![
                Fault::new(
                    "FH3701",
                    format!(
                        "server {key}: freehold cannot start a private {}",
                        server.engine
                    ),
                )
                .help("name one with `--servers FILE`, or use `--servers embedded`"),
            ]);
        };
        let folder = state_folder(root).join("servers").join(key);
        let running = start(&Settings::new(kind, folder))
            .await
            .map_err(|error| vec![error.fault()])?;
        server.engine = described_as(kind);
        server.url = Some(SecretRef::Plain(String::new()));
        server.planner_url = None;
        server.pooled = None;
        placed.urls.insert(key.clone(), Secret::new(running.url()));
        placed.started.push((
            key.clone(),
            format!("{} {}", kind.title(), running.version()),
            running.port(),
            running.started_now(),
        ));
    }
    placed.system = placed.system.clone().with_servers(servers)?;
    // A broker of others becomes a private one, which who needs it starts: it has no URL yet.
    if let Broker::External { url, .. } = &mut placed.system.broker {
        *url = SecretRef::Plain(String::new());
    }
    Ok(())
}

/// Starts a private server that has ended, on the data that it had.
pub(crate) async fn start_again(engine: EngineKind, folder: PathBuf) -> Result<(), Fault> {
    let Some(kind) = private_kind(engine) else {
        return Ok(());
    };
    let started = start(&Settings::new(kind, folder)).await;
    started.map(drop).map_err(|error| error.fault())
}

fn not_made(folder: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        "FH3703",
        format!("{} cannot be made ({error})", folder.display()),
    )
    .help("see that this user may write in the system's folder")
}

/// MySQL is served by MariaDB where only that is installed.
fn private_kind(engine: EngineKind) -> Option<Kind> {
    let found = |kind| freehold_private_servers::find(kind).is_ok();
    match engine {
        EngineKind::Postgres => Some(Kind::Postgres),
        EngineKind::Mysql if found(Kind::Mysql) => Some(Kind::Mysql),
        EngineKind::Mysql | EngineKind::Mariadb => Some(Kind::Mariadb),
        _ => None,
    }
}

fn described_as(kind: Kind) -> EngineKind {
    match kind {
        Kind::Postgres => EngineKind::Postgres,
        Kind::Mariadb => EngineKind::Mariadb,
        Kind::Mysql => EngineKind::Mysql,
    }
}
