//! Start, join, stop, start again, crash, restart.

use std::net::TcpListener;
use std::path::Path;

use freehold_private_servers::{Kind, stop};

use crate::scratch::{processes_on, query, scratch, status};

#[tokio::test]
async fn postgres_is_started_joined_stopped_and_started_again() {
    a_life(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_is_started_joined_stopped_and_started_again() {
    a_life(Kind::Mariadb).await;
}

#[tokio::test]
async fn mysql_is_started_joined_stopped_and_started_again() {
    a_life(Kind::Mysql).await;
}

async fn a_life(kind: Kind) {
    let Some(scratch) = scratch(kind) else { return };
    let first = scratch.start().await;
    assert!(first.started_now());
    assert_eq!(query(&first, "SELECT 40 + 2"), "42");
    query(&first, "CREATE DATABASE bookstore");

    let joined = scratch.start().await;
    assert!(!joined.started_now());
    assert_eq!((joined.pid(), joined.url()), (first.pid(), first.url()));
    // Handles do not hold a server: this one goes, the server stays.
    drop(joined);
    assert_eq!(query(&first, "SELECT 1"), "1");

    let (port, url) = (first.port(), first.url().to_owned());
    assert!(stop(&scratch.dir).await.unwrap(), "it ran");
    nothing_remains(&scratch.dir, port);
    assert!(!stop(&scratch.dir).await.unwrap(), "it had been stopped");

    let again = scratch.start().await;
    assert!(again.started_now());
    assert_eq!(again.url(), url, "port and password are those of last time");
    assert_eq!(
        query(&again, databases(kind)),
        "1",
        "its data are those of last time"
    );
    let port = again.port();
    again.stop().await.unwrap();
    nothing_remains(&scratch.dir, port);
}

fn databases(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => "SELECT count(*) FROM pg_database WHERE datname = 'bookstore'",
        Kind::Mariadb | Kind::Mysql => {
            "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'bookstore'"
        }
    }
}

fn nothing_remains(dir: &Path, port: u16) {
    assert_eq!(processes_on(dir), Vec::<String>::new());
    assert!(
        TcpListener::bind(("127.0.0.1", port)).is_ok(),
        "port {port} is still taken"
    );
    for entry in ["run", "tmp", "running.json", "password"] {
        assert!(!dir.join(entry).exists(), "{entry} is left");
    }
}

#[tokio::test]
async fn postgres_keeps_a_commit_through_a_crash() {
    a_crash(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_keeps_a_commit_through_a_crash() {
    a_crash(Kind::Mariadb).await;
}

#[tokio::test]
async fn mysql_keeps_a_commit_through_a_crash() {
    a_crash(Kind::Mysql).await;
}

async fn a_crash(kind: Kind) {
    let Some(scratch) = scratch(kind) else { return };
    let mut server = scratch.start().await;
    let schema = if kind == Kind::Postgres {
        "SCHEMA"
    } else {
        "DATABASE"
    };
    query(&server, &format!("CREATE {schema} bookstore"));
    query(&server, "CREATE TABLE bookstore.books (id INT PRIMARY KEY)");
    query(&server, "INSERT INTO bookstore.books VALUES (1), (2), (3)");
    let (pid, url) = (server.pid(), server.url().to_owned());
    server.kill();
    // At once: the restart itself waits for what is left of it.
    server.restart().await.unwrap();
    assert_ne!(server.pid(), pid);
    assert_eq!(server.url(), url);
    assert_eq!(query(&server, "SELECT count(*) FROM bookstore.books"), "3");
    let log = std::fs::read_to_string(server.log_file()).unwrap();
    let was_a_crash = match kind {
        Kind::Postgres => log.contains("database system was not properly shut down"),
        Kind::Mariadb => log.contains("Starting crash recovery from checkpoint"),
        // It says nothing of the recovery, but much of a stop in good order.
        Kind::Mysql => !log.contains("Shutdown complete"),
    };
    assert!(was_a_crash, "{log}");

    // A running server too.
    let pid = server.pid();
    server.restart().await.unwrap();
    assert_ne!(server.pid(), pid);
    assert_eq!(server.url(), url);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_starts_at_once_make_one_server() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let (one, two) = tokio::join!(scratch.start(), scratch.start());
    assert_eq!(one.pid(), two.pid());
    assert_ne!(one.started_now(), two.started_now());
}

#[tokio::test]
async fn a_start_that_was_broken_off_is_mended_by_the_next() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let Some(scratch) = scratch(kind) else {
            continue;
        };
        // Broken off in the middle of making: at whatever point these few milliseconds reach.
        for milliseconds in [1, 60, 250, 600] {
            let limit = std::time::Duration::from_millis(milliseconds);
            let settings = scratch.settings();
            let _ = tokio::time::timeout(limit, freehold_private_servers::start(&settings)).await;
        }
        let server = scratch.start().await;
        assert_eq!(query(&server, "SELECT 1"), "1");
        assert!(stop(&scratch.dir).await.unwrap());
        assert_eq!(processes_on(&scratch.dir), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_server_without_its_record_is_found_by_its_folder() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let Some(scratch) = scratch(kind) else {
            continue;
        };
        let lost = scratch.start().await;
        std::fs::remove_file(scratch.dir.join("running.json")).unwrap();
        let found = scratch.start().await;
        assert!(found.started_now());
        assert_ne!(found.pid(), lost.pid());
        assert_eq!(query(&found, "SELECT 1"), "1");
        std::fs::remove_file(scratch.dir.join("running.json")).unwrap();
        assert!(stop(&scratch.dir).await.unwrap());
        assert_eq!(processes_on(&scratch.dir), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_server_is_unprivileged_and_out_of_the_terminals_reach() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let Some(scratch) = scratch(kind) else {
            continue;
        };
        let server = scratch.start().await;
        let uids = status(server.pid(), "Uid");
        assert!(
            uids.split_whitespace().all(|uid| uid != "0"),
            "runs as {uids}"
        );
        if we_are_root() {
            assert_eq!(
                status(server.pid(), "Groups"),
                "",
                "root's groups are dropped"
            );
        }
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        let group = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .nth(2)
            .unwrap();
        assert_eq!(
            group,
            server.pid().to_string(),
            "a process group of its own"
        );
    }
}

/// The tests' own user, read where the servers' is.
fn we_are_root() -> bool {
    status(std::process::id(), "Uid").starts_with('0')
}
