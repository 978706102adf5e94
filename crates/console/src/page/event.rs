//! One event: where is this fact now, and how old was it when it could be read?

use freehold_look::number::real;
use freehold_look::svg::{tenth, text_width};
use freehold_look::{Shape, clock, spans};
use maud::{Markup, html};

use super::map::slo_text;
use super::{Noun, Page, events, frame, tree};
use crate::address;
use crate::moment::{Lane, LaneKind, Moment, Way};
use crate::parts::{self, Fact, card, facts};

const WIDTH: f64 = 760.0;
const NAMES: f64 = 158.0;
const LANE: f64 = 47.0;
const TOP: f64 = 62.0;

pub(super) fn page(own: &Way, moment: &Moment) -> Page {
    let buttons = html! {
        @if moment.traces.iter().any(|it| it.id == own.trace) { a.button href=(address::one("traces", &own.trace)) { "Trace of the request" } }
        @if !own.saga.is_empty() { a.button href=(address::one("sagas", &own.saga)) { "Saga " (address::short(&own.saga)) } }
        button.button type="button" data-copy-json hidden { "Copy as JSON" }
    };
    let crumbs = html! { a href="/events" { "Events" } " / " a href=(address::with("/events", "event", &own.event)) { (own.event) } " / " code { (own.id) } };
    Page {
        title: format!("{} {}", own.event, own.about),
        noun: Noun::Events,
        found: true,
        main: html! {
            (frame::title(&crumbs, &html! { h1 { (events::shape(own).svg()) span.mono { (own.event) } } span.about { (own.about) } }, &buttons))
            (facts("event", &strip(own, moment)))
            div.two.wide {
                div.stack { (picture(own)) (steps(own)) }
                div.stack { (payload(own)) (headers(own)) (others(own, moment)) }
            }
        },
        keys: vec![("[ ]", "previous, next of this key"), ("c", "copy JSON")],
        json: address::one("api/v1/events", &own.id),
    }
}

fn strip(own: &Way, moment: &Moment) -> Vec<Fact> {
    let committed = Fact {
        label: html! { "Committed in " a href=(address::one("services", &own.from)) { (own.from) } },
        value: html! { time.mono title=(clock::exact(own.committed_at)) { (clock::time_ms(own.committed_at)) } },
        below: html! { (parts::ago(moment.at, own.committed_at)) " ago" @if !own.transaction.is_empty() { ", transaction " (own.transaction) } },
    };
    let slo = own
        .slo_ms
        .map(|ms| format!("SLO {}", slo_text(ms)))
        .unwrap_or_default();
    let visible = match own.fresh_ms {
        Some(ms) => Fact::new("Visible everywhere after", parts::big_ms(ms), slo),
        None if own.readers == 0 => Fact::new(
            "Visible everywhere after",
            html! { span.mid { "nobody listens" } },
            "",
        ),
        None if own.untold => Fact::new(
            "Visible everywhere after",
            html! { span.mid { "not known" } },
            "sidecars tell it to freehold up",
        ),
        None => Fact::new(
            "Visible everywhere after",
            html! { span.mid { "not yet everywhere" } },
            slo,
        ),
    };
    let parked = own
        .lanes
        .iter()
        .filter(|own| !own.parked.is_empty())
        .count();
    vec![
        committed,
        visible,
        Fact::new(
            "Applied",
            html! { @if own.untold && own.readers > 0 { "not known, of " (own.readers) " readers" } @else { (own.applied) " of " (own.readers) " readers" } },
            if own.readers == 0 {
                String::new()
            } else if parked > 0 {
                format!("{parked} waits for a person")
            } else {
                "once each".to_owned()
            },
        ),
        Fact::new(
            "Contract",
            own.contract.as_str(),
            own.contract_detail.as_str(),
        ),
        Fact::new(
            "Key",
            html! { code { (own.key) } },
            html! { a href=(address::with("/events", "key", &own.key)) { "all of this key" } },
        ),
        Fact::new("Broker", own.broker.as_str(), own.broker_detail.as_str()),
    ]
}

struct Axis {
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    fn of(own: &Way) -> Self {
        let stretches = || own.lanes.iter().flat_map(|own| &own.stretches);
        let low = stretches().map(|own| own.from_ms).fold(0.0, f64::min);
        let high = stretches()
            .map(|own| own.to_ms)
            .chain(own.fresh_ms)
            .fold(1.0, f64::max);
        let span = (high - low).max(0.1);
        let rough = span / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|own| own * power)
            .find(|own| *own >= rough)
            .unwrap_or(rough);
        Self {
            from: (low / step).floor() * step,
            to: ((high + span * 0.1) / step).ceil() * step,
            step,
        }
    }

    fn x(&self, ms: f64) -> f64 {
        NAMES + 12.0 + (ms - self.from) / (self.to - self.from) * (WIDTH - NAMES - 40.0)
    }

    fn ticks(&self) -> Vec<f64> {
        let mut out = Vec::new();
        let mut at = self.from;
        while at <= self.to + self.step / 2.0 {
            out.push(at);
            at += self.step;
        }
        out
    }
}

