//! The list of sagas, parked first, above the chosen one.

use freehold_look::{Shape, clock, number, spans};
use maud::{Markup, html};

use super::{Asked, Noun, Page, Setting, frame, saga};
use crate::address;
use crate::moment::{Instance, Moment, SagaState};
use crate::parts;

const MOST: usize = 50;
/// With one chosen the list is short, so that both are seen at once.
const MOST_ABOVE: usize = 7;

pub(super) fn page(
    asked: &Asked,
    chosen: Option<&Instance>,
    moment: &Moment,
    setting: &Setting,
) -> Page {
    let state = asked
        .get("state")
        .and_then(|word| SagaState::ALL.into_iter().find(|own| own.word() == word));
    let text = asked
        .get("q")
        .map(|own| own.to_lowercase())
        .filter(|own| !own.is_empty());
    let fits = |own: &&Instance| {
        state.is_none_or(|it| own.state == it)
            && text.as_ref().is_none_or(|it| {
                [&own.id, &own.about, &own.says, &own.saga, &own.at_step]
                    .iter()
                    .any(|own| own.to_lowercase().contains(it))
            })
    };
    let mut all: Vec<&Instance> = moment.instances.iter().filter(fits).collect();
    all.sort_by_key(|own| {
        (
            own.state != SagaState::Parked,
            std::cmp::Reverse(own.started_at),
        )
    });
    // Without a choice the first parked one is shown: it is what one came for.
    let shown = chosen.or_else(|| {
        all.first()
            .copied()
            .filter(|own| own.state == SagaState::Parked)
    });
    let most = if shown.is_some() { MOST_ABOVE } else { MOST };
    Page {
        title: chosen.map_or_else(
            || "Sagas".to_owned(),
            |own| format!("{} for {}", own.saga, own.about),
        ),
        noun: Noun::Sagas,
        found: true,
        main: html! {
            (head(asked, state, moment))
            section.card.table aria-label="Sagas" {
                @if all.is_empty() && moment.sagas.is_empty() { (parts::empty("No sagas yet. One is a file that a service names under `sagas:`.", "")) }
                @else if all.is_empty() { (parts::empty("None is like that.", "")) }
                @else { (list(window(&all, most, shown), shown, moment.at)) }
            }
            (frame::cut(all.len().min(most), all.len(), "narrow by state or text, or open one"))
            @if let Some(own) = shown { (saga::detail(own, moment, setting)) }
        },
        keys: vec![
            ("j k", "next, previous saga"),
            ("r", "retry"),
            ("x", "compensate"),
        ],
        json: chosen.map_or_else(
            || "/api/v1/sagas".to_owned(),
            |own| address::one("api/v1/sagas", &own.id),
        ),
    }
}

fn head(asked: &Asked, state: Option<SagaState>, moment: &Moment) -> Markup {
    let rates: Vec<f64> = moment
        .sagas
        .iter()
        .filter_map(|own| own.per_second)
        .collect();
    let p99 = moment
        .sagas
        .iter()
        .filter_map(|own| own.p99_ms)
        .fold(None, |most: Option<f64>, own| {
            Some(most.map_or(own, |most| most.max(own)))
        });
    let since = moment.sagas.iter().filter_map(|own| own.since).min();
    let all: u64 = SagaState::ALL
        .into_iter()
        .map(|own| moment.sagas_in(own))
        .sum();
    let mut told = Vec::new();
    told.extend(since.map(|at| format!("{} since {}", number::grouped(all), clock::time(at))));
    if !rates.is_empty() {
        told.push(format!("{}/s", parts::rate(rates.iter().sum())));
    }
    told.extend(p99.map(|own| format!("p99 {}", clock::took(own))));
    html! {
        div.title.row {
            h1 { "Sagas" }
            form.filters method="get" action="/sagas" {
                div.chips { @for own in SagaState::ALL {
                    @let on = state == Some(own);
                    a href=(if on { "/sagas".to_owned() } else { address::with("/sagas", "state", own.word()) }) aria-pressed=(on) role="button" {
                        (own.shape().svg()) (number::capital(own.word())) " " b data-live=(format!("count-{}", own.word())) { (number::grouped(moment.sagas_in(own))) }
                    }
                } }
                @if let Some(state) = state { input type="hidden" name="state" value=(state.word()); }
                input.text type="search" name="q" value=(asked.get("q").map_or("", String::as_str)) placeholder="order, id, error …" aria-label="Sagas with this text";
            }
            p.dim.end { (told.join(" · ")) }
        }
    }
}

/// So many of the list that the chosen one is among them.
fn window<'a, 'm>(
    all: &'a [&'m Instance],
    most: usize,
    shown: Option<&Instance>,
) -> &'a [&'m Instance] {
    let at = shown.and_then(|own| all.iter().position(|it| it.id == own.id));
    let first = at.filter(|at| *at >= most).map_or(0, |at| at - most / 2);
    let first = first.min(all.len().saturating_sub(most));
    &all[first..all.len().min(first + most)]
}

fn list(all: &[&Instance], shown: Option<&Instance>, now: u64) -> Markup {
    html! {
        table.rows {
            thead { tr { th { "Saga" } th.more { "Id" } th { "About" } th.more { "At step" } th.more { "Attempt" } th { "State" } th.more { "Next" } th.num.more { "Started" } th.num { "Age" } } }
            tbody { @for own in all {
                tr data-row aria-selected=[shown.is_some_and(|it| it.id == own.id).then_some("true")] {
                    th scope="row" { span.cell { (own.state.shape().svg()) code { (saga::breakable(&own.saga)) } } }
                    td.more { code.dim title=(own.id) { (address::short(&own.id)) } }
                    td { a href=(address::one("sagas", &own.id)) { (own.about) } }
                    td.more { @if own.at_step.is_empty() { (parts::none()) } @else { code { (own.at_step) } } }
                    td.more { (own.attempt) }
                    td class=(if own.state == SagaState::Parked { "s-warn strong" } else { "" }) { @if own.says.is_empty() { (own.state.word()) } @else { (spans::html(&own.says)) } }
                    td.mid.more { (own.next) }
                    td.num.more { (parts::time(own.started_at)) }
                    td.num { (clock::span(own.ended_at.unwrap_or(now).saturating_sub(own.started_at))) }
                }
            } }
        }
    }
}

/// The shape and the word of a state, for other pages.
pub(super) fn state(own: SagaState) -> Markup {
    let shape: Shape = own.shape();
    html! { span.cell { (shape.svg()) (own.word()) } }
}
