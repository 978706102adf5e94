//! One private server per engine and test binary, with its statement log switched on; and servers
//! for one test alone, which it may end as a crash would and start again.
//!
//! A server that cannot be had is a loud skip on a laptop and a failure in CI. Its folder is kept
//! when a test fails and deleted when all went well: the last user stops it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use freehold_engine::{Connection, Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_private_servers::{Kind, PrivateServer, Settings, start, stop};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::must::Must as _;

/// How long a server may recover after a crash.
const RECOVERY: Duration = Duration::from_mins(1);

/// A running private server, as its administrator sees it.
pub struct TestServer {
    /// Its kind.
    pub kind: EngineKind,
    /// With all rights.
    pub admin: Endpoint,
    /// As the server itself says it.
    pub version: String,
    log: PathBuf,
    folder: Option<TempDir>,
    settings: Settings,
    running: std::sync::Mutex<PrivateServer>,
}

static RUNNING: [Mutex<Weak<TestServer>>; 2] =
    [Mutex::const_new(Weak::new()), Mutex::const_new(Weak::new())];

/// The server of this kind, started by the first test that asks. `None`: not installed (a loud
/// skip was printed).
///
/// # Panics
/// In CI when it cannot be had; anywhere when it is installed and does not start.
pub async fn server(kind: EngineKind) -> Option<Arc<TestServer>> {
    let slot = &RUNNING[usize::from(kind != EngineKind::Postgres)];
    let mut slot = slot.lock().await;
    if let Some(running) = slot.upgrade() {
        return Some(running);
    }
    let private = installed(kind)?;
    let running = Arc::new(begin(kind, settings_of(private), None).await);
    *slot = Arc::downgrade(&running);
    Some(running)
}

/// Names the folder of a MySQL's programs, which then runs in MariaDB's place: the long proofs' way to
/// run the same tests there. Its libraries may be elsewhere.
const MYSQL: [&str; 2] = ["FREEHOLD_TEST_MYSQL_BIN", "FREEHOLD_TEST_MYSQL_LIB"];

/// A loud skip where it is not.
fn installed(kind: EngineKind) -> Option<Kind> {
    let private = match kind {
        EngineKind::Postgres => Kind::Postgres,
        _ if std::env::var_os(MYSQL[0]).is_some() => return Some(Kind::Mysql),
        _ => Kind::Mariadb,
    };
    if let Err(error) = freehold_private_servers::find(private) {
        assert!(
            std::env::var_os("CI").is_none(),
            "a server is missing in CI: {error}"
        );
        #[expect(clippy::print_stderr, reason = "a skip has to be seen")]
        {
            eprintln!("SKIPPED: {error}");
        }
        return None;
    }
    Some(private)
}

/// The folder is filled in when it starts.
fn settings_of(private: Kind) -> Settings {
    let mut settings = Settings::new(private, PathBuf::new()).with("max_connections", "200");
    if private == Kind::Mysql {
        let [programs, libraries] = MYSQL.map(|name| std::env::var_os(name).map(PathBuf::from));
        (settings.bin_dir, settings.library_dir) = (programs, libraries);
    }
    match private {
        Kind::Postgres => settings
            .with("log_statement", "all")
            // What is lost here is a process, never the machine.
            .with("fsync", "off"),
        _ => settings
            .with("general_log", "1")
            .with("general_log_file", "general.log")
            .with("log_bin", "binlog"),
    }
}

/// Below `within`, or the system's temporary folder.
async fn begin(kind: EngineKind, mut settings: Settings, within: Option<&Path>) -> TestServer {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("freehold-test-");
    let folder = match within {
        Some(within) => builder.tempdir_in(within),
        None => builder.tempdir(),
    };
    let folder = folder.must("a temporary folder");
    let dir = folder.path().join("server");
    settings.dir.clone_from(&dir);
    let running: PrivateServer = start(&settings).await.must("the private server starts");
    let log = if kind == EngineKind::Postgres {
        running.log_file()
    } else {
        dir.join("data/general.log")
    };
    let admin = Endpoint::parse(kind, &Secret::new(running.url())).must("its URL");
    // It comes back where it was.
    settings.port = Some(running.port());
    TestServer {
        kind,
        admin,
        version: running.version().to_owned(),
        log,
        folder: Some(folder),
        settings,
        running: std::sync::Mutex::new(running),
    }
}

impl TestServer {
    /// One for this test alone. `None`: not installed (a loud skip was printed).
    pub async fn alone(kind: EngineKind) -> Option<Arc<Self>> {
        let settings = settings_of(installed(kind)?);
        Some(Arc::new(begin(kind, settings, None).await))
    }

    /// One for this test alone, with settings of its own.
    pub async fn alone_with(kind: EngineKind, with: &[(&str, &str)]) -> Option<Arc<Self>> {
        let settings = settings_of(installed(kind)?);
        let settings = with.iter().fold(settings, |settings, (name, value)| {
            settings.with(*name, *value)
        });
        Some(Arc::new(begin(kind, settings, None).await))
    }

