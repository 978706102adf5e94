//! Who crosses into whom, and the ten worst.

use freehold_look::number::{Scale, capital, duration, grouped, millis, rate, real, whole, word};
use freehold_look::{Shape, spans};
use maud::{Markup, PreEscaped, html};

use super::{Bar, pair, section};
use crate::audit::report::date::Moment;
use crate::audit::report::{Cell, Crossing, Matrix, Report, State, words};

/// Above this many contexts a table of pairs does not fit: the strongest are listed.
const WIDEST: usize = 12;
/// Above this many a phone has no room for the table: it shows the list as well.
const NARROWEST: usize = 5;
/// How many pairs that list has.
const MOST_PAIRS: usize = 30;

pub(super) fn matrix(report: &Report) -> Markup {
    let orphans = match report.orphans.len() {
        0 => String::new(),
        1 => " Calls into the table nobody owns are not counted.".to_owned(),
        n => format!(" Calls into the {n} tables nobody owns are not counted."),
    };
    if !report.has_statistics() {
        let bar = Bar::new(
            2,
            "Who may cross into whom",
            "tables that may be read and written, and keys",
        )
        .state(&report.states.crossings);
        return section(&bar, &may(report));
    }
    let matrix = report.matrix();
    let bar = Bar::new(
        2,
        "Who crosses into whom",
        "statements, and their calls a day",
    )
    .state(&report.states.crossings);
    let body = html! {
        @if matrix.contexts.len() > WIDEST { (pairs(report, &matrix)) }
        @else {
            (cells(report, &matrix))
            // A phone has room for five columns.
            @if matrix.contexts.len() > NARROWEST { div.instead { (pairs(report, &matrix)) } }
        }
        p.note {
            span.scale aria-hidden="true" { @for shade in 0..5 { i class=(format!("shade-{shade}")) {} } }
            "darker: more database time. Rows are the programs of a context, columns the owner of the table." (orphans)
        }
    };
    section(&bar, &body)
}

fn cells(report: &Report, matrix: &Matrix) -> Markup {
    let scale = report.scale();
    let many = if matrix.contexts.len() > NARROWEST {
        "matrix many"
    } else {
        "matrix"
    };
    html! {
        table class=(many) {
            thead { tr {
                th.corner { "from ↓  to →" }
                @for name in &matrix.contexts { th scope="col" { (name) } }
                th.out scope="col" { "out" }
            } }
            tbody {
                @for (y, row) in matrix.cells.iter().enumerate() {
                    tr {
                        th scope="row" { (matrix.contexts[y]) span.phone { (matrix.out[y].statements) @if matrix.out[y].statements > 0 { " · " (scale.show(matrix.out[y].shown)) } } }
                        @for (x, cell) in row.iter().enumerate() {
                            @if x == y { td.own { span.quiet { "its own" } } }
                            @else if cell.statements == 0 { td.none { "0" } }
                            @else {
                                td class=(format!("shade-{}", matrix.shade(*cell))) {
                                    b { (cell.statements) }
                                    @if cell.writes > 0 { " " span.writes { (cell.writes) " write" } }
                                    span.calls { (scale.show(cell.shown)) }
                                }
                            }
                        }
                        td.out { b { (matrix.out[y].statements) } (calls(scale, matrix.out[y])) }
                    }
                }
            }
            tfoot { tr {
                th scope="row" { "in" span.phone { (matrix.total.statements) @if matrix.total.statements > 0 { " · " (scale.show(matrix.total.shown)) } } }
                @for cell in &matrix.into { td { b { (cell.statements) } (calls(scale, *cell)) } }
                td.out.all { b { (matrix.total.statements) } (calls(scale, matrix.total)) }
            } }
        }
    }
}

fn calls(scale: Scale, cell: Cell) -> Markup {
    html! { @if cell.statements > 0 { span.calls { (scale.show(cell.shown)) } } }
}

