//! Who connects, as whom, and what it touched.

use freehold_look::number::{count, grouped};
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::date::Moment;
use crate::audit::report::{Program, Report, Touch, words};

/// More columns than this do not fit beside each other: they become a text.
const WIDEST: usize = 8;
const MOST_ROWS: usize = 60;

pub(super) fn programs(report: &Report) -> Markup {
    let sessions: usize = report.programs.iter().map(|own| own.sessions).sum();
    let sub = format!(
        "{}, {} at {}; R reads, W writes; boxed: its own context",
        count(report.programs.len(), "program", "programs"),
        count(sessions, "session", "sessions"),
        Moment::new(&report.at).time()
    );
    let bar = Bar {
        folds: true,
        ..Bar::new(5, "Who connects, and what it touches", sub)
            .side(side(report))
            .state(&report.states.programs)
    };
    let mut columns: Vec<Option<&str>> = report
        .contexts
        .iter()
        .map(|own| Some(own.name.as_str()))
        .collect();
    columns.push(None);
    let columns = if columns.len() > WIDEST + 1 {
        Vec::new()
    } else {
        columns
    };
    let more = report.programs.len().saturating_sub(MOST_ROWS);
    let body = html! {
        @if report.programs.is_empty() {
            @if report.states.programs.is_whole() { p.nothing { "No program was connected." } }
        }
        @else {
            table.programs.wide[columns.is_empty()] {
                thead { tr {
                    th { "Program" } th { "Login" } th.num { "Sessions" }
                    @for name in &columns { th.letters { (name.unwrap_or("nobody’s")) } }
                    th.touches { "Touches" }
                } }
                tbody { @for own in report.programs.iter().take(MOST_ROWS) { (row(own, &columns)) } }
                tfoot { tr {
                    th scope="row" { "all" } td.login {} td.num { b { (grouped(sessions as u64)) } span.phone.mid { (if sessions == 1 { " session" } else { " sessions" }) } }
                    @for _ in &columns { td.letters {} }
                    td.touches {}
                } }
            }
            @if more > 0 { p.note { "And " (more) " more, in the data of this page." } }
        }
    };
    section(&bar, &body)
}

fn side(report: &Report) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(window) = &report.window {
        parts.push(words::span(window.days));
    }
    for own in &report.programs {
        if let (None, Some(writes)) = (&own.context, own.writes.filter(|n| *n > 0)) {
            let times = if writes == 1 {
                "once".to_owned()
            } else {
                format!("{} times", grouped(writes))
            };
            parts.push(format!("{} wrote {times}", own.name));
        }
    }
    parts.truncate(3);
    parts.join("; ")
}

fn row(own: &Program, columns: &[Option<&str>]) -> Markup {
    let touch = |name: Option<&str>| {
        own.touches
            .iter()
            .find(|touch| touch.context.as_deref() == name)
    };
    html! {
        tr {
            th scope="row" { (own.name) }
            td.login { (logins(own)) }
            td.num { (grouped(own.sessions as u64)) span.phone.mid { (if own.sessions == 1 { " session" } else { " sessions" }) } }
            @for name in columns {
                td.letters.own[name.is_some() && *name == own.context.as_deref()] {
                    @if own.touches.is_empty() { span.dim { "not known" } } @else { code { (letters(touch(*name))) } }
                }
            }
            td.touches {
                @if own.touches.is_empty() { "not known" } @else { (touches(own)) }
            }
        }
    }
}

/// `bookvault`, `dba_1 … dba_4`.
fn logins(own: &Program) -> Markup {
    html! {
        @match own.logins.as_slice() {
            [first, _, .., last] => { code { (first) " … " (last) } }
            few => { @for (at, name) in few.iter().enumerate() { @if at > 0 { ", " } code { (name) } } }
        }
    }
}

fn letters(touch: Option<&Touch>) -> &'static str {
    match touch.map(|own| (own.reads, own.writes)) {
        Some((true, true)) => "R W",
        Some((true, false)) => "R ·",
        Some((false, true)) => "· W",
        _ => "· ·",
    }
}

/// The same as a text: its own context first.
fn touches(own: &Program) -> Markup {
    let mut found: Vec<&Touch> = own
        .touches
        .iter()
        .filter(|touch| touch.reads || touch.writes)
        .collect();
    found.sort_by_key(|touch| touch.context != own.context || own.context.is_none());
    html! {
        @for (at, touch) in found.iter().enumerate() {
            @if at > 0 { ", " }
            @let name = touch.context.as_deref().unwrap_or("nobody’s");
            @if touch.context.is_some() && touch.context == own.context { b { (name) } } @else { (name) }
            " " code { @if touch.reads { "R" } @if touch.writes { "W" } }
        }
    }
}
