//! A plot: lines that differ by dash and label, never by colour; what was promised; what happened.

use freehold_look::number::real;
use freehold_look::svg::{point, tenth, text_width};
use freehold_look::{clock, number};
use maud::{Markup, html};

use crate::moment::Plot;
use crate::parts;

/// Drawn three times, as wide as cards are; one of them is shown, so that its text has its size.
const WIDTHS: [(f64, &str); 3] = [
    (460.0, "drawn-wide"),
    (390.0, "drawn-middle"),
    (300.0, "drawn-narrow"),
];
/// So many points of a line; of more, the highest of each few.
const POINTS: usize = 120;
const HEIGHT: f64 = 196.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 18.0;
const FLOOR: f64 = HEIGHT - 26.0;
const DASHES: [&str; 4] = ["none", "7 4", "2 3", "9 3 2 3"];

/// A plot in a card of its own; its values also as a table.
pub(super) fn card(own: &Plot) -> Markup {
    let detail = html! { (own.detail) };
    let body = html! {
        @if own.series.iter().all(|own| own.values.iter().flatten().count() < 2) {
            (parts::empty("Not enough values yet; the line begins with the second.", ""))
        } @else {
            figure.plot { @for (width, class) in WIDTHS { (drawing(own, width, class)) } (table(own)) }
        }
    };
    parts::card(&own.title, &html! {}, &detail, &body)
}

struct Scale {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(own: &Plot) -> Self {
        let values = || {
            own.series
                .iter()
                .flat_map(|own| own.values.iter().flatten().copied())
        };
        let most = values().chain(own.slo).fold(0.0, f64::max);
        let least = values()
            .filter(|own| *own > 0.0)
            .fold(f64::INFINITY, f64::min);
        if own.log && most > 0.0 && least.is_finite() {
            let (low, high) = (
                least.log10().floor(),
                most.log10().ceil().max(least.log10().floor() + 1.0),
            );
            let mut ticks = Vec::new();
            let mut at = low;
            while at <= high {
                ticks.push(10_f64.powf(at));
                at += 1.0;
            }
            return Self {
                low,
                high,
                log: true,
                ticks,
            };
        }
        let step = nice(most.max(1.0) / 4.0);
        let high = (most.max(step) / step).ceil() * step;
        let mut ticks = Vec::new();
        let mut at = 0.0;
        while at <= high + step / 2.0 {
            ticks.push(at);
            at += step;
        }
        Self {
            low: 0.0,
            high,
            log: false,
            ticks,
        }
    }

    fn y(&self, value: f64) -> f64 {
        let value = if self.log {
            value.max(1e-9).log10()
        } else {
            value
        };
        let share = (value - self.low) / (self.high - self.low).max(f64::EPSILON);
        FLOOR - share.clamp(0.0, 1.0) * (FLOOR - TOP)
    }
}

/// 1, 2 or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let digit = value / power;
    power
        * if digit <= 1.0 {
            1.0
        } else if digit <= 2.0 {
            2.0
        } else if digit <= 5.0 {
            5.0
        } else {
            10.0
        }
}

fn show(value: f64, unit: &str) -> String {
    let digits = |value: f64| {
        if value >= 10.0 || value.fract() == 0.0 {
            number::grouped(number::whole(value))
        } else {
            format!("{value:.1}")
        }
    };
    match unit {
        "ms" if value >= 1000.0 => format!("{} s", digits(value / 1000.0)),
        "" => digits(value),
        unit if unit.starts_with('/') => format!("{}{unit}", digits(value)),
        unit => format!("{} {unit}", digits(value)),
    }
}

