//! What needs a person, derived from a moment: live things first, then code.

use std::fmt::Write as _;

use freehold_look::{Shape, clock, number};

use super::Moment;
use super::saga::{Instance, SagaState};
use super::service::{Health, Service};
use crate::address;

/// Whose page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Services,
    Events,
    Sagas,
    Boundary,
}

/// One thing that needs a person: what, since when, what happens if nobody acts, the next step.
#[derive(Debug, Clone)]
pub struct Attention {
    pub whose: Whose,
    pub shape: Shape,
    pub title: String,
    /// In one short line, for a phone.
    pub brief: String,
    /// Sentences; names stand between backticks.
    pub text: String,
    pub since: Option<u64>,
    /// Label and address of the next step.
    pub button: (&'static str, String),
    pub command: String,
}

impl Moment {
    /// What needs a person. What failed stands first, then what waits, then what differs, then code.
    #[must_use]
    pub fn attention(&self) -> Vec<Attention> {
        let mut out: Vec<Attention> = self.services.iter().flat_map(troubles).collect();
        let parked = self.instances.iter();
        out.extend(
            parked
                .filter(|own| matches!(own.state, SagaState::Parked | SagaState::Failed))
                .map(|own| of_saga(self, own)),
        );
        out.extend(self.dead.iter().map(of_dead));
        out.extend(self.late());
        out.extend(self.services.iter().flat_map(of_drift));
        out.extend(self.of_databases());
        out.extend(self.of_code());
        out
    }

    fn late(&self) -> impl Iterator<Item = Attention> {
        let readers = self
            .events
            .iter()
            .flat_map(|event| event.readers.iter().map(move |reader| (event, reader)));
        readers
            .filter(|(_, reader)| reader.is_late())
            .map(|(event, reader)| Attention {
                whose: Whose::Events,
                shape: Shape::Failed,
                title: format!("{} is not current", reader.copy),
                brief: format!("in {}", reader.service),
                text: format!(
                    "`{}` in {} was up to {} old within the last minute, promised is {}. Whoever reads it sees the past; it catches up by itself when `{}` is applied again.",
                    reader.copy,
                    reader.service,
                    clock::took(reader.fresh_ms.unwrap_or_default()),
                    clock::took(reader.slo_ms.unwrap_or_default()),
                    event.name
                ),
                since: None,
                button: ("See service", address::one("services", &reader.service)),
                command: "freehold status".to_owned(),
            })
    }

    fn of_databases(&self) -> impl Iterator<Item = Attention> {
        let found = self.databases.iter().flat_map(|own| {
            let openings = own.openings();
            openings.map(move |(store, it)| (own.at, store, it))
        });
        found.map(|(at, store, own)| {
            let place = store.unwrap_or("several stores");
            Attention {
                whose: Whose::Boundary,
                shape: Shape::Differs,
                title: format!("A way into {place}"),
                brief: own.code.clone(),
                text: format!(
                    "{}. It is closed by: {}",
                    own.what.trim_end_matches('.'),
                    own.repair
                ),
                since: Some(at),
                button: ("See boundary", "/boundary".to_owned()),
                command: format!("freehold explain {}", own.code),
            }
        })
    }

