//! `migrations: { by: flyway, command: […] }`: another tool goes on applying its own files.
//!
//! It runs as a child with a login made for this run, which acts as the store's owner; that login's
//! URL is in the child's environment and nowhere else. Whether it had something to do it alone
//! knows, so it runs in every `apply`; the ledger gets a row only when it changed something. Rights
//! on what it made are granted by the diff that follows.

use std::path::Path;
use std::process::Stdio;

use freehold_bookkeeping::{self as bookkeeping, Entry, EntryKind, State};
use freehold_engine::{Address, Endpoint, Tls};
use freehold_model::{EngineKind, Fault};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::Result;
use crate::history_of::{self, Tool};
use crate::migrate::{Migrating, schema_digest};
use crate::reach::Reach;
use crate::target::ForeignTool;

/// What a child keeps of our environment: enough for programs on Java, Python and Node to start.
const KEPT: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TERM",
    "TMPDIR",
    "JAVA_HOME",
    "JAVA_OPTS",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
];
/// How much of what the tool wrote is shown when it fails.
const LAST_LINES: usize = 15;

/// Flyway refuses to begin in a schema that has tables, and ours are there. Given to it only where
/// there are no others.
const FLYWAY_BESIDE_US: [(&str, &str); 2] = [
    ("FLYWAY_BASELINE_ON_MIGRATE", "true"),
    ("FLYWAY_BASELINE_VERSION", "0"),
];

/// What a tool did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolRun {
    /// As the description names it: `flyway`.
    pub name: String,
    /// Did the schema, or its own record, change?
    pub changed: bool,
}

/// Runs it, under the store's lock. The login is gone afterwards whether it went well or not.
pub(crate) async fn run(reach: &mut Reach<'_>, tool: &ForeignTool) -> Result<ToolRun> {
    let before = reach.ledger_row(EntryKind::Other, &row(tool)).await?;
    let mut migrating = Migrating::open_for_change(reach).await?;
    let ran = run_child(&mut migrating, reach, tool).await;
    let closed = migrating.close(reach).await;
    let after = ran?;
    closed?;
    let changed = before.as_deref() != Some(&after);
    if changed {
        record(reach, tool, after).await?;
    }
    Ok(ToolRun {
        name: tool.name.clone(),
        changed,
    })
}

fn row(tool: &ForeignTool) -> String {
    format!("tool/{}", tool.name)
}

/// The digest of what is there afterwards.
async fn run_child(
    migrating: &mut Migrating<'_>,
    reach: &mut Reach<'_>,
    tool: &ForeignTool,
) -> Result<String> {
    let label = reach.target.label();
    let endpoint = migrating.endpoint().clone();
    let mut child = command(tool, &endpoint);
    let spot = &reach.target.want.spot;
    let live = migrating.look().await?;
    if live.tables.keys().all(|table| spot.is_own(table)) {
        child.envs(FLYWAY_BESIDE_US);
        if Tool::from_name(&tool.name) == Some(Tool::Prisma) {
            begin_record(migrating, reach).await?;
        }
    }
    let output = child.output().await.map_err(|error| {
        let program = tool.command.first().map_or("", String::as_str);
        vec![
            Fault::new("FH3245", format!("{label}: {program} cannot be started ({error})"))
                .help("`command:` below `migrations:` in service.yaml names it; it is looked for on PATH, and runs in the service's folder"),
        ]
    })?;
    if !output.status.success() {
        return Err(vec![failed(&label, tool, &output, &endpoint)]);
    }
    let schema = schema_digest(&migrating.schema().await?);
    let record = match Tool::from_name(&tool.name) {
        Some(known) => history_of::record(reach, known).await?,
        None => String::new(),
    };
    let digest = Sha256::new()
        .chain_update(schema)
        .chain_update(record)
        .finalize();
    Ok(freehold_engine::hex(&digest))
}

