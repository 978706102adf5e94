//! The `freehold` binary: parse, call, render. No decision about databases is made here.
//!
//! One file per command below `command/`; `context` turns the arguments into targets, `output`
//! knows colours and widths, `files` is the only reader of the description.

mod args;
mod broker;
mod command;
mod context;
mod files;
mod output;
mod pages;
mod sagas;
mod servers;
mod sidecar;
mod supervise;
mod telemetry;
mod tokens;
mod vitals;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::output::Output;

/// How a command ended.
pub(crate) enum Outcome {
    /// 0
    Done,
    /// 1: there is something to look at (`plan --exit-code`, `status --exit-code`).
    Findings,
    /// The exit status of a program that was run.
    Exit(u8),
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = u8::from(error.use_stderr()) * 2;
            // Nothing is left to do when not even this can be printed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let output = Output::new(args.json);
    if let Command::Confine(wanted) = &args.command {
        // Before there is a second thread: walls are put around one.
        return ExitCode::from(supervise::confine::enter(wanted, &output));
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.line_err(&format!("no runtime could be started: {error}"));
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(command::run(&args, &output)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Exit(code)) => ExitCode::from(code),
        Err(faults) => {
            output.faults(&faults);
            ExitCode::from(exit_code(&faults))
        }
    }
}

/// 2: what the user wrote is wrong (files, input). 3: the world did not let us.
fn exit_code(faults: &[freehold_model::Fault]) -> u8 {
    let input = |code: &str| {
        ["FH1", "FH22", "FH24", "FH25", "FH410", "FH411"]
            .iter()
            .any(|range| code.starts_with(range))
    };
    if faults.iter().all(|fault| input(fault.code)) {
        2
    } else {
        3
    }
}
