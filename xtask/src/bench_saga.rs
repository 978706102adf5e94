//! Measures the executor of sagas: builds its example `saga_bench` for release and runs it. Rows are
//! printed as they come: all of them take minutes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bench {
    json: bool,
    sagas: u64,
    /// A part of a case's name; empty: all.
    only: String,
}

impl Bench {
    /// From the arguments after `bench saga`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut bench = Self {
            json: false,
            sagas: 20_000,
            only: String::new(),
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match *arg {
                "--json" => bench.json = true,
                "--sagas" => {
                    let count = rest.next().and_then(|count| count.parse().ok());
                    bench.sagas = count.ok_or("--sagas takes a number")?;
                }
                other if other.starts_with('-') => {
                    return Err(format!(
                        "there is no `{other}`: bench saga [--json] [--sagas 20000] [CASE]"
                    ));
                }
                case => case.clone_into(&mut bench.only),
            }
        }
        Ok(bench)
    }

    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root)
            .args(["run", "--quiet", "--release", "--package", "freehold-saga"])
            .args(["--example", "saga_bench", "--", &self.sagas.to_string()])
            .arg(&self.only)
            .stdout(Stdio::piped());
        let mut running = cargo.spawn().map_err(|error| format!("cargo: {error}"))?;
        let lines = running.stdout.take().map(BufReader::new);
        for line in lines.into_iter().flat_map(BufRead::lines) {
            let line = line.map_err(|error| error.to_string())?;
            let row: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
            println!("{}", if self.json { line } else { human(&row) });
        }
        let ended = running.wait().map_err(|error| error.to_string())?;
        if ended.success() {
            Ok(())
        } else {
            Err(format!("the example saga_bench ended with {ended}"))
        }
    }
}

/// The case, then every figure by its name: cases differ in what they measure.
fn human(row: &Value) -> String {
    let figures = row.as_object().into_iter().flatten();
    let texts = figures.map(|(name, figure)| match figure.as_f64() {
        Some(number) => format!("  {name} {number}"),
        None => format!("{:<28}", figure.as_str().unwrap_or_default()),
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let asked = Bench::parse(&["--json", "--sagas", "5", "postgres"]);
        assert_eq!(
            asked,
            Ok(Bench {
                json: true,
                sagas: 5,
                only: "postgres".to_owned()
            })
        );
        assert!(Bench::parse(&["--what"]).is_err() && Bench::parse(&["--sagas"]).is_err());
    }
}
