//! How it was measured, what to run next, and the data of this page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_look::spans;
use maud::{Markup, html};

use crate::audit::report::{Report, VERSION};

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
                    a download="audit.json" href=(data(report)) title=(format!("form {VERSION}")) { "data of this page (JSON)" }
                }
            }
        }
    }
}

/// The whole report as an address that holds it: nothing is fetched.
fn data(report: &Report) -> String {
    format!(
        "data:application/json;base64,{}",
        STANDARD.encode(report.to_json())
    )
}
