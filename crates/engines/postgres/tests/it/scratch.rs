//! One private server for the tests that run at the same time, and its two administrators.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use freehold_engine::{Connection, Endpoint, Engine as _, Secret};
use freehold_model::EngineKind;
use freehold_postgres::Postgres;
use freehold_private_servers::{Kind, Settings, TlsFiles, find, start, stop};
use tokio::sync::Mutex;

/// Every character that ever broke somebody's quoting.
pub(crate) const CANARY: &str = "c'a\\n$a&r%y\n\u{1f426} \"x\"";

static CURRENT: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

/// Who provisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admin {
    Superuser,
    /// CREATEDB and CREATEROLE, nothing else.
    Plain,
}

pub(crate) const ADMINS: [Admin; 2] = [Admin::Superuser, Admin::Plain];

/// A running server; stopped and removed with its last user.
pub(crate) struct Server {
    dir: PathBuf,
    url: Secret,
    pub(crate) log: PathBuf,
}

/// `None`, told loudly, where PostgreSQL is not installed; a failure in CI.
pub(crate) async fn server() -> Option<Arc<Server>> {
    let mut current = CURRENT.lock().await;
    if let Some(server) = current.upgrade() {
        return Some(server);
    }
    let server = Arc::new(server_with(None).await?);
    *current = Arc::downgrade(&server);
    Some(server)
}

/// For tests that change the server as a whole.
pub(crate) async fn server_of_its_own() -> Option<Server> {
    server_with(None).await
}

/// With a certificate, or without.
pub(crate) async fn server_with(tls: Option<TlsFiles>) -> Option<Server> {
    let named =
        |what| std::env::var_os(format!("FREEHOLD_TEST_POSTGRESQL_{what}")).map(PathBuf::from);
    let bin_dir = named("BIN");
    if let (None, Err(error)) = (&bin_dir, find(Kind::Postgres)) {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "a server is missing in CI: {error}");
        skipped(&error.to_string());
        return None;
    }
    let folder = tempfile::Builder::new()
        .prefix("fh-pg-")
        .tempdir()
        .expect("a folder");
    let dir = folder.keep();
    let mut settings = Settings::new(Kind::Postgres, &dir)
        .with("fsync", "off")
        .with("log_statement", "all")
        .with("max_connections", "60");
    settings.tls = tls;
    settings.bin_dir = bin_dir;
    settings.library_dir = named("LIB");
    let server = start(&settings).await.expect("a private server");
    let url = Secret::new(server.url());
    let server = Server {
        log: server.log_file(),
        dir,
        url,
    };
    server.make_plain_admin().await;
    Some(server)
}

#[expect(clippy::print_stderr, reason = "a skip has to be seen")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

impl Server {
    pub(crate) fn superuser(&self) -> Endpoint {
        Endpoint::parse(EngineKind::Postgres, &self.url).expect("the server's own URL")
    }

    pub(crate) fn port(&self) -> u16 {
        match self.superuser().address {
            freehold_engine::Address::Tcp(_, port) => port,
            _ => 0,
        }
    }

    /// Where this administrator enters.
    pub(crate) fn admin(&self, admin: Admin) -> Endpoint {
        match admin {
            Admin::Superuser => self.superuser(),
            Admin::Plain => self
                .superuser()
                .with_login("plain_admin", Some(Secret::new(CANARY))),
        }
    }

    /// As superuser, in this database.
    pub(crate) async fn root(&self, database: &str) -> Box<dyn Connection> {
        let at = self.superuser().with_database(database);
        Postgres.connect(&at).await.expect("the superuser")
    }

    async fn make_plain_admin(&self) {
        let mut root = self.root("postgres").await;
        let verifier = Postgres.verifier(root.probe(), "plain_admin", &Secret::new(CANARY));
        root.execute(&format!(
            "CREATE ROLE plain_admin LOGIN CREATEDB CREATEROLE PASSWORD '{}';
             GRANT plain_admin TO CURRENT_USER; CREATE ROLE somebody LOGIN; CREATE ROLE reader;",
            verifier.expose()
        ))
        .await
        .expect("an administrator");
        root.execute("CREATE DATABASE somebodys OWNER somebody")
            .await
            .expect("somebody's database");
        root.execute("CREATE DATABASE shared OWNER plain_admin")
            .await
            .expect("a database that stores share");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let dir = self.dir.clone();
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(stop(&dir)).map(|_| dir)
        });
        // Kept where a test failed: its log tells why.
        if let (Ok(Ok(dir)), false) = (stopped.join(), std::thread::panicking()) {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}
