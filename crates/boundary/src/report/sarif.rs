//! SARIF 2.1.0 (OASIS), which code hosts and editors read.

use serde_json::{Value, json};

use super::slashed;
use crate::check::Checked;
use crate::finding::Kind;

/// One run of one tool. Findings that the baseline knows are marked `unchanged`.
#[must_use]
pub fn sarif(checked: &Checked, version: &str) -> Value {
    let rules: Vec<Value> = Kind::ALL
        .into_iter()
        .map(|kind| {
            json!({
                "id": kind.code(),
                "name": kind.name(),
                "shortDescription": { "text": format!("a context {} another", kind.phrase()) },
                "help": { "text": kind.way_out() },
                "defaultConfiguration": { "level": "error" },
            })
        })
        .collect();
    let results: Vec<Value> = checked
        .findings
        .iter()
        .map(|finding| {
            let rule = Kind::ALL.into_iter().position(|kind| kind == finding.kind).unwrap_or(0);
            json!({
                "ruleId": finding.code,
                "ruleIndex": rule,
                "level": "error",
                "message": { "text": format!("{}: {}. Way out: {}.", finding.message(), finding.object, finding.kind.way_out()) },
                "baselineState": if finding.known { "unchanged" } else { "new" },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": uri(&slashed(&finding.file)), "uriBaseId": "ROOT" },
                        "region": {
                            "startLine": finding.spot.line,
                            "startColumn": finding.spot.column,
                            "endLine": finding.spot.line,
                            "endColumn": finding.spot.column + finding.spot.length,
                        },
                    },
                }],
                "partialFingerprints": { "freehold/v1": finding.fingerprint },
                "properties": { "from": finding.from, "to": finding.to, "object": finding.object, "confidence": finding.confidence },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "freehold", "semanticVersion": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// The bytes of a path that a URI may hold as they are, the others as `%XX`.
fn uri(path: &str) -> String {
    path.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
                (byte as char).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
