//! Find: services, tables, events, sagas, findings, traces by any part of their names.

use freehold_look::number;
use maud::{Markup, html};

use super::{Asked, Noun, Page, frame};
use crate::address;
use crate::moment::Moment;
use crate::parts;

const MOST: usize = 20;

/// Something that was found.
struct Hit {
    kind: &'static str,
    name: String,
    detail: String,
    link: String,
    /// 0: it is that; 1: it begins so; 2: it has that in it.
    rank: u8,
}

pub(super) fn page(asked: &Asked, moment: &Moment) -> Page {
    let text = asked.get("q").map_or("", String::as_str).trim();
    let hits = if text.is_empty() {
        Vec::new()
    } else {
        hits(text, moment)
    };
    Page {
        title: "Find".to_owned(),
        noun: Noun::Other,
        found: true,
        main: html! {
            (frame::title(&html! { "Services, tables, events, keys, sagas, findings, traces" }, &html! { h1 { "Find" } }, &html! {}))
            form.filters.find-big role="search" method="get" action="/find" { input.text type="search" name="q" value=(text) aria-label="Find anything" autofocus autocomplete="off"; button.button.filled type="submit" { "Find" } }
            @if !text.is_empty() { section.card aria-label="Found" {
                @if hits.is_empty() { (parts::empty("Nothing is called like that here. Ids of what is long past are no more in memory: ask the command.", "freehold events find")) } @else { (list(&hits)) }
            } (frame::cut(hits.len().min(MOST), hits.len(), "narrow by more letters")) }
        },
        keys: vec![("j k", "rows")],
        json: address::with("/api/v1/find", "q", text),
    }
}

fn list(hits: &[Hit]) -> Markup {
    html! { table.rows { tbody { @for own in hits.iter().take(MOST) { tr data-row {
        td.kind.mid { (own.kind) } th scope="row" { a href=(own.link) { (own.name) } } td.mid { (own.detail) }
    } } } } }
}

/// What is found, as JSON has it: kind, name, detail, link.
pub(crate) fn found(text: &str, moment: &Moment) -> Vec<[String; 4]> {
    let all = if text.trim().is_empty() {
        Vec::new()
    } else {
        hits(text.trim(), moment)
    };
    all.into_iter()
        .take(MOST)
        .map(|own| [own.kind.to_owned(), own.name, own.detail, own.link])
        .collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "one paragraph for each kind of thing, all alike"
)]
fn hits(text: &str, moment: &Moment) -> Vec<Hit> {
    let wanted = text.to_lowercase();
    let mut out = Vec::new();
    let mut see = |kind, name: &str, also: &str, detail: String, link: String| {
        let (name_low, also_low) = (name.to_lowercase(), also.to_lowercase());
        let rank = if name_low == wanted || also_low == wanted {
            0
        } else if name_low.starts_with(&wanted) {
            1
        } else if name_low.contains(&wanted) || also_low.contains(&wanted) {
            2
        } else {
            return;
        };
        out.push(Hit {
            kind,
            name: name.to_owned(),
            detail,
            link,
            rank,
        });
    };
    for own in &moment.services {
        see(
            "service",
            &own.name,
            &own.team,
            own.team.clone(),
            address::one("services", &own.name),
        );
        for it in own.api.iter().flat_map(|api| &api.operations) {
            see(
                "operation",
                &format!("{} {}", it.method, it.path),
                &it.summary,
                format!("{} {}", own.name, it.summary),
                address::one("api", &own.name),
            );
        }
        for store in &own.stores {
            for table in &store.tables {
                see(
                    "table",
                    &table.name,
                    "",
                    format!("{} {}", own.name, table.kind),
                    address::one("services", &own.name),
                );
            }
        }
    }
    for own in &moment.events {
        see(
            "event",
            &own.name,
            "",
            format!(
                "from {}, {}",
                own.from,
                number::count(own.readers.len(), "reader", "readers")
            ),
            address::with("/events", "event", &own.name),
        );
    }
    for own in &moment.ways {
        see(
            "one event",
            &own.id,
            &format!("{} {}", own.key, own.about),
            format!("{} {}", own.event, own.about),
            address::one("events", &own.id),
        );
    }
    for own in &moment.dead {
        see(
            "dead letter",
            &own.key,
            &own.id,
            format!("in {} {}", own.service, own.copy),
            address::with("/events", "dead", &own.id),
        );
    }
    for own in &moment.instances {
        see(
            "saga",
            &own.about,
            &format!("{} {}", own.id, own.saga),
            format!("{} {}", own.saga, own.state.word()),
            address::one("sagas", &own.id),
        );
    }
    for own in moment.boundary.iter().flat_map(|own| &own.findings) {
        see(
            "finding",
            &own.place(),
            &format!("{} {}", own.code, own.object),
            format!("{} {} {} {}", own.code, own.from, own.phrase, own.object),
            address::with("/boundary", "finding", &own.id),
        );
    }
    for own in &moment.traces {
        see(
            "trace",
            &own.id,
            &format!("{} {}", own.name, own.about),
            format!("{} {}", own.name, own.about),
            address::one("traces", &own.id),
        );
    }
    out.sort_by_key(|own| own.rank);
    out
}
