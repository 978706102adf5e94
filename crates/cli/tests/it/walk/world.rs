//! The store that the walk is about: its files, the binary run on it, a look from outside.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freehold_engine::Connection;
use freehold_lifecycle::Target;
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::{
    Admin, Must as _, Neighbour, OrdersFiles, Shape, TestServer, by_hand, conformance, once,
    orders_files, orders_target_of,
};
use tempfile::TempDir;

use super::model::{MIGRATIONS, Model};
use crate::binary::{Example, Said};

/// How an operation ends before its time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kill {
    None,
    Process(Duration),
    Server(Duration),
}

pub(crate) struct World {
    pub(crate) shape: Shape,
    /// Another store, to be adopted.
    other: Shape,
    pub(crate) server: Option<Arc<TestServer>>,
    pub(crate) neighbour: Option<Neighbour>,
    files: OrdersFiles,
    example: Example,
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) async fn new(kind: EngineKind) -> Option<Self> {
        let mut folder = None;
        let (shape, other, server) = if kind == EngineKind::Sqlite {
            let here = folder.insert(tempfile::tempdir().must("a temporary folder"));
            let [one, two] = [here.path(); 2].map(Shape::embedded_in);
            (one, two, None)
        } else {
            let server = TestServer::alone(kind).await?;
            let [one, two] = [server.clone(), server.clone()]
                .map(|server| Shape::on(server, Isolation::Database, Admin::Superuser));
            (one.await, two.await, Some(server))
        };
        let neighbour = Neighbour::moves_in(&shape).await;
        let mut files = orders_files(&shape);
        once::add(&mut files, &shape);
        let mut example = Example::copy("bookvault");
        for name in ["services", "environments"] {
            let _ = std::fs::remove_dir_all(example.path().join(name));
        }
        example.set("NOT_ASKED_FOR", shape.endpoint.url().expose());
        let world = Self {
            shape,
            other,
            server,
            neighbour,
            files,
            example,
            _folder: folder,
        };
        world.deploy(&Model::new());
        Some(world)
    }

    /// Its files, as many migrations as are described.
    pub(crate) fn deploy(&self, model: &Model) {
        for (path, text) in &self.files.0 {
            if number(path).is_none_or(|number| number <= model.described) {
                self.put(path, text);
            }
        }
    }

    /// The folder as it was at first.
    pub(crate) fn withdraw(&self) {
        let folder = self.example.path().join("services/orders/migrations");
        std::fs::remove_dir_all(folder).must("removed");
        self.deploy(&Model::new());
    }

    fn put(&self, path: &Path, text: &str) {
        let path = self.example.path().join(path);
        std::fs::create_dir_all(path.parent().must("a folder")).must("made");
        std::fs::write(path, text).must("written");
    }

    /// The description, with that many migrations.
    pub(crate) fn target(&self, migrations: usize) -> Target {
        let mut files = self.files.clone();
        files
            .0
            .retain(|path, _| number(path).is_none_or(|number| number <= migrations));
        orders_target_of(&self.shape, &files).must("the files are right")
    }

    pub(crate) async fn owner(&self) -> Box<dyn Connection> {
        conformance::owner(&self.target(MIGRATIONS)).await
    }

    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.example.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }

    /// `None`: it was killed before it ended.
    pub(crate) async fn run(&self, arguments: &[&str], kill: Kill) -> Option<Said> {
        let mut child = self.begin(arguments);
        match kill {
            Kill::None => {}
            Kill::Process(after) => {
                tokio::time::sleep(after).await;
                child.kill().must("killed");
            }
            Kill::Server(after) => {
                tokio::time::sleep(after).await;
                self.server.as_ref().must("a server").kill();
            }
        }
        let said = tokio::task::spawn_blocking(|| ended(child)).await;
        if let (Kill::Server(_), Some(server)) = (kill, &self.server) {
            server.restart().await;
        }
        said.expect("it ends")
    }

    /// A store made by hand is taken over, with kills on the way, and goes again.
    pub(crate) async fn adopts(&self, mut kill: impl FnMut() -> Kill) -> Result<usize, String> {
        let name = self.other.name.clone();
        by_hand::make(&self.other).await;
        for (path, text) in &by_hand::without_history(&self.other).0 {
            if path.starts_with("services") {
                let path = path.to_string_lossy().replace("/orders/", "/other/");
                self.put(Path::new(&path), text);
            }
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let kill = if tries > 3 { Kill::None } else { kill() };
            match self.run(&["adopt", &name, "--yes"], kill).await {
                Some(said) if said.code == 0 || said.err.contains("FH3231") => break,
                Some(said) if matches!(kill, Kill::None) => return Err(said.err),
                _ => {}
            }
        }
        self.must(&["apply", &name]).await?;
        self.must(&["plan", &name, "--exit-code"]).await?;
        let files = by_hand::without_history(&self.other);
        let target = orders_target_of(&self.other, &files).must("the files are right");
        let rows = by_hand::enter(&target).await;
        let rows = { rows }.query("SELECT code FROM statuses", &[]).await;
        if rows.must("the rows of old").len() != 1 {
            return Err("the rows of old are not as they were".to_owned());
        }
        self.must(&["destroy", &name, "--yes", "--force"]).await?;
        let left = self.example.path().join("services/other");
        std::fs::remove_dir_all(left).must("removed");
        Ok(tries)
    }

    async fn must(&self, arguments: &[&str]) -> Result<(), String> {
        match self.run(arguments, Kill::None).await {
            Some(said) if said.code == 0 => Ok(()),
            Some(said) => Err(format!("{arguments:?}: {}{}", said.out, said.err)),
            None => Err(format!("{arguments:?} was killed by somebody else")),
        }
    }
}

fn ended(child: Child) -> Option<Said> {
    let output = child.wait_with_output().expect("it ends");
    Some(Said {
        code: output.status.code()?,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The number of a migration's file.
fn number(path: &Path) -> Option<usize> {
    let migrations = path.parent()?.ends_with("migrations");
    let name = path.file_name()?.to_str()?;
    migrations.then(|| name.get(..4)?.parse().ok()).flatten()
}
