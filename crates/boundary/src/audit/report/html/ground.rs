//! Who leans on whom: houses on plots that touch, on one slab, and lines from who asks to whom.
//!
//! The layout is computed, never simulated: contexts stand in their order, lines nest by how far
//! they reach. Drawn twice, for a wide card and for a phone; one of them is shown.

use freehold_look::number::{count, real};
use freehold_look::svg::{arrow_down, fit, round_path, tenth, text_width};
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::Report;

/// More lines than this are not read; the matrix has them all.
const MOST_LINES: usize = 14;

pub(super) fn ground(report: &Report) -> Markup {
    let lines = lines(report);
    let left_out = lines.len().saturating_sub(MOST_LINES);
    let sub = if report.has_statistics() {
        "calls a day from one into another"
    } else {
        "tables that one may reach in another"
    };
    let bar = Bar::new(1, report.ground_title(), sub);
    section(
        &bar,
        &html! {
            figure.ground {
                (drawing(report, &lines, &WIDE))
                (drawing(report, &lines, &NARROW))
                @if left_out > 0 {
                    figcaption.note { "The " (MOST_LINES) " strongest of " (lines.len()) " pairs; 2 has them all." }
                }
            }
        },
    )
}

/// From one context to another.
struct Line {
    from: usize,
    to: usize,
    amount: f64,
    label: String,
}

impl Line {
    fn span(&self) -> (usize, usize) {
        (self.from.min(self.to), self.from.max(self.to))
    }
}

/// Pairs that cross, or without statistics pairs that may; the strongest first.
fn lines(report: &Report) -> Vec<Line> {
    let mut out = Vec::new();
    if report.has_statistics() {
        let (matrix, scale) = (report.matrix(), report.scale());
        for (from, row) in matrix.cells.iter().enumerate() {
            for (to, cell) in row.iter().enumerate() {
                if cell.statements > 0 && from.max(to) < report.contexts.len() {
                    out.push(Line {
                        from,
                        to,
                        amount: cell.calls_a_day,
                        label: scale.show(cell.shown),
                    });
                }
            }
        }
    } else {
        let at = |name: &str| report.contexts.iter().position(|own| own.name == name);
        for reach in &report.reach {
            if let (Some(from), Some(to)) = (at(&reach.from), at(&reach.to)) {
                let tables = reach.reads.max(reach.writes);
                if tables > 0 && from != to {
                    out.push(Line {
                        from,
                        to,
                        amount: real(tables as u64),
                        label: tables.to_string(),
                    });
                }
            }
        }
    }
    out.sort_by(|a, b| b.amount.total_cmp(&a.amount));
    out
}

/// Sizes of one of the two drawings.
struct Measure {
    class: &'static str,
    width: f64,
    gap: f64,
    thickest: f64,
    /// Names of programs in the houses.
    programs: bool,
    port: f64,
}

const WIDE: Measure = Measure {
    class: "wide",
    width: 520.0,
    gap: 32.0,
    thickest: 12.0,
    programs: true,
    port: 15.0,
};

const NARROW: Measure = Measure {
    class: "narrow",
    width: 358.0,
    gap: 5.0,
    thickest: 6.0,
    programs: false,
    port: 11.0,
};

/// A line with its place: level from below, where it leaves and where it arrives.
struct Placed<'a> {
    line: &'a Line,
    width: f64,
    level: usize,
    x: (f64, f64),
}

struct House {
    left: f64,
    width: f64,
}

fn drawing(report: &Report, lines: &[Line], measure: &Measure) -> Markup {
    let lines = &lines[..lines.len().min(MOST_LINES)];
    let houses = houses(report.contexts.len(), measure);
    let placed = placed(lines, &houses, measure);
    let levels = levels(&placed);
    let top = levels.last().map_or(4.0, |own| own + 22.0);
    let house_height = if measure.programs { 54.0 } else { 34.0 };
    let floor = top + house_height;
    let height = floor + 82.0;
    html! {
            svg class=(format!("drawing {}", measure.class)) viewBox=(format!("0 0 {} {}", measure.width, tenth(height))) role="img" aria-label=(spoken(report, lines)) {
                defs {
                    pattern id=(format!("hatch-{}", measure.class)) width="7" height="7" patternUnits="userSpaceOnUse" {
                        path d="M0 7L7 0" stroke="var(--line2)" stroke-width="1" {}
                    }
                }
                @for own in &placed { (drawn_line(own, top, top - levels[own.level])) }
                // Above all lines, so that none runs through a label.
    @for (x, y, text) in labels(&placed, &levels, top) {
                    text.label x=(tenth(x)) y=(tenth(y)) text-anchor="middle" { (text) }
                }
                (drawn_ground(report, &houses, measure, floor))
                @for (context, house) in report.contexts.iter().zip(&houses) {
                    (drawn_house(report, &context.name, house, measure, top, floor))
                }
                path d=(format!("M4 {0}H{1}", tenth(floor), tenth(measure.width - 4.0))) stroke="var(--ink)" stroke-width="1.5" {}
            }
        }
}

