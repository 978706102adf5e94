//! The order in which contexts come off easiest, counted stage by stage.
//!
//! A stage counts what is still there when its turn comes, so the stages add up to all of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Context, Crossing, Key, Report, Way};

/// What one context's turn takes away.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub context: String,
    pub tables: usize,
    pub bytes: u64,
    pub statements: usize,
    pub writes: usize,
    pub keys: usize,
    pub calls_a_day: f64,
    /// Calls that end, and calls that are left, in steps of the report's scale.
    pub shown_ended: u64,
    pub shown_left: u64,
    /// Ways out and how many statements take them, the commonest first.
    pub ways: Vec<(Way, usize)>,
    /// The last one: nothing is left to do, and its data stays where it is.
    pub stays: bool,
    pub why: Option<String>,
}

/// The names in the order in which they come off easiest: fewest crossing writes first, then
/// foreign keys, then statements, then data; each counted without those that are off already.
#[must_use]
pub fn easiest(contexts: &[Context], crossings: &[Crossing], keys: &[Key]) -> Vec<String> {
    let mut left: Vec<&Context> = contexts.iter().collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let among = |name: &String| left.iter().any(|own| own.name == *name);
        let cost = |own: &&Context| {
            let open: Vec<&Crossing> = crossings
                .iter()
                .filter(|one| one.from == own.name || one.to == own.name)
                .filter(|one| among(&one.from) && among(&one.to))
                .collect();
            let keys = keys
                .iter()
                .filter(|one| one.from == own.name || one.to == own.name)
                .filter(|one| among(&one.from) && among(&one.to));
            let writes = open.iter().filter(|one| one.writes).count();
            (writes, keys.count(), open.len(), own.bytes)
        };
        let next = (0..left.len())
            .min_by_key(|at| (cost(&left[*at]), *at))
            .unwrap_or(0);
        order.push(left.remove(next).name.clone());
    }
    order
}

impl Report {
    /// The stages of [`Report::order`].
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let matrix = self.matrix();
        let at = |name: &str| matrix.contexts.iter().position(|own| own == name);
        let mut gone: Vec<&str> = Vec::new();
        let mut left = matrix.total.shown;
        let mut stages = Vec::new();
        for (number, step) in self.order.iter().enumerate() {
            let name = step.context.as_str();
            let open = |from: &str, to: &str| {
                (from == name || to == name) && !gone.contains(&from) && !gone.contains(&to)
            };
            let crossings: Vec<&Crossing> = self
                .crossings
                .iter()
                .filter(|own| open(&own.from, &own.to))
                .collect();
            let mut shown_ended = 0;
            for (y, from) in matrix.contexts.iter().enumerate() {
                for (x, to) in matrix.contexts.iter().enumerate() {
                    if (at(name) == Some(y) || at(name) == Some(x)) && open(from, to) {
                        shown_ended += matrix.cells[y][x].shown;
                    }
                }
            }
            left -= shown_ended.min(left);
            let context = self.contexts.iter().find(|own| own.name == name);
            stages.push(Stage {
                context: name.to_owned(),
                tables: context.map_or(0, |own| own.tables.len()),
                bytes: context.map_or(0, |own| own.bytes),
                statements: crossings.len(),
                writes: crossings.iter().filter(|own| own.writes).count(),
                keys: self
                    .keys
                    .iter()
                    .filter(|own| open(&own.from, &own.to))
                    .count(),
                calls_a_day: crossings.iter().map(|own| own.calls_a_day).sum(),
                shown_ended,
                shown_left: left,
                ways: ways(&crossings),
                stays: number + 1 == self.order.len(),
                why: step.why.clone(),
            });
            gone.push(name);
        }
        stages
    }
}

fn ways(crossings: &[&Crossing]) -> Vec<(Way, usize)> {
    let mut counts: BTreeMap<Way, usize> = BTreeMap::new();
    for crossing in crossings {
        *counts.entry(crossing.way_out.way).or_default() += 1;
    }
    let mut ways: Vec<(Way, usize)> = counts.into_iter().collect();
    ways.sort_by_key(|(way, count)| (Reverse(*count), *way));
    ways
}