/// The strongest pairs, for many contexts.
fn pairs(report: &Report, matrix: &Matrix) -> Markup {
    let scale = report.scale();
    let mut found = Vec::new();
    for (y, row) in matrix.cells.iter().enumerate() {
        for (x, cell) in row
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.statements > 0)
        {
            found.push((y, x, *cell));
        }
    }
    found.sort_by(|a, b| b.2.seconds_a_day.total_cmp(&a.2.seconds_a_day));
    let rest = found.split_off(found.len().min(MOST_PAIRS));
    let (mut statements, mut calls, mut seconds) = (0, 0, 0);
    for (.., cell) in &rest {
        statements += cell.statements;
        calls += cell.shown;
        seconds += cell.shown_seconds;
    }
    html! {
        table.pairs {
            thead { tr { th { "From → to" } th.num { "Statements" } th.num { "Calls a day" } th.num { "Total, s a day" } } }
            tbody {
                @for (y, x, cell) in &found {
                    tr {
                        th scope="row" { (pair(&matrix.contexts[*y], &matrix.contexts[*x])) }
                        td.num { (cell.statements) } td.num { (scale.show(cell.shown)) } td.num { (grouped(cell.shown_seconds)) }
                    }
                }
                @if !rest.is_empty() {
                    tr.sum { th scope="row" { (rest.len()) " other pairs" } td.num { (statements) } td.num { (scale.show(calls)) } td.num { (grouped(seconds)) } }
                }
                tr.sum { th scope="row" { "all" } td.num { (matrix.total.statements) } td.num { (scale.show(matrix.total.shown)) } td.num { (grouped(matrix.total.shown_seconds)) } }
            }
        }
    }
}

/// What may be reached and what is tied, where the server counts nothing.
fn may(report: &Report) -> Markup {
    let names: Vec<&str> = report
        .contexts
        .iter()
        .map(|own| own.name.as_str())
        .collect();
    let cell = |from: &str, to: &str| {
        let reach = report
            .reach
            .iter()
            .find(|own| own.from == from && own.to == to);
        let keys = report
            .keys
            .iter()
            .filter(|own| own.from == from && own.to == to)
            .count();
        (
            reach.map_or(0, |own| own.reads),
            reach.map_or(0, |own| own.writes),
            keys,
        )
    };
    html! {
        table.matrix.may {
            thead { tr {
                th.corner { "from ↓  to →" }
                @for name in &names { th scope="col" { (name) } }
            } }
            tbody { @for from in &names { tr {
                th scope="row" { (from) }
                @for to in &names {
                    @let (reads, writes, keys) = cell(from, to);
                    @if from == to { td.own { span.quiet { "its own" } } }
                    @else if reads + writes + keys == 0 { td.none { "0" } }
                    @else {
                        td {
                            b { (reads) } " " span.writes { "read" @if writes > 0 { ", " (writes) " write" } }
                            span.calls { @if keys > 0 { (keys) " " (if keys == 1 { "key" } else { "keys" }) } }
                        }
                    }
                }
            } } }
        }
        p.note { "May, not does: what the logins of a context’s programs can reach, and foreign keys. No figure is filled by a guess." }
    }
}

pub(super) fn worst(report: &Report) -> Markup {
    let all = report.crossings.len();
    let shown = all.min(10);
    let title = match all {
        0 => "The worst crossings".to_owned(),
        1 => "The one crossing".to_owned(),
        _ if all == shown => format!("The {} crossings", word(all)),
        _ => format!("The {} worst crossings", word(shown)),
    };
    let over = report.window.as_ref().map_or_else(
        || "by time a day".to_owned(),
        |window| {
            let since = Moment::new(&window.since).date();
            format!(
                "by time a day, over {} since {since}",
                words::span(window.days)
            )
        },
    );
    let bar = Bar::new(3, title, over).state(&report.states.crossings);
    let bar = if all > shown {
        bar.side(format!("all {all} in the data of this page"))
    } else {
        bar
    };
    let body = html! {
        @if all > 0 { (ten(report, shown)) }
        @else if !matches!(report.states.crossings, State::NoStatistics { .. }) { (nothing(report)) }
    };
    section(&bar, &body)
}

