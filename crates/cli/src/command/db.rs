//! `freehold db`: the engine's own shell on one store, as an identity whose password ends with it.

use std::process::Stdio;

use freehold_credentials::{issue, retire};
use freehold_engine::{Address, Endpoint, Secret, Tls};
use freehold_lifecycle::Target;
use freehold_model::{EngineKind, Fault};
use tokio::process::Command;

use super::Result;
use super::creds::at;
use crate::Outcome;
use crate::args::{Args, DbArgs, DbIdentity};
use crate::context::Context;
use crate::output::Output;
use crate::servers::Place;

pub(crate) async fn run(args: &Args, db: &DbArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let (service, store) = context.store_named(&db.store)?;
    let targets = context.targets(std::slice::from_ref(&service.name), false)?;
    let target = targets.iter().find(|it| it.want.store == store.key);
    let Some(target) = target else {
        return Err(vec![not_there(&db.store)]);
    };
    let (endpoint, login) = enter(target, db.identity).await?;
    let shell = shell(&endpoint);
    output.line_err(&format!(
        "{} on {} as {}",
        shell.name,
        target.label(),
        if login.is_empty() {
            "yourself: this engine has no logins"
        } else {
            &login
        }
    ));
    let status = open(shell, &endpoint, &db.shell).await;
    if !login.is_empty() {
        leave(target, &login).await?;
    }
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(Outcome::Exit(code.unwrap_or(1)))
}

/// A login with a password that nobody else knows, and where it enters.
async fn enter(target: &Target, identity: DbIdentity) -> Result<(Endpoint, String)> {
    if identity == DbIdentity::App || !target.engine.info().identities {
        let issued = issue(at(target, None)).await.map_err(|fault| vec![fault])?;
        return Ok((issued.endpoint, issued.login));
    }
    let fault = |error: freehold_engine::Error| vec![error.during(target.label()).fault()];
    let login = target.want.identities.backup.clone();
    let place = target.engine.at_store(&target.admin, &target.want.spot);
    let mut issuer = target.engine.connect(&place).await.map_err(fault)?;
    let secret = Secret::generate();
    let verifier = target.engine.verifier(issuer.probe(), &login, &secret);
    let told = issuer.issue(&target.want, &login, Some(&verifier)).await;
    told.map_err(fault)?;
    Ok((place.with_login(&login, Some(secret)), login))
}

/// Takes the password away again.
async fn leave(target: &Target, login: &str) -> Result<()> {
    if login != target.want.identities.backup {
        return retire(at(target, None), login)
            .await
            .map_err(|fault| vec![fault]);
    }
    let fault = |error: freehold_engine::Error| vec![error.during(target.label()).fault()];
    let place = target.engine.at_store(&target.admin, &target.want.spot);
    let mut issuer = target.engine.connect(&place).await.map_err(fault)?;
    issuer
        .issue(&target.want, login, None)
        .await
        .map_err(fault)
        .map(drop)
}

#[derive(Clone, Copy)]
struct Shell {
    name: &'static str,
    /// The variable that hands it the password: in that one child's environment only.
    password: &'static str,
    package: &'static str,
}

fn shell(endpoint: &Endpoint) -> Shell {
    match endpoint.kind {
        EngineKind::Postgres => Shell {
            name: "psql",
            password: "PGPASSWORD",
            package: "postgresql-client",
        },
        EngineKind::Sqlite => Shell {
            name: "sqlite3",
            password: "",
            package: "sqlite3",
        },
        _ => Shell {
            name: "mariadb",
            password: "MYSQL_PWD",
            package: "mariadb-client",
        },
    }
}

async fn open(
    shell: Shell,
    endpoint: &Endpoint,
    more: &[String],
) -> Result<std::process::ExitStatus> {
    let mut command = Command::new(shell.name);
    command.args(arguments(endpoint)).args(more);
    command.envs(tls(endpoint)).stdin(Stdio::inherit());
    if let Some(password) = &endpoint.password {
        command.env(shell.password, password.expose());
    }
    let fault = |error: std::io::Error| {
        vec![
            Fault::new(
                "FH3509",
                format!("`{}` cannot be started ({error})", shell.name),
            )
            .help(format!(
                "install it (on Debian: apt-get install {}) or put it into PATH",
                shell.package
            )),
        ]
    };
    let mut child = command.spawn().map_err(fault)?;
    drop(command);
    loop {
        tokio::select! {
            status = child.wait() => return status.map_err(fault),
            // Ctrl-C is the shell's: it ends a statement there.
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

/// Where and as whom; never the password.
fn arguments(endpoint: &Endpoint) -> Vec<String> {
    let database = endpoint.database.clone().unwrap_or_default();
    let user = endpoint.user.clone();
    match (&endpoint.kind, &endpoint.address) {
        (_, Address::Path(path)) => vec![path.display().to_string()],
        (EngineKind::Postgres, address) => {
            let (host, port) = match address {
                Address::Tcp(host, port) => (host.clone(), port),
                Address::Unix(path, port) => (path.display().to_string(), port),
                Address::Path(_) => return Vec::new(),
            };
            vec![
                format!("--host={host}"),
                format!("--port={port}"),
                format!("--username={user}"),
                format!("--dbname={database}"),
            ]
        }
        (_, Address::Tcp(host, port)) => vec![
            format!("--host={host}"),
            format!("--port={port}"),
            "--protocol=tcp".to_owned(),
            format!("--user={user}"),
            database,
        ],
        (_, Address::Unix(socket, _)) => vec![
            format!("--socket={}", socket.display()),
            format!("--user={user}"),
            database,
        ],
    }
}

/// As the description asks for; the other shells take TLS where the server offers it.
fn tls(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    if endpoint.kind != EngineKind::Postgres {
        return Vec::new();
    }
    let mode = match &endpoint.tls {
        Tls::Off => "disable",
        Tls::Prefer => "prefer",
        Tls::Require => "require",
        Tls::Verify(Some(file)) => {
            return vec![
                ("PGSSLMODE", "verify-full".to_owned()),
                ("PGSSLROOTCERT", file.display().to_string()),
            ];
        }
        Tls::Verify(None) => "verify-full",
    };
    vec![("PGSSLMODE", mode.to_owned())]
}

fn not_there(store: &str) -> Fault {
    Fault::new("FH1307", format!("there is no store `{store}`")).help("freehold status")
}
