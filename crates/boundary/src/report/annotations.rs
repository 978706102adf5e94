//! Annotations that code hosts show beside the changed lines. Only new findings are shown.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::slashed;
use crate::check::Checked;

/// Workflow commands of GitHub Actions, a line each.
#[must_use]
pub fn github(checked: &Checked) -> String {
    let mut out = String::new();
    for finding in checked.findings.iter().filter(|finding| !finding.known) {
        let _ = writeln!(
            out,
            "::error file={},line={},col={},endColumn={},title={}::{}",
            property(&slashed(&finding.file)),
            finding.spot.line,
            finding.spot.column,
            finding.spot.column + finding.spot.length,
            property(&format!("{} {}", finding.code, finding.kind.name())),
            data(&format!(
                "{}: {}\nWay out: {}",
                finding.message(),
                finding.object,
                finding.kind.way_out()
            )),
        );
    }
    out
}

/// What workflow commands take for their own is written in percent.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A Code Quality report of GitLab.
#[must_use]
pub fn gitlab(checked: &Checked) -> Value {
    // GitLab wants each fingerprint once; the same mark may have several places.
    let mut seen = std::collections::HashMap::new();
    let findings: Vec<Value> = checked
        .findings
        .iter()
        .filter(|finding| !finding.known)
        .map(|finding| {
            let times = seen.entry(finding.fingerprint.clone()).or_insert(0_usize);
            *times += 1;
            json!({
                "description": format!("{}: {}", finding.message(), finding.object),
                "check_name": finding.code,
                "fingerprint": format!("{}-{times}", finding.fingerprint),
                "severity": "major",
                "location": { "path": slashed(&finding.file), "lines": { "begin": finding.spot.line } },
            })
        })
        .collect();
    json!(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped() {
        assert_eq!(data("a%\nb"), "a%25%0Ab");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
