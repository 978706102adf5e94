//! A system's events as an `AsyncAPI` 3.0 document (asyncapi.com): a channel for each event, who
//! sends and who receives, the contract as the payload.

use freehold_model::System;
use serde_json::{Map, Value, json};

use super::Contracts;

/// The whole document. Ids are names of events; addresses are topics, which are called alike.
#[must_use]
pub fn asyncapi(system: &System, contracts: &Contracts) -> Value {
    let (mut channels, mut operations) = (Map::new(), Map::new());
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for (event, contract) in contracts {
        let id = id_of(event);
        let key = system
            .services
            .get(&contract.service)
            .and_then(|service| service.publishes.get(event))
            .map(|publish| publish.key.clone());
        channels.insert(
            id.clone(),
            json!({
                "address": event,
                "messages": { &id: { "$ref": format!("#/components/messages/{id}") } },
                "x-owner": contract.service,
                "x-key": key,
            }),
        );
        messages.insert(
            id.clone(),
            json!({
                "name": event,
                "contentType": "application/json",
                "payload": { "$ref": format!("#/components/schemas/{id}") },
            }),
        );
        // Pointers of the contract's own begin at its root, which lies deeper here.
        schemas.insert(id.clone(), moved(&contract.json, &id));
        let mut operation = |action: &str, service: &str| {
            let name = format!("{}_{action}_{id}", id_of(service));
            let said = json!({
                "action": action,
                "channel": { "$ref": format!("#/channels/{id}") },
                "messages": [{ "$ref": format!("#/channels/{id}/messages/{id}") }],
                "x-service": service,
            });
            operations.insert(name, said);
        };
        operation("send", &contract.service);
        for service in system.services.values() {
            if service.copies.values().any(|copy| copy.event == *event) {
                operation("receive", &service.name);
            }
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": system.name, "version": "1.0.0" },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

/// Keys of a document take letters, digits, `-` and `_`.
fn id_of(name: &str) -> String {
    let letter = |own: char| {
        if own.is_ascii_alphanumeric() || own == '-' {
            own
        } else {
            '_'
        }
    };
    name.chars().map(letter).collect()
}

fn moved(value: &Value, id: &str) -> Value {
    match value {
        Value::Object(object) => {
            let each = object
                .iter()
                .filter(|(word, _)| *word != "$schema" && *word != "$id");
            let each = each.map(|(word, said)| match (word.as_str(), said.as_str()) {
                ("$ref", Some(text)) if text.starts_with('#') => {
                    let text = format!("#/components/schemas/{id}{}", &text[1..]);
                    (word.clone(), json!(text))
                }
                _ => (word.clone(), moved(said, id)),
            });
            Value::Object(each.collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(|own| moved(own, id)).collect()),
        other => other.clone(),
    }
}
