//! JSON for machines; its keys are a promise.

use serde_json::{Value, json};

use crate::baseline::Compared;
use crate::check::Checked;
use crate::ownership::Origin;

/// The whole result as one object.
#[must_use]
pub fn json(checked: &Checked, compared: Option<&Compared>) -> Value {
    let own = &checked.ownership;
    let (origin, why) = match &own.origin {
        Origin::Services => ("services", &[][..]),
        Origin::File => ("boundaries.yaml", &[][..]),
        Origin::Proposal { why } => ("proposal", why.as_slice()),
    };
    let contexts: Vec<Value> = own
        .contexts
        .iter()
        .map(|context| json!({ "name": context.name, "team": context.team, "tables": context.tables, "schemas": context.schemas, "code": context.code }))
        .collect();
    let findings: Vec<Value> = checked
        .findings
        .iter()
        .map(|finding| {
            let mut value = json!(finding);
            value["message"] = json!(finding.message());
            value["way_out"] = json!(finding.kind.way_out());
            value
        })
        .collect();
    json!({
        "ownership": { "origin": origin, "why": why, "contexts": contexts },
        "findings": findings,
        "allowed": checked.allowed,
        "lints": checked.lints,
        "unresolved": checked.unresolved,
        "unowned": checked.unowned,
        "skipped": checked.skipped,
        "counts": checked.counts,
        "baseline": compared.map(|compared| json!({
            "new": compared.new,
            "known": compared.known,
            "stale": compared.stale,
        })),
    })
}
