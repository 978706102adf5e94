//! Who touches what is not theirs: what `check` found.

use serde::{Deserialize, Serialize};

/// The result of a check.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Boundary {
    pub at: u64,
    pub findings: Vec<Finding>,
    pub files: u64,
    pub statements: u64,
    pub unread: u64,
    pub took_ms: f64,
    /// Day (`2026-11-20`) and how many findings there were, oldest first.
    pub history: Vec<Count>,
    /// Why the check could not be made; empty: it was.
    pub trouble: String,
    pub code: String,
}

/// Findings on a day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Count {
    pub day: String,
    pub findings: u64,
}

/// One crossing in code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Finding {
    pub id: String,
    pub code: String,
    /// Not in the baseline.
    pub new: bool,
    pub from: String,
    pub to: String,
    /// `joins`
    pub phrase: String,
    pub object: String,
    pub file: String,
    pub line: u64,
    pub column: u64,
    pub width: u64,
    /// How it was seen: `parsed`, `import`.
    pub seen: String,
    pub since: Option<u64>,
    /// Lines around it: number and text.
    pub excerpt: Vec<(u64, String)>,
    pub ways: Vec<WayOut>,
}

impl Finding {
    /// `services/orders/src/report.ts:41`
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// A way out of a finding.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WayOut {
    pub title: String,
    pub text: String,
    /// What it needs is there already.
    pub fits: bool,
    /// Lines of a diff, or a call.
    pub code: Vec<String>,
}

impl Boundary {
    /// How many are not in the baseline.
    #[must_use]
    pub fn new_ones(&self) -> usize {
        self.findings.iter().filter(|own| own.new).count()
    }

    /// Crossings from one into another: all, and the new ones.
    #[must_use]
    pub fn crossings(&self, from: &str, to: &str) -> (usize, usize) {
        let own = || {
            self.findings
                .iter()
                .filter(|own| own.from == from && own.to == to)
        };
        (own().count(), own().filter(|own| own.new).count())
    }
}
