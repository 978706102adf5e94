//! What `check` finds in the system's code, as the console shows it. Reads files; the checker
//! remembers those that have not changed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use freehold_boundary::{Baseline, Checked, Checker};
use freehold_console::moment::{Boundary, Count, Finding, WayOut};

use crate::command::check::place::{BASELINE, Place, today};

/// Lines of code before and behind a finding.
const AROUND: usize = 3;
/// So many findings are shown with their code.
const MOST: usize = 500;

/// Checks again and again.
pub(in crate::command) struct Code {
    checker: Checker,
    root: PathBuf,
    environment: Option<String>,
}

impl Code {
    pub(in crate::command) fn new(root: &Path, environment: Option<String>) -> Self {
        Self {
            checker: Checker::remembering(),
            root: root.to_owned(),
            environment,
        }
    }

    /// Where the system's files are.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// One check. What cannot be checked is said, and is no error.
    pub(in crate::command) fn check(&mut self, now: u64) -> Boundary {
        let begun = Instant::now();
        let checked = Place::at(&self.root, self.environment.as_deref()).and_then(|place| {
            self.checker
                .check(&place.root, &[], place.ownership, &today())
                .map(|checked| (place.root, checked))
        });
        match checked {
            Ok((root, checked)) => Boundary {
                took_ms: begun.elapsed().as_secs_f64() * 1000.0,
                ..boundary(&root, checked, now)
            },
            Err(faults) => {
                let fault = faults.into_iter().next();
                Boundary {
                    at: now,
                    trouble: fault
                        .as_ref()
                        .map(|own| own.message.clone())
                        .unwrap_or_default(),
                    code: fault.map(|own| own.code.to_owned()).unwrap_or_default(),
                    ..Boundary::default()
                }
            }
        }
    }
}

fn boundary(root: &Path, mut checked: Checked, now: u64) -> Boundary {
    let known = std::fs::read_to_string(root.join(BASELINE)).ok();
    let known = known.and_then(|text| Baseline::parse(&text).ok());
    if let Some(known) = &known {
        known.compare(&mut checked.findings);
    }
    let history = known.map(|own| own.history).unwrap_or_default();
    Boundary {
        at: now,
        findings: checked
            .findings
            .iter()
            .take(MOST)
            .map(|own| finding(root, own))
            .collect(),
        files: checked.counts.files as u64,
        statements: checked.counts.statements as u64,
        unread: checked.unresolved.len() as u64,
        history: history
            .into_iter()
            .map(|own| Count {
                day: own.day,
                findings: own.findings as u64,
            })
            .collect(),
        ..Boundary::default()
    }
}

fn finding(root: &Path, own: &freehold_boundary::Finding) -> Finding {
    let text = std::fs::read_to_string(root.join(&own.file)).unwrap_or_default();
    let first = own.spot.line.saturating_sub(AROUND).max(1);
    let lines = text
        .lines()
        .enumerate()
        .skip(first - 1)
        .take(2 * AROUND + 1);
    Finding {
        id: format!("{}-{}-{}", own.fingerprint, own.spot.line, own.spot.column),
        code: own.code.to_owned(),
        new: !own.known,
        from: own.from.clone(),
        to: own.to.clone(),
        phrase: own.kind.phrase().to_owned(),
        object: own.object.clone(),
        file: own.file.display().to_string(),
        line: own.spot.line as u64,
        column: own.spot.column as u64,
        width: own.spot.length as u64,
        seen: own.seen.clone(),
        since: None,
        excerpt: lines
            .map(|(at, text)| (at as u64 + 1, text.to_owned()))
            .collect(),
        ways: vec![WayOut {
            title: "The way out".to_owned(),
            text: format!("{}.", own.kind.way_out()),
            ..WayOut::default()
        }],
    }
}
