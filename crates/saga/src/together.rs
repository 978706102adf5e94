//! Definitions held against each other and against the system: names, nesting, services.

use freehold_model::{Fault, nearest};

use crate::read::Loaded;

/// What is wrong between the definitions of one service. `services` are all that the system
/// describes.
pub fn check_together(sagas: &[Loaded], services: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, saga) in sagas.iter().enumerate() {
        let name = &saga.definition.name;
        if let Some(first) = sagas[..at].iter().find(|it| it.definition.name == *name) {
            let first = first.document.place(&["saga"]);
            faults.push(
                Fault::new("FH4116", format!("there are two sagas `{name}`"))
                    .at(saga.document.place(&["saga"]))
                    .help(format!("the other one: {first}")),
            );
        }
        faults.extend(unknown_services(saga, services));
        faults.extend(nesting(saga, sagas));
    }
    faults
}

fn unknown_services(saga: &Loaded, services: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, step) in saga.definition.steps.iter().enumerate() {
        let at = at.to_string();
        let requests = [
            ("call", &step.call),
            ("undo", &step.undo),
            ("resolve", &step.resolve),
        ];
        for (key, request) in requests {
            let service = request.as_ref().and_then(|request| request.service());
            let Some(service) = service.filter(|it| !services.contains(it)) else {
                continue;
            };
            let help = match nearest(service, services.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("services here: {}", services.join(", ")),
            };
            let message = format!("`{}` calls `{service}`, which is not described", step.name);
            faults.push(
                Fault::new("FH4117", message)
                    .at(saga.document.place(&["steps", &at, key]))
                    .help(help),
            );
        }
    }
    faults
}

/// Sagas that it starts and that are not there, or that lead back to it.
fn nesting(saga: &Loaded, sagas: &[Loaded]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let names = || sagas.iter().map(|it| it.definition.name.as_str());
    for (step, inner) in saga.definition.nested() {
        let place = saga.document.place(&["steps", &step.to_string(), "step"]);
        let step = &saga.definition.steps[step].name;
        if !names().any(|name| name == inner) {
            let help = match nearest(inner, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "it has to be a saga of the same service".into(),
            };
            let message = format!("`{step}` starts the saga `{inner}`, which is not there");
            faults.push(Fault::new("FH4114", message).at(place).help(help));
            continue;
        }
        if let Some(path) = path_back(inner, &saga.definition.name, sagas) {
            let message = format!(
                "sagas start each other in a circle: {} → {}",
                saga.definition.name,
                path.join(" → ")
            );
            faults.push(
                Fault::new("FH4114", message).at(place).help(
                    "the root of nested sagas holds all locks, so none can start itself again",
                ),
            );
        }
    }
    faults
}

/// The way from `from` to `to`, both ends included.
fn path_back<'a>(from: &'a str, to: &str, sagas: &'a [Loaded]) -> Option<Vec<&'a str>> {
    let mut seen: Vec<&str> = Vec::new();
    let mut open = vec![vec![from]];
    while let Some(path) = open.pop() {
        let last = *path.last()?;
        if last == to {
            return Some(path);
        }
        if seen.contains(&last) {
            continue;
        }
        seen.push(last);
        let next = sagas.iter().find(|it| it.definition.name == last);
        for (_, inner) in next.iter().flat_map(|it| it.definition.nested()) {
            let mut longer = path.clone();
            longer.push(inner);
            open.push(longer);
        }
    }
    None
}
