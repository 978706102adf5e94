//! The list of services.

use freehold_look::{Shape, clock, number};
use maud::html;

use super::{Noun, Page, frame};
use crate::moment::{Moment, Service};
use crate::{address, parts};

pub(super) fn page(moment: &Moment) -> Page {
    let mut services: Vec<(&Service, u64, Shape)> = moment
        .services
        .iter()
        .map(|own| {
            let parked = moment
                .kept_by(&own.name)
                .map(|(_, own)| own.parked_keys)
                .sum();
            (own, parked, own.shape(parked))
        })
        .collect();
    let urgency = |shape: Shape| match shape {
        Shape::Failed => 0,
        Shape::Parked => 1,
        Shape::Differs => 2,
        _ => 3,
    };
    services.sort_by_key(|own| urgency(own.2));
    let table = html! {
        table.rows {
            thead { tr { th { "Service" } th { "State" } th.more { "Owner" } th { "Stands on" } th.more { "Isolation" } th.num.more { "Requests" } th.num.more { "p99" } th.num.more { "Outbox" } th.num { "Fresh p99" } } }
            tbody { @for (own, parked, shape) in &services {
                @let worst = moment.kept_by(&own.name).map(|(_, own)| own).filter(|own| own.fresh_ms.is_some()).max_by(|a, b| a.share_of_slo().total_cmp(&b.share_of_slo()));
                tr data-row {
                    th scope="row" { span.cell { (shape.svg()) a href=(address::one("services", &own.name)) { (own.name) } } }
                    td class=(shape.class()) { (state_words(own, *parked)) }
                    td.mid.more { (own.team) }
                    td { @for store in &own.stores { span.cell { (parts::tile(store.engine)) code { (store.place()) } } } @if own.stores.is_empty() { (parts::none()) } }
                    td.more { @if let Some(store) = own.stores.first() { span.cell { (parts::ladder(store.isolation)) (store.isolation) @if store.advisory { span.dim { "advisory" } } } } @else { (parts::none()) } }
                    td.num.more data-live=(format!("rps-{}", own.name)) { @match own.program.as_ref().and_then(|own| own.requests_per_second) { Some(n) => { (parts::rate(n)) "/s" } None => { (parts::none()) } } }
                    td.num.more { @match own.program.as_ref().and_then(|own| own.p99_ms) { Some(n) => { (clock::took(n)) } None => { (parts::none()) } } }
                    td.num.more { @match own.outbox_rows { Some(n) => { (number::grouped(n)) } None => { (parts::none()) } } }
                    td.num data-live=(format!("fresh-{}", own.name)) { @match worst.and_then(|own| own.fresh_ms) { Some(n) => { (clock::took(n)) } None => { (parts::none()) } } }
                }
            } }
        }
    };
    Page {
        title: "Services".to_owned(),
        noun: Noun::Services,
        found: true,
        main: html! {
            (frame::title(&html! { (number::count(moment.services.len(), "service", "services")) " of " (moment.system) }, &html! { h1 { "Services" } }, &html! {}))
            section.card.table aria-label="Services" {
                @if services.is_empty() { (parts::empty("No services yet. A service begins with a `service.yaml`:", "freehold init")) } @else { (table) }
            }
        },
        keys: vec![("j k", "rows"), ("g m", "map")],
        json: "/api/v1/services".to_owned(),
    }
}

/// What is to be said of a service, the most urgent thing only.
pub(super) fn state_words(own: &Service, parked: u64) -> String {
    match own.shape(parked) {
        Shape::Failed if own.health == crate::moment::Health::Down => "down".to_owned(),
        Shape::Failed => "sidecar stuck".to_owned(),
        Shape::Differs if own.drifts() > 0 => format!("{} drift", own.drifts()),
        Shape::Differs if own.stores.iter().any(|own| !own.exists) => "not made yet".to_owned(),
        Shape::Differs => "migrations wait".to_owned(),
        Shape::Parked => format!("{parked} {}", if parked == 1 { "key" } else { "keys" }),
        _ if own.program.is_none() => "in step".to_owned(),
        _ => own.health.word().to_owned(),
    }
}
