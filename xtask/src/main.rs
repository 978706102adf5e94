//! What CI runs, and the rules of this repository that no other tool knows.
//!
//! `check` runs everything that stands before a merge, `tidy` only our own rules, `prove` what takes
//! long, `bench` measures. Each rule is a file below `tidy/`: a pure function from the tree to findings, with a test in which it finds
//! something.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what it is for"
)]

mod bench;
mod bench_boundary;
mod bench_broker;
mod bench_events;
mod bench_saga;
mod check;
mod prove;
mod source_tree;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask check   everything before a merge: format, clippy, tidy, docs, tests
cargo xtask tidy    the repository's own rules: layers, error pages, file heads, links
cargo xtask prove   the long proofs, or one part of them: prove postgres, prove lifecycle --minutes 10
cargo xtask bench   figures of the lifecycle: bench lifecycle [--json] [--sizes 1,100] [--servers embedded|local] [--bin FILE]
                    figures of the checker: bench boundary [--json] [--bin FREEHOLD --walk STAT_WALK]
                    figures of the embedded broker: bench broker [--json] [--events 1000000]
                    figures from outbox to copy: bench events [--json] [--events 1000000] [--seconds 5] [--only postgres-embedded]
                    figures of sagas: bench saga [--json] [--sagas 20000]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["check"] => check::check(&root()),
        ["tidy"] => tidy::tidy(&root()),
        ["bench", "boundary", ref rest @ ..] => {
            bench_boundary::Bench::parse(rest).and_then(|bench| bench.run(&root()))
        }
        ["bench", "broker", ref rest @ ..] => {
            bench_broker::Bench::parse(rest).and_then(|bench| bench.run(&root()))
        }
        ["bench", "events", ref rest @ ..] => {
            bench_events::Bench::parse(rest).and_then(|bench| bench.run(&root()))
        }
        ["bench", "saga", ref rest @ ..] => {
            bench_saga::Bench::parse(rest).and_then(|bench| bench.run(&root()))
        }
        ["bench", ref rest @ ..] => bench::Bench::parse(rest).and_then(|bench| bench.run(&root())),
        ["prove", ref rest @ ..] => prove::Prove::parse(rest).and_then(|all| all.run(&root())),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