fn picture(own: &Way) -> Markup {
    let side = html! { span.key-work { "work" } span.key-wait { "waiting for a disk" } };
    let body = html! {
        @if own.lanes.is_empty() { (parts::empty("How it went was not recorded.", "")) } @else {
            figure.way-picture { (drawing(own)) }
            ol.way-list { @for lane in &own.lanes { li { b { (lane.name) } span.mid { (lane.detail) } span { (lane_words(lane)) } } } }
        }
    };
    card(
        "One event’s way",
        &html! { "from the commit to every place where it can be read" },
        &side,
        &body,
    )
}

/// A lane in words: what a narrow place and a screen reader get.
fn lane_words(lane: &Lane) -> String {
    if !lane.parked.is_empty() {
        return format!("waits: {}", lane.parked);
    }
    match (
        lane.visible_ms,
        lane.stretches.first(),
        lane.stretches.last(),
    ) {
        (Some(ms), ..) => format!("readable after {}", clock::took(ms)),
        (None, Some(first), Some(last)) => format!(
            "{} of work and waiting",
            clock::took(last.to_ms - first.from_ms)
        ),
        _ => "nothing recorded".to_owned(),
    }
}

fn drawing(own: &Way) -> Markup {
    let axis = Axis::of(own);
    let floor = TOP + LANE * real(own.lanes.len() as u64);
    let height = floor + 26.0;
    let zero = axis.x(0.0);
    let y = |at: usize| TOP + LANE * real(at as u64) + LANE / 2.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", tenth(height))) role="img" aria-label="The way, as the list below says it" {
            @for tick in axis.ticks() {
                path.grid d=(format!("M{} {}V{}", tenth(axis.x(tick)), TOP - 8.0, tenth(floor))) {}
                text.axis x=(tenth(axis.x(tick))) y=(tenth(floor + 18.0)) text-anchor="middle" { (tick_text(tick, axis.step)) }
            }
            @for at in 0..=own.lanes.len() { path.grid d=(format!("M0 {0}H{WIDTH}", tenth(TOP + LANE * real(at as u64)))) {} }
            text.axis x=(tenth(zero - 8.0)) y="36" text-anchor="end" { @if zero > 400.0 { "business change and event commit together" } }
            path.zero d=(format!("M{0} 24V{1}", tenth(zero), tenth(floor))) {}
            @if let Some(ms) = own.fresh_ms {
                @let end = axis.x(ms);
                @let label = format!("freshness {}, commit to visible", clock::took(ms));
                @let room = end - zero > text_width(&label, 11.5) + 40.0;
                path.zero d=(format!("M{} 32H{}M{1} 26v12", tenth(zero), tenth(end))) {}
                @if room { rect.on-panel x=(tenth(f64::midpoint(zero, end) - text_width(&label, 11.5) / 2.0 - 4.0)) y="22" width=(tenth(text_width(&label, 11.5) + 8.0)) height="20" {} }
                text.bracket x=(tenth(if room { f64::midpoint(zero, end) } else { zero + 4.0 })) y=(if room { "36" } else { "18" }) text-anchor=(if room { "middle" } else { "start" }) { (label) }
            }
            @for (at, lane) in own.lanes.iter().enumerate() {
                @if at > 0 { (hand_over(own, at, &axis, &y)) }
                (lane_drawn(lane, y(at), &axis))
            }
        }
    }
}

/// The arrow from who had it before: readers have it from the last one between.
fn hand_over(own: &Way, at: usize, axis: &Axis, y: &impl Fn(usize) -> f64) -> Markup {
    let lane = &own.lanes[at];
    let before = (0..at)
        .rev()
        .find(|it| lane.kind != LaneKind::Reader || own.lanes[*it].kind != LaneKind::Reader);
    let (Some(before), Some(first)) = (before, lane.stretches.first()) else {
        return html! {};
    };
    let left = if before == 0 {
        0.0
    } else {
        own.lanes[before]
            .stretches
            .last()
            .map_or(0.0, |own| own.to_ms)
    };
    let (from, to) = (axis.x(left.min(first.from_ms)), axis.x(first.from_ms));
    let top = y(before) + 10.0;
    html! {
        @if to - from > 9.0 {
            path.hand d=(format!("M{} {}V{}q0 5 5 5H{}", tenth(from), tenth(top), tenth(y(at) - 5.0), tenth(to - 5.0))) {}
            path.hand-head d=(format!("M{} {}l-7 -3.5v7Z", tenth(to), tenth(y(at)))) {}
        } @else {
            path.hand d=(format!("M{} {}V{}", tenth(to), tenth(top), tenth(y(at) - 12.0))) {}
            path.hand-head d=(format!("M{} {}l-3.5 -7h7Z", tenth(to), tenth(y(at) - 9.0))) {}
        }
    }
}

