//! A broker of the bench's own: the embedded one in this process, or a `nats-server`, RabbitMQ or
//! Kafka beside it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::embedded::{Embedded, Server, Settings};
use freehold_broker::{
    AccountWant, Broker, Change, Compression, Login, Partitions, Secret, Session, Topic, TopicWant,
};
use freehold_kafka::Kafka;
use freehold_nats::Nats;
use freehold_rabbitmq::RabbitMq;
use freehold_testkit::{KafkaServer, RabbitServer};
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
    folder: TempDir,
    /// Of a NATS that is started once it is known who publishes: users are in its configuration.
    program: Option<PathBuf>,
    child: Option<Child>,
    beside: Option<Beside>,
}

/// A server that the testkit starts.
enum Beside {
    Rabbit(RabbitServer),
    Kafka(KafkaServer),
}

impl Beside {
    async fn start(kind: &str) -> Option<Self> {
        if kind == "kafka" {
            KafkaServer::start().await.map(Self::Kafka)
        } else {
            RabbitServer::start().await.map(Self::Rabbit)
        }
    }

    fn place(&self) -> (&'static dyn Broker, String) {
        match self {
            Self::Rabbit(server) => (&RabbitMq, server.address()),
            Self::Kafka(server) => (&Kafka, server.address()),
        }
    }

    fn admin(&self) -> Login {
        match self {
            Self::Rabbit(server) => server.admin(),
            Self::Kafka(server) => server.admin(),
        }
    }
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
    pub(crate) async fn of(kind: &str) -> Result<Option<Self>, Failure> {
        let folder = tempfile::tempdir()?;
        if ["kafka", "rabbitmq"].contains(&kind) {
            let Some(beside) = Beside::start(kind).await else {
                return Ok(None);
            };
            let (broker, address) = beside.place();
            return Ok(Some(Self {
                broker,
                address,
                service: String::new(),
                folder,
                program: None,
                child: None,
                beside: Some(beside),
            }));
        }
        let place = if kind == "embedded" {
            let socket = folder.path().join("socket");
            let data = folder.path().join("data");
            let server = Server::open(Settings::new(data, &socket, login("admin")))?;
            tokio::spawn(server.serve(std::future::pending()));
            Self {
                broker: &Embedded,
                address: format!("unix:{}", socket.display()),
                service: String::new(),
                folder,
                program: None,
                child: None,
                beside: None,
            }
        } else {
            let Some(program) = nats_server() else {
                return Ok(None);
            };
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            Self {
                broker: &Nats,
                address: format!("nats://127.0.0.1:{port}"),
                service: String::new(),
                folder,
                program: Some(program),
                child: None,
                beside: None,
            }
        };
        Ok(Some(place))
    }

    /// Makes the topic, empty, and an account for who publishes.
    pub(crate) async fn make(&mut self, topic: &Topic, service: &str) -> Result<(), Failure> {
        service.clone_into(&mut self.service);
        self.start()?;
        let beside = self.beside.as_ref().map(Beside::admin);
        let admin = beside.unwrap_or_else(|| login("admin"));
        let mut tries = 500;
        let admin = loop {
            match self.broker.administer(&self.address, &admin).await {
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
        if self.broker.info().makes_accounts || self.beside.is_some() {
            let verifier = self.broker.verifier(&login(service).secret)?;
            let account = AccountWant {
                service: service.to_owned(),
                verifier: Some(verifier),
                writes: vec![topic.clone()],
                reads: vec![topic.clone()],
            };
            let made = admin.ensure_account(&account).await?;
            if let (Change::ByHand(text), Some(Beside::Rabbit(server))) = (made, &self.beside) {
                server.import(&text).await;
            }
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Failure> {
        let Some(program) = &self.program else {
            return Ok(());
        };
        // Older ones do not know `always`, and do not start when told.
        let sync = if syncs(program) {
            ", sync_interval: always"
        } else {
            ""
        };
        let listen = self.address.trim_start_matches("nats://");
        let user = |name: &str| format!("{{ user: {name}, password: only-of-this-bench }}");
        let users = [user("admin"), user(&self.service)].join(", ");
        let text = format!(
            "listen: {listen}\njetstream {{ store_dir: store{sync} }}\nauthorization {{ users: [ {users} ] }}\n"
        );
        std::fs::write(self.folder.path().join("nats.conf"), text)?;
        let child = Command::new(program)
            .args(["-c", "nats.conf", "-l", "nats.log"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    pub(crate) async fn session(&self) -> Result<Arc<dyn Session>, Failure> {
        let session = self
            .broker
            .connect(&self.address, &login(&self.service))
            .await?;
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
