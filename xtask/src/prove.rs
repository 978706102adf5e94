//! The long proofs: the same tests against servers that are too heavy, or too many, for every run.
//!
//! A part installs its servers into `target/servers` and puts them first on `PATH`, where the
//! tests look for servers.

mod events;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::check::{stage, test};

/// A name, what it takes, and what it does.
struct Part {
    name: &'static str,
    what: &'static str,
    run: fn(&Prove, &Path) -> Result<(), String>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prove {
    /// `None`: all parts.
    part: Option<String>,
    /// How long it may take, where a part asks.
    minutes: Option<u32>,
    /// Of a part that has steps only this one.
    step: Option<String>,
}

/// Minutes, where nobody says another number.
const AN_HOUR: u32 = 60;
const OF_KILLS: u32 = 5;

const PARTS: &[Part] = &[
    Part {
        name: "lifecycle",
        what: "an hour (or --minutes N) of random operations and kills on PostgreSQL, MariaDB and SQLite against a model",
        run: lifecycle,
    },
    Part {
        name: "faults",
        what: "kills at every call and in storms, stopped servers, lost COMMITs, full disks, random edits of rights; takes root and about an hour",
        run: faults,
    },
    Part {
        name: "postgres",
        what: "PostgreSQL 16, 17 and 18: the engine's tests and the conformance suite; takes npm and node",
        run: postgres,
    },
    Part {
        name: "mysql",
        what: "MySQL 9 from Debian unstable: the engine's tests, relay and applier; takes root",
        run: mysql,
    },
    Part {
        name: "audit",
        what: "the audit: a thousand random databases on PostgreSQL and on MariaDB, one with 5,000 tables, and a hundred on each of PostgreSQL 12 to 14, 16 to 18 and MySQL 9; takes npm, node and root",
        run: audit,
    },
    Part {
        name: "audit-size",
        what: "the audit of 5,000 tables, 2,000 roles and 10,000 statements, optimised: its time and its memory",
        run: audit_size,
    },
    Part {
        name: "tools",
        what: "stores of Flyway, Liquibase, Alembic, Django, Prisma and sqlx, by the tools themselves; takes Maven, a JDK, Python and npm",
        run: tools,
    },
    Part {
        name: "boundary",
        what: "the checker: a thousand edits that are none of a finding's business, in systems made at random",
        run: boundary,
    },
    Part {
        name: "fuzz",
        what: "an hour (or --minutes N) of inputs that nobody wrote, for the splitter and the readers of SQL and of code",
        run: fuzz,
    },
    Part {
        name: "sagas",
        what: "sagas: an executor that dies, and a process that is killed, at every single call on PostgreSQL, MariaDB and SQLite; a million simulated schedules, and every mutant of their rules; takes hours",
        run: sagas,
    },
    Part {
        name: "events",
        what: "a million events each on PostgreSQL, MariaDB and SQLite in a storm that kills broker, relay, consumer and server; relays and appliers that die at every call, a million shuffled histories, the models, faults whose alarms are timed and ten idle minutes, and what a neighbour on the same server adds; steps that were done for this commit are not done again",
        run: events::events,
    },
    Part {
        name: "kafka",
        what: "Kafka 4.3: every promise of a broker, and events through it; takes Maven and a JDK",
        run: kafka,
    },
    Part {
        name: "tokens",
        what: "10,000 trials each on PostgreSQL, MariaDB and SQLite of reading after writing, over three services whose parts die",
        run: tokens,
    },
    Part {
        name: "up",
        what: "five minutes each (or --minutes N) on SQLite and on private servers: services, sidecars, servers and `up` itself killed under load",
        run: up,
    },
    Part {
        name: "console",
        what: "the console's HTTP API, fuzzed from its own description; takes Python",
        run: console,
    },
    Part {
        name: "sarif",
        what: "the checker's SARIF against the official schema; takes npm and Python",
        run: sarif,
    },
    Part {
        name: "sql",
        what: "which tables statements name, against PostgreSQL's parser and sqlglot; takes Python and Debian's sources",
        run: sql,
    },
];

/// What `freehold engines` calls run in the long proofs.
const POSTGRES: [&str; 3] = ["16.14.0-beta.17", "17.10.0-beta.17", "18.4.0-beta.17"];
/// Older ones, which are audited and nothing else.
const AUDITED_POSTGRES: [&str; 3] = ["12.22.0-beta.15", "13.23.0-beta.16", "14.23.0-beta.17"];

impl Prove {
    /// From the arguments after `prove`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut prove = Self {
            part: None,
            minutes: None,
            step: None,
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if *arg == "--minutes" {
                let minutes = rest.next().and_then(|number| number.parse().ok());
                prove.minutes = Some(minutes.ok_or("--minutes takes a number")?);
            } else if *arg == "--step" {
                let step = rest.next().ok_or("--step takes a name")?;
                prove.step = Some((*step).to_owned());
            } else if prove.part.is_none() && PARTS.iter().any(|part| part.name == *arg) {
                prove.part = Some((*arg).to_owned());
            } else {
                let known = PARTS.iter();
                let known = known.map(|part| format!("  {}   {}", part.name, part.what));
                return Err(format!(
                    "prove takes one part, --minutes N and --step NAME, and `{arg}` is neither. There are:\n{}",
                    known.collect::<Vec<_>>().join("\n")
                ));
            }
        }
        Ok(prove)
    }

    /// Runs one part, or all.
    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        PARTS
            .iter()
            .filter(|part| self.part.as_deref().is_none_or(|name| name == part.name))
            .try_for_each(|part| stage(part.name, || (part.run)(self, root)))
    }
}

