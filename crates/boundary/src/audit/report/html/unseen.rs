//! What could not be seen, and which right would show it.

use freehold_look::number::count;
use freehold_look::{Shape, spans};
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::Report;

pub(super) fn unseen(report: &Report) -> Markup {
    let sub = match report.unseen.len() {
        0 => "nothing".to_owned(),
        n => format!(
            "{}, and the right that would show {}",
            count(n, "thing", "things"),
            if n == 1 { "it" } else { "each" }
        ),
    };
    let bar = Bar {
        folds: !report.short_of_rights(),
        ..Bar::new(11, "What could not be seen", sub)
            .side("what is not known is never counted as closed")
    };
    let body = html! {
        @if report.unseen.is_empty() { p.nothing { "This login saw all that the server keeps." } }
        @else {
            table.unseen {
                thead { tr { th.n {} th { "Not seen" } th { "Because" } th { "It would show" } th { "Right or setting that shows it" } } }
                tbody { @for own in &report.unseen {
                    tr {
                        td.n { (Shape::NotKnown.svg()) }
                        th.name scope="row" { (spans::html(&own.what)) }
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