/// Prisma too refuses to begin beside tables that are not its own (P3005), unless its record is
/// there: an empty one is what it makes for itself first.
async fn begin_record(migrating: &mut Migrating<'_>, reach: &Reach<'_>) -> Result<()> {
    let (at, now) = match reach.target.kind {
        EngineKind::Postgres => ("TIMESTAMPTZ", "now()"),
        EngineKind::Sqlite => ("DATETIME", "current_timestamp"),
        _ => ("DATETIME(3)", "CURRENT_TIMESTAMP(3)"),
    };
    let sql = format!(
        "CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, \
         finished_at {at} NULL, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at {at} NULL, \
         started_at {at} NOT NULL DEFAULT {now}, applied_steps_count INTEGER NOT NULL DEFAULT 0)"
    );
    let made = migrating.connection().execute(&sql).await;
    made.map_err(|error| reach.fault(&error.during("make Prisma's record")))
}

fn failed(
    label: &str,
    tool: &ForeignTool,
    output: &std::process::Output,
    endpoint: &Endpoint,
) -> Fault {
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if let Some(password) = &endpoint.password {
        said = said.replace(password.expose(), "‹password›");
    }
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let fault = Fault::new(
        "FH3245",
        format!(
            "{label}: {} ended with {}",
            tool.command.join(" "),
            output.status
        ),
    );
    let from = lines.len().saturating_sub(LAST_LINES);
    let fault = lines[from..]
        .iter()
        .fold(fault, |fault, line| fault.help(format!("it said:  {line}")));
    fault.help(
        "go on:    mend it, then `freehold apply`; what it did apply stands in its own record",
    )
}

/// The row that says who ran, and what was there afterwards.
async fn record(reach: &mut Reach<'_>, tool: &ForeignTool, digest: String) -> Result<()> {
    let target = reach.target;
    let sql = target.engine.ledger(&target.want);
    let detail = serde_json::json!({ "command": tool.command, "as": target.want.identities.owner });
    let entry = Entry {
        kind: EntryKind::Other,
        id: row(tool),
        checksum: digest,
        down_checksum: None,
        state: State::Done,
        progress: 0,
        total: 0,
        detail: detail.to_string(),
        at: String::new(),
        upto: None,
    };
    let owner = reach.owner().await?;
    let put = bookkeeping::put(owner, &sql, &entry).await;
    put.map_err(|error| reach.fault(&error))
}

/// A child with a cleared environment, in the service's folder. Dropped, it is killed.
fn command(tool: &ForeignTool, at: &Endpoint) -> Command {
    let (program, arguments) = tool
        .command
        .split_first()
        .map_or(("", &[][..]), |(program, arguments)| {
            (program.as_str(), arguments)
        });
    let mut child = Command::new(program);
    child
        .args(arguments)
        .current_dir(if tool.dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &tool.dir
        })
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for name in KEPT {
        child.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    child.envs(variables(at));
    child
}

/// The store's address in the words of the tools that are known. Only ever for a child.
fn variables(at: &Endpoint) -> Vec<(&'static str, String)> {
    let url = at.url();
    // Some libraries know only the longer name.
    let url = match url.expose().strip_prefix("postgres://") {
        Some(rest) => format!("postgresql://{rest}"),
        None => url.expose().to_owned(),
    };
    let mut variables = vec![("DATABASE_URL", url)];
    let password = at
        .password
        .as_ref()
        .map_or("", |password| password.expose());
    let database = at.database.clone().unwrap_or_default();
    if let Some(jdbc) = jdbc(at) {
        variables.push(("FLYWAY_URL", jdbc.clone()));
        variables.push(("LIQUIBASE_COMMAND_URL", jdbc));
        if !at.user.is_empty() {
            variables.push(("FLYWAY_USER", at.user.clone()));
            variables.push(("FLYWAY_PASSWORD", password.to_owned()));
            variables.push(("LIQUIBASE_COMMAND_USERNAME", at.user.clone()));
            variables.push(("LIQUIBASE_COMMAND_PASSWORD", password.to_owned()));
        }
    }
    let (host, port) = match &at.address {
        Address::Tcp(host, port) => (host.clone(), *port),
        Address::Unix(path, port) => (path.display().to_string(), *port),
        Address::Path(_) => return variables,
    };
    let names = match at.kind {
        EngineKind::Postgres => ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"],
        _ => [
            "MYSQL_HOST",
            "MYSQL_TCP_PORT",
            "MYSQL_USER",
            "MYSQL_PWD",
            "MYSQL_DATABASE",
        ],
    };
    let values = [
        host,
        port.to_string(),
        at.user.clone(),
        password.to_owned(),
        database,
    ];
    variables.extend(names.into_iter().zip(values));
    variables
}

