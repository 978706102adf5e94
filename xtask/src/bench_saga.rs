//! Measures the executor of sagas: builds its example `saga_bench` for release and runs it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    sagas: u64,
}

impl Bench {
    /// From the arguments after `bench saga`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self {
            json: false,
            sagas: 20_000,
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match *arg {
                "--json" => bench.json = true,
                "--sagas" => {
                    let count = rest.next().and_then(|count| count.parse().ok());
                    bench.sagas = count.ok_or("--sagas takes a number")?;
                }
                other => {
                    return Err(format!(
                        "there is no `{other}`: bench saga [--json] [--sagas 20000]"
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
            .args(["run", "--quiet", "--release", "--package", "freehold-saga"])
            .args(["--example", "saga_bench", "--", &self.sagas.to_string()]);
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
        "{:<28} {:>9}/s  p50 {:>7} ms  p99 {:>7} ms  {} commits a saga  limit {:>9}/s  fdatasync {} µs",
        row["case"].as_str().unwrap_or_default(),
        number("sagas_per_s"),
        number("p50_ms"),
        number("p99_ms"),
        number("commits_per_saga"),
        number("limit"),
        number("fdatasync_us"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let asked = Bench::parse(&["--json", "--sagas", "5"]);
        assert_eq!(
            asked,
            Ok(Bench {
                json: true,
                sagas: 5
            })
        );
        assert!(Bench::parse(&["--what"]).is_err() && Bench::parse(&["--sagas"]).is_err());
    }
}