fn drawing(own: &Plot, width: f64, class: &str) -> Markup {
    let scale = Scale::of(own);
    let narrow = width < 400.0;
    let apart = if narrow { 16.0 } else { 14.0 };
    let last = |at: usize| own.series[at].values.iter().flatten().last().copied();
    let widest = own
        .series
        .iter()
        .map(|own| text_width(&own.label, 11.0))
        .fold(0.0, f64::max);
    let right = width - (widest + 34.0).clamp(60.0, width * 0.42);
    let n = own
        .series
        .iter()
        .map(|own| own.values.len())
        .max()
        .unwrap_or(2)
        .max(2);
    let x = |at: usize| LEFT + (right - LEFT) * real(at as u64) / real(n as u64 - 1);
    let at_time = |at: u64| {
        let share =
            real(at.saturating_sub(own.from)) / real(own.to.saturating_sub(own.from).max(1));
        LEFT + share.clamp(0.0, 1.0) * (right - LEFT)
    };
    // Labels at the ends of their lines, pushed apart.
    let mut ends: Vec<(usize, f64)> = (0..own.series.len())
        .filter_map(|at| Some((at, scale.y(last(at)?))))
        .collect();
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    for at in 1..ends.len() {
        ends[at].1 = ends[at].1.max(ends[at - 1].1 + apart);
    }
    let over = ends.last().map_or(0.0, |own| (own.1 - FLOOR).max(0.0));
    html! {
        svg viewBox=(format!("0 0 {width} {HEIGHT}")) class=(class) role="img" aria-label=(format!("{}; the values stand in the table", own.title)) {
            @for tick in &scale.ticks {
                path.grid d=(format!("M{LEFT} {0}H{1}", tenth(scale.y(*tick)), tenth(right))) {}
                text.axis x=(LEFT - 6.0) y=(tenth(scale.y(*tick) + 4.0)) text-anchor="end" { (show(*tick, &own.unit)) }
            }
            @for (share, anchor) in [(0_u64, "start"), (1, "middle"), (2, "end")] {
                @let time = own.from + own.to.saturating_sub(own.from) * share / 2;
                text.axis x=(tenth(at_time(time))) y=(HEIGHT - 8.0) text-anchor=(anchor) { (clock::minute(time)) }
            }
            @if let Some(slo) = own.slo {
                path.slo d=(format!("M{LEFT} {0}H{1}", tenth(scale.y(slo)), tenth(right))) {}
                text.end x=(tenth(right + 8.0)) y=(tenth(scale.y(slo) + 4.0)) { "SLO " (super::map::slo_text(slo)) }
            }
            @for (time, what) in &own.marks {
                path.mark d=(format!("M{0} {TOP}V{FLOOR}", tenth(at_time(*time)))) {}
                @let left = at_time(*time) > f64::midpoint(LEFT, right);
                text.axis x=(tenth(at_time(*time) + if left { -5.0 } else { 5.0 })) y=(tenth(TOP + 18.0)) text-anchor=(if left { "end" } else { "start" }) { (clock::minute(*time)) @if !narrow { " " (what) } }
            }
            @for (at, series) in own.series.iter().enumerate() {
                @let thin = series.values.len().div_ceil(POINTS).max(1);
                path.series d=(path(&thinned(&series.values, thin), &scale, |at| x((at * thin).min(n - 1)))) stroke-dasharray=(DASHES[at % DASHES.len()]) {}
            }
            @for (at, y) in &ends {
                path.series d=(format!("M{} {1}h14", tenth(right + 4.0), tenth(y - over))) stroke-dasharray=(DASHES[at % DASHES.len()]) {}
                text.end x=(tenth(right + 22.0)) y=(tenth(y - over + 4.0)) { (freehold_look::svg::fit(&own.series[*at].label, 11.0, width - right - 24.0)) }
            }
        }
    }
}

/// The highest of every few values: a peak is not lost.
fn thinned(values: &[Option<f64>], few: usize) -> Vec<Option<f64>> {
    let most = |own: &[Option<f64>]| own.iter().flatten().copied().reduce(f64::max);
    values.chunks(few).map(most).collect()
}

/// The line, with a hole where a value is missing.
fn path(values: &[Option<f64>], scale: &Scale, x: impl Fn(usize) -> f64) -> String {
    let mut out = String::new();
    let mut open = false;
    for (at, value) in values.iter().enumerate() {
        if let Some(value) = value {
            out += if open { "L" } else { "M" };
            out += &point((x(at), scale.y(*value)));
        }
        open = value.is_some();
    }
    out
}

fn table(own: &Plot) -> Markup {
    html! {
        details { summary { "as a table" }
            table.rows {
                thead { tr { th { "" } th.num { "least" } th.num { "most" } th.num { "now" } } }
                tbody { @for series in &own.series {
                    @let values: Vec<f64> = series.values.iter().flatten().copied().collect();
                    tr { th scope="row" { (series.label) }
                        @for value in [values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max), values.last().copied()] {
                            td.num { @match value { Some(value) => { (show(value, &own.unit)) } None => { (parts::none()) } } }
                        } }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Series;

    #[test]
    fn a_missing_value_is_a_hole() {
        let own = Plot {
            series: vec![Series {
                label: "a".into(),
                values: vec![Some(1.0), Some(2.0), None, Some(3.0)],
            }],
            ..Plot::default()
        };
        let line = path(&own.series[0].values, &Scale::of(&own), |at| {
            real(at as u64)
        });
        assert_eq!(line.matches('M').count(), 2, "{line}");
    }

    #[test]
    fn a_peak_stays_when_a_line_is_thinned() {
        let values = [Some(1.0), Some(9.0), Some(2.0), None, None];
        assert_eq!(thinned(&values, 2), [Some(9.0), Some(2.0), None]);
        assert_eq!(thinned(&values, 1), values);
    }

    #[test]
    fn scales_have_round_ticks() {
        for (most, step) in [(3.0, 1.0), (63.0, 20.0), (0.0, 0.5)] {
            let own = Plot {
                series: vec![Series {
                    label: String::new(),
                    values: vec![Some(0.0), Some(most)],
                }],
                ..Plot::default()
            };
            assert!((Scale::of(&own).ticks[1] - step).abs() < 1e-9, "{most}");
        }
    }
}