fn lane_drawn(lane: &Lane, y: f64, axis: &Axis) -> Markup {
    let end = lane
        .stretches
        .last()
        .map_or(axis.x(0.0), |own| axis.x(own.to_ms));
    html! {
        @if lane.tile.is_empty() { circle.station cx="26" cy=(tenth(y)) r="4" {} } @else {
            rect.tile-box x="14" y=(tenth(y - 12.0)) width="24" height="24" rx="5" {}
            text.letters x="26" y=(tenth(y + 4.0)) text-anchor="middle" { (lane.tile) }
        }
        text.lane-name x="48" y=(tenth(y - 3.0)) { (freehold_look::svg::fit(&lane.name, 12.5, NAMES - 50.0)) }
        text.axis x="48" y=(tenth(y + 13.0)) { (freehold_look::svg::fit(&lane.detail, 11.0, NAMES - 46.0)) }
        @for own in &lane.stretches {
            @let (from, to) = (axis.x(own.from_ms), axis.x(own.to_ms));
            rect class=(if own.waits { "waits" } else { "work" }) x=(tenth(from)) y=(tenth(y - 9.0)) width=(tenth((to - from).max(1.5))) height="18" rx="1.5" {}
            @if !own.label.is_empty() && to - from > text_width(&own.label, 11.0) + 6.0 { text.in-bar x=(tenth(from + 6.0)) y=(tenth(y + 4.0)) { (own.label) } }
        }
        @if lane.kind == LaneKind::Source { circle.commit cx=(tenth(axis.x(0.0))) cy=(tenth(y)) r="4.5" {} }
        @if let Some(ms) = lane.visible_ms {
            path.visible d=(format!("M{} {}v26", tenth(axis.x(ms)), tenth(y - 13.0))) {}
            text.visible-text x=(tenth(axis.x(ms) + 8.0)) y=(tenth(y + 4.0)) { "● " (clock::took(ms)) }
        } @else if !lane.parked.is_empty() {
            text.parked-text x=(tenth(end + 8.0)) y=(tenth(y + 4.0)) { "■ " (lane.parked) }
        } @else if !lane.note.is_empty() {
            text.axis x=(tenth(end + 8.0)) y=(tenth(y + 4.0)) { (lane.note) }
        }
    }
}

fn tick_text(tick: f64, step: f64) -> String {
    let digits = usize::from(step < 1.0);
    if tick.abs() < step / 100.0 {
        "0 ms".to_owned()
    } else if tick > 0.0 {
        format!("+{tick:.digits$}")
    } else {
        format!("−{:.digits$}", tick.abs())
    }
}

fn steps(own: &Way) -> Markup {
    card(
        "Steps",
        &html! { "relative to the commit" },
        &html! {},
        &html! {
            @if own.steps.is_empty() { (parts::empty("None were recorded.", "")) } @else { table.rows.steps {
                thead { tr { th { "After" } th { "Where" } th { "What" } th.more { "Evidence" } th.num { "Took" } } }
                tbody { @for it in &own.steps { tr data-row {
                    td.nowrap { code.mid { (format!("{:+.1} ms", it.at_ms)) } } td { (it.place) }
                    td { span.cell { @if it.visible { (Shape::Well.svg()) } span { (spans::html(&it.what)) } } } td.more.mid { (spans::html(&it.evidence)) }
                    td.num { (clock::took(it.took_ms)) }
                } } }
            } }
        },
    )
}

fn payload(own: &Way) -> Markup {
    card(
        "Payload",
        &html! { span.tag.ok { (own.event) } },
        &html! {},
        &html! { pre.payload tabindex="0" { (tree::whole(own.payload.value())) } },
    )
}

fn headers(own: &Way) -> Markup {
    html! { @if !own.headers.is_empty() { (card("Headers", &html! { "CloudEvents 1.0" }, &html! {}, &html! { dl.pairs.wide { @for (name, value) in &own.headers { dt { (name) } dd { code { (value) } } } } })) } }
}

fn others(own: &Way, moment: &Moment) -> Markup {
    let mut all: Vec<&Way> = moment.ways.iter().filter(|it| it.key == own.key).collect();
    all.sort_by_key(|own| (own.committed_at, own.tenths));
    html! { @if all.len() > 1 { (card("Events of this key", &html! { (all.len()) }, &html! {}, &html! {
        table.rows.tight { tbody { @for it in all.iter().take(20) {
            tr data-row aria-selected=[(it.id == own.id).then_some("true")] {
                td { time.mono.mid title=(clock::exact(it.committed_at)) { (clock::time_ms(it.committed_at)) } }
                th scope="row" { a href=(address::one("events", &it.id)) { code { (parts::dotted(&it.event)) } } }
                td.more { (it.from) }
                td.num { @match it.fresh_ms { Some(ms) => { (clock::took(ms)) } None => { span.mid { (if it.readers == 0 { "no reader" } else { "on its way" }) } } } }
            }
        } } }
    })) } }
}
