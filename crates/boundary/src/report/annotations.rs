//! Annotations that code hosts show beside the changed lines. New findings and lints are shown.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use super::slashed;
use crate::check::Checked;
use crate::spot::Spot;

/// Workflow commands of GitHub Actions, a line each: new findings are errors, lints warnings.
#[must_use]
pub fn github(checked: &Checked) -> String {
    let findings = checked
        .findings
        .iter()
        .filter(|finding| !finding.known)
        .map(|finding| {
            let title = format!("{} {}", finding.code, finding.kind.name());
            command(
                "error",
                &finding.file,
                &finding.spot,
                &title,
                &finding.text(),
            )
        });
    let lints = checked.lints.iter().map(|own| {
        let title = format!("{} {}", own.code, own.name);
        let text = format!("{}\nWay out: {}", own.message, own.way_out());
        command("warning", &own.file, &own.spot, &title, &text)
    });
    findings.chain(lints).collect()
}

fn command(level: &str, file: &Path, spot: &Spot, title: &str, text: &str) -> String {
    format!(
        "::{level} file={},line={},col={},endColumn={},title={}::{}\n",
        property(&slashed(file)),
        spot.line,
        spot.column,
        spot.column + spot.length,
        property(title),
        data(text),
    )
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

/// A Code Quality report of GitLab: new findings are major, lints minor.
#[must_use]
pub fn gitlab(checked: &Checked) -> Value {
    // GitLab wants each fingerprint once; the same mark may have several places.
    let mut seen = HashMap::new();
    let mut once = |mark: String| {
        let times = seen.entry(mark.clone()).or_insert(0_usize);
        *times += 1;
        format!("{mark}-{times}")
    };
    let mut issues: Vec<Value> = Vec::new();
    for finding in checked.findings.iter().filter(|finding| !finding.known) {
        let mark = once(finding.fingerprint.clone());
        // Only the description is shown: the statements belong into it.
        let mut said = format!("{}: {}", finding.message(), finding.object);
        if !finding.statements.is_empty() {
            said = format!("{said} ({})", finding.statements.join("; "));
        }
        issues.push(issue(
            "major",
            finding.code,
            &said,
            &mark,
            &finding.file,
            &finding.spot,
        ));
    }
    for own in &checked.lints {
        let mark = once(own.fingerprint());
        issues.push(issue(
            "minor",
            &own.code,
            &own.message,
            &mark,
            &own.file,
            &own.spot,
        ));
    }
    json!(issues)
}

fn issue(severity: &str, code: &str, said: &str, mark: &str, file: &Path, spot: &Spot) -> Value {
    json!({
        "description": said,
        "check_name": code,
        "fingerprint": mark,
        "severity": severity,
        "location": { "path": slashed(file), "lines": { "begin": spot.line } },
    })
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
