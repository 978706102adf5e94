//! The worst five crossings, with their ways out.

use freehold_look::number::{grouped, millis, percent, rate, real, whole, word};

use super::line::{Line, cut};
use crate::audit::report::{Crossing, Report, words};
use crate::report::Tone;

/// How many are shown.
const SHOWN: usize = 5;

pub(super) fn worst(report: &Report, width: usize, page: Option<&str>) -> Vec<Line> {
    let all = report.crossings.len();
    let shown = all.min(SHOWN);
    if shown == 0 {
        return if report.has_statistics() {
            let days = report
                .window
                .as_ref()
                .map_or_else(String::new, |own| format!(" in {}", words::span(own.days)));
            vec![Line::new().plain(&format!(
                "No statement of one context on tables of another was seen{days}."
            ))]
        } else {
            Vec::new()
        };
    }
    let title = if shown == all {
        if all == 1 {
            "The one crossing".to_owned()
        } else {
            format!("The {} crossings", word(all))
        }
    } else {
        format!("Worst {} of {all}", word(shown))
    };
    let five = &report.crossings[..shown];
    let pair = five
        .iter()
        .map(|own| own.from.chars().count() + own.to.chars().count() + 3)
        .max()
        .unwrap_or(0)
        .clamp(16, 28);
    let statement = 3 + pair + 2;
    let wide = width >= 100;
    let mut head = Line::new().to(3).dim("from → to");
    if wide {
        head = head.to(statement).dim("statement");
    }
    let mut lines = vec![
        Line::new().strong(&title).plain("   ").dim("by time"),
        numbers(
            head,
            width,
            ("calls a day", "mean ms", "s a day"),
            (Tone::Dim, Tone::Dim),
        ),
    ];
    for (at, own) in five.iter().enumerate() {
        let start = Line::new().dim(&(at + 1).to_string()).to(3);
        let pair = Line::new().plain(&own.from).dim(" → ").plain(&own.to);
        let mut line = start.then(pair);
        let text = words::statement(own, &str::to_owned);
        if wide {
            let room = (width - 26 - 12).saturating_sub(statement);
            line = line.to(statement).plain(&cut(&text, room));
        }
        let figures = (
            rate(own.calls_a_day),
            millis(own.mean_ms),
            grouped(whole(own.seconds_a_day())),
        );
        lines.push(numbers(
            line,
            width,
            (&figures.0, &figures.1, &figures.2),
            (Tone::Plain, Tone::Strong),
        ));
        if wide {
            lines.push(second(own, width));
        } else {
            lines.push(Line::new().to(3).plain(&cut(&text, width - 3)));
            lines.push(
                Line::new()
                    .to(3)
                    .dim("way out: ")
                    .plain(&cut(&way(own), width - 12)),
            );
        }
    }
    if shown < all {
        lines.push(
            Line::new()
                .to(3)
                .dim(&cut(&sum(report, five, page), width - 3)),
        );
    }
    lines
}

fn numbers(line: Line, width: usize, texts: (&str, &str, &str), tones: (Tone, Tone)) -> Line {
    line.right(width - 26, tones.0, texts.0)
        .right(width - 14, tones.0, texts.1)
        .right(width, tones.1, texts.2)
}

/// The place, and the way out.
fn second(own: &Crossing, width: usize) -> Line {
    let place = words::place(own).unwrap_or_else(|| "place not known".to_owned());
    let column = width - 38;
    Line::new()
        .to(3)
        .dim(&cut(&place, column - 4))
        .to(column)
        .dim("way out: ")
        .plain(&cut(&way(own), width - column - 9))
}

fn way(own: &Crossing) -> String {
    let detail = words::way_detail(&own.way_out);
    format!("{} {detail}", own.way_out.way.word())
        .trim_end()
        .to_owned()
}

/// `these five 20,843 of 44,382 s a day, 47 %; the next five are in report.html`.
fn sum(report: &Report, five: &[Crossing], page: Option<&str>) -> String {
    let own: u64 = five.iter().map(|own| whole(own.seconds_a_day())).sum();
    let all = whole(report.crossing_seconds()).max(own);
    let rest = (report.crossings.len() - five.len()).min(5);
    let more = match page {
        Some(page) => format!("; the next {} are in {page}", word(rest)),
        None => "; the next with --html FILE".to_owned(),
    };
    format!(
        "these {} {} of {} s a day, {}{more}",
        word(five.len()),
        grouped(own),
        grouped(all),
        percent(real(own), real(all))
    )
}
