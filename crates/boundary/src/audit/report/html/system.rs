//! A described system as one page that stands alone: the same regions, type and paper as the page
//! of one database.
//!
//! Owns the order of the regions. What stands first, and what ends it, is in `begin.rs` beside it.

mod begin;

use freehold_look::number::{capital, count};
use freehold_look::{Shape, page, shape, spans};
use maud::{Markup, html};

use super::{Bar, CSS, foot, history, section};
use crate::audit::report::date::Moment;
use crate::audit::report::{Finding, Reaching, Stands, StoreReport, SystemReport, Verdict};

/// Rows of a list; the rest is in the page's data.
const MOST_ROWS: usize = 200;

/// The page, as the text of a file.
#[must_use]
pub fn html_of_system(report: &SystemReport) -> String {
    let body = html! {
        (top(report))
        main {
            (begin::lead(report))
            (begin::figures(report))
            (stores(report))
            @if report.all_findings().next().is_some() { (findings(report)) }
            @if report.stores.iter().any(|own| !own.logins.is_empty()) { (logins(report)) }
            @if report.history.len() > 1 { (history::of_system(report)) }
            (unseen(report))
        }
        (foot::of_system(report))
    };
    page::document(&format!("freehold audit of {}", report.system), CSS, &body)
}

fn top(report: &SystemReport) -> Markup {
    let at = Moment::new(&report.at);
    html! {
        header.top {
            span.brand { (shape::mark()) "freehold" }
            span.of { "audit of the system " b { (report.system) } }
            time datetime=(report.at) { (at.date()) ", " code { (at.time()) } " UTC" }
        }
    }
}

/// Every store in one row: the page's picture.
fn stores(report: &SystemReport) -> Markup {
    let all = report.stores.len();
    let bar =
        Bar::new(1, "Stores", "described, and what is there").side(count(all, "store", "stores"));
    let body = html! {
        table.stores {
            thead { tr { th.n {} th { "Store" } th { "Live" } th { "Stands in" } th.num { "Tables" } th { "Reached by" } th.num { "Sessions" } th.num { "Findings" } } }
            tbody { @for own in &report.stores { (of_store(own)) } }
        }
    };
    section(&bar, &body)
}

fn of_store(own: &StoreReport) -> Markup {
    let verdict = own.verdict();
    let looked = own.measured.is_some();
    let sessions: usize = own.logins.iter().map(|own| own.sessions).sum();
    let found = own.findings.len() + own.shared;
    html! {
        tr {
            td.n { span class=(verdict.shape().class()) { (verdict.shape().svg()) } }
            th.name scope="row" { (own.store) }
            td.live { (words_of(own)) }
            td.spot {
                code { (own.database) } " on " (own.server)
                @if !own.product.is_empty() { span.about { (own.product) " at " code { (own.address) } } }
            }
            td.num { @if looked { (own.tables) } @else { "–" } }
            td.by {
                (reached_by(own))
                @if looked { span.phone { (told_shortly(own, sessions, found)) } }
            }
            td.num { @if looked { (sessions) } @else { "–" } }
            td.num { (found) }
        }
    }
}

/// What a wide screen has in columns.
fn told_shortly(own: &StoreReport, sessions: usize, found: usize) -> String {
    format!(
        "; {}, {}, {}",
        count(own.tables, "table", "tables"),
        count(sessions, "session", "sessions"),
        count(found, "finding", "findings"),
    )
}

fn words_of(own: &StoreReport) -> &'static str {
    match own.verdict() {
        Verdict::Closed => "as described",
        Verdict::Open => "not as described",
        Verdict::NotKnown => "not known",
    }
}

/// `app 2, sidecar, backup`.
fn reached_by(own: &StoreReport) -> String {
    if own.measured.is_none() {
        return "not known".to_owned();
    }
    let groups = Stands::all().into_iter().filter_map(|stands| {
        let of = own.logins.iter().filter(|own| own.stands == stands);
        match of.count() {
            0 => None,
            1 => Some(stands.word().to_owned()),
            more => Some(format!("{more} {}", stands.word())),
        }
    });
    let groups: Vec<String> = groups.collect();
    if groups.is_empty() {
        "nobody".to_owned()
    } else {
        groups.join(", ")
    }
}

