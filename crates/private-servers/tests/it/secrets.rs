//! Where the admin's password may be, and where not; who else may log in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freehold_private_servers::Kind;

use crate::scratch::{client, command_lines, query, scratch, start, user_and_password};

#[tokio::test]
async fn postgres_shows_the_password_in_its_file_only() {
    shown_nowhere(
        Kind::Postgres,
        &[("log_statement", "all"), ("log_min_messages", "debug1")],
    )
    .await;
}

#[tokio::test]
async fn mariadb_shows_the_password_in_its_file_only() {
    shown_nowhere(
        Kind::Mariadb,
        &[("general_log", "1"), ("log_bin", "binlog")],
    )
    .await;
}

#[tokio::test]
async fn mysql_shows_the_password_in_its_file_only() {
    shown_nowhere(Kind::Mysql, &[("general_log", "1"), ("log_bin", "binlog")]).await;
}

async fn shown_nowhere(kind: Kind, settings: &[(&str, &str)]) {
    let Some(scratch) = scratch(kind) else { return };
    let done = Arc::new(AtomicBool::new(false));
    // Arguments and environments of everything that runs while the server is made and started.
    let watcher = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let mut seen = std::collections::BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                seen.extend(command_lines());
                seen.extend(environments());
            }
            seen
        }
    });
    let settings = settings
        .iter()
        .fold(scratch.settings(), |all, (name, value)| {
            all.with(*name, *value)
        });
    let server = start(&settings).await;
    done.store(true, Ordering::Relaxed);
    let seen = watcher.join().unwrap();
    let (_, password) = user_and_password(server.url());
    assert_eq!(password.len(), 64, "256 bits, hexadecimal");
    let dir = scratch.dir.to_str().unwrap();
    assert!(
        seen.iter().any(|line| line.contains(dir)),
        "the watcher saw the server's processes"
    );
    assert!(
        !seen.iter().any(|line| line.contains(password)),
        "in arguments or an environment"
    );
    assert!(!format!("{server:?}").contains(password), "in Debug");
    query(&server, "SELECT 1");

    let mut holders = Vec::new();
    files_with(&scratch.dir, password.as_bytes(), &mut holders);
    assert_eq!(holders, [scratch.dir.join("admin.url")]);
    let mode = |name: &str| {
        fs::metadata(scratch.dir.join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    for file in ["admin.url", "server.log", "running.json", "made.json"] {
        assert_eq!(mode(file) & 0o777, 0o600, "{file}");
    }
    assert_eq!(mode("data") & 0o077, 0, "data");
    let owner = fs::metadata(scratch.dir.join("admin.url")).unwrap().uid();
    assert_eq!(
        owner,
        fs::metadata("/proc/self").unwrap().uid(),
        "the server cannot read it"
    );
}

fn environments() -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        // Our own holds nothing of it, and is no business of the server's.
        .filter(|entry| entry.file_name() != std::process::id().to_string().as_str())
        .filter_map(|entry| fs::read(entry.path().join("environ")).ok())
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .collect()
}

fn files_with(dir: &std::path::Path, needle: &[u8], found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().filter_map(Result::ok) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files_with(&entry.path(), needle, found);
        } else if kind.is_file() {
            // A running server removes files under our hands.
            let bytes = fs::read(entry.path()).unwrap_or_default();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(entry.path());
            }
        }
    }
}

#[tokio::test]
async fn postgres_lets_in_nobody_without_the_password() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let server = scratch.start().await;
    let (admin, _) = user_and_password(server.url());
    for (user, password) in [(admin, "wrong"), (admin, ""), ("postgres", "")] {
        let over_tcp = client(&server, user, password, &[], "SELECT 1");
        assert!(
            !over_tcp.status.success(),
            "{user} with {password:?} over TCP"
        );
        let socket = ["-h".into(), scratch.dir.join("run").into()];
        let over_socket = client(&server, user, password, &socket, "SELECT 1");
        let said = String::from_utf8_lossy(&over_socket.stderr);
        assert!(
            !over_socket.status.success(),
            "{user} with {password:?} over the socket"
        );
        assert!(
            said.contains("authentication failed") || said.contains("no password"),
            "{said}"
        );
    }
    let roles = "SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolcanlogin";
    assert_eq!(query(&server, roles), "freehold_admin");
}

#[tokio::test]
async fn mariadb_lets_in_nobody_without_the_password() {
    let Some(scratch) = scratch(Kind::Mariadb) else {
        return;
    };
    let server = scratch.start().await;
    let (admin, _) = user_and_password(server.url());
    for (user, password) in [(admin, "wrong"), (admin, ""), ("root", ""), ("nobody", "")] {
        let over_tcp = client(&server, user, password, &[], "SELECT 1");
        assert!(
            !over_tcp.status.success(),
            "{user} with {password:?} over TCP"
        );
        let mut socket = std::ffi::OsString::from("--socket=");
        socket.push(scratch.dir.join("run/server.sock"));
        let local = [
            "--host=localhost".into(),
            "--protocol=socket".into(),
            socket,
        ];
        let over_socket = client(&server, user, password, &local, "SELECT 1");
        let said = String::from_utf8_lossy(&over_socket.stderr);
        assert!(
            said.contains("Access denied"),
            "{user} with {password:?} over the socket: {said}"
        );
    }
    let accounts = "SELECT User, Host FROM mysql.global_priv WHERE User <> 'PUBLIC' ORDER BY 1";
    assert_eq!(
        query(&server, accounts),
        "freehold_admin\t127.0.0.1\nmariadb.sys\tlocalhost"
    );
    query(
        &server,
        "CREATE USER someone; GRANT SELECT ON *.* TO someone WITH GRANT OPTION",
    );
}
