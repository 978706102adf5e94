//! Words and lines that several commands print the same way.

use freehold_engine::{Change, Step, Subject};
use freehold_lifecycle::{TableRows, Verified};
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
        Subject::Plane => "events",
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

/// What `--verify-rollback` found in one store.
pub(crate) fn verified(store: &Verified) -> String {
    let proven = match store.migrations.len() {
        0 => "nothing to take back".to_owned(),
        n => format!(
            "{} up, down and up again: same schema",
            count(n, "migration")
        ),
    };
    let seeds = match store.seeds.len() {
        0 => String::new(),
        n => format!(", same rows of {}", count(n, "seed")),
    };
    let irreversible = match &store.irreversible[..] {
        [] => String::new(),
        ids => format!(", not tried: {} (no way back)", ids.join(", ")),
    };
    format!("{proven}{seeds}{irreversible}")
}

/// How many notes of each code there are, and the first of them.
fn by_code<'a>(notes: &[(&'a str, &'a Fault)]) -> Vec<(&'a Fault, Vec<&'a str>)> {
    let mut by_code: Vec<(&Fault, Vec<&str>)> = Vec::new();
    for (store, fault) in notes {
        match by_code
            .iter_mut()
            .find(|(first, _)| first.code == fault.code)
        {
            Some((_, stores)) => stores.push(store),
            None => by_code.push((fault, vec![store])),
        }
    }
    by_code
}

/// What is not enforced, in full: the first note of each code, and which stores have more.
pub(crate) fn advice(output: &Output, notes: &[(&str, &Fault)]) {
    for (first, mut stores) in by_code(notes) {
        output.advice(first);
        let more = stores.len() - 1;
        stores.dedup();
        if more > 0 {
            let code = first.code;
            output.line(&format!(
                "  and {more} more of {code}: {}",
                stores.join(", ")
            ));
        }
    }
}

/// The same in one line.
pub(crate) fn advice_in_brief(output: &Output, notes: &[(&str, &Fault)]) {
    if notes.is_empty() {
        return;
    }
    let codes: Vec<_> = by_code(notes)
        .iter()
        .map(|(first, stores)| format!("{} ×{}", first.code, stores.len()))
        .collect();
    let text = format!(
        "{} on what cannot be enforced here or wants a person: {}",
        count(notes.len(), "note"),
        codes.join(", ")
    );
    output.line(&format!(
        "{}  {}",
        output.paint(Tone::Warn, "▲"),
        output.paint(Tone::Dim, &text)
    ));
    output.line(&output.paint(
        Tone::Dim,
        "   freehold status says which, freehold explain CODE why",
    ));
}

/// `held back: contract 0005_drop; behind it 0006_more`. `None`: nothing is.
pub(crate) fn held_back(ids: &[String]) -> Option<String> {
    let (contract, behind) = ids.split_first()?;
    let behind = if behind.is_empty() {
        String::new()
    } else {
        format!("; behind it {}", behind.join(", "))
    };
    Some(format!("held back: contract {contract}{behind}"))
}
