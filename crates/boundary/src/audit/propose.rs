//! Contexts for a database that nobody described.
//!
//! Owns the guess, and only ever calls it a proposal. Tables are drawn together by foreign keys
//! (most by those that are a table's own key), by the beginnings of their names, by statements that
//! use them together and by writing the same things; groups are then merged as long as that keeps
//! more of the pull inside of groups than chance would (modularity, after Newman 2004, moved
//! greedily table by table and group by group as in Blondel and others 2008).

use std::collections::{BTreeMap, HashMap};

use freehold_engine::audit::Facts;

use super::cut::Cut;
use super::names::tables;
use super::report::Origin;

/// What statements say about tables.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// Two tables in one statement: how many different statements.
    pub(crate) together: HashMap<(u32, u32), f64>,
    /// Two tables written by one statement.
    pub(crate) written_together: HashMap<(u32, u32), f64>,
    /// Table → module or program → statements that write it.
    pub(crate) writers: BTreeMap<u32, BTreeMap<String, f64>>,
    /// Words that name programs or modules, for naming contexts.
    pub(crate) modules: BTreeMap<u32, BTreeMap<String, f64>>,
}

const STEM: f64 = 6.0;
const CHILD: f64 = 4.0;
const KEY: f64 = 2.0;
const OWN_KEY: f64 = 5.0;
const TOGETHER: f64 = 0.6;
const WRITTEN: f64 = 3.0;
const WRITERS: f64 = 3.0;

/// Words that are no stem: they say what a table is for, not whose it is.
const GENERAL: &[&str] = &[
    "tmp", "temp", "app", "t", "tbl", "dim", "fact", "stg", "v", "audit", "freehold",
];

struct Graph {
    /// Node → (neighbour, pull), both ways.
    edges: Vec<HashMap<usize, f64>>,
}

impl Graph {
    fn add(&mut self, a: usize, b: usize, pull: f64) {
        if a != b {
            *self.edges[a].entry(b).or_default() += pull;
            *self.edges[b].entry(a).or_default() += pull;
        }
    }
}

/// The proposal.
pub(crate) fn propose(facts: &Facts, evidence: &Evidence) -> Cut {
    let tables = tables(facts);
    let graph = graph(facts, &tables, evidence);
    let groups = communities(&graph);
    let mut cut = Cut {
        origin: Some(Origin::Proposal),
        ..Cut::default()
    };
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(node);
    }
    // A table that nothing holds to another is nobody's, unless a name says otherwise.
    let mut placed: Vec<Vec<usize>> = members
        .into_values()
        .filter(|nodes| nodes.len() > 1)
        .collect();
    placed.sort_by_key(|nodes| nodes[0]);
    let of = |nodes: &[usize]| -> Vec<u32> { nodes.iter().map(|node| tables[*node]).collect() };
    let stems: Vec<String> = placed
        .iter()
        .filter_map(|nodes| name_by_stem(facts, &of(nodes)))
        .collect();
    for nodes in placed {
        let context = cut.names.len();
        let of = of(&nodes);
        let taken: Vec<String> = stems.iter().chain(&cut.names).cloned().collect();
        let name = unique(&cut.names, name(facts, &of, &taken, evidence));
        cut.names.push(name);
        cut.of.extend(of.iter().map(|table| (*table, context)));
        for node in &nodes {
            let (mut inside, mut best) = (0.0, HashMap::<usize, f64>::new());
            for (other, pull) in &graph.edges[*node] {
                if groups[*other] == groups[*node] {
                    inside += pull;
                } else {
                    *best.entry(groups[*other]).or_default() += pull;
                }
            }
            let other = best.into_values().fold(0.0, f64::max);
            let score = if inside + other > 0.0 {
                inside / (inside + other)
            } else {
                0.0
            };
            cut.scores.insert(tables[*node], score);
        }
    }
    if cut.names.len() < 2 && tables.len() < 4 {
        cut.names.clear();
        cut.of.clear();
    }
    cut
}

