//! A private RabbitMQ server with its stream plugin: in a folder of its own, on free ports of
//! 127.0.0.1, with a port mapper of its own. Both end with it.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use freehold_broker::{Broker as _, Login, Secret};
use freehold_rabbitmq::RabbitMq;
use tempfile::TempDir;

use crate::must::Must as _;

/// Where packages put the scripts. What is on the path beside them changes to a user and an
/// environment of its own.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
const CERTIFICATE: &str = "server.pem";
/// How long a start may take.
const READY: Duration = Duration::from_mins(3);
const PASSWORD: &str = "only-of-this-test";

/// A running server.
pub struct RabbitServer {
    folder: TempDir,
    ports: Ports,
    server: Mutex<Child>,
    mapper: Mutex<Child>,
}

#[derive(Clone, Copy)]
struct Ports {
    stream: u16,
    encrypted: u16,
    nodes: u16,
    mapper: u16,
}

/// A loud skip where it is not installed.
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn is_there() -> bool {
    let there = Path::new(SCRIPTS).join("rabbitmq-server").is_file();
    if !there {
        assert!(
            std::env::var_os("CI").is_none(),
            "RabbitMQ is missing in CI"
        );
        eprintln!("SKIPPED: rabbitmq-server is not installed");
    }
    there
}

/// Free at the same moment, so they differ.
fn free() -> Ports {
    let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").must("a free port"));
    let number = |held: &TcpListener| held.local_addr().must("its number").port();
    let [stream, encrypted, nodes, mapper] = held.each_ref().map(number);
    Ports {
        stream,
        encrypted,
        nodes,
        mapper,
    }
}

/// A certificate for `localhost` that vouches for itself; the lines that make the server use it.
fn certificate(folder: &Path, ports: Ports) -> String {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            CERTIFICATE,
        ])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(made.must("openssl").success());
    let at = folder.display();
    format!(
        "stream.listeners.ssl.1 = 127.0.0.1:{}\nssl_options.certfile = {at}/{CERTIFICATE}\n\
         ssl_options.keyfile = {at}/server.key\nssl_options.cacertfile = {at}/{CERTIFICATE}\n\
         ssl_options.verify = verify_none\n",
        ports.encrypted
    )
}

fn command(program: impl AsRef<std::ffi::OsStr>, folder: &Path, ports: Ports) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("ERL_EPMD_PORT", ports.mapper.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env(
            "RABBITMQ_NODENAME",
            format!("freehold{}@localhost", ports.stream),
        )
        .env("RABBITMQ_DIST_PORT", ports.nodes.to_string())
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("none"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1}",
        )
        .stdin(Stdio::null())
        .process_group(0);
    command
}

fn spawn(folder: &Path, ports: Ports) -> Child {
    let out = std::fs::File::create(folder.join("out")).must("a file");
    command(Path::new(SCRIPTS).join("rabbitmq-server"), folder, ports)
        .stderr(out.try_clone().must("the same file"))
        .stdout(out)
        .spawn()
        .must("the server starts")
}

