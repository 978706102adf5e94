//! A temporary folder with at most one private server, and what tests ask of it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use freehold_private_servers::{Kind, PrivateServer, Settings, find, stop};

/// `None`, told loudly, when the server is not installed; a failure in CI. Other builds than the
/// installed ones are named by `FREEHOLD_TEST_<KIND>_BIN` and `…_LIB`; MySQL is tried only so.
pub(crate) fn scratch(kind: Kind) -> Option<Scratch> {
    let bin_dir = named(kind, "BIN");
    let missing = match (kind, &bin_dir) {
        (_, Some(_)) => None,
        (Kind::Mysql, None) => Some("FREEHOLD_TEST_MYSQL_BIN names no folder".to_owned()),
        (_, None) => find(kind).err().map(|error| error.to_string()),
    };
    if let Some(missing) = missing {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(
            !in_ci || kind == Kind::Mysql,
            "a server is missing in CI: {missing}"
        );
        skipped(&missing);
        return None;
    }
    let folder = tempfile::Builder::new()
        .prefix("fh-servers-")
        .tempdir()
        .unwrap();
    Some(Scratch {
        kind,
        dir: folder.keep(),
        bin_dir,
        library_dir: named(kind, "LIB"),
    })
}

fn named(kind: Kind, what: &str) -> Option<PathBuf> {
    let name = format!("FREEHOLD_TEST_{}_{what}", kind.title().to_uppercase());
    std::env::var_os(name).map(PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "a skip has to be seen")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

pub(crate) struct Scratch {
    pub(crate) kind: Kind,
    pub(crate) dir: PathBuf,
    bin_dir: Option<PathBuf>,
    library_dir: Option<PathBuf>,
}

impl Scratch {
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.kind, &self.dir);
        settings.bin_dir.clone_from(&self.bin_dir);
        settings.library_dir.clone_from(&self.library_dir);
        settings
    }

    pub(crate) async fn start(&self) -> PrivateServer {
        start(&self.settings()).await
    }
}

pub(crate) async fn start(settings: &Settings) -> PrivateServer {
    match freehold_private_servers::start(settings).await {
        Ok(server) => server,
        Err(error) => panic!("{}\n{:#?}", error.fault(), error.fault().help),
    }
}

impl Drop for Scratch {
    #[expect(clippy::print_stderr, reason = "whoever mends the test looks there")]
    fn drop(&mut self) {
        let dir = self.dir.clone();
        // A runtime of its own: this one may be the test's.
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(stop(&dir)).unwrap()
        });
        let stopped = stopped.join();
        if std::thread::panicking() || stopped.is_err() {
            eprintln!("kept: {}", self.dir.display());
        } else {
            fs::remove_dir_all(&self.dir).unwrap();
        }
    }
}

/// Runs SQL through the server's own client, over TCP, with the account of the URL.
pub(crate) fn query(server: &PrivateServer, sql: &str) -> String {
    let (user, password) = user_and_password(server.url());
    let output = client(server, user, password, &[], sql);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The client's own answer, for an account and with further arguments.
pub(crate) fn client(
    server: &PrivateServer,
    user: &str,
    password: &str,
    more: &[OsString],
    sql: &str,
) -> Output {
    // MariaDB's client speaks to MySQL too, and other builds often bring none.
    let installed = match server.kind() {
        Kind::Postgres => Kind::Postgres,
        Kind::Mariadb | Kind::Mysql => Kind::Mariadb,
    };
    let program = find(installed)
        .unwrap()
        .client
        .expect("the client of the server");
    let port = server.port().to_string();
    let mut command = Command::new(program);
    command.env_clear();
    match server.kind() {
        Kind::Postgres => command
            .env("PGPASSWORD", password)
            .args([
                "-XAtq",
                "-h",
                "127.0.0.1",
                "-d",
                "postgres",
                "-p",
                &port,
                "-U",
                user,
            ])
            .args(more)
            .args(["-c", sql]),
        Kind::Mariadb | Kind::Mysql => command
            .env("MYSQL_PWD", password)
            .args([
                "--no-defaults",
                "-BN",
                "-h",
                "127.0.0.1",
                "-P",
                &port,
                "-u",
                user,
            ])
            .args(more)
            .args(["-e", sql]),
    };
    command.output().unwrap()
}

pub(crate) fn user_and_password(url: &str) -> (&str, &str) {
    let account = url.split_once("://").unwrap().1.split_once('@').unwrap().0;
    account.split_once(':').unwrap()
}

/// The command lines of all processes that name `dir`.
pub(crate) fn processes_on(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    command_lines()
        .into_iter()
        .filter(|line| line.contains(dir))
        .collect()
}

pub(crate) fn command_lines() -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}

/// A field of `/proc/PID/status`.
pub(crate) fn status(pid: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}
