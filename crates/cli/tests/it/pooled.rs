//! A transaction pooler stands before the server for applications (`pooled:`): they get its address
//! with their credentials, rotation goes through it, and freehold itself never uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use freehold_engine::{Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, Pooler, TestServer, server};

use crate::binary::Example;

const SERVICE: &str = "pooled_one";

fn example(server: &TestServer, pooled: &str) -> Example {
    let mut example = Example::copy("bookvault");
    fs::remove_dir_all(example.path().join("services")).expect("removed");
    fs::create_dir_all(example.path().join("services/one/migrations")).expect("a folder");
    example.write(
        "freehold.yaml",
        "system: pooled\nservers:\n  main: { engine: postgres, url: \"env:ADMIN_URL\", pooled: \"env:POOL_URL\" }\nservices: [services/*]\n",
    );
    example.write(
        "services/one/service.yaml",
        &format!("service: {SERVICE}\nstore: {{ server: main }}\ncredentials: {{ deliver: \"file:secrets\" }}\n"),
    );
    example.write(
        "services/one/migrations/0001_t.up.sql",
        "CREATE TABLE t (n INT NOT NULL);\n",
    );
    example.set("ADMIN_URL", server.admin.url().expose());
    example.set("POOL_URL", pooled);
    example
}

fn credential(example: &Example) -> PathBuf {
    example.path().join("services/one/secrets/DATABASE_URL")
}

/// As a program whose pool has a short lifetime: a new connection every few transactions. Statements
/// are not prepared, as a transaction pooler wants it.
async fn loops(file: PathBuf, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) {
    let engine = freehold_builtin::engine(EngineKind::Postgres).must("an engine");
    while !stop.load(Ordering::SeqCst) {
        let url = fs::read_to_string(&file).expect("readable");
        let at = Endpoint::parse(EngineKind::Postgres, &Secret::new(url.trim_end()));
        let entered = engine.connect(&at.must("a URL")).await;
        let mut connection = entered.must("the program always gets in");
        for _ in 0..5 {
            let sent = connection
                .execute("BEGIN; INSERT INTO t (n) VALUES (1); COMMIT")
                .await;
            sent.must("a transaction never fails");
            done.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

fn port_in(file: &Path) -> String {
    let url = fs::read_to_string(file).expect("readable");
    let rest = url.split_once("@127.0.0.1:").expect("a host").1;
    rest.split(['/', '?']).next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_go_through_the_pooler_and_freehold_does_not() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let Some(pooler) = Pooler::before(&server).await else {
        return;
    };
    let example = Arc::new(example(&server, &pooler.url()));
    example.run(&["apply"]).done();
    let file = credential(&example);
    assert_eq!(port_in(&file), pooler.port().to_string());

    let shell = ["creds", "exec", SERVICE, "--", "sh", "-c"];
    let asks = "psql \"$(cat $DATABASE_URL_FILE)\" -Atc \"SELECT current_user, inet_server_port() IS NOT NULL\"";
    let said = example.run(&[&shell[..], &[asks]].concat()).done();
    assert_eq!(said, format!("{SERVICE}_app_1|t\n"));

    let (stop, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let client = tokio::spawn(loops(file.clone(), Arc::clone(&stop), Arc::clone(&done)));
    for _ in 0..2 {
        let rotating = Arc::clone(&example);
        let said = tokio::task::spawn_blocking(move || rotating.run(&["creds", "rotate"]))
            .await
            .expect("it ends");
        let said = said.done();
        assert!(said.contains("retired"), "{said}\n{}", pooler.log());
    }
    stop.store(true, Ordering::SeqCst);
    client.await.expect("no transaction failed");
    assert!(
        done.load(Ordering::SeqCst) > 10,
        "the client worked meanwhile"
    );

    let log = pooler.log();
    for login in ["app_1", "app_2"] {
        assert!(log.contains(&format!("user={SERVICE}_{login} ")), "{log}");
    }
    let other = log.lines().find(|line| {
        line.contains("login attempt") && !line.contains(&format!("user={SERVICE}_app_"))
    });
    assert_eq!(other, None, "only the program's logins come this way");

    // A pooler that is not there: nothing is delivered, and the program's credential goes on working.
    let before = fs::read_to_string(&file).expect("readable");
    let at = Endpoint::parse(EngineKind::Postgres, &Secret::new(before.trim_end())).must("a URL");
    let mut astray = Arc::into_inner(example).expect("nobody else holds it");
    astray.set("POOL_URL", "postgres://127.0.0.1:9");
    assert_eq!(astray.run(&["creds", "rotate"]).refused(3), ["FH3511"]);
    assert_eq!(fs::read_to_string(&file).expect("readable"), before);
    let engine = freehold_builtin::engine(EngineKind::Postgres).must("an engine");
    engine.connect(&at).await.must("the credential from before");
    astray.run(&["destroy", "--yes", "--force"]).done();
}
