//! Measures, apart from tests: a row per figure, with the disk's own sync time and the machine's load
//! beside it.
//!
//! `lifecycle` runs the real binary over systems of several sizes, and, on PostgreSQL, the very
//! statements that it sent once more by `psql`: one service after the other, and eight at a time.

mod replay;
mod system;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use system::{describe, disk_sync, name};

/// Services in the systems that are measured.
const SIZES: [usize; 3] = [1, 100, 1000];
/// At this size psql does the same work.
const COMPARED: usize = 100;
/// As many stores as freehold works on at a time.
const AT_ONCE: usize = 8;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    /// Measure this binary instead of a release build made now.
    binary: Option<PathBuf>,
    /// `embedded` or `local`, as `freehold --servers` takes it.
    servers: String,
    sizes: Vec<usize>,
}

impl Bench {
    /// From the arguments after `bench`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self {
            json: false,
            binary: None,
            servers: "local".to_owned(),
            sizes: SIZES.to_vec(),
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
                "--sizes" => {
                    let sizes = value()?;
                    let sizes = sizes.split(',').map(str::parse).collect::<Result<_, _>>();
                    bench.sizes = sizes.map_err(|_| "--sizes takes numbers: 10,100".to_owned())?;
                }
                other => {
                    return Err(format!(
                        "there is no `{other}`: bench lifecycle [--json] [--sizes 1,100,1000] [--servers embedded|local] [--bin FILE]"
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
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let run = Run {
            bench: self,
            binary,
            folder,
            url: None,
        };
        run.measure()
    }
}

/// One measurement: the binary, its systems, the server that they share.
struct Run<'a> {
    bench: &'a Bench,
    binary: PathBuf,
    folder: PathBuf,
    /// Of the private server; `None` where there is none.
    url: Option<String>,
}

impl Run<'_> {
    fn measure(mut self) -> Result<(), String> {
        if !self.bench.json {
            println!(
                "{:<28}{:>9}{:>11}{:>14}{:>12}{:>7}",
                "step", "services", "seconds", "ms a service", "sync ms", "load"
            );
        }
        let home = self.folder.join("server");
        if self.bench.servers == "local" {
            written(&home, 1)?;
            self.freehold(&home, &["--servers", "local", "plan"])?;
            let url = home.join(".freehold/servers/main/admin.url");
            let url =
                fs::read_to_string(&url).map_err(|error| format!("{}: {error}", url.display()))?;
            self.url = Some(url.trim().to_owned());
        }
        let measured = self.sizes(&home);
        if self.url.take().is_some() {
            let down = ["--servers", "local", "down", "--volumes", "--yes"];
            self.freehold(&home, &down)?;
        }
        measured?;
        // Kept where something failed, to look at.
        fs::remove_dir_all(&self.folder)
            .map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    fn sizes(&self, home: &Path) -> Result<(), String> {
        for services in &self.bench.sizes {
            let system = self.folder.join(services.to_string());
            written(&system, *services)?;
            for (step, args) in STEPS {
                self.step(&system, step, *services, args)?;
            }
        }
        if self.url.is_some() && self.bench.sizes.contains(&COMPARED) {
            self.compare(home)?;
        }
        Ok(())
    }

    /// The same statements by psql.
    fn compare(&self, home: &Path) -> Result<(), String> {
        for setting in replay::SETTINGS {
            self.psql(&["-c", setting])?;
        }
        self.psql(&["-c", "SELECT pg_reload_conf()"])?;
        thread::sleep(Duration::from_secs(1));
        let log = home.join(".freehold/servers/main/server.log");
        let read = || {
            let log = fs::read(&log).map_err(|error| format!("{}: {error}", log.display()))?;
            Ok::<_, String>(String::from_utf8_lossy(&log).into_owned())
        };
        let from = read()?.len();
        self.freehold(home, &["apply"])?;
        let one = replay::script(&read()?[from..], &name(0));
        self.freehold(home, &["destroy", "--yes"])?;
        self.psql(&["-c", "ALTER SYSTEM RESET ALL"])?;
        self.psql(&["-c", "SELECT pg_reload_conf()"])?;
        let files: Vec<PathBuf> = (0..COMPARED)
            .map(|number| {
                let file = self.folder.join(format!("{}.sql", name(number)));
                let text = one.replace(&name(0), &name(number));
                let written = fs::write(&file, text);
                written
                    .map(|()| file.clone())
                    .map_err(|error| format!("{}: {error}", file.display()))
            })
            .collect::<Result<_, _>>()?;
        let system = self.folder.join(COMPARED.to_string());
        for (step, at_once) in [("psql, one by one", 1), ("psql, eight at a time", AT_ONCE)] {
            let begun = Instant::now();
            self.all(&files, at_once)?;
            self.row(step, COMPARED, begun.elapsed(), &system)?;
            self.freehold(&system, &["destroy", "--yes"])?;
        }
        Ok(())
    }

    /// Runs the files, so many at a time.
    fn all(&self, files: &[PathBuf], at_once: usize) -> Result<(), String> {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let worker = || loop {
            let taken = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(file) = files.get(taken) else {
                return Ok(());
            };
            self.psql(&["-f", &file.display().to_string()])?;
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
            let mut ends = workers.into_iter().map(|worker| {
                let ended = worker.join();
                ended.unwrap_or_else(|_| Err("a worker died".to_owned()))
            });
            ends.try_for_each(|end| end)
        })
    }

