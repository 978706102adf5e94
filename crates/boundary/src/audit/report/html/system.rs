//! A described system as one page that stands alone.

use freehold_look::number::{capital, count};
use freehold_look::{page, shape, spans};
use maud::{Markup, html};

use super::CSS;
use crate::audit::report::date::Moment;
use crate::audit::report::{Finding, StoreReport, SystemReport};

/// The page, as the text of a file.
#[must_use]
pub fn html_of_system(report: &SystemReport) -> String {
    let at = Moment::new(&report.at);
    let body = html! {
        header.top {
            span.brand { (shape::mark()) "freehold" }
            span.of { "audit of the system " b { (report.system) } }
            time datetime=(report.at) { (at.date()) ", " code { (at.time()) } " UTC" }
        }
        main {
            div.verdict {
                p.subject { (count(report.stores.len(), "described store", "described stores")) " held against live" }
                h1 { (spans::plain(&report.headline())) }
                p.cost {
                    (report.verdict().shape().svg())
                    span {
                        b class=(report.verdict().shape().class()) { (capital(report.verdict().word())) "." }
                        " Nothing was written, and no row of a service’s table was read."
                    }
                }
            }
            @if !report.findings.is_empty() { (findings("In several stores, or in none", &report.findings)) }
            @for store in &report.stores { (of_store(store)) }
        }
        footer { p { "freehold " (report.freehold) } }
    };
    page::document(&format!("freehold audit of {}", report.system), CSS, &body)
}

fn of_store(store: &StoreReport) -> Markup {
    html! {
        section.card {
            div.bar {
                (store.verdict().shape().svg())
                h2 { (store.store) }
                span.sub {
                    (capital(store.verdict().word())) " · " code { (store.database) } " on " (store.server)
                    @if store.measured.is_some() { " · " (store.product) " at " code { (store.address) } }
                }
            }
            div.body {
                @if !store.logins.is_empty() {
                    table {
                        thead { tr { th { "Login" } th { "Described as" } th { "Reads" } th { "Writes" } th { "Sessions" } } }
                        tbody { @for own in &store.logins {
                            tr {
                                th.name scope="row" { code { (own.name) } }
                                td { (own.stands.word()) }
                                td { (own.reads) " of " (store.tables) }
                                td { (own.writes) " of " (store.tables) }
                                td { (own.sessions) }
                            }
                        } }
                    }
                }
                @if !store.findings.is_empty() { (list(&store.findings)) }
                @for own in &store.unseen {
                    p { (freehold_look::Shape::NotKnown.svg()) " Not seen: " (spans::html(&own.what)) ", because "
                        (spans::html(&own.because)) ". " (spans::html(&own.shown_by)) }
                }
            }
        }
    }
}

fn findings(title: &str, own: &[Finding]) -> Markup {
    html! { section.card { div.bar { h2 { (title) } } div.body { (list(own)) } } }
}

fn list(findings: &[Finding]) -> Markup {
    html! {
        ul {
            @for own in findings {
                li { b { (own.code) } " " (spans::html(&own.message)) br; span.dim { (spans::html(&own.repair)) } }
            }
        }
    }
}
