//! One service: who owns it, where it stands, who may touch what, is it in step?

use freehold_look::{Shape, clock, number, spans};
use maud::{Markup, html};

use super::map::slo_text;
use super::{Noun, Page, frame, plot};
use crate::address;
use crate::moment::{EventKind, Identity, Moment, Service, Store, Table};
use crate::parts::{self, Fact, card, facts};

/// Of freehold's own tables so many are shown at once; of more, when one asks.
const FEW: usize = 4;
/// Rows are counted up to here.
const MOST_ROWS: u64 = 100_000;

pub(super) fn page(own: &Service, moment: &Moment) -> Page {
    let parked: u64 = moment
        .kept_by(&own.name)
        .map(|(_, own)| own.parked_keys)
        .sum();
    let sagas = moment
        .instances
        .iter()
        .filter(|it| it.service == own.name && it.state == crate::moment::SagaState::Parked)
        .count();
    let name = html! {
        h1 { (own.shape(parked).svg()) (own.name) }
        @if own.drifts() > 0 { span.tag.new { (own.drifts()) " drift" } }
        @if parked > 0 { span.tag.new { (Shape::Parked.svg()) (number::count(usize::try_from(parked).unwrap_or(0), "key waits", "keys wait")) } }
        @if sagas > 0 { span.tag.new { (Shape::Parked.svg()) (number::count(sagas, "saga parked", "sagas parked")) } }
    };
    let buttons = html! {
        a.button href=(address::with("/", "near", &own.name)) { "Show on map" }
        a.button href=(address::with("/logs", "from", &own.name)) { "Logs" }
        @if own.api.is_some() { a.button href=(address::one("api", &own.name)) { "API" } } @else if !own.openapi.is_empty() { a.button href="/api" { "API" } }
    };
    Page {
        title: own.name.clone(),
        noun: Noun::Services,
        found: true,
        main: html! {
            (frame::title(&html! { a href="/services" { "Services" } " / " (own.name) }, &name, &buttons))
            (facts("service", &strip(own, moment)))
            div.two {
                div.stack {
                    @for store in &own.stores { (tables(own, store, moment)) (migrations(store)) (notes(store)) }
                    @if own.stores.is_empty() { section.card { (parts::empty("This service keeps nothing of its own.", "")) } }
                }
                div.stack {
                    @if let Some(freshness) = &own.freshness { (plot::card(freshness)) }
                    (events_in(own, moment))
                    (events_out(own, moment))
                }
            }
        },
        keys: vec![
            ("g m", "map"),
            ("[ ]", "previous, next service"),
            ("j k", "rows"),
        ],
        json: address::one("api/v1/services", &own.name),
    }
}

fn strip(own: &Service, moment: &Moment) -> Vec<Fact> {
    let mut out = vec![Fact::new(
        "Owner",
        html! { @if own.team.is_empty() { (parts::none()) } @else { (own.team) } },
        html! { @if own.team.is_empty() { "add " code { "team:" } } @else { "" } },
    )];
    if let Some(store) = own.stores.first() {
        let version = moment
            .server(&store.server)
            .map_or("", |own| own.version.as_str());
        let shared = moment
            .services
            .iter()
            .flat_map(|own| &own.stores)
            .filter(|it| it.server == store.server)
            .count();
        let size = store
            .bytes
            .map(|n| format!(", {}", number::bytes(n)))
            .unwrap_or_default();
        out.push(Fact::new(
            "Store",
            html! { (parts::tile(store.engine)) code { (store.place()) } },
            format!("{version}{size}"),
        ));
        let neighbours = if shared < 2 {
            "a server of its own".to_owned()
        } else {
            format!("shares a server with {}", number::word(shared - 1))
        };
        let neighbours = if store.advisory {
            format!("advisory: {neighbours}")
        } else {
            neighbours
        };
        out.push(Fact::new(
            "Isolation",
            html! { (parts::ladder(store.isolation)) (store.isolation) },
            neighbours,
        ));
    }
    if let Some(tried) = &own.tried {
        let closed = tried.ways == tried.refused;
        out.push(Fact::new("Boundary",
            html! { @if closed { (Shape::Well.svg()) "closed" } @else { (Shape::Failed.svg()) "open" } },
            format!("{} ways in tried {}, {} refused", tried.ways, clock::minute(tried.at), tried.refused)));
    }
    if let Some(program) = &own.program {
        let rate = program
            .requests_per_second
            .map(|n| format!(", {} req/s", parts::rate(n)))
            .unwrap_or_default();
        let p99 = program
            .p99_ms
            .map(|n| format!(", p99 {}", clock::took(n)))
            .unwrap_or_default();
        let what = if program.what.is_empty() {
            own.health.word()
        } else {
            &program.what
        };
        out.push(Fact::new(
            "Program",
            what,
            format!("{}{rate}{p99}", program.address),
        ));
    }
    if let Some(part) = &own.sidecar {
        let value = html! { @if part.trouble.is_empty() { (part.says) } @else { (Shape::Failed.svg()) (part.trouble) } };
        out.push(Fact::new("Sidecar", value, html! { @if part.code.is_empty() { (part.detail) } @else { (parts::command(&format!("freehold explain {}", part.code))) } }));
    }
    if let Some(part) = &own.backup {
        out.push(Fact::new(
            "Backup",
            part.says.as_str(),
            part.detail.as_str(),
        ));
    }
    out
}

