//! The picture from layout and wires, as SVG at its natural size.

use freehold_look::number::{bytes, real};
use freehold_look::svg::{arrow_down, fit, round_path, tenth};
use freehold_look::{Shape, clock, number};
use freehold_model::Isolation;
use maud::{Markup, html};

use super::layout::{
    HOUSE_HEIGHT, HOUSE_WIDTH, Layout, MARGIN, Node, PLOT_HEIGHT, PLOT_WIDTH, ROW_HEIGHT,
    SLAB_HEIGHT, Slab, left,
};
use super::ribbon;
use super::wires::{Bundle, label_width, pill_text, pill_width, rate, wire};
use crate::moment::{Moment, SagaKind};
use crate::{address, parts};

/// A longer list of steps would lie on the lines below it, and stands under the map.
const MOST_STEPS_INSIDE: usize = 5;

/// The map at one distance between columns.
pub(crate) fn drawing(
    moment: &Moment,
    (layout, class): (&Layout<'_>, &str),
    pitch: f64,
    events: bool,
    saga: Option<&SagaKind>,
) -> Markup {
    let wiring = wire(moment, layout, pitch, events);
    let width = layout.width(pitch);
    let hatch = format!("hatch-{class}-{pitch:.0}");
    let class = format!("drawing {class} p{pitch:.0}");
    let free = saga
        .filter(|_| layout.rows > 1 && layout.columns > 2 && layout.is_free(0, layout.columns - 1))
        .filter(|own| own.steps.len() <= MOST_STEPS_INSIDE);
    html! {
        div class=(class) {
            svg viewBox=(format!("0 0 {} {}", tenth(width), tenth(wiring.height))) width=(tenth(width)) height=(tenth(wiring.height)) role="group" aria-label="Map" {
                defs {
                    pattern id=(hatch) width="7" height="7" patternUnits="userSpaceOnUse" { path d="M0 7L7 0" stroke="var(--line2)" stroke-width="1" {} }
                }
                @if let Some(saga) = saga { (ribbon::way(saga, layout, &wiring.tops, pitch)) }
                @for own in &wiring.bundles { (lines(own)) }
                @for own in &wiring.bundles { (labels(own)) }
                @for own in &layout.slabs { (slab(own, moment, layout, wiring.tops[own.row], pitch, &hatch)) }
                @for own in &layout.nodes { (plot(own, wiring.tops[own.row], pitch)) (house(own, moment, wiring.tops[own.row], pitch)) }
                @if let Some(saga) = saga { (ribbon::numbers(saga, moment, layout, &wiring.tops, pitch)) }
                @if let Some(saga) = free {
                    @let x = left(layout.columns - 1, pitch) - (pitch - PLOT_WIDTH).min(46.0) + 8.0;
                    foreignObject x=(tenth(x)) y=(tenth(wiring.tops[0] - 4.0)) width=(tenth(width - x)) height=(tenth(ribbon::steps_height(saga).max(ROW_HEIGHT))) {
                        (ribbon::steps(saga, moment, "inside"))
                    }
                }
            }
            @if let (Some(saga), None) = (saga, free) { (ribbon::steps(saga, moment, "below")) }
        }
    }
}

fn lines(own: &Bundle<'_>) -> Markup {
    let path = |points: &[(f64, f64)]| round_path(points, 9.0);
    html! {
        @for wire in &own.wires { path.halo d=(path(&wire.points)) {} }
        @for wire in &own.wires {
            @let waits = wire.reader.parked_keys > 0;
            @let tip = wire.points[wire.points.len() - 1];
            @let down = wire.points[wire.points.len() - 2].1 < tip.1;
            g.wire.waits[waits] {
                path d=(path(&wire.points)) {}
                path.head d=(if down { arrow_down((tip.0, tip.1 - 2.0), 8.0, 7.0) } else { arrow_up((tip.0, tip.1 + 2.0)) }) {}
            }
        }
        @for (x, y) in &own.forks { circle.fork cx=(tenth(*x)) cy=(tenth(*y)) r="3.5" {} }
    }
}

fn arrow_up(tip: (f64, f64)) -> String {
    format!("M{} {}l4 7h-8Z", tenth(tip.0), tenth(tip.1))
}

fn labels(own: &Bundle<'_>) -> Markup {
    let (x, y) = own.label;
    html! {
        a href=(address::with("/events", "event", &own.event.name)) {
            rect.paper x=(tenth(x - 5.0)) y=(tenth(y - 9.0)) width=(tenth(label_width(own.event) + 6.0)) height="18" {}
            text.name x=(tenth(x)) y=(tenth(y + 4.0)) { (own.event.name) tspan.rate dx="8" { (rate(own.event)) } }
        }
        @for wire in &own.wires {
            @let text = pill_text(wire.reader);
            @let width = pill_width(&text);
            @let class = if wire.reader.is_late() { "pill bad" } else if wire.reader.parked_keys > 0 { "pill waits" } else if wire.reader.fresh_ms.is_none() { "pill unknown" } else { "pill" };
            g class=(class) {
                rect x=(tenth(wire.pill.0 - width / 2.0)) y=(tenth(wire.pill.1 - 10.0)) width=(tenth(width)) height="20" rx="10" {}
                text x=(tenth(wire.pill.0)) y=(tenth(wire.pill.1 + 4.0)) text-anchor="middle" data-live=(format!("pill-{}-{}-{}", own.event.name, wire.reader.service, wire.reader.copy)) { (text) }
            }
        }
    }
}

fn slab(
    own: &Slab,
    moment: &Moment,
    layout: &Layout<'_>,
    top: f64,
    pitch: f64,
    hatch: &str,
) -> Markup {
    let Some(server) = moment.server(&own.server) else {
        return html! {};
    };
    let (from, to) = (left(own.from, pitch), left(own.to, pitch) + PLOT_WIDTH);
    let reach = if own.stores > 1 { MARGIN - 2.0 } else { 0.0 };
    let (x, width) = (from - reach, to - from + 2.0 * reach);
    let y = top + HOUSE_HEIGHT + PLOT_HEIGHT;
    let right = if own.stores == 1 {
        "own server".to_owned()
    } else {
        format!("one server, {} stores", number::word(own.stores))
    };
    let address = if server.address.is_empty() {
        String::new()
    } else {
        format!(" · {}", server.address)
    };
    let room = width - 28.0 - freehold_look::svg::text_width(&right, 11.0);
    let shared = own.stores > 1 && own.to > own.from;
    html! {
        @if shared {
            rect.between x=(tenth(x)) y=(tenth(y - 26.0)) width=(tenth(width)) height="26" {}
        }
        rect.slab x=(tenth(x)) y=(tenth(y)) width=(tenth(width)) height=(tenth(SLAB_HEIGHT)) {}
        path.floor d=(format!("M{} {}h{}", tenth(x), tenth(y + SLAB_HEIGHT), tenth(width))) {}
        rect x=(tenth(x)) y=(tenth(y + SLAB_HEIGHT + 1.0)) width=(tenth(width)) height="6" fill=(format!("url(#{hatch})")) {}
        text.on-slab x=(tenth(x + 14.0)) y=(tenth(y + 18.0)) { (fit(&format!("{} · {}{address}", server.key, server.version), 11.0, room)) }
        text.on-slab x=(tenth(x + width - 14.0)) y=(tenth(y + 18.0)) text-anchor="end" { (right) }
        @if shared && pitch - PLOT_WIDTH > 90.0 {
            @for column in own.from..own.to {
                text.on-ground x=(tenth(left(column, pitch) + PLOT_WIDTH + (pitch - PLOT_WIDTH) / 2.0)) y=(tenth(y - 9.0)) text-anchor="middle" { (between(layout, own.row, column)) }
            }
        }
    }
}

/// What keeps two neighbours on a slab apart; never more than the engine does.
fn between(layout: &Layout<'_>, row: usize, column: usize) -> &'static str {
    let closed = |at: usize| {
        let node = layout
            .nodes
            .iter()
            .find(|own| own.row == row && own.column == at);
        let store = node.and_then(|own| own.store);
        store.is_some_and(|own| !own.advisory && own.isolation >= Isolation::Database)
    };
    if closed(column) && closed(column + 1) {
        "no way across"
    } else {
        "not kept apart"
    }
}

fn plot(own: &Node<'_>, top: f64, pitch: f64) -> Markup {
    let x = left(own.column, pitch);
    let y = top + HOUSE_HEIGHT;
    html! {
        rect.plot x=(tenth(x)) y=(tenth(y)) width=(tenth(PLOT_WIDTH)) height=(tenth(PLOT_HEIGHT)) {}
        @if let Some(store) = own.store {
            rect.tile-box x=(tenth(x + 14.0)) y=(tenth(y + 14.0)) width="28" height="28" rx="5" {}
            text.letters x=(tenth(x + 28.0)) y=(tenth(y + 32.0)) text-anchor="middle" { (parts::letters(store.engine)) }
            text.place x=(tenth(x + 52.0)) y=(tenth(y + 25.0)) { (fit(&store.place(), 12.6, 130.0)) }
            text.on-ground x=(tenth(x + 52.0)) y=(tenth(y + 43.0)) { (ground_words(store.isolation, store.advisory, store.bytes)) }
            (parts::bars(store.isolation, x + PLOT_WIDTH - 46.0, y + 40.0))
        } @else {
            text.on-ground x=(tenth(x + 14.0)) y=(tenth(y + 32.0)) { "keeps nothing" }
        }
    }
}

fn ground_words(isolation: Isolation, advisory: bool, size: Option<u64>) -> String {
    let size = size.map(|n| format!(" · {}", bytes(n))).unwrap_or_default();
    let advisory = if advisory { ", advisory" } else { "" };
    format!("{isolation}{advisory}{size}")
}

fn house(own: &Node<'_>, moment: &Moment, top: f64, pitch: f64) -> Markup {
    let service = own.service;
    let x = left(own.column, pitch) + 14.0;
    let parked: u64 = moment
        .kept_by(&service.name)
        .map(|(_, own)| own.parked_keys)
        .sum();
    let shape = service.shape(parked);
    let badge = badge(service.drifts(), parked, service.health.word(), shape);
    let room = HOUSE_WIDTH - 44.0 - badge.as_ref().map_or(0.0, |own| own.2 + 8.0);
    let program = service.program.as_ref();
    html! {
        a.house href=(address::one("services", &service.name)) data-node=(service.name) {
            path.walls d=(walls(x, top)) {}
            path.ground-line d=(format!("M{} {}h{}", tenth(x - 14.0), tenth(top + HOUSE_HEIGHT), tenth(PLOT_WIDTH))) {}
            svg x=(tenth(x + 12.0)) y=(tenth(top + 12.0)) width="12" height="12" { (shape.svg()) }
            text.title x=(tenth(x + 30.0)) y=(tenth(top + 23.0)) { (fit(&service.name, 13.5, room)) }
            text.team x=(tenth(x + 30.0)) y=(tenth(top + 40.0)) { (fit(&service.team, 11.0, HOUSE_WIDTH - 50.0)) }
            @if let Some((text, class, width)) = badge {
                g class=(class) {
                    rect x=(tenth(x + HOUSE_WIDTH - width - 14.0)) y=(tenth(top + 9.0)) width=(tenth(width)) height="20" rx="4" {}
                    text x=(tenth(x + HOUSE_WIDTH - width / 2.0 - 14.0)) y=(tenth(top + 23.0)) text-anchor="middle" { (text) }
                }
            }
            @if let Some(rps) = program.and_then(|own| own.requests_per_second) {
                text.figure x=(tenth(x + 13.0)) y=(tenth(top + 65.0)) data-live=(format!("rps-{}", service.name)) { (parts::rate(rps)) tspan.unit { " req/s" } }
            } @else {
                text.team x=(tenth(x + 13.0)) y=(tenth(top + 65.0)) { (fit(program.map_or("", |own| own.address.as_str()), 11.0, HOUSE_WIDTH - 24.0)) }
            }
            @if let Some(p99) = program.and_then(|own| own.p99_ms) {
                text.below x=(tenth(x + 13.0)) y=(tenth(top + 81.0)) data-live=(format!("p99-{}", service.name)) { "p99 " (clock::took(p99)) }
            } @else {
                text.below x=(tenth(x + 13.0)) y=(tenth(top + 81.0)) data-live=(format!("health-{}", service.name)) { (health_words(service.health.word(), program.is_some())) }
            }
            @if let Some(program) = program {
                svg x=(tenth(x + 104.0)) y=(tenth(top + 52.0)) width="84" height="28" { (parts::spark(&program.trend, 84.0, 28.0)) }
            }
        }
    }
}

fn walls(x: f64, top: f64) -> String {
    let (x, foot) = (tenth(x), tenth(top + HOUSE_HEIGHT));
    let (high, wide) = (tenth(HOUSE_HEIGHT - 6.0), tenth(HOUSE_WIDTH - 12.0));
    format!("M{x} {foot}v-{high}a6 6 0 0 1 6 -6h{wide}a6 6 0 0 1 6 6v{high}")
}

fn health_words(word: &str, program: bool) -> String {
    if program {
        word.to_owned()
    } else {
        "no program is run here".to_owned()
    }
}

/// Text, class and width of what stands at the top right of a house.
fn badge(
    drifts: usize,
    parked: u64,
    health: &str,
    shape: Shape,
) -> Option<(String, &'static str, f64)> {
    let (text, class) = match shape {
        Shape::Failed => (
            if health == "down" { "down" } else { "stuck" }.to_owned(),
            "badge bad",
        ),
        Shape::Differs if drifts > 0 => (format!("{drifts} drift"), "badge"),
        Shape::Differs => ("behind".to_owned(), "badge"),
        Shape::Parked => (
            number::count(
                usize::try_from(parked).unwrap_or(usize::MAX),
                "key waits",
                "keys wait",
            ),
            "badge",
        ),
        _ => return None,
    };
    let width = real(text.chars().count() as u64) * 6.3 + 14.0;
    Some((text, class, width))
}
