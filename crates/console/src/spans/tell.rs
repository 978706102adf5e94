//! What spans know of events and sagas: when an event was taken by the broker and readable where, and
//! what each step of a saga was answered, and how fast. Put into a moment that others made.

use std::collections::{BTreeMap, HashMap};

use freehold_look::number::real;

use super::Spans;
use crate::moment::{
    Attempt, DeadLetter, Instance, Lane, LaneKind, Moment, Reader, StepState, Stretch, Way, WayStep,
};
use crate::otlp::{Received, Side};

/// So many attempts of one saga are listed.
const MOST_ATTEMPTS: usize = 50;
/// Fewer than this make no median.
const LEAST: usize = 3;

/// What was asked for a saga, in time's order.
type Asked<'a> = HashMap<&'a str, Vec<(&'a Received, &'a str)>>;

impl Spans {
    /// Adds what is known here to the ways of events and to the sagas of a moment.
    pub fn tell(&self, moment: &mut Moment) {
        let kept = self.kept();
        let mut ways = std::mem::take(&mut moment.ways);
        for way in &mut ways {
            if let Some(spans) = kept.traces.get(&way.trace) {
                of_way(way, spans, moment);
            } else {
                // Who asked is not in the ring any more, or never told.
                way.trace.clear();
            }
        }
        for trace in &mut moment.traces {
            let first = ways.iter().rev().find(|own| own.trace == trace.id);
            trace.event = first.map(|own| own.id.clone()).unwrap_or_default();
        }
        moment.ways = ways;
        let mut asked: Asked = HashMap::new();
        for own in kept.traces.values().flatten() {
            if own.kind == Side::Client && !own.saga.is_empty() {
                let status = answered(own, &kept.traces[&own.trace]);
                asked.entry(&own.saga).or_default().push((own, status));
            }
        }
        for all in asked.values_mut() {
            all.sort_by_key(|(own, _)| own.from);
        }
        for instance in &mut moment.instances {
            if let Some(all) = asked.get(instance.id.as_str()) {
                of_saga(instance, all);
            }
        }
        medians(moment);
    }
}

/// The status that whoever was asked gave.
fn answered<'a>(asked: &Received, trace: &'a [Received]) -> &'a str {
    let own = trace
        .iter()
        .find(|own| own.parent == asked.id && own.kind == Side::Server);
    own.map_or("", |own| &own.status)
}

fn of_way(way: &mut Way, spans: &[Received], moment: &Moment) {
    let key = way.key.split_once(" = ").map_or("", |(_, key)| key);
    let name = format!("{} {key}", way.event);
    let committed = way.committed_at * 1000 + way.tenths * 100;
    // Begun with the row: several events of a key may be of one request.
    let same = |own: &&Received| own.from / 100 == committed / 100;
    let ms = |at: u64| real(at.saturating_sub(committed)) / 1000.0;
    let relayed = spans
        .iter()
        .filter(same)
        .find(|own| own.kind != Side::Consumer && own.detail == name && own.service == way.from);
    let taken: Vec<&Received> = spans
        .iter()
        .filter(same)
        .filter(|own| own.kind == Side::Consumer && own.event == name)
        .collect();
    if relayed.is_none() && taken.is_empty() {
        return;
    }
    way.untold = false;
    let mut sent = 0.0;
    if let Some(own) = relayed {
        sent = ms(own.to);
        way.lanes.push(between(way, sent));
        way.steps.push(WayStep {
            at_ms: sent,
            place: "relay".to_owned(),
            what: "Taken in order, durable at the broker".to_owned(),
            evidence: way.broker.clone(),
            took_ms: sent,
            visible: false,
        });
    }
    let readers = moment.events.iter().find(|own| own.name == way.event);
    for reader in readers.into_iter().flat_map(|own| &own.readers) {
        let took = taken.iter().find(|own| own.service == reader.service);
        let waits = moment.dead.iter().find(|own| {
            (&own.service, &own.event, own.key.as_str()) == (&reader.service, &way.event, key)
        });
        let lane = read(reader, moment, sent, took.map(|own| ms(own.to)), waits);
        if let Some(at) = lane.visible_ms {
            way.applied += 1;
            way.steps.push(WayStep {
                at_ms: at,
                place: reader.service.clone(),
                what: format!("Readable in `{}`", reader.copy),
                evidence: "committed with its position".to_owned(),
                took_ms: (at - sent).max(0.0),
                visible: true,
            });
        }
        way.lanes.push(lane);
    }
    let last = way.lanes.iter().filter_map(|own| own.visible_ms);
    let last = last.max_by(f64::total_cmp);
    way.fresh_ms = last.filter(|_| way.applied == way.readers);
}

