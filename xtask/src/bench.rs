//! Measures, apart from tests: a row per figure, with the disk's own sync time beside it.
//!
//! `lifecycle` runs the real binary over systems of several sizes. What each figure is held
//! against stands in the same run: the time that this disk takes to make one write durable, which
//! is the floor under everything that commits.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

/// Services in the systems that are measured.
const SIZES: [usize; 3] = [1, 10, 100];
/// Writes from which the disk's sync time is the median.
const SYNCS: usize = 51;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    /// Measure this binary instead of a release build made now.
    binary: Option<PathBuf>,
    /// `embedded` or `local`, as `freehold --servers` takes it.
    servers: String,
}

impl Bench {
    /// From the arguments after `bench`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self {
            json: false,
            binary: None,
            servers: "embedded".to_owned(),
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut value = || {
                rest.next()
                    .map(|value| (*value).to_owned())
                    .ok_or_else(|| format!("{arg} takes a value"))
            };
            match *arg {
                "lifecycle" => {}
                "--json" => bench.json = true,
                "--bin" => bench.binary = Some(PathBuf::from(value()?)),
                "--servers" => bench.servers = value()?,
                other => {
                    return Err(format!(
                        "there is no `{other}`: bench lifecycle [--json] [--servers embedded|local] [--bin FILE]"
                    ));
                }
            }
        }
        Ok(bench)
    }

    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let binary = match &self.binary {
            Some(binary) => fs::canonicalize(binary)
                .map_err(|error| format!("{}: {error}", binary.display()))?,
            None => build(root)?,
        };
        let folder = root
            .join("target")
            .join(format!("bench-{}", std::process::id()));
        let measured = self.measure(&binary, &folder);
        // Kept where something failed, to look at.
        if measured.is_ok() {
            fs::remove_dir_all(&folder)
                .map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        measured
    }

    fn measure(&self, binary: &Path, folder: &Path) -> Result<(), String> {
        if !self.json {
            println!(
                "{:<24}{:>10}{:>12}{:>16}{:>14}",
                "step", "services", "seconds", "ms a service", "disk sync ms"
            );
        }
        for services in SIZES {
            let system = folder.join(services.to_string());
            describe(&system, services)
                .map_err(|error| format!("{}: {error}", system.display()))?;
            let sync =
                disk_sync(&system).map_err(|error| format!("{}: {error}", system.display()))?;
            for (step, args) in STEPS {
                let took = self.time(binary, &system, args)?;
                self.row(step, services, took, sync);
            }
        }
        Ok(())
    }

    fn time(&self, binary: &Path, system: &Path, args: &[&str]) -> Result<Duration, String> {
        let mut command = Command::new(binary);
        command
            .arg("-C")
            .arg(system)
            .args(["--servers", &self.servers])
            .args(args)
            .stdin(Stdio::null());
        let begun = Instant::now();
        let output = command
            .output()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let took = begun.elapsed();
        if output.status.success() {
            return Ok(took);
        }
        Err(format!(
            "freehold {} failed:\n{}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a hundred services fit into a double"
    )]
    fn row(&self, step: &str, services: usize, took: Duration, sync: Duration) {
        let (seconds, sync) = (took.as_secs_f64(), sync.as_secs_f64() * 1000.0);
        let each = seconds * 1000.0 / services as f64;
        if self.json {
            let row = json!({
                "bench": "lifecycle", "servers": self.servers, "step": step, "services": services,
                "seconds": seconds, "ms_per_service": each, "disk_sync_ms": sync,
            });
            println!("{row}");
        } else {
            println!("{step:<24}{services:>10}{seconds:>12.3}{each:>16.2}{sync:>14.3}");
        }
    }
}

/// In order: each begins where the one before ended.
const STEPS: &[(&str, &[&str])] = &[
    ("apply, from nothing", &["apply"]),
    ("apply, nothing to do", &["apply"]),
    ("plan, nothing to do", &["plan"]),
    ("seed", &["seed"]),
    ("rollback, all", &["rollback", "--to", "0", "--yes"]),
    ("destroy", &["destroy", "--yes"]),
];

fn build(root: &Path) -> Result<PathBuf, String> {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .current_dir(root)
        .args(["build", "--release", "--package", "freehold-cli"]);
    let status = build
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    if status.success() {
        Ok(target.join("release/freehold"))
    } else {
        Err("the binary could not be built".to_owned())
    }
}

/// A system of services with two migrations and a seed each.
fn describe(system: &Path, services: usize) -> std::io::Result<()> {
    fs::create_dir_all(system)?;
    let server = "system: bench\nservers:\n  main:\n    engine: postgres\n    url: \"env:BENCH_PG_URL\"\nservices: [services/*]\n";
    fs::write(system.join("freehold.yaml"), server)?;
    for number in 0..services {
        let name = format!("s{number:03}");
        let service = system.join("services").join(&name);
        for (file, text) in [
            ("service.yaml", format!("service: {name}\nstore: {{ server: main, isolation: database }}\ntables:\n  notes: {{ append_only: true }}\n")),
            ("migrations/0001_things.up.sql", "CREATE TABLE things (thing_id BIGINT PRIMARY KEY, name VARCHAR(100) NOT NULL);\n".to_owned()),
            ("migrations/0001_things.down.sql", "DROP TABLE things;\n".to_owned()),
            ("migrations/0002_notes.up.sql", "CREATE TABLE notes (note_id BIGINT PRIMARY KEY, thing_id BIGINT NOT NULL);\nCREATE INDEX notes_thing ON notes (thing_id);\n".to_owned()),
            ("migrations/0002_notes.down.sql", "DROP TABLE notes;\n".to_owned()),
            ("seeds/01_things.up.sql", "INSERT INTO things (thing_id, name) VALUES (1, 'one'), (2, 'two');\n".to_owned()),
            ("seeds/01_things.down.sql", "DELETE FROM things;\n".to_owned()),
        ] {
            let path = service.join(file);
            fs::create_dir_all(path.parent().unwrap_or(&service))?;
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// The median time in which this disk makes a write of 4 KiB durable.
fn disk_sync(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join("sync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    fs::remove_file(path)?;
    took.sort();
    Ok(took[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let bench = Bench::parse(&["lifecycle", "--json", "--servers", "local", "--bin", "x"])
            .expect("good");
        assert_eq!(
            bench,
            Bench {
                json: true,
                binary: Some("x".into()),
                servers: "local".to_owned()
            }
        );
        Bench::parse(&["outbox"]).expect_err("not there yet");
        Bench::parse(&["--bin"]).expect_err("a value is missing");
    }
}
