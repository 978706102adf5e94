//! The chosen saga: a ribbon below the houses, numbered stops on their edges, and its steps.

use freehold_look::number::real;
use freehold_look::svg::{point, tenth};
use freehold_look::{Shape, clock};
use maud::{Markup, html};

use super::layout::{HOUSE_WIDTH, Layout, left};
use crate::moment::{Moment, Promise, SagaKind, SagaState};

/// Where a step stops.
struct Stop {
    at: (f64, f64),
    row: usize,
}

fn stops(saga: &SagaKind, layout: &Layout<'_>, tops: &[f64], pitch: f64) -> Vec<Option<Stop>> {
    let mut met = vec![0_u32; layout.nodes.len()];
    saga.steps
        .iter()
        .map(|step| {
            let node = layout.at(&step.service)?;
            let place = &layout.nodes[node];
            let y = tops[place.row] + 20.0 + f64::from(met[node]) * 27.0;
            met[node] += 1;
            Some(Stop {
                at: (left(place.column, pitch) + 14.0 + HOUSE_WIDTH, y),
                row: place.row,
            })
        })
        .collect()
}

/// The way, to be drawn below the houses.
pub(super) fn way(saga: &SagaKind, layout: &Layout<'_>, tops: &[f64], pitch: f64) -> Markup {
    let stops: Vec<Stop> = stops(saga, layout, tops, pitch)
        .into_iter()
        .flatten()
        .collect();
    html! {
        @for pair in stops.windows(2) {
            @let curve = curve(&pair[0], &pair[1]);
            path.ribbon d=(format!("M{}C{} {} {}", point(curve[0]), point(curve[1]), point(curve[2]), point(curve[3]))) {}
            @for share in [0.3, 0.5, 0.7] { (chevron(&curve, share)) }
        }
    }
}

/// Straight within a row; between rows around the right side of the houses.
fn curve(a: &Stop, b: &Stop) -> [(f64, f64); 4] {
    let out = if a.row == b.row { 0.0 } else { 46.0 };
    let far = (a.at.0 - b.at.0).abs() * 0.35;
    let right = |x: f64, other: f64| if x >= other { x + out } else { x + out + far };
    if a.row == b.row && (a.at.0 - b.at.0).abs() < 1.0 {
        let bulge = a.at.0 + 34.0;
        return [a.at, (bulge, a.at.1), (bulge, b.at.1), b.at];
    }
    [
        a.at,
        (right(a.at.0, b.at.0), a.at.1),
        (right(b.at.0, a.at.0), b.at.1),
        b.at,
    ]
}

fn chevron(curve: &[(f64, f64); 4], t: f64) -> Markup {
    let along = |t: f64| {
        let u = 1.0 - t;
        let part = |f: fn(&(f64, f64)) -> f64| {
            u * u * u * f(&curve[0])
                + 3.0 * u * u * t * f(&curve[1])
                + 3.0 * u * t * t * f(&curve[2])
                + t * t * t * f(&curve[3])
        };
        (part(|own| own.0), part(|own| own.1))
    };
    let (at, next) = (along(t), along(t + 0.01));
    let angle = (next.1 - at.1).atan2(next.0 - at.0).to_degrees();
    html! { path.chevron d="M-2 -4L2 0L-2 4" transform=(format!("translate({}) rotate({})", point(at), tenth(angle))) {} }
}

/// The numbers, above everything else.
pub(super) fn numbers(
    saga: &SagaKind,
    moment: &Moment,
    layout: &Layout<'_>,
    tops: &[f64],
    pitch: f64,
) -> Markup {
    let stops = stops(saga, layout, tops, pitch);
    html! {
        @for (at, (step, stop)) in saga.steps.iter().zip(&stops).enumerate() {
            @if let Some(stop) = stop {
                @let parked = parked_at(saga, &step.name, moment);
                g.stop.parked[parked] {
                    circle cx=(tenth(stop.at.0)) cy=(tenth(stop.at.1)) r="10" {}
                    text x=(tenth(stop.at.0)) y=(tenth(stop.at.1 + 4.0)) text-anchor="middle" { (at + 1) }
                }
            }
        }
    }
}

fn parked_at(saga: &SagaKind, step: &str, moment: &Moment) -> bool {
    moment
        .instances
        .iter()
        .any(|own| own.saga == saga.name && own.at_step == step && own.state == SagaState::Parked)
}

/// Steps and counts, as a list that stands in a free place of the drawing or below it.
pub(crate) fn steps(saga: &SagaKind, moment: &Moment, class: &str) -> Markup {
    let rate = saga
        .per_second
        .map(|own| format!("{} started/s", crate::parts::rate(own)));
    let p50 = saga.p50_ms.map(|own| format!("p50 {}", clock::took(own)));
    let figures: Vec<_> = rate.into_iter().chain(p50).collect();
    html! {
        div class=(format!("saga-card {class}")) {
            div.head { b.mono { (saga.name) } span.dim { (figures.join(" · ")) } }
            ol {
                @for (at, step) in saga.steps.iter().enumerate() {
                    li {
                        span.number.parked[parked_at(saga, &step.name, moment)] { (at + 1) }
                        span.mono { (step.name) @if step.promise == Promise::Pivot { " " span.tag { "pivot" } } }
                        span.dim { (step.service) }
                        span.num { @if let Some(ms) = step.p50_ms { (clock::took(ms)) } @else { "–" } }
                    }
                }
            }
            div.counts {
                @for state in [SagaState::Running, SagaState::Parked, SagaState::Compensated] {
                    a href=(format!("/sagas?state={}", state.word())) class=(if state == SagaState::Parked && saga.count(state) > 0 { "s-warn strong" } else { "" }) {
                        (shape(state).svg()) (freehold_look::number::grouped(saga.count(state))) " " (state.word())
                    }
                }
            }
        }
    }
}

fn shape(state: SagaState) -> Shape {
    state.shape()
}

/// How high the list of steps is.
pub(super) fn steps_height(saga: &SagaKind) -> f64 {
    96.0 + 24.0 * real(saga.steps.len() as u64)
}
