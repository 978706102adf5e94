//! `examples/publish`: each language changes a row and publishes in the same transaction, against a
//! real store. What a language needs beyond its runtime is fetched once into `target/tools/publish`;
//! a runtime or a package that is not to be had is a loud skip.

use std::path::{Path, PathBuf};
use std::process::Command;

use freehold_engine::{Endpoint, Secret, TxMode};
use freehold_lifecycle::Target;
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::bookshop::{BOOK_CHANGED, Bookshop, enter};
use freehold_testkit::{Admin, Must as _, Shape};

#[path = "../../../../examples/publish/rust/publish.rs"]
#[expect(unreachable_pub, reason = "an example stands for itself")]
mod rust;

const TITLE: &str = "Emma, revised";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example(name: &str) -> PathBuf {
    root().join("examples/publish").join(name)
}

/// A bookshop with book 5 in it, and its program's way in.
struct Shop {
    _shape: Shape,
    catalog: Target,
    login: Endpoint,
}

impl Shop {
    async fn on(kind: EngineKind) -> Option<Self> {
        let shape = Shape::ready(kind, Isolation::Database, Admin::Superuser).await?;
        let catalog = Bookshop::opens(&shape).await.catalog;
        let name = &catalog.want.identities.app.logins[0];
        let at = catalog.engine.at_store(&catalog.admin, &catalog.want.spot);
        let mut password = None;
        if catalog.engine.info().identities {
            let made = Secret::generate();
            let mut issuer = catalog.engine.connect(&at).await.must("the issuer enters");
            let verifier = catalog.engine.verifier(issuer.probe(), name, &made);
            let given = issuer.issue(&catalog.want, name, Some(&verifier)).await;
            given.must("a password");
            password = Some(made);
        }
        let login = at.with_login(name, password);
        let mut program = catalog
            .engine
            .connect(&login)
            .await
            .must("the program enters");
        let book = "INSERT INTO books (book_id, title, version) VALUES (5, 'Emma', 1)";
        program.execute(book).await.must("a book");
        Some(Self {
            _shape: shape,
            catalog,
            login,
        })
    }

    fn url(&self) -> String {
        self.login.url().expose().to_owned()
    }

    /// The book has its new title, and there is one event that says so.
    async fn has_published(&self, how: &str) {
        let sidecar = &self.catalog.want.identities.sidecar;
        let mut sidecar = enter(&self.catalog, sidecar).await;
        sidecar.begin(TxMode::ReadOnly).await.must("begun");
        let polled = sidecar.poll_outbox(&self.catalog.want, "", 10).await;
        let rows = polled.must("the outbox").rows;
        assert_eq!(rows.len(), 1, "{how}");
        let payload = rows[0].payload.as_deref().must("a payload");
        let payload: serde_json::Value = serde_json::from_str(payload).expect("JSON");
        let expected = serde_json::json!({"bookId": 5, "title": TITLE, "version": 2});
        assert_eq!(
            (rows[0].topic.as_str(), rows[0].key.as_str(), payload),
            (BOOK_CHANGED, "5", expected),
            "{how}"
        );
        let mut program = self.catalog.engine.connect(&self.login).await.must("in");
        let row = program
            .query("SELECT title FROM books", &[])
            .await
            .must("it");
        assert_eq!(row[0][0].text(), Some(TITLE), "{how}");
    }
}

fn skip(what: &str) {
    eprintln!("SKIPPED: {what}");
}

/// Runs it to its end; `None`: the program is not installed.
fn run(command: &mut Command) -> Option<()> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip(&format!("{command:?}: not installed"));
            return None;
        }
        Err(error) => panic!("{command:?}: {error}"),
    };
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

/// The folder with what an example needs, made by `fetch` unless `there` is in it. `None`: it could
/// not be had.
fn tools(there: &str, fetch: &mut Command) -> Option<PathBuf> {
    let folder = root().join("target/tools/publish");
    std::fs::create_dir_all(&folder).expect("a folder");
    if folder.join(there).exists() {
        return Some(folder);
    }
    let fetched = fetch.current_dir(&folder).output();
    if fetched.is_ok_and(|output| output.status.success()) && folder.join(there).exists() {
        return Some(folder);
    }
    skip(&format!("{there} could not be had"));
    None
}

