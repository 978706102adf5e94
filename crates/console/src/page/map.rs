//! The map: is it well, and if not, what do I do?

use freehold_look::{Shape, clock, number, spans};
use maud::{Markup, html};

use super::{Asked, Noun, Page};
use crate::map::{FEWER, Layout, MOST_COLUMNS, PITCHES, drawing};
use crate::moment::{Moment, SagaKind, SagaState, Service};
use crate::{address, parts};

/// Above this many services the map shows groups by owner, or the neighbourhood of one service.
const MOST_NODES: usize = 30;

pub(super) fn page(asked: &Asked, moment: &Moment) -> Page {
    let shows = |what: &str| {
        asked
            .get("hide")
            .is_none_or(|own| !own.split(',').any(|own| own == what))
    };
    let near = asked.get("near");
    let wanted = asked.get("saga");
    let saga = moment
        .sagas
        .iter()
        .find(|own| wanted.is_none_or(|name| *name == own.name))
        .filter(|_| shows("sagas") && near.is_none());
    let part = near.map(|name| neighbourhood(moment, name));
    let seen = part.as_ref().unwrap_or(moment);
    let picture = if seen.services.len() > MOST_NODES {
        groups(seen)
    } else {
        picture(asked, seen, shows("events"), saga)
    };
    let attention = moment.attention();
    Page {
        title: "Map".to_owned(),
        noun: Noun::Map,
        found: true,
        main: html! {
            h1.quiet { "Map of " (moment.system) }
            (strip(moment))
            div.map-page {
                div.map-side {
                    (self::attention(moment, &attention))
                    (lately(moment))
                }
                div.map-main { (picture) }
            }
        },
        keys: vec![
            ("a", "next thing that needs attention"),
            ("g s", "services"),
            ("g e", "events"),
            ("↑ ↓ ← →", "walk the map"),
        ],
        json: "/api/v1/map".to_owned(),
    }
}

fn strip(moment: &Moment) -> Markup {
    let up = moment
        .services
        .iter()
        .filter(|own| own.health == crate::moment::Health::Up)
        .count();
    let known = moment.services.iter().any(|own| own.program.is_some());
    let stores: usize = moment.services.iter().map(|own| own.stores.len()).sum();
    let rates: Vec<f64> = moment
        .events
        .iter()
        .filter_map(|own| own.per_second)
        .collect();
    let worst = moment.worst_reader();
    let parked = moment.sagas_in(SagaState::Parked);
    let waiting: Vec<u64> = moment
        .services
        .iter()
        .filter_map(|own| own.outbox_rows)
        .collect();
    let oldest = moment
        .services
        .iter()
        .filter_map(|own| own.outbox_oldest_ms)
        .max();
    html! {
        dl.strip {
            div { dt { "Services" span { (number::count(stores, "store", "stores")) ", " (number::count(moment.servers.len(), "server", "servers")) } }
                dd { span data-live="strip-services" { @if known { (parts::big(&up.to_string(), "")) span.unit { "of " (moment.services.len()) " up" } } @else { (parts::big(&moment.services.len().to_string(), "")) span.unit { "described" } } } } }
            div { dt { "Events" span { "broker " (moment.broker) } }
                dd { span data-live="strip-events" { @if rates.is_empty() { (parts::big(&moment.events.len().to_string(), "")) span.unit { "kinds" } } @else { (parts::big(&parts::rate(rates.iter().sum()), "")) span.unit { "/s" } } }
                    (trend(moment, "Events")) } }
            div { dt { "Freshness, p99" @if let Some(worst) = worst { span { "worst: " (worst.copy) } } }
                dd { span data-live="strip-fresh" { @match worst.and_then(|own| own.fresh_ms.map(|ms| (own, ms))) {
                    Some((own, ms)) => { (parts::big_ms(ms)) @if let Some(slo) = own.slo_ms { span.unit.tight { ", SLO " (slo_text(slo)) } } }
                    None => { span.unit { @if moment.events.iter().any(|own| !own.readers.is_empty()) { "not measured" } @else { "nothing is copied" } } }
                } } (trend(moment, "Freshness")) } }
            div { dt { "Sagas" }
                dd { span data-live="strip-sagas" { (parts::big(&number::grouped(moment.sagas_in(SagaState::Running)), "")) span.unit { "running" } }
                    @if parked > 0 { a.state.s-warn href="/sagas?state=parked" { (Shape::Parked.svg()) (parked) " parked" } } } }
            div { dt { "Outbox" @if let Some(oldest) = oldest { span { "oldest " (clock::span(oldest)) } } }
                dd { span data-live="strip-outbox" { @if waiting.is_empty() { span.unit { "not measured" } } @else { (parts::big(&number::grouped(waiting.iter().sum()), "")) span.unit { @if waiting.iter().sum::<u64>() == 1 { "row waits" } @else { "rows wait" } } } } } }
            div { dt { "Findings in code" @if let Some(own) = &moment.boundary { span { (own.findings.len() - own.new_ones()) " in the baseline" } } }
                dd { @match &moment.boundary {
                    Some(own) => { a.plain href="/boundary" data-live="strip-findings" { (parts::big(&own.findings.len().to_string(), "")) } @if own.new_ones() > 0 { a.state.s-warn href="/boundary" { (Shape::Differs.svg()) (own.new_ones()) " new" } } }
                    None => { span.unit { "not checked" } }
                } } }
        }
    }
}