/// Tests where a server that is missing is a failure, as in CI.
fn tests(root: &Path, args: &[&str]) -> Command {
    let mut tests = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tests.current_dir(root).args(["test", "--no-fail-fast"]);
    tests.args(args).env("CI", "true");
    tests
}

fn lifecycle(prove: &Prove, root: &Path) -> Result<(), String> {
    let args = [
        "--package",
        "freehold-cli",
        "--test",
        "it",
        "--",
        "walk::on_",
    ];
    let mut walk = tests(root, &args);
    walk.args(["--nocapture", "--test-threads", "3"]);
    test({
        walk.env(
            "FREEHOLD_PROVE_MINUTES",
            prove.minutes.unwrap_or(AN_HOUR).to_string(),
        );
        walk
    })
}

fn faults(_: &Prove, root: &Path) -> Result<(), String> {
    for (package, parts) in [
        (
            "freehold-testkit",
            &["crashes", "adoption", "faults", "convergence"][..],
        ),
        ("freehold-cli", &["killed"]),
    ] {
        let mut long = tests(root, &["--package", package, "--test", "it", "--"]);
        long.args(parts)
            .args(["--nocapture", "--test-threads", "1"]);
        test({
            long.env("FREEHOLD_PROVE", "1");
            long
        })?;
    }
    Ok(())
}

fn sagas(_: &Prove, root: &Path) -> Result<(), String> {
    let mut long = tests(root, &["--package", "freehold-saga", "--test", "it", "--"]);
    long.args(["simulation", "models", "real"])
        .args(["--nocapture", "--test-threads", "1"])
        .env("FREEHOLD_SAGA_EVERY", "1");
    test({
        long.env("FREEHOLD_PROVE", "1");
        long
    })
}

fn tokens(_: &Prove, root: &Path) -> Result<(), String> {
    let release = ["--release", "--package", "freehold-events", "--"];
    let mut trials = tests(root, &release);
    trials
        .args(["tokens", "--nocapture"])
        .env("FREEHOLD_PROVE", "1")
        .env("FREEHOLD_TOKEN_TRIALS", "10000");
    test(trials)
}

fn postgres(_: &Prove, root: &Path) -> Result<(), String> {
    for version in POSTGRES {
        stage(&format!("PostgreSQL {version}"), || {
            let cache = root.join("target/servers");
            let script = "scripts/install-postgres-npm.sh";
            let home = install(root, script, &[version.as_ref(), cache.as_os_str()])?;
            let packages = [
                "--package",
                "freehold-postgres",
                "--package",
                "freehold-testkit",
            ];
            let mut tests = tests(root, &packages);
            tests.env("PATH", first_on_path(&home.join("bin"))?);
            test(tests)
        })?;
    }
    Ok(())
}

fn tools(_: &Prove, root: &Path) -> Result<(), String> {
    let folder = root.join("target/tools");
    let installed = Command::new("sh")
        .current_dir(root)
        .arg("scripts/prove-tools.sh")
        .arg(&folder)
        .status()
        .map_err(|error| format!("sh cannot be started: {error}"))?;
    if !installed.success() {
        return Err(format!("the tools could not be installed ({installed})"));
    }
    let args = [
        "--package",
        "freehold-cli",
        "--test",
        "it",
        "--",
        "real_tools",
    ];
    let mut tests = tests(root, &args);
    tests.env("FREEHOLD_TOOLS", &folder);
    test(tests)
}

