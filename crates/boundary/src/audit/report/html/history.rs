//! The month: what counts against the boundary at each audit that was kept.

use std::fmt::Write as _;

use freehold_look::number::{count, real};
use freehold_look::svg::tenth;
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::date::Moment;
use crate::audit::report::{PastAudit, PastSystem, Report, SystemReport};

/// Points that can be told apart.
const MOST_POINTS: usize = 12;

/// One audit on the line.
struct Point<'a> {
    at: &'a str,
    value: usize,
    new: usize,
    mended: usize,
}

impl<'a> From<&'a PastAudit> for Point<'a> {
    fn from(own: &'a PastAudit) -> Self {
        Self {
            at: &own.at,
            value: own.statements,
            new: own.new,
            mended: own.mended,
        }
    }
}

impl<'a> From<&'a PastSystem> for Point<'a> {
    fn from(own: &'a PastSystem) -> Self {
        Self {
            at: &own.at,
            value: own.findings,
            new: own.new,
            mended: own.mended,
        }
    }
}

pub(super) fn history(report: &Report) -> Markup {
    let kept: Vec<Point<'_>> = report.history.iter().map(Point::from).collect();
    drawn(8, "crossing statements at each audit", &kept, |shown| {
        format!("{}{}", sum(shown), of_the_ten(report, shown))
    })
}

/// The same of a described system: what was not as described.
pub(super) fn of_system(report: &SystemReport) -> Markup {
    let kept: Vec<Point<'_>> = report.history.iter().map(Point::from).collect();
    drawn(4, "things not as described at each audit", &kept, sum)
}

