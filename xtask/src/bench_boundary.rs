//! Measures the checker on a large generated tree, beside `ripgrep` and a walk of the same tree.
//!
//! Each figure is the median of several runs after one that fills the system's file cache: what
//! is compared is work, not disks. Programs that are compared run by turns, so that what else the
//! machine does slows both. Seconds of the processor stand beside those of the clock: they say the
//! same on a machine that does other things, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::source_tree;

const RUNS: usize = 5;
/// Found nowhere: the search reads everything.
const PATTERN: &str = "quixotic_zebra";

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    binary: Option<PathBuf>,
    walk: Option<PathBuf>,
}

impl Bench {
    /// From the arguments after `bench boundary`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut value = || {
                rest.next()
                    .map(PathBuf::from)
                    .ok_or_else(|| format!("{arg} takes a value"))
            };
            match *arg {
                "--json" => bench.json = true,
                "--bin" => bench.binary = Some(value()?),
                "--walk" => bench.walk = Some(value()?),
                other => {
                    return Err(format!(
                        "there is no `{other}`: bench boundary [--json] [--bin FREEHOLD --walk STAT_WALK]"
                    ));
                }
            }
        }
        Ok(bench)
    }

    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let built = |package: &[&str], file: &str| build(root, package, file);
        let binary = match &self.binary {
            Some(binary) => absolute(binary)?,
            None => built(&["--package", "freehold-cli"], "freehold")?,
        };
        let walk = match &self.walk {
            Some(walk) => absolute(walk)?,
            None => built(
                &["--package", "freehold-boundary", "--example", "stat_walk"],
                "examples/stat_walk",
            )?,
        };
        let folder = root
            .join("target")
            .join(format!("bench-boundary-{}", std::process::id()));
        let measured = self.measure(&binary, &walk, &folder);
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        measured
    }

    fn measure(&self, binary: &Path, walk: &Path, folder: &Path) -> Result<(), String> {
        let tree = folder.join("tree");
        let written =
            source_tree::write(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
        let cache = folder.join("cache");
        let check = |part: &str, cold: bool| {
            let mut command = Command::new(binary);
            command
                .current_dir(&tree)
                .env("FREEHOLD_CACHE_DIR", &cache)
                .args(["check", "--json", part]);
            if cold {
                command.arg("--no-cache");
            }
            command
        };
        let search = |part: &str| {
            let mut command = Command::new("rg");
            command
                .current_dir(&tree)
                .args(["--no-config", "--count", PATTERN, part]);
            command
        };
        let walked = || {
            let mut command = Command::new(walk);
            command.arg(&tree);
            command
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let counts = counts(check(".", true))?;
        let megabytes = |key: &str| counts[key].as_f64().unwrap_or(0.0) / 1e6;
        self.row(
            "tree",
            &json!({
                "files": written.files,
                "megabytes": megabytes("bytes"),
                "candidate_share": megabytes("candidate_bytes") / megabytes("bytes").max(1.0),
                "cores": cores,
            }),
        );
        let [rg, cold] = medians([&|| search("plain"), &|| check("plain", true)])?;
        self.row(
            "files without SQL, cold",
            &json!({ "seconds": cold.seconds, "ripgrep_seconds": rg.seconds, "times_ripgrep": cold.seconds / rg.seconds, "times_ripgrep_by_processor": cold.processor / rg.processor, "at_most": 3.0 }),
        );
        let [sql] = medians([&|| check("sql", true)])?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "bytes and cores fit into a double"
        )]
        let (megabytes, cores) = (written.sql_bytes as f64 / 1e6, cores as f64);
        self.row(
            "candidates, cold",
            &json!({ "seconds": sql.seconds, "megabytes_per_second_and_core": megabytes / sql.seconds / cores, "megabytes_per_second_of_processor": megabytes / sql.processor, "at_least": 10.0 }),
        );
        let [rg, cold] = medians([&|| search("."), &|| check(".", true)])?;
        self.row(
            "all, cold",
            &json!({ "seconds": cold.seconds, "ripgrep_seconds": rg.seconds, "times_ripgrep": cold.seconds / rg.seconds, "peak_megabytes": cold.peak, "at_most_megabytes": 300.0 }),
        );
        // Files that were written just now are not trusted to be as they were.
        std::thread::sleep(Duration::from_secs(3));
        run(check(".", false))?;
        let [walked, warm] = medians([&walked, &|| check(".", false)])?;
        self.row(
            "all, warm",
            &json!({ "seconds": warm.seconds, "walk_seconds": walked.seconds, "times_walk": warm.seconds / walked.seconds, "times_walk_by_processor": warm.processor / walked.processor, "at_most": 1.2, "peak_megabytes": warm.peak }),
        );
        Ok(())
    }

    fn row(&self, step: &str, figures: &Value) {
        if self.json {
            println!(
                "{}",
                json!({ "bench": "boundary", "step": step, "figures": figures })
            );
            return;
        }
        println!("{step}");
        for (key, value) in figures.as_object().into_iter().flatten() {
            match value.as_f64() {
                Some(number) if value.is_f64() => println!("  {key:<32}{number:>12.3}"),
                _ => println!("  {key:<32}{value:>12}"),
            }
        }
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Ran {
    seconds: f64,
    /// Seconds of all processors together; 0 where the system does not tell.
    processor: f64,
    /// Megabytes; 0 where the system does not tell.
    peak: f64,
}

/// The median run of each, all run by turns.
fn medians<const N: usize>(commands: [&dyn Fn() -> Command; N]) -> Result<[Ran; N], String> {
    let mut ran: [Vec<Ran>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=RUNS {
        for (ran, command) in ran.iter_mut().zip(commands) {
            let one = run(command())?;
            // The first fills the system's cache.
            if round > 0 {
                ran.push(one);
            }
        }
    }
    Ok(ran.map(|mut ran| Ran {
        seconds: middle(&mut ran, |own| own.seconds),
        processor: middle(&mut ran, |own| own.processor),
        peak: ran.iter().map(|own| own.peak).fold(0.0, f64::max),
    }))
}

fn middle(ran: &mut [Ran], of: impl Fn(&Ran) -> f64) -> f64 {
    ran.sort_by(|a, b| of(a).total_cmp(&of(b)));
    of(&ran[RUNS / 2])
}

/// Findings, and nothing found, are no failures.
fn run(mut command: Command) -> Result<Ran, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (begun, before) = (Instant::now(), of_children());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let mut peak: f64 = 0.0;
    loop {
        peak = peak.max(high_water(child.id()));
        match child.try_wait() {
            Ok(Some(status)) if matches!(status.code(), Some(0 | 1)) => break,
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(status)) => return Err(format!("{program}: {status}")),
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
    Ok(Ran {
        seconds: begun.elapsed().as_secs_f64(),
        processor: of_children() - before,
        peak,
    })
}

/// The seconds of processors that ended children took, as Linux tells them: in hundredths.
fn of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; `cutime` and `cstime` are the 14th and 15th behind.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// The most memory that a process had so far, in megabytes, as Linux tells it.
fn high_water(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(0.0, |kibibytes| kibibytes * 1024.0 / 1e6)
}

fn counts(mut command: Command) -> Result<Value, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(value["counts"].clone())
}

fn absolute(file: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn build(root: &Path, package: &[&str], file: &str) -> Result<PathBuf, String> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["build", "--release"])
        .args(package)
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    if status.success() {
        Ok(target.join("release").join(file))
    } else {
        Err("the binary could not be built".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let bench = Bench::parse(&["--json", "--bin", "x"]).expect("good");
        assert!(bench.json && bench.binary.is_some() && bench.walk.is_none());
        Bench::parse(&["--bin"]).expect_err("a value is missing");
        Bench::parse(&["--fast"]).expect_err("not there");
    }
}
