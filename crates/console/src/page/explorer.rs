//! One service's API: its operations with what they take and answer, and a place to try each. Only an
//! operator tries; whoever only looks has the command.

use freehold_look::{number, spans};
use maud::{Markup, html};

use super::{Noun, Page, Setting, frame};
use crate::address;
use crate::moment::{Api, Content, Operation, Parameter, Service, Within};
use crate::parts::{self, card};

pub(super) fn page(own: &Service, api: &Api, setting: &Setting) -> Page {
    let base = own.program.as_ref().map_or("", |it| it.address.as_str());
    let name = if api.title.is_empty() {
        &own.name
    } else {
        &api.title
    };
    Page {
        title: format!("API of {}", own.name),
        noun: Noun::Api,
        found: true,
        main: html! {
            (frame::title(&html! { a href="/api" { "API" } " / " (own.name) }, &html! { h1 { (name) } @if !api.version.is_empty() { span.tag { "version " (api.version) } } },
                &html! { a.button href=(address::one("services", &own.name)) { "Service" } a.button href=(address::with("/logs", "from", &own.name)) { "Logs" } }))
            div.stack {
                @if !api.trouble.is_empty() { section.card { (parts::empty(&format!("Its document at `{}` cannot be had: {}.", own.openapi, api.trouble), "")) } }
                @else if api.operations.is_empty() { section.card { (parts::empty("Its document describes no operation.", "")) } }
                @for (at, it) in api.operations.iter().enumerate() { (operation(own, base, (at, it), setting)) }
            }
        },
        keys: vec![("j k", "operations")],
        json: address::one("api/v1/services", &own.name),
    }
}

fn operation(
    service: &Service,
    base: &str,
    (at, own): (usize, &Operation),
    setting: &Setting,
) -> Markup {
    html! {
        details.card.operation id=(format!("op-{at}")) open[at == 0] {
            summary data-row tabindex="0" { span.tag.method { (own.method) } code { (own.path) } span.mid { (own.summary) } }
            @if !own.about.is_empty() { p.about { (spans::html(&own.about)) } }
            div.halves {
                div {
                    header.head { h3 { "Takes" } }
                    @if own.parameters.is_empty() && own.body.is_none() { p.empty { "Nothing but its address." } }
                    @if !own.parameters.is_empty() { (parameters(&own.parameters)) }
                    @if let Some(body) = &own.body { (content("Body", body)) }
                    header.head { h3 { "Answers" } }
                    @if own.answers.is_empty() { p.empty { "Its document does not say." } }
                    @for it in &own.answers {
                        details.answer { summary { span.tag { (it.status) } " " (spans::html(&it.about)) }
                            @match &it.content { Some(own) if !own.fields.is_empty() => { (content("", own)) } _ => { p.empty { "Without fields that are described." } } } }
                    }
                }
                div { (attempt(service, base, own, setting)) }
            }
        }
    }
}

fn parameters(all: &[Parameter]) -> Markup {
    html! { table.rows {
        thead { tr { th { "Parameter" } th { "Kind" } th.more { "What" } } }
        tbody { @for own in all { tr {
            th scope="row" { code { (own.name) } span.under { (own.within.word()) @if own.required { ", required" } } }
            td { (own.kind) } td.more.mid { (spans::html(&own.about)) }
        } } }
    } }
}

fn content(title: &str, own: &Content) -> Markup {
    html! {
        @if !title.is_empty() { p.media { b { (title) } " " code { (own.media) } @if own.required { ", required" } } }
        @if own.fields.is_empty() { @if !own.example.is_empty() { pre.payload { (own.example) } } }
        @else { table.rows {
            thead { tr { th { "Field" } th { "Kind" } th.more { "What" } } }
            tbody { @for it in &own.fields { tr {
                th scope="row" { code { (it.name) } @if it.required { span.under { "required" } } }
                td { (it.kind) } td.more.mid { (spans::html(&it.about)) }
            } } }
        } }
    }
}

