//! Lines of all logs, new ones on top as they come.

use freehold_look::{Shape, clock};
use maud::{Markup, html};

use super::{Asked, Noun, Page, frame};
use crate::moment::{Level, LogLine, Moment};
use crate::{address, parts};

const MOST: usize = 500;

pub(super) fn page(asked: &Asked, moment: &Moment) -> Page {
    let from = asked.get("from").filter(|own| !own.is_empty());
    let text = asked
        .get("q")
        .map(|own| own.to_lowercase())
        .filter(|own| !own.is_empty());
    let trace = asked.get("trace").filter(|own| !own.is_empty());
    let level = asked.get("level").map(String::as_str);
    let fits = |own: &&LogLine| {
        from.is_none_or(|it| own.from == *it)
            && text
                .as_ref()
                .is_none_or(|it| own.text.to_lowercase().contains(it))
            && trace.is_none_or(|it| own.trace == *it)
            && (level != Some("warn") || own.level >= Level::Warn)
    };
    let lines: Vec<&LogLine> = moment.logs.iter().rev().filter(fits).collect();
    let mut names: Vec<&str> = moment.logs.iter().map(|own| own.from.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    Page {
        title: "Logs".to_owned(),
        noun: Noun::Logs,
        found: true,
        main: html! {
            (frame::title(&html! { "Newest on top" @if let Some(trace) = trace { " · of trace " code { (address::short(trace)) } " · " a href="/logs" { "all" } } }, &html! { h1 { "Logs" } }, &html! {}))
            form.filters method="get" {
                div.segments {
                    a href="/logs" aria-current=[from.is_none().then_some("true")] { "All" }
                    @for name in names { a href=(address::with("/logs", "from", name)) aria-current=[from.is_some_and(|own| own == name).then_some("true")] { (name) } }
                }
                @if let Some(from) = from { input type="hidden" name="from" value=(from); }
                label.check { input type="checkbox" name="level" value="warn" checked[level == Some("warn")]; "Warnings only" }
                input.text type="search" name="q" value=(asked.get("q").map_or("", String::as_str)) placeholder="Text …" aria-label="Lines with this text";
                button.button type="submit" { "Narrow" }
                button.button type="button" data-pause hidden { "Pause" }
                span.dim data-waiting {}
            }
            section.card.logs aria-label="Lines" data-logs data-from=(from.map_or("", String::as_str)) data-text=(text.as_deref().unwrap_or_default()) data-level=(level.unwrap_or_default()) {
                @if lines.is_empty() { (parts::empty(if moment.logs.is_empty() { "No lines yet. Programs that `freehold up` runs write here." } else { "No line is like that." }, "")) }
                ol { @for own in lines.iter().take(MOST) { (line(own)) } }
            }
            (frame::cut(lines.len().min(MOST), lines.len(), "narrow by service or text"))
        },
        keys: vec![("j k", "lines"), ("p", "pause")],
        json: match from {
            Some(from) => address::with("/api/v1/logs", "from", from),
            None => "/api/v1/logs".to_owned(),
        },
    }
}

/// A line; the same as the stream sends it.
pub(crate) fn line(own: &LogLine) -> Markup {
    html! {
        li.line data-row tabindex="-1" {
            time.mono title=(clock::exact(own.at)) { (clock::time_ms(own.at)) }
            span.who { (own.from) }
            span.level { @match own.level { Level::Info => {} Level::Warn => { span.s-warn { (Shape::Differs.svg()) span.quiet { "warning" } } } Level::Error => { span.s-bad { (Shape::Failed.svg()) span.quiet { "error" } } } } }
            span.text { (own.text) @if !own.trace.is_empty() { " " a.dim href=(address::one("traces", &own.trace)) { "trace " (address::short(&own.trace)) } } }
        }
    }
}
