//! The model through its public API: files in, a system or faults out.
//!
//! `check` is the one way in which a wrong description is tested: files, and what is said of
//! them. Each module takes one kind of rule.

mod design;
mod environments;
mod events;
mod migrations;
mod mutated;
mod rules;
mod servers;
mod shape;

use std::path::Path;

use freehold_model::{Fault, MemoryFiles, System, load};

const ROOT: &str = "/system";

const SYSTEM: (&str, &str) = (
    "freehold.yaml",
    "system: shop\nservers:\n  main: { engine: postgres, url: \"env:PG\" }\n  my: { engine: mysql, url: \"env:MY\" }\n  lite: { engine: sqlite, url: \"sqlite:data\" }\n",
);
const ORDERS: (&str, &str) = (
    "services/orders/service.yaml",
    "service: orders\nstore: { server: main }\n",
);

/// In memory, below `ROOT`. Of two files of one name the later counts.
fn memory(files: &[(&str, &str)]) -> MemoryFiles {
    MemoryFiles::new(
        files
            .iter()
            .map(|(path, text)| (Path::new(ROOT).join(path), *text)),
    )
}

fn loaded(files: &[(&str, &str)], environment: Option<&str>) -> System {
    load(Path::new(ROOT), environment, &memory(files)).expect("a system without fault")
}

/// Loads the files and compares what is said of them, line by line.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    check_in(None, files, expected);
}

#[track_caller]
fn check_in(environment: Option<&str>, files: &[(&str, &str)], expected: &str) {
    let faults = load(Path::new(ROOT), environment, &memory(files))
        .err()
        .unwrap_or_default();
    assert_said(&faults, expected);
}

#[track_caller]
fn assert_said(faults: &[Fault], expected: &str) {
    let said = said(faults);
    // Expectations are indented like the test around them.
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(said, expected.join("\n"));
}

fn said(faults: &[Fault]) -> String {
    let mut lines = Vec::new();
    for fault in faults {
        lines.push(fault.to_string());
        lines.extend(fault.help.iter().map(|help| format!("= {help}")));
    }
    lines.join("\n")
}
