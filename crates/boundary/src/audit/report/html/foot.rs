//! How it was measured, what to run next, and the data of this page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_look::number::count;
use freehold_look::spans;
use maud::{Markup, html};

use crate::audit::report::{Report, SystemReport, VERSION};

pub(super) fn foot(report: &Report) -> Markup {
    let version = report
        .freehold
        .strip_suffix(".0")
        .unwrap_or(&report.freehold);
    html! {
        footer.foot {
            p.how { b { "How it was measured." } " " (spans::html(&report.how())) }
            div.next {
                p { code.command { "freehold check --with-audit audit.json" } }
                p { code.command { "freehold audit --watch" } }
                p.dim {
                    "freehold " (version) " · times in UTC · "
                    a download="audit.json" href=(data(&report.to_json())) title=(format!("form {VERSION}")) { "data of this page (JSON)" }
                }
            }
        }
    }
}

/// The same of a described system.
pub(super) fn of_system(report: &SystemReport) -> Markup {
    let all = report.stores.iter().filter_map(|own| own.measured.as_ref());
    let (mut sent, mut longest) = (0, 0);
    for own in all {
        sent += own.statements;
        longest = longest.max(own.longest_ms);
    }
    html! {
        footer.foot {
            p.how {
                b { "How it was measured." } " By the administrator of each server’s address, in transactions that cannot write: "
                (count(sent, "statement", "statements")) " to catalogs"
                @if sent > 0 { ", the longest took " (longest) " ms" }
                ". Rights are worked out as the servers decide them, and held against the description entry by entry."
            }
            div.next {
                p { code.command { "freehold audit --watch 300" } }
                p.dim {
                    "freehold " (report.freehold) " · times in UTC · "
                    a download="audit.json" href=(data(&report.to_json())) title=(format!("form {VERSION}")) { "data of this page (JSON)" }
                }
            }
        }
    }
}

/// The whole report as an address that holds it: nothing is fetched.
fn data(json: &str) -> String {
    format!("data:application/json;base64,{}", STANDARD.encode(json))
}
