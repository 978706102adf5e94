//! Code and live database together, in a terminal.

use std::fmt::Write as _;

use freehold_look::number::{count, rate};

use super::{Met, MetKey, Place, Together};
use crate::report::{Paint, Tone};

/// Above this many the rest is only counted.
const MOST: usize = 20;
/// Places of one crossing.
const PLACES: usize = 4;

/// The text, with a line end behind each line; names come from files and servers, and nothing of
/// them steers the terminal.
pub fn together_text(own: &Together, paint: Paint<'_>) -> String {
    let mut out = String::new();
    let days = own.days.map_or_else(
        || "the server counted no statements".to_owned(),
        |days| format!("{days:.1} days of statistics"),
    );
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}   {}",
        paint(Tone::Strong, "Code and live database together"),
        paint(
            Tone::Dim,
            &safe(&format!("audit of {} at {}, {days}", own.database, own.at))
        )
    );
    matrix(&mut out, own, paint);
    out.push('\n');
    for met in own.crossings.iter().take(MOST) {
        crossing(&mut out, met, own.days.is_some(), paint);
    }
    let more = own.crossings.len().saturating_sub(MOST);
    if more > 0 {
        let _ = writeln!(
            out,
            "{}",
            paint(Tone::Dim, &format!("and {more} more, with --json"))
        );
    }
    for met in &own.keys {
        key(&mut out, met, paint);
    }
    let _ = writeln!(out, "\n{}", safe(&sum(own)));
    out
}

/// One row for each pair.
fn matrix(out: &mut String, own: &Together, paint: Paint<'_>) {
    let width = |pair: &super::Pair| pair.from.chars().count() + pair.to.chars().count() + 3;
    let first = own.pairs.iter().map(width).max().unwrap_or(0).max(22);
    let head = format!(
        "{:first$} {:>8} {:>6} {:>11} {:>14} {:>10}",
        "Who crosses into whom", "in code", "keys", "statements", "calls a day", "s a day"
    );
    let _ = writeln!(out, "{}", paint(Tone::Dim, &head));
    for pair in &own.pairs {
        let _ = writeln!(
            out,
            "{:first$} {:>8} {:>6} {:>11} {:>14} {:>10}",
            safe(&format!("{} → {}", pair.from, pair.to)),
            pair.places,
            pair.keys,
            pair.statements,
            rate(pair.calls_a_day),
            rate(pair.seconds_a_day),
        );
    }
}

fn crossing(out: &mut String, met: &Met, counted: bool, paint: Paint<'_>) {
    let verb = if met.writes { "writes" } else { "reads" };
    let head = format!("{} → {}  {verb} {}", met.from, met.to, met.table);
    let cost = match (met.statements.len(), counted) {
        (0, true) => "not seen running".to_owned(),
        (0, false) => "how often is not known".to_owned(),
        (n, _) => format!(
            "{}, {} calls and {} s a day",
            count(n, "statement", "statements"),
            rate(met.calls_a_day()),
            rate(met.seconds_a_day())
        ),
    };
    let _ = writeln!(out, "{}   {cost}", paint(Tone::Strong, &safe(&head)));
    if met.places.is_empty() {
        let programs: Vec<&str> = met
            .statements
            .iter()
            .map(|own| own.program.as_str())
            .collect();
        let text = format!(
            "▲ not found in this code; {} runs it",
            unique(&programs).join(", ")
        );
        let _ = writeln!(out, "    {}", paint(Tone::Warn, &safe(&text)));
    }
    places(out, &met.places, paint);
}

fn key(out: &mut String, met: &MetKey, paint: Paint<'_>) {
    let live = if met.live.is_empty() {
        "not in the live database".to_owned()
    } else {
        format!(
            "live on {}",
            unique(&met.live.iter().map(String::as_str).collect::<Vec<_>>()).join(", ")
        )
    };
    let head = format!(
        "{} → {}  foreign key to {}",
        met.from, met.to, met.references
    );
    let _ = writeln!(
        out,
        "{}   {}",
        paint(Tone::Strong, &safe(&head)),
        safe(&live)
    );
    if met.places.is_empty() {
        let _ = writeln!(
            out,
            "    {}",
            paint(Tone::Warn, "▲ not found in these migrations")
        );
    }
    places(out, &met.places, paint);
}

fn places(out: &mut String, places: &[Place], paint: Paint<'_>) {
    for own in places.iter().take(PLACES) {
        let symbol = if own.symbol.is_empty() {
            String::new()
        } else {
            format!("  {}", own.symbol)
        };
        let text = safe(&format!("{}:{}{symbol}", own.file, own.line));
        let _ = writeln!(out, "    {}", paint(Tone::Dim, &text));
    }
    if places.len() > PLACES {
        let text = format!("and {} more places", places.len() - PLACES);
        let _ = writeln!(out, "    {}", paint(Tone::Dim, &text));
    }
}

fn sum(own: &Together) -> String {
    let both = own
        .crossings
        .iter()
        .filter(|met| !met.places.is_empty() && !met.statements.is_empty());
    let code = own.crossings.iter().filter(|met| met.statements.is_empty());
    let live = own.crossings.iter().filter(|met| met.places.is_empty());
    format!(
        "{}: {} in code and running, {} in code only, {} running only.",
        count(
            own.crossings.len(),
            "table is reached over a boundary",
            "tables are reached over boundaries"
        ),
        both.count(),
        code.count(),
        live.count()
    )
}

/// Each once, in their order.
fn unique<'a>(all: &[&'a str]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for own in all {
        if !found.contains(own) {
            found.push(own);
        }
    }
    found
}

fn safe(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
