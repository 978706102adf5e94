//! NATS JetStream: a real `nats-server` in a folder of its own, on a free port, with users in its
//! configuration as `apply` writes them down.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use freehold_broker::{BoxFuture, Broker, Change, Login, Secret};
use freehold_nats::Nats;
use freehold_testkit::Must as _;
use freehold_testkit::broker_conformance::Ground;
use tempfile::TempDir;

use super::{promises, suite};

/// The server ends with it.
struct NatsGround {
    folder: TempDir,
    port: u16,
    child: Mutex<Child>,
    /// By service, as the broker asked to have them.
    users: Mutex<BTreeMap<String, String>>,
}

fn admin() -> Login {
    Login {
        name: "admin".to_owned(),
        secret: Secret::new("only-of-this-test"),
    }
}

/// A loud skip where it is not installed.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join("nats-server"))
        .find(|program| program.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "nats-server is missing in CI"
        );
        eprintln!("SKIPPED: nats-server is not installed");
    }
    found
}

fn spawn(folder: &TempDir) -> Child {
    Command::new(program().must("it was there before"))
        .args(["-c", "nats.conf", "-P", "nats.pid", "-l", "nats.log"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .must("the server starts")
}

impl NatsGround {
    async fn start() -> Option<Self> {
        program()?;
        let folder = tempfile::tempdir().must("a folder");
        let free = TcpListener::bind("127.0.0.1:0").must("a free port");
        let port = free.local_addr().must("its number").port();
        drop(free);
        let users = Mutex::default();
        write(&folder, port, &BTreeMap::new());
        let ground = Self {
            child: Mutex::new(spawn(&folder)),
            folder,
            port,
            users,
        };
        ground.until_ready().await;
        Some(ground)
    }

    async fn until_ready(&self) {
        for _ in 0..1_000 {
            if Nats.administer(&self.address(), &admin()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server does not answer");
    }

    fn kill(&self) {
        let mut child = self.child.lock().must("nobody panicked");
        child.kill().must("SIGKILL");
        child.wait().must("it ended");
    }
}

impl Drop for NatsGround {
    fn drop(&mut self) {
        self.kill();
    }
}

fn write(folder: &TempDir, port: u16, users: &BTreeMap<String, String>) {
    let mut text = format!(
        "listen: 127.0.0.1:{port}\nmax_payload: 262144\njetstream {{ store_dir: store }}\n\
         authorization {{ users: [\n{{ user: admin, password: only-of-this-test }}\n"
    );
    for entry in users.values() {
        text.push_str(entry);
        text.push('\n');
    }
    text.push_str("] }\n");
    std::fs::write(folder.path().join("nats.conf"), text).must("the configuration");
}

impl Ground for NatsGround {
    fn broker(&self) -> &dyn Broker {
        &Nats
    }

    fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn admin(&self) -> Login {
        admin()
    }

    fn by_hand(&self, change: &Change) -> BoxFuture<'_, ()> {
        let Change::ByHand(text) = change.clone() else {
            panic!("NATS makes no accounts: {change:?}");
        };
        Box::pin(async move {
            let service = text.lines().next().must("a line").to_owned();
            let mut users = self.users.lock().must("nobody panicked").clone();
            if text.contains("# remove this user") {
                users.remove(&service);
            } else {
                users.insert(service, text);
            }
            write(&self.folder, self.port, &users);
            *self.users.lock().must("nobody panicked") = users;
            let id = self.child.lock().must("nobody panicked").id();
            let reload = Command::new("kill")
                .args(["-HUP", &id.to_string()])
                .status();
            assert!(reload.must("kill").success());
            // The server says nothing when it has reloaded; it takes milliseconds.
            let log = self.folder.path().join("nats.log");
            let reloads = || {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                log.matches("Reloaded server configuration").count()
            };
            let before = reloads();
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                if reloads() > before {
                    break;
                }
            }
        })
    }

    fn kill_and_restart(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.kill();
            *self.child.lock().must("nobody panicked") = spawn(&self.folder);
            self.until_ready().await;
        })
    }
}

promises! { NatsGround::start();
    order_and_durability, sent_again, seek, retention, permissions, oversize,
    topics_settle_separately, administration, waiting, backwards,
}
