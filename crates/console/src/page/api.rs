//! The console's own API, and which services describe theirs.

use freehold_look::spans;
use maud::html;
use serde_json::Value;

use super::{Noun, Page, explorer, frame};
use crate::moment::Moment;
use crate::parts::card;

pub(super) fn page(moment: &Moment) -> Page {
    let document: Value = serde_json::from_str(crate::serve::OPENAPI).unwrap_or_default();
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    Page {
        title: "API".to_owned(),
        noun: Noun::Api,
        found: true,
        main: html! {
            (frame::title(&html! { "Everything on these pages can be had as JSON" }, &html! { h1 { "API" } }, &html! { a.button href="/api/v1/openapi.json" { "OpenAPI document" } }))
            div.two {
                (card("Of this console", &html! { "version 1" }, &html! {}, &html! { table.rows {
                    thead { tr { th { "" } th { "Path" } th { "What" } } }
                    tbody { @for (path, methods) in &paths { @for (method, what) in methods.as_object().into_iter().flatten() { tr data-row {
                        td { span.tag { (method.to_uppercase()) } }
                        th scope="row" { @if method == "get" && !path.contains('{') { a href=(path) { code { (path) } } } @else { code { (path) } } }
                        td { (spans::html(what["summary"].as_str().unwrap_or_default())) }
                    } } } }
                } }))
                (explorer::list(moment.services.iter()))
            }
        },
        keys: vec![("j k", "rows")],
        json: "/api/v1/openapi.json".to_owned(),
    }
}
