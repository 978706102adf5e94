//! What the caller's settings do: server settings, long folders, TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use freehold_private_servers::{Kind, TlsFiles};

use crate::scratch::{client, query, scratch, skipped, start, user_and_password};

#[tokio::test]
async fn postgres_is_synced_local_and_takes_settings() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let settings = scratch
        .settings()
        .with("log_statement", "all")
        .with("wal_level", "logical");
    let server = start(&settings).await;
    for (name, value) in [
        ("fsync", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("server_encoding", "UTF8"),
        ("log_statement", "all"),
        ("wal_level", "logical"),
        ("ssl", "off"),
    ] {
        assert_eq!(query(&server, &format!("SHOW {name}")), value, "{name}");
    }
    let log = fs::read_to_string(server.log_file()).unwrap();
    assert!(
        log.contains("SHOW fsync"),
        "the log is where it is said to be"
    );
    assert!(query(&server, "SHOW server_version").starts_with(server.version()));
}

#[tokio::test]
async fn mariadb_is_synced_local_and_takes_settings() {
    let Some(scratch) = scratch(Kind::Mariadb) else {
        return;
    };
    let without = scratch.start().await;
    assert_eq!(query(&without, "SELECT @@log_bin"), "0");
    without.stop().await.unwrap();
    let settings = scratch
        .settings()
        .with("log_bin", "binlog")
        .with("binlog_format", "ROW");
    let server = start(&settings).await;
    for (name, value) in [
        ("innodb_flush_log_at_trx_commit", "1"),
        ("bind_address", "127.0.0.1"),
        ("character_set_server", "utf8mb4"),
        ("skip_name_resolve", "1"),
        ("performance_schema", "0"),
        ("log_bin", "1"),
        ("binlog_format", "ROW"),
    ] {
        assert_eq!(query(&server, &format!("SELECT @@{name}")), value, "{name}");
    }
    assert!(query(&server, "SELECT version()").starts_with(server.version()));
}

#[tokio::test]
async fn a_folder_too_long_for_a_socket_gets_a_short_one_elsewhere() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let Some(mut scratch) = scratch(kind) else {
            continue;
        };
        let top = scratch.dir.clone();
        scratch.dir = top.join("a-long-name".repeat(12));
        // The server's user has to pass through.
        fs::set_permissions(&top, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let server = scratch.start().await;
        let sql = match kind {
            Kind::Postgres => "SHOW unix_socket_directories",
            Kind::Mariadb | Kind::Mysql => "SELECT @@socket",
        };
        let socket = query(&server, sql);
        assert!(socket.starts_with("/tmp/freehold-socket-"), "{socket}");
        let socket_dir = Path::new(&socket)
            .ancestors()
            .find(|path| path.parent() == Some(Path::new("/tmp")));
        let socket_dir = socket_dir.unwrap();
        assert!(socket_dir.exists());
        server.stop().await.unwrap();
        assert!(!socket_dir.exists(), "{} is left", socket_dir.display());
        drop(scratch);
        fs::remove_dir_all(&top).unwrap();
    }
}

#[tokio::test]
async fn tls_is_offered_with_the_callers_certificate() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let Some(scratch) = scratch(kind) else {
            continue;
        };
        let files = tempfile::tempdir().unwrap();
        let tls = TlsFiles {
            cert: files.path().join("c.pem"),
            key: files.path().join("k.pem"),
        };
        if !self_signed(&tls) {
            return skipped("no openssl to make a certificate");
        }
        let mut settings = scratch.settings();
        settings.tls = Some(tls.clone());
        let server = start(&settings).await;
        let (user, password) = user_and_password(server.url());
        let (more, sql) = match kind {
            Kind::Postgres => {
                // As a database name, psql takes a connection string.
                let root = tls.cert.display();
                let text = format!("dbname=postgres sslmode=verify-ca sslrootcert={root}");
                let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                (vec!["-d".into(), text.into()], sql)
            }
            Kind::Mariadb | Kind::Mysql => {
                let ca = format!("--ssl-ca={}", tls.cert.display());
                let verify = "--ssl-verify-server-cert".into();
                (vec![ca.into(), verify], "SHOW STATUS LIKE 'Ssl_cipher'")
            }
        };
        let output = client(&server, user, password, &more, sql);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            said.trim() == "t" || said.contains("TLS_") || said.contains("ECDHE"),
            "{said}"
        );
        query(&server, "SELECT 1");
    }
}

fn self_signed(tls: &TlsFiles) -> bool {
    let output = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .arg("-keyout")
        .arg(&tls.key)
        .arg("-out")
        .arg(&tls.cert)
        .output();
    output.is_ok_and(|output| output.status.success())
}