fn houses(n: usize, measure: &Measure) -> Vec<House> {
    let n = n.max(1);
    let gap = if n > 5 {
        measure.gap.min(12.0)
    } else {
        measure.gap
    };
    let count = real(n as u64);
    let width = (measure.width - 8.0 - gap * (count - 1.0)) / count;
    (0..n)
        .map(|at| House {
            left: 4.0 + real(at as u64) * (width + gap),
            width,
        })
        .collect()
}

fn placed<'a>(lines: &'a [Line], houses: &[House], measure: &Measure) -> Vec<Placed<'a>> {
    let most = lines
        .iter()
        .map(|own| own.amount)
        .fold(0.0, f64::max)
        .max(1.0);
    // Many strong lines are drawn thinner, all by the same measure.
    let sum: f64 = lines.iter().map(|own| own.amount / most).sum();
    let thickest = measure.thickest.min(40.0 / sum.max(1.0));
    let mut order: Vec<&Line> = lines.iter().collect();
    order.sort_by(|a, b| {
        let reach = |own: &Line| own.span().1 - own.span().0;
        reach(a).cmp(&reach(b)).then(a.amount.total_cmp(&b.amount))
    });
    let mut out: Vec<Placed<'a>> = Vec::new();
    for line in order {
        let (left, right) = line.span();
        // Above everything that lies under it.
        let level = out
            .iter()
            .filter(|own| own.line.span().0 < right && left < own.line.span().1)
            .map(|own| own.level + 1)
            .max()
            .unwrap_or(0);
        out.push(Placed {
            line,
            width: (line.amount / most * thickest).max(1.0),
            level,
            x: (0.0, 0.0),
        });
    }
    ports(&mut out, houses, measure);
    out
}

/// Where lines touch a house: those to the left on the left, the lowest outermost, so that no leg
/// crosses a line of the same house.
fn ports(lines: &mut [Placed<'_>], houses: &[House], measure: &Measure) {
    for (at, house) in houses.iter().enumerate() {
        let touching = |to_left: bool, lines: &[Placed<'_>]| {
            let mut found: Vec<usize> = (0..lines.len())
                .filter(|own| {
                    let (left, right) = lines[*own].line.span();
                    if to_left { right == at } else { left == at }
                })
                .collect();
            found.sort_by_key(|own| lines[*own].level);
            found
        };
        let (lefts, rights) = (touching(true, lines), touching(false, lines));
        let thick: f64 = lefts
            .iter()
            .chain(&rights)
            .map(|own| lines[*own].width)
            .sum();
        let ends = real((lefts.len() + rights.len()).max(1) as u64);
        let step = ((house.width - 10.0 - thick) / ends).clamp(3.0, measure.port);
        let mut place = |found: Vec<usize>, mut x: f64, sign: f64| {
            for own in found {
                let half = lines[own].width / 2.0;
                x += sign * (half + step / 2.0);
                if lines[own].line.from == at {
                    lines[own].x.0 = x;
                } else {
                    lines[own].x.1 = x;
                }
                x += sign * (half + step / 2.0);
            }
        };
        place(lefts, house.left + 3.0, 1.0);
        place(rights, house.left + house.width - 3.0, -1.0);
    }
}

/// How high each level lies above the houses.
fn levels(lines: &[Placed<'_>]) -> Vec<f64> {
    let n = lines.iter().map(|own| own.level + 1).max().unwrap_or(0);
    let mut y = 8.0;
    (0..n)
        .map(|level| {
            let thick = lines
                .iter()
                .filter(|own| own.level == level)
                .map(|own| own.width)
                .fold(1.0, f64::max);
            y += 24.0 + thick / 2.0;
            let here = y;
            y += thick / 2.0;
            here
        })
        .collect()
}

fn drawn_line(own: &Placed<'_>, top: f64, y: f64) -> Markup {
    let (from, to) = own.x;
    let (head, long) = ((own.width * 1.9).max(7.0), (own.width * 0.95).max(5.0));
    let path = round_path(
        &[(from, top), (from, y), (to, y), (to, top - long + 0.5)],
        (own.width * 0.8).max(8.0),
    );
    html! {
        path d=(path) fill="none" stroke="var(--flow)" stroke-width=(tenth(own.width)) {}
        path d=(arrow_down((to, top), head, long)) fill="var(--flow)" {}
    }
}

/// The label above each line: in the middle, or where no leg of a higher line comes down. The
/// strongest first; one that would lie on another is left out, and the matrix has its number.
fn labels<'a>(lines: &[Placed<'a>], levels: &[f64], top: f64) -> Vec<(f64, f64, &'a str)> {
    let mut order: Vec<&Placed<'a>> = lines.iter().collect();
    order.sort_by(|a, b| b.line.amount.total_cmp(&a.line.amount));
    let mut out: Vec<(f64, f64, &'a str)> = Vec::new();
    for own in order {
        let half = |text: &str| text_width(text, 12.5) / 2.0 + 2.0;
        let text = own.line.label.as_str();
        let free = |x: &f64| {
            let higher = lines.iter().filter(|other| other.level > own.level);
            !higher
                .flat_map(|other| [(other.x.0, other.width), (other.x.1, other.width)])
                .any(|(leg, width)| (leg - x).abs() < half(text) + width / 2.0)
        };
        let (from, to) = own.x;
        let x = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8]
            .map(|share| from + (to - from) * share)
            .into_iter()
            .find(free)
            .unwrap_or(f64::midpoint(from, to));
        let y = top - levels[own.level] - own.width / 2.0 - 5.0;
        let taken = out.iter().any(|(x2, y2, text2)| {
            (x2 - x).abs() < half(text) + half(text2) && (y2 - y).abs() < 13.0
        });
        if !taken {
            out.push((x, y, text));
        }
    }
    out
}

