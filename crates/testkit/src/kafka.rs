//! A private Kafka server, broker and controller in one (KRaft), in a folder of its own, on free ports
//! of 127.0.0.1. It ends with it.
//!
//! Its jars are where `FREEHOLD_TEST_KAFKA` says: `scripts/install-kafka.sh` puts them there.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use freehold_broker::{Login, Secret};
use tempfile::TempDir;

use crate::must::Must as _;

const PASSWORD: &str = "only-of-this-test";
const CERTIFICATE: &str = "certificate.pem";

/// A running server.
pub struct KafkaServer {
    folder: TempDir,
    jars: PathBuf,
    ports: Ports,
    server: Mutex<Child>,
}

#[derive(Clone, Copy)]
struct Ports {
    clients: u16,
    encrypted: u16,
    brokers: u16,
    controllers: u16,
}

/// Free at the same moment, so they differ.
fn free() -> Ports {
    let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").must("a free port"));
    let number = |held: &TcpListener| held.local_addr().must("its number").port();
    let [clients, encrypted, brokers, controllers] = held.each_ref().map(number);
    Ports {
        clients,
        encrypted,
        brokers,
        controllers,
    }
}

/// A key and a certificate for `localhost` that vouches for itself, in one file for the server.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            "key.pem",
            "-out",
            CERTIFICATE,
        ])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(made.must("openssl").success());
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).must("a file");
    let both = format!("{}{}", read("key.pem"), read(CERTIFICATE));
    std::fs::write(folder.join("server.pem"), both).must("a file");
}

/// Small and quick: what takes minutes in production takes moments here.
fn properties(folder: &Path, ports: Ports) -> String {
    let at = folder.display();
    let Ports {
        clients,
        encrypted,
        brokers,
        controllers,
    } = ports;
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let own = format!(
        "CLIENTS://127.0.0.1:{clients},ENCRYPTED://localhost:{encrypted},BROKERS://127.0.0.1:{brokers}"
    );
    format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controllers}\n\
         controller.listener.names=CONTROLLERS\ninter.broker.listener.name=BROKERS\n\
         listeners={own},CONTROLLERS://127.0.0.1:{controllers}\nadvertised.listeners={own}\n\
         listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,ENCRYPTED:SASL_SSL,BROKERS:PLAINTEXT,CONTROLLERS:PLAINTEXT\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.clients.scram-sha-512.sasl.jaas.config={login}\n\
         listener.name.encrypted.scram-sha-512.sasl.jaas.config={login}\n\
         ssl.keystore.type=PEM\nssl.keystore.location={at}/server.pem\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:admin;User:ANONYMOUS\n\
         log.dirs={at}/data\nauto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         log.roll.ms=200\nlog.retention.check.interval.ms=100\nlog.segment.delete.delay.ms=100\n\
         broker.session.timeout.ms=1000\nbroker.heartbeat.interval.ms=200\n"
    )
}

impl KafkaServer {
    /// Starts one. `None`: there are no jars (a loud skip was printed).
    #[expect(clippy::print_stderr, reason = "a skip must be seen")]
    pub async fn start() -> Option<Self> {
        let Some(jars) = std::env::var_os("FREEHOLD_TEST_KAFKA") else {
            eprintln!("SKIPPED: Kafka, without FREEHOLD_TEST_KAFKA (./x prove kafka)");
            return None;
        };
        let jars = PathBuf::from(jars).join("libs/*");
        // Somebody else may take a port before the server does: then it ends.
        for _ in 0..5 {
            let server = Self::begin(&jars);
            if server.until_ready().await {
                return Some(server);
            }
        }
        panic!("the server does not start");
    }

    fn begin(jars: &Path) -> Self {
        let folder = tempfile::tempdir().must("a folder");
        let ports = free();
        certificate(folder.path());
        let text = properties(folder.path(), ports);
        std::fs::write(folder.path().join("server.properties"), text).must("a file");
        let formatted = java(jars, folder.path())
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--config",
                "server.properties",
            ])
            .args(["--cluster-id", "AAAAAAAAQACAAAAAAAAAAA"])
            .arg("--add-scram")
            .arg(format!("SCRAM-SHA-512=[name=admin,password={PASSWORD}]"))
            .output()
            .must("java");
        assert!(formatted.status.success(), "{formatted:?}");
        Self {
            server: Mutex::new(spawn(jars, folder.path())),
            jars: jars.to_owned(),
            folder,
            ports,
        }
    }

    /// Who may do everything.
    pub fn admin(&self) -> Login {
        Login {
            name: "admin".to_owned(),
            secret: Secret::new(PASSWORD),
        }
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("kafka://127.0.0.1:{}", self.ports.clients)
    }

    /// Where it is, encrypted.
    pub fn encrypted_address(&self) -> String {
        format!("kafka+tls://localhost:{}", self.ports.encrypted)
    }

    /// Whom to trust there: for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join(CERTIFICATE)
    }

    /// SIGKILL, and started again on the same folder and address.
    pub async fn kill_and_restart(&self) {
        {
            let mut server = self.server.lock().must("nobody panicked");
            server.kill().must("killed");
            server.wait().must("it ended");
            *server = spawn(&self.jars, self.folder.path());
        }
        assert!(self.until_ready().await, "it starts again");
    }

    /// `false`: it has ended.
    async fn until_ready(&self) -> bool {
        for _ in 0..3_600 {
            if TcpStream::connect(("127.0.0.1", self.ports.clients)).is_ok() {
                return true;
            }
            let ended = self.server.lock().must("nobody panicked").try_wait();
            if ended.must("asked").is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let out = std::fs::read_to_string(self.folder.path().join("out"));
        panic!("the server does not answer: {out:?}");
    }
}

impl Drop for KafkaServer {
    fn drop(&mut self) {
        if let Ok(mut server) = self.server.lock() {
            // It may have ended by itself.
            let _ = (server.kill(), server.wait());
        }
    }
}

fn java(jars: &Path, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .current_dir(folder)
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
        .arg(jars)
        .stdin(Stdio::null());
    command
}

fn spawn(jars: &Path, folder: &Path) -> Child {
    let out = std::fs::File::create(folder.join("out")).must("a file");
    java(jars, folder)
        .args(["kafka.Kafka", "server.properties"])
        .stderr(out.try_clone().must("the same file"))
        .stdout(out)
        .spawn()
        .must("java")
}