/// A thousand edits instead of CI's hundred.
fn boundary(_: &Prove, root: &Path) -> Result<(), String> {
    let args = [
        "--package",
        "freehold-boundary",
        "--test",
        "it",
        "--",
        "planted::",
    ];
    let mut long = tests(root, &args);
    long.env("FREEHOLD_PROVE", "1");
    test(long)
}

/// From another seed each time; a failure names it.
fn fuzz(prove: &Prove, root: &Path) -> Result<(), String> {
    let now = std::time::SystemTime::now();
    let seed = now
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(1, |since| since.as_secs());
    // Three tests, one behind the other.
    let seconds = u64::from(prove.minutes.unwrap_or(AN_HOUR)) * 20;
    println!("FREEHOLD_FUZZ_SEED={seed} FREEHOLD_FUZZ_SECONDS={seconds}");
    let mut long = tests(root, &["--package", "freehold-boundary", "--lib", "fuzz"]);
    long.args(["--", "--nocapture", "--test-threads", "1"])
        .env("FREEHOLD_FUZZ_SEED", seed.to_string())
        .env("FREEHOLD_FUZZ_SECONDS", seconds.to_string());
    test(long)
}

fn up(prove: &Prove, root: &Path) -> Result<(), String> {
    let args = [
        "--package",
        "freehold-cli",
        "--test",
        "it",
        "--",
        "up_storm::",
    ];
    let mut long = tests(root, &args);
    long.args(["--nocapture", "--test-threads", "1"]);
    test({
        let minutes = prove.minutes.unwrap_or(OF_KILLS);
        long.env("FREEHOLD_PROVE_MINUTES", minutes.to_string());
        long
    })
}

fn console(_: &Prove, root: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--quiet", "--package", "freehold-cli"])
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !built.success() {
        return Err(format!("freehold is not built ({built})"));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let fuzzed = Command::new("sh")
        .current_dir(root)
        .arg("scripts/prove-console.sh")
        .args([
            root.join("target/tools/schemathesis"),
            target.join("debug/freehold"),
        ])
        .status()
        .map_err(|error| format!("sh cannot be started: {error}"))?;
    if fuzzed.success() {
        Ok(())
    } else {
        Err(format!("an answer is not as described ({fuzzed})"))
    }
}

fn sarif(_: &Prove, root: &Path) -> Result<(), String> {
    let folder = root.join("target/sarif");
    let log = folder.join("monolith.sarif");
    let failed = |what: &str, why: &dyn std::fmt::Display| format!("{what}: {why}");
    std::fs::create_dir_all(&folder).map_err(|error| failed("target/sarif", &error))?;
    let made = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["run", "--quiet", "--package", "freehold-cli", "--"])
        .args([
            "-C",
            "examples/bookvault-monolith",
            "check",
            "--format",
            "sarif",
        ])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed("cargo", &error))?;
    // 1: there are findings.
    if made.status.code() != Some(1) {
        return Err(failed("freehold check", &made.status));
    }
    std::fs::write(&log, made.stdout).map_err(|error| failed("the log", &error))?;
    let valid = Command::new("sh")
        .current_dir(root)
        .arg("scripts/prove-sarif.sh")
        .args([&folder, &log])
        .status()
        .map_err(|error| failed("sh", &error))?;
    if valid.success() {
        Ok(())
    } else {
        Err(format!("the log is not as the schema wants it ({valid})"))
    }
}

