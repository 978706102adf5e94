//! Words and lines that several commands print the same way.

use freehold_engine::{Change, Step, Subject};
use freehold_lifecycle::TableRows;
use freehold_model::Fault;

use crate::output::{Output, Tone, columns};

/// `1 table`, `2 tables`.
pub(crate) fn count(n: usize, one: &str) -> String {
    let many = match one.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    };
    format!("{n} {}", if n == 1 { one } else { &many })
}

/// The sign, the subject, the name and the note of a step, as cells.
pub(crate) fn step_row(step: &Step) -> Vec<String> {
    vec![
        format!("{} {}", sign(step.change), subject(step.subject)),
        step.name.clone(),
        short(&step.note),
    ]
}

pub(crate) fn sign(change: Change) -> char {
    match change {
        Change::Add => '+',
        Change::Change => '~',
        Change::Remove => '-',
    }
}

pub(crate) fn tone(change: Change) -> Tone {
    match change {
        Change::Add => Tone::Good,
        Change::Change => Tone::Warn,
        Change::Remove => Tone::Bad,
    }
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Database => "database",
        Subject::Schema => "schema",
        Subject::Identity => "identity",
        Subject::Grant => "grant",
        Subject::Access => "access",
        Subject::Extension => "extension",
        Subject::Ledger => "ledger",
        Subject::Issuer => "issuer",
        Subject::Server => "server",
    }
}

/// Rows of steps, indented below a store's line.
pub(crate) fn step_lines(output: &Output, steps: &[Step]) -> Vec<String> {
    let rows: Vec<_> = steps.iter().map(step_row).collect();
    let lines = columns(output, &rows, |row, column| match column {
        0 => tone(steps[row].change),
        1 => Tone::Strong,
        _ => Tone::Plain,
    });
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

/// A path below this folder without what is the same for all.
pub(crate) fn short(text: &str) -> String {
    let here = std::env::current_dir()
        .map(|here| format!("{}/", here.display()))
        .unwrap_or_default();
    if here.len() > 1 {
        text.replace(&here, "")
    } else {
        text.to_owned()
    }
}

/// `books 512 · authors 180`
pub(crate) fn tables(tables: &[TableRows]) -> String {
    let rows = tables.iter().map(|table| match table.rows {
        Some(rows) => format!("{} {rows}", table.table),
        None => format!("{} over 1,000,000", table.table),
    });
    rows.collect::<Vec<_>>().join(" · ")
}

/// Notes of several stores: one line per code and wording, with the stores that it is about.
pub(crate) fn advice(output: &Output, notes: &[(&str, &Fault)]) {
    let mut seen: Vec<&str> = Vec::new();
    for (_, fault) in notes {
        if !seen.contains(&fault.code) {
            seen.push(fault.code);
        }
    }
    for code in seen {
        let of_code: Vec<_> = notes
            .iter()
            .filter(|(_, fault)| fault.code == code)
            .collect();
        match of_code.as_slice() {
            [(_, fault)] => output.advice(fault),
            [(_, first), rest @ ..] => {
                output.advice(first);
                let mut stores: Vec<_> = rest.iter().map(|(store, _)| *store).collect();
                stores.dedup();
                output.line(&format!(
                    "  and {} more of {code}: {}",
                    rest.len(),
                    stores.join(", ")
                ));
            }
            [] => {}
        }
    }
}
