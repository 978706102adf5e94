//! Audits that were kept as JSON: read, held against a new one, and drawn as a curve.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use freehold_boundary::audit::report::{PastAudit, PastSystem, Report, SystemReport};
use freehold_model::Fault;

use super::super::Result;
use super::Shown;

/// One kept audit of one database.
pub(super) fn one(file: &Path) -> Result<Report> {
    parsed(file, Report::parse)
}

/// One kept audit of a described system.
pub(super) fn system(file: &Path) -> Result<SystemReport> {
    parsed(file, SystemReport::parse)
}

fn parsed<R>(file: &Path, parse: fn(&str) -> std::result::Result<R, Fault>) -> Result<R> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        vec![
            Fault::new(
                "FH2205",
                format!("{} cannot be read: {error}", file.display()),
            )
            .help("it is written by `freehold audit --out FILE`"),
        ]
    })?;
    parse(&text).map_err(|fault| vec![fault.help(format!("the file is {}", file.display()))])
}

/// Kept audits, oldest first.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Report>> {
    let mut kept = files
        .iter()
        .map(|file| one(file))
        .collect::<Result<Vec<_>>>()?;
    kept.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(kept)
}

/// The crossings of an audit.
fn prints(report: &Report) -> BTreeSet<&str> {
    let own = report.crossings.iter();
    own.map(|own| own.fingerprint.as_str()).collect()
}

/// The report with its curve, and with what is new since the oldest marked.
pub(super) fn with_history(mut report: Report, kept: &[Report]) -> Report {
    let Some(oldest) = kept.first() else {
        return report;
    };
    let before = prints(oldest).into_iter().map(str::to_owned);
    let before: BTreeSet<String> = before.collect();
    for own in &mut report.crossings {
        own.new = !before.contains(&own.fingerprint);
    }
    let mut history = Vec::new();
    let mut last: Option<BTreeSet<&str>> = None;
    for one in kept.iter().chain([&report]) {
        let now = prints(one);
        let known = last.as_ref().unwrap_or(&now);
        history.push(PastAudit {
            at: one.at.clone(),
            statements: now.len(),
            new: now.difference(known).count(),
            mended: known.difference(&now).count(),
        });
        last = Some(now);
    }
    report.history = history;
    report
}

/// Kept audits of a described system, oldest first.
pub(super) fn systems(files: &[PathBuf]) -> Result<Vec<SystemReport>> {
    let mut kept = files
        .iter()
        .map(|file| system(file))
        .collect::<Result<Vec<_>>>()?;
    kept.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(kept)
}

/// The report with its curve: what was not as described at each audit.
pub(super) fn with_past(mut report: SystemReport, kept: &[SystemReport]) -> SystemReport {
    if kept.is_empty() {
        return report;
    }
    let mut history = Vec::new();
    let mut last: Option<BTreeSet<String>> = None;
    for one in kept.iter().chain([&report]) {
        let now = found(one);
        let known = last.as_ref().unwrap_or(&now);
        history.push(PastSystem {
            at: one.at.clone(),
            findings: now.len(),
            new: now.difference(known).count(),
            mended: known.difference(&now).count(),
        });
        last = Some(now);
    }
    report.history = history;
    report
}

/// What is not as described, each once, by its store.
fn found(report: &SystemReport) -> BTreeSet<String> {
    let all = report.all_findings();
    let named = all.map(|(store, own)| format!("{} {store:?} {}", own.code, own.message));
    named.collect()
}

/// Everything that counts against a boundary, by name.
pub(super) fn faults(report: &Report) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for own in &report.crossings {
        let tables = own.foreign.join(", ");
        let verb = if own.writes { "writes" } else { "reads" };
        let said = format!(
            "{} {verb} {tables} of {} as {}",
            own.from, own.to, own.login
        );
        all.insert(own.fingerprint.clone(), said);
    }
    for own in &report.keys {
        let said = format!("{}.{} points at {}", own.from, own.table, own.references);
        all.insert(
            format!("key {} {:?} {}", own.table, own.columns, own.references),
            said,
        );
    }
    let tables = report.subject.tables;
    for own in report
        .logins
        .iter()
        .filter(|own| !own.declared && own.reads >= tables && tables > 0)
    {
        let said = format!("{} can read every table", own.name);
        all.insert(format!("login {}", own.name), said);
    }
    for own in &report.reach {
        let said = format!(
            "{} may read {} and write {} tables of {}",
            own.from, own.reads, own.writes, own.to
        );
        all.insert(
            format!("reach {} {} {} {}", own.from, own.to, own.reads, own.writes),
            said,
        );
    }
    for own in &report.findings {
        all.insert(
            format!("finding {} {}", own.code, own.message),
            own.message.clone(),
        );
    }
    for own in report.unseen.iter().filter(|own| own.could_hide) {
        let said = format!("not seen: {}", own.what.replace('`', ""));
        all.insert(format!("unseen {}", own.what), said);
    }
    all
}

/// Holds the report nothing that the baseline did not?
pub(super) fn is_no_worse(report: &impl Shown, baseline: &impl Shown) -> bool {
    let known = baseline.faults();
    report.faults().keys().all(|own| known.contains_key(own))
}

/// What came and what went, a line each.
pub(super) fn changes(last: &impl Shown, next: &impl Shown) -> Vec<String> {
    let (before, now) = (last.faults(), next.faults());
    let came = now.iter().filter(|(key, _)| !before.contains_key(*key));
    let went = before.iter().filter(|(key, _)| !now.contains_key(*key));
    came.map(|(_, said)| format!("▲ new    {said}"))
        .chain(went.map(|(_, said)| format!("● ended  {said}")))
        .collect()
}
