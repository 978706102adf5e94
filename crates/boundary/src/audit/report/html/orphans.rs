//! Tables that nobody owns.

use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::{Report, words};

const MOST_ROWS: usize = 40;

pub(super) fn orphans(report: &Report) -> Markup {
    let sizes = report.sizes();
    let sub = format!("{} of {}", report.orphans.len(), report.subject.tables);
    let bar = Bar::new(7, "Tables nobody owns", sub)
        .side(format!("{} {}", sizes.orphans, sizes.unit))
        .state(&report.states.orphans);
    let more = report.orphans.len().saturating_sub(MOST_ROWS);
    let body = html! {
        @if report.orphans.is_empty() { p.nothing { "Every table has an owner." } }
        @else {
            table.orphans {
                thead { tr { th { "Table" } th { "Written by" } th { "Read by" } th { "Fits best" } } }
                tbody { @for own in report.orphans.iter().take(MOST_ROWS) {
                    tr {
                        th.name scope="row" { code { (own.table) } span.about { (words::size(own)) } }
                        td { span.phone.dim { "written by " } (report.users(own.written_by.as_ref())) }
                        td { span.phone.dim { "read by " } (report.users(own.read_by.as_ref())) }
                        td { b { (words::fit(&own.fits)) } }
                    }
                } }
            }
            @if more > 0 { p.note { "And " (more) " more, in the data of this page." } }
        }
    };
    section(&bar, &body)
}
