//! The support matrix: what each engine can do and what of it was run, from [`EngineInfo`] alone.

use freehold_engine::{Ddl, Enforcement, EngineInfo, Run};
use freehold_model::{EngineKind, Isolation};
use serde::Serialize;

use crate::engines;

const LEVELS: [Isolation; 4] = [
    Isolation::Tables,
    Isolation::Schema,
    Isolation::Database,
    Isolation::Instance,
];

/// One kind of database.
#[derive(Debug, Clone, Serialize)]
pub struct SupportRow {
    /// As the description writes it.
    pub kind: EngineKind,
    /// Versions that are meant to work, and where this project's tests run them.
    pub versions: Vec<(&'static str, Run)>,
    /// How each isolation level is kept, weakest level first.
    pub isolation: Vec<(Isolation, Enforcement)>,
    /// Are identities the engine's own logins?
    pub identities: bool,
    /// Can schema changes be rolled back?
    pub ddl: Ddl,
    /// What it cannot do or does another way.
    pub notes: Vec<&'static str>,
}

impl SupportRow {
    fn new(kind: EngineKind, info: &EngineInfo) -> Self {
        let kept = |level: Isolation| {
            let found = info.isolation.iter().find(|(of, _)| *of == level);
            (
                level,
                found.map_or(Enforcement::Unsupported, |(_, enforcement)| *enforcement),
            )
        };
        Self {
            kind,
            versions: versions_of(kind, info),
            isolation: LEVELS.map(kept).to_vec(),
            identities: info.identities,
            ddl: info.ddl,
            notes: info.notes.to_vec(),
        }
    }

    /// As a row of a table: engine, versions run, versions never run, the four levels, schema changes.
    pub fn cells(&self) -> [String; 8] {
        let mut levels = self
            .isolation
            .iter()
            .map(|(_, enforcement)| enforcement_word(*enforcement));
        let mut level = || levels.next().unwrap_or_default().to_owned();
        [
            self.kind.to_string(),
            self.versions_run(),
            or_dash(self.versions(Run::Never)),
            level(),
            level(),
            level(),
            level(),
            match self.ddl {
                Ddl::Transactional => "rolled back".to_owned(),
                Ddl::Committing => "resumed".to_owned(),
            },
        ]
    }

    /// `15; in long proofs 16, 17`
    fn versions_run(&self) -> String {
        let proofs = self.versions(Run::Prove);
        let proofs = if proofs.is_empty() {
            proofs
        } else {
            format!("in long proofs {proofs}")
        };
        let run: Vec<_> = [self.versions(Run::Ci), proofs]
            .into_iter()
            .filter(|run| !run.is_empty())
            .collect();
        or_dash(run.join("; "))
    }

    fn versions(&self, wanted: Run) -> String {
        let named = self
            .versions
            .iter()
            .filter(|(_, run)| *run == wanted)
            .map(|(version, _)| *version);
        named.collect::<Vec<_>>().join(", ")
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

/// A row for each kind that some engine serves.
pub fn support_matrix() -> Vec<SupportRow> {
    let served = engines().iter().flat_map(|engine| {
        engine
            .info()
            .kinds
            .iter()
            .map(|kind| (*kind, engine.info()))
    });
    served
        .map(|(kind, info)| SupportRow::new(kind, info))
        .collect()
}

/// An engine that serves two products names the product before the version: `MariaDB 10.11`.
fn versions_of(kind: EngineKind, info: &EngineInfo) -> Vec<(&'static str, Run)> {
    let named = info
        .versions
        .iter()
        .filter_map(|(version, run)| match version.split_once(' ') {
            Some((product, version)) => product
                .eq_ignore_ascii_case(kind.name())
                .then_some((version, *run)),
            None => Some((*version, *run)),
        });
    named.collect()
}

fn enforcement_word(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Enforced => "enforced",
        Enforcement::Advisory => "advisory",
        Enforcement::Unsupported => "–",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_one_engine_that_says_which_versions() {
        let kinds: BTreeSet<_> = support_matrix().iter().map(|row| row.kind).collect();
        assert_eq!(
            kinds.len(),
            support_matrix().len(),
            "two engines serve one kind"
        );
        for row in support_matrix() {
            assert!(!row.versions.is_empty(), "{} names no version", row.kind);
            assert_eq!(
                row.isolation
                    .iter()
                    .map(|(level, _)| *level)
                    .collect::<Vec<_>>(),
                LEVELS
            );
            let engine = crate::engine(row.kind).expect("it is in the list");
            assert!(engine.info().kinds.contains(&row.kind));
        }
        assert!(crate::engine(EngineKind::Oracle).is_none());
    }

    #[test]
    fn products_of_one_engine_are_told_apart() {
        let info = EngineInfo {
            kinds: &[EngineKind::Mysql, EngineKind::Mariadb],
            schemes: &["mysql"],
            isolation: &[],
            identities: true,
            ddl: Ddl::Committing,
            versions: &[("MariaDB 10.11", Run::Ci), ("MySQL 9", Run::Never)],
            notes: &[],
            ..crate::engines()[0].info().clone()
        };
        let cells = |kind| SupportRow::new(kind, &info).cells();
        assert_eq!(cells(EngineKind::Mariadb)[1..3], ["10.11", "–"]);
        assert_eq!(cells(EngineKind::Mysql)[1..3], ["–", "9"]);
    }

    #[test]
    fn cells_tell_run_from_not_run() {
        let info = EngineInfo {
            kinds: &[EngineKind::Sqlite],
            schemes: &["sqlite"],
            isolation: &[
                (Isolation::Schema, Enforcement::Enforced),
                (Isolation::Instance, Enforcement::Advisory),
            ],
            identities: false,
            ddl: Ddl::Committing,
            versions: &[("1", Run::Ci), ("2", Run::Prove), ("3", Run::Never)],
            notes: &[],
            ..crate::engines()[0].info().clone()
        };
        let cells = SupportRow::new(EngineKind::Sqlite, &info).cells();
        assert_eq!(
            cells,
            [
                "sqlite",
                "1; in long proofs 2",
                "3",
                "–",
                "enforced",
                "–",
                "advisory",
                "resumed"
            ]
        );
    }
}
