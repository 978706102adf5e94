//! Which context each table belongs to: as somebody said it, by schemas, or as proposed.
//!
//! Owns the choice between these. How a proposal is made is in `propose`.

use std::collections::{BTreeMap, HashMap};

use freehold_engine::audit::Facts;
use freehold_sql::ObjectName;

use super::names::tables;
use super::propose::{Evidence, propose};
use super::report::Origin;
use crate::ownership::{self, Owner, Ownership};

/// Contexts and their tables.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub(crate) names: Vec<String>,
    /// Table → context. Tables of nobody are not in it.
    pub(crate) of: HashMap<u32, usize>,
    pub(crate) origin: Option<Origin>,
    /// Table → how much speaks for its place, 0 to 1. Only of a proposal.
    pub(crate) scores: HashMap<u32, f64>,
}

impl Cut {
    pub(crate) fn of(&self, table: u32) -> Option<usize> {
        self.of.get(&table).copied()
    }

    pub(crate) fn name(&self, context: usize) -> &str {
        self.names.get(context).map_or("", String::as_str)
    }

    /// The context of this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// Tables of a context, in order.
    pub(crate) fn tables(&self, context: usize) -> Vec<u32> {
        let mut tables: Vec<u32> = self
            .of
            .iter()
            .filter(|(_, own)| **own == context)
            .map(|(table, _)| *table)
            .collect();
        tables.sort_unstable();
        tables
    }
}

/// Cuts by what is known, else by schemas, else by a proposal.
pub(crate) fn cut(facts: &Facts, known: Option<&Ownership>, evidence: &Evidence) -> Cut {
    let said = known.filter(|own| !matches!(own.origin, ownership::Origin::Proposal { .. }));
    if let Some(own) = said {
        return by_ownership(facts, own);
    }
    by_schema(facts).unwrap_or_else(|| propose(facts, evidence))
}

fn by_ownership(facts: &Facts, own: &Ownership) -> Cut {
    let mut cut = Cut {
        names: own.contexts.iter().map(|own| own.name.clone()).collect(),
        origin: Some(match own.origin {
            ownership::Origin::Services => Origin::Services,
            _ => Origin::File,
        }),
        ..Cut::default()
    };
    for table in tables(facts) {
        let relation = &facts.relations[table as usize];
        let schema = &facts.schemas[relation.schema as usize].name;
        let name = ObjectName {
            parts: vec![schema.clone(), relation.name.clone()],
            link: None,
        };
        let database = Some(facts.server.database.as_str());
        if let Owner::One(context) = own.owner(&name, database, None) {
            cut.of.insert(table, context);
        }
    }
    cut
}

/// Schemas are contexts where most tables stand in schemas that say something.
fn by_schema(facts: &Facts) -> Option<Cut> {
    let tables = tables(facts);
    let mut by: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for table in &tables {
        let schema = facts.relations[*table as usize].schema;
        by.entry(schema).or_default().push(*table);
    }
    let says = |schema: &u32| {
        !matches!(
            facts.schemas[*schema as usize].name.as_str(),
            "public" | "dbo"
        )
    };
    let placed: usize = by
        .iter()
        .filter(|(schema, _)| says(schema))
        .map(|(_, tables)| tables.len())
        .sum();
    let saying = by.keys().filter(|schema| says(schema)).count();
    if saying < 2 || placed * 3 < tables.len() * 2 {
        return None;
    }
    let mut cut = Cut {
        origin: Some(Origin::Schemas),
        ..Cut::default()
    };
    for (schema, tables) in by.iter().filter(|(schema, _)| says(schema)) {
        let context = cut.names.len();
        cut.names.push(facts.schemas[*schema as usize].name.clone());
        cut.of.extend(tables.iter().map(|table| (*table, context)));
    }
    Some(cut)
}
