//! The newest traces, bounded.

use freehold_look::{Shape, clock, number};
use maud::html;

use super::{Noun, Page, frame};
use crate::address;
use crate::moment::Moment;
use crate::parts;

const MOST: usize = 50;

pub(super) fn page(moment: &Moment) -> Page {
    let all = &moment.traces;
    let most = all.iter().map(|own| own.done_ms).fold(1.0, f64::max);
    Page {
        title: "Traces".to_owned(),
        noun: Noun::Traces,
        found: true,
        main: html! {
            (frame::title(&html! { "Requests through every service, kept in memory" }, &html! { h1 { "Traces" } }, &html! {}))
            section.card.table aria-label="Traces" {
                @if all.is_empty() { (parts::empty("No traces yet. They come from services and sidecars that are told where to send them; off in production.", "")) } @else { table.rows {
                    thead { tr { th { "Request" } th { "About" } th.num.more { "At" } th.num.more { "Spans" } th.num { "Answered" } th.num { "All done" } th.more { "" } } }
                    tbody { @for own in all.iter().take(MOST) { tr data-row {
                        th scope="row" { span.cell { (if own.failed { Shape::Failed } else { Shape::Well }.svg()) a href=(address::one("traces", &own.id)) { (own.name) } } }
                        td { (own.about) } td.num.more { (parts::time(own.at)) } td.num.more { (own.spans.len()) }
                        td.num { (clock::took(own.answered_ms)) } td.num { b { (clock::took(own.done_ms)) } }
                        td.more { (share(own.done_ms / most)) }
                    } } }
                } }
            }
            (frame::cut(all.len().min(MOST), all.len(), "the newest stand first"))
            @if !all.is_empty() { p.hint { (number::count(all.len(), "trace", "traces")) " kept in memory." } }
        },
        keys: vec![("j k", "rows")],
        json: "/api/v1/traces".to_owned(),
    }
}

/// A bar that says how much of the longest it is.
pub(super) fn share(of: f64) -> maud::Markup {
    html! { svg.share viewBox="0 0 86 6" width="86" height="6" aria-hidden="true" { rect.track width="86" height="6" rx="3" {} rect.full width=(freehold_look::svg::tenth((of.clamp(0.0, 1.0) * 86.0).max(3.0))) height="6" rx="3" {} } }
}