/// `1 s`, not `1.00 s`.
pub(super) fn slo_text(ms: f64) -> String {
    if ms >= 1000.0 && (ms / 1000.0).fract() == 0.0 {
        format!("{:.0} s", ms / 1000.0)
    } else {
        clock::took(ms)
    }
}

fn trend(moment: &Moment, title: &str) -> Markup {
    let plot = moment.all_plots().find(|own| own.title.starts_with(title));
    // Of several lines: all events together, and what is seen least soon.
    let sum = title == "Events";
    let series = || plot.into_iter().flat_map(|own| &own.series);
    let most = series().map(|own| own.values.len()).max().unwrap_or(0);
    let at = |at: usize| {
        let values = series().filter_map(move |own| {
            let skipped = most - own.values.len();
            own.values.get(at.checked_sub(skipped)?).copied().flatten()
        });
        values.reduce(|a, b| if sum { a + b } else { a.max(b) })
    };
    let values: Vec<f64> = (0..most).filter_map(at).collect();
    let last = &values[values.len().saturating_sub(40)..];
    html! { a.trend href="/plots" aria-label=(format!("{title} over time")) { (parts::spark(last, 104.0, 24.0)) } }
}

fn picture(asked: &Asked, moment: &Moment, events: bool, saga: Option<&SagaKind>) -> Markup {
    if moment.services.is_empty() {
        return html! { section.card { (parts::empty("No services yet. A service begins with a `service.yaml`:", "freehold init")) } };
    }
    let wide = Layout::of(moment, MOST_COLUMNS);
    let mut layouts = vec![(wide.class(MOST_COLUMNS), wide)];
    if layouts[0].1.columns == MOST_COLUMNS {
        let fewer = Layout::of(moment, FEWER);
        layouts.push((fewer.class(FEWER), fewer));
    }
    let toggle = |what: &str, on: bool| {
        let hidden = asked.get("hide").map_or("", String::as_str);
        let mut list: Vec<&str> = hidden
            .split(',')
            .filter(|own| !own.is_empty() && *own != what)
            .collect();
        if on {
            list.push(what);
        }
        if list.is_empty() {
            "/".to_owned()
        } else {
            address::with("/", "hide", &list.join(","))
        }
    };
    let sagas = saga.is_some();
    html! {
        div.tools {
            div.segments { a href=(toggle("events", events)) aria-pressed=(events) role="button" { "Events" } @if !moment.sagas.is_empty() { a href=(toggle("sagas", sagas)) aria-pressed=(sagas) role="button" { "Sagas" } } }
            @if moment.sagas.len() > 1 { div.segments { @for own in &moment.sagas {
                a href=(address::with("/", "saga", &own.name)) aria-current=[saga.is_some_and(|it| it.name == own.name).then_some("true")] { code { (own.name) } }
            } } }
            @if asked.contains_key("near") { a.button href="/" { "All services" } }
        }
        div.pictures { @for (class, layout) in &layouts { @for pitch in PITCHES { (drawing(moment, (layout, class), pitch, events, saga)) } } }
        (legend(sagas))
        (stacked(moment, saga))
    }
}

