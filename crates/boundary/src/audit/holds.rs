//! What holds contexts together in the catalog, and tables that nobody owns.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::audit::{Facts, LinkKind, RelationKind, Rights};

use super::crossings::Use;
use super::cut::Cut;
use super::names::{Names, shown};
use super::report::{Fit, Key, OnDelete, Orphan, Tie, TieKind, Users};
use super::ways::Ways;

/// Foreign keys between contexts.
pub(crate) fn keys(facts: &Facts, names: &Names<'_>, cut: &Cut) -> Vec<Key> {
    let mut found: Vec<Key> = facts
        .references
        .iter()
        .filter_map(|own| {
            let (table, far) = (names.whole(own.from), names.whole(own.to));
            let (from, to) = (cut.of(table)?, cut.of(far)?);
            (from != to).then(|| Key {
                from: cut.name(from).to_owned(),
                to: cut.name(to).to_owned(),
                table: shown(facts, table),
                columns: own.columns.clone(),
                references: shown(facts, far),
                on_delete: match own.on_delete {
                    "RESTRICT" => OnDelete::Restrict,
                    "CASCADE" => OnDelete::Cascade,
                    "SET NULL" => OnDelete::SetNull,
                    "SET DEFAULT" => OnDelete::SetDefault,
                    _ => OnDelete::NoAction,
                },
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.from, &a.to, &a.table).cmp(&(&b.from, &b.to, &b.table)));
    found.dedup();
    found
}

/// Views, functions, triggers, sequences, policies and links over more than one context.
pub(crate) fn ties(facts: &Facts, ways: &Ways<'_, '_>, cut: &Cut) -> Vec<Tie> {
    let mut found = Vec::new();
    for (own, at) in facts.relations.iter().zip(0u32..) {
        if matches!(own.kind, RelationKind::View | RelationKind::Materialized) {
            let tables = ways.uses().tables(at);
            push(
                &mut found,
                cut,
                TieKind::View,
                shown(facts, at),
                &tables,
                false,
            );
        }
    }
    let fired: BTreeSet<u32> = facts
        .triggers
        .iter()
        .filter_map(|own| own.routine)
        .collect();
    for ((own, body), at) in facts.routines.iter().zip(ways.bodies()).zip(0u32..) {
        if !fired.contains(&at) && !own.of_extension {
            let tables: Vec<u32> = body.touches.keys().copied().collect();
            let name = format!("{}({})", own.name, own.arguments);
            push(
                &mut found,
                cut,
                TieKind::Function,
                name,
                &tables,
                body.any && own.definer,
            );
        }
    }
    for (own, number) in facts.triggers.iter().zip(0..) {
        let mut tables = vec![own.relation];
        let body = ways.fired(number).into_iter();
        tables.extend(body.flat_map(|body| body.touches.keys().copied()));
        push(
            &mut found,
            cut,
            TieKind::Trigger,
            own.name.clone(),
            &tables,
            false,
        );
    }
    let mut drawn: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for own in &facts.sequences {
        drawn.entry(own.sequence).or_default().push(own.relation);
    }
    for (sequence, tables) in drawn {
        push(
            &mut found,
            cut,
            TieKind::Sequence,
            shown(facts, sequence),
            &tables,
            false,
        );
    }
    for own in &facts.policies {
        let tables: Vec<u32> = own.reads.iter().copied().chain([own.relation]).collect();
        push(
            &mut found,
            cut,
            TieKind::Policy,
            own.name.clone(),
            &tables,
            false,
        );
    }
    for own in facts
        .links
        .iter()
        .filter(|own| own.kind != LinkKind::Publication)
    {
        found.push(Tie {
            kind: TieKind::ForeignServer,
            name: own.name.clone(),
            contexts: contexts(cut, &own.relations),
            any: own.kind == LinkKind::Functions,
            tables: own.relations.len(),
        });
    }
    found
}

fn push(found: &mut Vec<Tie>, cut: &Cut, kind: TieKind, name: String, tables: &[u32], any: bool) {
    let contexts = contexts(cut, tables);
    if contexts.len() > 1 || any {
        found.push(Tie {
            kind,
            name,
            contexts,
            any,
            tables: tables.len(),
        });
    }
}

/// Their contexts, each once, in the order of the tables.
fn contexts(cut: &Cut, tables: &[u32]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for context in tables.iter().filter_map(|table| cut.of(*table)) {
        if !found.iter().any(|own| own == cut.name(context)) {
            found.push(cut.name(context).to_owned());
        }
    }
    found
}

/// Tables that no context owns.
pub(crate) fn orphans(
    facts: &Facts,
    ways: &Ways<'_, '_>,
    cut: &Cut,
    usage: Option<&Use>,
) -> Vec<Orphan> {
    let nobodys = ways.tables.iter().filter(|table| cut.of(**table).is_none());
    nobodys
        .map(|table| {
            let own = &facts.relations[*table as usize];
            let written =
                usage.map(|usage| users(facts, ways, cut, *table, usage.writers.get(table)));
            let read = usage.map(|usage| Users {
                programs: usage
                    .readers
                    .get(table)
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect(),
                ..Users::default()
            });
            Orphan {
                table: shown(facts, *table),
                rows: own.rows,
                bytes: own.bytes.unwrap_or_default(),
                fits: fit(written.as_ref(), read.as_ref(), own.rows),
                written_by: written,
                read_by: read,
            }
        })
        .collect()
}

/// Programs that write it, and tables whose triggers do.
fn users(
    facts: &Facts,
    ways: &Ways<'_, '_>,
    cut: &Cut,
    table: u32,
    programs: Option<&BTreeSet<String>>,
) -> Users {
    let writing = facts.triggers.iter().zip(0..).filter(|(_, number)| {
        let touched = ways
            .fired(*number)
            .and_then(|body| body.touches.get(&table));
        touched.is_some_and(|rights| rights.has_any(Rights::WRITES))
    });
    let tables: BTreeSet<u32> = writing.map(|(own, _)| own.relation).collect();
    let contexts: BTreeSet<usize> = tables.iter().filter_map(|own| cut.of(*own)).collect();
    Users {
        programs: programs.into_iter().flatten().cloned().collect(),
        trigger_tables: tables.len(),
        trigger_contexts: contexts.len(),
    }
}

fn fit(written: Option<&Users>, read: Option<&Users>, rows: Option<u64>) -> Fit {
    let (Some(written), Some(read)) = (written, read) else {
        return Fit::NotKnown;
    };
    let small = rows.is_some_and(|rows| rows < 10_000);
    match (written.programs.len(), read.programs.len()) {
        _ if written.trigger_contexts > 1 => Fit::EachItsOwn,
        (0, 0) if written.trigger_tables == 0 => Fit::Archive,
        (0, _) if small => Fit::Seed,
        (_, readers) if small && readers > 2 => Fit::Settings,
        (writers, _) if writers > 1 => Fit::NeedsOwner,
        _ => Fit::NotKnown,
    }
}
