//! The report in a terminal: one screen, for whoever ran it.
//!
//! Owns the lines and their widths; colours are the caller's. From 100 columns on everything is
//! shown; below that the `out` column and the places are dropped.

mod line;
mod logins;
mod matrix;
mod rest;
mod system;
mod worst;

use freehold_look::number::{capital, count, duration, percent};
use freehold_look::spans;

use self::line::{Line, wrapped};
pub use self::system::terminal_of_system;
use super::date::Moment;
use super::{Report, State, Verdict, words};
use crate::report::{Paint, Tone};

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Terminal<'a> {
    /// Columns; below 72 as if there were 72.
    pub width: usize,
    /// The page, where one was written.
    pub page: Option<&'a str>,
}

/// The text, with a line end behind each line.
pub fn terminal(report: &Report, shown: Terminal<'_>, paint: Paint<'_>) -> String {
    let width = shown.width.clamp(72, 100);
    let mut lines = head(report, width);
    let mut part = |mut more: Vec<Line>| {
        if !more.is_empty() {
            lines.push(Line::new());
            lines.append(&mut more);
        }
    };
    part(verdict(report, width));
    if report.contexts.len() > 1 {
        part(matrix::matrix(report, width));
        part(worst::worst(report, width, shown.page));
    }
    part(logins::logins(report, width));
    part(logins::findings(report, width));
    part(rest::rest(report, width));
    part(rest::next(report, shown.page, width));
    let mut out = String::new();
    for line in lines {
        out.push_str(&line.painted(paint));
        out.push('\n');
    }
    out
}

fn head(report: &Report, width: usize) -> Vec<Line> {
    let own = &report.subject;
    let programs = if report.programs.is_empty() && !report.states.programs.is_whole() {
        "programs not known".to_owned()
    } else {
        count(report.programs.len(), "program", "programs")
    };
    let what = format!(
        "{} {} at {}, {}, {}, {programs}",
        own.product,
        own.product_version,
        own.address,
        count(own.tables, "table", "tables"),
        count(report.logins.len(), "login", "logins"),
    );
    let version = report
        .freehold
        .strip_suffix(".0")
        .unwrap_or(&report.freehold);
    let indent = own.database.chars().count() + 3;
    let mut told = wrapped(&what, width.saturating_sub(indent).max(30), Tone::Dim).into_iter();
    let mut first = Line::new()
        .strong(&own.database)
        .plain("   ")
        .then(told.next().unwrap_or_default());
    let version = format!("freehold {version}");
    if first.width() + 2 + version.chars().count() <= width {
        first = first.to(width - version.chars().count()).dim(&version);
    }
    let measured = &report.measured;
    let how = format!(
        "read-only: {} sent in {}, {} writes, no lock above {}",
        count(measured.statements, "statement", "statements"),
        words::seconds(measured.elapsed_ms),
        measured.writes,
        measured.strongest_lock,
    );
    let mut lines = vec![first];
    lines.extend(told.map(|more| Line::new().to(indent).then(more)));
    // The longer words where they fit on the same line.
    let how = [", no row of a table read", ", no row read"]
        .map(|more| format!("{how}{more}"))
        .into_iter()
        .find(|own| own.chars().count() <= width)
        .unwrap_or_else(|| format!("{how}, no row of a table read"));
    lines.extend(wrapped(&how, width, Tone::Dim));
    lines
}

fn verdict(report: &Report, width: usize) -> Vec<Line> {
    let verdict = report.verdict();
    let mark = format!("{} {}", verdict.shape().glyph(), verdict.word());
    let indent = mark.chars().count() + 3;
    let tone = if verdict == Verdict::Open {
        Tone::Warn
    } else {
        Tone::Strong
    };
    let mut lines = Vec::new();
    for (at, text) in wrapped(
        &report.headline(),
        width - indent - 9.min(width / 10),
        Tone::Strong,
    )
    .into_iter()
    .enumerate()
    {
        let start = if at == 0 {
            Line::new().tone(tone, &mark)
        } else {
            Line::new()
        };
        lines.push(start.to(indent).then(text));
    }
    for text in wrapped(&since(report), width - indent, Tone::Dim) {
        lines.push(Line::new().to(indent).then(text));
    }
    for (number, name, state) in report.states.each() {
        // What the matrix says for itself is not said twice.
        if matches!(state, State::NoStatistics { .. }) {
            continue;
        }
        let text = match state {
            State::FewRights { why } => Some(why.clone()),
            state => words::state(state),
        };
        if let Some(text) = text {
            let text = format!("○ {number} {name}: {}", spans::plain(&text));
            for text in wrapped(&text, width - indent, Tone::Plain) {
                lines.push(Line::new().to(indent).then(text));
            }
        }
    }
    lines
}

/// What it costs, and over which time.
fn since(report: &Report) -> String {
    let mut parts = Vec::new();
    let seconds = report.crossing_seconds();
    if let Some(load) = report.load.filter(|_| seconds > 0.0) {
        let (time, unit) = duration(seconds);
        parts.push(format!(
            "{} of the database’s time, {time} {unit} a day.",
            capital(&percent(seconds, load.seconds_a_day))
        ));
    }
    if report.verdict() != Verdict::Open {
        parts.push(format!(
            "{} logins × {} tables were worked out.",
            report.logins.len(),
            report.subject.tables
        ));
    }
    if let Some(window) = &report.window {
        parts.push(format!(
            "Since {}, {} of statistics.",
            Moment::new(&window.since).day(),
            words::span(window.days)
        ));
    }
    parts.join(" ")
}
