//! A described system in a terminal: a line for each store, then what is not as described.
//!
//! Owns the lines; colours are the caller's.

use freehold_look::number::count;
use freehold_look::spans;

use super::Terminal;
use super::line::{Line, wrapped};
use crate::audit::report::date::Moment;
use crate::audit::report::{Finding, Stands, StoreReport, SystemReport, Unseen, Verdict};
use crate::report::{Paint, Tone};

/// The text, with a line end behind each line.
pub fn terminal_of_system(report: &SystemReport, shown: Terminal<'_>, paint: Paint<'_>) -> String {
    let width = shown.width.clamp(72, 110);
    let mut lines = head(report, width);
    lines.push(Line::new());
    lines.extend(verdict(report, width));
    lines.push(Line::new());
    let names = report.stores.iter().map(|own| own.store.chars().count());
    let name = names.max().unwrap_or(0).max(6) + 4;
    for store in &report.stores {
        lines.extend(of_store(store, name, width));
    }
    for (store, own) in report.all_findings() {
        lines.push(Line::new());
        lines.extend(finding(store, own, width));
    }
    lines.extend(not_seen(report, width));
    lines.extend(over_time(report, width));
    lines.extend(next(report, shown.page));
    let mut out = String::new();
    for line in lines {
        out.push_str(&line.painted(paint));
        out.push('\n');
    }
    out
}

fn head(report: &SystemReport, width: usize) -> Vec<Line> {
    let mut places: Vec<String> = Vec::new();
    let looked = report.stores.iter().filter(|own| own.measured.is_some());
    for own in looked {
        let place = format!("{}: {} at {}", own.server, own.product, own.address);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let stores = count(report.stores.len(), "described store", "described stores");
    let mut lines = vec![
        Line::new()
            .strong(&report.system)
            .plain("   ")
            .dim(&format!("{stores} held against live")),
    ];
    for place in places {
        lines.extend(wrapped(&place, width, Tone::Dim));
    }
    let all = report.stores.iter().filter_map(|own| own.measured.as_ref());
    let sent: usize = all.map(|own| own.statements).sum();
    let how =
        format!("read-only: {sent} statements sent, 0 writes, no row of a service’s table read");
    lines.extend(wrapped(&how, width, Tone::Dim));
    lines
}

fn tone(verdict: Verdict) -> Tone {
    if verdict == Verdict::Open {
        Tone::Warn
    } else {
        Tone::Strong
    }
}

fn verdict(report: &SystemReport, width: usize) -> Vec<Line> {
    let verdict = report.verdict();
    let mark = format!("{} {}", verdict.shape().glyph(), verdict.word());
    let indent = mark.chars().count() + 3;
    let text = spans::plain(&report.headline());
    let text = wrapped(&text, width - indent, Tone::Strong);
    let lines = text.into_iter().enumerate().map(|(at, text)| {
        let start = if at == 0 {
            Line::new().tone(tone(verdict), &mark)
        } else {
            Line::new()
        };
        start.to(indent).then(text)
    });
    lines.collect()
}

/// `● orders   app 2, sidecar, backup; 3 sessions; 4 tables`
fn of_store(store: &StoreReport, name: usize, width: usize) -> Vec<Line> {
    let verdict = store.verdict();
    let start = Line::new()
        .tone(tone(verdict), &verdict.shape().glyph().to_string())
        .plain(" ")
        .strong(&store.store)
        .to(name);
    if store.measured.is_none() {
        return vec![start.dim("nobody could look; see below")];
    }
    let mut reach: Vec<String> = Vec::new();
    for stands in Stands::all() {
        let of = store.logins.iter().filter(|own| own.stands == stands);
        match of.count() {
            0 => {}
            1 => reach.push(stands.word().to_owned()),
            more => reach.push(format!("{more} {}", stands.word())),
        }
    }
    let sessions: usize = store.logins.iter().map(|own| own.sessions).sum();
    let text = format!(
        "{} reached by {}; {}",
        count(store.tables, "table", "tables"),
        if reach.is_empty() {
            "nobody".to_owned()
        } else {
            reach.join(", ")
        },
        count(sessions, "session", "sessions"),
    );
    let text = wrapped(&text, width.saturating_sub(name), Tone::Dim);
    let lines = text.into_iter().enumerate().map(|(at, text)| match at {
        0 => start.clone().then(text),
        _ => Line::new().to(name).then(text),
    });
    lines.collect()
}

fn finding(store: Option<&str>, own: &Finding, width: usize) -> Vec<Line> {
    let indent = own.code.chars().count() + 4;
    let message = match store {
        Some(store) => format!("{store}: {}", own.message),
        None => own.message.clone(),
    };
    let mut lines = Vec::new();
    let text = wrapped(&spans::plain(&message), width - indent, Tone::Plain);
    for (at, text) in text.into_iter().enumerate() {
        let start = if at == 0 {
            Line::new().tone(Tone::Warn, "▲ ").plain(&own.code)
        } else {
            Line::new()
        };
        lines.push(start.to(indent).then(text));
    }
    for text in wrapped(&spans::plain(&own.repair), width - indent, Tone::Dim) {
        lines.push(Line::new().to(indent).then(text));
    }
    lines
}

fn not_seen(report: &SystemReport, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for store in &report.stores {
        for own in &store.unseen {
            lines.push(Line::new());
            let text = format!("○ not seen   {}: {}", store.store, told(own));
            lines.extend(wrapped(&text, width, Tone::Plain));
            let needs = spans::plain(&own.shown_by);
            lines.extend(
                wrapped(&needs, width - 13, Tone::Dim)
                    .into_iter()
                    .map(|text| Line::new().to(13).then(text)),
            );
        }
    }
    lines
}

/// `over time   5 on 29 Oct + 1 new − 3 mended = 3 now`
fn over_time(report: &SystemReport, width: usize) -> Vec<Line> {
    let ([first, rest @ ..], Some(last)) = (&report.history[..], report.history.last()) else {
        return Vec::new();
    };
    if rest.is_empty() {
        return Vec::new();
    }
    let (new, mended) = rest.iter().fold((0, 0), |(new, mended), own| {
        (new + own.new, mended + own.mended)
    });
    let text = format!(
        "over time    {} not as described on {} + {new} new − {mended} mended = {} now, {} kept",
        first.findings,
        Moment::new(&first.at).date(),
        last.findings,
        count(report.history.len(), "audit", "audits"),
    );
    let mut lines = vec![Line::new()];
    lines.extend(wrapped(&text, width, Tone::Plain));
    lines
}

fn told(own: &Unseen) -> String {
    spans::plain(&format!("{}, because {}", own.what, own.because))
}

fn next(report: &SystemReport, page: Option<&str>) -> Vec<Line> {
    let mut lines = vec![Line::new(), Line::new().strong("Next")];
    match report.verdict() {
        Verdict::Closed => {
            lines.push(
                Line::new()
                    .plain("freehold audit --watch")
                    .to(38)
                    .dim("hear of the first that is not described"),
            );
        }
        _ => {
            lines.push(
                Line::new()
                    .plain("freehold explain FH2308")
                    .to(38)
                    .dim("what each code means and what mends it"),
            );
        }
    }
    if page.is_none() {
        lines.push(
            Line::new()
                .plain("freehold audit --html report.html")
                .to(38)
                .dim("all of it on one page"),
        );
    }
    lines
}
