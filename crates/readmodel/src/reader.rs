//! From a definition to its plan: names are resolved, joins are equalities, groups are whole.

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::{Fault, Place};
use freehold_sql::{Dialect, quote_literal};
use sha2::{Digest as _, Sha256};

use crate::expression::{AGGREGATES, Columns, judge, suggest};
use crate::plan::{Aggregate, Function, Join, JoinKind, Output, Plan, Source};
use crate::query::{Query, Range, take_apart};
use crate::refusal::Refusal;
use crate::words::Words;

/// Sources of one read model.
const MOST: usize = 4;

/// A read model as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'a> {
    /// The view's name.
    pub name: &'a str,
    /// As faults begin: the service and the model.
    pub whose: &'a str,
    /// Alias → copy.
    pub from: &'a BTreeMap<String, String>,
    /// The query.
    pub select: &'a str,
    /// Column → what a missing value reads as.
    pub defaults: &'a BTreeMap<String, String>,
    /// Where the query's text begins.
    pub place: Option<&'a Place>,
}

/// What has to be known of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyShape {
    /// Columns of its key, in order.
    pub key: Vec<String>,
    /// Those of them, the first ones, that an event names: all, or the entity whose rows come and
    /// go together.
    pub entity: Vec<String>,
    /// All columns that are filled, the key's among them.
    pub columns: BTreeSet<String>,
}

/// Reads a definition. `copies`: all copies of the store.
///
/// # Errors
/// The first thing that is wrong: not SQL (FH4201), outside of what can be kept (FH4202), a name
/// that is not there (FH4203).
pub fn plan(
    dialect: Dialect,
    definition: &Definition<'_>,
    copies: &BTreeMap<String, CopyShape>,
) -> Result<Plan, Box<Fault>> {
    let read = Reader::read(dialect, definition, copies);
    read.map_err(|it| Box::new(it.fault(definition.whose, definition.select, definition.place)))
}

struct Reader<'a> {
    dialect: Dialect,
    definition: &'a Definition<'a>,
    words: Words<'a>,
    query: Query,
    columns: Columns,
    sources: Vec<Source>,
}

impl<'a> Reader<'a> {
    fn read(
        dialect: Dialect,
        definition: &'a Definition<'a>,
        copies: &BTreeMap<String, CopyShape>,
    ) -> Result<Plan, Refusal> {
        let words = Words::read(dialect, definition.select)?;
        let query = take_apart(&words)?;
        let mut reader = Self {
            dialect,
            definition,
            words,
            query,
            columns: Columns::new(),
            sources: Vec::new(),
        };
        reader.sources(copies)?;
        let outputs = reader.outputs()?;
        let filter = match reader.query.filter {
            Some(range) => {
                judge(&reader.words, range, &reader.columns)?;
                Some(reader.text(range))
            }
            None => None,
        };
        let grouped = !reader.query.groups.is_empty();
        reader.groups(&outputs)?;
        let outputs = reader.with_defaults(outputs)?;
        let mut plan = Plan {
            name: definition.name.to_owned(),
            hash: String::new(),
            sources: reader.sources,
            outputs,
            filter,
            grouped,
        };
        plan.hash = hash(&plan);
        Ok(plan)
    }

    fn text(&self, (from, to): Range) -> String {
        self.words.slice(from, to)
    }

    fn sources(&mut self, copies: &BTreeMap<String, CopyShape>) -> Result<(), Refusal> {
        let found = self.query.sources.clone();
        if let Some((at, _)) = found.get(MOST) {
            let what = format!("more than {MOST} sources");
            let help = "publish what belongs together in one event, or declare two read models";
            return Err(Refusal::outside(self.words.place(*at), what, help));
        }
        for (at, join) in found {
            let alias = self.words.name(at).unwrap_or_default();
            let place = self.words.place(at);
            let Some(table) = self.definition.from.get(&alias) else {
                let help = suggest(&alias, self.definition.from.keys());
                return Err(Refusal::unknown(
                    place,
                    format!("`from` has no `{alias}`"),
                    help,
                ));
            };
            let Some(copy) = copies.get(table) else {
                let what = format!("`{alias}` is `{table}`, which is no copy of this service");
                let help = "a read model reads copies, no tables of the service and no other read models: declare it below `copies`";
                return Err(Refusal::unknown(place, what, help));
            };
            if self.columns.contains_key(&alias) {
                let help = "give it a second name below `from`";
                let what = format!("`{alias}` stands there twice");
                return Err(Refusal::unread(place, what, help));
            }
            self.columns.insert(alias.clone(), copy.columns.clone());
            let mut source = Source {
                alias,
                table: table.clone(),
                key: copy.key.clone(),
                entity: copy.entity.clone(),
                join: None,
            };
            if let Some((left, on)) = join {
                let kind = if left {
                    JoinKind::Left
                } else {
                    JoinKind::Inner
                };
                source.join = Some(Join {
                    kind,
                    on: self.equalities(on, &source.alias)?,
                });
            }
            self.sources.push(source);
        }
        self.unused()
    }

