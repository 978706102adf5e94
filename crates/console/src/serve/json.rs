//! Everything on the pages, as JSON. A pure function of a moment and of what was asked for.

use freehold_look::Shape;
use serde_json::{Value, json};

use crate::moment::{Attention, Moment, SagaState};
use crate::page::{Asked, find};

/// How many of a long list are given at most; `limit` may ask for fewer.
const MOST: usize = 1000;

/// What stands at a path below `/api/v1/`. Nothing: there is no such thing.
#[must_use]
pub fn found(path: &str, asked: &Asked, moment: &Moment) -> Option<Value> {
    let (noun, one) = path
        .split_once('/')
        .map_or((path, None), |(noun, one)| (noun, Some(one)));
    let limit = asked
        .get("limit")
        .and_then(|own| own.parse::<usize>().ok())
        .unwrap_or(MOST)
        .min(MOST);
    let narrowed = |key: &str, own: &str| asked.get(key).is_none_or(|it| it == own);
    let value = match (noun, one) {
        ("openapi.json", None) => serde_json::from_str(super::OPENAPI).ok()?,
        ("moment", None) => json!(moment),
        ("map", None) => json!({
            "system": moment.system, "environment": moment.environment, "at": moment.at, "broker": moment.broker,
            "servers": moment.servers, "services": moment.services, "events": moment.events, "sagas": moment.sagas,
            "attention": attention(moment), "lately": moment.lately,
        }),
        ("attention", None) => json!(attention(moment)),
        ("services", None) => json!(moment.services),
        ("services", Some(name)) => json!(moment.service(name)?),
        ("events", None) => {
            let ways: Vec<_> = moment
                .ways
                .iter()
                .filter(|own| narrowed("event", &own.event))
                .take(limit)
                .collect();
            json!({ "kinds": moment.events, "dead": moment.dead, "newest": ways })
        }
        ("events", Some(id)) => json!(moment.ways.iter().find(|own| own.id == id)?),
        ("sagas", None) => {
            let state = |own: SagaState| narrowed("state", own.word());
            let all: Vec<_> = moment
                .instances
                .iter()
                .filter(|own| state(own.state))
                .take(limit)
                .collect();
            json!({ "kinds": moment.sagas, "instances": all })
        }
        ("sagas", Some(id)) => json!(moment.instances.iter().find(|own| own.id == id)?),
        ("boundary", None) => json!(moment.boundary),
        ("databases", None) => json!(moment.databases),
        ("logs", None) => {
            let lines: Vec<_> = moment
                .logs
                .iter()
                .rev()
                .filter(|own| narrowed("from", &own.from) && narrowed("trace", &own.trace))
                .take(limit)
                .collect();
            json!(lines)
        }
        ("traces", None) => json!(moment.traces.iter().take(limit).collect::<Vec<_>>()),
        ("traces", Some(id)) => json!(moment.traces.iter().find(|own| own.id == id)?),
        ("plots", None) => json!(moment.all_plots().collect::<Vec<_>>()),
        ("find", None) => {
            let text = asked.get("q").map_or("", String::as_str);
            let hits = find::found(text, moment).into_iter();
            let hits: Vec<_> = hits.map(|[kind, name, detail, link]| json!({ "kind": kind, "name": name, "detail": detail, "link": link })).collect();
            json!(hits)
        }
        _ => return None,
    };
    Some(value)
}

fn word(shape: Shape) -> &'static str {
    match shape {
        Shape::Well => "well",
        Shape::Running => "running",
        Shape::Parked => "parked",
        Shape::Differs => "differs",
        Shape::Failed => "failed",
        Shape::Compensated => "compensated",
        Shape::NotKnown => "not_known",
    }
}

fn attention(moment: &Moment) -> Vec<Value> {
    let one = |own: Attention| {
        json!({
            "state": word(own.shape), "title": own.title, "text": freehold_look::spans::plain(&own.text),
            "since": own.since, "link": own.button.1, "command": own.command,
        })
    };
    moment.attention().into_iter().map(one).collect()
}