/// JDBC knows no sockets of the file system.
fn jdbc(at: &Endpoint) -> Option<String> {
    let database = at.database.as_deref().unwrap_or_default();
    match &at.address {
        Address::Path(path) => Some(format!("jdbc:sqlite:{}", path.display())),
        Address::Unix(..) => None,
        Address::Tcp(host, port) => {
            let (scheme, key, off, on) = match at.kind {
                EngineKind::Postgres => ("postgresql", "sslmode", "disable", "require"),
                EngineKind::Mariadb => ("mariadb", "sslMode", "disable", "trust"),
                _ => ("mysql", "sslMode", "DISABLED", "REQUIRED"),
            };
            let tls = match &at.tls {
                Tls::Prefer => String::new(),
                Tls::Off => format!("?{key}={off}"),
                Tls::Require | Tls::Verify(_) => format!("?{key}={on}"),
            };
            Some(format!("jdbc:{scheme}://{host}:{port}/{database}{tls}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_engine::Secret;

    fn of(kind: EngineKind, url: &str) -> Vec<(&'static str, String)> {
        variables(&Endpoint::parse(kind, &Secret::new(url)).expect("a URL"))
    }

    #[test]
    fn each_tool_finds_its_own_words() {
        let postgres = of(
            EngineKind::Postgres,
            "postgres://mig:x@db:5432/orders?sslmode=disable",
        );
        for (name, value) in [
            (
                "DATABASE_URL",
                "postgresql://mig:x@db:5432/orders?sslmode=disable",
            ),
            (
                "FLYWAY_URL",
                "jdbc:postgresql://db:5432/orders?sslmode=disable",
            ),
            ("LIQUIBASE_COMMAND_USERNAME", "mig"),
            ("PGPASSWORD", "x"),
            ("PGDATABASE", "orders"),
        ] {
            assert!(
                postgres.contains(&(name, value.to_owned())),
                "{name}: {postgres:?}"
            );
        }
        let mariadb = of(EngineKind::Mariadb, "mysql://mig:x@db:3306/orders");
        assert!(
            mariadb.contains(&("FLYWAY_URL", "jdbc:mariadb://db:3306/orders".to_owned())),
            "{mariadb:?}"
        );
        assert!(
            mariadb.contains(&("MYSQL_PWD", "x".to_owned())),
            "{mariadb:?}"
        );
    }

    #[test]
    fn what_is_shown_of_a_failure_has_no_password() {
        let endpoint = Endpoint::parse(
            EngineKind::Postgres,
            &Secret::new("postgres://mig:geheim@db/orders"),
        )
        .expect("a URL");
        let tool = ForeignTool {
            name: "flyway".into(),
            command: vec!["flyway".into()],
            dir: "".into(),
        };
        let output = std::process::Output {
            status: std::os::unix::process::ExitStatusExt::from_raw(256),
            stdout: b"with geheim\n".to_vec(),
            stderr: b"".to_vec(),
        };
        let fault = failed("orders", &tool, &output, &endpoint);
        assert!(
            fault
                .help
                .iter()
                .any(|line| line.contains("with ‹password›")),
            "{fault:?}"
        );
    }
}
