//! The contexts of a report as a `boundaries.yaml` to be corrected.

use super::report::Report;
use crate::ownership::{Context, Origin, Ownership};

/// The text of the file; empty when no contexts were found.
#[must_use]
pub fn boundaries(report: &Report) -> String {
    let contexts = report.contexts.iter().map(|own| Context {
        name: own.name.clone(),
        tables: own.tables.clone(),
        ..Context::default()
    });
    let origin = Origin::Proposal {
        why: vec![format!(
            "from foreign keys, names, statements and writers of the database {}",
            report.subject.database
        )],
    };
    Ownership::new(contexts.collect(), origin, &[], &[])
        .map(|own| own.to_file())
        .unwrap_or_default()
}