fn legend(saga: bool) -> Markup {
    html! {
        p.legend aria-hidden="true" {
            @for (shape, word) in [(Shape::Well, "well"), (Shape::Running, "running"), (Shape::Parked, "parked, waits for you"), (Shape::Differs, "differs from described"), (Shape::Failed, "failed"), (Shape::NotKnown, "not known")] {
                span { (shape.svg()) (word) }
            }
            span.lines { svg width="28" height="8" viewBox="0 0 28 8" { path d="M0 4h22" stroke="var(--ink2)" fill="none" {} path d="M28 4l-7-3.5v7Z" fill="var(--ink2)" {} } "event, with freshness p99" }
            @if saga { span { svg width="24" height="8" viewBox="0 0 24 8" { rect width="24" height="8" rx="4" fill="var(--shade-3)" {} } "saga path" } }
        }
    }
}

/// The same as houses stacked on their servers: for narrow places and for screen readers.
fn stacked(moment: &Moment, saga: Option<&SagaKind>) -> Markup {
    let mut servers: Vec<&str> = Vec::new();
    for service in &moment.services {
        let key = service.stores.first().map_or("", |own| own.server.as_str());
        if !servers.contains(&key) {
            servers.push(key);
        }
    }
    let on = |key: &str| {
        let own = move |service: &&Service| {
            service.stores.first().map_or("", |own| own.server.as_str()) == key
        };
        moment.services.iter().filter(own).collect::<Vec<_>>()
    };
    servers.sort_by_key(|key| std::cmp::Reverse(on(key).len()));
    html! {
        section.stacked aria-label="Services on their ground" {
            h2.stacked-title { "Services on their ground" }
            @for key in servers {
                @let services = on(key);
                div.server {
                    @for service in &services { (stacked_house(service, moment)) }
                    @if let Some(server) = moment.server(key) {
                        p.slab { span { (server.key) " · " (server.version) } span { @if services.len() == 1 { "own server" } @else { (number::word(services.len())) " stores" } } }
                    }
                }
            }
            @if let Some(saga) = saga { (crate::map::steps(saga, moment, "stack")) }
        }
    }
}

fn stacked_house(service: &Service, moment: &Moment) -> Markup {
    let parked: u64 = moment
        .kept_by(&service.name)
        .map(|(_, own)| own.parked_keys)
        .sum();
    let shape = service.shape(parked);
    let program = service.program.as_ref();
    html! {
        article.house {
            div.walls {
                div.top { (shape.svg()) a.name href=(address::one("services", &service.name)) { (service.name) } span.quiet { (super::services::state_words(service, parked)) }
                    span.end { @if !matches!(shape, Shape::Well | Shape::NotKnown) { span class=(if shape == Shape::Failed { "tag bad" } else { "tag new" }) { (super::services::state_words(service, parked)) } } } }
                @if let Some(rps) = program.and_then(|own| own.requests_per_second) {
                    div.top { span { b { (parts::rate(rps)) } span.mid { " req/s" } @if let Some(p99) = program.and_then(|own| own.p99_ms) { span.mid { ", p99 " (clock::took(p99)) } } }
                        span.end { (parts::spark(program.map_or(&[], |own| &own.trend), 72.0, 20.0)) } }
                }
                @let kept: Vec<_> = moment.kept_by(&service.name).collect();
                @if !kept.is_empty() { ul.kept {
                    @for (event, reader) in kept { li { span { code { (reader.copy) } " from " (event.from) }
                        b class=(if reader.is_late() { "s-bad" } else if reader.parked_keys > 0 { "s-warn" } else { "" }) {
                            @match reader.fresh_ms { Some(ms) => { (clock::took(ms)) } None => { span.dim { "no news" } } }
                            @if reader.parked_keys > 0 { ", " (reader.parked_keys) " " (if reader.parked_keys == 1 { "key waits" } else { "keys wait" }) } } } }
                } }
            }
            @for store in &service.stores { p.plot { (parts::tile(store.engine)) code { (store.place()) } span { (store.isolation) @if let Some(n) = store.bytes { ", " (number::bytes(n)) } } } }
        }
    }
}