fn epmd(folder: &Path, ports: Ports) -> Child {
    let port = ports.mapper.to_string();
    command("epmd", folder, ports)
        .args(["-port", &port, "-address", "127.0.0.1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .must("the port mapper starts")
}

/// The whole group: the server's script waits for the server.
fn kill(child: &Mutex<Child>) {
    let mut child = child.lock().must("nobody panicked");
    let group = format!("-{}", child.id());
    // Where it has ended by itself there is none.
    let _ = Command::new("kill")
        .args(["-KILL", "--", &group])
        .stderr(Stdio::null())
        .status();
    child.wait().must("it ended");
}

impl RabbitServer {
    /// Starts one. `None`: not installed (a loud skip was printed).
    pub async fn start() -> Option<Self> {
        if !is_there() {
            return None;
        }
        // Somebody else may take a port before the server does: then it ends.
        for _ in 0..5 {
            let server = Self::begin();
            if server.until_ready().await {
                return Some(server);
            }
        }
        panic!("the server does not start");
    }

    fn begin() -> Self {
        let folder = tempfile::tempdir().must("a folder");
        let ports = free();
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).must("a file");
        };
        write(
            "rabbitmq.conf",
            format!(
                "listeners.tcp = none\nstream.listeners.tcp.1 = 127.0.0.1:{}\n\
                 default_user = admin\ndefault_pass = {PASSWORD}\n{}",
                ports.stream,
                certificate(folder.path(), ports),
            ),
        );
        write("plugins", "[rabbitmq_stream].\n".to_owned());
        Self {
            mapper: Mutex::new(epmd(folder.path(), ports)),
            server: Mutex::new(spawn(folder.path(), ports)),
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
        format!("rabbitmq-stream://127.0.0.1:{}", self.ports.stream)
    }

    /// Where it is, encrypted.
    pub fn encrypted_address(&self) -> String {
        format!("rabbitmq-stream+tls://localhost:{}", self.ports.encrypted)
    }

    /// Whom to trust there: for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join(CERTIFICATE)
    }

    /// SIGKILL, and started again on the same folder and address.
    pub async fn kill_and_restart(&self) {
        self.until_it_knows_who_leads().await;
        kill(&self.server);
        *self.server.lock().must("nobody panicked") = spawn(self.folder.path(), self.ports);
        assert!(self.until_ready().await, "it starts again");
    }

    /// RabbitMQ writes down up to half a second late that there is somebody who leads its streams (in
    /// `names.dets`). Killed before that for the first time, it never leads them again.
    async fn until_it_knows_who_leads(&self) {
        const WHO: &[u8] = b"rabbit_stream_coordinator";
        let node = format!("freehold{}@localhost", self.ports.stream);
        let data = self.folder.path().join("data").join(&node);
        let names = data.join("coordination").join(&node).join("names.dets");
        let knows = || {
            let names = std::fs::read(&names).unwrap_or_default();
            names.windows(WHO.len()).any(|word| word == WHO)
        };
        let has_streams = std::fs::read_dir(data.join("stream"));
        if has_streams.is_ok_and(|mut streams| streams.next().is_some()) {
            let since = Instant::now();
            while !knows() {
                assert!(since.elapsed() < READY, "{}", names.display());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// `false`: it has ended. After SIGKILL it lets in who asks before its streams are led again, and
    /// ends the connection of who reads one then: sidecars enter again, as this does.
    async fn until_ready(&self) -> bool {
        let (address, login) = (self.address(), self.admin());
        let since = Instant::now();
        while since.elapsed() < READY {
            let asked = async { RabbitMq.administer(&address, &login).await?.topics().await };
            if asked.await.is_ok() {
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

    /// `rabbitmqctl` with these arguments; what it says.
    pub fn control(&self, arguments: &[&str]) -> String {
        let program = Path::new(SCRIPTS).join("rabbitmqctl");
        let mut control = command(program, self.folder.path(), self.ports);
        let said = control.args(arguments).output().must("it runs");
        assert!(said.status.success(), "{arguments:?}: {said:?}");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// Imports definitions and waits until the rights in them hold.
    pub async fn import(&self, text: &str) {
        assert!(!text.contains(PASSWORD), "definitions hold no secret");
        let path: PathBuf = self.folder.path().join("definitions.json");
        std::fs::write(&path, text).must("a file");
        self.control(&["import_definitions", &path.display().to_string()]);
        let wanted: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        assert!(wanted.is_object(), "{text}");
        for rights in wanted["permissions"].as_array().into_iter().flatten() {
            let user = rights["user"].as_str().must("a user");
            loop {
                let said =
                    self.control(&["-q", "--formatter", "json", "list_user_permissions", user]);
                let there: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
                if there[0]["read"] == rights["read"] && there[0]["write"] == rights["write"] {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Drop for RabbitServer {
    fn drop(&mut self) {
        kill(&self.server);
        kill(&self.mapper);
    }
}
