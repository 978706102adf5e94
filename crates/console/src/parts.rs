//! Parts that pages share: tiles of engines, the ladder of isolation, trend lines, facts, cards.

use freehold_look::{clock, spans, svg};
use freehold_model::{EngineKind, Isolation};
use maud::{Markup, Render, html};

/// The two letters of an engine.
pub(crate) fn letters(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Postgres => "Pg",
        EngineKind::Mysql => "My",
        EngineKind::Mariadb => "Ma",
        EngineKind::Sqlite => "Sq",
        EngineKind::Sqlserver => "Ms",
        EngineKind::Oracle => "Or",
        EngineKind::Redis => "Re",
        EngineKind::Mongodb => "Mg",
    }
}

/// The tile of an engine.
pub(crate) fn tile(engine: EngineKind) -> Markup {
    html! { span.tile title=(engine.name()) { (letters(engine)) } }
}

/// Four bars, as many filled as there are walls; the word stands beside it.
pub(crate) fn ladder(isolation: Isolation) -> Markup {
    html! {
        svg.ladder viewBox="0 0 30 18" aria-hidden="true" { (bars(isolation, 0.0, 18.0)) }
    }
}

/// The ladder's bars, standing on `floor`.
pub(crate) fn bars(isolation: Isolation, left: f64, floor: f64) -> Markup {
    let filled = match isolation {
        Isolation::Tables => 1,
        Isolation::Schema => 2,
        Isolation::Database => 3,
        Isolation::Instance => 4,
    };
    html! {
        @for at in 0..4_u8 {
            @let height = 5.0 + f64::from(at) * 4.0;
            rect x=(svg::tenth(left + 0.5 + f64::from(at) * 7.5)) y=(svg::tenth(floor - height - 0.5)) width="5.5" height=(svg::tenth(height))
                class=(if at < filled { "bar-on" } else { "bar-off" }) {}
        }
    }
}

/// A trend without axes: it says "steady" or "not", the number beside it says how much.
pub(crate) fn spark(values: &[f64], width: f64, height: f64) -> Markup {
    let most = values.iter().copied().fold(0.0, f64::max);
    let least = values
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min)
        .min(most);
    if values.len() < 2 || most <= 0.0 {
        return html! {};
    }
    let low = (least - (most - least) * 0.4).max(0.0);
    let step = width / freehold_look::number::real(values.len() as u64 - 1);
    let points: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let x = step * freehold_look::number::real(at as u64);
            let y = height - 1.0 - (value - low) / (most - low).max(f64::EPSILON) * (height - 3.0);
            svg::point((x, y))
        })
        .collect();
    let line = points.join("L");
    html! {
        svg.spark viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) aria-hidden="true" {
            path.under d=(format!("M0 {height}L{line}L{width} {height}Z")) {}
            path.over d=(format!("M{line}")) {}
        }
    }
}

/// One fact of the strip below a title: label, value, what stands below it.
pub(crate) struct Fact {
    pub(crate) label: Markup,
    pub(crate) value: Markup,
    pub(crate) below: Markup,
}

impl Fact {
    pub(crate) fn new(label: &str, value: impl Render, below: impl Render) -> Self {
        Self {
            label: html! { (label) },
            value: value.render(),
            below: below.render(),
        }
    }
}

/// The strip of facts.
pub(crate) fn facts(key: &str, all: &[Fact]) -> Markup {
    html! {
        dl.facts {
            @for (at, fact) in all.iter().enumerate() {
                div {
                    dt { (fact.label) }
                    dd { span.value data-live=(format!("{key}-{at}")) { (fact.value) } span.below data-live=(format!("{key}-{at}b")) { (fact.below) } }
                }
            }
        }
    }
}

/// A card with a title.
pub(crate) fn card(title: &str, sub: &Markup, side: &Markup, body: &Markup) -> Markup {
    html! {
        section.card aria-label=(title) {
            header.head { h2 { (title) } span.sub { (sub) } span.side { (side) } }
            (body)
        }
    }
}

/// What stands where nothing is yet: a sentence and a command.
pub(crate) fn empty(text: &str, command: &str) -> Markup {
    html! { p.empty { (spans::html(text)) @if !command.is_empty() { " " (self::command(command)) } } }
}

/// A command that can be copied.
pub(crate) fn command(text: &str) -> Markup {
    html! { code.command { (text) } }
}

/// A number with its unit, the number big.
pub(crate) fn big(number: &str, unit: &str) -> Markup {
    html! { b.big { (number) } @if !unit.is_empty() { span.unit { (unit) } } }
}

/// `21` and `ms`.
pub(crate) fn big_ms(ms: f64) -> Markup {
    let text = clock::took(ms);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    big(number, unit)
}

/// How long ago; the exact time on hover and focus.
pub(crate) fn ago(now: u64, then: u64) -> Markup {
    html! { time title=(clock::exact(then)) { (clock::span(now.saturating_sub(then))) } }
}

/// A time of the day; the exact one on hover and focus.
pub(crate) fn time(at: u64) -> Markup {
    html! { time.mono title=(clock::exact(at)) { (clock::time(at)) } }
}

/// The name of an event, which may break behind its dots.
pub(crate) fn dotted(name: &str) -> Markup {
    html! { @for part in name.split_inclusive('.') { (part) wbr; } }
}

/// What is not there, or not measured.
pub(crate) fn none() -> Markup {
    html! { span.dim { "–" } }
}

/// A rate: `63.3`, `118`.
pub(crate) fn rate(value: f64) -> String {
    if value <= 0.0 {
        "0".to_owned()
    } else if value >= 100.0 {
        freehold_look::number::grouped(freehold_look::number::whole(value))
    } else {
        format!("{value:.1}")
    }
}
