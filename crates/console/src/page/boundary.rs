//! Who touches what is not theirs?

use std::fmt::Write as _;

use freehold_look::{Shape, clock, number, spans};
use maud::{Markup, html};

use super::{Asked, Noun, Page, frame};
use crate::address;
use crate::moment::{Boundary, Databases, Entered, Finding, Moment, Verdict};
use crate::parts::{self, Fact, card, facts};

/// More rows than this are not read.
const MOST: usize = 50;
/// More names than this make no matrix that is read.
const MOST_NAMES: usize = 12;

pub(super) fn page(asked: &Asked, moment: &Moment) -> Page {
    let title = frame::title(
        &html! { "Who touches what is not theirs" },
        &html! { h1 { "Boundary" } },
        &html! {},
    );
    let main = match &moment.boundary {
        None => {
            html! { (title) section.card { (parts::empty("The code was not checked by this console.", "freehold check")) } }
        }
        Some(own) if !own.trouble.is_empty() => {
            html! { (title) section.card { div.notice { (Shape::NotKnown.svg()) p { b { "The code could not be checked. " } (own.trouble) } (parts::command(&format!("freehold explain {}", own.code))) } } }
        }
        Some(own) => {
            html! { (title) (facts("boundary", &strip(own, moment))) (body(own, asked, moment)) }
        }
    };
    let main =
        html! { (main) @if let Some(own) = &moment.databases { (databases(own, moment.at)) } };
    Page {
        title: "Boundary".to_owned(),
        noun: Noun::Boundary,
        found: true,
        main,
        keys: vec![("j k", "next, previous finding"), ("g m", "map")],
        json: "/api/v1/boundary".to_owned(),
    }
}

fn strip(own: &Boundary, moment: &Moment) -> Vec<Fact> {
    let new = own.new_ones();
    let known = own.findings.len() - new;
    let mut out = vec![Fact::new(
        "Findings",
        html! { (parts::big(&own.findings.len().to_string(), "")) @if new > 0 { span.tag.new { (Shape::Differs.svg()) (new) " new" } } },
        format!("{known} in the baseline, which only shrinks"),
    )];
    if let (Some(first), Some(last)) = (own.history.first(), own.history.last()) {
        out.push(Fact::new(
            "Over time",
            format!("{} → {}", first.findings, last.findings),
            format!("since {}", first.day),
        ));
    }
    out.push(Fact::new(
        "Read",
        format!(
            "{} files in {:.2} s",
            number::grouped(own.files),
            own.took_ms / 1000.0
        ),
        format!(
            "{} statements, last at {}",
            number::grouped(own.statements),
            clock::time(own.at)
        ),
    ));
    out.push(Fact::new(
        "Not readable",
        number::count(
            usize::try_from(own.unread).unwrap_or(0),
            "statement",
            "statements",
        ),
        "built at run time, listed with place",
    ));
    let tried: Vec<_> = moment
        .services
        .iter()
        .filter_map(|own| own.tried.as_ref())
        .collect();
    let (ways, refused): (u64, u64) = tried
        .iter()
        .fold((0, 0), |sum, own| (sum.0 + own.ways, sum.1 + own.refused));
    out.push(if let Some(own) = &moment.databases {
        let found = own.openings().count();
        let below = match (own.verdict(), found) {
            (_, 1..) => number::count(found, "way in that nobody described", "ways in that nobody described"),
            (Verdict::Closed, _) => format!("every login is described, looked at {}", clock::minute(own.at)),
            _ => "below, with what could not be seen".to_owned(),
        };
        Fact::new("In the databases", html! { (own.verdict().shape().svg()) (own.verdict().word()) }, below)
    } else if tried.is_empty() {
        Fact::new("In the databases", html! { (Shape::NotKnown.svg()) "not tried" }, html! { (parts::command("freehold audit")) })
    } else {
        Fact::new("In the databases", html! { @if ways == refused { (Shape::Well.svg()) "closed" } @else { (Shape::Failed.svg()) "open" } }, format!("{ways} ways in tried, {refused} refused"))
    });
    out.push(if new > 0 {
        Fact::new(
            "Next",
            "mend or refuse the new one",
            "a new finding stops the merge",
        )
    } else if own.findings.is_empty() {
        Fact::new("Next", "nothing", "no code crosses a boundary")
    } else {
        Fact::new(
            "Next",
            "shrink the baseline",
            "mend one, the baseline forgets it",
        )
    });
    out
}

