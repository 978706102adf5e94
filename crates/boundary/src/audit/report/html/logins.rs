//! Who reaches every table, and by which path.

use freehold_look::number::count;
use freehold_look::{Shape, spans};
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::{Login, Report, words};

/// More squares than this say nothing; the counts stay.
const MOST_SQUARES: usize = 96;
/// More rows than this nobody reads; the data has them all.
const MOST_ROWS: usize = 40;
/// Names in a sentence.
const MOST_NAMES: usize = 12;

pub(super) fn logins(report: &Report) -> Markup {
    let rows = report.reaching_rows();
    let bar = Bar::new(
        4,
        "Logins that can reach everything",
        if rows.is_empty() { "none" } else { "and why" },
    )
    .side("as the server itself would decide")
    .state(&report.states.logins);
    let more: usize = rows.iter().skip(MOST_ROWS).map(Vec::len).sum();
    let body = html! {
        (groups(report))
        @if !rows.is_empty() || report.public.is_some() {
            table.logins {
                thead { tr { th.n {} th { "Login" } th { "By" } th { "Way in" } th { "May" } th { "In use by" } th { "What closes it" } } }
                tbody {
                    @for row in rows.iter().take(MOST_ROWS) { (login(report, row)) }
                    (public(report))
                }
            }
        }
        (findings(report))
        @if more > 0 { p.note { "And " (count(more, "login", "logins")) " more, in the data of this page." } }
    };
    section(&bar, &body)
}

/// Three groups: who reads and writes all, who reads all, who may do less.
fn groups(report: &Report) -> Markup {
    let all = report.subject.tables;
    let writing = report.reaching().filter(|own| own.writes >= all).count();
    let reading = report.reaching().count() - writing;
    let less = report.logins.len() - writing - reading;
    let drawn = report.logins.len() <= MOST_SQUARES;
    let group = |n: usize, class: &str, text: Markup| {
        html! {
            @if n > 0 {
                div.group {
                    @if drawn { div.squares aria-hidden="true" { @for _ in 0..n { i.sq.(class) {} } } }
                    p { b { (n) } " " (text) }
                }
            }
        }
    };
    html! {
        div.groups {
            (group(writing, "full", html! { "read and write all " (all) }))
            (group(reading, "half", html! { "read all " (all) }))
            (group(less, "none", html! { "less" (idle(report)) }))
        }
    }
}

/// Logins that reach less and that nobody used.
fn idle(report: &Report) -> Markup {
    let idle: Vec<&str> = report
        .logins
        .iter()
        .filter(|own| own.reads < report.subject.tables && own.used == Some(false))
        .map(|own| own.name.as_str())
        .collect();
    let window = report.window.as_ref().map_or_else(String::new, |own| {
        format!(" and no statement in {}", words::span(own.days))
    });
    let more = idle.len().saturating_sub(MOST_NAMES);
    let shown = &idle[..idle.len() - more];
    let have = if idle.len() == 1 { "has" } else { "have" };
    html! {
        @if !idle.is_empty() {
            "; " (idle.len()) " of them " (have) " no session" (window) ": "
            @for (at, name) in shown.iter().enumerate() { @if at > 0 { ", " } code { (name) } }
            @if more > 0 { " and " (more) " more" }
        }
    }
}

fn login(report: &Report, row: &[&Login]) -> Markup {
    let Some(first) = row.first() else {
        return html! {};
    };
    let all = report.subject.tables;
    let square = if first.writes >= all { "full" } else { "half" };
    let path = first.paths.first();
    let others = first.paths.len().saturating_sub(1);
    html! {
        tr {
            td.n { i.sq.(square) {} }
            th.name scope="row" { @for (at, own) in row.iter().enumerate() { @if at > 0 { ", " } code { (own.name) } } }
            td.by { @if let Some(path) = path { b { (words::by(path.by)) } } @else { "not known" } }
            td.way {
                @if let Some(path) = path {
                    @for (at, step) in path.steps.iter().enumerate() { @if at > 0 { " " span.to { "→" } " " } (spans::html(step)) }
                }
                @if others > 0 { span.dim { "; and " (count(others, "more way", "more ways")) } }
            }
            td.may { (report.may(first)) }
            td.use { (report.in_use(row)) }
            td.closes {
                @if first.declared { span.dim { "declared as access" } }
                @else { (spans::html(first.closes.as_deref().unwrap_or_default())) }
            }
        }
    }
}

/// Single rights and sessions to close, each with its repair.
fn findings(report: &Report) -> Markup {
    let more = report.findings.len().saturating_sub(MOST_ROWS);
    html! {
        @if !report.findings.is_empty() {
            table.findings {
                thead { tr { th.n {} th { "To close" } th { "What is there" } th { "Repair" } } }
                tbody { @for own in report.findings.iter().take(MOST_ROWS) {
                    tr {
                        td.n { (Shape::Differs.svg()) }
                        th.name scope="row" { code { (own.code) } }
                        td.what { (spans::html(&own.message)) }
                        td.right { (spans::html(&own.repair)) }
                    }
                } }
            }
            @if more > 0 { p.note { "And " (more) " more, in the data of this page." } }
        }
    }
}

/// Everybody, last because it is everybody.
fn public(report: &Report) -> Markup {
    let Some(public) = report.public.as_ref() else {
        return html! {};
    };
    let reads: usize = public.reads.iter().map(|own| own.tables).sum();
    if reads + public.writes == 0 {
        return html! {};
    }
    let whose: Vec<String> = public
        .reads
        .iter()
        .map(|own| {
            format!(
                "{} {}",
                own.context.as_deref().unwrap_or("nobody’s"),
                own.tables
            )
        })
        .collect();
    let writes = if public.writes > 0 {
        format!(", write {}", public.writes)
    } else {
        String::new()
    };
    html! {
        tr.public {
            td.n { (Shape::Differs.svg()) }
            th.name scope="row" { "all " (report.logins.len()) ", and any made tomorrow" }
            td.by { b { "PUBLIC" } }
            td.way { "PUBLIC " span.to { "→" } @if public.connect { " CONNECT;" } " SELECT on " (reads) " of " (report.subject.tables) " tables" }
            td.may { "read " (reads) (writes) }
            td.use { (whose.join(", ")) }
            td.closes { code { "REVOKE … FROM PUBLIC" } }
        }
    }
}
