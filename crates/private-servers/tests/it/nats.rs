//! A private NATS: it answers, takes users, and ends with who started it or at the next start.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use freehold_private_servers::{NatsServer, has_nats, start_nats};

/// The server's answer to a login.
fn enters(server: &NatsServer, user: &str, password: &str) -> bool {
    let address = server.address();
    let mut stream = TcpStream::connect(address.trim_start_matches("nats://")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("INFO "));
    let hello = format!(
        "CONNECT {{\"verbose\":false,\"user\":\"{user}\",\"pass\":\"{password}\"}}\r\nPING\r\n"
    );
    stream.write_all(hello.as_bytes()).unwrap();
    lines.next().unwrap().unwrap().starts_with("PONG")
}

/// The server's user passes through it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    folder
}

#[tokio::test]
async fn it_answers_takes_users_and_ends() {
    if !has_nats() {
        assert!(std::env::var_os("CI").is_none(), "NATS is missing in CI");
        return;
    }
    let folder = folder();
    let server = start_nats(&folder.path().join("nats")).await.unwrap();
    let (user, password) = server.admin();
    assert!(enters(&server, user, password) && !enters(&server, user, "wrong"));
    assert!(!enters(&server, "orders", "secret"));
    let orders = "{ user: orders, password: secret }".to_owned();
    server.set_users(&[orders]).await.unwrap();
    assert!(enters(&server, "orders", "secret") && enters(&server, user, password));
    let address = server.address();
    server.stop().await.unwrap();
    TcpStream::connect(address.trim_start_matches("nats://")).unwrap_err();
}

#[tokio::test]
async fn what_a_killed_run_left_is_ended() {
    if !has_nats() {
        return;
    }
    let folder = folder();
    let dir = folder.path().join("nats");
    let left = start_nats(&dir).await.unwrap();
    let address = left.address();
    // As if this process had been killed: nobody stops it.
    std::mem::forget(left);
    let server = start_nats(&dir).await.unwrap();
    assert_ne!(server.address(), address);
    TcpStream::connect(address.trim_start_matches("nats://")).unwrap_err();
    server.stop().await.unwrap();
}
