//! Events: the kinds, letters that wait, and the newest of which the way is known.

use freehold_look::{Shape, clock, number, spans};
use maud::{Markup, html};

use super::{Asked, Noun, Page, Setting, frame, saga, service};
use crate::address;
use crate::moment::{DeadLetter, EventKind, Moment, Way};
use crate::parts::{self, card};

const MOST: usize = 50;

pub(super) fn page(asked: &Asked, moment: &Moment, setting: &Setting) -> Page {
    let kind = asked.get("event");
    let key = asked.get("key").filter(|own| !own.is_empty());
    let kinds: Vec<&EventKind> = moment
        .events
        .iter()
        .filter(|own| kind.is_none_or(|it| own.name == *it))
        .collect();
    let dead: Vec<&DeadLetter> = moment
        .dead
        .iter()
        .filter(|own| kind.is_none_or(|it| own.event == *it))
        .collect();
    let ways: Vec<&Way> = moment
        .ways
        .iter()
        .filter(|own| kind.is_none_or(|it| own.event == *it))
        .filter(|own| {
            key.is_none_or(|it| {
                own.key.contains(it.as_str())
                    || own.about.contains(it.as_str())
                    || own.id.contains(it.as_str())
            })
        })
        .collect();
    Page {
        title: kind.cloned().unwrap_or_else(|| "Events".to_owned()),
        noun: Noun::Events,
        found: kind.is_none() || !kinds.is_empty(),
        main: html! {
            @match kind {
                Some(kind) => { (frame::title(&html! { a href="/events" { "Events" } " / " code { (kind) } }, &html! { h1.mono { (kind) } }, &html! { a.button href="/events" { "All events" } })) }
                None => { (frame::title(&html! { "By the broker " (moment.broker) }, &html! { h1 { "Events" } }, &html! {})) }
            }
            div.stack {
                (letters(asked, &dead, moment.at, setting))
                (list(&kinds))
                (newest(kind.map(String::as_str), key.map(String::as_str), &ways, moment.at))
            }
        },
        keys: vec![("j k", "rows"), ("r", "retry")],
        json: "/api/v1/events".to_owned(),
    }
}

fn letters(asked: &Asked, dead: &[&DeadLetter], now: u64, setting: &Setting) -> Markup {
    if dead.is_empty() {
        return html! {};
    }
    let chosen = asked.get("dead");
    card(
        "Waits for a person",
        &html! { (number::count(dead.len(), "key", "keys")) ", all others flow" },
        &html! { (parts::command("freehold events dead")) },
        &html! {
            ul.letters { @for own in dead.iter().take(MOST) {
                li id=(own.id) data-row aria-current=[chosen.is_some_and(|id| *id == own.id).then_some("true")] {
                    (Shape::Parked.svg())
                    div.what {
                        p { b { (own.key) } " in " a href=(address::one("services", &own.service)) { (own.service) } " " code { (own.copy) } }
                        p.mid { (spans::html(&own.why)) @if !own.code.is_empty() { " " code { (own.code) } } }
                        p.dim { code { (own.event) } " · since " (parts::time(own.since)) ", " (parts::ago(now, own.since)) " · " (own.attempts) " tries · " (own.behind) " behind it" }
                    }
                    div.do { (saga::button("retry_dead", &own.id, "Retry", "r", true, setting)) (saga::button("skip_dead", &own.id, "Skip", "", false, setting)) }
                }
            } }
            (frame::cut(dead.len().min(MOST), dead.len(), "narrow by event"))
        },
    )
}

fn list(kinds: &[&EventKind]) -> Markup {
    let body = html! {
        @if kinds.is_empty() { (parts::empty("No events yet. A service publishes by an INSERT into `freehold_outbox`; a file declares it under `publishes:`.", "")) } @else { table.rows {
            thead { tr { th { "Event" } th { "From" } th.num.more { "Rate" } th { "Kept in" } th.num.more { "Parked" } th.num { "Fresh p99" } } }
            tbody { @for own in kinds { tr data-row {
                th scope="row" { a href=(address::with("/events", "event", &own.name)) { code { (own.name) } } }
                td { a href=(address::one("services", &own.from)) { (own.from) } }
                td.num.more data-live=(format!("rate-{}", own.name)) { @match own.per_second { Some(n) => { (parts::rate(n)) "/s" } None => { (parts::none()) } } }
                td { @if own.readers.is_empty() { span.mid { "nobody listens" } } @for it in &own.readers { span.under-none { a href=(address::one("services", &it.service)) { (it.service) } " " code.mid { (it.copy) } } } }
                td.num.more data-live=(format!("parked-{}", own.name)) { @for it in &own.readers { span.under-none { @if it.parked_keys > 0 { b.s-warn { (it.parked_keys) } } @else { "0" } } } }
                td.num data-live=(format!("fresh-{}", own.name)) { @if own.readers.is_empty() { (parts::none()) } @for it in &own.readers { span.under-none { (service::fresh(it)) } } }
            } } }
        } }
    };
    card(
        "Kinds",
        &html! { (number::count(kinds.len(), "kind", "kinds")) },
        &html! {},
        &body,
    )
}

fn newest(kind: Option<&str>, key: Option<&str>, ways: &[&Way], now: u64) -> Markup {
    let side = html! {
        form.filters method="get" { @if let Some(kind) = kind { input type="hidden" name="event" value=(kind); } input.text type="search" name="key" value=(key.unwrap_or_default()) placeholder="key or id …" aria-label="Events with this key or id"; }
    };
    card(
        "Newest",
        &html! { "kept in memory" },
        &side,
        &html! {
            @if ways.is_empty() { (parts::empty("None is known here.", "")) } @else { table.rows {
                thead { tr { th { "Event" } th { "About" } th.more { "Key" } th.num.more { "Committed" } th.num.more { "Applied" } th.num { "Visible after" } } }
                tbody { @for own in ways.iter().take(MOST) { tr data-row {
                    th scope="row" { span.cell { (shape(own).svg()) a href=(address::one("events", &own.id)) { code { (own.event) } } } }
                    td { (own.about) } td.more { code { (own.key) } }
                    td.num.more { (parts::time(own.committed_at)) " " span.dim { (parts::ago(now, own.committed_at)) } }
                    td.num.more { @if own.untold && own.readers > 0 { (parts::none()) } @else { (own.applied) " of " (own.readers) } }
                    td.num { @match own.fresh_ms { Some(ms) => { b { (clock::took(ms)) } } None if own.readers == 0 => { span.mid { "no reader" } } None => { (parts::none()) } } }
                } } }
            } }
            (frame::cut(ways.len().min(MOST), ways.len(), "narrow by key"))
        },
    )
}

/// Where it stands, in one shape.
pub(super) fn shape(own: &Way) -> Shape {
    if own.lanes.iter().any(|own| !own.parked.is_empty()) {
        Shape::Parked
    } else if own.untold && own.readers > 0 {
        Shape::NotKnown
    } else if own.applied < own.readers {
        Shape::Running
    } else {
        Shape::Well
    }
}
