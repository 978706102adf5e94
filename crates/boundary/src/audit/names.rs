//! Which relation a name in a statement means.
//!
//! Owns resolution by schema and by what is usual (`public`, the only one of that name). A name
//! that could be several is several, never a guess.

use std::collections::HashMap;

use freehold_engine::audit::{Facts, RelationKind};
use freehold_sql::ObjectName;

/// Relations by name.
#[derive(Debug)]
pub(crate) struct Names<'f> {
    facts: &'f Facts,
    by_name: HashMap<&'f str, Vec<u32>>,
    by_lower: HashMap<String, Vec<u32>>,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    One(u32),
    Several,
    /// Nothing of this database: a catalog, a temporary table, a function's result.
    Nothing,
}

impl<'f> Names<'f> {
    pub(crate) fn new(facts: &'f Facts) -> Self {
        let mut by_name: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut by_lower: HashMap<String, Vec<u32>> = HashMap::new();
        for (own, at) in facts.relations.iter().zip(0u32..) {
            if own.kind != RelationKind::Sequence {
                by_name.entry(&own.name).or_default().push(at);
                by_lower
                    .entry(own.name.to_lowercase())
                    .or_default()
                    .push(at);
            }
        }
        Self {
            facts,
            by_name,
            by_lower,
        }
    }

    /// `within`: the schema that unqualified names mean first.
    pub(crate) fn find(&self, name: &ObjectName, within: Option<&str>) -> Means {
        let table = name.table();
        let found = self.by_name.get(table);
        let found = found.or_else(|| self.by_lower.get(&table.to_lowercase()));
        let Some(found) = found else {
            return Means::Nothing;
        };
        let schema = |at: u32| {
            let schema = self.facts.relations[at as usize].schema;
            self.facts.schemas[schema as usize].name.as_str()
        };
        let in_schema = |wanted: &str| {
            let mut fitting = found
                .iter()
                .filter(|at| schema(**at).eq_ignore_ascii_case(wanted));
            fitting.next().copied()
        };
        if let Some(wanted) = name.qualifiers().next() {
            return in_schema(wanted).map_or(Means::Nothing, Means::One);
        }
        if let Some(at) = within.and_then(in_schema) {
            return Means::One(at);
        }
        match found.as_slice() {
            [one] => Means::One(*one),
            _ => in_schema("public").map_or(Means::Several, Means::One),
        }
    }

    /// The whole of which a relation is a part.
    pub(crate) fn whole(&self, mut relation: u32) -> u32 {
        for _ in 0..16 {
            match self.facts.relations[relation as usize].part_of {
                Some(parent) => relation = parent,
                None => break,
            }
        }
        relation
    }
}

/// As people write it: the schema only where it says something.
pub(crate) fn shown(facts: &Facts, relation: u32) -> String {
    let own = &facts.relations[relation as usize];
    let schema = &facts.schemas[own.schema as usize].name;
    if schema == "public" || *schema == facts.server.database {
        own.name.clone()
    } else {
        format!("{schema}.{}", own.name)
    }
}

/// Does it count among the tables? Parts count with their whole, and what an extension brought
/// does not.
pub(crate) fn is_table(facts: &Facts, relation: u32) -> bool {
    let own = &facts.relations[relation as usize];
    matches!(own.kind, RelationKind::Table | RelationKind::Foreign)
        && own.part_of.is_none()
        && !own.of_extension
}

/// All that count, in order.
pub(crate) fn tables(facts: &Facts) -> Vec<u32> {
    (0u32..)
        .take(facts.relations.len())
        .filter(|at| is_table(facts, *at))
        .collect()
}
