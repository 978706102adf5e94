//! Rules between publishers and those who keep copies: pure, over a whole system.

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::nearest::nearest;
use crate::places::{Places, at};
use crate::system::System;

/// `complete`: are all services in `system`? If not, nothing is said of publishers that may be
/// among the missing.
pub(crate) fn check(system: &System, places: &Places, complete: bool, faults: &mut Vec<Fault>) {
    claimed_twice(system, places, faults);
    if complete {
        unknown_sources(system, places, faults);
    }
}

fn claimed_twice(system: &System, places: &Places, faults: &mut Vec<Fault>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for service in system.services.values() {
        for event in service.publishes.keys() {
            let Some(first) = owners.insert(event, &service.name) else {
                continue;
            };
            let message = format!(
                "event `{event}` is published by {first} and by {}",
                service.name
            );
            let place = places.in_service(&service.name, &["publishes", event]);
            let help = "an event has one owner: give one of them another name";
            faults.push(at(Fault::new("FH1144", message), place).help(help));
        }
    }
}

fn unknown_sources(system: &System, places: &Places, faults: &mut Vec<Fault>) {
    for service in system.services.values() {
        for (table, copy) in &service.copies {
            let place = places.in_service(&service.name, &["copies", table, "from"]);
            let fault = |what: String| {
                let message = format!("{}: copy `{table}`: {what}", service.name);
                at(Fault::new("FH1141", message), place.clone())
            };
            let Some(source) = system.services.get(&copy.service) else {
                let known = system.services.keys().map(String::as_str);
                let meant = nearest(&copy.service, known);
                let help = meant.map_or("`from` reads service/event".to_owned(), |it| {
                    format!("did you mean `{it}`?")
                });
                faults.push(fault(format!("there is no service `{}`", copy.service)).help(help));
                continue;
            };
            if source.name == service.name {
                let help = "read your own tables; a copy is for another service's";
                faults.push(fault("it is of the service's own events".to_owned()).help(help));
            } else if !source.publishes.contains_key(&copy.event) {
                let meant = nearest(&copy.event, source.publishes.keys().map(String::as_str));
                let help = match meant {
                    Some(it) => format!("did you mean `{it}`?"),
                    None => format!("add it below `publishes` of {}", source.name),
                };
                let what = format!("{} does not publish `{}`", source.name, copy.event);
                faults.push(fault(what).help(help));
            }
        }
    }
}