fn between(way: &Way, until: f64) -> Lane {
    Lane {
        kind: LaneKind::Between,
        name: "relay, broker".to_owned(),
        detail: format!("of {}", way.from),
        stretches: vec![Stretch {
            to_ms: until,
            label: "recorded, sent, durable".to_owned(),
            ..Stretch::default()
        }],
        ..Lane::default()
    }
}

fn read(
    reader: &Reader,
    moment: &Moment,
    sent: f64,
    at: Option<f64>,
    waits: Option<&DeadLetter>,
) -> Lane {
    let store = moment.service(&reader.service);
    let store = store.and_then(|own| own.stores.first());
    let visible = at.filter(|_| waits.is_none());
    Lane {
        kind: LaneKind::Reader,
        name: reader.service.clone(),
        detail: reader.copy.clone(),
        tile: store.map(|own| own.tile().to_owned()).unwrap_or_default(),
        stretches: at
            .map(|at| Stretch {
                from_ms: sent.min(at),
                to_ms: at,
                label: "taken, committed".to_owned(),
                ..Stretch::default()
            })
            .into_iter()
            .collect(),
        note: if at.is_none() {
            "not taken yet".to_owned()
        } else {
            String::new()
        },
        visible_ms: visible,
        parked: waits.map(|own| own.why.clone()).unwrap_or_default(),
    }
}

fn of_saga(instance: &mut Instance, all: &[(&Received, &str)]) {
    instance.trace = all
        .first()
        .map(|(own, _)| own.trace.clone())
        .unwrap_or_default();
    let mut tries: BTreeMap<&str, u64> = BTreeMap::new();
    let attempts = all.iter().map(|(own, status)| {
        let count = tries.entry(own.name.as_str()).or_default();
        *count += 1;
        let (step, kind) = own.name.split_once(", ").unwrap_or((&own.name, ""));
        let what = if kind == "action" { "" } else { kind };
        let said = [*status, what, &own.detail];
        let said: Vec<_> = said.into_iter().filter(|own| !own.is_empty()).collect();
        Attempt {
            at: own.from / 1000,
            step: step.to_owned(),
            attempt: *count,
            good: !own.failed && !status.starts_with(['4', '5']),
            answer: if own.failed {
                format!("no answer: {}", own.detail)
            } else {
                said.join(" ")
            },
            took_ms: real(own.to.saturating_sub(own.from)) / 1000.0,
        }
    });
    let attempts: Vec<Attempt> = attempts.collect();
    for step in &mut instance.steps {
        let last = attempts
            .iter()
            .rev()
            .find(|own| own.step == step.name && own.good);
        if let Some(own) = last.filter(|_| step.state == StepState::Done && step.says == "done") {
            // A number and its unit stay together.
            let took = freehold_look::clock::took(own.took_ms).replace(' ', "\u{a0}");
            step.says = format!("done in {took}");
        }
    }
    let surplus = attempts.len().saturating_sub(MOST_ATTEMPTS);
    instance.attempts = attempts.into_iter().skip(surplus).collect();
}

