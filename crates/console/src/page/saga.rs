//! One saga: its steps and the way back, why it is parked, and what can be done.

use freehold_look::{Shape, clock, spans};
use maud::{Markup, html};

use super::{Setting, tree};
use crate::address;
use crate::moment::{Instance, Moment, Promise, SagaState, Step, StepState};
use crate::parts;

pub(super) fn detail(own: &Instance, moment: &Moment, setting: &Setting) -> Markup {
    let parked = own.state == SagaState::Parked;
    html! {
        div.two.saga {
            section.card.instance aria-label="The saga" {
                header.head {
                    h2 { (own.state.shape().svg()) (own.saga) " for " (own.about) } code.dim.id { (own.id) }
                    span.side { (own.detail) @if !own.detail.is_empty() && !own.trace.is_empty() { " · " } @if !own.trace.is_empty() { a href=(address::one("traces", &own.trace)) { "trace" } } }
                }
                (way(own, moment.at))
                div.halves {
                    div { header.head { h3 { "Attempts" } } (attempts(own)) }
                    div { header.head { h3 { "Audit trail" } } (trail(own)) }
                }
                (input(own))
            }
            @if parked { (why(own, moment.at, setting)) } @else { (summary(own, moment.at, setting)) }
        }
    }
}

/// Steps under what they promise, and below them the way back.
fn way(own: &Instance, now: u64) -> Markup {
    let mut groups: Vec<(Promise, Vec<(usize, &Step)>)> = Vec::new();
    for step in own.steps.iter().enumerate() {
        match groups.last_mut() {
            Some((promise, steps)) if *promise == step.1.promise => steps.push(step),
            _ => groups.push((step.1.promise, vec![step])),
        }
    }
    let back: Vec<&Step> = own
        .steps
        .iter()
        .filter(|own| !own.undo.is_empty() && !matches!(own.state, StepState::NotBegun))
        .collect();
    html! {
        div.way {
            div.forward {
                @for (promise, steps) in &groups {
                    div.promise data-steps=(steps.len()) {
                        p.over { (promise_words(*promise)) }
                        ol { @for (at, step) in steps { (self::step(*at, step)) } }
                    }
                }
            }
            @if !back.is_empty() && own.state != SagaState::Completed {
                div.back {
                    p { b { (if own.state == SagaState::Compensated { "The way back, gone" } else { "The way back, ready" }) }
                        @if let Some(deadline) = own.deadline { " starts at " (parts::time(deadline)) ", or when you say so" @if deadline <= now { " (due)" } } }
                    ol { @for step in back.iter().rev() { li { (Shape::Compensated.svg()) code { (step.undo) } span.mid { (step.undo_detail) } } } }
                }
            }
        }
    }
}

fn promise_words(own: Promise) -> &'static str {
    match own {
        Promise::Compensatable => "compensatable: can be undone",
        Promise::Pivot => "pivot: after this, only forward",
        Promise::Retriable => "retriable: tried until done",
    }
}

fn step(at: usize, own: &Step) -> Markup {
    let class = match own.state {
        StepState::Parked => "step parked",
        StepState::NotBegun => "step not-begun",
        StepState::Failed => "step failed",
        _ => "step",
    };
    html! {
        li class=(class) {
            code { (at + 1) " " (breakable(&own.name)) }
            b { (own.service) }
            span.says { (own.state.shape().svg()) (if own.says.is_empty() { "not begun" } else { &own.says }) }
        }
    }
}

/// A long name may break behind its underscores.
pub(super) fn breakable(name: &str) -> Markup {
    html! { @for part in name.split_inclusive('_') { (part) wbr; } }
}

fn attempts(own: &Instance) -> Markup {
    html! {
        @if own.attempts.is_empty() { (parts::empty("Nobody tells here what was asked and answered; what is known of each step stands above.", "")) } @else { table.rows {
            thead { tr { th.more { "Time" } th { "Step" } th.num { "Try" } th { "Answer" } th.num.more { "Took" } } }
            tbody { @for it in &own.attempts { tr {
                td.more { time.mono title=(clock::exact(it.at)) { (clock::time_ms(it.at)) } }
                td { code { (it.step) } } td.num { (it.attempt) }
                td { span.cell { (if it.good { Shape::Well } else { Shape::Failed }.svg()) span { (spans::html(&it.answer)) } } }
                td.num.more { (clock::took(it.took_ms)) }
            } } }
        } }
    }
}

fn trail(own: &Instance) -> Markup {
    html! {
        @if own.trail.is_empty() { (parts::empty("No person has done anything to it.", "")) } @else {
            ul.trail { @for it in &own.trail { li { time.mono title=(clock::exact(it.at)) { (clock::time(it.at)) } span { (spans::html(&it.text)) } } } }
        }
    }
}