fn drawn(
    number: u8,
    sub: &str,
    kept: &[Point<'_>],
    note: impl Fn(&[Point<'_>]) -> String,
) -> Markup {
    let shown = &kept[kept.len().saturating_sub(MOST_POINTS)..];
    let days = match (shown.first(), shown.last()) {
        (Some(first), Some(last)) => {
            Moment::new(last.at).days().unwrap_or(0.0) - Moment::new(first.at).days().unwrap_or(0.0)
        }
        _ => 0.0,
    };
    let title = if (20.0..45.0).contains(&days) {
        "The month"
    } else {
        "Over time"
    };
    let bar =
        Bar::new(number, title, sub).side(format!("{} kept", count(kept.len(), "audit", "audits")));
    let body = html! {
        figure.month {
            (chart(shown, 542.0, "wide"))
            (chart(shown, 358.0, "narrow"))
        }
        p.note { (note(shown)) }
    };
    section(&bar, &body)
}

/// `31 + 2 new − 5 mended = 28.`
fn sum(shown: &[Point<'_>]) -> String {
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
        return String::new();
    };
    let new: usize = shown.iter().skip(1).map(|own| own.new).sum();
    let mended: usize = shown.iter().skip(1).map(|own| own.mended).sum();
    format!(
        "{} + {new} new − {mended} mended = {}.",
        first.value, last.value
    )
}

/// Which of the new crossings are among the ten worst.
fn of_the_ten(report: &Report, shown: &[Point<'_>]) -> String {
    let new: usize = shown.iter().skip(1).map(|own| own.new).sum();
    let ranks: Vec<usize> = (1..=report.crossings.len().min(10))
        .filter(|at| report.crossings[at - 1].new)
        .collect();
    match ranks[..] {
        [] => String::new(),
        [one] if new == 1 => format!(" The new one is number {one} of the ten."),
        [one] => format!(" One of the new is number {one} of the ten."),
        _ => {
            let numbers: Vec<String> = ranks.iter().map(ToString::to_string).collect();
            format!(
                " Of the new, {} are among the ten: {}.",
                ranks.len(),
                numbers.join(", ")
            )
        }
    }
}

fn chart(points: &[Point<'_>], width: f64, class: &str) -> Markup {
    let narrow = class == "narrow";
    let (left, right, top, bottom) = (29.0, if narrow { 30.0 } else { 34.0 }, 14.0, 134.0);
    let most = points.iter().map(|own| own.value).max().unwrap_or(0);
    let step = step(most);
    let lines = most.div_ceil(step).max(1);
    let height =
        |value: usize| bottom - real(value as u64) / real((lines * step) as u64) * (bottom - top);
    let days: Vec<f64> = points
        .iter()
        .map(|own| Moment::new(own.at).days().unwrap_or(0.0))
        .collect();
    let (first, last) = (
        days.first().copied().unwrap_or(0.0),
        days.last().copied().unwrap_or(1.0),
    );
    let at = |day: f64| left + (day - first) / (last - first).max(1e-9) * (width - left - right);
    let mut path = String::new();
    for (own, day) in points.iter().zip(&days) {
        let (x, y) = (tenth(at(*day)), tenth(height(own.value)));
        let _ = if path.is_empty() {
            write!(path, "M{x} {y}")
        } else {
            write!(path, "H{x}V{y}")
        };
    }
    let floor = tenth(bottom);
    html! {
        svg class=(format!("drawing {class}")) viewBox=(format!("0 0 {width} 160")) role="img" aria-label=(spoken(points)) {
            path d=(format!("{path}V{floor}H{}Z", tenth(left))) fill="var(--shade-1)" {}
            @for line in 0..=lines {
                @let y = tenth(height(line * step));
                path d=(format!("M{left} {y}H{}", width - right)) stroke="var(--line)" {}
                text.axis x=(left - 6.0) y=(tenth(height(line * step) + 4.0)) text-anchor="end" { (line * step) }
            }
            path d=(path) fill="none" stroke="var(--ink2)" stroke-width="1.5" {}
            @for (n, (own, day)) in points.iter().zip(&days).enumerate() {
                (point(points, n, own, at(*day), height(own.value), width - right, narrow))
            }
        }
    }
}

fn point(
    points: &[Point<'_>],
    n: usize,
    own: &Point<'_>,
    x: f64,
    y: f64,
    end: f64,
    narrow: bool,
) -> Markup {
    let falls = n > 0 && points[n - 1].value > own.value;
    let anchor = if n == 0 {
        "start"
    } else if x > end - 24.0 {
        "end"
    } else {
        "middle"
    };
    let shift = match anchor {
        "end" => 4.0,
        _ => 0.0,
    };
    let (label, below) = if falls {
        (y + 18.0, y + 32.0)
    } else {
        (y - 9.0, y + 18.0)
    };
    html! {
        circle cx=(tenth(x)) cy=(tenth(y)) r="3.5" fill="var(--ink)" {}
        text.value x=(tenth(x + shift)) y=(tenth(label)) text-anchor=(anchor) { (own.value) }
        @if n > 0 && own.new > 0 {
            text.new x=(tenth(x + shift)) y=(tenth(below)) text-anchor=(anchor) { (own.new) " new" }
        }
        @if n > 0 && own.mended > 0 {
            @let y = if own.new > 0 { below + 13.0 } else { below };
            text.mended x=(tenth(x + shift)) y=(tenth(y)) text-anchor=(anchor) {
                @if narrow { "−" (own.mended) } @else { (own.mended) " mended" }
            }
        }
        text.axis x=(tenth(x + shift)) y="153" text-anchor=(anchor) { (Moment::new(own.at).day()) }
    }
}

/// A round step that gives at most five lines.
fn step(most: usize) -> usize {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if most <= step * factor * 5 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

fn spoken(points: &[Point<'_>]) -> String {
    let all: Vec<String> = points
        .iter()
        .map(|own| format!("{}: {}", Moment::new(own.at).date(), own.value))
        .collect();
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn steps_are_round() {
        assert_eq!(
            (step(0), step(4), step(33), step(180), step(9000)),
            (1, 1, 10, 50, 2000)
        );
    }
}
