//! Measures the embedded broker: builds its example `broker_bench` for release and runs it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    events: u64,
}

impl Bench {
    /// From the arguments after `bench broker`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self {
            json: false,
            events: 1_000_000,
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match *arg {
                "--json" => bench.json = true,
                "--events" => {
                    let count = rest.next().and_then(|count| count.parse().ok());
                    bench.events = count.ok_or("--events takes a number")?;
                }
                other => {
                    return Err(format!(
                        "there is no `{other}`: bench broker [--json] [--events 1000000]"
                    ));
                }
            }
        }
        Ok(bench)
    }

    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root)
            .args([
                "run",
                "--quiet",
                "--release",
                "--package",
                "freehold-broker",
            ])
            .args(["--example", "broker_bench", "--", &self.events.to_string()]);
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
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
        Ok(())
    }
}

fn human(row: &Value) -> String {
    let number = |name: &str| {
        row[name]
            .as_f64()
            .map_or("–".to_owned(), |n| format!("{n:.1}"))
    };
    format!(
        "{:<16} {:>10}/s  p50 {:>6} ms  p99 {:>6} ms  plain file {:>10}/s  fdatasync {} µs",
        row["case"].as_str().unwrap_or_default(),
        number("events_per_s"),
        number("p50_ms"),
        number("p99_ms"),
        number("limit"),
        number("fdatasync_us"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let asked = Bench::parse(&["--json", "--events", "5"]);
        assert_eq!(
            asked,
            Ok(Bench {
                json: true,
                events: 5
            })
        );
        assert!(Bench::parse(&["--what"]).is_err() && Bench::parse(&["--events"]).is_err());
    }
}
