//! A private NATS server with JetStream: a broker for one `freehold run`, which ends with it.
//!
//! Its folder holds `nats.conf` with the users (0600), `store/` with the streams, `nats.log`, and
//! `running.json`, by which the next start ends what a killed run left. Unlike a database it is not
//! joined: nobody but who started it knows the administrator's password.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::account::Account;
use crate::error::Error;
use crate::making::last_lines;
use crate::password::Password;
use crate::port;
use crate::process::{POLL, Process};

const PROGRAM: &str = "nats-server";
/// Beside the path: where packages and Go put it.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
const LIMIT: Duration = Duration::from_secs(30);
const PORT_ATTEMPTS: usize = 5;
/// The largest message, in bytes.
const MESSAGE_BYTES: u32 = 1 << 20;

/// A running server.
#[derive(Debug)]
pub struct NatsServer {
    home: Home,
    port: u16,
    password: Password,
    child: Child,
}

/// The administrator's name there.
const ADMIN: &str = "freehold";

/// Starts one in this folder, which is made where it is not there. Streams of an earlier start are
/// there again.
///
/// # Errors
/// It is not installed, its folder cannot be written, or it does not answer.
pub async fn start_nats(dir: &Path) -> Result<NatsServer, Error> {
    let program = program()?;
    let home = Home::open(dir)?;
    home.end_the_left_over().await?;
    let password = Password::random()?;
    let mut attempt = 1;
    loop {
        let port = port::any()?;
        home.configure(&program, port, &password, &[])?;
        let child = home.spawn(&program)?;
        let mut server = NatsServer {
            home: home.clone(),
            port,
            password: password.clone(),
            child,
        };
        match server.until_ready().await {
            Err(Error::PortTaken { .. }) if attempt < PORT_ATTEMPTS => attempt += 1,
            Err(error) => {
                let _ = server.child.kill();
                let _ = server.child.wait();
                return Err(error);
            }
            Ok(()) => return Ok(server),
        }
    }
}

impl NatsServer {
    /// `nats://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("nats://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The administrator's name and password.
    pub fn admin(&self) -> (&'static str, &str) {
        (ADMIN, self.password.expose())
    }

    /// From now on these users may enter besides the administrator: entries as they stand in
    /// `authorization { users: [ … ] }`. Returns when the server has read them.
    ///
    /// # Errors
    /// The file's; or the server did not take it.
    pub async fn set_users(&self, entries: &[String]) -> Result<(), Error> {
        self.home
            .configure(&program()?, self.port, &self.password, entries)?;
        let reloads = || {
            self.home
                .log()
                .matches("Reloaded server configuration")
                .count()
        };
        let before = reloads();
        if let Some(process) = Process::living(self.child.id()) {
            process.signal(Signal::HUP);
        }
        let begun = Instant::now();
        while reloads() == before {
            if begun.elapsed() > LIMIT {
                return Err(self.home.not_ready("did not take its users"));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Ends it, and waits for that.
    ///
    /// # Errors
    /// It did not end in time.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(process) = Process::living(self.child.id()) {
            process.signal(Signal::TERM);
            if !process.gone_within(LIMIT).await {
                return Err(self.home.not_stopped(process));
            }
        }
        self.child.wait().map_err(Error::io("wait for", PROGRAM))?;
        self.home.forget()
    }

    async fn until_ready(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let ended = |child: &mut Child| child.try_wait().is_ok_and(|status| status.is_some());
        loop {
            if ended(&mut self.child) {
                let log = self.home.log();
                return Err(if log.contains("address already in use") {
                    Error::PortTaken { port: self.port }
                } else {
                    self.home.not_ready("ended while it started")
                });
            }
            if self.home.log().contains("Server is ready")
                && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                return Err(self.home.not_ready("did not answer in time"));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for NatsServer {
    /// For who was cancelled before [`NatsServer::stop`].
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where it is installed.
fn program() -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let mut searched = Vec::new();
    for folder in folders {
        let program = folder.join(PROGRAM);
        if program.is_file() {
            return Ok(program);
        }
        searched.push(folder.display().to_string());
    }
    Err(Error::NoNats { searched })
}

/// Is it installed?
pub fn has_nats() -> bool {
    program().is_ok()
}

/// An acknowledged message is on the disk: versions before 2.10 cannot be told so.
fn syncs_always(program: &Path) -> bool {
    let Ok(said) = Command::new(program).arg("--version").output() else {
        return false;
    };
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.rsplit('v').next().unwrap_or_default();
    let mut parts = version
        .trim()
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next()) >= (2, 10)
}

/// The folder.
#[derive(Debug, Clone)]
struct Home {
    root: PathBuf,
    account: Account,
}

impl Home {
    fn open(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::io("make", dir))?;
        let root = fs::canonicalize(dir).map_err(Error::io("look at", dir))?;
        let account = Account::for_nats()?;
        account.own(&root)?;
        account.must_reach(&root)?;
        Ok(Self { root, account })
    }

    fn log_file(&self) -> PathBuf {
        self.root.join("nats.log")
    }

    fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn configure(
        &self,
        program: &Path,
        port: u16,
        password: &Password,
        users: &[String],
    ) -> Result<(), Error> {
        let sync = if syncs_always(program) {
            ", sync_interval: always"
        } else {
            ""
        };
        let text = format!(
            "listen: \"{}:{port}\"\nmax_payload: {MESSAGE_BYTES}\njetstream {{ store_dir: \"store\"{sync} }}\n\
             authorization {{ users: [\n{{ user: {ADMIN}, password: \"{}\" }}\n{}\n] }}\n",
            Ipv4Addr::LOCALHOST,
            password.expose(),
            users.join("\n"),
        );
        self.write("nats.conf", &text)
    }

    /// A file that only the server's user may read.
    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        crate::folder::replace(&path, text.as_bytes())?;
        self.account.own(&path)
    }

    fn spawn(&self, program: &Path) -> Result<Child, Error> {
        let log = self.log_file();
        // What an earlier start said is not this one's.
        let begins = fs::File::create(&log).map_err(Error::io("make", &log))?;
        self.account.own(&log)?;
        drop(begins);
        let child = self
            .account
            .command(program.as_os_str(), None)
            .args(["-c", "nats.conf", "-l", "nats.log"])
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // So that the terminal's Ctrl-C does not reach it before who uses it.
            .process_group(0)
            .spawn()
            .map_err(Error::io("run", program))?;
        if let Some(process) = Process::living(child.id()) {
            let text = serde_json::to_string(&process).unwrap_or_default();
            self.write("running.json", &text)?;
        }
        Ok(child)
    }

    async fn end_the_left_over(&self) -> Result<(), Error> {
        let noted = fs::read(self.root.join("running.json")).unwrap_or_default();
        let Ok(process) = serde_json::from_slice::<Process>(&noted) else {
            return Ok(());
        };
        process.signal(Signal::TERM);
        if !process.gone_within(LIMIT).await {
            return Err(self.not_stopped(process));
        }
        self.forget()
    }

    fn forget(&self) -> Result<(), Error> {
        let path = self.root.join("running.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    fn not_ready(&self, what: &str) -> Error {
        Error::NatsNotReady {
            dir: self.root.clone(),
            what: what.to_owned(),
            log: self.log_file(),
            said: last_lines(&self.log()),
        }
    }

    fn not_stopped(&self, process: Process) -> Error {
        Error::NotStopped {
            dir: self.root.clone(),
            pid: process.pid,
            seconds: LIMIT.as_secs(),
        }
    }
}