fn graph(facts: &Facts, tables: &[u32], evidence: &Evidence) -> Graph {
    let node: HashMap<u32, usize> = tables.iter().copied().zip(0..).collect();
    let mut graph = Graph {
        edges: vec![HashMap::new(); tables.len()],
    };
    by_stems(facts, tables, &mut graph);
    for key in &facts.references {
        let (Some(&from), Some(&to)) = (node.get(&key.from), node.get(&key.to)) else {
            continue;
        };
        let (child, parent) = (
            &facts.relations[key.from as usize],
            &facts.relations[key.to as usize],
        );
        let own = key
            .columns
            .first()
            .is_some_and(|column| Some(column) == child.columns.first());
        let pull = if own { OWN_KEY } else { KEY };
        // A table that everybody points at says little about each of them.
        let pointing = facts
            .references
            .iter()
            .filter(|own| own.to == key.to)
            .count();
        let cascade = if key.on_delete == "CASCADE" { 2.0 } else { 1.0 };
        graph.add(
            from,
            to,
            pull * cascade / f64::from(u32::try_from(pointing).unwrap_or(1)).sqrt(),
        );
        if child.name != parent.name && child.name.starts_with(singular(&parent.name)) {
            graph.add(from, to, CHILD);
        }
    }
    for ((a, b), count) in &evidence.together {
        if let (Some(&a), Some(&b)) = (node.get(a), node.get(b)) {
            graph.add(a, b, TOGETHER * count.min(3.0).ln_1p());
        }
    }
    for ((a, b), count) in &evidence.written_together {
        if let (Some(&a), Some(&b)) = (node.get(a), node.get(b)) {
            graph.add(a, b, WRITTEN * count.min(3.0).ln_1p());
        }
    }
    by_writers(&node, evidence, &mut graph);
    graph
}

/// Tables whose names begin with the same word. Sparse: each is held to the first of its stem, and
/// to the next.
fn by_stems(facts: &Facts, tables: &[u32], graph: &mut Graph) {
    let mut by: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, table) in tables.iter().enumerate() {
        if let Some(stem) = stem(&facts.relations[*table as usize].name) {
            by.entry(stem).or_default().push(at);
        }
    }
    for nodes in by.values() {
        for pair in nodes.windows(2) {
            graph.add(pair[0], pair[1], STEM);
        }
        for node in nodes.iter().skip(2) {
            graph.add(nodes[0], *node, STEM);
        }
    }
}

fn by_writers(node: &HashMap<u32, usize>, evidence: &Evidence, graph: &mut Graph) {
    let mut by: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
    for (table, writers) in &evidence.writers {
        let whole: f64 = writers.values().sum();
        for (writer, count) in writers {
            if let Some(&at) = node.get(table) {
                by.entry(writer).or_default().push((at, count / whole));
            }
        }
    }
    for tables in by.values().filter(|tables| tables.len() <= 60) {
        for (i, (a, mine)) in tables.iter().enumerate() {
            for (b, others) in &tables[i + 1..] {
                graph.add(*a, *b, WRITERS * mine * others);
            }
        }
    }
}

/// The first word of a name, in the singular.
pub(crate) fn stem(name: &str) -> Option<String> {
    let words = name.split('_').map(singular);
    let mut words =
        words.filter(|word| word.len() > 1 && !word.bytes().all(|b| b.is_ascii_digit()));
    let first = words.next()?.to_lowercase();
    (!GENERAL.contains(&first.as_str())).then_some(first)
}

fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(rest) if rest.len() > 2 && !rest.ends_with(['s', 'u', 'i']) => rest,
        _ => word,
    }
}

/// Groups of nodes, each named by a number.
fn communities(graph: &Graph) -> Vec<usize> {
    let count = graph.edges.len();
    let mut group: Vec<usize> = (0..count).collect();
    let mut edges: Vec<HashMap<usize, f64>> = graph.edges.clone();
    let mut inner = vec![0.0; count];
    loop {
        let moved = move_nodes(&edges, &inner);
        let kinds: std::collections::BTreeSet<usize> = moved.iter().copied().collect();
        let number: HashMap<usize, usize> = kinds.into_iter().zip(0..).collect();
        if number.len() == edges.len() {
            return group;
        }
        for own in &mut group {
            *own = number[&moved[*own]];
        }
        let mut next: Vec<HashMap<usize, f64>> = vec![HashMap::new(); number.len()];
        let mut loops = vec![0.0; number.len()];
        for (node, neighbours) in edges.iter().enumerate() {
            let from = number[&moved[node]];
            loops[from] += inner[node];
            for (other, pull) in neighbours {
                let to = number[&moved[*other]];
                if from == to {
                    loops[from] += pull;
                } else {
                    *next[from].entry(to).or_default() += pull;
                }
            }
        }
        (edges, inner) = (next, loops);
    }
}

