//! One trace: when the caller had its answer, and when it was readable elsewhere.

use std::collections::BTreeSet;

use freehold_look::number::{percent, real};
use freehold_look::svg::tenth;
use freehold_look::{Shape, clock, number};
use maud::{Markup, html};

use super::{Noun, Page, frame, traces};
use crate::address;
use crate::moment::{LogLine, Moment, Span, SpanKind, Trace};
use crate::parts::{self, Fact, card, facts};

/// Width of the drawing of a span's time; the row's text stands beside it.
const WIDTH: f64 = 560.0;

pub(super) fn page(own: &Trace, moment: &Moment) -> Page {
    let buttons = html! {
        @if !own.saga.is_empty() { a.button href=(address::one("sagas", &own.saga)) { "Saga " (address::short(&own.saga)) } }
        @if !own.event.is_empty() { a.button href=(address::one("events", &own.event)) { "Event " (address::short(&own.event)) } }
        a.button href=(address::with("/logs", "trace", &own.id)) { "Logs of this trace" }
    };
    let shape = if own.failed {
        Shape::Failed
    } else {
        Shape::Well
    };
    Page {
        title: format!("{} {}", own.name, own.about),
        noun: Noun::Traces,
        found: true,
        main: html! {
            (frame::title(&html! { a href="/traces" { "Traces" } " / " code { (own.id) } }, &html! { h1 { (shape.svg()) (own.name) } span.about { (own.about) } }, &buttons))
            (facts("trace", &strip(own)))
            div.two.wide {
                (picture(own))
                div.stack { (shares(own)) (logs(own, moment)) }
            }
        },
        keys: vec![("j k", "spans"), ("m", "longest path only")],
        json: address::one("api/v1/traces", &own.id),
    }
}

fn strip(own: &Trace) -> Vec<Fact> {
    let services: BTreeSet<&str> = own.spans.iter().map(|own| own.service.as_str()).collect();
    let disk = own.spans.iter().filter(|own| own.disk_ms > 0.0).count();
    let failed = own.spans.iter().filter(|own| own.failed).count();
    let mut out = vec![
        Fact::new(
            "Answered after",
            html! { (parts::big_ms(own.answered_ms)) @if !own.answer.is_empty() { span.unit.tight { ", " (own.answer) } } },
            "what the caller waited for",
        ),
        Fact::new(
            "All done after",
            parts::big_ms(own.done_ms),
            "with everything that it set off",
        ),
    ];
    if let Some(ms) = own.readable_ms {
        out.push(Fact {
            label: html! { "Readable in " (own.readable_in) " after" },
            value: parts::big_ms(ms),
            below: html! { "from the request’s begin" },
        });
    }
    out.push(Fact::new(
        "Spans",
        format!(
            "{} in {}",
            own.spans.len(),
            number::count(services.len(), "service", "services")
        ),
        number::count(failed, "error", "errors"),
    ));
    // Programs that do not tell of their disk are no programs without one.
    if disk > 0 {
        out.push(Fact::new(
            "Durable commits",
            disk.to_string(),
            "each waits for a disk",
        ));
    }
    if let Some(most) = own.shares.iter().max_by(|a, b| a.ms.total_cmp(&b.ms)) {
        out.push(Fact::new(
            "Longest",
            most.what.as_str(),
            format!(
                "{}, {} of all",
                clock::took(most.ms),
                percent(most.ms, own.shares.iter().map(|own| own.ms).sum())
            ),
        ));
    }
    out
}

fn picture(own: &Trace) -> Markup {
    let outside = own.spans.iter().any(|own| own.kind == SpanKind::Outside);
    let disk = own.spans.iter().any(|own| own.disk_ms > 0.0);
    let side = html! { span.key-path { "on the longest path" } span.key-beside { "beside it" } @if disk { span.key-wait { "waits for a disk" } } @if outside { span.key-outside { "waits outside" } } };
    let x = |ms: f64| 8.0 + ms / own.done_ms.max(0.1) * (WIDTH - 24.0);
    let step = nice(own.done_ms / 7.0);
    let mut ticks = vec![0.0];
    while ticks[ticks.len() - 1] + step < own.done_ms {
        ticks.push(ticks[ticks.len() - 1] + step);
    }
    card(
        "One request, every service",
        &html! {},
        &side,
        &html! {
            div.spans {
                div.span.axis aria-hidden="true" { span.what { "Span" } span.took { "Took" }
                    svg.time width="100%" height="24" { @for (at, tick) in ticks.iter().enumerate() { text.axis x=(format!("{:.2}%", x(*tick) / WIDTH * 100.0)) y="16" { (tick_text(*tick, step)) @if at == 0 { " ms" } } } }
                }
                @for it in &own.spans { (row(it, own, &ticks, &x)) }
            }
            ul.moments {
                li { svg width="22" height="8" { path.answered d="M0 4h22" {} } "the caller has its answer, " b { (clock::took(own.answered_ms)) } }
                @if let Some(ms) = own.readable_ms { li { svg width="22" height="8" { path.readable d="M0 4h22" {} } "readable in " (own.readable_in) ", " b { (clock::took(ms)) } } }
            }
        },
    )
}

fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(0.01).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|own| own * power)
        .find(|own| *own >= value)
        .unwrap_or(power * 10.0)
}

fn tick_text(tick: f64, step: f64) -> String {
    let digits = usize::from(step < 1.0);
    format!("{tick:.digits$}")
}

fn row(own: &Span, trace: &Trace, ticks: &[f64], x: &impl Fn(f64) -> f64) -> Markup {
    let (from, to) = (x(own.from_ms), x(own.to_ms));
    let width = (to - from).max(2.0);
    let tone = if own.longest { "on-path" } else { "beside" };
    html! {
        div.span data-row tabindex="-1" data-longest[own.longest] {
            span.what data-depth=(own.depth.min(8)) { span.mid { (own.service) } " " b { (own.name) } " " span.dim { (detail(own)) } @if own.failed { " " (Shape::Failed.svg()) } }
            span.took { (clock::took(own.to_ms - own.from_ms)) }
            svg.time viewBox=(format!("0 0 {WIDTH} 24")) preserveAspectRatio="none" role="img" aria-label=(format!("from {} to {}", clock::took(own.from_ms), clock::took(own.to_ms))) {
                @for tick in ticks { path.grid d=(format!("M{} 0v24", tenth(x(*tick)))) {} }
                path.answered d=(format!("M{} 0v24", tenth(x(trace.answered_ms)))) {}
                @if let Some(ms) = trace.readable_ms { path.readable d=(format!("M{} 0v24", tenth(x(ms)))) {} }
                @match own.kind {
                    SpanKind::Saga => { path.bracket-line d=(format!("M{0} 17V9H{1}V17", tenth(from), tenth(to))) {} }
                    SpanKind::Event => { path.event-line d=(format!("M{} 12H{}", tenth(from), tenth(to))) {} rect.event-end x=(tenth(from - 2.0)) y="8" width="4" height="8" {} rect.event-end x=(tenth(to - 2.0)) y="8" width="4" height="8" {} }
                    SpanKind::Outside => { rect.outside x=(tenth(from)) y="6" width=(tenth(width)) height="12" {} @for at in 0..stripes(width) { path.stripe d=(format!("M{} 18l6 -12", tenth(from + 2.0 + 7.0 * real(at)))) {} } }
                    SpanKind::Work => {
                        @let disk = (own.disk_ms / (own.to_ms - own.from_ms).max(0.01)).clamp(0.0, 1.0) * width;
                        rect class=(tone) x=(tenth(from)) y="6" width=(tenth(width - disk)) height="12" {}
                        @if disk > 0.0 { rect class=(format!("disk {tone}")) x=(tenth(from + width - disk)) y="6" width=(tenth(disk)) height="12" {} }
                    }
                }
            }
        }
    }
}

/// What the name does not say already.
fn detail(own: &Span) -> &str {
    let told = own.name.split(' ').next().unwrap_or_default();
    own.detail
        .strip_prefix(told)
        .unwrap_or(&own.detail)
        .trim_start()
}

/// How many stripes a bar of this width has.
fn stripes(width: f64) -> u64 {
    number::whole((width - 9.0).max(0.0) / 7.0)
}

fn shares(own: &Trace) -> Markup {
    let sum: f64 = own.shares.iter().map(|own| own.ms).sum();
    let most = own
        .shares
        .iter()
        .map(|own| own.ms)
        .fold(0.0, f64::max)
        .max(0.1);
    html! { @if !own.shares.is_empty() { (card("Where the time went", &html! {}, &html! { "longest path, " (clock::took(sum)) }, &html! {
        table.shares { tbody { @for it in &own.shares { tr { th scope="row" { (it.what) } td { (traces::share(it.ms / most)) } td.num { (clock::took(it.ms)) } td.num.dim { (percent(it.ms, sum)) } } } } }
    })) } }
}

fn logs(own: &Trace, moment: &Moment) -> Markup {
    let lines: Vec<&LogLine> = moment.logs.iter().filter(|it| it.trace == own.id).collect();
    html! { @if !lines.is_empty() { (card("Logs", &html! {}, &html! { a href=(address::with("/logs", "trace", &own.id)) { (number::count(lines.len(), "line", "lines")) } }, &html! {
        ul.trail { @for it in lines.iter().take(8) { li { time.mono title=(clock::exact(it.at)) { (clock::time_ms(it.at)[8..]) } span { b { (it.from) } " " (it.text) } } } }
    })) } }
}
