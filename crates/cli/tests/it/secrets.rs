//! A generated password is nowhere but where it was handed to; an admin's password may be anything.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use freehold_engine::Secret;
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer, server};

use crate::binary::Example;

const CANARY: &str = "a'b\\c$d&e%f\ng😀:/@?# \"end";

/// ShopEase-like: one service on one server of this kind, named so that tests do not meet.
fn example(kind: EngineKind, name: &str) -> Example {
    let example = Example::copy("bookvault");
    fs::remove_dir_all(example.path().join("services")).expect("removed");
    fs::create_dir_all(example.path().join("services/one/migrations")).expect("a folder");
    example.write(
        "freehold.yaml",
        &format!("system: secrets\nservers:\n  main: {{ engine: {kind}, url: \"env:ADMIN_URL\" }}\nservices: [services/*]\n"),
    );
    example.write(
        "services/one/service.yaml",
        &format!("service: {name}\nstore: {{ server: main }}\ncredentials: {{ deliver: fd }}\n"),
    );
    example.write(
        "services/one/migrations/0001_t.up.sql",
        "CREATE TABLE t (id INT PRIMARY KEY);\n",
    );
    example.write("services/one/migrations/0001_t.down.sql", "DROP TABLE t;\n");
    example
}

async fn canary_admin(server: &TestServer, name: &str) -> Secret {
    let mut admin = server.connect().await;
    let password = Secret::new(CANARY);
    let engine = freehold_builtin::engine(server.kind).must("an engine");
    let verifier = engine.verifier(admin.probe(), name, &password);
    let statements = if server.kind == EngineKind::Postgres {
        vec![format!(
            "CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{}'",
            verifier.expose()
        )]
    } else {
        vec![
            format!(
                "CREATE USER '{name}'@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING '{}'",
                verifier.expose()
            ),
            format!("GRANT ALL ON *.* TO '{name}'@'127.0.0.1' WITH GRANT OPTION"),
        ]
    };
    for statement in statements {
        admin.execute(&statement).await.must("the admin is made");
    }
    server.admin.with_login(name, Some(password)).url()
}

/// Applies as the canary admin, runs a child that holds a generated password, and looks for both
/// everywhere while it runs.
async fn nowhere(kind: EngineKind) {
    let Some(server) = server(kind).await else {
        return;
    };
    let name = format!("secrets_{kind}");
    let mut example = example(kind, &name);
    let url = canary_admin(&server, &format!("canary_{kind}")).await;
    example.set("ADMIN_URL", url.expose());
    example.run(&["apply"]).done();

    let mut command = example.command(&[
        "creds",
        "exec",
        &name,
        "--",
        "sh",
        "-c",
        "cat <&$FREEHOLD_CREDENTIALS_FD; read wait; exit 0",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output"))
        .read_line(&mut line)
        .expect("a line");
    let json: serde_json::Value = serde_json::from_str(&line).expect("one JSON line");
    let generated = json["DATABASE_URL"]
        .as_str()
        .and_then(|url| url.split('@').next()?.rsplit(':').next())
        .expect("a password")
        .to_owned();
    assert_eq!(generated.len(), 43, "{generated}");

    let seen = places(&server, example.path(), &generated);
    assert!(
        seen.is_empty(),
        "the generated password was found in {seen:?}"
    );
    let seen = places(&server, example.path(), CANARY);
    assert!(
        seen.is_empty(),
        "the admin's password was found in {seen:?}"
    );
    works(&json, kind);
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(b"\n")
        .expect("woken");
    assert!(child.wait().expect("it ends").success());
    let position = seen.len();
    assert_eq!(position, 0);
    finds_what_is_there(&server, example.path());
    example.run(&["destroy", "--yes", "--force"]).done();
}

/// The search itself can fail: a secret that does lie around is found.
fn finds_what_is_there(server: &TestServer, folder: &Path) {
    let left = "left-in-an-argument-0123456789";
    let mut sleeper = Command::new("sleep")
        .arg("30")
        .env("LEFT", left)
        .spawn()
        .expect("it runs");
    fs::write(folder.join("left.txt"), left).expect("written");
    // A program that was just started has its environment a moment later.
    let environ = format!("/proc/{}/environ", sleeper.id());
    for _ in 0..100 {
        if fs::read(&environ).is_ok_and(|bytes| !bytes.is_empty()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let seen = places(server, folder, left);
    sleeper.kill().expect("ended");
    sleeper.wait().expect("ended");
    assert!(
        seen.iter().any(|place| place.contains("environ"))
            && seen.iter().any(|place| place.contains("left.txt")),
        "{seen:?}"
    );
}

fn works(json: &serde_json::Value, kind: EngineKind) {
    if kind == EngineKind::Postgres {
        let url = json["DATABASE_URL"].as_str().expect("a URL");
        let output = Command::new("psql")
            .args([url, "-Atc", "select current_user"])
            .output()
            .expect("psql runs");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("_app_"),
            "{output:?}"
        );
    }
}

/// Where a secret can be seen: arguments and environments of all processes but this one (its own
/// children's arguments included), and every file of the server and the example.
fn places(server: &TestServer, folder: &Path, secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").expect("/proc").flatten() {
        let name = process.file_name().to_string_lossy().into_owned();
        if name
            .parse::<u32>()
            .is_ok_and(|pid| pid != std::process::id())
        {
            for file in ["cmdline", "environ"] {
                look(&process.path().join(file), secret, &mut found);
            }
        }
    }
    walk(&server.folder(), secret, &mut found);
    walk(folder, secret, &mut found);
    found
}

fn walk(folder: &Path, secret: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), secret, found),
            Ok(kind) if kind.is_file() => look(&entry.path(), secret, found),
            _ => {}
        }
    }
}

fn look(file: &Path, secret: &str, found: &mut Vec<String>) {
    let Ok(bytes) = fs::read(file) else { return };
    if bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
    {
        found.push(file.display().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_nowhere_on_postgres() {
    nowhere(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_nowhere_on_mariadb() {
    nowhere(EngineKind::Mariadb).await;
}
