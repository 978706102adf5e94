//! Everything that is measured over time.

use maud::html;

use super::{Noun, Page, frame, plot};
use crate::moment::Moment;
use crate::parts;

pub(super) fn page(moment: &Moment) -> Page {
    let all: Vec<_> = moment.all_plots().collect();
    Page {
        title: "Plots".to_owned(),
        noun: Noun::Plots,
        found: true,
        main: html! {
            (frame::title(&html! { "Kept in memory since the console was started" }, &html! { h1 { "Plots" } }, &html! {}))
            @if all.is_empty() { section.card { (parts::empty("Nothing is measured yet. Values come from running programs and sidecars:", "freehold up")) } }
            div.plots { @for own in &all { (plot::card(own)) } }
        },
        keys: vec![("g m", "map")],
        json: "/api/v1/plots".to_owned(),
    }
}