    fn of_code(&self) -> Vec<Attention> {
        let Some(boundary) = &self.boundary else {
            return Vec::new();
        };
        if !boundary.trouble.is_empty() {
            return vec![Attention {
                whose: Whose::Boundary,
                shape: Shape::NotKnown,
                title: "The code could not be checked".to_owned(),
                brief: boundary.code.clone(),
                text: boundary.trouble.clone(),
                since: Some(boundary.at),
                button: ("See boundary", "/boundary".to_owned()),
                command: format!("freehold explain {}", boundary.code),
            }];
        }
        let new = boundary.findings.iter().filter(|own| own.new);
        new.map(|own| {
            let file = own.file.rsplit('/').next().unwrap_or(&own.file);
            Attention {
                whose: Whose::Boundary,
                shape: Shape::Differs,
                title: "New crossing in code".to_owned(),
                brief: format!("{}, {file}:{}", own.from, own.line),
                text: format!(
                    "`{file}:{}` in {} {} `{}`, which belongs to {}. It stops the merge.",
                    own.line, own.from, own.phrase, own.object, own.to
                ),
                since: own.since,
                button: (
                    "See way out",
                    address::with("/boundary", "finding", &own.id),
                ),
                command: format!("freehold explain {}", own.code),
            }
        })
        .collect()
    }
}

fn troubles(own: &Service) -> Vec<Attention> {
    let page = || ("See logs", address::with("/logs", "from", &own.name));
    let mut out = Vec::new();
    if own.health == Health::Down {
        out.push(Attention {
            whose: Whose::Services,
            shape: Shape::Failed,
            title: format!("{} is down", own.name),
            brief: own.why.clone(),
            text: format!(
                "{}. When it ends it is started again by itself; others go on from their copies.",
                capital_or(&own.why, "Its program does not answer")
            ),
            since: own.since,
            button: page(),
            command: "freehold up".to_owned(),
        });
    }
    if let Some(part) = own.sidecar.as_ref().filter(|part| !part.trouble.is_empty()) {
        out.push(Attention {
            whose: Whose::Services,
            shape: Shape::Failed,
            title: format!("The sidecar of {} is stuck", own.name),
            brief: part.code.clone(),
            text: format!(
                "{}. Nothing is lost: its events wait in the outbox.",
                capital_or(&part.trouble, "It does not work")
            ),
            since: part.since,
            button: page(),
            command: if part.code.is_empty() {
                "freehold run".to_owned()
            } else {
                format!("freehold explain {}", part.code)
            },
        });
    }
    out
}

fn of_saga(moment: &Moment, own: &Instance) -> Attention {
    let failed = own.state == SagaState::Failed;
    let holds: Vec<_> = own.holds.iter().map(|held| held.what.as_str()).collect();
    let mut text = format!("{}: {}.", number::capital(&own.about), own.says);
    if !holds.is_empty() {
        let _ = write!(text, " Holds {}.", holds.join("; "));
    }
    if let Some(deadline) = own.deadline {
        let _ = write!(
            text,
            " Compensates by itself in {}.",
            clock::span(deadline.saturating_sub(moment.at))
        );
    }
    Attention {
        whose: Whose::Sagas,
        shape: if failed { Shape::Failed } else { Shape::Parked },
        title: format!("Saga {} at {}", own.state.word(), own.at_step),
        brief: own.about.clone(),
        text,
        since: own.parked_at,
        button: ("Open saga", address::one("sagas", &own.id)),
        command: format!("freehold saga show {} {}", own.service, own.id),
    }
}

fn of_dead(own: &super::DeadLetter) -> Attention {
    let behind = match own.behind {
        0 => "All other keys flow.".to_owned(),
        1 => "One later event waits; all other keys flow.".to_owned(),
        n => format!(
            "{} later events wait; all other keys flow.",
            number::capital(&number::word(usize::try_from(n).unwrap_or(usize::MAX)))
        ),
    };
    Attention {
        whose: Whose::Events,
        shape: Shape::Parked,
        title: format!("One key waits in {}", own.service),
        brief: own.key.clone(),
        text: format!(
            "`{}` cannot take {}: {}. {behind}",
            own.copy, own.key, own.why
        ),
        since: Some(own.since),
        button: ("See dead letter", address::with("/events", "dead", &own.id)),
        command: "freehold events dead".to_owned(),
    }
}

fn of_drift(own: &Service) -> Vec<Attention> {
    let plan = || format!("freehold plan {}", own.name);
    let page = || ("See plan", address::one("services", &own.name));
    let mut out = Vec::new();
    for store in &own.stores {
        if !store.exists {
            out.push(Attention {
                whose: Whose::Services,
                shape: Shape::Differs,
                title: format!("{} has no store yet", own.name),
                brief: store.place(),
                text: format!("`{}` is described and not there.", store.place()),
                since: None,
                button: page(),
                command: format!("freehold apply {}", own.name),
            });
        } else if store.pending > 0 {
            out.push(Attention {
                whose: Whose::Services,
                shape: Shape::Differs,
                title: format!(
                    "{} in {}",
                    number::count(store.pending, "migration waits", "migrations wait"),
                    own.name
                ),
                brief: store.place(),
                text: format!("`{}` is behind its files.", store.place()),
                since: None,
                button: page(),
                command: format!("freehold apply {}", own.name),
            });
        }
        if let Some(first) = store.drift.first() {
            let more = match store.drift.len() {
                1 => String::new(),
                n => format!(" And {} more.", n - 1),
            };
            out.push(Attention {
                whose: Whose::Services,
                shape: Shape::Differs,
                title: format!("Drift in {}", own.name),
                brief: if first.brief.is_empty() {
                    store.place()
                } else {
                    first.brief.clone()
                },
                text: format!("{}{more}", first.what),
                since: first.since,
                button: page(),
                command: plan(),
            });
        }
    }
    out
}

fn capital_or(text: &str, other: &str) -> String {
    if text.is_empty() {
        other.to_owned()
    } else {
        number::capital(text.trim_end_matches('.'))
    }
}
