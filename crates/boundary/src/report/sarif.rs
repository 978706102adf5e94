//! SARIF 2.1.0 (OASIS), which code hosts and editors read.

use std::path::Path;

use serde_json::{Value, json};

use super::slashed;
use crate::check::Checked;
use crate::finding::Kind;
use crate::lints::{RULES, Rule};
use crate::spot::Spot;

/// One run of one tool. Findings that the baseline knows are marked `unchanged`; lints are
/// warnings, which no baseline knows.
#[must_use]
pub fn sarif(checked: &Checked, version: &str) -> Value {
    let rules: Vec<Value> = Kind::ALL
        .into_iter()
        .map(crossing)
        .chain(RULES.iter().map(|rule| lint(rule)))
        .collect();
    let index = |code: &str| {
        rules
            .iter()
            .position(|rule| rule["id"] == code)
            .unwrap_or(0)
    };
    let findings = checked.findings.iter().map(|finding| {
        let mut properties = json!({ "from": finding.from, "to": finding.to, "object": finding.object, "confidence": finding.confidence });
        if !finding.statements.is_empty() {
            properties["statements"] = json!(finding.statements);
        }
        json!({
            "ruleId": finding.code,
            "ruleIndex": index(finding.code),
            "level": "error",
            "message": { "text": finding.text() },
            "baselineState": if finding.known { "unchanged" } else { "new" },
            "locations": [location(&finding.file, &finding.spot)],
            "partialFingerprints": { "freehold/v1": finding.fingerprint },
            "properties": properties,
        })
    });
    let lints = checked.lints.iter().map(|own| {
        json!({
            "ruleId": own.code,
            "ruleIndex": index(&own.code),
            "level": "warning",
            "message": { "text": format!("{}\nWay out: {}", own.message, own.way_out()) },
            "locations": [location(&own.file, &own.spot)],
            "partialFingerprints": { "freehold/v1": own.fingerprint() },
        })
    });
    let results: Vec<Value> = findings.chain(lints).collect();
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

fn crossing(kind: Kind) -> Value {
    json!({
        "id": kind.code(),
        "name": kind.name(),
        "shortDescription": { "text": format!("a context {} another", kind.phrase()) },
        "help": { "text": kind.way_out() },
        "defaultConfiguration": { "level": "error" },
    })
}

fn lint(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.name.replace('-', " ") },
        "help": { "text": rule.way_out },
        "defaultConfiguration": { "level": "warning" },
    })
}

fn location(file: &Path, spot: &Spot) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&slashed(file)), "uriBaseId": "ROOT" },
            "region": {
                "startLine": spot.line,
                "startColumn": spot.column,
                "endLine": spot.line,
                "endColumn": spot.column + spot.length,
            },
        },
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
