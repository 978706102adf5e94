//! The console's own API, and those of the services.

use maud::html;
use serde_json::Value;

use super::{Noun, Page, frame};
use crate::address;
use crate::moment::Moment;
use crate::parts::{self, card};

pub(super) fn page(moment: &Moment) -> Page {
    let document: Value = serde_json::from_str(crate::serve::OPENAPI).unwrap_or_default();
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    let own: Vec<_> = moment
        .services
        .iter()
        .filter(|own| !own.openapi.is_empty())
        .collect();
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
                        td { (what["summary"].as_str().unwrap_or_default()) }
                    } } } }
                } }))
                (card("Of the services", &html! {}, &html! {}, &html! {
                    @if own.is_empty() { (parts::empty("No service says where its OpenAPI document is. It is `openapi:` below `run:` in service.yaml.", "")) } @else { table.rows { tbody { @for it in &own { tr data-row {
                        th scope="row" { a href=(address::one("services", &it.name)) { (it.name) } } td { code { (it.openapi) } }
                    } } } } }
                }))
            }
        },
        keys: vec![("j k", "rows")],
        json: "/api/v1/openapi.json".to_owned(),
    }
}