/// How long each step takes, by the instances that are shown.
fn medians(moment: &mut Moment) {
    let mut took: HashMap<(&str, &str), Vec<f64>> = HashMap::new();
    for instance in &moment.instances {
        for own in instance.attempts.iter().filter(|own| own.good) {
            let of = (instance.saga.as_str(), own.step.as_str());
            took.entry(of).or_default().push(own.took_ms);
        }
    }
    for saga in &mut moment.sagas {
        for step in &mut saga.steps {
            let all = took.get_mut(&(saga.name.as_str(), step.name.as_str()));
            if let Some(all) = all.filter(|own| own.len() >= LEAST) {
                all.sort_by(f64::total_cmp);
                step.p50_ms = all.get(all.len() / 2).copied();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::{EventKind, SagaKind, Step, StepKind};

    fn span(id: &str, kind: Side, (from, to): (u64, u64)) -> Received {
        Received {
            trace: "t".to_owned(),
            id: id.to_owned(),
            service: id.to_owned(),
            kind,
            from,
            to,
            ..Received::default()
        }
    }

    fn way() -> Way {
        Way {
            event: "book.changed.v1".to_owned(),
            from: "catalog".to_owned(),
            key: "bookId = 7".to_owned(),
            trace: "t".to_owned(),
            committed_at: 1_000_000,
            tenths: 5,
            readers: 1,
            untold: true,
            ..Way::default()
        }
    }

    fn moment() -> Moment {
        let reader = Reader {
            service: "orders".to_owned(),
            copy: "book_cache".to_owned(),
            ..Reader::default()
        };
        Moment {
            events: vec![EventKind {
                name: "book.changed.v1".to_owned(),
                from: "catalog".to_owned(),
                readers: vec![reader],
                ..EventKind::default()
            }],
            ways: vec![way()],
            ..Moment::default()
        }
    }

    fn spans(from: u64) -> Spans {
        let spans = Spans::default();
        let event = "book.changed.v1 7";
        for own in [
            Received {
                detail: event.to_owned(),
                ..span("catalog", Side::Inside, (from, from + 3_000))
            },
            Received {
                event: event.to_owned(),
                ..span("orders", Side::Consumer, (from, from + 8_000))
            },
        ] {
            spans.kept().add(own);
        }
        spans
    }

    #[test]
    fn an_event_is_as_fresh_as_its_last_reader_has_it() {
        let mut own = moment();
        spans(1_000_000_512).tell(&mut own);
        let way = &own.ways[0];
        assert_eq!((way.applied, way.untold, way.lanes.len()), (1, false, 2));
        assert!(
            way.fresh_ms.is_some_and(|ms| (ms - 8.0).abs() < 0.1),
            "{way:?}"
        );
        assert!(way.steps.last().is_some_and(|own| own.visible));
    }

    #[test]
    fn another_event_of_the_key_says_nothing_of_this_one() {
        let mut own = moment();
        spans(1_000_009_000).tell(&mut own);
        let way = &own.ways[0];
        assert_eq!((way.applied, way.untold, way.fresh_ms), (0, true, None));
    }

    #[test]
    fn what_waits_for_a_person_is_not_applied() {
        let mut own = moment();
        own.dead.push(DeadLetter {
            service: "orders".to_owned(),
            event: "book.changed.v1".to_owned(),
            key: "7".to_owned(),
            why: "too long".to_owned(),
            ..DeadLetter::default()
        });
        spans(1_000_000_512).tell(&mut own);
        let way = &own.ways[0];
        assert_eq!((way.applied, way.fresh_ms), (0, None));
        assert_eq!(way.lanes[1].parked, "too long");
    }

    #[test]
    fn a_step_says_what_it_was_answered_and_how_fast() {
        let spans = Spans::default();
        for (at, status) in [(0_u64, "503"), (10_000, "201")] {
            let asked = Received {
                name: "charge, action".to_owned(),
                saga: "s".to_owned(),
                ..span(&format!("a{at}"), Side::Client, (at, at + 4_000))
            };
            let given = Received {
                parent: asked.id.clone(),
                status: status.to_owned(),
                ..span(&format!("b{at}"), Side::Server, (at, at + 3_000))
            };
            spans.kept().add(asked);
            spans.kept().add(given);
        }
        let step = Step {
            name: "charge".to_owned(),
            state: StepState::Done,
            says: "done".to_owned(),
            ..Step::default()
        };
        let instance = Instance {
            id: "s".to_owned(),
            saga: "place".to_owned(),
            steps: vec![step],
            ..Instance::default()
        };
        let kind = SagaKind {
            name: "place".to_owned(),
            steps: vec![StepKind {
                name: "charge".to_owned(),
                ..StepKind::default()
            }],
            ..SagaKind::default()
        };
        let mut own = Moment {
            instances: vec![instance],
            sagas: vec![kind],
            ..Moment::default()
        };
        spans.tell(&mut own);
        let told = &own.instances[0];
        let said: Vec<_> = told
            .attempts
            .iter()
            .map(|own| (own.attempt, own.good, own.answer.as_str()))
            .collect();
        assert_eq!(said, [(1, false, "503"), (2, true, "201")]);
        assert_eq!(
            (told.trace.as_str(), told.steps[0].says.as_str()),
            ("t", "done in 4\u{a0}ms")
        );
        // One is no median.
        assert_eq!(own.sagas[0].steps[0].p50_ms, None);
    }
}
