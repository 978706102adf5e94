//! The findings of a day, written down: they are known, new ones fail, and the list only shrinks.
//!
//! Owns the file's form. Findings are remembered by their marks, not by lines, so reformatting,
//! renaming and moving files change nothing.

use std::collections::BTreeMap;

use freehold_model::Fault;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// A list of known findings.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    pub version: u32,
    /// Sorted by context and mark.
    pub known: Vec<Known>,
    /// One entry a day on which the number changed: progress as a curve.
    pub history: Vec<Day>,
}

/// Findings of one mark.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub from: String,
    pub to: String,
    pub kind: String,
    pub object: String,
    pub symbol: String,
    pub fingerprint: String,
    /// How many places have this mark.
    pub count: usize,
}

/// How many there were.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Day {
    pub day: String,
    pub findings: usize,
}

/// Findings held against a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    pub new: usize,
    pub known: usize,
    /// Marks of the baseline that are found no more, or fewer times.
    pub stale: Vec<Known>,
}

impl Baseline {
    /// Of today's findings.
    #[must_use]
    pub fn of(findings: &[Finding], today: &str) -> Self {
        let mut known: BTreeMap<&str, Known> = BTreeMap::new();
        for finding in findings {
            known
                .entry(&finding.fingerprint)
                .and_modify(|own| own.count += 1)
                .or_insert_with(|| Known {
                    from: finding.from.clone(),
                    to: finding.to.clone(),
                    kind: finding.kind.name().to_owned(),
                    object: finding.object.clone(),
                    symbol: finding.spot.symbol.clone(),
                    fingerprint: finding.fingerprint.clone(),
                    count: 1,
                });
        }
        let mut known: Vec<Known> = known.into_values().collect();
        known.sort();
        Self {
            version: 1,
            known,
            history: vec![Day {
                day: today.to_owned(),
                findings: findings.len(),
            }],
        }
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let read: Self = serde_json::from_str(text).map_err(|error| {
            Fault::new("FH2204", format!("the baseline cannot be read: {error}"))
                .help("it is written by `freehold check --write-baseline`; take it back from version control")
        })?;
        if read.version != 1 {
            return Err(Fault::new(
                "FH2204",
                format!(
                    "the baseline has version {}, and this program knows 1",
                    read.version
                ),
            )
            .help("use the program that wrote it, or a newer one"));
        }
        Ok(read)
    }

    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        // A struct of texts and numbers is always JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Marks the findings that are known. Of several with one mark, as many are known as the
    /// baseline says; the rest is new.
    pub fn compare(&self, findings: &mut [Finding]) -> Compared {
        let mut left: BTreeMap<&str, usize> = self
            .known
            .iter()
            .map(|own| (own.fingerprint.as_str(), own.count))
            .collect();
        let mut compared = Compared::default();
        for finding in findings {
            match left.get_mut(finding.fingerprint.as_str()) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    finding.known = true;
                    compared.known += 1;
                }
                _ => compared.new += 1,
            }
        }
        compared.stale = self
            .known
            .iter()
            .filter_map(|own| {
                let gone = left.get(own.fingerprint.as_str()).copied().unwrap_or(0);
                (gone > 0).then(|| Known {
                    count: gone,
                    ..own.clone()
                })
            })
            .collect();
        compared
    }

    /// What is still found of it, and nothing more: the list only ever shrinks.
    #[must_use]
    pub fn shrunk(&self, findings: &[Finding], today: &str) -> Self {
        let now = Self::of(findings, today);
        let known: Vec<Known> = self
            .known
            .iter()
            .filter_map(|own| {
                let found = now
                    .known
                    .iter()
                    .find(|now| now.fingerprint == own.fingerprint)?;
                Some(Known {
                    count: own.count.min(found.count),
                    ..own.clone()
                })
            })
            .collect();
        let count = known.iter().map(|own| own.count).sum();
        let mut history = self.history.clone();
        if history.last().is_none_or(|last| last.findings != count) {
            history.retain(|day| day.day != today);
            history.push(Day {
                day: today.to_owned(),
                findings: count,
            });
        }
        Self {
            version: 1,
            known,
            history,
        }
    }
}
