//! `PgBouncer` in transaction mode before a test's PostgreSQL, as a team would run it: it knows one
//! login's password, its own, and asks the server for everybody else's.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use freehold_engine::{Address, Endpoint, Secret};
use tempfile::TempDir;

use crate::must::Must as _;
use crate::servers::TestServer;

/// The user without rights, by its number on Debian.
const NOBODY: u32 = 65534;
const LOGIN: &str = "test_pooler";
/// A start takes a few milliseconds; a busy machine takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends when it is dropped.
pub struct Pooler {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Pooler {
    /// `None`: not installed (a loud skip was printed).
    ///
    /// # Panics
    /// In CI when it is not installed; anywhere when it does not start.
    pub async fn before(server: &TestServer) -> Option<Self> {
        if Command::new("pgbouncer").arg("--version").output().is_err() {
            assert!(
                std::env::var_os("CI").is_none(),
                "pgbouncer is missing in CI"
            );
            #[expect(clippy::print_stderr, reason = "a skip has to be seen")]
            {
                eprintln!("SKIPPED: pgbouncer is not installed (Debian's package of that name)");
            }
            return None;
        }
        let password = Secret::generate();
        make_login(server, &password).await;
        let folder = tempfile::Builder::new()
            .prefix("freehold-pooler-")
            .tempdir()
            .must("a temporary folder");
        let listener = TcpListener::bind(("127.0.0.1", 0)).must("a free port");
        let port = listener.local_addr().must("its number").port();
        drop(listener);
        configure(folder.path(), server, &password, port);
        let mut command = Command::new("pgbouncer");
        command.arg("-q").arg(folder.path().join("pgbouncer.ini"));
        // It refuses to run as root.
        if fs::metadata("/proc/self").must("this process").uid() == 0 {
            for path in ["", "pgbouncer.ini", "userlist.txt"] {
                let owned = chown(folder.path().join(path), Some(NOBODY), Some(NOBODY));
                owned.must("the pooler's user owns its folder");
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().must("pgbouncer starts");
        let pooler = Self {
            process,
            folder,
            port,
        };
        pooler.answers();
        Some(pooler)
    }

    fn answers(&self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "pgbouncer: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// For `pooled:`, without a login.
    pub fn url(&self) -> String {
        format!("postgres://127.0.0.1:{}?sslmode=disable", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wrote: who logged in, who was closed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The login as which it asks for passwords.
async fn make_login(server: &TestServer, password: &Secret) {
    let mut admin = server.connect().await;
    let dropped = format!("DROP ROLE IF EXISTS {LOGIN}");
    let made = format!(
        "CREATE ROLE {LOGIN} SUPERUSER LOGIN PASSWORD '{}'",
        password.expose()
    );
    for sql in [dropped, made] {
        admin.execute(&sql).await.must("the pooler's login");
    }
}

fn configure(folder: &Path, server: &TestServer, password: &Secret, port: u16) {
    let Endpoint {
        address: Address::Tcp(host, server_port),
        ..
    } = &server.admin
    else {
        panic!("a pooler stands before a port");
    };
    let here = folder.display();
    let ini = format!(
        "[databases]\n* = host={host} port={server_port} auth_user={LOGIN}\n\n[pgbouncer]\n\
         listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         pool_mode = transaction\nauth_type = scram-sha-256\nauth_file = {here}/userlist.txt\n\
         auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1\n\
         server_idle_timeout = 1\nlogfile = {here}/log\n"
    );
    fs::write(folder.join("pgbouncer.ini"), ini).must("its configuration");
    let users = format!("\"{LOGIN}\" \"{}\"\n", password.expose());
    fs::write(folder.join("userlist.txt"), users).must("its list of users");
}
