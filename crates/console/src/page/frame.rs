//! The frame of every page: the bar with the nouns, the find field, the foot with the page's keys.

use freehold_look::{clock, number, shape};
use maud::{DOCTYPE, Markup, html};

use super::{Page, Setting};
use crate::moment::{Moment, Whose};

/// The nouns of the bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    Map,
    Services,
    Events,
    Sagas,
    Boundary,
    Traces,
    Logs,
    Plots,
    Api,
    /// Not in the bar.
    Other,
}

impl Noun {
    const BAR: [(Self, &'static str, &'static str); 9] = [
        (Self::Map, "Map", "/"),
        (Self::Services, "Services", "/services"),
        (Self::Events, "Events", "/events"),
        (Self::Sagas, "Sagas", "/sagas"),
        (Self::Boundary, "Boundary", "/boundary"),
        (Self::Traces, "Traces", "/traces"),
        (Self::Logs, "Logs", "/logs"),
        (Self::Plots, "Plots", "/plots"),
        (Self::Api, "API", "/api"),
    ];
}

/// The whole document.
#[must_use]
pub fn document(page: &Page, moment: &Moment, setting: &Setting) -> String {
    let attention = moment.attention();
    let badge = |noun: Noun| {
        let whose = match noun {
            Noun::Services => Whose::Services,
            Noun::Events => Whose::Events,
            Noun::Sagas => Whose::Sagas,
            Noun::Boundary => Whose::Boundary,
            _ => return None,
        };
        let own = || attention.iter().filter(|own| own.whose == whose);
        let bad = own().any(|own| own.shape == freehold_look::Shape::Failed);
        let word = match whose {
            Whose::Services if bad => "down",
            Whose::Services => "drift",
            Whose::Events if bad => "late",
            Whose::Events => "dead",
            Whose::Sagas => "parked",
            Whose::Boundary => "new",
        };
        let n = own().count();
        (n > 0).then(
            || html! { span class=(if bad { "tag bad" } else { "tag new" }) { (n) " " (word) } },
        )
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (page.title) " · " (moment.system) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(setting.css);
                script src=(setting.script) {}
            }
            body data-at=(moment.at) {
                a.skip href="#main" { "To the content" }
                header.bar {
                    a.brand href="/" aria-label="freehold: the map" { (shape::mark()) span { "freehold" } }
                    span.system { b { (moment.system) } @if !moment.environment.is_empty() { span.dim { (moment.environment) } } }
                    nav aria-label="Nouns" {
                        @for (noun, name, link) in Noun::BAR {
                            a href=(link) class=(if matches!(noun, Noun::Map | Noun::Services | Noun::Events | Noun::Sagas) { "first" } else { "later" })
                                aria-current=[(noun == page.noun).then_some("page")] { (name) (badge(noun).unwrap_or_default()) }
                        }
                        a.more href="/keys" { "More" }
                    }
                    form.find role="search" action="/find" method="get" {
                        (glass())
                        input type="search" name="q" placeholder="Find anything …" aria-label="Find anything" autocomplete="off" spellcheck="false";
                        kbd aria-hidden="true" { "/" }
                    }
                    a.glass href="/find" aria-label="Find" { (glass()) }
                    span.live #live title=(clock::exact(moment.at)) { span.dot { (freehold_look::Shape::Well.svg()) } span.word { "live" } time.mono data-live="clock" { (clock::time(moment.at)) } }
                    button.theme type="button" data-theme-toggle aria-label="Light or dark" title="Light or dark (d)" { (half()) }
                }
                main #main { (page.main) }
                footer.foot {
                    @for (key, what) in std::iter::once(&("/", "find")).chain(&page.keys).chain(std::iter::once(&("?", "all keys"))) {
                        span { @for key in key.split(' ') { kbd { (key) } } " " (what) }
                    }
                    span.rest {}
                    @if !setting.writes { span { "read-only" } }
                    span { "times in UTC" }
                    a href=(page.json) { "this page as JSON" }
                }
            }
        }
    }
    .into_string()
}

/// A title with the way to it and buttons at its right.
pub(super) fn title(above: &Markup, title: &Markup, buttons: &Markup) -> Markup {
    html! {
        div.title {
            div { div.crumbs { (above) } div.name { (title) } }
            div.buttons { (buttons) }
        }
    }
}

/// "50 of 1,204 are shown": what is left out is said, with how to see it.
pub(super) fn cut(shown: usize, all: usize, narrow: &str) -> Markup {
    html! {
        @if shown < all { p.empty { (shown) " of " (number::grouped(all as u64)) " are shown; " (narrow) "." } }
    }
}

pub(super) fn glass() -> Markup {
    html! { svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" { circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.4" {} path d="M9.2 9.2 13 13" stroke="currentColor" stroke-width="1.4" {} } }
}

fn half() -> Markup {
    html! { svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" { circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.4" {} path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" {} } }
}