/// What is sent stands in fields; what came back stands below the button.
fn attempt(service: &Service, base: &str, own: &Operation, setting: &Setting) -> Markup {
    html! {
        header.head { h3 { "Try it" } span.sub { "sent to this machine’s own " (service.name) } }
        div.try data-call data-service=(service.name) data-method=(own.method) data-path=(own.path) {
            @for it in &own.parameters {
                label { span { code { (it.name) } @if it.required { " *" } } input.text data-parameter=(it.name) value=(it.example) required[it.required] autocomplete="off" spellcheck="false"; }
            }
            @if let Some(body) = &own.body {
                label { span { "body" } textarea data-body rows=(lines(&body.example)) spellcheck="false" { (body.example) } }
            }
            div.row {
                button class=(if setting.writes { "button filled" } else { "button" }) type="button" data-send disabled[!setting.writes]
                    title=[(!setting.writes).then_some("read-only: start with an operator token")] { "Send" }
                @if !setting.writes { span.mid { "read-only: start with an operator token" } }
            }
            div.answered role="status" data-answer {}
            @if !base.is_empty() { (parts::command(&curl(base, own))) }
        }
    }
}

/// As many as the text has, within reason.
fn lines(text: &str) -> usize {
    text.lines().count().clamp(3, 14)
}

/// The same by hand.
fn curl(base: &str, own: &Operation) -> String {
    let mut path = own.path.clone();
    let mut asked = Vec::new();
    for it in own.parameters.iter().filter(|it| !it.example.is_empty()) {
        match it.within {
            Within::Path => path = path.replace(&format!("{{{}}}", it.name), &it.example),
            Within::Query => asked.push(format!("{}={}", it.name, it.example)),
            Within::Header => {}
        }
    }
    if !asked.is_empty() {
        path = format!("{path}?{}", asked.join("&"));
    }
    let mut line = "curl".to_owned();
    if own.method != "GET" {
        line = format!("{line} -X {}", own.method);
    }
    if let Some(body) = &own.body {
        let value = serde_json::from_str::<serde_json::Value>(&body.example);
        let body_of = value.map_or_else(|_| body.example.clone(), |own| own.to_string());
        line = format!(
            "{line} -H 'content-type: {}' -d {}",
            body.media,
            quoted(&body_of)
        );
    }
    format!("{line} {}", quoted(&format!("{base}{path}")))
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The services' documents, on the page of all APIs.
pub(super) fn list<'a>(all: impl Iterator<Item = &'a Service>) -> Markup {
    let all: Vec<_> = all.filter(|own| !own.openapi.is_empty()).collect();
    let body = html! {
        @if all.is_empty() { (parts::empty("No service says where its OpenAPI document is. It is `openapi:` below `run:` in service.yaml.", "")) } @else { table.rows {
            thead { tr { th { "Service" } th { "Operations" } th.more { "Document" } } }
            tbody { @for own in &all { tr data-row {
                @match &own.api {
                    Some(api) => {
                        th scope="row" { a href=(address::one("api", &own.name)) { (own.name) } }
                        td { @if api.trouble.is_empty() { (number::count(api.operations.len(), "operation", "operations")) } @else { span.s-warn { (api.trouble) } } }
                    }
                    None => { th scope="row" { (own.name) } td.mid { "not read yet" } }
                }
                td.more { code { (own.openapi) } }
            } } }
        } }
    };
    card(
        "Of the services",
        &html! { "operations, their schemas, and a place to try them" },
        &html! {},
        &body,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_a_shell_takes() {
        let own = Operation {
            method: "POST".to_owned(),
            path: "/orders/{id}/ship".to_owned(),
            parameters: vec![Parameter {
                name: "id".to_owned(),
                within: Within::Path,
                example: "7".to_owned(),
                ..Parameter::default()
            }],
            body: Some(Content {
                media: "application/json".to_owned(),
                example: "{\n  \"by\": \"Ada's\"\n}".to_owned(),
                ..Content::default()
            }),
            ..Operation::default()
        };
        assert_eq!(
            curl("http://127.0.0.1:1", &own),
            r#"curl -X POST -H 'content-type: application/json' -d '{"by":"Ada'\''s"}' 'http://127.0.0.1:1/orders/7/ship'"#
        );
    }
}