    fn psql(&self, args: &[&str]) -> Result<(), String> {
        let url = self.url.as_deref().unwrap_or_default();
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-d", url]).args(args);
        ended(command, "psql")
    }

    fn freehold(&self, system: &Path, args: &[&str]) -> Result<(), String> {
        let mut command = Command::new(&self.binary);
        command.arg("-C").arg(system).args(args);
        match &self.url {
            Some(url) => {
                command.env("BENCH_PG_URL", url);
            }
            None if args.first() != Some(&"--servers") => {
                command.args(["--servers", &self.bench.servers]);
            }
            None => {}
        }
        ended(command, &format!("freehold {}", args.join(" ")))
    }

    fn step(
        &self,
        system: &Path,
        step: &str,
        services: usize,
        args: &[&str],
    ) -> Result<(), String> {
        let begun = Instant::now();
        self.freehold(system, args)?;
        self.row(step, services, begun.elapsed(), system)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a thousand services fit into a double"
    )]
    fn row(&self, step: &str, services: usize, took: Duration, at: &Path) -> Result<(), String> {
        let sync = disk_sync(at).map_err(|error| format!("{}: {error}", at.display()))?;
        let (seconds, sync) = (took.as_secs_f64(), sync.as_secs_f64() * 1000.0);
        let each = seconds * 1000.0 / services as f64;
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: f64 = load
            .split(' ')
            .next()
            .and_then(|load| load.parse().ok())
            .unwrap_or_default();
        if self.bench.json {
            let row = json!({
                "bench": "lifecycle", "servers": self.bench.servers, "step": step, "services": services,
                "seconds": seconds, "ms_per_service": each, "disk_sync_ms": sync, "load": load,
            });
            println!("{row}");
        } else {
            println!("{step:<28}{services:>9}{seconds:>11.3}{each:>14.2}{sync:>12.3}{load:>7.2}");
        }
        Ok(())
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

fn written(system: &Path, services: usize) -> Result<(), String> {
    describe(system, 0..services).map_err(|error| format!("{}: {error}", system.display()))
}

fn ended(mut command: Command, what: &str) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{what} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let args = ["lifecycle", "--json", "--servers", "embedded", "--bin", "x"];
        let bench = Bench::parse(&args).expect("good");
        assert_eq!(
            bench,
            Bench {
                json: true,
                binary: Some("x".into()),
                servers: "embedded".to_owned(),
                sizes: SIZES.to_vec(),
            }
        );
        let sizes = Bench::parse(&["--sizes", "1,10"]).expect("good").sizes;
        assert_eq!(sizes, [1, 10]);
        Bench::parse(&["outbox"]).expect_err("not there yet");
        Bench::parse(&["--bin"]).expect_err("a value is missing");
    }
}
