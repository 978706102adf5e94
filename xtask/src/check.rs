//! The stages of `check`, cheapest first. The first that fails ends it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::tidy;

pub(crate) fn check(root: &Path) -> Result<(), String> {
    stage("format", || run(cargo(root, &["fmt", "--all", "--check"])))?;
    stage("tidy", || tidy::tidy(root))?;
    stage("clippy", || {
        run(cargo(
            root,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ))
    })?;
    stage("docs", || {
        let mut doc = cargo(root, &["doc", "--workspace", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        run(doc)
    })?;
    stage("tests", || {
        test(cargo(root, &["test", "--workspace", "--no-fail-fast"]))
    })
}

pub(crate) fn stage(name: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("── {name}");
    let begun = Instant::now();
    work().map_err(|why| format!("{name}: {why}"))?;
    println!("── {name} took {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(args);
    command
}

fn run(mut command: Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

/// Passes the tests' output on and adds up their totals.
pub(crate) fn test(mut command: Command) -> Result<(), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    let mut totals = Totals::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line =
                line.map_err(|error| format!("the tests' output cannot be read: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            totals.add(&line);
        }
    }
    let status = child
        .wait()
        .map_err(|error| format!("cargo cannot be waited for: {error}"))?;
    println!(
        "tests: {} passed, {} failed, {} ignored, in {} binaries",
        totals.passed, totals.failed, totals.ignored, totals.binaries
    );
    if !status.success() {
        return Err(status.to_string());
    }
    if totals.passed == 0 {
        return Err("no test was run".to_owned());
    }
    Ok(())
}

/// Sums over `test result:` lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u32,
    failed: u32,
    ignored: u32,
    binaries: u32,
}

impl Totals {
    fn add(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        let Some((_, counts)) = result.split_once(". ") else {
            return;
        };
        self.binaries += 1;
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up() {
        let mut totals = Totals::default();
        for line in [
            "running 3 tests",
            "test result: ok. 19 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.05s",
            "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 5.17s",
        ] {
            totals.add(line);
        }
        assert_eq!(
            totals,
            Totals {
                passed: 50,
                failed: 2,
                ignored: 1,
                binaries: 2
            }
        );
    }
}