fn findings(report: &SystemReport) -> Markup {
    let all: Vec<(Option<&str>, &Finding)> = report.all_findings().collect();
    let more = all.len().saturating_sub(MOST_ROWS);
    let bar = Bar::new(2, "Not as described", "what is there, and what mends it")
        .side("freehold explain CODE says what each means");
    let body = html! {
        table.findings.described {
            thead { tr { th.n {} th { "Code" } th { "Store" } th { "What is there" } th { "Repair" } } }
            tbody { @for (store, own) in all.iter().take(MOST_ROWS) {
                tr {
                    td.n { (Shape::Differs.svg()) }
                    th.name scope="row" { code { (own.code) } }
                    td.store { @if let Some(store) = store { b { (store) } } @else { "the system" } }
                    td.what { (spans::html(&own.message)) }
                    td.right { (spans::html(&own.repair)) }
                }
            } }
        }
        @if more > 0 { p.note { "And " (more) " more, in the data of this page." } }
    };
    section(&bar, &body)
}

/// Everybody who gets in, by store; those whom nobody described first.
fn logins(report: &SystemReport) -> Markup {
    let bar = Bar {
        folds: true,
        ..Bar::new(
            3,
            "Who gets in",
            "logins that reach a table, by whatever way",
        )
    };
    let body = html! {
        table.reaching {
            thead { tr { th.n {} th { "Login" } th { "Described as" } th { "Reads" } th { "Writes" } th.num { "Sessions" } } }
            @for store in report.stores.iter().filter(|own| !own.logins.is_empty()) {
                @let of = sorted(store);
                tbody {
                    tr.whose { th colspan="6" scope="rowgroup" { (store.store) } }
                    @for own in of.iter().take(MOST_ROWS) {
                        tr {
                            td.n { @if own.stands == Stands::Nobody { (Shape::Differs.svg()) } }
                            th.name scope="row" { code { (own.name) } }
                            td.as { (own.stands.word()) }
                            td.may { span.phone { "reads " } (own.reads) " of " (store.tables) }
                            td.may { span.phone { "writes " } (own.writes) " of " (store.tables) }
                            td.num { (own.sessions) span.phone { " sessions" } }
                        }
                    }
                }
            }
        }
    };
    section(&bar, &body)
}

fn sorted(store: &StoreReport) -> Vec<&Reaching> {
    let mut all: Vec<_> = store.logins.iter().collect();
    all.sort_by(|a, b| (a.stands, &a.name).cmp(&(b.stands, &b.name)));
    all
}

fn unseen(report: &SystemReport) -> Markup {
    let all = report.stores.iter();
    let all: Vec<_> = all
        .flat_map(|store| store.unseen.iter().map(move |own| (&store.store, own)))
        .collect();
    let sub = match all.len() {
        0 => "nothing".to_owned(),
        n => count(n, "thing", "things"),
    };
    let bar = Bar::new(5, "What could not be seen", sub)
        .side("what is not known is never counted as described");
    let body = html! {
        @if all.is_empty() { p.nothing { "Everything that the servers keep was seen." } }
        @else {
            table.unseen {
                thead { tr { th.n {} th { "Not seen" } th { "Because" } th { "It would show" } th { "What shows it" } } }
                tbody { @for (store, own) in all.iter().take(MOST_ROWS) {
                    tr {
                        td.n { (Shape::NotKnown.svg()) }
                        th.name scope="row" { (store) ": " (spans::html(&own.what)) }
                        td.because { (spans::html(&own.because)) }
                        td.show { span.phone.dim { "would show " } (spans::html(&own.would_show)) }
                        td.right { (spans::html(&own.shown_by)) }
                    }
                } }
            }
        }
    };
    section(&bar, &body)
}

/// `Open`, `Closed`, `Not known`.
fn verdict_word(report: &SystemReport) -> String {
    capital(report.verdict().word())
}
