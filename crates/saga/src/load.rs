//! All sagas of a described system, or everything that is wrong with them: what the check calls.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use freehold_model::{Fault, Files, System, nearest};

use crate::read::{Loaded, read};
use crate::together::check_together;

/// Reads the files that the services name in `sagas`, each by service. `root` is the system's;
/// paths in faults are relative to it.
pub fn load(
    root: &Path,
    system: &System,
    files: &dyn Files,
) -> Result<BTreeMap<String, Vec<Loaded>>, Vec<Fault>> {
    let services: Vec<&str> = system.services.keys().map(String::as_str).collect();
    let mut sagas = BTreeMap::new();
    let mut faults = Vec::new();
    for service in system.services.values() {
        let mut of_service = Vec::new();
        for path in &service.sagas {
            match files.read(&root.join(path)) {
                Ok(text) => match read(&text, path) {
                    Ok(saga) => of_service.push(saga),
                    Err(found) => faults.extend(found),
                },
                Err(error) => faults.push(unread(&service.name, path, &error)),
            }
        }
        // A file that is not understood would only lead to faults that are none.
        if of_service.len() == service.sagas.len() {
            faults.extend(check_together(&of_service, &services));
            faults.extend(of_service.iter().flat_map(|it| unpublished(it, system)));
        }
        if !of_service.is_empty() {
            sagas.insert(service.name.clone(), of_service);
        }
    }
    if faults.is_empty() {
        Ok(sagas)
    } else {
        Err(faults)
    }
}

/// Events that it waits for and that nobody sends.
fn unpublished(saga: &Loaded, system: &System) -> Vec<Fault> {
    let known = || {
        let services = system.services.values();
        services.flat_map(|service| service.publishes.keys().map(String::as_str))
    };
    let definition = &saga.definition;
    let start = definition.start.as_ref().map(|start| {
        let place = saga.document.place(&["start", "event"]);
        (start.event.as_str(), place, "is started".to_owned())
    });
    let steps = definition.steps.iter().enumerate();
    let approvals = steps.filter_map(|(at, step)| {
        let place = ["steps", &at.to_string(), "approved_by"];
        let place = saga.document.place(&place);
        let what = format!("`{}` is approved", step.name);
        Some((step.approved_by.as_deref()?, place, what))
    });
    let unknown = start
        .into_iter()
        .chain(approvals)
        .filter(|(event, ..)| !known().any(|it| it == *event));
    let fault = |(event, place, what): (&str, _, String)| {
        let help = match nearest(event, known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "add it below `publishes` of the service that knows of it".to_owned(),
        };
        let message = format!("{what} by `{event}`, which nobody publishes");
        Fault::new("FH4118", message).at(place).help(help)
    };
    unknown.map(fault).collect()
}

fn unread(service: &str, path: &Path, error: &io::Error) -> Fault {
    let message = if error.kind() == io::ErrorKind::NotFound {
        format!("there is no file {}", path.display())
    } else {
        format!("{} cannot be read: {error}", path.display())
    };
    Fault::new("FH1101", message).help(format!("`sagas` in the service.yaml of {service} names it"))
}
