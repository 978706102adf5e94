//! The order in which contexts come off easiest, and what each step takes away.

use freehold_look::number::{count, real};
use maud::{Markup, html};

use super::{Bar, section};
use crate::audit::report::{Report, Stage};

/// How high the stair is, in pixels.
const HEIGHT: f64 = 118.0;
/// More stages than this stand under each other, with bars.
const WIDEST: usize = 6;

pub(super) fn order(report: &Report) -> Markup {
    let stages = report.stages();
    let total = report.matrix().total.shown;
    let bar = Bar::new(
        9,
        "The order in which contexts come off easiest",
        "fewest crossing writes first, then foreign keys, then statements",
    )
    .side(if total > 0 {
        format!("{} crossing calls a day to 0", report.scale().show(total))
    } else {
        String::new()
    });
    let free = report.has_statistics() && stages.iter().all(|own| own.statements + own.keys == 0);
    let body = html! {
        @if free && !stages.is_empty() { p.nothing { "Nothing crosses and no key ties them: each can come off by itself." } }
        @else if stages.is_empty() { p.nothing { "No order was worked out." } }
        @else {
            ol.stages.listed[stages.len() > WIDEST] style=(format!("--stages:{}", stages.len())) {
                @for (at, own) in stages.iter().enumerate() { (stage(report, at, own, total)) }
            }
            p.note { (sum(report, &stages)) }
        }
    };
    section(&bar, &body)
}

fn stage(report: &Report, at: usize, own: &Stage, total: u64) -> Markup {
    let scale = report.scale();
    let share = |part: u64| real(part) / real(total.max(1));
    let (ended, left) = (share(own.shown_ended), share(own.shown_left));
    let quiet = own.stays && own.statements == 0 && own.keys == 0;
    html! {
        li.stage.last[quiet] {
            h3 { span.ring { (at + 1) } (own.context) " " span.dim { (own.tables) " tables" } }
            @if total > 0 {
                div.stair {
                    @if own.shown_ended > 0 { p.ended { "−" (scale.show(own.shown_ended)) " calls a day" } }
                    div.gone style=(format!("height:{:.1}px", ended * HEIGHT)) {}
                    div.left style=(format!("height:{:.1}px", left * HEIGHT)) {}
                    p.rest style=(format!("top:calc(100% - {:.1}px)", (left * HEIGHT).max(24.0))) { (left_text(report, own)) }
                }
                div.line {
                    p { @if own.shown_ended > 0 { b { "−" (scale.show(own.shown_ended)) " calls a day" } } span { (left_text(report, own)) } }
                    div.track { i.left style=(format!("width:{:.1}%", left * 100.0)) {} i.gone style=(format!("width:{:.1}%", ended * 100.0)) {} }
                }
            }
            dl {
                div { dt { "Statements to replace" } dd { @if report.has_statistics() { (own.statements) } @else { "not known" } } }
                div { dt { "of them writes" } dd { @if report.has_statistics() { (own.writes) } @else { "not known" } } }
                div { dt { "Foreign keys to drop" } dd { (own.keys) } }
                div { dt { "Data to move" } dd { @if own.stays { "none, stays" } @else { (size(report, own)) } } }
            }
            p.why { (why(report, own)) }
            @if !own.ways.is_empty() { p.ways { span { "Ways out" } " " (ways(own)) } }
        }
    }
}

fn left_text(report: &Report, own: &Stage) -> String {
    if own.shown_left == 0 {
        "0 left".to_owned()
    } else {
        format!("{} left", report.scale().show(own.shown_left))
    }
}

/// The size as it stands in the picture, so that both say the same.
fn size(report: &Report, own: &Stage) -> String {
    let sizes = report.sizes();
    let at = report
        .contexts
        .iter()
        .position(|context| context.name == own.context);
    at.map_or_else(String::new, |at| {
        format!("{} {}", sizes.contexts[at], sizes.unit)
    })
}

fn why(report: &Report, own: &Stage) -> String {
    if let Some(why) = &own.why {
        why.clone()
    } else if own.statements == 0 && own.keys == 0 && own.stays {
        "What remains. Nothing crosses any more.".to_owned()
    } else if own.statements == 0 && own.keys == 0 {
        if report.has_statistics() {
            "Nothing crosses.".to_owned()
        } else {
            "No key ties it.".to_owned()
        }
    } else {
        let reads = own.statements - own.writes;
        match (own.statements, own.writes) {
            (0, _) => "Only foreign keys hold it.".to_owned(),
            (1, 0) => "The one statement only reads.".to_owned(),
            (n, 0) => format!("All {n} statements only read."),
            (n, _) => format!(
                "{reads} of {} only read.",
                count(n, "statement", "statements")
            ),
        }
    }
}

fn ways(own: &Stage) -> String {
    let all: Vec<String> = own
        .ways
        .iter()
        .map(|(way, n)| format!("{} {n}", way.word()))
        .collect();
    all.join(", ")
}

/// `Signals, not days. … 10 + 10 + 8 = 28 statements, 4 + 6 + 4 = 14 keys.`
fn sum(report: &Report, stages: &[Stage]) -> String {
    let add = |values: Vec<usize>, one: &str, many: &str| {
        let total = count(values.iter().sum(), one, many);
        let mut parts: Vec<String> = values.iter().map(ToString::to_string).collect();
        while parts.len() > 1 && parts.last().is_some_and(|own| own == "0") {
            parts.pop();
        }
        match parts.len() {
            0 | 1 => total,
            _ => format!("{} = {total}", parts.join(" + ")),
        }
    };
    let keys = add(stages.iter().map(|own| own.keys).collect(), "key", "keys");
    let sums = if report.has_statistics() {
        let statements = add(
            stages.iter().map(|own| own.statements).collect(),
            "statement",
            "statements",
        );
        format!("{statements}, {keys}")
    } else {
        keys
    };
    format!(
        "Signals, not days. Each step counts what is still there when its turn comes, so the steps add up: {sums}."
    )
}