/// One level: nodes move to the neighbouring group that gains most, until none gains. Ties go to
/// the lower number, so that the same input gives the same groups.
fn move_nodes(edges: &[HashMap<usize, f64>], inner: &[f64]) -> Vec<usize> {
    let degree: Vec<f64> = (0..edges.len())
        .map(|node| inner[node] + edges[node].values().sum::<f64>())
        .collect();
    let whole: f64 = degree.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut group: Vec<usize> = (0..edges.len()).collect();
    let mut total = degree.clone();
    for _ in 0..50 {
        let mut moved = false;
        for node in 0..edges.len() {
            let own = group[node];
            total[own] -= degree[node];
            let mut pulls: BTreeMap<usize, f64> = BTreeMap::from([(own, 0.0)]);
            for (other, pull) in &edges[node] {
                *pulls.entry(group[*other]).or_default() += pull;
            }
            let gain = |to: usize, pull: f64| pull - total[to] * degree[node] / whole;
            let mut best = (own, gain(own, pulls[&own]));
            for (to, pull) in &pulls {
                let gained = gain(*to, *pull);
                if gained > best.1 + 1e-9 {
                    best = (*to, gained);
                }
            }
            group[node] = best.0;
            total[best.0] += degree[node];
            moved |= best.0 != own;
        }
        if !moved {
            break;
        }
    }
    group
}

/// By the stem of most; by the module that writes most of it, unless that is called like another
/// group; by the table that is pointed at most.
fn name(facts: &Facts, of: &[u32], taken: &[String], evidence: &Evidence) -> String {
    if let Some(name) = name_by_stem(facts, of) {
        return name;
    }
    let mut modules: BTreeMap<&str, f64> = BTreeMap::new();
    for table in of {
        let own = evidence.modules.get(table);
        for (module, count) in own.into_iter().flatten() {
            *modules.entry(module).or_default() += count;
        }
    }
    let of_another = |module: &str| taken.iter().any(|own| singular(own) == singular(module));
    modules.retain(|module, _| !of_another(module));
    let most = modules
        .iter()
        .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
    if let Some((module, _)) = most {
        return (*module).to_owned();
    }
    let pointed = |table: &u32| {
        facts
            .references
            .iter()
            .filter(|own| own.to == *table)
            .count()
    };
    let hub = of
        .iter()
        .max_by_key(|table| (pointed(table), std::cmp::Reverse(**table)));
    hub.map_or_else(String::new, |table| {
        facts.relations[*table as usize].name.clone()
    })
}

/// The word that most of the names begin with, as its plainest table is called.
fn name_by_stem(facts: &Facts, of: &[u32]) -> Option<String> {
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for table in of {
        if let Some(stem) = stem(&facts.relations[*table as usize].name) {
            *stems.entry(stem).or_default() += 1;
        }
    }
    let (stem, _) = stems.into_iter().find(|(_, count)| *count * 2 > of.len())?;
    let named = of
        .iter()
        .map(|table| facts.relations[*table as usize].name.as_str());
    let plain = named
        .filter(|name| singular(name).eq_ignore_ascii_case(&stem))
        .min();
    Some(plain.map_or_else(|| stem.clone(), str::to_owned))
}

fn unique(names: &[String], name: String) -> String {
    let taken = |name: &str| names.iter().any(|own| own == name);
    if !taken(&name) {
        return name;
    }
    let numbers = 2..=names.len() + 2;
    let numbered = numbers.map(|number| format!("{name}_{number}"));
    let free = numbered.filter(|name| !taken(name)).min_by_key(String::len);
    free.unwrap_or(name)
}