fn nothing(report: &Report) -> Markup {
    let days = report
        .window
        .as_ref()
        .map_or_else(String::new, |own| format!(" in {}", words::span(own.days)));
    html! { p.nothing { "No statement of one context on tables of another was seen" (days) "." } }
}

fn ten(report: &Report, shown: usize) -> Markup {
    let most = report
        .crossings
        .first()
        .map_or(1.0, Crossing::seconds_a_day)
        .max(f64::MIN_POSITIVE);
    let ten = &report.crossings[..shown];
    let calls: u64 = ten.iter().map(|own| whole(own.calls_a_day)).sum();
    let seconds: u64 = ten.iter().map(|own| whole(own.seconds_a_day())).sum();
    let all_calls = whole(report.crossing_calls()).max(calls);
    let all_seconds = whole(report.crossing_seconds()).max(seconds);
    let rest = report.crossings.len() - shown;
    let (time, unit) = duration(real(all_seconds));
    let unit = match unit {
        "h" => "hours",
        "min" => "minutes",
        _ => "seconds",
    };
    html! {
        table.ten {
            thead { tr {
                th.n {} th { "From → to" } th { "Statement" } th.num { "Calls a day" } th.num { "Mean, ms" }
                th.total { "Total, s a day" } th { "Where in code" } th { "Way out" }
            } }
            tbody { @for (at, own) in ten.iter().enumerate() { (row(at, own, own.seconds_a_day() / most)) } }
            tfoot {
                @if rest > 0 {
                    tr { td.n {} th scope="row" { "these " (word(shown)) } td.share { (report.worst_share().unwrap_or_default()) " of the time of all crossings" } td.num { (grouped(calls)) } td {} td.total { b { (grouped(seconds)) } } td {} td {} }
                    tr { td.n {} th scope="row" { (rest) " others" } td {} td.num { (grouped(all_calls - calls)) } td {} td.total { b { (grouped(all_seconds - seconds)) } } td {} td {} }
                }
                tr.all { td.n {} th scope="row" { "all " (report.crossings.len()) } td {} td.num { (grouped(all_calls)) } td {} td.total { b { (grouped(all_seconds)) } } td.hours colspan="2" { (time) " " (unit) " of database time a day" } }
            }
        }
    }
}

fn row(at: usize, own: &Crossing, share: f64) -> Markup {
    let escaped = |word: &str| format!("\u{1}{word}\u{2}");
    let statement = html! { (words::statement(own, &escaped)) }
        .into_string()
        .replace('\u{1}', "<span class=\"dim\">")
        .replace('\u{2}', "</span>");
    let detail = words::way_detail(&own.way_out);
    html! {
        tr {
            td.n { (at + 1) }
            th.pair scope="row" { (pair(&own.from, &own.to)) span.who { (spans::html(&words::who(own))) } }
            td.stmt {
                code { (PreEscaped(statement)) }
                @if own.writes { " " span.tag { "writes" } }
                @if own.new { " " span.tag.new { (Shape::Differs.svg()) "new" } }
                @if let Some(about) = &own.about { span.about { (about) } }
            }
            td.num.calls { (rate(own.calls_a_day)) }
            td.num.mean { (millis(own.mean_ms)) }
            td.total { b { (grouped(whole(own.seconds_a_day()))) } i.bar style=(format!("width:{:.0}px", (share * 72.0).max(1.0))) {} }
            td.place {
                @if let Some(place) = words::place(own) { code { (broken(&place)) } }
                @else { span.dim { span.phone { "place in code " } "not known" } }
            }
            td.way { b { (capital(own.way_out.way.word())) } @if !detail.is_empty() { " " span { (detail) } } }
        }
    }
}

/// A path that may be broken behind its slashes.
fn broken(path: &str) -> Markup {
    html! {
        @for (at, part) in path.split('/').enumerate() {
            @if at > 0 { "/" wbr; }
            (part)
        }
    }
}