    fn unused(&self) -> Result<(), Refusal> {
        let mut named = self.definition.from.keys();
        match named.find(|alias| !self.columns.contains_key(*alias)) {
            None => Ok(()),
            Some(alias) => Err(Refusal::unknown(
                0,
                format!("the query does not use `{alias}`"),
                "take it out of `from`, or join it",
            )),
        }
    }

    /// `a.x = b.y AND …`, each with one side of the joined source.
    fn equalities(
        &self,
        (from, to): Range,
        own: &str,
    ) -> Result<Vec<(String, usize, String)>, Refusal> {
        judge(&self.words, (from, to), &self.columns)?;
        let mut on = Vec::new();
        let (mut from, mut to) = (from, to);
        if self.words.is(from, "(") && self.words.is(to - 1, ")") {
            (from, to) = (from + 1, to - 1);
        }
        let mut at = from;
        loop {
            let side = |at: usize| {
                let dotted = at + 2 < to.max(at + 3) && self.words.is(at + 1, ".");
                (dotted && at + 3 <= to).then(|| (self.words.name(at), self.words.name(at + 2)))
            };
            let (left, right) = (side(at), side(at + 4));
            let sides = match (left, right) {
                (Some((Some(a), Some(x))), Some((Some(b), Some(y))))
                    if self.words.is(at + 3, "=") =>
                {
                    Some(((a, x), (b, y)))
                }
                _ => None,
            };
            let Some((one, other)) = sides.and_then(|(one, other)| {
                if one.0 == own && other.0 != own {
                    Some((one, other))
                } else if other.0 == own && one.0 != own {
                    Some((other, one))
                } else {
                    None
                }
            }) else {
                let what = "a join by something else than equal columns";
                let help = format!(
                    "write {own}.column = other.column, with AND between several; a condition on one source goes into WHERE or a CASE"
                );
                return Err(Refusal::outside(self.words.place(at), what, help));
            };
            let index = self.sources.iter().position(|it| it.alias == other.0);
            on.push((one.1, index.unwrap_or_default(), other.1));
            at += 7;
            if at >= to {
                return Ok(on);
            }
            if !self.words.is(at, "and") {
                let help = "equalities are put together by AND";
                let what = format!("`{}` in a join", self.words.get(at));
                return Err(Refusal::outside(self.words.place(at), what, help));
            }
            at += 1;
        }
    }

    fn outputs(&self) -> Result<Vec<Output>, Refusal> {
        let mut outputs: Vec<Output> = Vec::new();
        for ((from, to), named) in &self.query.items {
            let place = self.words.place(*from);
            let own = (*to == from + 3 && self.words.is(from + 1, ".")).then_some(from + 2);
            let name = (*named).or(own).and_then(|at| self.words.name(at));
            let Some(name) = name.map(|name| name.to_lowercase()) else {
                let help = "give it one: … AS total";
                return Err(Refusal::unread(place, "a column without a name", help));
            };
            if name.starts_with("freehold_") || outputs.iter().any(|it| it.name() == name) {
                let help = "give it another one by AS";
                let what = format!("the name `{name}` is taken");
                return Err(Refusal::unread(place, what, help));
            }
            if let Some(aggregate) = self.aggregate((*from, *to), &name)? {
                outputs.push(Output::Aggregate(aggregate));
                continue;
            }
            judge(&self.words, (*from, *to), &self.columns)?;
            let sql = self.text((*from, *to));
            outputs.push(Output::Value { name, sql });
        }
        Ok(outputs)
    }

    /// The whole item is `name(…)`.
    fn aggregate(&self, (from, to): Range, name: &str) -> Result<Option<Aggregate>, Refusal> {
        let called = self.words.get(from).to_ascii_lowercase();
        if !AGGREGATES.contains(&called.as_str()) || !self.words.is(from + 1, "(") {
            return Ok(None);
        }
        let close = self.words.until(from + 2, |words, at| words.is(at, ")"));
        if close + 1 != to {
            // It stands in an expression, which is judged as one.
            return Ok(None);
        }
        let place = self.words.place(from);
        let function = match called.as_str() {
            "count" => Function::Count,
            "sum" => Function::Sum,
            "avg" => Function::Avg,
            "min" => Function::Min,
            "max" => Function::Max,
            _ => {
                let what = format!("the aggregate `{called}`");
                let help = "count, sum, avg, min and max can be kept; put others together in the query on a read model that is not grouped";
                return Err(Refusal::outside(place, what, help));
            }
        };
        let inside = (from + 2, close);
        let of = if function == Function::Count && close == from + 3 && self.words.is(from + 2, "*")
        {
            None
        } else {
            judge(&self.words, inside, &self.columns)?;
            Some(self.text(inside))
        };
        let name = name.to_owned();
        Ok(Some(Aggregate { name, function, of }))
    }