/// Tables and privileges are one table.
fn tables(own: &Service, store: &Store, moment: &Moment) -> Markup {
    let title = if own.stores.len() > 1 {
        format!("Tables of {}, and who may touch them", store.key)
    } else {
        "Tables, and who may touch them".to_owned()
    };
    let sub = html! { @if let Some(seen) = store.seen_at { "read from the database " (parts::ago(moment.at, seen)) " ago" } };
    let side = html! { @if store.identities.is_empty() { "this engine has no logins of its own" } @else { span.letters-key { b { "S" } "elect " b { "I" } "nsert " b { "U" } "pdate " b { "D" } "elete" } } };
    let body = html! {
        @if !store.exists { (parts::empty("The store is described and not there yet.", "freehold apply")) }
        @else if store.tables.is_empty() { (parts::empty("No tables yet. A migration makes them.", "freehold apply")) }
        @else {
            (rights(store, store.tables.iter().filter(|own| !own.ours)))
            @let ours = store.tables.iter().filter(|own| own.ours);
            @let n = ours.clone().count();
            @if n > 0 { details.ours open[n <= FEW] { summary { (number::count(n, "table", "tables")) " of freehold’s own" } (rights(store, ours)) } }
        }
        @if let Some(first) = store.drift.first() {
            div.notice {
                (Shape::Differs.svg())
                p { b { "Live differs from described in " (number::count(store.drift.len(), "place", "places")) ". " } (spans::html(&first.what))
                    @if let Some(since) = first.since { " First seen " (clock::minute(since)) ", " (parts::ago(moment.at, since)) " ago." }
                    @for other in store.drift.iter().skip(1) { br; (spans::html(&other.what)) } }
                (parts::command(&format!("freehold plan {}", own.name)))
            }
        }
    };
    card(&title, &sub, &side, &body)
}

fn rights<'a>(store: &Store, tables: impl Iterator<Item = &'a Table> + Clone) -> Markup {
    let rows = store.tables.iter().any(|own| own.rows.is_some());
    let bytes = store.tables.iter().any(|own| own.bytes.is_some());
    html! { table.rows.rights {
        thead { tr { th { "Table" } th.more { "Kind" } @if rows { th.num { "Rows" } } @if bytes { th.num.more { "Size" } } @for identity in &store.identities { (head_of(identity)) } } }
        tbody { @for table in tables { (row(table, &store.identities, (rows, bytes))) } }
    } }
}

fn head_of(identity: &Identity) -> Markup {
    html! { th.who { (identity.name) @if !identity.detail.is_empty() { span { (identity.detail) } } } }
}

fn row(table: &Table, identities: &[Identity], (rows, bytes): (bool, bool)) -> Markup {
    html! {
        tr data-row {
            th scope="row" { code class=(if table.ours { "dim" } else { "" }) { (table.name) } }
            td.more { @if table.kind == "append-only" { span.tag { "append-only" } } @else { span.mid { (table.kind) } } }
            @if rows { td.num { @match table.rows { Some(n) => { (number::grouped(n)) @if n == MOST_ROWS { " or more" } } None => { (parts::none()) } } } }
            @if bytes { td.num.more { @match table.bytes { Some(n) => { (number::bytes(n)) } None => { (parts::none()) } } } }
            @for at in 0..identities.len() { td.who { (letters(table.rights.get(at).map_or("", String::as_str))) } }
        }
    }
}

/// Four places: a letter, a dot for "may not", a box for what should not be, a struck letter for
/// what is missing.
fn letters(rights: &str) -> Markup {
    html! {
        code.letters { @for letter in "SIUD".chars() {
            @if rights.contains(&format!("+{letter}")) { b.extra title="granted, not described" { (letter) } }
            @else if rights.contains(&format!("-{letter}")) { s.missing title="described, not granted" { (letter) } }
            @else if rights.contains(letter) { span { (letter) } }
            @else { span.not { "·" } }
        } }
    }
}