#[tokio::test]
async fn in_sql() {
    for (kind, file) in [
        (EngineKind::Postgres, "sql/postgres.sql"),
        (EngineKind::Mariadb, "sql/mariadb.sql"),
        (EngineKind::Sqlite, "sql/sqlite.sql"),
    ] {
        let Some(shop) = Shop::on(kind).await else {
            continue;
        };
        let text = std::fs::read_to_string(example(file)).expect(file);
        let engine = shop.catalog.engine;
        let mut program = engine.connect(&shop.login).await.must("in");
        if kind == EngineKind::Sqlite {
            // Of a file this contract begins and ends transactions itself.
            program.begin(TxMode::Write).await.must("begun");
        }
        let statements = text.split(';').filter(|it| !it.trim().is_empty());
        let ours = |it: &&str| {
            kind != EngineKind::Sqlite || !(it.contains("BEGIN") || it.contains("COMMIT"))
        };
        for statement in statements.filter(ours) {
            program.execute(statement).await.must(statement);
        }
        if kind == EngineKind::Sqlite {
            program.commit().await.done().must("committed");
        }
        shop.has_published(file).await;
    }
}

#[tokio::test]
async fn in_rust() {
    let Some(shop) = Shop::on(EngineKind::Postgres).await else {
        return;
    };
    let (mut client, connection) = tokio_postgres::connect(&shop.url(), tokio_postgres::NoTls)
        .await
        .expect("connected");
    let connection = tokio::spawn(connection);
    rust::rename(&mut client, 5, TITLE).await.expect("renamed");
    drop(client);
    connection.await.expect("ended").expect("well");
    shop.has_published("Rust").await;
}

#[tokio::test]
async fn in_python() {
    let Some(shop) = Shop::on(EngineKind::Sqlite).await else {
        return;
    };
    let store = Path::new(&shop.catalog.want.spot.database).join("store.db");
    let mut python = Command::new("python3");
    let python = python.arg(example("python/publish.py")).arg(store);
    if run(python.args(["5", TITLE])).is_some() {
        shop.has_published("Python").await;
    }
}

#[tokio::test]
async fn in_typescript() {
    let Some(shop) = Shop::on(EngineKind::Postgres).await else {
        return;
    };
    let mut npm = Command::new("npm");
    let npm = npm.args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
    ]);
    let packages = ["--prefix", ".", "pg@8.16.3", "typescript@5.9.3"];
    let Some(folder) = tools("node_modules/pg/package.json", npm.args(packages)) else {
        return;
    };
    // Nodes before 22.18 do not read TypeScript; the compiler only takes the types away.
    let made = folder.join("publish.mjs");
    let source = std::fs::read_to_string(example("typescript/publish.ts")).expect("the example");
    let script = "const ts = require('typescript');
 const options = { module: 'esnext', target: 'es2022' };
 const [, source, made] = process.argv;
 require('fs').writeFileSync(made, ts.transpileModule(source, { compilerOptions: options, reportDiagnostics: true }).outputText);";
    let mut compile = Command::new("node");
    let compile = compile.current_dir(&folder).args(["-e", script]);
    if run(compile.arg(source).arg(&made)).is_none() {
        return;
    }
    let mut node = Command::new("node");
    run(node
        .arg(made)
        .args(["5", TITLE])
        .env("DATABASE_URL", shop.url()));
    shop.has_published("TypeScript").await;
}

#[tokio::test]
async fn in_java() {
    let Some(shop) = Shop::on(EngineKind::Postgres).await else {
        return;
    };
    let mut maven = Command::new("mvn");
    let maven = maven.args([
        "-q",
        "-B",
        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
        "-Dartifact=org.postgresql:postgresql:42.7.7",
        "-DoutputDirectory=.",
    ]);
    let jar = "postgresql-42.7.7.jar";
    let Some(folder) = tools(jar, maven) else {
        return;
    };
    let url = shop.url();
    let (login, place) = url
        .split_once("://")
        .must("a URL")
        .1
        .split_once('@')
        .must("a login");
    let (user, password) = login.split_once(':').must("a password");
    let joint = if place.contains('?') { '&' } else { '?' };
    let url = format!("jdbc:postgresql://{place}{joint}user={user}&password={password}");
    let mut java = Command::new("java");
    let java = java.arg("-cp").arg(folder.join(jar));
    let java = java.arg(example("java/Publish.java"));
    if run(java.args([&url, "5", TITLE])).is_some() {
        shop.has_published("Java").await;
    }
}

#[tokio::test]
async fn in_go() {
    let Some(shop) = Shop::on(EngineKind::Postgres).await else {
        return;
    };
    let built = root().join("target/tools/publish/publish-go");
    let mut go = Command::new("go");
    let go = go
        .current_dir(example("go"))
        .env("GOFLAGS", "-mod=readonly");
    match go.args(["build", "-o"]).arg(&built).arg(".").output() {
        Ok(output) if output.status.success() => {}
        // A module that cannot be downloaded is told of in the same way.
        Ok(output) => return skip(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => return skip(&format!("go: {error}")),
    }
    let url = shop.url();
    let joint = if url.contains('?') { '&' } else { '?' };
    let mut publish = Command::new(built);
    let url = format!("{url}{joint}sslmode=disable");
    run(publish.args(["5", TITLE]).env("DATABASE_URL", url));
    shop.has_published("Go").await;
}