fn sql(_: &Prove, root: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--package", "freehold-sql"])
        .args(["--example", "table_uses"])
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !built.success() {
        return Err(format!("the reader could not be built ({built})"));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let proven = Command::new("sh")
        .current_dir(root)
        .arg("scripts/prove-sql.sh")
        .arg(target.join("debug/examples/table_uses"))
        .arg(root.join("target/sql"))
        .status()
        .map_err(|error| format!("sh cannot be started: {error}"))?;
    if proven.success() {
        Ok(())
    } else {
        Err(format!(
            "the reader does not reach what is wanted ({proven})"
        ))
    }
}

/// Kafka from Maven Central.
fn kafka(_: &Prove, root: &Path) -> Result<(), String> {
    let cache = root.join("target/servers");
    let folder = install(root, "scripts/install-kafka.sh", &[cache.as_os_str()])?;
    let run = |args: &[&str]| {
        let mut tests = tests(root, args);
        tests.env("FREEHOLD_TEST_KAFKA", &folder);
        test(tests)
    };
    let promises = ["--package", "freehold-testkit", "--test", "it", "--"];
    run(&[&promises[..], &["brokers::kafka"]].concat())?;
    let through = ["--package", "freehold-cli", "--features", "kafka"];
    run(&[&through[..], &["--test", "it", "--", "kafka::"]].concat())
}

/// MySQL as Debian unstable has it.
fn mysql(_: &Prove, root: &Path) -> Result<(), String> {
    let mut engine = tests(root, &["--package", "freehold-mysql"]);
    instead_of_mariadb(root, &mut engine)?;
    test(engine)?;
    events::on_mysql(root)
}

/// MySQL, where tests would start a MariaDB.
fn instead_of_mariadb(root: &Path, tests: &mut Command) -> Result<(), String> {
    let cache = root.join("target/servers");
    let folder = install(root, "scripts/install-mysql-sid.sh", &[cache.as_os_str()])?;
    tests.env("FREEHOLD_TEST_MYSQL_BIN", folder);
    Ok(())
}

/// Random databases, and a big one; fewer on the versions that the system does not have.
fn audit(_: &Prove, root: &Path) -> Result<(), String> {
    let package = ["--package", "freehold-testkit", "--test", "it", "--"];
    let run = |names: &[&str], set: &[(&str, OsString)]| {
        let mut long = tests(root, &package);
        long.args(names)
            .args(["--nocapture", "--test-threads", "1"])
            .envs(set.iter().map(|(name, value)| (name, value)));
        test(long)
    };
    run(&["audit::"], &[("FREEHOLD_PROVE", "1".into())])?;
    let cache = root.join("target/servers");
    for version in AUDITED_POSTGRES.into_iter().chain(POSTGRES) {
        stage(&format!("PostgreSQL {version}"), || {
            let script = "scripts/install-postgres-npm.sh";
            let home = install(root, script, &[version.as_ref(), cache.as_os_str()])?;
            let set = [
                ("FREEHOLD_ROUNDS", "100".into()),
                ("PATH", first_on_path(&home.join("bin"))?),
            ];
            let names = [
                "audit::postgres_decides",
                "audit::planted::postgres",
                "audit::planted::a_connection",
            ];
            run(&names, &set)
        })?;
    }
    stage("MySQL 9", || {
        let folder = install(root, "scripts/install-mysql-sid.sh", &[cache.as_os_str()])?;
        let set = [
            ("FREEHOLD_ROUNDS", "100".into()),
            ("FREEHOLD_TEST_MYSQL_BIN", folder.into()),
        ];
        run(&["audit::mysql_decides"], &set)
    })
}

/// The big one alone, as it is shipped; it prints its figures.
fn audit_size(_: &Prove, root: &Path) -> Result<(), String> {
    let package = ["--release", "--package", "freehold-testkit", "--test", "it"];
    let mut big = tests(root, &package);
    big.args(["--", "audit::size", "--nocapture", "--test-threads", "1"])
        .env("FREEHOLD_PROVE", "1");
    test(big)
}

/// Runs a script that installs a server, and returns the folder that it prints last.
fn install(root: &Path, script: &str, arguments: &[&OsStr]) -> Result<PathBuf, String> {
    let output = Command::new("sh")
        .current_dir(root)
        .arg(script)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("sh cannot be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.lines().last() {
        Some(folder) if output.status.success() => Ok(PathBuf::from(folder)),
        _ => Err(format!("{script} did not succeed ({})", output.status)),
    }
}

fn first_on_path(folder: &Path) -> Result<OsString, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_there_is_answered_with_those_that_are() {
        let why = Prove::parse(&["oracle"]).expect_err("no such part");
        assert!(why.contains("postgres   PostgreSQL 16"), "{why}");
        let walk = Prove::parse(&["lifecycle", "--minutes", "10"]).expect("good");
        assert_eq!(
            (walk.part.as_deref(), walk.minutes),
            (Some("lifecycle"), Some(10))
        );
        assert_eq!(Prove::parse(&[]).expect("all").minutes, None);
        Prove::parse(&["--minutes"]).expect_err("a number is missing");
    }

    #[test]
    fn the_installed_server_is_found_first() {
        let path = first_on_path(Path::new("/opt/pg/bin")).expect("joined");
        assert_eq!(
            std::env::split_paths(&path).next(),
            Some(PathBuf::from("/opt/pg/bin"))
        );
    }
}