    /// One for this test alone whose files lie below a folder, in which there is little room: it
    /// keeps no binary log and no log of statements.
    pub async fn alone_in(kind: EngineKind, within: &Path) -> Option<Arc<Self>> {
        let settings = Settings::new(installed(kind)?, PathBuf::new());
        Some(Arc::new(begin(kind, settings, Some(within)).await))
    }

    /// Ends it and everything that it runs at once, as a crash would.
    pub fn kill(&self) {
        self.running.lock().must("nobody died with it").kill();
    }

    /// Starts it again on its port, if it does not run, and waits until it has recovered what was
    /// committed.
    pub async fn restart(&self) {
        if let Err(why) = self.revive().await {
            panic!("no server again: {why}");
        }
    }

    /// As [`Self::restart`].
    ///
    /// # Errors
    /// What it said instead of coming back.
    pub async fn revive(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            match start(&self.settings).await {
                Ok(again) => *self.running.lock().must("nobody died with it") = again,
                // One that is about to end for want of room still ran when it was looked at.
                Err(_) if begun.elapsed() < RECOVERY => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                Err(error) => return Err(format!("{error:?}")),
            }
            let engine = freehold_builtin::engine(self.kind).must("an engine");
            match engine.connect(&self.admin).await {
                Ok(_) => return Ok(()),
                // PostgreSQL that crashed by itself recovers by itself, and listens meanwhile.
                Err(_) if begun.elapsed() < RECOVERY => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(format!("it lets nobody in: {error}")),
            }
        }
    }

    /// A connection with all rights.
    pub async fn connect(&self) -> Box<dyn Connection> {
        let engine = freehold_builtin::engine(self.kind).must("an engine");
        engine
            .connect(&self.admin)
            .await
            .must("the administrator enters")
    }

    /// Where its statement log ends now.
    pub fn log_position(&self) -> u64 {
        std::fs::metadata(&self.log).must("a statement log").len()
    }

    /// Statements that the server itself logged since then and that change something: everything
    /// that does not begin with one of the harmless words.
    pub fn changing_statements_since(&self, position: u64) -> Vec<String> {
        let log = std::fs::read(&self.log).must("a statement log");
        let since = usize::try_from(position)
            .unwrap_or(usize::MAX)
            .min(log.len());
        changing(&String::from_utf8_lossy(&log[since..]))
    }

    /// Statements of `PostgreSQL` clients that the server itself logged since then, each on a line.
    pub fn statements_since(&self, position: u64) -> Vec<String> {
        let log = std::fs::read(&self.log).must("a statement log");
        let since = usize::try_from(position)
            .unwrap_or(usize::MAX)
            .min(log.len());
        String::from_utf8_lossy(&log[since..])
            .lines()
            .filter_map(|line| line.split_once("LOG:  statement: "))
            .map(|(_, statement)| statement.to_owned())
            .collect()
    }

    /// Its folder: logs, data, binlog.
    pub fn folder(&self) -> PathBuf {
        self.folder.as_ref().must("a folder").path().to_owned()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.running.lock().must("nobody died with it").pid()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else {
            return;
        };
        let dir = folder.path().join("server");
        // A thread of its own: this may run inside a runtime that is about to end.
        let stopping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map(|runtime| runtime.block_on(stop(dir)))
        });
        let _ = stopping.join();
        if std::thread::panicking() {
            let _ = folder.keep();
        }
    }
}

/// PostgreSQL: `… LOG:  statement: SELECT 1`, `… LOG:  execute s1: SELECT 1`.
/// MariaDB: `5 Query SELECT 1`, `Prepare`, `Execute`, with a tab after the word.
fn changing(log: &str) -> Vec<String> {
    let starts = [
        "LOG:  statement: ",
        "\tQuery\t",
        " Query\t",
        "\tExecute\t",
        " Execute\t",
    ];
    log.lines()
        .filter_map(|line| {
            let statement = starts
                .iter()
                .find_map(|start| line.split_once(start).map(|(_, rest)| rest));
            statement.or_else(|| {
                line.split_once("LOG:  execute ")
                    .and_then(|(_, rest)| rest.split_once(": "))
                    .map(|(_, sql)| sql)
            })
        })
        .filter(|statement| !harmless(statement))
        .map(str::to_owned)
        .collect()
}

fn harmless(statement: &str) -> bool {
    let word = statement
        .trim_start()
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default()
        .to_uppercase();
    [
        "SELECT",
        "SHOW",
        "SET",
        "RESET",
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
        "WITH",
        "USE",
        "DISCARD",
        "DEALLOCATE",
        "DO",
    ]
    .contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::changing;

    #[test]
    fn only_what_changes_something_is_kept() {
        let log = "2026 LOG:  statement: SELECT 1\n2026 LOG:  statement: GRANT x TO y\n\
                   2026 LOG:  execute s0: INSERT INTO t VALUES (1)\n2026 LOG:  duration: 1\n\
                   \t   5 Query\tSHOW TABLES\n\t   5 Query\tDROP USER x\n   5 Execute\tUPDATE t SET a = 1\n";
        assert_eq!(
            changing(log),
            [
                "GRANT x TO y",
                "INSERT INTO t VALUES (1)",
                "DROP USER x",
                "UPDATE t SET a = 1"
            ]
        );
    }
}
