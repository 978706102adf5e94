//! What is printed, and how: colours only on a terminal and without `NO_COLOR`, JSON when asked.
//!
//! Results go to standard output, errors and progress to standard error.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Stderr, Stdout, Write as _};

use anstyle::{AnsiColor, Style};
use freehold_model::Fault;
use serde::Serialize;

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    Plain,
    /// A name that the eye looks for.
    Strong,
    /// Secondary.
    Dim,
    /// Well; added.
    Good,
    /// Differs; changed.
    Warn,
    /// Failed; removed.
    Bad,
    /// One of several names in a log: the only hues that are no state.
    Name(usize),
}

impl From<freehold_boundary::report::Tone> for Tone {
    fn from(meant: freehold_boundary::report::Tone) -> Self {
        use freehold_boundary::report::Tone as Meant;
        match meant {
            Meant::Plain => Self::Plain,
            Meant::Strong => Self::Strong,
            Meant::Dim => Self::Dim,
            Meant::Warn => Self::Warn,
            Meant::Bad => Self::Bad,
        }
    }
}

const NAMES: [AnsiColor; 6] = [
    AnsiColor::Magenta,
    AnsiColor::BrightBlue,
    AnsiColor::Cyan,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightCyan,
];

/// Standard output and error of one command.
pub(crate) struct Output {
    pub(crate) json: bool,
    out: Stdout,
    err: Stderr,
    colour: bool,
    colour_err: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json,
            out: std::io::stdout(),
            err: std::io::stderr(),
            colour: !json && !plain && std::io::stdout().is_terminal(),
            colour_err: !plain && std::io::stderr().is_terminal(),
        }
    }

    /// Text in its tone, for standard output.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        paint(self.colour, tone, text)
    }

    /// A line to standard output. A closed pipe ends the program's interest, not with an error.
    pub(crate) fn line(&self, text: &str) {
        let _ = writeln!(self.out.lock(), "{text}");
    }

    /// Columns: of the terminal; else as `COLUMNS` says, else 80.
    pub(crate) fn width(&self) -> usize {
        if let Some((width, _)) = terminal_size::terminal_size_of(&self.out) {
            return usize::from(width.0).max(40);
        }
        let said = std::env::var("COLUMNS").ok();
        said.and_then(|own| own.parse().ok())
            .map_or(80, |own: usize| own.max(40))
    }

    /// An empty screen, where there is one.
    pub(crate) fn clear(&self) {
        if self.out.is_terminal() {
            let _ = write!(self.out.lock(), "\u{1b}[2J\u{1b}[H");
        }
    }

    /// A line to standard error.
    pub(crate) fn line_err(&self, text: &str) {
        let _ = writeln!(self.err.lock(), "{text}");
    }

    /// A value as JSON to standard output.
    pub(crate) fn value(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(&text),
            Err(error) => self.line_err(&error.to_string()),
        }
    }

    /// Errors: to standard error for people; with `--json` also as one object on standard output.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        if self.json {
            self.value(&serde_json::json!({ "errors": faults }));
        }
        for fault in faults {
            self.line_err(&rendered(fault, "error", Tone::Bad, self.colour_err));
        }
        if faults.len() > 1 {
            self.line_err(&format!("{} errors", faults.len()));
        }
    }

    /// Something that is no error and must not be silent; to standard output.
    pub(crate) fn advice(&self, fault: &Fault) {
        self.line(&rendered(fault, "note", Tone::Warn, self.colour));
    }

    /// Asks on the terminal; without one the answer is no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        if !std::io::stdin().is_terminal() {
            return false;
        }
        let mut err = self.err.lock();
        let _ = write!(err, "{question} [y/N] ");
        let _ = err.flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok()
            && matches!(answer.trim(), "y" | "Y" | "yes")
    }
}

fn rendered(fault: &Fault, word: &str, tone: Tone, colour: bool) -> String {
    let place = fault
        .place
        .as_ref()
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    let mut text = format!(
        "{}: {place}{}",
        paint(colour, tone, &format!("{word}[{}]", fault.code)),
        fault.message
    );
    for line in &fault.help {
        let _ = write!(text, "\n  {line}");
    }
    text
}

fn paint(colour: bool, tone: Tone, text: &str) -> String {
    if !colour || tone == Tone::Plain || text.is_empty() {
        return text.to_owned();
    }
    let style = match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().bold(),
        Tone::Dim => Style::new().dimmed(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warn => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Name(at) => NAMES[at % NAMES.len()].on_default(),
    };
    format!("{style}{text}{style:#}")
}

/// Rows as columns: each as wide as its widest cell, two spaces between, no trailing blanks.
/// `tone` colours a cell by (row, column).
pub(crate) fn columns(
    output: &Output,
    rows: &[Vec<String>],
    tone: impl Fn(usize, usize) -> Tone,
) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |(at, row): (usize, &Vec<String>)| {
        let mut text = String::new();
        for (column, cell) in row.iter().enumerate() {
            text += &output.paint(tone(at, column), cell);
            if row[column + 1..].iter().any(|cell| !cell.is_empty()) {
                text += &" ".repeat(widths[column] - cell.chars().count() + 2);
            }
        }
        text
    };
    rows.iter().enumerate().map(line).collect()
}