fn migrations(store: &Store) -> Markup {
    let timed = store.migrations.iter().any(|own| own.took_ms.is_some());
    let sub = html! { (store.migrations.len()) " applied, " (store.pending) " waiting" @if store.pending == 0 && store.exists { " · schema in step" } };
    let body = html! {
        @if store.migrations.is_empty() { (parts::empty("Nothing was applied yet.", "freehold apply")) } @else { table.rows {
            thead { tr { th { "Version" } th { "Name" } th.more { "Checksum" } th { "File and ledger" } th.num.more { "Statements" } th.more { "Reversible" } th.num.more { "Applied" } @if timed { th.num.more { "Took" } } } }
            tbody { @for own in &store.migrations { tr data-row {
                td { code { (own.version) } } th scope="row" { code { (own.name) } }
                td.more { code.dim { (own.checksum) } }
                td { span.cell { @if own.same { (Shape::Well.svg()) "same" } @else { (Shape::Differs.svg()) "differ" } } }
                td.num.more { (own.statements) }
                td.more { @if own.reversible { "yes" } @else { span.mid { "no" } } }
                td.num.more { @match own.applied_at { Some(at) => { (parts::time(at)) } None => { (parts::none()) } } }
                @if timed { td.num.more { @match own.took_ms { Some(ms) => { (clock::took(ms)) } None => { (parts::none()) } } } }
            } } }
        } }
    };
    card("Migrations", &sub, &html! {}, &body)
}

fn notes(store: &Store) -> Markup {
    html! {
        @if !store.notes.is_empty() {
            (card("What the engine does not do", &html! { "said, not hidden" }, &html! {}, &html! {
                ul.notes { @for (code, text) in &store.notes { li { code { (code) } span { (spans::html(text)) } } } }
            }))
        }
    }
}

fn events_in(own: &Service, moment: &Moment) -> Markup {
    let kept: Vec<_> = moment.kept_by(&own.name).collect();
    let body = html! {
        @if kept.is_empty() { (parts::empty("It keeps nothing of others. A copy is declared as `copies:` in its service.yaml.", "")) } @else { table.rows {
            thead { tr { th { "Event" } th { "Copy" } th.num { "Parked" } th.num { "Fresh p99" } } }
            tbody { @for (event, reader) in &kept { tr data-row {
                th scope="row" { a href=(address::with("/events", "event", &event.name)) { code { (parts::dotted(&event.name)) } } span.under { "from " a href=(address::one("services", &event.from)) { (event.from) } (rate_of(event)) } }
                td { code { (reader.copy) } }
                td.num { @if reader.parked_keys > 0 { b.s-warn { (reader.parked_keys) } } @else { "0" } }
                td.num { (fresh(reader)) }
            } } }
        } }
    };
    card(
        "Events in",
        &html! { @if !kept.is_empty() { (number::count(kept.len(), "copy", "copies")) @if kept.iter().all(|(_, own)| own.fresh_ms.is_some() && !own.is_late()) { ", all within SLO" } } },
        &html! {},
        &body,
    )
}

fn events_out(own: &Service, moment: &Moment) -> Markup {
    let sent: Vec<&EventKind> = moment.sent_by(&own.name).collect();
    let rates: Vec<f64> = sent.iter().filter_map(|own| own.per_second).collect();
    let sub = html! { @if !rates.is_empty() { (parts::rate(rates.iter().sum())) "/s" } @match own.outbox_rows { Some(0) => { ", outbox empty" } Some(1) => { ", 1 row waits" } Some(n) => { ", " (number::grouped(n)) " rows wait" } None => {} } };
    let body = html! {
        @if sent.is_empty() { (parts::empty("It publishes nothing. An event is declared as `publishes:` and written to the outbox.", "")) } @else { table.rows {
            thead { tr { th { "Event" } th.num.more { "Rate" } th { "Goes to" } th.num { "Fresh p99" } } }
            tbody { @for event in &sent { tr data-row {
                th scope="row" { a href=(address::with("/events", "event", &event.name)) { code { (parts::dotted(&event.name)) } } }
                td.num.more { @match event.per_second { Some(n) => { (parts::rate(n)) "/s" } None => { (parts::none()) } } }
                td { @if event.readers.is_empty() { span.mid { "nobody listens" } } @for reader in &event.readers { span.under-none { a href=(address::one("services", &reader.service)) { (reader.service) } " " code.mid { (reader.copy) } } } }
                td.num { @if event.readers.is_empty() { (parts::none()) } @for reader in &event.readers { span.under-none { (fresh(reader)) } } }
            } } }
        } }
    };
    card("Events out", &sub, &html! {}, &body)
}

fn rate_of(event: &EventKind) -> String {
    event
        .per_second
        .map(|n| format!(", {}/s", parts::rate(n)))
        .unwrap_or_default()
}

/// Freshness, and what was promised where it is not kept.
pub(super) fn fresh(reader: &crate::moment::Reader) -> Markup {
    html! {
        @match reader.fresh_ms {
            Some(ms) if reader.is_late() => { b.s-bad { (clock::took(ms)) } span.under { "SLO " (slo_text(reader.slo_ms.unwrap_or_default())) } }
            Some(ms) => { b { (clock::took(ms)) } }
            None => { (parts::none()) }
        }
    }
}
