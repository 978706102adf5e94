//! Paths along relations: `o.customer.name`, `customer__name`, `.Include(o => o.Customer)`.
//!
//! Owns where such paths are written and which steps of them a database takes. What each step
//! leads to, the models say; whose that is, [`crate::judge`] asks.

mod aliased;
mod chain;
mod dotnet;
mod python;
mod query;
mod script;

use std::collections::HashMap;

use crate::language::Language;
use crate::models::{Model, Relation, Target, plural};
use crate::scan::FileScan;
use crate::source::Code;
use crate::spot::Spot;

pub(crate) use query::read as read_query;

/// A way from a model along its relations, as far as a statement goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The model that it begins at; where nothing says it exactly, what it is called by.
    pub(crate) from: String,
    pub(crate) steps: Vec<Step>,
    /// A step may be called by the model that it leads to.
    pub(crate) by_name: bool,
}

/// A relation that is followed, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A way with places instead of bytes.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    pub(crate) from: String,
    pub(crate) steps: Vec<(String, Spot)>,
    pub(crate) by_name: bool,
    pub(crate) place: &'static str,
}

/// The ways that the code of a file says without a text of a query.
pub(crate) fn read(code: &Code) -> Vec<Way> {
    match code.language {
        Language::Python => python::read(code),
        Language::Script => script::read(code),
        Language::CSharp => dotnet::read(code),
        Language::Ruby => chain::read(code),
        Language::Php => {
            let mut ways = chain::read(code);
            ways.extend(aliased::read(code, &[]));
            ways
        }
        _ => Vec::new(),
    }
}

/// What relations are called, and which model they lead to.
#[derive(Debug, Default)]
pub(crate) struct Fields<'s> {
    leads: HashMap<(&'s str, &'s str), &'s str>,
    models: HashMap<String, &'s str>,
}

impl<'s> Fields<'s> {
    /// Of all files together.
    pub(crate) fn of(scans: &'s [FileScan]) -> Self {
        let mut fields = Self::default();
        for scan in scans {
            for model in &scan.models.classes {
                fields.model(model);
            }
            for relation in &scan.models.relations {
                fields.relation(relation);
            }
        }
        fields
    }

    /// Sets and properties are called by one or by many.
    fn model(&mut self, model: &'s Model) {
        let class = model.class.as_str();
        self.models.insert(class.to_ascii_lowercase(), class);
        self.models
            .insert(plural(&class.to_ascii_lowercase()), class);
    }

    fn relation(&mut self, relation: &'s Relation) {
        let Target::Class(target) = &relation.target else {
            return;
        };
        if !relation.field.is_empty() {
            self.leads
                .insert((&relation.class, &relation.field), target);
        }
        if !relation.back.is_empty() {
            self.leads.insert((target, &relation.back), &relation.class);
        }
    }

    /// The models that the steps of a way lead to, as far as they are known.
    pub(crate) fn follow<'w>(&self, way: &'w Walk) -> Vec<(&'s str, &'w Spot)> {
        let Some(class) = self.called(&way.from) else {
            return Vec::new();
        };
        let mut at = Some(class);
        let mut found = Vec::new();
        for (name, spot) in &way.steps {
            let lead = at.and_then(|class| self.leads.get(&(class, name.as_str())).copied());
            // Many are often rows between two models, called like one of them.
            at = lead.or_else(|| {
                self.called(name)
                    .filter(|class| way.by_name && class == name)
            });
            match at {
                Some(next) => found.push((next, spot)),
                // Where names are all that there is, the next one may say it again.
                None if way.by_name => {}
                None => break,
            }
        }
        found
    }

    fn called(&self, name: &str) -> Option<&'s str> {
        self.models.get(&name.to_ascii_lowercase()).copied()
    }
}

/// Longer ways are nobody's: they would only cost time.
const STEPS: usize = 16;
/// So many tokens behind a call are looked at.
const REACH: usize = 400;

fn step(code: &Code, at: usize) -> Option<Step> {
    let token = code.tokens.get(at)?;
    Some(Step {
        name: code.word(at)?.to_owned(),
        start: token.start,
        end: token.end,
    })
}

/// The parts of a text like `customer__address` or `customer.address`, with their places.
fn parts(text: &str, between: &str, start: usize) -> Vec<Step> {
    let mut at = start;
    text.split(between)
        .map(|part| {
            let step = Step {
                name: part.to_owned(),
                start: at,
                end: at + part.len(),
            };
            at += part.len() + between.len();
            step
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However deep calls and objects are nested, reading them ends, and soon.
    #[test]
    fn depth_is_bounded() {
        let deep = [
            (
                Language::Script,
                "prisma.order.findMany(",
                "{ include: { a: ",
                "}}",
            ),
            (Language::CSharp, "db.Orders.", "Where(o => o.A.B.", ")"),
            (
                Language::Python,
                "Order.objects.",
                "filter(a__b=1, c=X.objects.",
                ")",
            ),
            (Language::Php, "<?php ", "Order::with('a.b', fn() => ", ")"),
        ];
        for (language, begin, open, close) in deep {
            let text = format!("{begin}{}{}", open.repeat(5_000), close.repeat(5_000));
            let ways = read(&Code::new(language, &text));
            assert!(ways.iter().all(|way| way.steps.len() <= 2 * STEPS));
        }
    }
}
