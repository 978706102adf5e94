//! The report as Prometheus reads it, for a collector that takes files.
//!
//! Names and label values never hold statements' texts.

use std::fmt::Write as _;

use freehold_boundary::audit::report::{Report, StoreReport, SystemReport, Verdict};

use super::described::strangers;

/// Values of one figure with their own labels.
type Rows = [(String, f64)];

/// The exposition format's text, with labels that all rows have.
struct Text {
    out: String,
    common: String,
}

impl Text {
    fn gauge(&mut self, name: &str, help: &str, rows: &Rows) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.out,
            "# HELP freehold_audit_{name} {help}\n# TYPE freehold_audit_{name} gauge"
        );
        for (labels, value) in rows {
            let comma = if labels.is_empty() { "" } else { "," };
            let _ = writeln!(
                self.out,
                "freehold_audit_{name}{{{}{comma}{labels}}} {value}",
                self.common
            );
        }
    }
}

/// A described system, by store.
pub(super) fn of_system(report: &SystemReport) -> String {
    let mut text = Text {
        out: String::new(),
        common: format!("system=\"{}\"", label(&report.system)),
    };
    let of = |store: &StoreReport| format!("store=\"{}\"", label(&store.store));
    let verdicts: Vec<(String, f64)> = report
        .stores
        .iter()
        .flat_map(|store| {
            [Verdict::Open, Verdict::Closed, Verdict::NotKnown].map(|own| {
                let labels = format!("{},verdict=\"{}\"", of(store), own.word());
                (labels, f64::from(u8::from(own == store.verdict())))
            })
        })
        .collect();
    text.gauge("store_verdict", "1 for the verdict that holds.", &verdicts);
    let mut codes: std::collections::BTreeMap<String, f64> = std::collections::BTreeMap::new();
    for (store, own) in report.all_findings() {
        let store = label(store.unwrap_or_default());
        let labels = format!("store=\"{store}\",code=\"{}\"", label(&own.code));
        *codes.entry(labels).or_default() += 1.0;
    }
    let codes: Vec<(String, f64)> = codes.into_iter().collect();
    let help = "Principals, ways and sessions that are not as described.";
    text.gauge("store_findings", help, &codes);
    let each = |value: &dyn Fn(&StoreReport) -> usize| -> Vec<(String, f64)> {
        let stores = report.stores.iter();
        stores.map(|own| (of(own), count(value(own)))).collect()
    };
    let rows = each(&|own| own.logins.len());
    text.gauge("store_logins", "Logins that reach a table.", &rows);
    let rows = each(&strangers);
    text.gauge("store_strangers", "Of them, not described.", &rows);
    let rows = each(&|own| own.logins.iter().map(|own| own.sessions).sum());
    text.gauge("store_sessions", "Their open sessions.", &rows);
    let rows = each(&|own| own.unseen.iter().filter(|own| own.could_hide).count());
    let help = "Things that could not be seen and could hide a way in.";
    text.gauge("store_unseen", help, &rows);
    text.out
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// One database.
pub(super) fn text(report: &Report) -> String {
    let mut text = Text {
        out: String::new(),
        common: format!("database=\"{}\"", label(&report.subject.database)),
    };
    let mut gauge = |name: &str, help: &str, rows: &Rows| text.gauge(name, help, rows);
    let one = |value: f64| vec![(String::new(), value)];
    let verdicts = [Verdict::Open, Verdict::Closed, Verdict::NotKnown].map(|own| {
        let holds = own == report.verdict();
        (
            format!("verdict=\"{}\"", own.word()),
            f64::from(u8::from(holds)),
        )
    });
    gauge("verdict", "1 for the verdict that holds.", &verdicts);
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
    text.out
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
