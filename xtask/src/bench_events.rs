//! Measures the way from outbox to copy, and what a read model over copies costs: builds the examples
//! `events_bench` and `read_models_bench` for release and runs them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// How the cases of read models begin.
const READ_MODELS: &str = "postgres-readmodel";
/// Over so many orders.
const SIZES: &str = "1000,100000,1000000";
/// More events of a case say nothing new.
const MOST: u64 = 100_000;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    events: u64,
    /// How long writers write, in seconds.
    seconds: u64,
    /// The beginning of the cases' names: `postgres-nats`; empty: all.
    only: String,
}

impl Bench {
    /// From the arguments after `bench events`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self {
            json: false,
            events: 1_000_000,
            seconds: 5,
            only: String::new(),
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match *arg {
                "--json" => bench.json = true,
                "--events" => {
                    let count = rest.next().and_then(|count| count.parse().ok());
                    bench.events = count.ok_or("--events takes a number")?;
                }
                "--seconds" => {
                    let count = rest.next().and_then(|count| count.parse().ok());
                    bench.seconds = count.ok_or("--seconds takes a number")?;
                }
                "--only" => {
                    let only = rest
                        .next()
                        .ok_or("--only takes the beginning of a case's name")?;
                    (*only).clone_into(&mut bench.only);
                }
                other => {
                    return Err(format!(
                        "there is no `{other}`: bench events [--json] [--events 1000000] [--seconds 5] [--only postgres-embedded]"
                    ));
                }
            }
        }
        Ok(bench)
    }

    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let (events, seconds) = (self.events.to_string(), self.seconds.to_string());
        let wanted = |prefix: &str| prefix.starts_with(&self.only) || self.only.starts_with(prefix);
        let read_models = wanted(READ_MODELS);
        // Asked for read models alone, there is nothing else to build.
        if !(read_models && self.only.starts_with(READ_MODELS)) {
            self.example(root, "events_bench", &[&events, &seconds, &self.only])?;
        }
        if read_models {
            let few = self.events.min(MOST).to_string();
            self.example(root, "read_models_bench", &[SIZES, &few])?;
        }
        Ok(())
    }

    fn example(&self, root: &Path, name: &str, args: &[&str]) -> Result<(), String> {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root)
            .args(["run", "--quiet", "--release"])
            .args(["--package", "freehold-testkit"])
            .args(["--example", name, "--"])
            .args(args)
            .stderr(std::process::Stdio::inherit());
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            println!(
                "{}",
                if self.json {
                    line.to_owned()
                } else {
                    human(&row)
                }
            );
        }
        if output.status.success() {
            Ok(())
        } else {
            Err("a case failed; the rows above are whole".to_owned())
        }
    }
}

fn human(row: &Value) -> String {
    let number = |name: &str| {
        row[name]
            .as_f64()
            .map_or("–".to_owned(), |n| format!("{n:.1}"))
    };
    format!(
        "{:<26} {:>10}/s  p50 {:>7} ms  p99 {:>7} ms  limit {:>10}/s  cpu {:>5} µs  {:>5} MiB  fdatasync {} µs",
        row["case"].as_str().unwrap_or_default(),
        number("events_per_s"),
        number("p50_ms"),
        number("p99_ms"),
        number("limit"),
        number("cpu_us"),
        number("peak_mib"),
        number("fdatasync_us"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let asked = Bench::parse(&["--json", "--events", "5", "--only", "sqlite"]);
        assert_eq!(
            asked,
            Ok(Bench {
                json: true,
                events: 5,
                seconds: 5,
                only: "sqlite".to_owned()
            })
        );
        assert!(Bench::parse(&["--what"]).is_err() && Bench::parse(&["--events"]).is_err());
    }
}