fn drawn_house(
    report: &Report,
    name: &str,
    house: &House,
    measure: &Measure,
    top: f64,
    floor: f64,
) -> Markup {
    let middle = tenth(house.left + house.width / 2.0);
    let programs: Vec<&str> = report
        .programs
        .iter()
        .filter(|own| own.context.as_deref() == Some(name))
        .map(|own| own.name.as_str())
        .collect();
    let mut rows: Vec<String> = programs
        .iter()
        .take(2)
        .map(|own| (*own).to_owned())
        .collect();
    if programs.len() > 2 {
        rows[1] = format!("and {} more", programs.len() - 1);
    }
    let room = house.width - 6.0;
    html! {
        path d=(format!("M{0} {floor}V{1}a4 4 0 0 1 4-4H{2}a4 4 0 0 1 4 4V{floor}", tenth(house.left), tenth(top + 4.0), tenth(house.left + house.width - 4.0), floor = tenth(floor))) fill="var(--panel)" stroke="var(--ctl)" {}
        @if measure.programs {
            text.house x=(middle) y=(tenth(top + 20.0)) text-anchor="middle" { (fit(name, 12.5, room)) }
            @for (at, row) in rows.iter().enumerate() {
                text.program x=(middle) y=(tenth(top + 34.0 + 13.0 * real(at as u64))) text-anchor="middle" { (fit(row, 11.0, room)) }
            }
        } @else {
            text.house x=(middle) y=(tenth(top + 21.5)) text-anchor="middle" { (fit(name, 12.0, room)) }
        }
    }
}

fn drawn_ground(report: &Report, houses: &[House], measure: &Measure, floor: f64) -> Markup {
    let sizes = report.sizes();
    let (plot, slab) = (floor + 46.0, floor + 72.0);
    let own = &report.subject;
    let server = if measure.programs {
        format!(
            "{} · {} {} · one database",
            own.database, own.product, own.product_version
        )
    } else {
        format!("{}, one database", own.database)
    };
    html! {
        rect x="4" y=(tenth(floor)) width=(tenth(measure.width - 8.0)) height="46" fill="var(--ground)" {}
        @for pair in houses.windows(2) {
            @let x = tenth(f64::midpoint(pair[0].left + pair[0].width, pair[1].left));
            path d=(format!("M{x} {}V{}", tenth(floor + 4.0), tenth(plot))) stroke="var(--flow)" stroke-width="1.5" stroke-dasharray="3 3" {}
        }
        @for ((context, house), size) in report.contexts.iter().zip(houses).zip(&sizes.contexts) {
            @let x = tenth(house.left + house.width / 2.0);
            text.plot x=(x) y=(tenth(floor + 20.0)) text-anchor="middle" {
                (fit(&count(context.tables.len(), "table", "tables"), 11.5, house.width + 4.0))
            }
            @let size = format!("{size} {}", sizes.unit);
            // Section 9 has it where a plot is too narrow.
            @if text_width(&size, 12.5) < house.width + 4.0 {
                text.plot x=(x) y=(tenth(floor + 36.0)) text-anchor="middle" { (size) }
            }
        }
        rect x="0" y=(tenth(plot)) width=(measure.width) height="26" fill="var(--slab)" {}
        path d=(format!("M0 {0}H{1}", tenth(slab), measure.width)) stroke="var(--flow)" {}
        rect x="0" y=(tenth(slab + 1.0)) width=(measure.width) height="7" fill=(format!("url(#hatch-{})", measure.class)) {}
        text.server x="12" y=(tenth(plot + 17.0)) { (fit(&server, 11.0, measure.width - 140.0)) }
        text.server x=(measure.width - 12.0) y=(tenth(plot + 17.0)) text-anchor="end" { "dashed: no fence" }
    }
}

/// The same for who does not see it.
fn spoken(report: &Report, lines: &[Line]) -> String {
    let what = if report.has_statistics() {
        " calls a day"
    } else {
        " tables"
    };
    let pairs: Vec<String> = lines
        .iter()
        .map(|own| {
            let name = |at: usize| report.contexts[at].name.as_str();
            format!(
                "{} to {}: {}{what}",
                name(own.from),
                name(own.to),
                own.label
            )
        })
        .collect();
    if pairs.is_empty() {
        "No lines between the contexts".to_owned()
    } else {
        pairs.join("; ")
    }
}
