//! What is not there, and all keys.

use freehold_look::{Shape, spans};
use freehold_model::{Fault, nearest};
use maud::{DOCTYPE, html};

use super::{Noun, Page, Setting, frame};
use crate::address;
use crate::parts::{self, card};

/// No service, event, saga or trace of that name; the nearest one that is.
pub(super) fn one<'a>(noun: Noun, name: &str, all: impl Iterator<Item = &'a str>) -> Page {
    let all: Vec<&str> = all.collect();
    let near = nearest(name, all.iter().copied()).or_else(|| all.first().copied());
    let (word, path) = match noun {
        Noun::Services => ("service", "services"),
        Noun::Events => ("event", "events"),
        Noun::Sagas => ("saga", "sagas"),
        _ => ("trace", "traces"),
    };
    Page {
        title: "Not found".to_owned(),
        noun,
        found: false,
        main: html! {
            (frame::title(&html! { a href=(format!("/{path}")) { "All of them" } }, &html! { h1 { (Shape::NotKnown.svg()) "There is no such " (word) } }, &html! {}))
            section.card { p.empty { code { (name) } " is not known here. " @if let Some(near) = near { "The nearest is " a href=(address::one(path, near)) { code { (near) } } "." } @else { "There is none at all." }
                @if word != "service" { " Only the newest are kept in memory." } } }
        },
        keys: vec![],
        json: format!("/api/v1/{path}"),
    }
}

/// All keys, and the nouns that a narrow bar has no room for.
pub(super) fn keys() -> Page {
    let keys = [
        ("/", "find"),
        ("g m", "Map"),
        ("g s", "Services"),
        ("g e", "Events"),
        ("g a", "Sagas"),
        ("g b", "Boundary"),
        ("g t", "Traces"),
        ("g l", "Logs"),
        ("g p", "Plots"),
        ("a", "next thing that needs attention"),
        ("j k", "rows"),
        ("Enter", "open the row"),
        ("↑ ↓ ← →", "walk the map"),
        ("r", "retry (saga, dead letter)"),
        ("x", "compensate (saga)"),
        ("m", "longest path only (trace)"),
        ("c", "copy this page as JSON"),
        ("d", "light or dark"),
        ("p", "pause (logs)"),
        ("?", "all keys"),
        ("Esc", "leave a field, or back"),
    ];
    let nouns = [
        ("Boundary", "/boundary"),
        ("Traces", "/traces"),
        ("Logs", "/logs"),
        ("Plots", "/plots"),
        ("API", "/api"),
        ("Find", "/find"),
    ];
    Page {
        title: "Keys".to_owned(),
        noun: Noun::Other,
        found: true,
        main: html! {
            (frame::title(&html! { "Everything can be reached without a pointer" }, &html! { h1 { "More" } }, &html! {}))
            div.two {
                (card("Pages", &html! {}, &html! {}, &html! { ul.nouns { @for (name, link) in nouns { li { a href=(link) { (name) } } } } }))
                (card("Keys", &html! {}, &html! { label.check { input type="checkbox" data-keys-off; "single letters off" } }, &html! { dl.keys { @for (key, what) in keys { dt { @for key in key.split(' ') { kbd { (key) } } } dd { (what) } } } }))
            }
        },
        keys: vec![],
        json: "/api/v1/openapi.json".to_owned(),
    }
}

/// A page that could not be made or may not be seen: what, why, what to do. It needs no moment.
#[must_use]
pub fn trouble(fault: &Fault, setting: &Setting) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta name="viewport" content="width=device-width, initial-scale=1"; title { (fault.code) } link rel="icon" href="data:,"; link rel="stylesheet" href=(setting.css); }
            body { main #main { section.card.alone { header.head { h1 { (fault.code) } }
                p.empty { (spans::html(&fault.message)) @for line in &fault.help { br; (spans::html(line)) } }
                footer { (parts::command(&format!("freehold explain {}", fault.code))) a.button href="/" { "Map" } } } } }
        }
    }
    .into_string()
}
