//! How the contexts were cut, every table of each, and what could stand elsewhere.

use freehold_look::number::{count, whole};
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::{Context, Origin, Report};

/// Names shown of one context; the data has them all.
const MOST_TABLES: usize = 80;

pub(super) fn contexts(report: &Report) -> Markup {
    let (title, sub) = match report.origin {
        Origin::Proposal => (
            "How the contexts were proposed",
            "from foreign keys, name stems, use in one statement, writers",
        ),
        Origin::Services => ("The contexts", "from the services’ descriptions"),
        Origin::File => ("The contexts", "from `boundaries.yaml`"),
        Origin::Schemas => ("The contexts", "one for each schema"),
    };
    let owned: usize = report.contexts.iter().map(|own| own.tables.len()).sum();
    let bar = Bar {
        folds: true,
        ..Bar::new(10, title, sub)
            .side(format!(
                "{owned} of {} tables placed",
                report.subject.tables
            ))
            .state(&report.states.contexts)
    };
    let body = html! {
        @if report.contexts.len() < 2 { (why_no_cut(report)) }
        @if !report.contexts.is_empty() {
            table.contexts {
                thead { tr { th { "Context" } th { "Tables" } th { "Held together by" } th.num { "Stays inside" } th { "Could stand elsewhere" } } }
                tbody { @for own in &report.contexts { (row(own)) } }
            }
        }
        @if report.origin == Origin::Proposal && report.contexts.len() > 1 {
            p.note { "0 to 1: how much speaks for the place chosen." (lowest(report)) " Not yours? Save the proposal, move a table, run again: " code { "freehold audit --write-boundaries boundaries.yaml" } }
        }
    };
    section(&bar, &body)
}

fn row(own: &Context) -> Markup {
    html! {
        tr {
            th.name scope="row" { (own.name) span.about { (count(own.tables.len(), "table", "tables")) } }
            td.tables {
                @for table in own.tables.iter().take(MOST_TABLES) { code { (table) } " " }
                @if own.tables.len() > MOST_TABLES { span.dim { "and " (own.tables.len() - MOST_TABLES) " more" } }
            }
            td.held { (held(own)) }
            td.num.inside {
                span.phone.dim { "stays inside " }
                @if let Some(share) = own.stays_inside { (whole(share * 100.0)) " %" } @else { span.dim { "not known" } }
            }
            td.elsewhere {
                span.phone.dim { "could stand elsewhere: " }
                @if own.elsewhere.is_empty() { span.dim { "none" } }
                @for (at, table) in own.elsewhere.iter().enumerate() {
                    @if at > 0 { ", " } code { (table.table) } " " (format!("{:.2}", table.score))
                }
            }
        }
    }
}

/// `8 keys inside; stems customer_, loyalty_; written by account-web`.
fn held(own: &Context) -> String {
    let mut parts = Vec::new();
    if own.keys_inside > 0 {
        parts.push(format!("{} inside", count(own.keys_inside, "key", "keys")));
    }
    if !own.stems.is_empty() {
        let stem = if own.stems.len() == 1 {
            "stem"
        } else {
            "stems"
        };
        parts.push(format!("{stem} {}", own.stems.join(", ")));
    }
    if !own.writers.is_empty() {
        parts.push(format!("written by {}", own.writers.join(", ")));
    }
    if parts.is_empty() {
        "nothing that was seen".to_owned()
    } else {
        parts.join("; ")
    }
}

/// Why one context stays inside less than the others, where that stands out.
fn lowest(report: &Report) -> String {
    let mut shares: Vec<(f64, &str)> = report
        .contexts
        .iter()
        .filter_map(|own| own.stays_inside.map(|share| (share, own.name.as_str())))
        .collect();
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    let matrix = report.matrix();
    match shares[..] {
        [(low, name), (next, _), ..] if low < 0.6 && low < next => {
            let Some(at) = matrix.contexts.iter().position(|own| own == name) else {
                return String::new();
            };
            let to = matrix.cells[at]
                .iter()
                .filter(|own| own.statements > 0)
                .count();
            let why = if matrix.out[at].calls_a_day < matrix.into[at].calls_a_day {
                "others use its tables"
            } else if to + 1 >= report.contexts.len() {
                "it reads from everybody"
            } else {
                "it reads from others"
            };
            format!(" “Stays inside” is low for {name} because {why}.")
        }
        _ => String::new(),
    }
}

fn why_no_cut(report: &Report) -> Markup {
    let tables = count(report.subject.tables, "table", "tables");
    html! {
        p.nothing {
            "No cut was found: foreign keys, names, use in one statement and writers hold " (tables) " together. "
            "Where they should come apart is for you to say: " code { "freehold audit --write-boundaries boundaries.yaml" }
            " writes the one context down, ready to be divided."
        }
    }
}
