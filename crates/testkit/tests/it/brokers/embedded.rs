//! The embedded broker in a process of its own: this test program, started again.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use freehold_broker::embedded::{Embedded, Server, Settings};
use freehold_broker::{BoxFuture, Broker, Change, Login, Secret};
use freehold_testkit::Must as _;
use freehold_testkit::broker_conformance::Ground;
use tempfile::TempDir;

use super::{promises, suite};

const FOLDER: &str = "FREEHOLD_TEST_BROKER_FOLDER";

/// The broker's process ends with it.
struct EmbeddedGround {
    folder: TempDir,
    child: Mutex<Child>,
}

fn admin() -> Login {
    Login {
        name: "admin".to_owned(),
        secret: Secret::new("only-of-this-test"),
    }
}

fn start(folder: &TempDir) -> Child {
    let program = std::env::current_exe().must("this program");
    Command::new(program)
        .args([
            "--exact",
            "brokers::embedded::the_broker_itself",
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .must("the broker starts")
}

impl EmbeddedGround {
    async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().must("a folder");
        let child = Mutex::new(start(&folder));
        let ground = Self { folder, child };
        ground.until_ready().await;
        Some(ground)
    }

    async fn until_ready(&self) {
        for _ in 0..1_000 {
            if Embedded.administer(&self.address(), &admin()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the broker does not answer");
    }

    fn kill(&self) {
        let mut child = self.child.lock().must("nobody panicked");
        child.kill().must("SIGKILL");
        child.wait().must("it ended");
    }
}

impl Drop for EmbeddedGround {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Ground for EmbeddedGround {
    fn broker(&self) -> &dyn Broker {
        &Embedded
    }

    fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("socket").display())
    }

    fn admin(&self) -> Login {
        admin()
    }

    fn by_hand(&self, change: &Change) -> BoxFuture<'_, ()> {
        assert!(!matches!(change, Change::ByHand(_)));
        Box::pin(async {})
    }

    fn kill_and_restart(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.kill();
            *self.child.lock().must("nobody panicked") = start(&self.folder);
            self.until_ready().await;
        })
    }
}

/// Does nothing unless it was started as the broker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_itself() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let mut settings = Settings::new(folder.join("data"), folder.join("socket"), admin());
    settings.segment_bytes = 20_000;
    let server = Server::open(settings).must("the folder opens");
    server.serve(std::future::pending()).await.must("it serves");
}

promises! { EmbeddedGround::start();
    order_and_durability, sent_again, seek, retention, permissions, oversize,
    topics_settle_separately, administration, waiting, backwards,
}
