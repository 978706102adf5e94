//! A broker of the bench's own: the embedded one in this process, or a `nats-server` beside it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::embedded::{Embedded, Server, Settings};
use freehold_broker::{
    AccountWant, Broker, Compression, Login, Partitions, Secret, Session, Topic, TopicWant,
};
use freehold_nats::Nats;
use tempfile::TempDir;

use crate::Failure;

pub(crate) const PARTITIONS: u8 = 4;

pub(crate) fn partitions() -> Partitions {
    Partitions::new(PARTITIONS).unwrap_or(Partitions::ONE)
}

/// It ends with this.
pub(crate) struct Place {
    broker: &'static dyn Broker,
    address: String,
    /// Who publishes; a broker takes nothing from anybody else.
    service: String,
    _folder: TempDir,
    child: Option<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn login(name: &str) -> Login {
    Login {
        name: name.to_owned(),
        secret: Secret::new("only-of-this-bench"),
    }
}

impl Place {
    /// `None`: not installed.
    pub(crate) fn of(kind: &str) -> Result<Option<Self>, Failure> {
        let folder = tempfile::tempdir()?;
        let place = if kind == "embedded" {
            let socket = folder.path().join("socket");
            let data = folder.path().join("data");
            let server = Server::open(Settings::new(data, &socket, login("admin")))?;
            tokio::spawn(server.serve(std::future::pending()));
            Self {
                broker: &Embedded,
                address: format!("unix:{}", socket.display()),
                service: String::new(),
                _folder: folder,
                child: None,
            }
        } else {
            let Some(program) = nats_server() else {
                return Ok(None);
            };
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            // Older ones do not know `always`, and do not start when told.
            let sync = if syncs(&program) {
                ", sync_interval: always"
            } else {
                ""
            };
            let text = format!(
                "listen: 127.0.0.1:{port}\njetstream {{ store_dir: store{sync} }}\n\
                 authorization {{ users: [ {{ user: admin, password: only-of-this-bench }} ] }}\n"
            );
            std::fs::write(folder.path().join("nats.conf"), text)?;
            let child = Command::new(program)
                .args(["-c", "nats.conf", "-l", "nats.log"])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            Self {
                broker: &Nats,
                address: format!("nats://127.0.0.1:{port}"),
                service: String::new(),
                _folder: folder,
                child: Some(child),
            }
        };
        Ok(Some(place))
    }

    /// Makes the topic, empty, and an account for who publishes.
    pub(crate) async fn make(&mut self, topic: &Topic, service: &str) -> Result<(), Failure> {
        let mut tries = 500;
        let admin = loop {
            match self.broker.administer(&self.address, &login("admin")).await {
                Ok(admin) => break admin,
                Err(error) if tries == 0 => return Err(Box::new(error)),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            tries -= 1;
        };
        admin.remove_topic(topic).await?;
        admin
            .ensure_topic(&TopicWant {
                topic: topic.clone(),
                partitions: partitions(),
                keep_for: None,
                keep_bytes: None,
                compression: Compression::None,
            })
            .await?;
        service.clone_into(&mut self.service);
        let secret = login(service).secret;
        let account = AccountWant {
            service: service.to_owned(),
            verifier: Some(self.broker.verifier(&secret)?),
            writes: vec![topic.clone()],
            reads: vec![topic.clone()],
        };
        if self.broker.info().makes_accounts {
            admin.ensure_account(&account).await?;
        }
        Ok(())
    }

    pub(crate) async fn session(&self) -> Result<Arc<dyn Session>, Failure> {
        let name = if self.broker.info().makes_accounts {
            self.service.as_str()
        } else {
            "admin"
        };
        let session = self.broker.connect(&self.address, &login(name)).await?;
        Ok(Arc::from(session))
    }
}

/// Is it 2.10 or later?
fn syncs(program: &Path) -> bool {
    let told = Command::new(program).arg("--version").output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    let told = told.unwrap_or_default();
    let number = told.rsplit('v').next().unwrap_or_default();
    let mut parts = number
        .trim()
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(2), Some(10))
}

fn nats_server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join("nats-server"))
        .find(|program| program.is_file())
}
