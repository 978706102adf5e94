//! What a director reads: the sentence, where to begin, the six figures.

use freehold_look::number::{capital, count};
use freehold_look::{Shape, shape, spans};
use maud::{Markup, html};

use super::Section;
use crate::audit::report::date::Moment;
use crate::audit::report::{Report, State, Verdict};

pub(super) fn top(report: &Report) -> Markup {
    let at = Moment::new(&report.at);
    html! {
        header.top {
            span.brand { (shape::mark()) "freehold" }
            span.of { "audit of " b { (report.subject.database) } }
            time datetime=(report.at) { (at.date()) ", " code { (at.time()) } " UTC" }
        }
    }
}

pub(super) fn lead(report: &Report, sections: &[Section]) -> Markup {
    html! {
        div.lead {
            div.verdict {
                p.subject { (subject(report)) }
                h1 { (report.headline()) }
                p.cost {
                    (report.verdict().shape().svg())
                    span {
                        b class=(report.verdict().shape().class()) { (capital(report.verdict().word())) "." }
                        @for sentence in report.cost() { " " (sentence) }
                    }
                }
                (partial(report))
                nav aria-label="Sections" {
                    @for own in sections {
                        a href=(format!("#s{}", own.number)) { b { (own.number) } " " (own.short) }
                    }
                }
            }
            (begin(report))
        }
    }
}

fn subject(report: &Report) -> Markup {
    let own = &report.subject;
    html! {
        "Shared database " code { (own.database) } " at " code { (own.address) } " · "
        (own.product) " " (own.product_version) " · "
        (count(own.tables, "table", "tables")) " · "
        (count(report.logins.len(), "login", "logins")) " · "
        @if report.programs.is_empty() && !report.states.programs.is_whole() { "programs not known" }
        @else { (count(report.programs.len(), "program", "programs")) }
    }
}

/// Which sections are whole and which stopped, when the audit was cut short.
fn partial(report: &Report) -> Markup {
    let cut: Vec<String> = report
        .states
        .each()
        .iter()
        .filter(|(_, _, state)| matches!(state, State::CutShort { .. }))
        .map(|(number, name, _)| format!("{number} {name}"))
        .collect();
    let whole: Vec<String> = report
        .states
        .each()
        .iter()
        .filter(|(_, _, state)| state.is_whole())
        .map(|(number, name, _)| format!("{number} {name}"))
        .collect();
    html! {
        @if !cut.is_empty() {
            p.cost {
                (Shape::NotKnown.svg())
                span {
                    b { "Cut short." } " "
                    @if whole.is_empty() { "No section is whole. " }
                    @else { "Whole: " (whole.join(", ")) ". " }
                    "Stopped: " (cut.join(", ")) "; each says when and why."
                }
            }
        }
    }
}

fn begin(report: &Report) -> Markup {
    let (steps, now) = (report.first_steps(), report.now());
    html! {
        section.card.begin aria-labelledby="begin" {
            h2 #begin { "Begin here" }
            @if steps.is_empty() {
                p.nothing {
                    @if report.verdict() == Verdict::Closed { "Nothing to do today." }
                    @else { "Look at what could not be seen first: " a href="#s11" { "11" } "." }
                }
            }
            ol {
                @for (at, step) in steps.iter().enumerate() {
                    li {
                        span.ring { (at + 1) }
                        p { b { (step.title) } " " (spans::html(&step.ends)) " " a href=(format!("#s{}", step.see)) { (step.see) } }
                    }
                }
            }
            p.now { span { (now.why) } code.command { (now.command) } }
        }
    }
}

pub(super) fn figures(report: &Report) -> Markup {
    html! {
        dl.card.figures {
            @for own in report.figures() {
                div {
                    dt { (own.label) }
                    dd.big {
                        @if let Some(value) = &own.value { b { (value) } " " span { (own.of) } }
                        @else { (Shape::NotKnown.svg()) span { "not known" } }
                    }
                    dd.detail { (own.detail) }
                }
            }
        }
    }
}