fn input(own: &Instance) -> Markup {
    html! {
        @if let Some(fields) = own.input.value().as_object().filter(|own| !own.is_empty()) {
            dl.input { div { dt { b { "Input" } } } @for (name, value) in fields { div { dt { code.mid { (name) } } dd { code { (tree::brief(value)) } } } } }
        }
    }
}

fn why(own: &Instance, now: u64, setting: &Setting) -> Markup {
    html! {
        section.card.why aria-label="Why it is parked" {
            header.head { h2 { (Shape::Parked.svg()) "Why it is parked" } }
            div.part { p.big-text { (spans::html(if own.why.is_empty() { &own.says } else { &own.why })) }
                @if let (Some(parked), Some(deadline)) = (own.parked_at, own.deadline) {
                    @let (gone, all) = (now.saturating_sub(parked), deadline.saturating_sub(parked).max(1));
                    progress max=(all) value=(gone.min(all)) aria-label="Until it compensates by itself" {}
                    p.row { span data-live="parked-for" { (clock::span(gone)) " of " (clock::span(all)) } span { "compensates at " b { (parts::time(deadline)) } } }
                } @else { p.mid { "It waits for a person; nothing is lost." } }
            }
            @if !own.holds.is_empty() { div.part { h3 { "What it holds" } dl.pairs { @for held in &own.holds { dt { (held.kind) } dd { (spans::html(&held.what)) } } } } }
            div.part { h3 { "What you can do" } (actions(own, setting)) }
            footer { (parts::command(&format!("freehold saga retry {} {} {}", own.service, own.id, own.at_step))) @if !setting.writes { span.mid { "read-only: start with an operator token" } } }
        }
    }
}

/// Every action with what it brings about; what is not possible, with the reason.
fn actions(own: &Instance, setting: &Setting) -> Markup {
    let step = own.steps.iter().find(|it| it.name == own.at_step);
    let back: Vec<&str> = own
        .steps
        .iter()
        .rev()
        .filter(|own| !own.undo.is_empty() && own.state == StepState::Done)
        .map(|own| own.undo.as_str())
        .collect();
    let undo = if back.is_empty() {
        "Nothing was done, so nothing is taken back.".to_owned()
    } else {
        format!(
            "Runs {}. Cannot be taken back.",
            back.iter()
                .map(|own| format!("`{own}`"))
                .collect::<Vec<_>>()
                .join(", then ")
        )
    };
    let passed = own
        .steps
        .iter()
        .any(|own| own.promise == Promise::Pivot && own.state == StepState::Done);
    html! {
        ul.actions {
            @if own.state == SagaState::Parked { li { (button("retry_saga", &own.id, "Retry step", "r", true, setting)) span { "One more try, same idempotency key." } } }
            @else { li { button.button type="button" disabled { "Retry step" } span { "It is under way and tries again by itself." } } }
            @if passed { li { button.button type="button" disabled { "Compensate" } span { "The pivot is done: only forward." } } }
            @else { li { (button("compensate_saga", &own.id, "Compensate", "x", false, setting)) span { (spans::html(&undo)) } } }
            li { button.button type="button" disabled { "Skip step" } span { @if step.is_some_and(|own| own.promise == Promise::Pivot) { "Not for a pivot: what follows relies on it." } @else { "Steps are not skipped: what follows relies on them." } } }
        }
    }
}

/// A button of an action. Without an operator token it stays, dashed.
pub(super) fn button(
    action: &str,
    id: &str,
    label: &str,
    key: &str,
    likeliest: bool,
    setting: &Setting,
) -> Markup {
    let class = if likeliest && setting.writes {
        "button filled"
    } else {
        "button"
    };
    html! {
        button class=(class) type="button" data-do=(action) data-id=(id) data-key=(key) disabled[!setting.writes]
            title=[(!setting.writes).then_some("read-only: start with an operator token")] { (label) }
    }
}

fn summary(own: &Instance, now: u64, setting: &Setting) -> Markup {
    html! {
        section.card aria-label="How it stands" {
            header.head { h2 { (super::sagas::state(own.state)) } }
            div.part { dl.pairs {
                dt { "started" } dd { (parts::time(own.started_at)) }
                @match own.ended_at { Some(at) => { dt { "ended" } dd { (parts::time(at)) } dt { "took" } dd { (clock::span(at.saturating_sub(own.started_at))) } } None => { dt { "runs for" } dd { (clock::span(now.saturating_sub(own.started_at))) } } }
                dt { "started by" } dd { a href=(address::one("services", &own.service)) { (own.service) } }
                @if !own.says.is_empty() { dt { "says" } dd { (spans::html(&own.says)) } }
            } }
            @if own.state == SagaState::Running { div.part { h3 { "What you can do" } (actions(own, setting)) } }
            footer { (parts::command(&format!("freehold saga show {} {}", own.service, own.id))) }
        }
    }
}
