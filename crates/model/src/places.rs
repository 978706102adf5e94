//! Where each thing of a loaded system was written down, so that rules over the whole system can
//! point at lines. Empty for a system that did not come from files (`with_servers`).

use std::collections::BTreeMap;

use crate::fault::{Fault, Place};
use crate::node::Node;

#[derive(Default)]
pub(crate) struct Places {
    pub(crate) system: Option<Node>,
    /// By service name.
    pub(crate) services: BTreeMap<String, Node>,
}

impl Places {
    /// In `freehold.yaml` or the environment merged over it.
    pub(crate) fn in_system(&self, path: &[&str]) -> Option<Place> {
        Some(self.system.as_ref()?.place(path))
    }

    pub(crate) fn in_service(&self, service: &str, path: &[&str]) -> Option<Place> {
        Some(self.services.get(service)?.place(path))
    }

    /// Below one store, whichever of the two ways it is written in.
    pub(crate) fn in_store(&self, service: &str, store: &str, path: &[&str]) -> Option<Place> {
        let node = self.services.get(service)?;
        let path: Vec<&str> = store_path(node, store)
            .into_iter()
            .chain(path.iter().copied())
            .collect();
        Some(node.place(&path))
    }

    /// The names of a store's logins; those of `main` may stand beside the store.
    pub(crate) fn of_identities(&self, service: &str, store: &str) -> Option<Place> {
        let node = self.services.get(service)?;
        let mut inside = store_path(node, store);
        inside.push("identities");
        if store == "main" && node.find(&inside).is_none() && node.entry("identities").is_some() {
            inside = vec!["identities"];
        }
        Some(node.place(&inside))
    }
}

/// Where the store `key` is written in a service's file.
pub(crate) fn store_path<'a>(service: &Node, key: &'a str) -> Vec<&'a str> {
    if service.entry("stores").is_some() {
        vec!["stores", key]
    } else {
        vec!["store"]
    }
}

pub(crate) fn at(fault: Fault, place: Option<Place>) -> Fault {
    match place {
        Some(place) => fault.at(place),
        None => fault,
    }
}
