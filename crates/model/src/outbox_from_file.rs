//! What a `service.yaml` says of outbox tables that a service has already, as nouns. Whether the
//! tables and columns are there, the engines tell.

use std::collections::BTreeMap;

use crate::event::{AdoptedOutbox, Publish};
use crate::fault::Fault;
use crate::nearest::nearest;
use crate::node::Node;
use crate::service_file::OutboxFile;

/// What a mapping may name; the first three it has to.
const PARTS: [&str; 5] = ["type", "key", "payload", "id", "published"];
const NEEDED: usize = 3;

pub(crate) fn outboxes(
    service: &str,
    files: BTreeMap<String, OutboxFile>,
    publishes: &BTreeMap<String, Publish>,
    root: &Node,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, AdoptedOutbox> {
    let mut all = BTreeMap::new();
    for (table, file) in files {
        let mut fault = |code: &'static str, what: &str, below: &[&str], help: String| {
            let message = format!("{service}: outbox `{table}`: {what}");
            let path = [&["outbox", table.as_str()], below].concat();
            let fault = Fault::new(code, message).at(root.place(&path));
            faults.push(fault.help(help));
        };
        for part in file.columns.keys().map(String::as_str) {
            if !PARTS.contains(&part) {
                let help = match nearest(part, PARTS) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("it takes {}", PARTS.join(", ")),
                };
                let what = format!("`{part}` is no part of an outbox");
                fault("FH1146", &what, &["columns", part], help);
            }
        }
        for part in &PARTS[..NEEDED] {
            if !file.columns.contains_key(*part) {
                let what = format!("no column for `{part}`");
                let help = "columns: { type: event_type, key: order_id, payload: event_data }";
                fault("FH1146", &what, &["columns"], help.to_owned());
            }
        }
        if file.events.is_empty() {
            let help = "events: { order_created: order.created.v1 }";
            fault("FH1147", "it has no events", &["events"], help.to_owned());
        }
        for (kind, event) in &file.events {
            if !publishes.contains_key(event) {
                let known = publishes.keys().map(String::as_str);
                let help = match nearest(event, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("add it below `publishes` of {service}"),
                };
                let what = format!("`{kind}` is to be `{event}`, which {service} does not publish");
                fault("FH1147", &what, &["events", kind], help);
            }
        }
        let column = |part: &str| file.columns.get(part).cloned();
        let adopted = AdoptedOutbox {
            kind: column("type").unwrap_or_default(),
            key: column("key").unwrap_or_default(),
            payload: column("payload").unwrap_or_default(),
            id: column("id"),
            published: column("published"),
            events: file.events,
        };
        all.insert(table, adopted);
    }
    all
}