    /// Groups are by all plain columns, and by nothing else.
    fn groups(&self, outputs: &[Output]) -> Result<(), Refusal> {
        let place = |at: usize| self.words.place(self.query.items[at].0.0);
        if self.query.groups.is_empty() {
            let aggregated = outputs
                .iter()
                .position(|it| matches!(it, Output::Aggregate(_)));
            return match aggregated {
                None => Ok(()),
                Some(at) => Err(Refusal::outside(
                    place(at),
                    "an aggregate without GROUP BY",
                    "say for what it is told: GROUP BY the other columns",
                )),
            };
        }
        let mut grouped = BTreeSet::new();
        for (from, to) in &self.query.groups {
            let text = self.text((*from, *to));
            let by = outputs.iter().position(|output| match output {
                Output::Value { name, sql } => *sql == text || name.eq_ignore_ascii_case(&text),
                Output::Aggregate(_) => false,
            });
            let by = by.or_else(|| text.parse().ok().and_then(|at: usize| at.checked_sub(1)));
            match by {
                Some(at) if matches!(outputs.get(at), Some(Output::Value { .. })) => {
                    grouped.insert(at);
                }
                _ => {
                    let what = format!("a group by `{text}`, which is no column of the read model");
                    let help = "select it, too: one has to see which group a row is";
                    return Err(Refusal::outside(self.words.place(*from), what, help));
                }
            }
        }
        for (at, output) in outputs.iter().enumerate() {
            if matches!(output, Output::Value { .. }) && !grouped.contains(&at) {
                let what = format!("`{}` is neither grouped by nor an aggregate", output.name());
                let help = "add it to GROUP BY, or take min or max of it";
                return Err(Refusal::outside(place(at), what, help));
            }
        }
        Ok(())
    }

    fn with_defaults(&self, outputs: Vec<Output>) -> Result<Vec<Output>, Refusal> {
        let names: Vec<String> = outputs.iter().map(|it| it.name().to_owned()).collect();
        for column in self.definition.defaults.keys() {
            if !names.contains(column) {
                let what = format!("`default` names `{column}`, which is no column of it");
                return Err(Refusal::unknown(0, what, suggest(column, names.iter())));
            }
        }
        let with_default = |output: Output| match output {
            Output::Value { name, sql } => {
                let Some(value) = self.definition.defaults.get(&name) else {
                    return Ok(Output::Value { name, sql });
                };
                let Ok(value) = quote_literal(self.dialect, value) else {
                    let what = format!("the default of `{name}` cannot be written in SQL");
                    return Err(Refusal::unread(0, what, "take a plain text"));
                };
                let sql = format!("coalesce({sql}, {value})");
                Ok(Output::Value { name, sql })
            }
            Output::Aggregate(aggregate) => Ok(Output::Aggregate(aggregate)),
        };
        outputs.into_iter().map(with_default).collect()
    }
}

/// Of everything that decides what stands in the tables, and of the form in which it does.
fn hash(plan: &Plan) -> String {
    const FORM: &str = "1";
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text);
    };
    add(FORM);
    add(if plan.grouped { "groups" } else { "rows" });
    for source in &plan.sources {
        add(&source.alias);
        add(&source.table);
        source.key.iter().for_each(|column| add(column));
        if source.entity.len() < source.key.len() {
            add(&source.entity.len().to_string());
        }
        for (own, other, column) in source.join.iter().flat_map(|join| &join.on) {
            add(own);
            add(&other.to_string());
            add(column);
        }
        let kind = source.join.as_ref().map(|join| join.kind);
        add(if kind == Some(JoinKind::Left) {
            "left"
        } else {
            ""
        });
    }
    for output in &plan.outputs {
        add(output.name());
        match output {
            Output::Value { sql, .. } => add(sql),
            Output::Aggregate(aggregate) => {
                add(match aggregate.function {
                    Function::Count => "count",
                    Function::Sum => "sum",
                    Function::Avg => "avg",
                    Function::Min => "min",
                    Function::Max => "max",
                });
                add(aggregate.of.as_deref().unwrap_or("*"));
            }
        }
    }
    add(plan.filter.as_deref().unwrap_or_default());
    let bytes = digest.finalize();
    let first = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    format!("{first:08x}")
}
