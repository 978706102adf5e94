//! What can go wrong with a private server, and how it is told to a user (codes `FH36xx`).

use std::io;
use std::path::{Path, PathBuf};

use freehold_model::Fault;

use crate::Kind;

/// A private server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{kind} is not installed: no {program} in {}", searched.join(", "))]
    Missing {
        kind: Kind,
        program: &'static str,
        searched: Vec<String>,
    },
    #[error("NATS is not installed: no nats-server in {}", searched.join(", "))]
    NoNats { searched: Vec<String> },
    #[error("NATS in {} {what}", dir.display())]
    NatsNotReady {
        dir: PathBuf,
        what: String,
        log: PathBuf,
        said: String,
    },
    #[error("{} cannot be run to ask its version", program.display())]
    Broken { program: PathBuf, said: String },
    #[error("{kind} does not run as root, and there is no user `{user}` to run it as")]
    NoUser { kind: Kind, user: &'static str },
    #[error("user `{user}` cannot pass through {} to reach {}", blocked.display(), path.display())]
    Unreachable {
        user: String,
        blocked: PathBuf,
        path: PathBuf,
    },
    #[error("{} is not a folder of a private server", dir.display())]
    Foreign { dir: PathBuf, found: String },
    #[error("{} holds {holds}, and {wanted} was asked for", dir.display())]
    OtherServer {
        dir: PathBuf,
        holds: String,
        wanted: String,
    },
    #[error("port {port} on 127.0.0.1 is taken")]
    PortTaken { port: u16 },
    #[error("the {kind} server in {} runs with other settings than asked for: {difference}", dir.display())]
    OtherSettings {
        kind: Kind,
        dir: PathBuf,
        difference: String,
    },
    #[error("{kind} could not be initialised in {}", dir.display())]
    Initialise {
        kind: Kind,
        dir: PathBuf,
        said: String,
    },
    #[error("{kind} in {} {what}", dir.display())]
    NotReady {
        kind: Kind,
        dir: PathBuf,
        what: String,
        log: PathBuf,
        said: String,
    },
    #[error("the server in {} (process {pid}) did not stop within {seconds} seconds", dir.display())]
    NotStopped {
        dir: PathBuf,
        pid: u32,
        seconds: u64,
    },
    #[error("another command is starting or stopping the server in {}", dir.display())]
    Busy { dir: PathBuf },
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the operating system gives no random bytes")]
    Random { source: getrandom::Error },
}

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// As a user meets it.
    pub fn fault(&self) -> Fault {
        let fault = Fault::new(self.code(), self.to_string());
        match self {
            Self::Missing { kind, .. } => {
                fault.help(format!("install it: {}", install_line(*kind)))
            }
            Self::NoNats { .. } => fault
                .help("install it: apt-get install --no-install-recommends nats-server")
                .help("or name a server of yours: `broker: { kind: nats, url: \"env:NAME\" }`, without `--servers local`"),
            Self::Broken { said, .. } => fault.help(format!("cause: {said}")),
            Self::NoUser { kind, .. } => fault
                .help("run freehold as an ordinary user; then the server runs as that user")
                .help(format!(
                    "or install the package, which makes the user: {}",
                    install_line(*kind)
                )),
            Self::Unreachable { user, blocked, .. } => fault
                .help(format!(
                    "let `{user}` pass: chmod o+x {}",
                    blocked.display()
                ))
                .help("or choose a folder elsewhere, for example under /var/tmp"),
            Self::Foreign { found, .. } => fault
                .help(format!("cause: it holds `{found}`"))
                .help("name a new or an empty folder; nothing was changed"),
            Self::OtherServer { dir, .. } => fault
                .help("name another folder, or the binaries that made this one")
                .help(format!(
                    "if its data may go: stop it, then rm -r {}",
                    dir.display()
                )),
            Self::PortTaken { port } => fault
                .help(format!("see who has it: ss -ltnp 'sport = :{port}'"))
                .help("name another port, or none to get a free one"),
            Self::OtherSettings { .. } => fault.help("stop it first: freehold down"),
            Self::Initialise { said, .. } => lines(fault, said),
            Self::NotReady { log, said, .. } | Self::NatsNotReady { log, said, .. } => {
                lines(fault, said).help(format!("the whole log: {}", log.display()))
            }
            Self::NotStopped { pid, .. } => fault
                .help(format!(
                    "see what it waits for: ps -o pid,stat,wchan:30,args -p {pid}"
                ))
                .help(format!(
                    "end it by force (it recovers at the next start): kill -9 {pid}"
                )),
            Self::Busy { .. } => fault.help("wait for the other command, then try again"),
            Self::Io { source, .. } => fault.help(format!("cause: {source}")),
            Self::Random { source } => fault.help(format!("cause: {source}")),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::NoNats { .. } | Self::Broken { .. } => "FH3601",
            Self::NoUser { .. } => "FH3602",
            Self::Unreachable { .. } => "FH3603",
            Self::Foreign { .. } | Self::OtherServer { .. } => "FH3604",
            Self::PortTaken { .. } => "FH3605",
            Self::Initialise { .. } | Self::NotReady { .. } | Self::NatsNotReady { .. } => "FH3606",
            Self::OtherSettings { .. } => "FH3607",
            Self::NotStopped { .. } => "FH3608",
            Self::Io { .. } | Self::Random { .. } => "FH3609",
            Self::Busy { .. } => "FH3610",
        }
    }
}

fn install_line(kind: Kind) -> String {
    format!(
        "apt-get install --no-install-recommends {}",
        kind.debian_package()
    )
}

fn lines(fault: Fault, said: &str) -> Fault {
    said.lines()
        .fold(fault, |fault, line| fault.help(format!("cause: {line}")))
}
