//! Credentials in a file: the first by `apply`, the next through the other login, the old one
//! retired only when nobody uses it; a client that loops transactions meanwhile notices nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use freehold_engine::{Connection, Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer, server};

use crate::binary::Example;

fn example(server: &TestServer, name: &str) -> Example {
    let mut example = Example::copy("bookvault");
    fs::remove_dir_all(example.path().join("services")).expect("removed");
    fs::create_dir_all(example.path().join("services/one/migrations")).expect("a folder");
    let kind = server.kind;
    example.write(
        "freehold.yaml",
        &format!("system: rotation\nservers:\n  main: {{ engine: {kind}, url: \"env:ADMIN_URL\" }}\nservices: [services/*]\n"),
    );
    example.write(
        "services/one/service.yaml",
        &format!("service: {name}\nstore: {{ server: main }}\ncredentials: {{ deliver: \"file:secrets\" }}\n"),
    );
    example.write(
        "services/one/migrations/0001_t.up.sql",
        "CREATE TABLE t (n INT NOT NULL);\n",
    );
    example.write("services/one/migrations/0001_t.down.sql", "DROP TABLE t;\n");
    example.set("ADMIN_URL", server.admin.url().expose());
    example
}

/// The file, wherever the description's relative folder put it.
fn credential(example: &Example) -> PathBuf {
    let candidates = ["services/one/secrets/DATABASE_URL", "secrets/DATABASE_URL"];
    candidates
        .map(|file| example.path().join(file))
        .into_iter()
        .find(|file| file.exists())
        .expect("a credential's file")
}

async fn enter(kind: EngineKind, file: &Path) -> freehold_engine::Result<Box<dyn Connection>> {
    let url = fs::read_to_string(file).expect("readable");
    let engine = freehold_builtin::engine(kind).must("an engine");
    engine
        .connect(&Endpoint::parse(kind, &Secret::new(url.trim_end()))?)
        .await
}

/// Begins, inserts and commits over and over, with a new connection every few transactions.
async fn loops(kind: EngineKind, file: PathBuf, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) {
    while !stop.load(Ordering::SeqCst) {
        let mut connection = enter(kind, &file).await.must("the program always gets in");
        for _ in 0..5 {
            connection
                .run("INSERT INTO t (n) VALUES (1)", &[])
                .await
                .must("a transaction never fails");
            done.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

async fn rotates(kind: EngineKind) {
    let Some(server) = server(kind).await else {
        return;
    };
    let name = format!("rotation_{kind}");
    let example = Arc::new(example(&server, &name));
    example.run(&["apply"]).done();
    let file = credential(&example);
    assert_eq!(
        fs::metadata(&file).expect("there").permissions().mode() & 0o777,
        0o600
    );
    let first = fs::read_to_string(&file).expect("readable");
    assert!(
        example.run(&["apply"]).done().contains("Nothing was sent"),
        "a credential that is there is left alone"
    );

    let (stop, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let client = tokio::spawn(loops(
        kind,
        file.clone(),
        Arc::clone(&stop),
        Arc::clone(&done),
    ));
    for _ in 0..3 {
        let rotating = Arc::clone(&example);
        let said = tokio::task::spawn_blocking(move || rotating.run(&["creds", "rotate"]))
            .await
            .expect("it ends");
        assert!(said.done().contains("retired"));
    }
    stop.store(true, Ordering::SeqCst);
    client.await.expect("no transaction failed");
    assert!(
        done.load(Ordering::SeqCst) > 10,
        "the client worked meanwhile"
    );

    let old = example.path().join("old");
    fs::write(&old, first).expect("written");
    assert!(
        enter(kind, &old).await.is_err(),
        "the first password is worth nothing any more"
    );

    let held = enter(kind, &file).await.must("a session that stays");
    let said = example.run(&["creds", "rotate", "--grace", "0"]).done();
    assert!(said.contains("still has 1 open session"), "{said}");
    drop(held);
    example.run(&["destroy", "--yes", "--force"]).done();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_failed_transaction_on_postgres() {
    rotates(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_failed_transaction_on_mariadb() {
    rotates(EngineKind::Mariadb).await;
}
