//! The report as Prometheus reads it, for a collector that takes files.
//!
//! Names and label values never hold statements' texts.

use std::fmt::Write as _;

use freehold_boundary::audit::report::{Report, Verdict};

/// The exposition format's text.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    let database = label(&report.subject.database);
    let mut gauge = |name: &str, help: &str, rows: &[(String, f64)]| {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "# HELP freehold_audit_{name} {help}\n# TYPE freehold_audit_{name} gauge"
        );
        for (labels, value) in rows {
            let comma = if labels.is_empty() { "" } else { "," };
            let _ = writeln!(
                out,
                "freehold_audit_{name}{{database=\"{database}\"{comma}{labels}}} {value}"
            );
        }
    };
    let one = |value: f64| vec![(String::new(), value)];
    let verdicts = [Verdict::Open, Verdict::Closed, Verdict::NotKnown].map(|own| {
        let holds = own == report.verdict();
        (
            format!("verdict=\"{}\"", own.word()),
            f64::from(u8::from(holds)),
        )
    });
    gauge("verdict", "1 for the verdict that holds.", &verdicts);
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    gauge(
        "crossings",
        "Statements that cross from one context into another.",
        &pairs(report, |_| 1.0),
    );
    gauge(
        "crossing_calls_per_day",
        "Their calls.",
        &pairs(report, |own| own.calls_a_day),
    );
    gauge(
        "crossing_seconds_per_day",
        "Their time in the database.",
        &pairs(
            report,
            freehold_boundary::audit::report::Crossing::seconds_a_day,
        ),
    );
    gauge(
        "foreign_keys",
        "Foreign keys between contexts.",
        &one(count(report.keys.len())),
    );
    let reaching = report
        .logins
        .iter()
        .filter(|own| report.subject.tables > 0 && own.reads >= report.subject.tables);
    gauge(
        "logins_reading_all",
        "Logins that can read every table.",
        &one(count(reaching.count())),
    );
    gauge("logins", "Logins.", &one(count(report.logins.len())));
    gauge(
        "tables_of_nobody",
        "Tables that no context owns.",
        &one(count(report.orphans.len())),
    );
    gauge(
        "findings",
        "Principals, paths and sessions that nobody described.",
        &one(count(report.findings.len())),
    );
    gauge(
        "unseen",
        "Things that could not be seen and could hide a crossing.",
        &one(count(
            report.unseen.iter().filter(|own| own.could_hide).count(),
        )),
    );
    out
}

fn pairs(
    report: &Report,
    of: impl Fn(&freehold_boundary::audit::report::Crossing) -> f64,
) -> Vec<(String, f64)> {
    let mut all: std::collections::BTreeMap<String, f64> = std::collections::BTreeMap::new();
    for own in &report.crossings {
        let labels = format!("from=\"{}\",to=\"{}\"", label(&own.from), label(&own.to));
        *all.entry(labels).or_default() += of(own);
    }
    all.into_iter().collect()
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