fn body(own: &Boundary, asked: &Asked, moment: &Moment) -> Markup {
    let mut findings: Vec<&Finding> = own.findings.iter().collect();
    findings.sort_by_key(|own| !own.new);
    let pair = (asked.get("from"), asked.get("to"));
    findings.retain(|own| {
        pair.0.is_none_or(|it| *it == own.from) && pair.1.is_none_or(|it| *it == own.to)
    });
    let chosen = asked
        .get("finding")
        .and_then(|id| findings.iter().find(|own| own.id == *id))
        .or(findings.first())
        .copied();
    html! {
        div.two.left-narrow {
            div.stack { (matrix(own, moment)) (history(own)) }
            div.stack {
                @if findings.is_empty() {
                    section.card { p.empty { (Shape::Well.svg()) " No code touches what is not its own." } }
                } @else { (list(own, &findings, chosen, moment.at)) }
                @if let Some(chosen) = chosen { (one(chosen)) }
            }
        }
    }
}

/// Who may enter each store, and what of it nobody described.
fn databases(own: &Databases, now: u64) -> Markup {
    let sub = html! { "who may enter, as the servers decide it" };
    let side =
        html! { "looked " (parts::ago(now, own.at)) " ago " (parts::command("freehold audit")) };
    let body = html! {
        @if !own.trouble.is_empty() { div.notice { (Shape::NotKnown.svg()) p { b { "Nobody could look. " } (own.trouble) } (parts::command(&format!("freehold explain {}", own.code))) } }
        @if !own.stores.is_empty() { table.rows {
            thead { tr { th { "Store" } th { "Verdict" } th { "Who may enter, and tables read · written" } } }
            tbody { @for it in own.stores.iter().take(MOST) { (entered(it)) } }
        } }
        (frame::cut(own.stores.len().min(MOST), own.stores.len(), "freehold audit tells of all"))
        @for (store, it) in own.openings().take(MOST) {
            div.notice { (Shape::Differs.svg())
                p { b { (store.unwrap_or("several stores")) ": " } (spans::html(&it.what)) @if !it.repair.is_empty() { " Closed by: " (spans::html(&it.repair)) } }
                (parts::command(&format!("freehold explain {}", it.code))) }
        }
    };
    html! { div.stack.below { (card("In the databases", &sub, &side, &body)) } }
}

fn entered(own: &Entered) -> Markup {
    let verdict = own.verdict();
    html! {
        tr data-row {
            th scope="row" { code { (own.place) } }
            td { span.cell { (verdict.shape().svg()) (verdict.word()) } }
            td {
                @for it in &own.logins { span.under-none { code { (it.name) } " " span class=(if it.described { "mid" } else { "s-bad" }) { (it.stands) } " " span.dim { (it.reads) " · " (it.writes) } } }
                @for it in &own.unseen { span.under-none.mid { (spans::html(it)) } }
            }
        }
    }
}

fn names(own: &Boundary, moment: &Moment) -> Vec<String> {
    let mut out: Vec<String> = moment.services.iter().map(|own| own.name.clone()).collect();
    for name in own.findings.iter().flat_map(|own| [&own.from, &own.to]) {
        if !out.contains(name) {
            out.push(name.clone());
        }
    }
    if out.len() > MOST_NAMES {
        out.retain(|name| {
            own.findings
                .iter()
                .any(|own| own.from == *name || own.to == *name)
        });
        out.truncate(MOST_NAMES);
    }
    out
}

fn matrix(own: &Boundary, moment: &Moment) -> Markup {
    let names = names(own, moment);
    card(
        "Crossings",
        &html! { "count, from ↓ into a table of →" },
        &html! {},
        &html! {
            table.matrix data-wide=[wide(&names)] {
                thead { tr { th { span.quiet { "from" } } @for name in &names { th scope="col" { (name) } } } }
                tbody { @for from in &names { tr {
                    th scope="row" { (from) }
                    @for to in &names {
                        @let (all, new) = own.crossings(from, to);
                        @if from == to { td.self-own { span.quiet { "itself" } } }
                        @else if all == 0 { td.zero { "0" } }
                        @else { td.some.fresh[new > 0] { a href=(format!("{}&to={to}", address::with("/boundary", "from", from))) { b { (all) } @if new > 0 { span { (Shape::Differs.svg()) "new" } } } } }
                    }
                } } }
            }
        },
    )
}

/// How wide the matrix has to be for its names to stand across, in steps that the stylesheet knows: below it
/// they stand upright.
fn wide(names: &[String]) -> Option<&'static str> {
    let longest = names.iter().map(|own| own.chars().count()).max()?;
    let width = (longest * 62 / 10 + 7) * (names.len() + 1) + 32;
    let steps = [
        (340, "340"),
        (380, "380"),
        (420, "420"),
        (460, "460"),
        (500, "500"),
    ];
    let fits = steps.into_iter().find(|(step, _)| width <= *step);
    Some(fits.map_or("more", |(_, word)| word))
}

fn history(own: &Boundary) -> Markup {
    let most = own
        .history
        .iter()
        .map(|own| own.findings)
        .max()
        .unwrap_or(0)
        .max(1);
    let n = own.history.len();
    if n < 2 {
        return html! {};
    }
    card(
        "All findings",
        &html! { "day by day" },
        &html! { "now " (own.findings.len()) },
        &html! {
            figure.plot { (history_drawn(own, most, 446.0, "drawn-wide")) (history_drawn(own, most, 376.0, "drawn-middle")) (history_drawn(own, most, 296.0, "drawn-narrow")) }
        },
    )
}