/// Many services: one card an owner.
fn groups(moment: &Moment) -> Markup {
    let mut teams: Vec<(&str, Vec<&Service>)> = Vec::new();
    for service in &moment.services {
        match teams.iter_mut().find(|(team, _)| *team == service.team) {
            Some((_, own)) => own.push(service),
            None => teams.push((&service.team, vec![service])),
        }
    }
    html! {
        p.hint { (number::grouped(moment.services.len() as u64)) " services, by owner. Open one to see its neighbourhood." }
        div.groups { @for (team, services) in teams {
            (parts::card(if team.is_empty() { "no owner" } else { team }, &html! { (number::count(services.len(), "service", "services")) }, &html! {}, &html! {
                ul.names { @for service in services {
                    @let parked: u64 = moment.kept_by(&service.name).map(|(_, own)| own.parked_keys).sum();
                    li { (service.shape(parked).svg()) a href=(address::with("/", "near", &service.name)) { (service.name) } }
                } }
            }))
        } }
    }
}

/// One service, whom it reads from and who reads from it.
fn neighbourhood(moment: &Moment, name: &str) -> Moment {
    let mut part = Moment {
        system: moment.system.clone(),
        at: moment.at,
        servers: moment.servers.clone(),
        events: moment.events.clone(),
        ..Moment::default()
    };
    part.events
        .retain(|own| own.from == name || own.readers.iter().any(|own| own.service == name));
    for event in &mut part.events {
        if event.from != name {
            event.readers.retain(|own| own.service == name);
        }
    }
    let near = |own: &&Service| {
        own.name == name
            || part.events.iter().any(|event| {
                event.from == own.name || event.readers.iter().any(|it| it.service == own.name)
            })
    };
    let services: Vec<Service> = moment
        .services
        .iter()
        .filter(near)
        .take(MOST_NODES)
        .cloned()
        .collect();
    part.services = services;
    part
}

fn attention(moment: &Moment, all: &[crate::moment::Attention]) -> Markup {
    let code = all
        .iter()
        .filter(|own| own.whose == crate::moment::Whose::Boundary)
        .count();
    html! {
        section.attention aria-label="Needs attention" {
            header.head { h2 { "Needs attention" } span.side { @if !all.is_empty() { (all.len() - code) " live" @if code > 0 { " · " (code) " in code" } } } }
            @if all.is_empty() { p.empty { (Shape::Well.svg()) " Nothing. All is as described." } }
            @for (at, own) in all.iter().take(8).enumerate() {
                article.need data-attention {
                    (own.shape.svg())
                    div {
                        div.line { h3 { (own.title) } @if let Some(since) = own.since { span.dim data-live=(format!("since-{at}")) { (parts::ago(moment.at, since)) } } }
                        p { (spans::html(&own.text)) }
                        div.do { a class=(if at == 0 { "button filled" } else { "button" }) href=(own.button.1) { (own.button.0) } (parts::command(&own.command)) }
                    }
                }
            }
            @if all.len() > 8 { p.empty { "And " (all.len() - 8) " more: the nouns above count them." } }
        }
    }
}

fn lately(moment: &Moment) -> Markup {
    html! {
        @if !moment.lately.is_empty() {
            section.lately aria-label="Lately" {
                header.head { h2 { "Lately" } span.side { a href="/logs" { "all" } } }
                ul { @for own in moment.lately.iter().take(8) { li {
                    time.mono title=(clock::exact(own.at)) { (clock::minute(own.at)) }
                    span { @if own.link.starts_with('/') { a href=(own.link) { (spans::html(&own.text)) } } @else { (spans::html(&own.text)) } }
                } } }
            }
        }
    }
}