/// Steps, since a finding is there or not.
fn history_drawn(own: &Boundary, most: u64, right: f64, class: &str) -> Markup {
    let n = own.history.len();
    let x =
        |at: usize| 36.0 + number::real(at as u64) / number::real(n as u64 - 1) * (right - 36.0);
    let y = |value: u64| 120.0 - number::real(value) / number::real(most) * 96.0;
    let mut line = format!("M{:.1} {:.1}", x(0), y(own.history[0].findings));
    for (at, day) in own.history.iter().enumerate().skip(1) {
        let _ = write!(line, "H{:.1}V{:.1}", x(at), y(day.findings));
    }
    html! {
        svg class=(class) viewBox=(format!("0 0 {} 148", right + 10.0)) role="img" aria-label=(format!("From {} to {} findings", own.history[0].findings, own.history[n - 1].findings)) {
            @for tick in [0, most / 2, most] { path.grid d=(format!("M36 {0:.1}H{right}", y(tick))) {} text.axis x="28" y=(format!("{:.1}", y(tick) + 4.0)) text-anchor="end" { (tick) } }
            path.series d=(line) {}
            text.axis x="36" y="142" { (own.history[0].day) } text.axis x=(right) y="142" text-anchor="end" { (own.history[n - 1].day) }
        }
    }
}

fn list(own: &Boundary, findings: &[&Finding], chosen: Option<&Finding>, now: u64) -> Markup {
    let side = html! { @if findings.len() < own.findings.len() { a href="/boundary" { "all " (own.findings.len()) } } @else { "new first" } };
    card(
        "Findings",
        &html! {},
        &side,
        &html! {
            table.rows {
                thead { tr { th { "State" } th.more { "Code" } th { "From → to" } th.more { "What" } th { "Where" } th.more { "Seen as" } th.num.more { "Age" } } }
                tbody { @for it in findings.iter().take(MOST) {
                    tr data-row aria-selected=[chosen.is_some_and(|own| own.id == it.id).then_some("true")] {
                        td { @if it.new { span.tag.new { (Shape::Differs.svg()) "new" } } @else { span.tag { "baseline" } } }
                        td.more { code { (it.code) } }
                        td { (it.from) span.dim { " → " } (it.to) }
                        td.more { (it.phrase) " " code { (it.object) } }
                        th scope="row" { a href=(address::with("/boundary", "finding", &it.id)) { code { (it.place()) } } }
                        td.more { (it.seen) }
                        td.num.more { @match it.since { Some(since) => { (parts::ago(now, since)) } None => { (parts::none()) } } }
                    }
                } }
            }
            (frame::cut(findings.len().min(MOST), findings.len(), "narrow by a field of the matrix"))
        },
    )
}

fn one(own: &Finding) -> Markup {
    html! {
        section.card aria-label="The finding" {
            header.head { h2 { (Shape::Differs.svg()) (own.from) " " (own.phrase) " " code { (own.object) } ", which belongs to " (own.to) } code.dim { (own.code) } }
            div.excerpt {
                p.where { (own.file) ":" (own.line) ":" (own.column) " · " (own.seen) }
                @if own.excerpt.is_empty() { p.where { "The file is not at hand here." } }
                ol { @for (line, text) in &own.excerpt {
                    li.hit[*line == own.line] { span.n { (line) } code { (text) } }
                    @if *line == own.line && own.width > 0 { li.hit.carets aria-hidden="true" { span.n {} code { (carets(text, own)) " owned by " (own.to) } } }
                } }
            }
            @if !own.ways.is_empty() { div.ways { @for (at, way) in own.ways.iter().enumerate() {
                div { h3 { (at + 1) " " (way.title) @if way.fits { span.tag.ok { (Shape::Well.svg()) "fits" } } } p { (spans::html(&way.text)) }
                    @if !way.code.is_empty() { pre { @for line in &way.code { span class=(if line.starts_with('-') { "minus" } else if line.starts_with('+') { "plus" } else { "" }) { (line) "\n" } } } } }
            } } }
            footer { (parts::command(&format!("freehold explain {}", own.code))) span.mid { "Allow it for a time? " code { "boundaries.yaml" } " takes a reason and a day it ends." } }
        }
    }
}

/// Carets below what was found; tabs stay tabs, so that both lines agree.
fn carets(text: &str, own: &Finding) -> String {
    let before = usize::try_from(own.column.saturating_sub(1)).unwrap_or(0);
    let width = usize::try_from(own.width.max(1)).unwrap_or(1);
    let pad: String = text
        .chars()
        .take(before)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let room = text.chars().count().saturating_sub(before).max(1);
    format!("{pad}{}", "^".repeat(width.min(room)))
}
